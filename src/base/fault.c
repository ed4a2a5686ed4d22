#include "base/fault.h"

#ifdef KRETS_FAULT_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_hit(const char *name) {
    const char *path = getenv("KRETS_FAULT_LOG");
    if (path == NULL || path[0] == '\0')
        return;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    dprintf(fd, "%s\n", name);
    close(fd);
}

void base_fault_point(const char *name) {
    static atomic_int hits;
    log_hit(name);
    const char *chosen = getenv("KRETS_FAULT");
    if (chosen == NULL)
        return;
    size_t size = strlen(name);
    if (strncmp(chosen, name, size) != 0 || (chosen[size] != '\0' && chosen[size] != ':'))
        return;
    long wanted = chosen[size] == ':' ? strtol(chosen + size + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&hits, 1) + 1 == wanted)
        kill(getpid(), SIGKILL);
}

#endif
