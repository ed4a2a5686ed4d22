// Values, windows and amounts in English.
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "lang/syntax.h"
#include "lang/words_private.h"

void words_amount(Text *out, int64_t n, CalendarUnit unit) {
    base_text_printf(out, "%lld %s%s", (long long)n, lang_unit_name(unit), n == 1 ? "" : "s");
}

void words_number(Text *out, double number, bool is_rounded) {
    if (!is_rounded || fabs(number) >= 1e15) {
        data_value_number_format(out, number);
        return;
    }
    char digits[64];
    int size = snprintf(digits, sizeof digits, "%.2f", number);
    while (size > 1 && digits[size - 1] == '0') {
        size--;
    }
    size -= digits[size - 1] == '.' ? 1 : 0;
    base_text_append(out, size == 2 && digits[0] == '-' && digits[1] == '0'
                              ? STR("0")
                              : (Str){digits, (size_t)size});
}

static void append_day(Text *out, int32_t day) {
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    Date date = base_calendar_date(day);
    base_text_printf(out, "%d %s %d", date.day, months[date.month - 1], date.year);
}

static void append_time(Text *out, const Zone *zone, int64_t time_us) {
    if (time_us <= CALENDAR_TIME_MIN) {
        base_text_append(out, STR("the beginning"));
        return;
    }
    int64_t local = zone == NULL ? time_us : base_zone_local(zone, time_us);
    int64_t of_day = local % CALENDAR_US_PER_DAY;
    of_day += of_day < 0 ? CALENDAR_US_PER_DAY : 0;
    append_day(out, (int32_t)((local - of_day) / CALENDAR_US_PER_DAY));
    int64_t seconds = of_day / CALENDAR_US_PER_SECOND;
    if (of_day == 0) {
        return;
    }
    base_text_printf(out, " %02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    if (seconds % 60 != 0) {
        base_text_printf(out, ":%02d", (int)(seconds % 60));
    }
}

static void append_duration(Text *out, Value value) {
    static const int64_t units_us[] = {1, 60, 3600, 86400};
    int64_t months = value.duration.months;
    int64_t seconds = value.duration.us / CALENDAR_US_PER_SECOND;
    if (months != 0) {
        bool is_years = months % 12 == 0;
        words_amount(out, is_years ? months / 12 : months, is_years ? UNIT_YEAR : UNIT_MONTH);
        base_text_append(out, seconds != 0 ? STR(" and ") : STR(""));
    }
    if (seconds != 0 || months == 0) {
        int unit = UNIT_DAY;
        while (unit > UNIT_SECOND && seconds % units_us[unit] != 0) {
            unit--;
        }
        words_amount(out, seconds / units_us[unit], (CalendarUnit)unit);
    }
}

void words_const(Text *out, const Plan *plan, Value value) {
    if (value.is_null || value.type == VALUE_NULL) {
        base_text_append(out, STR("nothing"));
        return;
    }
    switch (value.type) {
    case VALUE_BOOLEAN:
        base_text_append(out, value.boolean ? STR("true") : STR("false"));
        break;
    case VALUE_TEXT:
        base_text_printf(out, "‘%.*s’", STR_ARG(value.text));
        break;
    case VALUE_TIME:
        append_time(out, plan->zone, value.time_us);
        break;
    case VALUE_DATE:
        append_day(out, value.date);
        break;
    case VALUE_DURATION:
        append_duration(out, value);
        break;
    case VALUE_LIST:
        for (size_t i = 0; i < value.list.count; i++) {
            base_text_printf(out, "%s‘%.*s’", i == 0 ? "" : ", ", STR_ARG(value.list.items[i]));
        }
        break;
    default:
        data_value_format(out, value);
        break;
    }
}

static void append_last(Text *out, int64_t n, const char *full, CalendarUnit unit) {
    if (n == 1) {
        base_text_printf(out, " in the last %s%s", full, lang_unit_name(unit));
    } else {
        base_text_printf(out, " in the last %lld %s%ss", (long long)n, full, lang_unit_name(unit));
    }
}

