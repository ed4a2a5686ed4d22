// What looks back in a customer's history: was, changed, entered, exited, in … for.

#include "lang/check_private.h"

static bool check_scope(Checker *checker, const Syntax *syntax, const char *name) {
    if (checker->scope == NULL)
        return true;
    lang_check_error(checker, syntax->span,
                     "%s looks at the customer's history and cannot stand inside %s, where one "
                     "event is judged; write it beside the aggregate",
                     name, checker->clause);
    return false;
}

NodeId lang_check_was(Checker *checker, const Syntax *syntax) {
    if (!check_scope(checker, syntax, "was"))
        return NODE_NONE;
    const CatalogProperty *trait = lang_check_trait(checker, syntax, "was");
    NodeId instant = lang_check_expression(checker, syntax->args[0]);
    if (trait == NULL || instant == NODE_NONE)
        return NODE_NONE;
    if (!lang_check_is(checker, instant, TYPES_CALENDAR)) {
        Str slice = lang_check_slice(checker, syntax->args[0]->span);
        return lang_check_error(checker, syntax->args[0]->span,
                                "was needs a time or a date, but %.*s is %s; as in "
                                "was(%.*s, now - 30 days)",
                                STR_ARG(slice),
                                data_value_type_name(lang_check_type(checker, instant)),
                                STR_ARG(syntax->name));
    }
    instant = lang_check_widen(checker, instant, VALUE_TIME);
    return lang_build_node(checker->build,
                           &(Node){.kind = NODE_WAS,
                                   .type = trait->type,
                                   .index = lang_build_trait(checker->build, trait),
                                   .is_zoned = lang_check_type(checker, instant) == VALUE_DATE,
                                   .args = &instant,
                                   .arg_count = 1});
}

// A value that the trait changes from or to, as the trait's type.
static bool check_value(Checker *checker, const Syntax *syntax, const CatalogProperty *trait,
                        bool is_from, bool *ret_has, Value *ret_value) {
    *ret_has = syntax != NULL;
    *ret_value = data_value_null(trait->type);
    if (syntax == NULL)
        return true;
    NodeId id = lang_check_expression(checker, syntax);
    if (id == NODE_NONE)
        return false;
    if (lang_build_at(checker->build, id)->value.is_null) {
        if (is_from)
            return true;
        lang_check_error(checker, syntax->span,
                         "a trait never changes to null; say what it "
                         "changed from: changed(… from 'gold' …)");
        return false;
    }
    *ret_value = lang_build_at(checker->build, lang_check_widen(checker, id, trait->type))->value;
    if (trait->type == VALUE_NULL || ret_value->type == trait->type)
        return true;
    lang_check_error(checker, syntax->span, "the trait %.*s is %s and never %.*s, which is %s",
                     STR_ARG(trait->name), data_value_type_name(trait->type),
                     STR_ARG(lang_check_slice(checker, syntax->span)),
                     data_value_type_name(lang_check_type(checker, id)));
    return false;
}

NodeId lang_check_changed(Checker *checker, const Syntax *syntax) {
    if (!check_scope(checker, syntax, "changed"))
        return NODE_NONE;
    const SyntaxChange *source = syntax->change;
    const CatalogProperty *trait = lang_check_trait(checker, syntax, "changed");
    TraitChange change = {0};
    Node flags = {.kind = NODE_CHANGED};
    bool is_window = lang_check_window(checker, &source->window, &change.window, &flags);
    if (trait == NULL)
        return NODE_NONE;
    if (trait->type == VALUE_LIST)
        return lang_check_error(checker, syntax->name_span,
                                "%.*s is a list; changed works on plain values",
                                STR_ARG(syntax->name));
    bool is_from = check_value(checker, source->from, trait, true, &change.has_from, &change.from);
    bool is_to = check_value(checker, source->to, trait, false, &change.has_to, &change.to);
    if (!is_from || !is_to || !is_window)
        return NODE_NONE;
    if (change.has_from && change.has_to && trait->type != VALUE_NULL &&
        data_value_equal(change.from, change.to))
        return lang_check_error(checker, syntax->span,
                                "this is never true: a change leads to another value");
    change.trait = lang_build_trait(checker->build, trait);
    return lang_build_changed(checker->build, &change, &flags);
}

// A segment's node has the flags of its expression: whether it looks back itself.
static bool check_nesting(Checker *checker, const Syntax *syntax, NodeId segment,
                          const char *name) {
    if (!lang_build_at(checker->build, segment)->is_historic)
        return true;
    lang_check_error(checker, syntax->name_span,
                     "%s looks at the past of %.*s, which itself uses entered, exited or in … for; "
                     "they cannot be nested",
                     name, STR_ARG(syntax->name));
    return false;
}

NodeId lang_check_history(Checker *checker, const Syntax *syntax) {
    static const char *const names[] = {"entered", "exited", "in … for"};
    const SyntaxHistory *source = syntax->history;
    const char *name = names[source->kind];
    if (!check_scope(checker, syntax, name))
        return NODE_NONE;
    NodeId segment = lang_check_segment(checker, syntax);
    SegmentHistory history = {.kind = source->kind};
    Node flags = {.kind = NODE_HISTORY};
    bool is_window = lang_check_window(checker, &source->window, &history.window, &flags);
    if (segment == NODE_NONE || !is_window || !check_nesting(checker, syntax, segment, name))
        return NODE_NONE;
    if (flags.is_historic)
        return lang_check_error(checker, source->window.span,
                                "the window of %s cannot use entered, exited or in … for itself",
                                name);
    history.segment = lang_build_at(checker->build, segment)->index;
    return lang_build_history(checker->build, &history, segment, &flags);
}
