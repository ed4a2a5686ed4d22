// Writing the data-quality report as JSON.
#ifndef KRETS_INGEST_REPORT_JSON_H
#define KRETS_INGEST_REPORT_JSON_H

#include "ingest/ingest_private.h"

void report_string(Text *out, Str text);
// "key": with a comma before it unless it opens the object.
void report_key(Text *out, const char *key);
void report_text(Text *out, const char *key, Str text);
void report_count(Text *out, const char *key, uint64_t count);
// Numbers as numbers (decimals exactly), everything else as text, null as null.
void report_value(Text *out, const char *key, Value value);
void report_findings(Text *out, const char *key, const Findings *findings);

#endif
