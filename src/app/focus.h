// A project narrowed to one segment and what that names.
#ifndef KRETS_APP_FOCUS_H
#define KRETS_APP_FOCUS_H

#include "app/project.h"

// Compiles the model again with that segment alone, the metrics and segments that it names, and no
// `value`: so the history is read with the columns and events that the segment needs. Replaces the
// project's model and plan; `ret_segment` is the segment's index in the new one.
int app_focus_segment(Project *project, int32_t segment, int32_t *ret_segment, KretsError *error);

#endif
