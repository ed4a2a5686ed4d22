// Exact division by an unchanging number: by its inverse modulo 2^64, much faster than a division.
// The greatest common divisor of many numbers is found by testing each against the one so far.
#include <assert.h>

#include "index/index_private.h"

IndexDivisor index_divisor(uint64_t value) {
    assert(value > 0);
    unsigned shift = (unsigned)__builtin_ctzll(value);
    uint64_t odd = value >> shift;
    uint64_t inverse = odd; // right in the lowest 3 bits; each step doubles them
    for (int i = 0; i < 5; i++)
        inverse *= 2 - odd * inverse;
    assert(odd * inverse == 1);
    return (IndexDivisor){
        .value = value, .inverse = inverse, .limit = UINT64_MAX / value, .shift = shift};
}

static uint64_t greatest_common(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void index_divisor_narrow(IndexDivisor *divisor, uint64_t number) {
    if (number != 0)
        *divisor = index_divisor(greatest_common(divisor->value, number));
}
