#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_scoped(int *descriptor) {
    if (*descriptor >= 0) {
        close(*descriptor);
    }
}
#define FILE_SCOPED __attribute__((cleanup(close_scoped))) int

static int report(KretsError *error, const char *what, const char *path) {
    int cause = errno;
    bool full = cause == ENOSPC || cause == EDQUOT || cause == ENOMEM;
    return base_error_set(error, full ? BASE_E_RESOURCES : BASE_E_STORE, "cannot %s %s: %s", what,
                          path, strerror(cause));
}

int base_file_read(const char *path, size_t limit_bytes, Text *text, KretsError *error) {
    FILE_SCOPED file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not block us
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        return report(error, "read", path);
    }
    if (!S_ISREG(status.st_mode)) {
        return base_error_set(error, BASE_E_USAGE, "%s is not a regular file", path);
    }
    size_t before = text->size_bytes;
    char buffer[16384];
    for (;;) {
        ssize_t got = read(file, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        bool failed = got < 0;
        bool too_large = got > 0 && text->size_bytes - before + (size_t)got > limit_bytes;
        if (failed || too_large) {
            int code = failed ? report(error, "read", path)
                              : base_error_set(error, BASE_E_USAGE,
                                               "%s is larger than the limit of %zu bytes", path,
                                               limit_bytes);
            if (text->data != NULL) {
                text->size_bytes = before;
                text->data[before] = '\0';
            }
            return code;
        }
        if (got == 0) {
            base_text_append(text, (Str){NULL, 0}); // so that an empty file has its NUL too
            return BASE_OK;
        }
        base_text_append(text, (Str){buffer, (size_t)got});
    }
}

static bool write_all(int file, Str content) {
    while (content.size_bytes > 0) {
        ssize_t written = write(file, content.data, content.size_bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        content.data += written;
        content.size_bytes -= (size_t)written;
    }
    return true;
}

static bool sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    BASE_TEXT_SCOPED folder = {0};
    if (slash == NULL) {
        base_text_append_char(&folder, '.');
    } else {
        base_text_append(&folder, (Str){path, (size_t)(slash - path) + 1});
    }
    FILE_SCOPED descriptor = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return descriptor >= 0 && (fsync(descriptor) == 0 || errno == EINVAL);
}

int base_file_write(const char *path, Str content, KretsError *error) {
    BASE_TEXT_SCOPED temporary = {0};
    base_text_printf(&temporary, "%s.XXXXXX", path);
    FILE_SCOPED file = mkostemp(temporary.data, O_CLOEXEC);
    if (file < 0) {
        return report(error, "write", path);
    }
    mode_t mask = umask(0); // mkostemp makes 0600; there is no other way to read the mask
    umask(mask);
    bool written = fchmod(file, 0644 & ~mask) == 0 && write_all(file, content) &&
                   fsync(file) == 0 && rename(temporary.data, path) == 0;
    if (!written) {
        int code = report(error, "write", path);
        unlink(temporary.data);
        return code;
    }
    if (!sync_folder(path)) {
        return report(error, "make durable", path);
    }
    return BASE_OK;
}
