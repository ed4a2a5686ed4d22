// Text that somebody else owns, and a buffer that grows.
#ifndef KRETS_BASE_STR_H
#define KRETS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes owned elsewhere; not NUL-terminated unless its maker says so. {NULL, 0} is the empty text.
typedef struct Str {
    const char *data;
    size_t size_bytes;
} Str;

#define STR(literal)  ((Str){(literal), sizeof(literal) - 1})
#define STR_ARG(text) (int)(text).size_bytes, (text).data // for "%.*s"

Str base_str_from(const char *nul_terminated); // NULL gives the empty text
bool base_str_equal(Str a, Str b);
// <0, 0, >0 by bytes, which for UTF-8 is by code point.
int base_str_compare(Str a, Str b);
bool base_str_starts(Str text, Str prefix);
bool base_str_ends(Str text, Str suffix);
bool base_str_contains(Str text, Str part);
Str base_str_trim(Str text); // ASCII white space at both ends
uint64_t base_str_hash(Str text);

// A growing text; zero-initialise to start: Text t = {0}. Always NUL-terminated once written to.
// Aborts on exhaustion (control allocations only).
typedef struct Text {
    char *data;
    size_t size_bytes;
    size_t capacity_bytes;
} Text;

void base_text_append(Text *text, Str part);
void base_text_append_char(Text *text, char c);
void base_text_printf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
Str base_text_str(const Text *text); // valid until the next change
void base_text_clear(Text *text);    // keeps the memory
void base_text_done(Text *text);
#define BASE_TEXT_SCOPED __attribute__((cleanup(base_text_done))) Text

#endif
