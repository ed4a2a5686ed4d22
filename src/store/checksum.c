// Is everything as it was written? Checksums of files (BLAKE2b with 256 bits, in hexadecimal) and
// the control database's own check.

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

enum { CHECKSUM_BYTES = 32, CHECKSUM_READ_BYTES = 1 << 20, CONTROL_FAULTS_MAX = 32 };
_Static_assert(STORE_CHECKSUM_TEXT == 2 * CHECKSUM_BYTES + 1, "two digits a byte and the NUL");

static int read_all(int fd, const char *path, crypto_generichash_state *state, KretsError *error) {
    unsigned char *buffer = malloc(CHECKSUM_READ_BYTES);
    if (buffer == NULL)
        abort();
    ssize_t n;
    while ((n = read(fd, buffer, CHECKSUM_READ_BYTES)) > 0)
        crypto_generichash_update(state, buffer, (unsigned long long)n);
    int code = errno;
    free(buffer);
    if (n == 0)
        return 0;
    return base_error_set(error, BASE_E_STORE, "cannot read %s: %s", path, strerror(code));
}

int store_file_checksum(const char *path, char *ret_text, KretsError *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return base_error_set(error, BASE_E_STORE, "cannot open %s: %s", path, strerror(errno));
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHECKSUM_BYTES);
    int r = read_all(fd, path, &state, error);
    close(fd);
    if (r < 0)
        return r;
    unsigned char digest[CHECKSUM_BYTES];
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(ret_text, STORE_CHECKSUM_TEXT, digest, sizeof(digest));
    return 0;
}

int store_check_files(Store *store, Arena *arena, StoreFault **ret_faults, size_t *ret_count,
                      KretsError *error) {
    (void)error;
    const Manifest *manifest = store->manifest;
    StoreFault *faults = base_arena_alloc_array(arena, manifest->file_count + 1, sizeof(*faults));
    size_t count = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        const StoredFile *file = &manifest->files[i];
        Str path = store_path(arena, store, "%.*s", STR_ARG(file->path));
        char checksum[STORE_CHECKSUM_TEXT];
        KretsError reason;
        Str text = {NULL, 0};
        if (store_file_checksum(path.data, checksum, &reason) < 0)
            text = base_arena_printf(arena,
                                     "%s; restore it from a backup, or remove the data folder and "
                                     "import again",
                                     reason.text);
        else if (!base_str_equal(file->checksum, base_str_from(checksum)))
            text = STR(
                "its checksum is not the manifest's: the file was changed or the disk is "
                "failing; restore it from a backup, or remove the data folder and import again");
        if (text.data != NULL)
            faults[count++] = (StoreFault){base_arena_str(arena, file->path), text};
    }
    *ret_faults = faults;
    *ret_count = count;
    return 0;
}

// --- the control database ---

static void add_fault(Arena *arena, const char *sentence, Str text, StoreFault *faults,
                      size_t *count) {
    if (*count < CONTROL_FAULTS_MAX)
        faults[(*count)++] = (StoreFault){
            STR("krets.sqlite"),
            base_arena_printf(arena,
                              "%s: %.*s; restore it from a backup, or remove the data folder and "
                              "import again",
                              sentence, STR_ARG(text))};
}

// Rows of a pragma as sentences: one for each fault. That it cannot be run is one, too.
static int ask_pragma(Store *store, Arena *arena, const char *pragma, const char *sentence,
                      StoreFault *faults, size_t *count, KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    KretsError reason = {0};
    int r = db_sqlite_query(store->sqlite, &rows, &reason, pragma, "");
    while (r == 0 && (r = db_sqlite_next(rows, &reason)) == 1) {
        Str text = db_sqlite_text(rows, 0, arena);
        if (!base_str_equal(text, STR("ok")))
            add_fault(arena, sentence, text, faults, count);
        r = 0;
    }
    if (r == BASE_E_STORE) {
        add_fault(arena, sentence, base_str_from(reason.text), faults, count);
        return 0;
    }
    return r < 0 ? base_error_set(error, r, "%s", reason.text) : 0;
}

int store_check_control(Store *store, Arena *arena, StoreFault **ret_faults, size_t *ret_count,
                        KretsError *error) {
    StoreFault *faults = base_arena_alloc_array(arena, CONTROL_FAULTS_MAX, sizeof(*faults));
    size_t count = 0;
    int r = ask_pragma(store, arena, "pragma integrity_check", "the control database is damaged",
                       faults, &count, error);
    if (r == 0)
        r = ask_pragma(store, arena, "pragma foreign_key_check",
                       "the control database has a row without the import it belongs to, in",
                       faults, &count, error);
    if (r < 0)
        return r;
    *ret_faults = faults;
    *ret_count = count;
    return 0;
}
