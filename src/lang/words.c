// Conditions in English.
#include "lang/words.h"

#include "base/utf8.h"
#include "lang/words_private.h"

static bool is_did(const Plan *plan, NodeId id, bool *ret_is_negated) {
    const Node *node = &plan->nodes[id];
    if (node->kind != NODE_AGGREGATE) {
        return false;
    }
    const Aggregate *aggregate = &plan->aggregates[node->index];
    *ret_is_negated = aggregate->function == AGGREGATE_NEVER;
    return aggregate->pick == GROUP_NONE &&
           (aggregate->function == AGGREGATE_DID || aggregate->function == AGGREGATE_NEVER);
}

static void append_did(Text *out, const Plan *plan, const Aggregate *aggregate, bool is_never) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    WordsEvent event = words_event(arena, plan, aggregate->events);
    if (event.is_verb) {
        base_text_append(out, is_never ? STR("did not ") : event.past);
        base_text_append(out, is_never ? event.plain : STR(""));
    } else if (aggregate->events.is_any) {
        base_text_append(out, is_never ? STR("no activity") : STR("active"));
    } else {
        base_text_printf(out, "%s %.*s", is_never ? "no" : "at least one", STR_ARG(event.one));
    }
    words_scope(out, plan, aggregate);
}

static void append_step(Text *out, const Plan *plan, const SequenceStep *step) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Selection *selection = &plan->selections[step->selection];
    WordsEvent event = words_event(arena, plan, selection->events);
    if (step->is_negated) {
        base_text_printf(out, "no %.*s", STR_ARG(event.one));
    } else if (event.is_verb) {
        base_text_append(out, event.past);
    } else if (selection->events.is_any) {
        base_text_append(out, STR("some activity"));
    } else {
        base_text_printf(out, "%s %.*s", words_article(event.one), STR_ARG(event.one));
    }
    words_where(out, plan, selection->where);
    if (step->within_n > 0) {
        base_text_append(out, STR(" within "));
        words_amount(out, step->within_n, step->within_unit);
    }
}

void words_sequence(Text *out, const Plan *plan, const Sequence *sequence) {
    for (int32_t i = 0; i < sequence->step_count; i++) {
        base_text_append(out, i == 0 ? STR("") : STR(", then "));
        append_step(out, plan, &sequence->steps[i]);
    }
    if (sequence->all_within_n > 0) {
        base_text_append(out, STR(", all within "));
        words_amount(out, sequence->all_within_n, sequence->all_within_unit);
    }
    if (sequence->by != NODE_NONE) {
        base_text_append(out, STR(", all with the same "));
        words_noun_bare(out, plan, sequence->by);
    }
    if (sequence->window.kind != WINDOW_ALL) {
        base_text_append_char(out, ',');
        words_window(out, plan, &sequence->window);
    }
}

static void append_changed(Text *out, const Plan *plan, const TraitChange *change,
                           bool is_negated) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_printf(out, "the %.*s %s",
                     STR_ARG(words_human(arena, plan->traits[change->trait].name)),
                     is_negated ? "did not change" : "changed");
    if (change->has_from) {
        base_text_append(out, STR(" from "));
        if (change->from.is_null) {
            base_text_append(out, STR("nothing"));
        } else {
            words_const(out, plan, change->from);
        }
    }
    if (change->has_to) {
        base_text_append(out, STR(" to "));
        words_const(out, plan, change->to);
    }
    words_window(out, plan, &change->window);
}

static void append_list(Text *out, const Plan *plan, const Node *node, int32_t from) {
    for (int32_t i = from; i < node->arg_count; i++) {
        const char *between = i == from ? "" : i + 1 == node->arg_count ? " or " : ", ";
        base_text_append(out, base_str_from(between));
        words_noun(out, plan, node->args[i]);
    }
}

static bool is_days_since(const Node *node) {
    return node->kind == NODE_CALL && node->function == CALL_DAYS_SINCE;
}

static void append_between(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    const Node *left = &plan->nodes[node->args[0]];
    if (is_days_since(left)) {
        words_noun_bare(out, plan, left->args[0]);
        base_text_append(out, is_negated ? STR(" not between ") : STR(" between "));
    } else {
        words_noun(out, plan, node->args[0]);
        base_text_append(out, is_negated ? STR(" is not between ") : STR(" is between "));
    }
    words_noun(out, plan, node->args[1]);
    base_text_append(out, STR(" and "));
    words_noun(out, plan, node->args[2]);
    base_text_append(out, is_days_since(left) ? STR(" days ago") : STR(""));
}