static void append_ago(Text *out, const Window *window) {
    base_text_append(out, STR(" between "));
    if (window->unit == window->to_unit && window->to_n > 1) {
        base_text_printf(out, "%lld and ", (long long)window->n);
    } else {
        words_amount(out, window->n, window->unit);
        base_text_append(out, window->to_n == 0 ? STR(" ago and now") : STR(" and "));
    }
    if (window->to_n > 0) {
        words_amount(out, window->to_n, window->to_unit);
        base_text_append(out, STR(" ago"));
    }
}

static void append_period(Text *out, const Window *window) {
    if (window->unit == UNIT_DAY) {
        base_text_append(out, window->shift == 0 ? STR(" today") : STR(" yesterday"));
    } else {
        base_text_printf(out, window->shift == 0 ? " this %s" : " in the previous %s",
                         lang_unit_name(window->unit));
    }
}

static void append_around(Text *out, const Plan *plan, const Window *window) {
    base_text_append(out, STR(" within "));
    words_amount(out, window->n, window->unit);
    base_text_append(out, window->kind == WINDOW_AFTER ? STR(" after ") : STR(" before "));
    words_noun(out, plan, window->from);
}

void words_window(Text *out, const Plan *plan, const Window *window) {
    switch (window->kind) {
    case WINDOW_ALL:
        break;
    case WINDOW_LAST:
        append_last(out, window->n, "", window->unit);
        break;
    case WINDOW_LAST_FULL:
        append_last(out, window->n, "full ", window->unit);
        break;
    case WINDOW_AGO:
        append_ago(out, window);
        break;
    case WINDOW_MORE_THAN:
        base_text_append(out, STR(" more than "));
        words_amount(out, window->n, window->unit);
        base_text_append(out, STR(" ago"));
        break;
    case WINDOW_SINCE:
        base_text_append(out, STR(" since "));
        words_noun(out, plan, window->from);
        break;
    case WINDOW_BEFORE:
        base_text_append(out, STR(" before "));
        words_noun(out, plan, window->to);
        break;
    case WINDOW_FROM_TO:
        base_text_append(out, STR(" from "));
        words_noun(out, plan, window->from);
        base_text_append(out, STR(" until "));
        words_noun(out, plan, window->to);
        break;
    case WINDOW_PERIOD:
        append_period(out, window);
        break;
    case WINDOW_FIRST:
        base_text_append(out, STR(" in the first "));
        if (window->n == 1) {
            base_text_append(out, base_str_from(lang_unit_name(window->unit)));
        } else {
            words_amount(out, window->n, window->unit);
        }
        base_text_append(out, STR(" as a customer"));
        break;
    default:
        append_around(out, plan, window);
        break;
    }
}

void words_where(Text *out, const Plan *plan, NodeId where) {
    if (where != NODE_NONE) {
        base_text_append(out, STR(" where "));
        words_phrase(out, plan, where, false);
    }
}

void words_scope(Text *out, const Plan *plan, const Aggregate *aggregate) {
    words_window(out, plan, &aggregate->window);
    words_where(out, plan, aggregate->where);
}

static void append_ordinal(Text *out, int64_t n) {
    int64_t size = n < 0 ? -n : n;
    if (n == -1 || n == 1) {
        base_text_append(out, n == 1 ? STR("first") : STR("last"));
        return;
    }
    int64_t tens = size % 100;
    const char *end = tens >= 11 && tens <= 13 ? "th"
                      : size % 10 == 1         ? "st"
                      : size % 10 == 2         ? "nd"
                      : size % 10 == 3         ? "rd"
                                               : "th";
    base_text_printf(out, "%lld%s%s", (long long)size, end, n < 0 ? " to last" : "");
}

static void append_human(Text *out, Str name) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_append(out, words_human(arena, name));
}

