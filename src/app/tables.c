#include "app/tables.h"

// The evaluator and DuckDB share the budget: DuckDB holds its 70 % only while it reads.
static size_t table_budget(const Project *project) {
    return project->options.memory_bytes / 10 * 6;
}

int app_tables_get(Project *project, size_t bucket, const EventTable **ret_table,
                   KretsError *error) {
    if (!project->table || project->table_bucket != bucket) {
        app_tables_done(project);
        project->table_arena = base_arena_new(table_budget(project));
        int r = store_read(project->store, project->table_arena, project->plan, bucket,
                           &project->table, error);
        if (r < 0) {
            project->table = NULL;
            return r;
        }
        project->table_bucket = bucket;
    }
    *ret_table = project->table;
    return 0;
}

void app_tables_done(Project *project) {
    base_arena_free(project->table_arena);
    project->table_arena = NULL;
    project->table = NULL;
}
