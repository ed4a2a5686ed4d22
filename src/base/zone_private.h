// How a zone lies in memory: shared by zone.c and zone_file.c.
#ifndef KRETS_BASE_ZONE_PRIVATE_H
#define KRETS_BASE_ZONE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/zone.h"

// Offsets are within a day and a bit; two changes less than this apart may overlap in local time.
#define ZONE_REACH_US (INT64_C(2) * CALENDAR_US_PER_DAY)
#define ZONE_CYCLE_US (INT64_C(146097) * CALENDAR_US_PER_DAY) // 400 Gregorian years

struct Zone {
    Str name;
    // Instants at which the offset changes, ascending; offset_s[0] holds before the first and
    // offset_s[i + 1] from at_us[i] on.
    int64_t *at_us;
    int32_t *offset_s;
    size_t change_count;
    // Local and UTC times at or after this one are moved back by whole cycles before the look-up;
    // INT64_MAX when the last offset holds for ever.
    int64_t cycle_us;
};

// Reads TZif bytes (RFC 8536, version 1 to 4) that nobody vouches for. Returns 1 when they are not
// a well-formed file. On success the zone's arrays are malloc'ed.
int base_zone_decode(Str bytes, Zone *ret_zone);

#endif
