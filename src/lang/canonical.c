#include "lang/canonical.h"

#include <assert.h>

#include "lang/token.h"

// How tightly an operator binds; an operand that binds less tightly stands in parentheses.
typedef enum Level {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY,
    LEVEL_PRIMARY
} Level;

static void append_node(Text *out, const Plan *plan, NodeId id, Level least);

static bool is_word_of_grammar(Str name) {
    static const char *const words[] = {"and",     "or",     "not",   "in",       "between", "is",
                                        "null",    "like",   "ilike", "contains", "then",    "by",
                                        "where",   "within", "on",    "true",     "any",     "time",
                                        "matches", "false",  "now",   "date"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (lang_token_word_equal(name, words[i])) {
            return true;
        }
    }
    return false;
}

static void append_quoted(Text *out, Str text, char quote) {
    base_text_append_char(out, quote);
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] == quote) {
            base_text_append_char(out, quote);
        }
        base_text_append_char(out, text.data[i]);
    }
    base_text_append_char(out, quote);
}

// Whether every part between the dots is a plain name.
static bool is_plain_path(Str name) {
    size_t begin = 0;
    for (size_t i = 0; i <= name.size_bytes; i++) {
        if (i == name.size_bytes || name.data[i] == '.') {
            Str part = {name.data + begin, i - begin};
            if (!lang_token_is_plain(part) || (begin == 0 && is_word_of_grammar(part))) {
                return false;
            }
            begin = i + 1;
        }
    }
    return true;
}

void lang_canonical_name(Text *out, Str name) {
    if (is_plain_path(name)) {
        base_text_append(out, name);
    } else {
        append_quoted(out, name, '"');
    }
}

// "order", "order[products]", "\"odd name\"". Dots are no part of an event's name unless quoted.
static void append_event(Text *out, Str name) {
    size_t open = 0;
    while (open < name.size_bytes && name.data[open] != '[') {
        open++;
    }
    Str base = {name.data, open};
    bool is_plain = lang_token_is_plain(base) && !is_word_of_grammar(base);
    if (is_plain && open == name.size_bytes) {
        base_text_append(out, name);
        return;
    }
    bool is_item = open + 2 < name.size_bytes && name.data[name.size_bytes - 1] == ']';
    Str array = {name.data + open + 1, is_item ? name.size_bytes - open - 2 : 0};
    if (is_plain && is_item && is_plain_path(array)) {
        base_text_append(out, name);
    } else {
        append_quoted(out, name, '"');
    }
}

static void append_events(Text *out, const Plan *plan, EventSet events) {
    if (events.is_any) {
        base_text_append(out, STR("any"));
        return;
    }
    base_text_append(out, events.count == 1 ? STR("") : STR("("));
    for (int32_t i = 0; i < events.count; i++) {
        base_text_append(out, i == 0 ? STR("") : STR(" or "));
        append_event(out, plan->events[events.events[i]].name);
    }
    base_text_append(out, events.count == 1 ? STR("") : STR(")"));
}

static void append_amount(Text *out, int64_t n, CalendarUnit unit) {
    base_text_printf(out, "%lld %s%s", (long long)n, lang_unit_name(unit), n == 1 ? "" : "s");
}

static void append_duration(Text *out, Value value) {
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    if (value.duration.months != 0 || value.duration.us == 0) {
        int64_t months = value.duration.months;
        CalendarUnit unit = months == 0 ? UNIT_SECOND : months % 12 == 0 ? UNIT_YEAR : UNIT_MONTH;
        append_amount(out, unit == UNIT_YEAR ? months / 12 : months, unit);
        return;
    }
    int64_t all = value.duration.us / CALENDAR_US_PER_SECOND;
    int unit = UNIT_WEEK;
    while (unit > UNIT_SECOND && all % seconds[unit] != 0) {
        unit--;
    }
    append_amount(out, all / seconds[unit], (CalendarUnit)unit);
}

