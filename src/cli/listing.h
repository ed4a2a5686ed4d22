// Aligned tables for people.
#ifndef KRETS_CLI_LISTING_H
#define KRETS_CLI_LISTING_H

#include <stdio.h>

#include "base/str.h"

enum { LISTING_COLUMN_MAX = 16 };

typedef struct ListingColumn {
    const char *title;
    bool is_right;    // numbers
    size_t width_max; // longer texts are cut with an ellipsis; 0: no limit
} ListingColumn;

typedef struct Listing Listing;

// `columns` must outlive the listing.
Listing *cli_listing_new(const ListingColumn *columns, size_t column_count);
void cli_listing_free(Listing *listing);
static inline void cli_listing_freep(Listing **listing) {
    cli_listing_free(*listing);
}
#define CLI_LISTING_SCOPED __attribute__((cleanup(cli_listing_freep))) Listing *

// Cells are added row by row, from left to right; texts are copied.
void cli_listing_cell(Listing *listing, Str text);
void cli_listing_cellf(Listing *listing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Titles in bold when `is_colour`. Widths are terminal columns, so wide letters stay aligned.
void cli_listing_print(const Listing *listing, FILE *out, bool is_colour);

// "1,234,567": groups for people.
Str cli_listing_count(char buffer[static 32], uint64_t count);

#endif