static void append_match(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    static const char *const words[][2] = {
        [MATCH_LIKE] = {" is like ", " is not like "},
        [MATCH_ILIKE] = {" is like ", " is not like "},
        [MATCH_CONTAINS] = {" contains ", " does not contain "},
        [MATCH_STARTS] = {" starts with ", " does not start with "},
        [MATCH_ENDS] = {" ends with ", " does not end with "},
        [MATCH_REGEX] = {" matches ", " does not match "}};
    words_noun(out, plan, node->args[0]);
    base_text_append(out, base_str_from(words[node->match][is_negated]));
    words_noun(out, plan, node->args[1]);
    base_text_append(out, node->match == MATCH_ILIKE ? STR(" in any case") : STR(""));
}

static void append_holiday(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    const HolidayTest *holiday = &node->holiday;
    words_noun(out, plan, node->args[0]);
    base_text_append(out, is_negated ? STR(" is not ") : STR(" is "));
    if (holiday->side == HOLIDAY_ON) {
        base_text_append(out, STR("on "));
    } else {
        base_text_append(out, STR("within "));
        words_amount(out, holiday->days, UNIT_DAY);
        base_text_append(out, holiday->side == HOLIDAY_BEFORE ? STR(" before ") : STR(" after "));
    }
    base_text_append(out, holiday->name);
    if (holiday->country.size_bytes > 0) {
        base_text_printf(out, " in %.*s", STR_ARG(holiday->country));
    }
    base_text_append(out, holiday->is_observed ? STR(" as observed") : STR(""));
}

static void append_within(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    if (plan->nodes[node->args[0]].kind == NODE_AGGREGATE) {
        words_noun_bare(out, plan, node->args[0]);
        base_text_append(out, is_negated ? STR(" not") : STR(""));
    } else {
        words_noun(out, plan, node->args[0]);
        base_text_append(out, is_negated ? STR(" is not") : STR(" is"));
    }
    const char *side = node->within.is_next ? "next" : "last";
    if (node->within.amount == 1) {
        base_text_printf(out, " in the %s ", side);
        BASE_TEXT_SCOPED amount = {0};
        words_amount(&amount, 1, node->within.unit);
        base_text_append(out, (Str){amount.data + 2, amount.size_bytes - 2});
    } else {
        base_text_printf(out, " in the %s ", side);
        words_amount(out, node->within.amount, node->within.unit);
    }
}

static bool is_data(const Node *node) {
    return node->kind == NODE_TRAIT || node->kind == NODE_PROPERTY;
}

static void append_is_null(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    bool is_of_data = is_data(&plan->nodes[node->args[0]]);
    words_noun(out, plan, node->args[0]);
    base_text_printf(out, " %s %s", words_is(plan, node->args[0]),
                     is_of_data ? (is_negated ? "not empty" : "empty")
                                : (is_negated ? "known" : "unknown"));
}

static void append_has(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    words_noun(out, plan, node->args[0]);
    bool is_many = words_is(plan, node->args[0])[0] == 'a';
    const char *no = is_many ? " do not include " : " does not include ";
    base_text_append(out, base_str_from(is_negated ? no : is_many ? " include " : " includes "));
    base_text_append(out, node->function == CALL_HAS_ANY && node->arg_count > 2 ? STR("any of ")
                                                                                : STR(""));
    append_list(out, plan, node, 1);
}

static void append_segment(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    bool is_list = node->kind == NODE_LIST;
    Str key = is_list ? plan->lists[node->index].key : plan->segments[node->index].key;
    Str given = is_list ? key : plan->segments[node->index].name;
    Str name = base_str_equal(given, key) ? words_human(arena, key) : given;
    base_text_printf(out, "%sin %s ‘%.*s’", is_negated ? "not " : "",
                     is_list ? "the list" : "segment", STR_ARG(name));
}

static void append_history(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    static const char *const words[][2] = {[HISTORY_ENTERED] = {"entered ", "did not enter "},
                                           [HISTORY_EXITED] = {"left ", "did not leave "},
                                           [HISTORY_STAYED] = {"", "not without a break "}};
    const SegmentHistory *history = &plan->histories[node->index];
    BASE_TEXT_SCOPED segment = {0};
    append_segment(&segment, plan, &plan->nodes[node->args[0]], false);
    bool is_stayed = history->kind == HISTORY_STAYED;
    size_t skip = is_stayed ? 0 : sizeof "in " - 1;
    base_text_append(out, base_str_from(words[history->kind][is_negated]));
    base_text_append(out, (Str){segment.data + skip, segment.size_bytes - skip});
    base_text_append(out, is_stayed && !is_negated ? STR(" without a break") : STR(""));
    words_window(out, plan, &history->window);
}

