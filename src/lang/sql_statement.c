// The whole statement: what it stands on, one CTE a part, the result.
#include <string.h>

#include "lang/sql_private.h"

#define NAME_MOST 48 // bytes of a CTE's name, without the number that makes it unique

void lang_sql_literal(Text *out, Str text) {
    base_text_append_char(out, '\'');
    for (size_t i = 0; i < text.size_bytes; i++) {
        base_text_append(out, text.data[i] == '\'' ? STR("''") : (Str){text.data + i, 1});
    }
    base_text_append_char(out, '\'');
}

void lang_sql_identifier(Text *out, Str name) {
    base_text_append_char(out, '"');
    for (size_t i = 0; i < name.size_bytes; i++) {
        base_text_append(out, name.data[i] == '"' ? STR("\"\"") : (Str){name.data + i, 1});
    }
    base_text_append_char(out, '"');
}

Str lang_sql_quote(SqlBuilder *b, Str text) {
    BASE_TEXT_SCOPED quoted = {0};
    lang_sql_literal(&quoted, text);
    return base_arena_str(b->arena, base_text_str(&quoted));
}

Str lang_sql_fail(SqlBuilder *b, const char *what) {
    if (b->code == 0) {
        b->code = base_error_set(b->error, BASE_E_USAGE,
                                 "this expression has no SQL form: it holds %s", what);
    }
    return STR("null");
}

void lang_sql_scope_done(SqlScope *scope) {
    base_text_done(&scope->joins);
}

void lang_sql_join(SqlScope *scope, Str cte) {
    Str so_far = base_text_str(&scope->joins);
    BASE_TEXT_SCOPED clause = {0};
    base_text_printf(&clause, "\n  left join %.*s using (customer)", STR_ARG(cte));
    if (so_far.size_bytes == 0 || !base_str_contains(so_far, base_text_str(&clause))) {
        base_text_append(&scope->joins, base_text_str(&clause));
    }
}

Str lang_sql_canonical(SqlBuilder *b, NodeId id) {
    BASE_TEXT_SCOPED text = {0};
    lang_canonical_node(&text, b->plan, id);
    return base_arena_str(b->arena, base_text_str(&text));
}

// Lower-case letters, digits and single underscores; other bytes only separate.
static void append_plain(Text *out, Str text) {
    for (size_t i = 0; i < text.size_bytes && out->size_bytes < NAME_MOST; i++) {
        char c = text.data[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_plain) {
            base_text_append_char(out, c);
        } else if (out->size_bytes > 0 && out->data[out->size_bytes - 1] != '_') {
            base_text_append_char(out, '_');
        }
    }
    while (out->size_bytes > 0 && out->data[out->size_bytes - 1] == '_') {
        out->data[--out->size_bytes] = '\0';
    }
}

Str lang_sql_name(SqlBuilder *b, const char *prefix, Str text) {
    BASE_TEXT_SCOPED name = {0};
    base_text_append(&name, base_str_from(prefix));
    if (text.size_bytes > 0) {
        base_text_append(&name, prefix[0] != '\0' ? STR("_") : STR(""));
        append_plain(&name, text);
    }
    // A lone word could be a keyword: it gets a number too.
    Str wanted = base_arena_str(b->arena, base_text_str(&name));
    bool is_taken = memchr(wanted.data, '_', wanted.size_bytes) == NULL;
    for (int i = 1;; i++) {
        Str unique =
            is_taken || i > 1 ? base_arena_printf(b->arena, "%.*s_%d", STR_ARG(wanted), i) : wanted;
        if (base_map_put(b->names, unique, 1)) {
            return unique;
        }
    }
}

// A comment may not hold a line break.
static void write_comment(Text *out, const char *indent, Str text) {
    base_text_printf(out, "%s-- ", indent);
    for (size_t i = 0; i < text.size_bytes; i++) {
        char c = text.data[i];
        base_text_append_char(out, c == '\n' || c == '\r' ? ' ' : c);
    }
    base_text_append_char(out, '\n');
}

Text *lang_sql_cte_begin(SqlBuilder *b, Str name, NodeId id) {
    base_text_append(&b->ctes, STR(",\n"));
    if (id != NODE_NONE) {
        write_comment(&b->ctes, "", lang_sql_canonical(b, id));
    }
    base_text_printf(&b->ctes, "%.*s as (\n", STR_ARG(name));
    return &b->ctes;
}

void lang_sql_cte_end(SqlBuilder *b) {
    base_text_append(&b->ctes, STR("\n)"));
}

