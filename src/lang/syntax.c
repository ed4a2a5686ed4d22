#include "lang/syntax.h"

#include "lang/token.h"

static const char *const unit_names[] = {"second", "minute", "hour",    "day",
                                         "week",   "month",  "quarter", "year"};

static const char *const aggregate_names[AGGREGATE_FUNCTION_COUNT] = {
    [AGGREGATE_COUNT] = "count", [AGGREGATE_DID] = "did",     [AGGREGATE_NEVER] = "never",
    [AGGREGATE_DAYS] = "days",   [AGGREGATE_WEEKS] = "weeks", [AGGREGATE_MONTHS] = "months",
    [AGGREGATE_GAP] = "gap",     [AGGREGATE_FIRST] = "first", [AGGREGATE_LAST] = "last",
    [AGGREGATE_NTH] = "nth",     [AGGREGATE_SUM] = "sum",     [AGGREGATE_AVG] = "avg",
    [AGGREGATE_MIN] = "min",     [AGGREGATE_MAX] = "max",     [AGGREGATE_DISTINCT] = "distinct",
    [AGGREGATE_MODE] = "mode",
};

static const char *const call_names[CALL_FUNCTION_COUNT] = {
    [CALL_DAYS_SINCE] = "days_since",
    [CALL_DAYS_UNTIL] = "days_until",
    [CALL_CALENDAR_DAYS_SINCE] = "calendar_days_since",
    [CALL_DAYS_BETWEEN] = "days_between",
    [CALL_AGE] = "age",
    [CALL_ANNIVERSARY] = "anniversary",
    [CALL_WEEKDAY] = "weekday",
    [CALL_HOUR] = "hour",
    [CALL_DAY] = "day",
    [CALL_MONTH] = "month",
    [CALL_YEAR] = "year",
    [CALL_LOWER] = "lower",
    [CALL_LENGTH] = "length",
    [CALL_ABS] = "abs",
    [CALL_ROUND] = "round",
    [CALL_FLOOR] = "floor",
    [CALL_CEIL] = "ceil",
    [CALL_COALESCE] = "coalesce",
    [CALL_LEAST] = "least",
    [CALL_GREATEST] = "greatest",
    [CALL_IF] = "if",
    [CALL_HAS] = "has",
    [CALL_HAS_ANY] = "has_any",
    [CALL_SIZE] = "size",
    [CALL_DISTANCE_KM] = "distance_km",
    [CALL_BUCKET] = "bucket",
    [CALL_COMPLETED] = "completed",
};

// Index of the name equal to `text` in ASCII lower case, or -1.
static int find_name(Str text, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        if (lang_token_word_equal(text, names[i]))
            return i;
    }
    return -1;
}

const char *lang_unit_name(CalendarUnit unit) {
    return unit_names[unit];
}

bool lang_unit_parse(Str text, CalendarUnit *ret_unit) {
    int found = find_name(text, unit_names, (int)UNIT_YEAR + 1);
    if (found < 0 && text.size_bytes > 1 && (text.data[text.size_bytes - 1] | 32) == 's')
        found = find_name((Str){text.data, text.size_bytes - 1}, unit_names, (int)UNIT_YEAR + 1);
    if (found < 0)
        return false;
    *ret_unit = (CalendarUnit)found;
    return true;
}

const char *lang_aggregate_name(AggregateFunction function) {
    return aggregate_names[function];
}

bool lang_aggregate_parse(Str text, AggregateFunction *ret_function) {
    int found = find_name(text, aggregate_names, AGGREGATE_FUNCTION_COUNT);
    if (found < 0)
        return false;
    *ret_function = (AggregateFunction)found;
    return true;
}

const char *lang_fit_name(FitKind kind) {
    static const char *const names[] = {
        [FIT_NTILE] = "ntile", [FIT_PERCENTILE] = "percentile", [FIT_TOP] = "top"};
    return names[kind];
}

const char *lang_call_name(CallFunction function) {
    return call_names[function];
}

bool lang_call_parse(Str text, CallFunction *ret_function) {
    int found = find_name(text, call_names, CALL_FUNCTION_COUNT);
    if (found < 0)
        return false;
    *ret_function = (CallFunction)found;
    return true;
}
