// Regular expressions in RE2's syntax: linear time whatever the pattern and the text.
#ifndef KRETS_BASE_REGEX_H
#define KRETS_BASE_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"
#include "base/str.h"

// Immutable once made; matching is thread-safe.
typedef struct Regex Regex;

// The pattern may be untrusted. One that RE2 refuses (syntax, or too large a program) gives
// BASE_E_USAGE with RE2's reason; *ret_regex is then untouched.
int base_regex_new(Str pattern, Regex **ret_regex, KretsError *error);
void base_regex_free(Regex *regex); // takes NULL
static inline void base_regex_freep(Regex **regex) {
    base_regex_free(*regex);
}
#define BASE_REGEX_SCOPED __attribute__((cleanup(base_regex_freep))) Regex *

// True where the pattern matches anywhere in the text.
bool base_regex_find(const Regex *regex, Str text);

#ifdef __cplusplus
}
#endif

#endif
