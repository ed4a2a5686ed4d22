// YAML as a tree of nodes with their places. Only for the model reader.
#ifndef KRETS_LANG_YAML_PRIVATE_H
#define KRETS_LANG_YAML_PRIVATE_H

#include "lang/model.h"

#define LANG_YAML_DEPTH_MAX 20     // mappings and sequences inside each other
#define LANG_YAML_NODES_MAX 500000 // with every alias counted as often as it is used

typedef enum YamlKind { YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE } YamlKind;

typedef struct YamlNode YamlNode;

typedef struct YamlPair {
    const YamlNode *key; // a scalar
    const YamlNode *value;
} YamlPair;

struct YamlNode {
    YamlKind kind;
    Place place;
    bool is_flow; // a collection in flow style: { } [ ]
    Str text;     // YAML_SCALAR
    ScalarStyle style;
    size_t begin, end; // raw bytes of a scalar
    const YamlPair *pairs;
    const YamlNode *const *items;
    size_t count;  // of pairs or items
    size_t weight; // nodes in it, aliases expanded
};

// Parses one document (untrusted; valid UTF-8). Problems go to `diagnostics`: the first syntax
// error, and every duplicate key, tag, unknown alias, key that is no text and breach of a limit.
// Returns the root, as far as it could be read, or NULL. Everything lives in `arena`.
const YamlNode *lang_yaml_parse(Arena *arena, const SourceText *text, Diagnostics *diagnostics);

// Whether a scalar says nothing: empty, `~` or `null` without quotes.
bool lang_yaml_is_null(const YamlNode *node);
// Code points to mark under a node: of a scalar on one line its raw text, else 1.
int32_t lang_yaml_length(const SourceText *text, const YamlNode *node);

#endif
