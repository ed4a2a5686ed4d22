// `krets verify`: every metric and segment proved by generated SQL.
#ifndef KRETS_APP_VERIFY_H
#define KRETS_APP_VERIFY_H

#include "app/population.h"

enum { VERIFY_EXAMPLE_MAX = 20 };

// One customer on whose answer two sides differ. Texts are for people; "(absent)" where a side does
// not know the customer.
typedef struct VerifyDifference {
    Str customer;
    Str answer; // of the kernel (or the reference evaluator), or the stored one
    Str proof;  // of the SQL, or the other evaluator
} VerifyDifference;

// One metric or segment, checked on one side.
typedef struct VerifyRow {
    bool is_segment;
    bool is_stored; // the stored answers of the last run; else a fresh evaluation
    Str name;
    Str unproved; // why there is no SQL to prove it, so that the other evaluator stands in; ""
    uint64_t difference_count;
    VerifyDifference differences[VERIFY_EXAMPLE_MAX];
    size_t shown_count;
    double seconds;
} VerifyRow;

typedef struct VerifyResult {
    bool is_reference; // the reference evaluator was proved, not the kernel
    int64_t now_us;
    uint64_t customer_count;
    VerifyRow *rows;
    size_t row_count;
    uint64_t difference_count;
    size_t unproved_count; // metrics and segments without SQL
    bool has_stored;       // the last run's answers were checked, too
    Str stored_note;       // why not, "" when they were
    Str duckdb_version, tz_version;
} VerifyResult;

// Evaluates at the last run's instant (or --now) with fits made there, by the kernel or by the
// reference evaluator, generates the SQL, compares customer by customer. What has no SQL form (the
// past of some segments) is compared with the other of the two evaluators. 0 also when there are
// differences.
int app_verify(Project *project, bool is_reference, VerifyResult *ret_result, KretsError *error);

#endif
