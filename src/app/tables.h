// Tables of customers, one bucket at a time.
#ifndef KRETS_APP_TABLES_H
#define KRETS_APP_TABLES_H

#include "app/project.h"
#include "data/table.h"

// The table of a bucket of the project's store, with what the project's plan needs. Valid until
// another bucket is asked for: memory stays bounded by the largest bucket, and with a single bucket
// (small data) all passes over the customers share one read.
int app_tables_get(Project *project, size_t bucket, const EventTable **ret_table,
                   KretsError *error);
void app_tables_done(Project *project);

#endif
