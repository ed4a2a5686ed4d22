// out/report.html: the page with the run's data inside.
#ifndef KRETS_APP_REPORT_H
#define KRETS_APP_REPORT_H

#include "app/run.h"

// Writes out/report.html and notes its path in the result. The document inside follows
// spec/report.schema.json.
int app_report_write(Project *project, const Answers *answers, RunResult *result,
                     const PopulationHistory *history, KretsError *error);

#endif