// ---- and, or ----

// Whether a comma has to part it from the next: it has an "and" or "or" of its own.
static bool has_comma(Str text) {
    for (size_t i = 0; i < text.size_bytes; i++) {
        Str rest = {text.data + i, text.size_bytes - i};
        bool is_bound =
            base_str_starts(rest, STR(" or more")) || base_str_starts(rest, STR(" or less"));
        if (text.data[i] == ',' || base_str_starts(rest, STR(" and ")) ||
            (base_str_starts(rest, STR(" or ")) && !is_bound)) {
            return true;
        }
    }
    return false;
}

// A sum of money over the same events as a count that stands beside it: "worth 500 or more".
static bool is_worth(const Plan *plan, const Aggregate *sum) {
    static const Str words[] = {{"amount", 6}, {"revenue", 7}, {"value", 5}, {"price", 5},
                                {"total", 5},  {"sales", 5},   {"spend", 5}, {"turnover", 8}};
    if (plan->nodes[sum->value].kind != NODE_PROPERTY) {
        return false;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str name = words_human(arena, plan->properties[plan->nodes[sum->value].index].name);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (base_str_ends(name, words[i])) {
            return true;
        }
    }
    return false;
}

static const Aggregate *compared(const Plan *plan, NodeId id, AggregateFunction function) {
    const Node *node = &plan->nodes[id];
    if (node->kind != NODE_COMPARE || plan->nodes[node->args[0]].kind != NODE_AGGREGATE ||
        plan->nodes[node->args[1]].kind != NODE_CONST) {
        return NULL;
    }
    const Aggregate *aggregate = &plan->aggregates[plan->nodes[node->args[0]].index];
    bool is_plain = aggregate->pick == GROUP_NONE && aggregate->function == function;
    return is_plain ? aggregate : NULL;
}

static bool is_same_window(const Window *a, const Window *b) {
    return a->kind == b->kind && a->n == b->n && a->unit == b->unit && a->to_n == b->to_n &&
           a->to_unit == b->to_unit && a->shift == b->shift && a->from == b->from && a->to == b->to;
}

// The argument of `and` that counts the events whose worth argument `sum_at` limits, or -1.
static int32_t find_count(const Plan *plan, const Node *node, int32_t sum_at) {
    const Aggregate *sum = compared(plan, node->args[sum_at], AGGREGATE_SUM);
    if (sum == NULL || !is_worth(plan, sum)) {
        return -1;
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Aggregate *count = compared(plan, node->args[i], AGGREGATE_COUNT);
        if (count != NULL && count->selection == sum->selection &&
            is_same_window(&count->window, &sum->window)) {
            return i;
        }
    }
    return -1;
}

static void append_worth(Text *out, const Plan *plan, const Node *node, const int32_t *count_of,
                         int32_t count_at) {
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (count_of[i] == count_at) {
            const Node *sum = &plan->nodes[node->args[i]];
            BASE_TEXT_SCOPED bound = {0};
            words_const(&bound, plan, plan->nodes[sum->args[1]].value);
            base_text_append(out, STR(", worth "));
            words_bound(out, sum->compare, base_text_str(&bound));
        }
    }
}

// For each argument: that of the count which it says the worth of, or -1.
static const int32_t *find_counts(Arena *arena, const Plan *plan, const Node *node,
                                  bool is_negated) {
    int32_t *count_of = base_arena_alloc_array(arena, (size_t)node->arg_count, sizeof *count_of);
    for (int32_t i = 0; i < node->arg_count; i++) {
        bool may_be = node->kind == NODE_AND && !is_negated;
        count_of[i] = may_be ? find_count(plan, node, i) : -1;
    }
    return count_of;
}

// One part; inside another `and` or `or` it is bracketed by words.
static void append_part(Text *out, const Plan *plan, NodeId id, bool is_negated) {
    const Node *node = &plan->nodes[id];
    while (node->kind == NODE_NOT) {
        is_negated = !is_negated;
        id = node->args[0];
        node = &plan->nodes[id];
    }
    bool is_junction = node->kind == NODE_AND || node->kind == NODE_OR;
    if (is_junction && (node->kind == NODE_OR) == is_negated) { // says "and"
        base_text_append(out, node->arg_count == 2 ? STR("both ") : STR("all of "));
    } else if (is_junction) {
        base_text_append(out, STR("either "));
    }
    words_phrase(out, plan, id, is_negated);
}