static void init_builder(SqlBuilder *b) {
    static const char *const own[] = {"history", "events", "population", "traits",    "known_zones",
                                      "located", "zones",  "customers",  "first_any", "past"};
    b->names = base_map_new();
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        base_map_put(b->names, base_str_from(own[i]), 1);
    }
    b->now = lang_sql_time(b, b->options->now_us);
    lang_sql_builder_begin(b);
}

void lang_sql_builder_begin(SqlBuilder *b) {
    const Plan *plan = b->plan;
    const int32_t counts[] = {plan->metric_count,   plan->segment_count,   plan->aggregate_count,
                              plan->sequence_count, plan->selection_count, plan->fit_count,
                              plan->list_count,     plan->trait_count,     plan->node_count,
                              plan->fit_count};
    Str **const names[] = {&b->metrics,    &b->segments,  &b->aggregates, &b->sequences,
                           &b->selections, &b->fits,      &b->lists,      &b->traits,
                           &b->histories,  &b->fit_values};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *names[i] = base_arena_alloc_array(b->arena, (size_t)counts[i] + 1, sizeof(Str));
    }
    b->columns = base_arena_alloc_array(b->arena, (size_t)plan->column_count + 1, sizeof(bool));
}

static Str result_text(SqlBuilder *b, SqlScope *scope, NodeId id) {
    const Node *node = &b->plan->nodes[id];
    Str value = lang_sql_node_text(b, scope, id);
    if (node->type == VALUE_TIME) {
        return base_arena_printf(b->arena, "make_timestamptz(%.*s)", STR_ARG(value));
    }
    if (node->type == VALUE_INTEGER || node->type == VALUE_DURATION) {
        return base_arena_printf(b->arena, "cast(%.*s as bigint)", STR_ARG(value));
    }
    return b->is_never_null ? base_arena_printf(b->arena, "coalesce(%.*s, false)", STR_ARG(value))
                            : value;
}

static void write_statement(SqlBuilder *b, Text *out, const NodeId *nodes, size_t count) {
    SQL_SCOPE_SCOPED scope = {0};
    BASE_TEXT_SCOPED columns = {0};
    for (size_t i = 0; i < count; i++) {
        if (count == 1) {
            base_text_printf(&columns, ", %.*s as value",
                             STR_ARG(result_text(b, &scope, nodes[i])));
        } else {
            base_text_printf(&columns, ",\n  %.*s as value_%zu",
                             STR_ARG(result_text(b, &scope, nodes[i])), i);
        }
        write_comment(out, "", lang_sql_canonical(b, nodes[i]));
    }
    BASE_TEXT_SCOPED base = {0};
    lang_sql_population_text(b, &base);
    base_text_append(out, base_text_str(&base));
    base_text_append(out, base_text_str(&b->ctes));
    base_text_printf(out, "\nselect c.customer%.*s\nfrom customers c%.*s\norder by c.customer\n",
                     STR_ARG(base_text_str(&columns)), STR_ARG(base_text_str(&scope.joins)));
}

static int write_nodes(SqlBuilder *b, Text *out, const NodeId *nodes, size_t count) {
    init_builder(b);
    BASE_TEXT_SCOPED text = {0};
    write_statement(b, &text, nodes, count);
    if (b->code == 0) {
        base_text_append(out, base_text_str(&text));
    }
    base_text_done(&b->ctes);
    base_map_free(b->names);
    return b->code;
}

int lang_sql_nodes(Arena *arena, Text *out, const Plan *plan, const NodeId *nodes, size_t count,
                   const SqlOptions *options, KretsError *error) {
    SqlBuilder b = {.arena = arena, .plan = plan, .options = options, .error = error};
    return write_nodes(&b, out, nodes, count);
}

int lang_sql_node(Arena *arena, Text *out, const Plan *plan, NodeId node, const SqlOptions *options,
                  KretsError *error) {
    return lang_sql_nodes(arena, out, plan, &node, 1, options, error);
}

int lang_sql_segment(Arena *arena, Text *out, const Plan *plan, int32_t segment,
                     const SqlOptions *options, KretsError *error) {
    SqlBuilder b = {
        .arena = arena, .plan = plan, .options = options, .error = error, .is_never_null = true};
    return write_nodes(&b, out, &plan->segments[segment].node, 1);
}

int lang_sql_metric(Arena *arena, Text *out, const Plan *plan, int32_t metric,
                    const SqlOptions *options, KretsError *error) {
    return lang_sql_node(arena, out, plan, plan->metrics[metric].node, options, error);
}

int lang_sql_population(Arena *arena, Text *out, const Plan *plan, const SqlOptions *options,
                        KretsError *error) {
    return lang_sql_nodes(arena, out, plan, NULL, 0, options, error);
}
