#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Drops an unfinished UTF-8 sequence at the end of a text that was cut.
static void trim_cut(char *text, size_t size) {
    size_t start = size;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (size - (start - 1) < need) {
        text[start - 1] = '\0';
    }
}

static void write_text(char *out, size_t room, const char *format, va_list arguments) {
    int length = vsnprintf(out, room, format, arguments);
    if (length < 0) {
        out[0] = '\0';
    } else if ((size_t)length >= room) {
        trim_cut(out, room - 1);
    }
}

int base_error_set(KretsError *error, int code, const char *format, ...) {
    if (error == NULL) {
        return code;
    }
    char text[BASE_ERROR_TEXT_MAX]; // an argument may be the error's own text
    va_list arguments;
    va_start(arguments, format);
    write_text(text, sizeof text, format, arguments);
    va_end(arguments);
    error->code = code;
    memcpy(error->text, text, sizeof text);
    return code;
}

int base_error_prefix(KretsError *error, int code, const char *format, ...) {
    if (error == NULL) {
        return code;
    }
    char prefix[BASE_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    write_text(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    char old[BASE_ERROR_TEXT_MAX];
    memcpy(old, error->text, sizeof old);
    old[sizeof old - 1] = '\0';
    return base_error_set(error, code, "%s: %s", prefix, old);
}
