// Files as bytes: their beginning, their hash, and their text as UTF-8.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ingest_private.h"

void file_unmap(FileBytes *bytes) {
    if (bytes->size_bytes > 0)
        munmap((void *)(uintptr_t)bytes->data, bytes->size_bytes);
}

int file_map(Str path, FileBytes *ret_bytes, KretsError *error) {
    BASE_TEXT_SCOPED name = {0};
    base_text_append(&name, path);
    int fd = open(name.data, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return base_error_set(error, BASE_E_STORE, "cannot read %s: %s", name.data,
                              strerror(saved));
    }
    FileBytes mapped = {.size_bytes = (size_t)status.st_size};
    if (!S_ISREG(status.st_mode)) {
        close(fd);
        return base_error_set(error, BASE_E_STORE, "cannot read %s: it is not a regular file",
                              name.data);
    }
    if (mapped.size_bytes > 0) {
        void *data = mmap(NULL, mapped.size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            int saved = errno;
            close(fd);
            return base_error_set(error, BASE_E_RESOURCES, "cannot map %s: %s", name.data,
                                  strerror(saved));
        }
        mapped.data = data;
    }
    close(fd);
    *ret_bytes = mapped;
    return 0;
}

int file_head(Str path, size_t most, Arena *arena, Str *ret_head, KretsError *error) {
    FILE_MAP_SCOPED mapped = {0};
    int r = file_map(path, &mapped, error);
    if (r < 0)
        return r;
    size_t size = mapped.size_bytes < most ? mapped.size_bytes : most;
    *ret_head = base_arena_str(arena, (Str){mapped.data, size});
    return 0;
}

// --- hash ---

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Folds 16 bytes at a time through a 128-bit product; for telling files apart, not for secrets.
int file_hash(Str path, uint64_t *ret_hash, KretsError *error) {
    FILE_MAP_SCOPED mapped = {0};
    int r = file_map(path, &mapped, error);
    if (r < 0)
        return r;
    const uint64_t odd[2] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1b54a32d192ed03)};
    uint64_t hash = mapped.size_bytes * odd[0];
    for (size_t i = 0; i < mapped.size_bytes; i += 16) {
        uint64_t words[2] = {0, 0};
        size_t left = mapped.size_bytes - i;
        memcpy(words, mapped.data + i, left < 16 ? left : 16);
        hash = mix(words[0] ^ odd[0], words[1] ^ hash ^ odd[1]) + odd[0];
    }
    *ret_hash = mix(hash ^ odd[1], odd[0]);
    return 0;
}

// --- temporary copies ---

int file_temporary(Stage *stage, const char *suffix, Str *ret_path) {
    const char *folder = stage->state->temp_directory;
    if (folder == NULL)
        folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    Str path = stage_printf(stage, "%s/krets-XXXXXX%s", folder, suffix);
    int fd = mkstemps((char *)(uintptr_t)path.data, (int)strlen(suffix));
    if (fd < 0)
        return base_error_set(stage->error, BASE_E_STORE,
                              "cannot create a temporary file in %s: %s", folder, strerror(errno));
    close(fd);
    *ret_path = path;
    return 0;
}

static const char *encoding_iconv(Str encoding) {
    static const char *const names[][2] = {
        {"utf-8", "UTF-8"},
        {"utf8", "UTF-8"},
        {"latin-1", "ISO-8859-1"},
        {"latin1", "ISO-8859-1"},
        {"iso-8859-1", "ISO-8859-1"},
        {"iso-8859-15", "ISO-8859-15"},
        {"latin-9", "ISO-8859-15"},
        {"windows-1252", "WINDOWS-1252"},
        {"cp1252", "WINDOWS-1252"},
        {"windows-1250", "WINDOWS-1250"},
        {"windows-1251", "WINDOWS-1251"},
        {"utf-16", "UTF-16"},
        {"utf-16le", "UTF-16LE"},
        {"utf-16be", "UTF-16BE"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Str name = base_str_from(names[i][0]);
        if (name.size_bytes == encoding.size_bytes &&
            strncasecmp(name.data, encoding.data, name.size_bytes) == 0)
            return names[i][1];
    }
    return NULL;
}

bool dialect_encoding_known(Str encoding) {
    return encoding_iconv(encoding) != NULL;
}

typedef struct Converter {
    iconv_t handle;
    FILE *out;
    uint64_t invalid_count;
} Converter;

static void close_converter(Converter *converter) {
    if (converter->handle != (iconv_t)-1)
        iconv_close(converter->handle);
    if (converter->out != NULL)
        fclose(converter->out);
}

// Bytes that mean nothing in the encoding become U+FFFD and are counted.
static bool convert(Converter *converter, const char *data, size_t size) {
    char *in = (char *)(uintptr_t)data;
    char buffer[1 << 16];
    while (size > 0) {
        char *out = buffer;
        size_t room = sizeof(buffer);
        size_t r = iconv(converter->handle, &in, &size, &out, &room);
        if (fwrite(buffer, 1, sizeof(buffer) - room, converter->out) != sizeof(buffer) - room)
            return false;
        if (r != (size_t)-1 || errno == E2BIG)
            continue;
        if (fputs("\xEF\xBF\xBD", converter->out) == EOF)
            return false;
        converter->invalid_count++;
        in++;
        size--;
    }
    return true;
}

int file_transcode(Stage *stage, InputFile *file, Str encoding) {
    FILE_MAP_SCOPED mapped = {0};
    int r = file_map(file->path, &mapped, stage->error);
    Str target = {0};
    if (r == 0)
        r = file_temporary(stage, ".txt", &target);
    if (r < 0)
        return r;
    assert(target.data != NULL);
    __attribute__((cleanup(close_converter))) Converter converter = {
        .handle = iconv_open("UTF-8", encoding_iconv(encoding)),
        .out = fopen(target.data, "we"),
    };
    if (converter.handle == (iconv_t)-1 || converter.out == NULL) {
        unlink(target.data);
        return base_error_set(stage->error, BASE_E_STORE, "cannot convert %.*s from %.*s: %s",
                              STR_ARG(file->shown), STR_ARG(encoding), strerror(errno));
    }
    bool is_written = convert(&converter, mapped.data, mapped.size_bytes);
    is_written = fclose(converter.out) == 0 && is_written;
    converter.out = NULL;
    if (!is_written) {
        unlink(target.data);
        return base_error_set(stage->error, BASE_E_RESOURCES,
                              "cannot write %s: %s: free some disk space", target.data,
                              strerror(errno));
    }
    if (converter.invalid_count > 0)
        findings_add(stage, &stage->noted, STR("bytes that mean nothing in the encoding"),
                     file->shown, converter.invalid_count);
    if (file->is_temporary)
        unlink(file->path.data);
    file->path = target;
    file->is_temporary = true;
    return 0;
}