// "order amount", or "price times quantity of the order products".
static void append_value_of(Text *out, const Plan *plan, const Aggregate *aggregate, bool is_many) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    WordsEvent event = words_event(arena, plan, aggregate->events);
    const Node *value = &plan->nodes[aggregate->value];
    if (value->kind != NODE_PROPERTY) {
        base_text_append(out, STR("value of "));
        words_noun(out, plan, aggregate->value);
        base_text_printf(out, " over the %.*s", STR_ARG(event.many));
        return;
    }
    Str name = words_human(arena, plan->properties[value->index].name);
    name = is_many ? words_plural(arena, name) : name;
    if (aggregate->events.is_any || aggregate->events.count != 1 ||
        base_str_starts(event.one, STR("“"))) {
        base_text_printf(out, "%.*s of the %.*s", STR_ARG(name), STR_ARG(event.many));
    } else {
        base_text_printf(out, "%.*s %.*s", STR_ARG(event.one), STR_ARG(name));
    }
}

static void append_value_aggregate(Text *out, const Plan *plan, const Aggregate *aggregate) {
    static const char *const before[AGGREGATE_FUNCTION_COUNT] = {
        [AGGREGATE_SUM] = "the total ",          [AGGREGATE_AVG] = "the average ",
        [AGGREGATE_MIN] = "the smallest ",       [AGGREGATE_MAX] = "the largest ",
        [AGGREGATE_MODE] = "the most frequent ", [AGGREGATE_FIRST] = "the first ",
        [AGGREGATE_LAST] = "the last ",          [AGGREGATE_DISTINCT] = "the number of different "};
    if (aggregate->function == AGGREGATE_NTH) {
        base_text_append(out, STR("the "));
        append_ordinal(out, aggregate->n);
        base_text_append_char(out, ' ');
    } else {
        bool is_time = aggregate->type == VALUE_TIME || aggregate->type == VALUE_DATE;
        const char *words = before[aggregate->function];
        words = is_time && aggregate->function == AGGREGATE_MIN   ? "the earliest "
                : is_time && aggregate->function == AGGREGATE_MAX ? "the latest "
                                                                  : words;
        base_text_append(out, base_str_from(words == NULL ? "the " : words));
    }
    append_value_of(out, plan, aggregate, aggregate->function == AGGREGATE_DISTINCT);
}

static void append_event_aggregate(Text *out, const Plan *plan, const Aggregate *aggregate) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    WordsEvent event = words_event(arena, plan, aggregate->events);
    switch (aggregate->function) {
    case AGGREGATE_DAYS:
    case AGGREGATE_WEEKS:
    case AGGREGATE_MONTHS:
        base_text_printf(out, "the number of %ss with %s %.*s",
                         aggregate->function == AGGREGATE_DAYS    ? "day"
                         : aggregate->function == AGGREGATE_WEEKS ? "week"
                                                                  : "month",
                         words_article(event.one), STR_ARG(event.one));
        break;
    case AGGREGATE_GAP:
        base_text_printf(out, "the average number of days between %.*s", STR_ARG(event.many));
        break;
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
        base_text_printf(out, "the %s %.*s",
                         aggregate->function == AGGREGATE_FIRST ? "first" : "last",
                         STR_ARG(event.one));
        break;
    case AGGREGATE_NTH:
        base_text_append(out, STR("the "));
        append_ordinal(out, aggregate->n);
        base_text_printf(out, " %.*s", STR_ARG(event.one));
        break;
    default:
        base_text_printf(out, "the number of %.*s", STR_ARG(event.many));
        break;
    }
}

void words_aggregate(Text *out, const Plan *plan, const Aggregate *aggregate) {
    if (aggregate->pick != GROUP_NONE) {
        base_text_append(out, aggregate->pick == GROUP_MOST ? STR("the highest value of ")
                                                            : STR("the lowest value of "));
    }
    if (aggregate->value != NODE_NONE) {
        append_value_aggregate(out, plan, aggregate);
    } else {
        append_event_aggregate(out, plan, aggregate);
    }
    if (aggregate->pick != GROUP_NONE) {
        base_text_append(out, STR(" per "));
        words_noun_bare(out, plan, aggregate->by);
    }
    words_scope(out, plan, aggregate);
}

static void append_args(Text *out, const Plan *plan, const Node *node, int32_t from,
                        const char *last) {
    for (int32_t i = from; i < node->arg_count; i++) {
        const char *between = i == from ? "" : i + 1 == node->arg_count ? last : ", ";
        base_text_append(out, base_str_from(between));
        words_noun(out, plan, node->args[i]);
    }
}

