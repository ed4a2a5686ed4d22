// What the files of the population share.
#ifndef KRETS_APP_POPULATION_PRIVATE_H
#define KRETS_APP_POPULATION_PRIVATE_H

#include "app/population.h"
#include "engine/kernel.h"

// The kernel over the project's index, which is opened (and made) when it is not yet.
typedef struct PopulationJob {
    Project *project;
    const Plan *plan; // the project's, or one that differs from it in its metrics only
    const KernelOptions *options;
    const FitSet *fits;
    const int64_t *nows_us;
    size_t now_count;
    KernelSink sink;
    void *context;
} PopulationJob;
int app_population_run(const PopulationJob *job, KretsError *error);

#endif
