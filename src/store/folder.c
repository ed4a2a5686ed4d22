// The data folder on disk: lock, syncing, sweeping.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "store/store_private.h"

enum { LOCK_TEXT_MAX = 512 };

int64_t store_clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int fail_path(const char *action, const char *path, KretsError *error) {
    int code = errno == ENOSPC || errno == EDQUOT ? BASE_E_RESOURCES : BASE_E_STORE;
    return base_error_set(error, code, "cannot %s %s: %s", action, path, strerror(errno));
}

int store_folder_make(const char *path, KretsError *error) {
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    return fail_path("create the folder", path, error);
}

static int sync_path(const char *path, int flags, KretsError *error) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return fail_path("open", path, error);
    int r = fsync(fd) == 0 ? 0 : fail_path("write", path, error);
    close(fd);
    return r;
}

int store_folder_sync(const char *path, KretsError *error) {
    return sync_path(path, O_RDONLY | O_DIRECTORY, error);
}

int store_file_sync(const char *path, KretsError *error) {
    return sync_path(path, O_RDONLY, error);
}

// --- lock ---

// Program and command ("krets import"), never the further arguments.
static void append_command(Text *out) {
    char line[LOCK_TEXT_MAX] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 2);
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    const char *name = strrchr(line, '/');
    name = name != NULL ? name + 1 : line;
    const char *second = line + strlen(line) + 1;
    bool has_second = second < line + n && second[0] != '\0' && second[0] != '-';
    base_text_printf(out, "%s%s%s", name, has_second ? " " : "", has_second ? second : "");
}

static int write_holder(int fd, const char *path, KretsError *error) {
    BASE_TEXT_SCOPED text = {0};
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    char since[32];
    strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &utc);
    base_text_printf(&text, "pid %ld, ", (long)getpid());
    append_command(&text);
    base_text_printf(&text, ", since %s\n", since);
    if (ftruncate(fd, 0) == 0 &&
        pwrite(fd, text.data, text.size_bytes, 0) == (ssize_t)text.size_bytes)
        return 0;
    return fail_path("write", path, error);
}

static int fail_held(const Store *store, int fd, KretsError *error) {
    char holder[LOCK_TEXT_MAX];
    ssize_t n = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return base_error_set(error, BASE_E_STORE,
                          "%.*s is in use by another process (%s): wait until it has ended",
                          STR_ARG(store->directory), holder[0] != '\0' ? holder : "unknown");
}

int store_lock_take(Store *store, KretsError *error) {
    Str path = store_path(store->arena, store, "lock");
    int fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_path("open", path.data, error);
    int r = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        r = errno == EWOULDBLOCK ? fail_held(store, fd, error)
                                 : fail_path("lock", path.data, error);
    if (r == 0)
        r = write_holder(fd, path.data, error);
    if (r < 0) {
        close(fd);
        return r;
    }
    store->lock_fd = fd;
    return 0;
}

// --- sweep ---

static bool is_history_file(const char *name) {
    Str text = base_str_from(name);
    return base_str_ends(text, STR(".parquet")) || base_str_ends(text, STR(".parquet.part"));
}

// Removes the folder's history files that are not in `known` (paths below the data folder); all
// files when `known` is NULL. A folder that does not exist is swept.
static int sweep_folder(Store *store, const char *below, const Map *known, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str path = store_path(arena, store, "%s", below);
    DIR *folder = opendir(path.data);
    if (folder == NULL)
        return errno == ENOENT ? 0 : fail_path("open", path.data, error);
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        Str file = base_arena_printf(arena, "%s/%s", below, entry->d_name);
        if (known != NULL &&
            (!is_history_file(entry->d_name) || base_map_get(known, file, &(uint64_t){0})))
            continue;
        Str whole = store_path(arena, store, "%s", file.data);
        if (unlink(whole.data) != 0 && errno != ENOENT && errno != EISDIR)
            r = fail_path("remove", whole.data, error);
    }
    closedir(folder);
    return r;
}

static int sweep_buckets(Store *store, const Map *known, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str path = store_path(arena, store, "events");
    DIR *folder = opendir(path.data);
    if (folder == NULL)
        return errno == ENOENT ? 0 : fail_path("open", path.data, error);
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(folder)) != NULL;) {
        if (!base_str_starts(base_str_from(entry->d_name), STR("bucket=")))
            continue;
        Str below = base_arena_printf(arena, "events/%s", entry->d_name);
        r = sweep_folder(store, below.data, known, error);
    }
    closedir(folder);
    return r;
}

static int known_runs(Store *store, Map *known, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error, "select path from run", "");
    while (r == 0 && (r = db_sqlite_next(rows, error)) == 1) {
        base_map_put(known, db_sqlite_text(rows, 0, arena), 1);
        r = 0;
    }
    return r;
}

int store_sweep(Store *store, KretsError *error) {
    BASE_MAP_SCOPED known = base_map_new();
    for (size_t i = 0; i < store->manifest->file_count; i++)
        base_map_put(known, store->manifest->files[i].path, 1);
    int r = known_runs(store, known, error);
    if (r == 0)
        r = sweep_buckets(store, known, error);
    if (r == 0)
        r = sweep_folder(store, "runs", known, error);
    if (r == 0)
        r = sweep_folder(store, "tmp", NULL, error);
    return r;
}
