#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Str base_str_from(const char *nul_terminated) {
    if (nul_terminated == NULL) {
        return (Str){NULL, 0};
    }
    return (Str){nul_terminated, strlen(nul_terminated)};
}

bool base_str_equal(Str a, Str b) {
    return a.size_bytes == b.size_bytes &&
           (a.size_bytes == 0 || memcmp(a.data, b.data, a.size_bytes) == 0);
}

int base_str_compare(Str a, Str b) {
    size_t shared = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

bool base_str_starts(Str text, Str prefix) {
    return text.size_bytes >= prefix.size_bytes &&
           (prefix.size_bytes == 0 || memcmp(text.data, prefix.data, prefix.size_bytes) == 0);
}

bool base_str_ends(Str text, Str suffix) {
    if (suffix.size_bytes == 0) {
        return true;
    }
    return text.size_bytes >= suffix.size_bytes &&
           memcmp(text.data + (text.size_bytes - suffix.size_bytes), suffix.data,
                  suffix.size_bytes) == 0;
}

bool base_str_contains(Str text, Str part) {
    if (part.size_bytes == 0) {
        return true;
    }
    return text.size_bytes >= part.size_bytes &&
           memmem(text.data, text.size_bytes, part.data, part.size_bytes) != NULL;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

Str base_str_trim(Str text) {
    while (text.size_bytes > 0 && is_space(text.data[0])) {
        text.data++;
        text.size_bytes--;
    }
    while (text.size_bytes > 0 && is_space(text.data[text.size_bytes - 1])) {
        text.size_bytes--;
    }
    return text;
}

static uint64_t mix_bits(uint64_t x) {
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    x ^= x >> 32;
    return x;
}

// Eight bytes a step; the value is for tables in memory only and never stored.
uint64_t base_str_hash(Str text) {
    uint64_t hash = mix_bits((uint64_t)text.size_bytes + UINT64_C(0x9E3779B97F4A7C15));
    size_t at = 0;
    for (; at + 8 <= text.size_bytes; at += 8) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        hash = mix_bits(hash ^ word) + UINT64_C(0x9E3779B97F4A7C15);
    }
    if (at < text.size_bytes) {
        uint64_t word = 0;
        memcpy(&word, text.data + at, text.size_bytes - at);
        hash = mix_bits(hash ^ word);
    }
    return hash;
}

static void reserve_text(Text *text, size_t extra) {
    if (extra >= SIZE_MAX / 2 - text->size_bytes) {
        abort();
    }
    size_t need = text->size_bytes + extra + 1;
    if (need <= text->capacity_bytes) {
        return;
    }
    size_t capacity = text->capacity_bytes * 2;
    capacity = capacity < 64 ? 64 : capacity;
    capacity = capacity < need ? need : capacity;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        abort();
    }
    text->data = data;
    text->capacity_bytes = capacity;
}

void base_text_append(Text *text, Str part) {
    reserve_text(text, part.size_bytes);
    if (part.size_bytes > 0) {
        memcpy(text->data + text->size_bytes, part.data, part.size_bytes);
    }
    text->size_bytes += part.size_bytes;
    text->data[text->size_bytes] = '\0';
}

void base_text_append_char(Text *text, char c) {
    reserve_text(text, 1);
    text->data[text->size_bytes++] = c;
    text->data[text->size_bytes] = '\0';
}

void base_text_printf(Text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    reserve_text(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->data + text->size_bytes, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size_bytes += (size_t)length;
}

Str base_text_str(const Text *text) {
    return (Str){text->data, text->size_bytes};
}

void base_text_clear(Text *text) {
    text->size_bytes = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

void base_text_done(Text *text) {
    free(text->data);
    *text = (Text){0};
}
