#include "data/answers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void data_answers_done(Answers *answers) {
    if (answers == NULL || answers->segments == NULL) {
        return;
    }
    for (size_t i = 0; i < answers->segment_count; i++) {
        if (answers->segments[i] != NULL) {
            roaring_bitmap_free(answers->segments[i]);
            answers->segments[i] = NULL;
        }
    }
}

// --- bits to a bitmap ---

// The library adds values one by one, but reads whole containers: so the bits are put into its
// portable form (github.com/RoaringBitmap/RoaringFormatSpec, little-endian, no run containers).
enum {
    COOKIE = 12346,
    CONTAINER_BITS = 1 << 16,
    CONTAINER_WORDS = CONTAINER_BITS / 64,
    ARRAY_MAX = 4096, // values; larger containers are bits
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the portable form is little-endian");

static size_t word_count(size_t customer_count, size_t container) {
    size_t words = (customer_count + 63) / 64 - container * CONTAINER_WORDS;
    return words < CONTAINER_WORDS ? words : CONTAINER_WORDS;
}

static uint32_t cardinality(const uint64_t *words, size_t count) {
    uint32_t bits = 0;
    for (size_t w = 0; w < count; w++) {
        bits += (uint32_t)__builtin_popcountll(words[w]);
    }
    return bits;
}

static char *write_array(char *out, const uint64_t *words, size_t count) {
    for (size_t w = 0; w < count; w++) {
        for (uint64_t left = words[w]; left != 0; left &= left - 1) {
            uint16_t value = (uint16_t)(w * 64 + (size_t)__builtin_ctzll(left));
            memcpy(out, &value, sizeof value);
            out += sizeof value;
        }
    }
    return out;
}

static char *write_bits(char *out, const uint64_t *words, size_t count) {
    memcpy(out, words, count * sizeof *words);
    memset(out + count * sizeof *words, 0, (CONTAINER_WORDS - count) * sizeof *words);
    return out + CONTAINER_WORDS * sizeof *words;
}

// The portable form: a header, an entry and an offset a container, then the containers.
static char *serialize(const uint64_t *words, size_t customer_count, const uint32_t *cards,
                       size_t container_count, uint32_t used, char *buffer) {
    uint32_t header[2] = {COOKIE, used};
    memcpy(buffer, header, sizeof header);
    char *entry = buffer + sizeof header, *offset = entry + (size_t)used * 2 * sizeof(uint16_t);
    char *out = offset + used * sizeof(uint32_t);
    for (size_t c = 0; c < container_count; c++) {
        if (cards[c] == 0) {
            continue;
        }
        uint16_t key[2] = {(uint16_t)c, (uint16_t)(cards[c] - 1)};
        uint32_t at = (uint32_t)(out - buffer);
        memcpy(entry, key, sizeof key);
        memcpy(offset, &at, sizeof at);
        entry += sizeof key;
        offset += sizeof at;
        const uint64_t *from = words + c * CONTAINER_WORDS;
        size_t count = word_count(customer_count, c);
        out = cards[c] <= ARRAY_MAX ? write_array(out, from, count) : write_bits(out, from, count);
    }
    return out;
}

roaring_bitmap_t *data_answers_members(const uint64_t *words, size_t customer_count) {
    assert(customer_count <= UINT32_MAX);
    size_t container_count = (customer_count + CONTAINER_BITS - 1) / CONTAINER_BITS;
    uint32_t *cards = calloc(container_count + 1, sizeof *cards);
    uint32_t used = 0;
    for (size_t c = 0; cards != NULL && c < container_count; c++) {
        cards[c] = cardinality(words + c * CONTAINER_WORDS, word_count(customer_count, c));
        used += cards[c] > 0;
    }
    size_t room = 2 * sizeof(uint32_t) + used * (2 * sizeof(uint32_t) + CONTAINER_BITS / 8);
    char *buffer = malloc(room);
    if (cards == NULL || buffer == NULL) {
        abort();
    }
    char *end = serialize(words, customer_count, cards, container_count, used, buffer);
    roaring_bitmap_t *members =
        roaring_bitmap_portable_deserialize_safe(buffer, (size_t)(end - buffer));
    if (members == NULL) {
        abort();
    }
    free(buffer);
    free(cards);
    return members;
}
