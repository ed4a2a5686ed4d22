// A project opened: its model file, its store, the catalog and the compiled plan.
#ifndef KRETS_APP_PROJECT_H
#define KRETS_APP_PROJECT_H

#include "index/index.h"
#include "lang/model.h"
#include "store/store.h"

// What a command was told; the same for all commands.
typedef struct AppOptions {
    Str directory;       // -C: holds krets.yaml
    Str data;            // --data: the store; "" : DIRECTORY/krets-data
    Str out;             // --out; "" : DIRECTORY/out
    Str now;             // --now: "" (the model's), a time, or "last-event"
    bool is_now_at;      // `now` was given as --at, for messages
    int64_t fit_version; // --fit: 0 the newest
    unsigned threads;    // 0: all processors
    size_t memory_bytes; // 0: half of the machine's memory
} AppOptions;

// Long work tells how far it is. `total` is 0 when it is not known; `done` counts `unit`s. Called
// from the calling thread only. `note` lines are for people and go to standard error.
typedef struct AppProgress {
    void (*step)(void *context, const char *what, double ratio, uint64_t done, const char *unit);
    void (*note)(void *context, Str line);
    void *context;
} AppProgress;

void app_progress_step(const AppProgress *progress, const char *what, double ratio, uint64_t done,
                       const char *unit);
void app_progress_note(const AppProgress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Everything lives in `arena`. `plan` is NULL until app_project_compile().
typedef struct Project {
    Arena *arena;
    AppOptions options; // with the defaults filled in
    const AppProgress *progress;
    const Model *model;
    Diagnostics diagnostics;
    Store *store;
    bool is_read_only; // the store was opened so
    Index *index;      // see app/history_index.h
    const Catalog *catalog;
    const Plan *plan;
    // The bucket read last: see app/tables.h.
    const EventTable *table;
    Arena *table_arena;
    size_t table_bucket;
} Project;

// A project without its model: for what looks at the store alone.
void app_project_begin(const AppOptions *options, const AppProgress *progress,
                       Project *ret_project);
// Reads the model; the errors are in the project's diagnostics (BASE_E_USAGE). `progress` may be
// NULL.
int app_project_open(const AppOptions *options, const AppProgress *progress, Project *ret_project,
                     KretsError *error);
void app_project_done(Project *project);
#define APP_PROJECT_SCOPED __attribute__((cleanup(app_project_done))) Project

// Opens the store (creating it unless read-only). BASE_E_STORE when read-only and there is none
// yet: the message says to run `krets import`.
int app_project_open_store(Project *project, bool is_read_only, KretsError *error);

// Whether every file of the open store is as it was written. BASE_E_STORE: names the first that is
// not and says what to do.
int app_project_check_store(Project *project, KretsError *error);

// Compiles the model against the store's catalog, or, before the first import, against the sources'
// own columns. BASE_E_USAGE: see the diagnostics.
int app_project_compile(Project *project, KretsError *error);

// Whether the model's sources are defined otherwise than at the last import (new ones, too): then
// the store's catalog may lack what the model speaks of. Needs the store.
int app_project_is_stale(Project *project, bool *ret_is_stale, KretsError *error);

// The instant to evaluate at: --now, else the model's `now`. Needs the store for `last event`.
// Whether --now can be read, before any work is done for it.
int app_project_check_now(const Project *project, KretsError *error);
int app_project_now(Project *project, int64_t *ret_now_us, KretsError *error);

// The time that an option was given: as --now, or "last-event", which needs the store; and whether
// it can be read. BASE_E_USAGE names the option.
int app_project_check_time(const Project *project, const char *option, Str text, KretsError *error);
int app_project_read_time(Project *project, const char *option, Str text, int64_t *ret_time_us,
                          KretsError *error);

int64_t app_project_wall_clock(void); // microseconds, UTC

// A file of the project's directory (or the path itself when absolute); NUL-terminated.
Str app_project_path(const Project *project, Str directory, Str name);

// Hash of what the answers depend on besides now: the canonical model and the imported content.
int app_project_hash(Project *project, Str *ret_hash, KretsError *error);

// 2011-12-09 12:50:00 in the model's zone, with the zone's name: for people.
Str app_project_time(const Project *project, int64_t time_us);

#endif