static void append_if(Text *out, const Plan *plan, const Node *node) {
    words_noun(out, plan, node->args[1]);
    base_text_append(out, STR(" if "));
    words_phrase(out, plan, node->args[0], false);
    base_text_append(out, STR(", otherwise "));
    words_noun(out, plan, node->args[2]);
}

// "the hour of day", when it is that of the event itself.
static bool append_of_event(Text *out, const Plan *plan, const Node *node) {
    if (node->arg_count != 1 || plan->nodes[node->args[0]].kind != NODE_EVENT_TIME) {
        return false;
    }
    static const char *const words[CALL_FUNCTION_COUNT] = {[CALL_WEEKDAY] =
                                                               "the weekday (1 is Monday)",
                                                           [CALL_HOUR] = "the hour of day",
                                                           [CALL_DAY] = "the day of the month",
                                                           [CALL_MONTH] = "the month",
                                                           [CALL_YEAR] = "the year"};
    if (words[node->function] == NULL) {
        return false;
    }
    base_text_append(out, base_str_from(words[node->function]));
    return true;
}

static void append_call(Text *out, const Plan *plan, const Node *node) {
    static const char *const before[CALL_FUNCTION_COUNT] = {
        [CALL_DAYS_SINCE] = "the number of days since ",
        [CALL_DAYS_UNTIL] = "the number of days until ",
        [CALL_CALENDAR_DAYS_SINCE] = "the number of calendar days since ",
        [CALL_DAYS_BETWEEN] = "the number of days from ",
        [CALL_AGE] = "the age by ",
        [CALL_ANNIVERSARY] = "the next anniversary of ",
        [CALL_WEEKDAY] = "the weekday (1 is Monday) of ",
        [CALL_HOUR] = "the hour of ",
        [CALL_DAY] = "the day of the month of ",
        [CALL_MONTH] = "the month of ",
        [CALL_YEAR] = "the year of ",
        [CALL_LOWER] = "the lower case of ",
        [CALL_LENGTH] = "the length of ",
        [CALL_ABS] = "the size of ",
        [CALL_ROUND] = "the rounded value of ",
        [CALL_FLOOR] = "the rounded-down value of ",
        [CALL_CEIL] = "the rounded-up value of ",
        [CALL_COALESCE] = "the first known of ",
        [CALL_LEAST] = "the least of ",
        [CALL_GREATEST] = "the greatest of ",
        [CALL_HAS] = "whether ",
        [CALL_HAS_ANY] = "whether ",
        [CALL_SIZE] = "the number of values in ",
        [CALL_DISTANCE_KM] = "the distance in km between the points ",
        [CALL_BUCKET] = "the random group of "};
    if (node->function == CALL_IF) {
        append_if(out, plan, node);
        return;
    }
    if (append_of_event(out, plan, node)) {
        return;
    }
    base_text_append(out, base_str_from(before[node->function]));
    switch (node->function) {
    case CALL_DAYS_BETWEEN:
        append_args(out, plan, node, 0, " to ");
        break;
    case CALL_ROUND:
        words_noun(out, plan, node->args[0]);
        if (node->arg_count > 1) {
            base_text_append(out, STR(" to "));
            words_noun(out, plan, node->args[1]);
            const Value *places = &plan->nodes[node->args[1]].value;
            bool is_one = places->type == VALUE_INTEGER && places->integer == 1;
            base_text_append(out, is_one ? STR(" decimal") : STR(" decimals"));
        }
        break;
    case CALL_BUCKET:
        words_noun(out, plan, node->args[1]);
        base_text_append(out, STR(" by "));
        words_noun(out, plan, node->args[0]);
        break;
    case CALL_AGE:
        words_noun_bare(out, plan, node->args[0]);
        break;
    default:
        append_args(out, plan, node, 0, " and ");
        break;
    }
}

static bool is_compound(const Node *node) {
    bool is_condition = node->kind == NODE_CALL && node->function == CALL_IF;
    return (node->kind >= NODE_ADD && node->kind <= NODE_DIVIDE) || is_condition;
}

