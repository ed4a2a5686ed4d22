// Reading one value of the model file: text, ${VAR}, booleans, zones; and mappings by their keys.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "lang/model_private.h"

void lang_model_error(ModelReader *reader, const YamlNode *node, const char *format, ...) {
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    message[base_utf8_invalid(base_str_from(message))] = '\0'; // cut inside a code point
    lang_diagnostic_add(reader->diagnostics, reader->text, node->place,
                        lang_yaml_length(reader->text, node), false, "%s", message);
}

const YamlNode *lang_model_find(const YamlNode *mapping, const char *key) {
    if (mapping->kind != YAML_MAPPING) {
        return NULL;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        if (base_str_equal(mapping->pairs[i].key->text, base_str_from(key))) {
            return mapping->pairs[i].value;
        }
    }
    return NULL;
}

// ( [ ' and " that are opened and not closed: the mark of an expression that YAML has cut.
static bool is_unbalanced(Str text) {
    int32_t open = 0;
    char quote = '\0';
    for (size_t i = 0; i < text.size_bytes; i++) {
        char c = text.data[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(' || c == '[') {
            open++;
        } else if (c == ')' || c == ']') {
            open--;
        }
    }
    return open > 0 || quote != '\0';
}

bool lang_model_is_split(ModelReader *reader, const YamlNode *mapping, size_t pair) {
    const YamlPair *at = &mapping->pairs[pair];
    if (!mapping->is_flow || pair == 0 || !lang_yaml_is_null(at->value) ||
        at->value->end > at->value->begin) {
        return false;
    }
    size_t before = pair - 1;
    while (before > 0 && lang_yaml_is_null(mapping->pairs[before].value)) {
        before--;
    }
    const YamlNode *cut = mapping->pairs[before].value;
    if (cut->kind != YAML_SCALAR || cut->style != SCALAR_PLAIN || !is_unbalanced(cut->text)) {
        return false;
    }
    if (before == pair - 1) {
        lang_model_error(reader, cut,
                         "Between { and } the comma after this text ends it, so the rest was read "
                         "as another key. Put the whole expression in quotes.");
    }
    return true;
}

static void report_unknown(ModelReader *reader, const YamlNode *key, Str what, const ModelKey *keys,
                           size_t key_count) {
    Str *known = base_arena_alloc_array(reader->arena, key_count + 1, sizeof *known);
    BASE_TEXT_SCOPED list = {0};
    for (size_t i = 0; i < key_count; i++) {
        known[i] = base_str_from(keys[i].name);
        base_text_printf(&list, "%s%s", i == 0 ? "" : ", ", keys[i].name);
    }
    Str near = lang_suggest(reader->arena, key->text, known, key_count);
    if (near.size_bytes > 0) {
        lang_model_error(reader, key, "%.*s has no key “%.*s”. Did you mean “%.*s”?", STR_ARG(what),
                         STR_ARG(key->text), STR_ARG(near));
    } else {
        lang_model_error(reader, key, "%.*s has no key “%.*s”. The keys are: %s.", STR_ARG(what),
                         STR_ARG(key->text), list.data);
    }
}

bool lang_model_read_keys(ModelReader *reader, const YamlNode *node, Str what, void *object,
                          const ModelKey *keys, size_t key_count) {
    if (node->kind != YAML_MAPPING) {
        lang_model_error(reader, node, "%.*s must be a mapping: lines of “key: value”.",
                         STR_ARG(what));
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        const YamlPair *pair = &node->pairs[i];
        const ModelKey *found = NULL;
        for (size_t k = 0; k < key_count; k++) {
            if (base_str_equal(pair->key->text, base_str_from(keys[k].name))) {
                found = &keys[k];
            }
        }
        if (found != NULL) {
            found->read(reader, pair->key->text, pair->value, (char *)object + found->offset);
        } else if (!lang_model_is_split(reader, node, i)) {
            report_unknown(reader, pair->key, what, keys, key_count);
        }
    }
    return true;
}

static void keep_secret(ModelReader *reader, Str value) {
    if (value.size_bytes == 0) {
        return;
    }
    if (reader->secret_count == reader->secret_capacity) {
        size_t capacity = reader->secret_capacity == 0 ? 8 : reader->secret_capacity * 2;
        reader->secrets = base_arena_grow(reader->arena, reader->secrets, reader->secret_count,
                                          capacity, sizeof *reader->secrets);
        reader->secret_capacity = capacity;
    }
    reader->secrets[reader->secret_count++] = value;
}

// The password inside a URL is a secret by itself: drivers print it alone.
static void keep_password(ModelReader *reader, Str url) {
    const char *scheme = memmem(url.data, url.size_bytes, "://", 3);
    if (scheme == NULL) {
        return;
    }
    size_t begin = (size_t)(scheme - url.data) + 3;
    size_t colon = begin;
    while (colon < url.size_bytes && url.data[colon] != ':' && url.data[colon] != '/') {
        colon++;
    }
    size_t end = url.size_bytes;
    while (end > colon && url.data[end - 1] != '@') {
        end--;
    }
    if (end > colon + 2 && url.data[colon] == ':') {
        keep_secret(reader, (Str){url.data + colon + 1, end - colon - 2});
    }
}

static bool is_variable_char(char c, bool is_first) {
    bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    return is_letter || (!is_first && c >= '0' && c <= '9');
}

// Puts one variable in; `at` stands on the '$' of "${". Returns the offset after "}", 0 after an
// error.
static size_t put_variable(ModelReader *reader, const YamlNode *node, size_t at, Text *out) {
    Str text = node->text;
    size_t end = at + 2;
    while (end < text.size_bytes && is_variable_char(text.data[end], end == at + 2)) {
        end++;
    }
    if (end == at + 2 || end == text.size_bytes || text.data[end] != '}') {
        lang_model_error(reader, node,
                         "“${” begins the name of an environment variable, as in ${CRM_URL}: "
                         "letters, digits and _ up to “}”. For the text itself write “$${”.");
        return 0;
    }
    Str name = base_arena_str(reader->arena, (Str){text.data + at + 2, end - at - 2});
    const char *value = getenv(name.data);
    if (value == NULL) {
        lang_model_error(reader, node,
                         "The environment variable %s is not set. Set it before you start krets.",
                         name.data);
        return 0;
    }
    Str copy = base_arena_str(reader->arena, base_str_from(value));
    if (base_utf8_invalid(copy) != copy.size_bytes) {
        lang_model_error(reader, node, "The environment variable %s does not hold UTF-8 text.",
                         name.data);
        return 0;
    }
    keep_secret(reader, copy);
    keep_password(reader, copy);
    base_text_append(out, copy);
    return end + 1;
}

static bool put_variables(ModelReader *reader, const YamlNode *node, Str *ret_text) {
    BASE_TEXT_SCOPED out = {0};
    Str text = node->text;
    for (size_t at = 0; at < text.size_bytes;) {
        Str rest = {text.data + at, text.size_bytes - at};
        if (base_str_starts(rest, STR("$${"))) {
            base_text_append(&out, STR("${"));
            at += 3;
        } else if (base_str_starts(rest, STR("${"))) {
            at = put_variable(reader, node, at, &out);
            if (at == 0) {
                return false;
            }
        } else {
            base_text_append_char(&out, text.data[at++]);
        }
    }
    *ret_text = base_arena_str(reader->arena, base_text_str(&out));
    return true;
}

bool lang_model_text(ModelReader *reader, Str key, const YamlNode *node, Str *ret_text) {
    if (node->kind != YAML_SCALAR) {
        lang_model_error(reader, node,
                         "“%.*s” must be a text, not a %s. Text that begins with { or [ needs "
                         "quotes.",
                         STR_ARG(key), node->kind == YAML_MAPPING ? "mapping" : "list");
        return false;
    }
    if (lang_yaml_is_null(node)) {
        lang_model_error(reader, node, "“%.*s” has no value. Write one or leave the key out.",
                         STR_ARG(key));
        return false;
    }
    if (reader->is_in_source && base_str_contains(node->text, STR("${"))) {
        return put_variables(reader, node, ret_text);
    }
    *ret_text = node->text;
    return true;
}

// Whether a comment follows a plain scalar on its line.
static bool has_comment_after(const ModelReader *reader, const YamlNode *node) {
    Str text = reader->text->text;
    size_t at = node->end;
    while (at < text.size_bytes && (text.data[at] == ' ' || text.data[at] == '\t')) {
        at++;
    }
    return at > node->end && at < text.size_bytes && text.data[at] == '#';
}

bool lang_model_expression(ModelReader *reader, Str key, const YamlNode *node, Str *ret_text) {
    Str text;
    if (!lang_model_text(reader, key, node, &text)) {
        return false;
    }
    if (base_str_trim(text).size_bytes == 0) {
        lang_model_error(reader, node, "“%.*s” is empty: an expression is expected.", STR_ARG(key));
        return false;
    }
    if (node->style == SCALAR_PLAIN && is_unbalanced(text) && has_comment_after(reader, node)) {
        lang_model_error(reader, node,
                         "The # after this text begins a comment, so the rest of the expression "
                         "is lost. Put the whole expression in quotes.");
        return false;
    }
    *ret_text = text;
    return true;
}

bool lang_model_name_check(ModelReader *reader, const YamlNode *key) {
    Str name = key->text;
    bool is_blank = base_str_trim(name).size_bytes != name.size_bytes || name.size_bytes == 0;
    bool is_odd = false;
    for (size_t at = 0; at < name.size_bytes;) {
        uint32_t c = base_utf8_next(name, &at);
        is_odd = is_odd || c < 0x20 || c == '"' || c == 0x7F;
    }
    if (is_blank || is_odd || base_utf8_count(name) > 100) {
        lang_model_error(reader, key,
                         "A name has 1 to 100 characters, none of them a quote or a control "
                         "character, and no space at its ends.");
        return false;
    }
    return true;
}

bool lang_model_column_check(ModelReader *reader, const YamlNode *mapping, size_t place) {
    const YamlNode *key = mapping->pairs[place].key;
    Str name = key->text;
    if (!lang_model_name_check(reader, key))
        return false;
    for (size_t i = 0; i < place; i++) {
        Str other = mapping->pairs[i].key->text;
        if (other.size_bytes == name.size_bytes && !base_str_equal(other, name) &&
            strncasecmp(other.data, name.data, name.size_bytes) == 0) {
            lang_model_error(reader, key,
                             "“%.*s” and “%.*s” differ only in case, which columns of tables do "
                             "not tell apart: rename one.",
                             STR_ARG(other), STR_ARG(name));
            return false;
        }
    }
    return true;
}

void lang_model_read_text(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    lang_model_text(reader, key, value, field);
}

void lang_model_read_expression(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    lang_model_expression(reader, key, value, field);
}

void lang_model_read_boolean(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    bool is_true = base_str_equal(text, STR("true"));
    if (!is_true && !base_str_equal(text, STR("false"))) {
        lang_model_error(reader, value, "“%.*s” is true or false.", STR_ARG(key));
        return;
    }
    *(bool *)field = is_true;
}

void lang_model_read_zone(ModelReader *reader, Str key, const YamlNode *value, void *field) {
    Str text;
    if (!lang_model_text(reader, key, value, &text)) {
        return;
    }
    const Zone *zone;
    KretsError error = {0};
    if (base_zone_open(text, &zone, &error) != 0) {
        bool is_secret = reader->is_in_source && base_str_contains(value->text, STR("${"));
        lang_model_error(reader, value, "%s",
                         is_secret ? "The value of this variable is not an IANA time zone."
                                   : error.text);
        return;
    }
    *(Str *)field = text;
}
