// Named places where a test can kill the program.
//
// Built in by the option `fault_points` (off in releases). KRETS_FAULT=name[:count] in the
// environment kills the process, as kill -9 would, at the count-th hit (default: the first) of the
// point of that name; KRETS_FAULT_LOG=file gets one line, the name, for every hit.
#ifndef KRETS_BASE_FAULT_H
#define KRETS_BASE_FAULT_H

#ifdef KRETS_FAULT_POINTS
void base_fault_point(const char *name); // any thread
#else
static inline void base_fault_point(const char *name) {
    (void)name;
}
#endif

#endif