static void append_const(Text *out, Value value) {
    if (value.is_null || value.type == VALUE_NULL) {
        base_text_append(out, STR("null"));
        return;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    switch (value.type) {
    case VALUE_TEXT:
        append_quoted(out, value.text, '\'');
        break;
    case VALUE_TIME:
        base_text_printf(out, "time '%sZ'", base_calendar_format_local(arena, value.time_us).data);
        break;
    case VALUE_DATE:
        base_text_printf(out, "date '%s'", base_calendar_format_date(arena, value.date).data);
        break;
    case VALUE_DURATION:
        append_duration(out, value);
        break;
    case VALUE_LIST:
        for (size_t i = 0; i < value.list.count; i++) {
            base_text_append(out, i == 0 ? STR("") : STR(", "));
            append_quoted(out, value.list.items[i], '\'');
        }
        break;
    default:
        data_value_format(out, value);
        break;
    }
}

static void append_point(Text *out, const Plan *plan, NodeId point) {
    append_node(out, plan, point, LEVEL_PRIMARY);
}

void lang_canonical_window(Text *out, const Plan *plan, const Window *window) {
    static const char *const before[] = {
        [WINDOW_LAST] = " last ",           [WINDOW_AGO] = " from ",
        [WINDOW_MORE_THAN] = " more than ", [WINDOW_FIRST] = " first ",
        [WINDOW_AFTER] = " within ",        [WINDOW_PRIOR] = " within ",
        [WINDOW_SINCE] = " since ",         [WINDOW_BEFORE] = " before ",
        [WINDOW_FROM_TO] = " from "};
    switch (window->kind) {
    case WINDOW_ALL:
        return;
    case WINDOW_PERIOD:
        if (window->unit == UNIT_DAY) {
            base_text_append(out, window->shift == 0 ? STR(" today") : STR(" yesterday"));
        } else {
            base_text_printf(out, " %s %s", window->shift == 0 ? "this" : "previous",
                             lang_unit_name(window->unit));
        }
        return;
    case WINDOW_LAST_FULL:
        base_text_printf(out, " last %lld full %s%s", (long long)window->n,
                         lang_unit_name(window->unit), window->n == 1 ? "" : "s");
        return;
    case WINDOW_SINCE:
    case WINDOW_FROM_TO:
        base_text_append(out, base_str_from(before[window->kind]));
        append_point(out, plan, window->from);
        break;
    case WINDOW_BEFORE:
        base_text_append(out, STR(" before "));
        append_point(out, plan, window->to);
        return;
    default:
        base_text_append(out, base_str_from(before[window->kind]));
        append_amount(out, window->n, window->unit);
        break;
    }
    if (window->kind == WINDOW_FROM_TO) {
        base_text_append(out, STR(" to "));
        append_point(out, plan, window->to);
    } else if (window->kind == WINDOW_AGO) {
        base_text_append(out, STR(" ago to "));
        append_amount(out, window->to_n, window->to_unit);
        base_text_append(out, STR(" ago"));
    } else if (window->kind == WINDOW_MORE_THAN) {
        base_text_append(out, STR(" ago"));
    } else if (window->kind == WINDOW_AFTER || window->kind == WINDOW_PRIOR) {
        base_text_append(out, window->kind == WINDOW_AFTER ? STR(" after ") : STR(" before "));
        append_point(out, plan, window->from);
    }
}

static void append_where(Text *out, const Plan *plan, NodeId where) {
    if (where != NODE_NONE) {
        base_text_append(out, STR(" where "));
        append_node(out, plan, where, LEVEL_OR);
    }
}

void lang_canonical_selection(Text *out, const Plan *plan, EventSet events, NodeId where) {
    append_events(out, plan, events);
    append_where(out, plan, where);
}

static void append_value(Text *out, const Plan *plan, NodeId value) {
    if (value == NODE_NONE) {
        return;
    }
    base_text_append_char(out, '.');
    if (plan->nodes[value].kind == NODE_PROPERTY) {
        lang_canonical_name(out, plan->properties[plan->nodes[value].index].name);
        return;
    }
    base_text_append_char(out, '(');
    append_node(out, plan, value, LEVEL_OR);
    base_text_append_char(out, ')');
}

static void append_aggregate(Text *out, const Plan *plan, const Aggregate *aggregate) {
    if (aggregate->pick != GROUP_NONE) {
        base_text_append(out, aggregate->pick == GROUP_MOST ? STR("most(") : STR("fewest("));
    }
    base_text_printf(out, "%s(", lang_aggregate_name(aggregate->function));
    append_events(out, plan, aggregate->events);
    append_value(out, plan, aggregate->value);
    if (aggregate->function == AGGREGATE_NTH) {
        base_text_printf(out, ", %lld", (long long)aggregate->n);
    }
    append_where(out, plan, aggregate->where);
    lang_canonical_window(out, plan, &aggregate->window);
    base_text_append_char(out, ')');
    if (aggregate->pick != GROUP_NONE) {
        base_text_append(out, STR(" by "));
        append_node(out, plan, aggregate->by, LEVEL_PRIMARY);
        base_text_append_char(out, ')');
    }
}

static void append_sequence(Text *out, const Plan *plan, const Sequence *sequence) {
    base_text_append(out, STR("sequence("));
    for (int32_t i = 0; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        const Selection *selection = &plan->selections[step->selection];
        base_text_printf(out, "%s%s", i == 0 ? "" : " then ", step->is_negated ? "not " : "");
        lang_canonical_selection(out, plan, selection->events, selection->where);
        if (step->within_n > 0) {
            base_text_append(out, STR(" within "));
            append_amount(out, step->within_n, step->within_unit);
        }
    }
    if (sequence->all_within_n > 0) {
        base_text_append(out, STR(" in all within "));
        append_amount(out, sequence->all_within_n, sequence->all_within_unit);
    }
    if (sequence->by != NODE_NONE) {
        base_text_append(out, STR(" by "));
        append_node(out, plan, sequence->by, LEVEL_PRIMARY);
    }
    lang_canonical_window(out, plan, &sequence->window);
    base_text_append_char(out, ')');
}

static void append_fit(Text *out, const Plan *plan, const Fit *fit) {
    base_text_printf(out, "%s(", lang_fit_name(fit->kind));
    append_node(out, plan, fit->x, LEVEL_OR);
    if (fit->kind != FIT_PERCENTILE) {
        base_text_printf(out, ", %lld", (long long)fit->tiles);
    }
    append_where(out, plan, fit->where);
    base_text_append_char(out, ')');
}

static void append_changed(Text *out, const Plan *plan, const TraitChange *change) {
    base_text_append(out, STR("changed("));
    lang_canonical_name(out, plan->traits[change->trait].name);
    if (change->has_from) {
        base_text_append(out, STR(" from "));
        append_const(out, change->from);
    }
    if (change->has_to) {
        base_text_append(out, STR(" to "));
        append_const(out, change->to);
    }
    lang_canonical_window(out, plan, &change->window);
    base_text_append_char(out, ')');
}

static void append_history(Text *out, const Plan *plan, const SegmentHistory *history) {
    static const char *const words[] = {"entered(", "exited(", "in("};
    base_text_append(out, base_str_from(words[history->kind]));
    lang_canonical_name(out, plan->segments[history->segment].key);
    if (history->kind == HISTORY_STAYED) {
        base_text_append(out, STR(") for "));
        append_amount(out, history->window.n, history->window.unit);
    } else {
        lang_canonical_window(out, plan, &history->window);
        base_text_append_char(out, ')');
    }
}

static void append_past(Text *out, const Plan *plan, const Node *node) {
    if (node->kind == NODE_HISTORY) {
        append_history(out, plan, &plan->histories[node->index]);
        return;
    }
    if (node->kind == NODE_CHANGED) {
        append_changed(out, plan, &plan->changes[node->index]);
        return;
    }
    base_text_append(out, STR("was("));
    lang_canonical_name(out, plan->traits[node->index].name);
    base_text_append(out, STR(", "));
    append_node(out, plan, node->args[0], LEVEL_OR);
    base_text_append_char(out, ')');
}

static void append_holiday(Text *out, const Plan *plan, const Node *node) {
    const HolidayTest *holiday = &node->holiday;
    append_node(out, plan, node->args[0], LEVEL_SUM);
    base_text_append(out, node->is_negated ? STR(" not") : STR(""));
    if (holiday->side == HOLIDAY_ON) {
        base_text_append(out, STR(" on holiday("));
    } else {
        base_text_append(out, STR(" within "));
        append_amount(out, holiday->days, UNIT_DAY);
        base_text_append(out, holiday->side == HOLIDAY_BEFORE ? STR(" before holiday(")
                                                              : STR(" after holiday("));
    }
    append_quoted(out, holiday->name, '\'');
    if (holiday->country.size_bytes > 0) {
        base_text_append(out, STR(", "));
        append_quoted(out, holiday->country, '\'');
    }
    base_text_append(out, holiday->is_observed ? STR(" observed)") : STR(")"));
}

static void append_match(Text *out, const Plan *plan, const Node *node) {
    static const char *const words[] = {
        [MATCH_LIKE] = "like",          [MATCH_ILIKE] = "ilike",    [MATCH_CONTAINS] = "contains",
        [MATCH_STARTS] = "starts with", [MATCH_ENDS] = "ends with", [MATCH_REGEX] = "matches"};
    append_node(out, plan, node->args[0], LEVEL_SUM);
    base_text_printf(out, "%s %s ", node->is_negated ? " not" : "", words[node->match]);
    append_node(out, plan, node->args[1], LEVEL_SUM);
    if (node->escape != 0) {
        base_text_append(out, STR(" escape "));
        append_quoted(out, (Str){&node->escape, 1}, '\'');
    }
}

static void append_args(Text *out, const Plan *plan, const Node *node, int32_t first,
                        const char *between, Level least) {
    for (int32_t i = first; i < node->arg_count; i++) {
        base_text_append(out, i == first ? STR("") : base_str_from(between));
        append_node(out, plan, node->args[i], least);
    }
}

static void append_comparison(Text *out, const Plan *plan, const Node *node) {
    static const char *const signs[] = {
        [COMPARE_EQ] = "=",  [COMPARE_NE] = "!=", [COMPARE_LT] = "<",
        [COMPARE_LE] = "<=", [COMPARE_GT] = ">",  [COMPARE_GE] = ">="};
    append_node(out, plan, node->args[0], LEVEL_SUM);
    const char *no = node->is_negated ? " not" : "";
    switch (node->kind) {
    case NODE_COMPARE:
        base_text_printf(out, " %s ", signs[node->compare]);
        append_node(out, plan, node->args[1], LEVEL_SUM);
        break;
    case NODE_IN:
        base_text_printf(out, "%s in (", no);
        append_args(out, plan, node, 1, ", ", LEVEL_UNARY);
        base_text_append_char(out, ')');
        break;
    case NODE_BETWEEN:
        base_text_printf(out, "%s between ", no);
        append_args(out, plan, node, 1, " and ", LEVEL_SUM);
        break;
    case NODE_IS_NULL:
        base_text_printf(out, " is%s null", no);
        break;
    default:
        assert(node->kind == NODE_WITHIN);
        base_text_printf(out, "%s within %s ", no, node->within.is_next ? "next" : "last");
        append_amount(out, node->within.amount, node->within.unit);
        break;
    }
}

static void append_arithmetic(Text *out, const Plan *plan, const Node *node) {
    static const char *const signs[] = {[NODE_ADD] = " + ",
                                        [NODE_SUBTRACT] = " - ",
                                        [NODE_MULTIPLY] = " * ",
                                        [NODE_DIVIDE] = " / "};
    bool is_sum = node->kind == NODE_ADD || node->kind == NODE_SUBTRACT;
    append_node(out, plan, node->args[0], is_sum ? LEVEL_SUM : LEVEL_PRODUCT);
    base_text_append(out, base_str_from(signs[node->kind]));
    append_node(out, plan, node->args[1], is_sum ? LEVEL_PRODUCT : LEVEL_UNARY);
}

static Level level_of(const Node *node) {
    switch (node->kind) {
    case NODE_OR:
        return LEVEL_OR;
    case NODE_AND:
        return LEVEL_AND;
    case NODE_NOT:
        return LEVEL_NOT;
    case NODE_COMPARE:
    case NODE_IN:
    case NODE_BETWEEN:
    case NODE_IS_NULL:
    case NODE_MATCH:
    case NODE_HOLIDAY:
    case NODE_WITHIN:
        return LEVEL_COMPARE;
    case NODE_ADD:
    case NODE_SUBTRACT:
        return LEVEL_SUM;
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return LEVEL_PRODUCT;
    case NODE_NEGATE:
        return LEVEL_UNARY;
    default:
        return LEVEL_PRIMARY;
    }
}

static void append_reference(Text *out, const Plan *plan, const Node *node) {
    switch (node->kind) {
    case NODE_TRAIT:
        lang_canonical_name(out, plan->traits[node->index].name);
        break;
    case NODE_PROPERTY:
        lang_canonical_name(out, plan->properties[node->index].name);
        break;
    case NODE_METRIC:
        lang_canonical_name(out, plan->metrics[node->index].name);
        break;
    default: {
        Str key = node->kind == NODE_SEGMENT ? plan->segments[node->index].key
                                             : plan->lists[node->index].key;
        base_text_append(out, STR("segment("));
        lang_canonical_name(out, key);
        base_text_append_char(out, ')');
    }
    }
}

static void append_bare(Text *out, const Plan *plan, const Node *node) {
    switch (node->kind) {
    case NODE_CONST:
        append_const(out, node->value);
        break;
    case NODE_NOW:
        base_text_append(out, STR("now"));
        break;
    case NODE_EVENT_TIME:
        base_text_append(out, STR("time"));
        break;
    case NODE_NEGATE:
        base_text_append_char(out, '-');
        append_node(out, plan, node->args[0], LEVEL_PRIMARY);
        break;
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        append_arithmetic(out, plan, node);
        break;
    case NODE_AND:
        append_args(out, plan, node, 0, " and ", LEVEL_NOT);
        break;
    case NODE_OR:
        append_args(out, plan, node, 0, " or ", LEVEL_AND);
        break;
    case NODE_NOT:
        base_text_append(out, STR("not "));
        append_node(out, plan, node->args[0], LEVEL_NOT);
        break;
    case NODE_COMPARE:
    case NODE_IN:
    case NODE_BETWEEN:
    case NODE_IS_NULL:
    case NODE_WITHIN:
        append_comparison(out, plan, node);
        break;
    case NODE_MATCH:
        append_match(out, plan, node);
        break;
    case NODE_HOLIDAY:
        append_holiday(out, plan, node);
        break;
    case NODE_CALL:
        base_text_printf(out, "%s(", lang_call_name(node->function));
        append_args(out, plan, node, 0, ", ", LEVEL_OR);
        base_text_append_char(out, ')');
        break;
    case NODE_AGGREGATE:
        append_aggregate(out, plan, &plan->aggregates[node->index]);
        break;
    case NODE_SEQUENCE:
        append_sequence(out, plan, &plan->sequences[node->index]);
        break;
    case NODE_FIT:
        append_fit(out, plan, &plan->fits[node->index]);
        break;
    case NODE_WAS:
    case NODE_CHANGED:
    case NODE_HISTORY:
        append_past(out, plan, node);
        break;
    default:
        append_reference(out, plan, node);
        break;
    }
}

static void append_node(Text *out, const Plan *plan, NodeId id, Level least) {
    assert(id >= 0 && id < plan->node_count);
    const Node *node = &plan->nodes[id];
    bool is_negative = node->kind == NODE_CONST && least == LEVEL_PRIMARY &&
                       ((node->type == VALUE_INTEGER && node->value.integer < 0) ||
                        (node->type == VALUE_DECIMAL && node->value.decimal < 0) ||
                        (node->type == VALUE_NUMBER && node->value.number < 0));
    bool is_inside = level_of(node) < least || is_negative;
    base_text_append(out, is_inside ? STR("(") : STR(""));
    append_bare(out, plan, node);
    base_text_append(out, is_inside ? STR(")") : STR(""));
}

void lang_canonical_node(Text *out, const Plan *plan, NodeId node) {
    append_node(out, plan, node, LEVEL_OR);
}

// A YAML scalar that reads back as the text: in double quotes.
static void append_yaml(Text *out, Str text) {
    base_text_append_char(out, '"');
    for (size_t i = 0; i < text.size_bytes; i++) {
        char c = text.data[i];
        if (c == '"' || c == '\\') {
            base_text_append_char(out, '\\');
            base_text_append_char(out, c);
        } else if ((unsigned char)c < 0x20 || c == 0x7F) {
            base_text_printf(out, "\\x%02X", (unsigned)(unsigned char)c);
        } else {
            base_text_append_char(out, c);
        }
    }
    base_text_append_char(out, '"');
}

static void append_yaml_key(Text *out, Str key) {
    bool is_plain = lang_token_is_plain(key) && !is_word_of_grammar(key);
    if (is_plain) {
        base_text_append(out, key);
    } else {
        append_yaml(out, key);
    }
}

static void append_entry(Text *out, const Plan *plan, Str key, NodeId node) {
    BASE_TEXT_SCOPED expression = {0};
    lang_canonical_node(&expression, plan, node);
    base_text_append(out, STR("  "));
    append_yaml_key(out, key);
    base_text_append(out, STR(": "));
    append_yaml(out, base_text_str(&expression));
    base_text_append_char(out, '\n');
}

void lang_canonical_model(Text *out, const Model *model, const Plan *plan) {
    if (plan->value != NODE_NONE) {
        BASE_TEXT_SCOPED value = {0};
        lang_canonical_node(&value, plan, plan->value);
        base_text_append(out, STR("value: "));
        append_yaml(out, base_text_str(&value));
        base_text_append_char(out, '\n');
    }
    base_text_append(out, plan->metric_count > 0 ? STR("metrics:\n") : STR(""));
    for (int32_t i = 0; i < plan->metric_count; i++) {
        append_entry(out, plan, plan->metrics[i].name, plan->metrics[i].node);
    }
    base_text_append(out, plan->segment_count > 0 ? STR("segments:\n") : STR(""));
    for (int32_t i = 0; i < plan->segment_count; i++) {
        const SegmentSource *source = (size_t)i < model->segment_count ? &model->segments[i] : NULL;
        if (source != NULL && source->list.size_bytes > 0) {
            base_text_append(out, STR("  "));
            append_yaml_key(out, source->key);
            base_text_append(out, STR(": { list: "));
            append_yaml(out, source->list);
            base_text_append(out, STR(" }\n"));
        } else {
            append_entry(out, plan, plan->segments[i].key, plan->segments[i].node);
        }
    }
}
