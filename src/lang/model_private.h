// What the files of the model reader share.
#ifndef KRETS_LANG_MODEL_PRIVATE_H
#define KRETS_LANG_MODEL_PRIVATE_H

#include "lang/yaml_private.h"

typedef struct ModelReader {
    Arena *arena;
    Diagnostics *diagnostics;
    SourceText *text;
    Model *model;
    bool is_in_source; // ${VAR} is put in here only
    Str *secrets;
    size_t secret_count, secret_capacity;
    const YamlNode *now; // is read last: its zone is the model's
    const YamlNode *timezone;
} ModelReader;

// Reads `value` into `field`, which points into the object that is being read.
typedef void (*ModelReadKey)(ModelReader *reader, Str key, const YamlNode *value, void *field);

typedef struct ModelKey {
    const char *name;
    ModelReadKey read;
    size_t offset; // of the field in the object
} ModelKey;

void lang_model_error(ModelReader *reader, const YamlNode *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Reads a mapping by a table of its keys. `what` names it in messages ("the source “crm”"). Unknown
// keys are errors with a suggestion. Returns whether it was a mapping.
bool lang_model_read_keys(ModelReader *reader, const YamlNode *node, Str what, void *object,
                          const ModelKey *keys, size_t key_count);
const YamlNode *lang_model_find(const YamlNode *mapping, const char *key); // NULL: not there

// The text of a scalar with ${VAR} put in where that is allowed; false after an error.
bool lang_model_text(ModelReader *reader, Str key, const YamlNode *node, Str *ret_text);
// The text of an expression or SQL: not empty, no sign of having been split.
bool lang_model_expression(ModelReader *reader, Str key, const YamlNode *node, Str *ret_text);
// Whether a key may name a metric, a segment, a source: else an error.
bool lang_model_name_check(ModelReader *reader, const YamlNode *key);
// The name at `place` of metrics or segments, which becomes a column: no earlier one may differ
// from it only in case.
bool lang_model_column_check(ModelReader *reader, const YamlNode *mapping, size_t place);
// In { } a comma inside an expression makes a key without value: says so at most once a mapping and
// returns whether this pair is such a rest.
bool lang_model_is_split(ModelReader *reader, const YamlNode *mapping, size_t pair);

// Readers for tables of keys; the type of the field stands behind each.
void lang_model_read_text(ModelReader *reader, Str key, const YamlNode *value, void *field); // Str
void lang_model_read_boolean(ModelReader *reader, Str key, const YamlNode *value,
                             void *field); // bool
void lang_model_read_expression(ModelReader *reader, Str key, const YamlNode *value,
                                void *field);                                                // Str
void lang_model_read_zone(ModelReader *reader, Str key, const YamlNode *value, void *field); // Str

void lang_model_read_sources(ModelReader *reader, Str key, const YamlNode *value, void *model);
void lang_model_read_metrics(ModelReader *reader, Str key, const YamlNode *value, void *model);
void lang_model_read_segments(ModelReader *reader, Str key, const YamlNode *value, void *model);

#endif
