// `like`: % is any text, _ one code point; the escape character takes the next one as it is.
#include <assert.h>

#include "base/utf8.h"
#include "engine/engine_private.h"

// One token of the pattern at *offset.
typedef struct Token {
    bool is_many;
    bool is_one;
    uint32_t code_point;
} Token;

static Token next_token(Str pattern, char escape, size_t *offset) {
    assert(*offset < pattern.size_bytes);
    uint32_t c = base_utf8_next(pattern, offset);
    if (escape != 0 && c == (uint32_t)(unsigned char)escape && *offset < pattern.size_bytes) {
        return (Token){.code_point = base_utf8_next(pattern, offset)};
    }
    return (Token){.is_many = c == '%', .is_one = c == '_', .code_point = c};
}

// Greedy with one point of return: after the latest %, which may always take one more code point.
bool engine_match_like(Str text, Str pattern, char escape) {
    size_t t = 0, p = 0;
    size_t many_t = SIZE_MAX, many_p = 0; // where the latest % ends in the pattern, and its reach
    while (t < text.size_bytes || p < pattern.size_bytes) {
        if (p < pattern.size_bytes) {
            size_t after = p;
            Token token = next_token(pattern, escape, &after);
            if (token.is_many) {
                many_t = t;
                many_p = p = after;
                continue;
            }
            if (t < text.size_bytes) {
                size_t next = t;
                uint32_t c = base_utf8_next(text, &next);
                if (token.is_one || token.code_point == c) {
                    t = next;
                    p = after;
                    continue;
                }
            }
        }
        if (many_t == SIZE_MAX || many_t >= text.size_bytes) {
            return false;
        }
        (void)base_utf8_next(text, &many_t);
        t = many_t;
        p = many_p;
    }
    return true;
}
