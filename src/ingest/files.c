// Which files a source names, and whether they changed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ingest_private.h"

static bool is_remote(Str path) {
    return base_str_contains(path, STR("://")) && !base_str_starts(path, STR("file://"));
}

static bool is_packed(Str path) {
    return base_str_ends(path, STR(".gz")) || base_str_ends(path, STR(".zst"));
}

static bool has_glob(Str path) {
    return memchr(path.data, '*', path.size_bytes) != NULL ||
           memchr(path.data, '?', path.size_bytes) != NULL ||
           memchr(path.data, '[', path.size_bytes) != NULL;
}

// --- remote access ---

static Str environment(const char *first, const char *second) {
    const char *value = getenv(first);
    if ((value == NULL || value[0] == '\0') && second != NULL)
        value = getenv(second);
    return base_str_from(value);
}

static void add_secret_part(Stage *stage, Text *sql, const char *name, Str value) {
    if (value.size_bytes == 0)
        return;
    base_text_printf(sql, ", %s ", name);
    db_sql_literal(sql, value);
    if (strcmp(name, "key_id") == 0 || strcmp(name, "secret") == 0 ||
        strcmp(name, "session_token") == 0)
        db_duck_redact(stage->duck, value);
}

// Keys and the endpoint come from the variables that Amazon's own tools read.
static int create_s3_secret(Stage *stage) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("create or replace temporary secret krets_s3 (type s3"));
    add_secret_part(stage, &sql, "key_id", environment("AWS_ACCESS_KEY_ID", NULL));
    add_secret_part(stage, &sql, "secret", environment("AWS_SECRET_ACCESS_KEY", NULL));
    add_secret_part(stage, &sql, "session_token", environment("AWS_SESSION_TOKEN", NULL));
    add_secret_part(stage, &sql, "region", environment("AWS_REGION", "AWS_DEFAULT_REGION"));
    Str endpoint = environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
    if (endpoint.size_bytes > 0) {
        bool is_plain = base_str_starts(endpoint, STR("http://"));
        size_t skip = is_plain ? 7 : base_str_starts(endpoint, STR("https://")) ? 8 : 0;
        Str host = {endpoint.data + skip, endpoint.size_bytes - skip};
        while (base_str_ends(host, STR("/")))
            host.size_bytes--;
        add_secret_part(stage, &sql, "endpoint", host);
        base_text_printf(&sql, ", url_style 'path', use_ssl %s", is_plain ? "false" : "true");
    }
    base_text_append_char(&sql, ')');
    return stage_run(stage, base_text_str(&sql));
}

static int prepare_remote(Stage *stage, Str path) {
    int r = db_duck_load(stage->duck, "httpfs", stage->error);
    if (r == 0)
        r = stage_run(stage, STR("set enable_server_cert_verification = true; "
                                 "set enable_curl_server_cert_verification = true"));
    const char *authority = getenv("SSL_CERT_FILE");
    if (r == 0 && authority != NULL && authority[0] != '\0')
        r = stage_run(stage, stage_printf(stage, "set ca_cert_file = %s",
                                          stage_literal(stage, base_str_from(authority)).data));
    if (r == 0 && (base_str_starts(path, STR("s3://")) || base_str_starts(path, STR("s3a://"))))
        r = create_s3_secret(stage);
    return r;
}

// --- listing ---

static InputKind kind_of(Str path) {
    if (is_packed(path))
        path.size_bytes -= base_str_ends(path, STR(".gz")) ? 3 : 4;
    if (is_remote(path)) { // what follows ? or # is not the name
        for (size_t i = 0; i < path.size_bytes; i++)
            if (path.data[i] == '?' || path.data[i] == '#')
                path.size_bytes = i;
    }
    static const struct {
        const char *suffix;
        InputKind kind;
    } suffixes[] = {
        {".parquet", INPUT_PARQUET}, {".pq", INPUT_PARQUET}, {".jsonl", INPUT_JSON},
        {".ndjson", INPUT_JSON},     {".json", INPUT_JSON},  {".xlsx", INPUT_EXCEL},
    };
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        Str suffix = base_str_from(suffixes[i].suffix);
        if (path.size_bytes >= suffix.size_bytes &&
            strncasecmp(path.data + path.size_bytes - suffix.size_bytes, suffix.data,
                        suffix.size_bytes) == 0)
            return suffixes[i].kind;
    }
    return INPUT_CSV;
}

