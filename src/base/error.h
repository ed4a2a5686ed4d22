// What a function reports when it cannot do its work.
//
// Functions return int: 0 is success; a negative BASE_E_* code is fatal and is forwarded as it is;
// a positive code is an outcome documented at that function, which its caller must handle.
// The message for a person goes into the optional KretsError: what happened, where (file, line,
// column or record) and what to do. Libraries never print.
#ifndef KRETS_BASE_ERROR_H
#define KRETS_BASE_ERROR_H

enum {
    BASE_OK = 0,
    BASE_E_USAGE = -2,     // wrong usage or a wrong model; exit status 2
    BASE_E_STORE = -3,     // data or store; exit status 3
    BASE_E_RESOURCES = -4, // no memory or disk left; exit status 4
};

enum { BASE_ERROR_TEXT_MAX = 4096 };

// Plain data, no ownership. `text` is UTF-8 and cut at a code point when too long.
typedef struct KretsError {
    int code;
    char text[BASE_ERROR_TEXT_MAX];
} KretsError;

// Writes `code` and the formatted text to `error` (which may be NULL); returns `code`.
int base_error_set(KretsError *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts "prefix: " before the text already there; returns the error's code.
int base_error_prefix(KretsError *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