static void append_joined(Text *out, const Plan *plan, const Node *node, const char *word,
                          bool is_negated) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const int32_t *count_of = find_counts(arena, plan, node, is_negated);
    Text parts[2] = {{0}, {0}}; // all but the last, and the last
    int32_t count = 0;
    bool is_long = false;
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (count_of[i] >= 0) {
            continue;
        }
        if (count > 0) {
            base_text_append(&parts[0], count > 1 ? STR(", ") : STR(""));
            base_text_append(&parts[0], base_text_str(&parts[1]));
        }
        base_text_clear(&parts[1]);
        append_part(&parts[1], plan, node->args[i], is_negated);
        append_worth(&parts[1], plan, node, count_of, i);
        is_long = is_long || has_comma(base_text_str(&parts[1]));
        count++;
    }
    base_text_append(out, base_text_str(&parts[0]));
    if (count > 1) {
        base_text_printf(out, "%s %s ", count > 2 || is_long ? "," : "", word);
    }
    base_text_append(out, base_text_str(&parts[1]));
    base_text_done(&parts[0]);
    base_text_done(&parts[1]);
}

// not (a or b) says "not a and not b": also so with null.
static void append_junction(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    bool is_and = (node->kind == NODE_AND) != is_negated;
    append_joined(out, plan, node, is_and ? "and" : "or", is_negated);
}

static void append_plain(Text *out, const Plan *plan, NodeId id, bool is_negated) {
    words_noun_bare(out, plan, id);
    base_text_append(out, is_negated ? STR(" is false") : STR(" is true"));
}

static void append_constant(Text *out, const Node *node, bool is_negated) {
    bool is_true = !node->value.is_null && node->value.type == VALUE_BOOLEAN &&
                   node->value.boolean != is_negated;
    base_text_append(out, is_true ? STR("everyone") : STR("no one"));
}

static void append_in(Text *out, const Plan *plan, const Node *node, bool is_negated) {
    words_noun(out, plan, node->args[0]);
    base_text_printf(out, " %s ", words_is(plan, node->args[0]));
    bool is_pair = node->arg_count == 3;
    if (is_pair && is_negated) {
        base_text_append(out, STR("neither "));
        words_noun(out, plan, node->args[1]);
        base_text_append(out, STR(" nor "));
        words_noun(out, plan, node->args[2]);
        return;
    }
    if (node->arg_count > 3) {
        base_text_append(out, is_negated ? STR("none of ") : STR("one of "));
    } else {
        base_text_append(out, is_negated ? STR("not ") : STR(""));
    }
    append_list(out, plan, node, 1);
}

static void append_call(Text *out, const Plan *plan, NodeId id, bool is_negated) {
    const Node *node = &plan->nodes[id];
    if (node->function == CALL_HAS || node->function == CALL_HAS_ANY) {
        append_has(out, plan, node, is_negated);
    } else if (node->function == CALL_IF) {
        base_text_append(out, is_negated ? STR("it is not true that, if ") : STR("if "));
        words_phrase(out, plan, node->args[0], false);
        base_text_append(out, STR(", "));
        words_phrase(out, plan, node->args[1], false);
        base_text_append(out, STR(", otherwise "));
        words_phrase(out, plan, node->args[2], false);
    } else if (node->function == CALL_COMPLETED) {
        words_noun_bare(out, plan, node->args[0]);
        base_text_append(out, is_negated ? STR(" less than ") : STR(" at least "));
        words_noun(out, plan, node->args[1]);
        base_text_append(out, STR(" ago"));
    } else {
        base_text_append(out, STR("the first known of "));
        append_list(out, plan, node, 0);
        base_text_append(out, is_negated ? STR(" is false") : STR(" is true"));
    }
}