static int list_local(Stage *stage, Str pattern) {
    Str sql = has_glob(pattern)
                  ? stage_printf(stage, "select file from glob(%s) order by file",
                                 stage_literal(stage, pattern).data)
                  : stage_printf(stage, "select %s", stage_literal(stage, pattern).data);
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(stage->duck, sql, &result, stage->error);
    if (r < 0)
        return r;
    size_t capacity = 0;
    while ((r = db_duck_next(result, stage->error)) > 0) {
        Str path = base_arena_str(stage->arena, db_duck_value(result, 0).text);
        struct stat status;
        if (stat(path.data, &status) < 0)
            return base_error_set(stage->error, BASE_E_STORE, "%s: cannot read %s: %s",
                                  stage_source(stage), path.data, strerror(errno));
        if (S_ISDIR(status.st_mode) && has_glob(pattern))
            continue;
        if (S_ISDIR(status.st_mode))
            return base_error_set(stage->error, BASE_E_USAGE,
                                  "%s: %s is a folder: name its files, such as %s/*.csv",
                                  stage_source(stage), path.data, path.data);
        if (stage->file_count == capacity) {
            size_t wider = capacity == 0 ? 16 : capacity * 2;
            stage->files =
                base_arena_grow(stage->arena, stage->files, capacity, wider, sizeof(InputFile));
            capacity = wider;
        }
        stage->files[stage->file_count++] = (InputFile){
            .path = path,
            .shown = path,
            .size_bytes = (uint64_t)status.st_size,
            .stamp = stage_printf(stage, "%lld.%lld.%ld.%lld.%ld", (long long)status.st_size,
                                  (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                                  (long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec),
        };
    }
    return r;
}

static int list_remote(Stage *stage, Str pattern) {
    int r = prepare_remote(stage, pattern);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s", stage_source(stage));
    DB_DUCK_RESULT_SCOPED result = NULL;
    Str sql = stage_printf(stage,
                           "select filename, size, cast(last_modified as varchar) from "
                           "read_blob(%s) order by filename",
                           stage_literal(stage, pattern).data);
    r = db_duck_query(stage->duck, sql, &result, stage->error);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                 STR_ARG(pattern));
    size_t capacity = 0;
    while ((r = db_duck_next(result, stage->error)) > 0) {
        if (stage->file_count == capacity) {
            size_t wider = capacity == 0 ? 16 : capacity * 2;
            stage->files =
                base_arena_grow(stage->arena, stage->files, capacity, wider, sizeof(InputFile));
            capacity = wider;
        }
        Value size = db_duck_value(result, 1), time = db_duck_value(result, 2);
        Str path = base_arena_str(stage->arena, db_duck_value(result, 0).text);
        Str stamp = {NULL, 0};
        if (!size.is_null && !time.is_null && !base_str_starts(time.text, STR("1970-01-01")))
            stamp = stage_printf(stage, "%lld.%.*s", (long long)size.integer, STR_ARG(time.text));
        stage->files[stage->file_count++] = (InputFile){
            .path = path,
            .shown = path,
            .size_bytes = size.is_null ? 0 : (uint64_t)size.integer,
            .stamp = stamp,
        };
    }
    return r;
}

static Str absolute_pattern(Stage *stage) {
    Str file = stage->source->file;
    if (base_str_starts(file, STR("file://")))
        return base_arena_str(stage->arena, (Str){file.data + 7, file.size_bytes - 7});
    if (is_remote(file) || base_str_starts(file, STR("/")) ||
        stage->model->directory.size_bytes == 0)
        return base_arena_str(stage->arena, file);
    return stage_printf(stage, "%.*s/%.*s", STR_ARG(stage->model->directory), STR_ARG(file));
}

int files_list(Stage *stage) {
    Str pattern = absolute_pattern(stage);
    int r = is_remote(pattern) ? list_remote(stage, pattern) : list_local(stage, pattern);
    if (r < 0)
        return r;
    if (stage->file_count == 0)
        return base_error_set(stage->error, BASE_E_STORE, "%s: no file matches %.*s",
                              stage_source(stage), STR_ARG(pattern));
    stage->kind = kind_of(stage->files[0].path);
    for (size_t i = 1; i < stage->file_count; i++)
        if (kind_of(stage->files[i].path) != stage->kind)
            return base_error_set(stage->error, BASE_E_USAGE,
                                  "%s: %.*s and %.*s are files of different kinds: make two "
                                  "sources of them",
                                  stage_source(stage), STR_ARG(stage->files[0].shown),
                                  STR_ARG(stage->files[i].shown));
    return 0;
}

// --- copies ---

static int unpack(Stage *stage, InputFile *file) {
    Str target;
    int r = file_temporary(stage, ".txt", &target);
    if (r < 0)
        return r;
    Str sql = stage_printf(
        stage,
        "copy (select line from read_csv(%s, columns = {'line': 'VARCHAR'}, delim = chr(1), "
        "quote = '', escape = '', header = false, auto_detect = false, strict_mode = false)) "
        "to %s (format csv, header false, delimiter '\x01', quote '', escape '')",
        stage_literal(stage, file->path).data, stage_literal(stage, target).data);
    r = stage_run(stage, sql);
    if (file->is_temporary)
        unlink(file->path.data);
    file->path = target;
    file->is_temporary = true;
    return r;
}

static int download(Stage *stage, InputFile *file) {
    Str target;
    Str suffix = base_str_ends(file->path, STR(".gz"))    ? STR(".gz")
                 : base_str_ends(file->path, STR(".zst")) ? STR(".zst")
                 : stage->kind == INPUT_EXCEL             ? STR(".xlsx")
                                                          : STR(".txt");
    int r = file_temporary(stage, suffix.data, &target);
    if (r < 0)
        return r;
    r = stage_run(
        stage,
        stage_printf(stage, "copy (select content from read_blob(%s)) to %s (format blob)",
                     stage_literal(stage, file->path).data, stage_literal(stage, target).data));
    file->path = target;
    file->is_temporary = true;
    return r;
}

int files_fetch(Stage *stage) {
    for (size_t i = 0; i < stage->file_count; i++) {
        InputFile *file = &stage->files[i];
        int r = 0;
        if (is_remote(file->path))
            r = download(stage, file);
        if (r == 0 && is_packed(file->path))
            r = unpack(stage, file);
        if (r < 0)
            return base_error_prefix(stage->error, r, "%s: cannot read %.*s", stage_source(stage),
                                     STR_ARG(file->shown));
    }
    return 0;
}

void files_release(Stage *stage) {
    for (size_t i = 0; i < stage->file_count; i++)
        if (stage->files[i].is_temporary)
            unlink(stage->files[i].path.data);
    stage->file_count = 0;
}