static void append_operand(Text *out, const Plan *plan, NodeId id) {
    bool is_inside = is_compound(&plan->nodes[id]);
    base_text_append(out, is_inside ? STR("(") : STR(""));
    words_noun(out, plan, id);
    base_text_append(out, is_inside ? STR(")") : STR(""));
}

static void append_arithmetic(Text *out, const Plan *plan, const Node *node) {
    static const char *const words[] = {[NODE_ADD] = " plus ",
                                        [NODE_SUBTRACT] = " minus ",
                                        [NODE_MULTIPLY] = " times ",
                                        [NODE_DIVIDE] = " divided by "};
    append_operand(out, plan, node->args[0]);
    base_text_append(out, base_str_from(words[node->kind]));
    append_operand(out, plan, node->args[1]);
}

static void append_fit(Text *out, const Plan *plan, const Fit *fit) {
    assert(fit->kind != FIT_TOP); // a condition
    if (fit->kind == FIT_NTILE) {
        base_text_printf(out, "the rank from 1 to %lld by ", (long long)fit->tiles);
    } else {
        base_text_append(out, STR("the percentile by "));
    }
    words_noun_bare(out, plan, fit->x);
    if (fit->where != NODE_NONE) {
        base_text_append(out, STR(" among customers with "));
        words_phrase(out, plan, fit->where, false);
    }
}

static void append_the(Text *out, Str name) {
    base_text_append(out, STR("the "));
    append_human(out, name);
}

void words_noun(Text *out, const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    const Aggregate *aggregate =
        node->kind == NODE_AGGREGATE ? &plan->aggregates[node->index] : NULL;
    switch (node->kind) {
    case NODE_CONST:
        words_const(out, plan, node->value);
        break;
    case NODE_NOW:
        base_text_append(out, STR("now"));
        break;
    case NODE_TRAIT:
        append_the(out, plan->traits[node->index].name);
        break;
    case NODE_PROPERTY:
        append_the(out, plan->properties[node->index].name);
        break;
    case NODE_EVENT_TIME:
        base_text_append(out, STR("the time"));
        break;
    case NODE_METRIC:
        append_human(out, plan->metrics[node->index].name);
        break;
    case NODE_NEGATE:
        base_text_append(out, STR("minus "));
        append_operand(out, plan, node->args[0]);
        break;
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        append_arithmetic(out, plan, node);
        break;
    case NODE_WAS:
        append_the(out, plan->traits[node->index].name);
        base_text_append(out, STR(" as of "));
        words_noun(out, plan, node->args[0]);
        break;
    case NODE_FIT:
        if (node->type == VALUE_BOOLEAN) {
            base_text_append(out, STR("whether "));
            words_phrase(out, plan, id, false);
        } else {
            append_fit(out, plan, &plan->fits[node->index]);
        }
        break;
    default:
        if (node->kind == NODE_CALL && node->type != VALUE_BOOLEAN) {
            append_call(out, plan, node);
        } else if (aggregate != NULL && aggregate->function != AGGREGATE_DID &&
                   aggregate->function != AGGREGATE_NEVER) {
            words_aggregate(out, plan, aggregate);
        } else {
            base_text_append(out, STR("whether "));
            words_phrase(out, plan, id, false);
        }
        break;
    }
}

void words_noun_bare(Text *out, const Plan *plan, NodeId node) {
    BASE_TEXT_SCOPED whole = {0};
    words_noun(&whole, plan, node);
    Str text = base_text_str(&whole);
    size_t skip = base_str_starts(text, STR("the ")) ? 4 : 0;
    base_text_append(out, (Str){text.data + skip, text.size_bytes - skip});
}

const char *words_is(const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    Str name = node->kind == NODE_TRAIT      ? plan->traits[node->index].name
               : node->kind == NODE_PROPERTY ? plan->properties[node->index].name
               : node->kind == NODE_METRIC   ? plan->metrics[node->index].name
                                             : (Str){NULL, 0};
    bool is_singular = base_str_ends(name, STR("ss")) || base_str_ends(name, STR("us")) ||
                       base_str_ends(name, STR("is"));
    return name.size_bytes > 2 && base_str_ends(name, STR("s")) && !is_singular ? "are" : "is";
}