void words_phrase(Text *out, const Plan *plan, NodeId id, bool is_negated) {
    const Node *node = &plan->nodes[id];
    bool is_not = is_negated != node->is_negated;
    bool is_never;
    switch (node->kind) {
    case NODE_CONST:
        append_constant(out, node, is_negated);
        break;
    case NODE_NOT:
        words_phrase(out, plan, node->args[0], !is_negated);
        break;
    case NODE_AND:
    case NODE_OR:
        append_junction(out, plan, node, is_negated);
        break;
    case NODE_COMPARE:
        words_comparison(out, plan, id, is_negated);
        break;
    case NODE_IN:
        append_in(out, plan, node, is_not);
        break;
    case NODE_BETWEEN:
        append_between(out, plan, node, is_not);
        break;
    case NODE_IS_NULL:
        append_is_null(out, plan, node, is_not);
        break;
    case NODE_MATCH:
        append_match(out, plan, node, is_not);
        break;
    case NODE_HOLIDAY:
        append_holiday(out, plan, node, is_not);
        break;
    case NODE_WITHIN:
        append_within(out, plan, node, is_not);
        break;
    case NODE_SEGMENT:
    case NODE_LIST:
        append_segment(out, plan, node, is_negated);
        break;
    case NODE_SEQUENCE:
        base_text_append(out, is_negated ? STR("without the sequence: ") : STR(""));
        words_sequence(out, plan, &plan->sequences[node->index]);
        break;
    case NODE_HISTORY:
        append_history(out, plan, node, is_negated);
        break;
    case NODE_CHANGED:
        append_changed(out, plan, &plan->changes[node->index], is_negated);
        break;
    case NODE_CALL:
        append_call(out, plan, id, is_negated);
        break;
    case NODE_FIT:
        words_top(out, plan, &plan->fits[node->index], is_negated);
        break;
    default:
        if (is_did(plan, id, &is_never)) {
            append_did(out, plan, &plan->aggregates[node->index], is_never != is_negated);
        } else {
            append_plain(out, plan, id, is_negated);
        }
        break;
    }
}

// The first letter of the sentence as a capital.
static void append_capital(Text *out, Str text) {
    base_text_append(out, text);
    char *first = out->data + out->size_bytes - text.size_bytes;
    if (text.size_bytes > 0 && *first >= 'a' && *first <= 'z') {
        *first = (char)(*first - 'a' + 'A');
    }
}

static void append_sentence(Text *out, const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    bool is_negated = false;
    while (node->kind == NODE_NOT) {
        is_negated = !is_negated;
        id = node->args[0];
        node = &plan->nodes[id];
    }
    bool says_or = node->kind == (is_negated ? NODE_AND : NODE_OR);
    base_text_append(out, says_or ? STR("either ") : STR(""));
    words_phrase(out, plan, id, is_negated);
}

void lang_words_node(Text *out, const Plan *plan, NodeId id) {
    BASE_TEXT_SCOPED words = {0};
    const Node *node = &plan->nodes[id];
    if (node->type == VALUE_BOOLEAN) {
        append_sentence(&words, plan, id);
    } else {
        words_noun(&words, plan, id);
    }
    append_capital(out, base_text_str(&words));
}

// Whether the number counts days.
static bool is_days(const Plan *plan, NodeId id) {
    if (id == NODE_NONE) {
        return false;
    }
    const Node *node = &plan->nodes[id];
    if (node->kind == NODE_METRIC) {
        return is_days(plan, node->args[0]);
    }
    if (node->kind == NODE_AGGREGATE) {
        const Aggregate *aggregate = &plan->aggregates[node->index];
        return aggregate->function == AGGREGATE_GAP && aggregate->pick == GROUP_NONE;
    }
    return node->kind == NODE_CALL &&
           (node->function == CALL_DAYS_SINCE || node->function == CALL_DAYS_UNTIL ||
            node->function == CALL_CALENDAR_DAYS_SINCE || node->function == CALL_DAYS_BETWEEN);
}

void lang_words_value(Text *out, const Plan *plan, NodeId node, Value value) {
    size_t before = out->size_bytes;
    if (!value.is_null && value.type == VALUE_NUMBER) {
        words_number(out, value.number, true);
    } else if (!value.is_null && value.type == VALUE_BOOLEAN) {
        base_text_append(out, value.boolean ? STR("yes") : STR("no"));
    } else if (!value.is_null && value.type == VALUE_TEXT) {
        base_text_append(out, value.text);
    } else {
        words_const(out, plan, value);
    }
    if (!value.is_null && value.type != VALUE_BOOLEAN && is_days(plan, node)) {
        bool is_one = out->size_bytes == before + 1 && out->data[before] == '1';
        base_text_append(out, is_one ? STR(" day") : STR(" days"));
    }
}

void lang_words_another(Text *out, const Plan *plan, EventSet events) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    WordsEvent event = words_event(arena, plan, events);
    if (event.is_verb) {
        base_text_printf(out, "they %.*s again", STR_ARG(event.plain));
    } else {
        base_text_printf(out, "another %.*s comes", STR_ARG(event.one));
    }
}
