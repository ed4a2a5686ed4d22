// The index of the project's history.
#ifndef KRETS_APP_HISTORY_INDEX_H
#define KRETS_APP_HISTORY_INDEX_H

#include "app/project.h"

// More event types than this are not all indexed, but those that the plan names.
enum { HISTORY_INDEX_EVENT_MAX = 1000 };

// Makes project->index an index of the store as it is, with the columns that the plan reads: the
// one in the data folder's `index`, which is made when there is none, made anew when it is outdated
// or damaged (with `is_thorough` every byte is checked), and gets the columns it lacks. The project
// needs its store and its plan. Where the folder cannot be written, or another process is making
// its index, a read-only project makes its own in memory. What was made, and why, is noted on the
// project's progress. Nothing happens when the project has its index already.
int app_history_index_open(Project *project, bool is_thorough, KretsError *error);

// After reading the project's index failed: 1 when it was damaged and has been made anew, so that
// the work can be done again; else `code`, and the index stays.
int app_history_index_renew(Project *project, int code, KretsError *error);

// Where the index lies; NUL-terminated.
Str app_history_index_directory(const Project *project);

// What an index of the project's store and plan must have been made from.
Str app_history_index_stamp(const Project *project);

#endif
