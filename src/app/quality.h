// Data quality and the catalog, as JSON: what `krets profile --json` prints and the report shows.
#ifndef KRETS_APP_QUALITY_H
#define KRETS_APP_QUALITY_H

#include <jansson.h>

#include "app/project.h"

// {"sources": [...], "catalog": [...]}: the report of each source's last import, whole, and every
// event type with its properties. The store must be open.
int app_quality_profile(Project *project, json_t **ret_profile, KretsError *error);

// The same in the shape of `quality` in spec/report.schema.json.
int app_quality_report(Project *project, json_t **ret_quality, KretsError *error);

#endif
