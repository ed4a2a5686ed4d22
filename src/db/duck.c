#include "db/duck.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/duck_private.h"

// The vectors of a VARCHAR column hold these (inlined up to 12 bytes).
_Static_assert(sizeof(duckdb_string_t) == 16, "the layout of DuckDB's strings has changed");

struct Duck {
    duckdb_database database; // NULL in a further connection
    duckdb_connection connection;
    char **secrets;
    size_t secret_count;
    char *temp_directory;
    size_t memory_bytes;
};

duckdb_connection duck_connection(const Duck *duck) {
    return duck->connection;
}

// --- messages ---

static void replace_all(Text *text, const char *secret) {
    BASE_TEXT_SCOPED out = {0};
    const char *rest = text->data;
    size_t secret_bytes = strlen(secret);
    for (const char *hit = strstr(rest, secret); hit != NULL; hit = strstr(rest, secret)) {
        base_text_append(&out, (Str){rest, (size_t)(hit - rest)});
        base_text_append(&out, STR("***"));
        rest = hit + secret_bytes;
    }
    if (rest == text->data)
        return;
    base_text_append(&out, base_str_from(rest));
    base_text_clear(text);
    base_text_append(text, base_text_str(&out));
}

static bool is_disk_full(const char *message) {
    return strstr(message, "No space left") != NULL || strstr(message, "ENOSPC") != NULL ||
           strstr(message, "max_temp_directory_size") != NULL ||
           strstr(message, "failed to offload data block") != NULL;
}

static int fail_resources(const Duck *duck, bool is_disk, KretsError *error) {
    const char *directory = duck->temp_directory != NULL ? duck->temp_directory : "(none)";
    if (is_disk)
        return base_error_set(
            error, BASE_E_RESOURCES,
            "the disk is full: free some space where %s lies and where results are "
            "written, then run again",
            directory);
    if (duck->memory_bytes == 0)
        return base_error_set(error, BASE_E_RESOURCES,
                              "out of memory: give the program more memory with --memory");
    return base_error_set(error, BASE_E_RESOURCES,
                          "out of memory: queries may use %zu MiB here: give the program more with "
                          "--memory, or fewer --threads",
                          duck->memory_bytes >> 20);
}

// Puts DuckDB's message, without secrets and without its own advice, into `error`.
static int fail_duck(const Duck *duck, duckdb_error_type type, const char *message,
                     KretsError *error) {
    if (message == NULL || message[0] == '\0')
        message = "the query failed without a message";
    if (is_disk_full(message))
        return fail_resources(duck, true, error);
    if (type == DUCKDB_ERROR_OUT_OF_MEMORY ||
        base_str_starts(base_str_from(message), STR("Out of Memory Error")))
        return fail_resources(duck, false, error);
    if (type == DUCKDB_ERROR_INTERRUPT)
        return base_error_set(error, BASE_E_STORE, "interrupted");
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, base_str_from(message));
    for (size_t i = 0; i < duck->secret_count; i++)
        replace_all(&text, duck->secrets[i]);
    return base_error_set(error, BASE_E_STORE, "%s", text.data);
}

static int compare_longer_first(const void *a, const void *b) {
    size_t size_a = strlen(*(char *const *)a), size_b = strlen(*(char *const *)b);
    return (size_a < size_b) - (size_a > size_b);
}

void db_duck_redact(Duck *duck, Str secret) {
    if (secret.size_bytes == 0)
        return;
    char **secrets = realloc(duck->secrets, (duck->secret_count + 1) * sizeof(*secrets));
    char *copy = strndup(secret.data, secret.size_bytes);
    if (secrets == NULL || copy == NULL)
        abort();
    duck->secrets = secrets;
    duck->secrets[duck->secret_count++] = copy;
    // A secret that is a part of another must not break the longer one up.
    qsort(duck->secrets, duck->secret_count, sizeof(*secrets), compare_longer_first);
}

// --- opening ---

static int configure(duckdb_config config, const char *name, const char *value, KretsError *error) {
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return 0;
    return base_error_set(error, BASE_E_STORE, "DuckDB refuses the option %s=%s", name, value);
}

static int configure_all(duckdb_config config, const DuckOptions *options, KretsError *error) {
    char number[32];
    int r = configure(config, "autoinstall_known_extensions", "false", error);
    if (r == 0)
        r = configure(config, "autoload_known_extensions", "false", error);
    if (r == 0 && options->threads > 0) {
        snprintf(number, sizeof(number), "%u", options->threads);
        r = configure(config, "threads", number, error);
    }
    if (r == 0 && options->memory_bytes > 0) {
        snprintf(number, sizeof(number), "%zuKiB", options->memory_bytes >> 10);
        r = configure(config, "memory_limit", number, error);
    }
    if (r == 0)
        r = configure(config, "temp_directory",
                      options->temp_directory != NULL ? options->temp_directory : "", error);
    return r;
}

static int open_database(Duck *duck, const DuckOptions *options, KretsError *error) {
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return base_error_set(error, BASE_E_RESOURCES, "out of memory: DuckDB does not start");
    int r = configure_all(config, options, error);
    char *message = NULL;
    if (r == 0 &&
        duckdb_open_ext(options->path, &duck->database, config, &message) != DuckDBSuccess)
        r = fail_duck(duck, DUCKDB_ERROR_IO, message, error);
    duckdb_free(message);
    duckdb_destroy_config(&config);
    if (r == 0 && duckdb_connect(duck->database, &duck->connection) != DuckDBSuccess)
        r = base_error_set(error, BASE_E_RESOURCES, "out of memory: DuckDB does not connect");
    return r;
}

// The session's zone would change what casts of times to text and to dates give.
static int prepare_session(Duck *duck, KretsError *error) {
    return db_duck_run(duck, error,
                       "set TimeZone = 'UTC'; set enable_progress_bar = true; "
                       "set enable_progress_bar_print = false");
}

int db_duck_open(const DuckOptions *options, Duck **ret_duck, KretsError *error) {
    DB_DUCK_SCOPED duck = calloc(1, sizeof(*duck));
    if (duck == NULL)
        abort();
    duck->memory_bytes = options->memory_bytes;
    if (options->temp_directory != NULL)
        duck->temp_directory = strdup(options->temp_directory);
    int r = open_database(duck, options, error);
    if (r == 0)
        r = prepare_session(duck, error);
    if (r < 0)
        return r;
    *ret_duck = duck;
    duck = NULL;
    return 0;
}

int db_duck_connect(Duck *duck, Duck **ret_duck, KretsError *error) {
    DB_DUCK_SCOPED other = calloc(1, sizeof(*other));
    if (other == NULL)
        abort();
    other->memory_bytes = duck->memory_bytes;
    if (duck->temp_directory != NULL)
        other->temp_directory = strdup(duck->temp_directory);
    for (size_t i = 0; i < duck->secret_count; i++)
        db_duck_redact(other, base_str_from(duck->secrets[i]));
    if (duckdb_connect(duck->database, &other->connection) != DuckDBSuccess)
        return base_error_set(error, BASE_E_RESOURCES, "out of memory: DuckDB does not connect");
    int r = prepare_session(other, error);
    if (r < 0)
        return r;
    *ret_duck = other;
    other = NULL;
    return 0;
}

// --- functions ---

static void call_text_function(duckdb_function_info info, duckdb_data_chunk input,
                               duckdb_vector output) {
    DuckTextFunction function = NULL;
    void *extra = duckdb_scalar_function_get_extra_info(info);
    memcpy(&function, extra, sizeof(function));
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *strings = duckdb_vector_get_data(texts);
    const uint64_t *validity = duckdb_vector_get_validity(texts);
    uint64_t *results = duckdb_vector_get_data(output);
    size_t count = (size_t)duckdb_data_chunk_get_size(input);
    for (size_t i = 0; i < count; i++) {
        bool is_valid = validity == NULL || (validity[i / 64] >> (i % 64) & 1) != 0;
        Str text = {NULL, 0};
        if (is_valid)
            text = (Str){duckdb_string_t_data(&strings[i]), duckdb_string_t_length(strings[i])};
        results[i] = is_valid ? function(text) : 0;
    }
}

int db_duck_register(Duck *duck, const char *name, DuckTextFunction function, KretsError *error) {
    duckdb_scalar_function scalar = duckdb_create_scalar_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    void *extra = malloc(sizeof(function));
    if (extra == NULL)
        abort();
    memcpy(extra, &function, sizeof(function)); // C has no void pointers to functions
    duckdb_scalar_function_set_name(scalar, name);
    duckdb_scalar_function_add_parameter(scalar, text);
    duckdb_scalar_function_set_return_type(scalar, number);
    duckdb_scalar_function_set_extra_info(scalar, extra, free);
    duckdb_scalar_function_set_function(scalar, call_text_function);
    duckdb_state state = duckdb_register_scalar_function(duck->connection, scalar);
    duckdb_destroy_scalar_function(&scalar);
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&number);
    if (state == DuckDBSuccess)
        return 0;
    return base_error_set(error, BASE_E_STORE, "DuckDB refuses the function %s", name);
}

void db_duck_close(Duck *duck) {
    if (duck == NULL)
        return;
    if (duck->connection != NULL)
        duckdb_disconnect(&duck->connection);
    if (duck->database != NULL)
        duckdb_close(&duck->database);
    for (size_t i = 0; i < duck->secret_count; i++) {
        explicit_bzero(duck->secrets[i], strlen(duck->secrets[i]));
        free(duck->secrets[i]);
    }
    free(duck->secrets);
    free(duck->temp_directory);
    free(duck);
}

// --- extensions ---

static bool try_extension(const char *directory, const char *below, const char *extension,
                          char *out) {
    int n = snprintf(out, PATH_MAX, "%s%s/%s.duckdb_extension", directory, below, extension);
    return n > 0 && n < PATH_MAX && access(out, R_OK) == 0;
}

static void cut_directory(char *path) {
    char *slash = strrchr(path, '/');
    *(slash != NULL ? slash : path) = '\0';
}

// Looks in KRETS_EXTENSIONS, beside the program, beside the library, and where the build put them.
static bool find_extension(const char *extension, char *out) {
    const char *chosen = getenv("KRETS_EXTENSIONS");
    if (chosen != NULL && chosen[0] != '\0')
        return try_extension(chosen, "", extension, out);
    char directory[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
    if (n > 0) {
        directory[n] = '\0';
        cut_directory(directory);
        if (try_extension(directory, "/../" DB_LIBDIR "/krets/extensions", extension, out))
            return true;
    }
    Dl_info info;
    if (dladdr((const void *)&db_duck_load, &info) != 0 && info.dli_fname != NULL &&
        realpath(info.dli_fname, directory) != NULL) {
        cut_directory(directory);
        if (try_extension(directory, "/krets/extensions", extension, out))
            return true;
    }
    return try_extension(DB_EXTENSIONS_DIR, "", extension, out);
}

int db_duck_load(Duck *duck, const char *extension, KretsError *error) {
    char path[PATH_MAX];
    if (!find_extension(extension, path))
        return base_error_set(
            error, BASE_E_STORE,
            "the DuckDB extension %s is not installed: put %s.duckdb_extension "
            "into lib/krets/extensions of the installation, or name its folder in "
            "the environment variable KRETS_EXTENSIONS",
            extension, extension);
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("load "));
    db_sql_literal(&sql, base_str_from(path));
    return db_duck_run(duck, error, "%s", sql.data);
}

// --- queries ---

int db_duck_run(Duck *duck, KretsError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *sql = NULL;
    int n = vasprintf(&sql, format, arguments);
    va_end(arguments);
    if (n < 0)
        abort();
    duckdb_result result;
    int r = 0;
    if (duckdb_query(duck->connection, sql, &result) != DuckDBSuccess)
        r = fail_duck(duck, duckdb_result_error_type(&result), duckdb_result_error(&result), error);
    duckdb_destroy_result(&result);
    free(sql);
    return r;
}

static void describe_columns(DuckResult *result) {
    result->column_count = (size_t)duckdb_column_count(&result->result);
    result->columns =
        base_arena_alloc_array(result->arena, result->column_count, sizeof(*result->columns));
    result->vectors =
        base_arena_alloc_array(result->arena, result->column_count, sizeof(*result->vectors));
    BASE_TEXT_SCOPED name = {0};
    for (size_t i = 0; i < result->column_count; i++) {
        DuckColumn *column = &result->columns[i];
        column->logical = duckdb_column_logical_type(&result->result, i);
        column->type = duckdb_column_type(&result->result, i);
        column->name =
            base_arena_str(result->arena, base_str_from(duckdb_column_name(&result->result, i)));
        base_text_clear(&name);
        duck_type_name(&name, column->logical);
        column->type_name = base_arena_str(result->arena, base_text_str(&name));
    }
}

static DuckResult *result_new(Duck *duck) {
    DuckResult *result = calloc(1, sizeof(*result));
    if (result == NULL)
        abort();
    result->duck = duck;
    result->arena = base_arena_new(SIZE_MAX);
    result->row_arena = base_arena_new(SIZE_MAX);
    return result;
}

int db_duck_query(Duck *duck, Str sql, DuckResult **ret_result, KretsError *error) {
    DB_DUCK_RESULT_SCOPED result = result_new(duck);
    Str text = base_arena_str(result->arena, sql); // NUL-terminated
    if (duckdb_query(duck->connection, text.data, &result->result) != DuckDBSuccess)
        return fail_duck(duck, duckdb_result_error_type(&result->result),
                         duckdb_result_error(&result->result), error);
    describe_columns(result);
    *ret_result = result;
    result = NULL;
    return 0;
}

int db_duck_stream(Duck *duck, Str sql, DuckResult **ret_result, KretsError *error) {
    DB_DUCK_RESULT_SCOPED result = result_new(duck);
    Str text = base_arena_str(result->arena, sql);
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    int r = 0;
    if (duckdb_prepare(duck->connection, text.data, &statement) != DuckDBSuccess)
        r = fail_duck(duck, DUCKDB_ERROR_INVALID, duckdb_prepare_error(statement), error);
    else if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
        r = fail_duck(duck, DUCKDB_ERROR_INVALID, duckdb_pending_error(pending), error);
    else if (duckdb_execute_pending(pending, &result->result) != DuckDBSuccess)
        r = fail_duck(duck, duckdb_result_error_type(&result->result),
                      duckdb_result_error(&result->result), error);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    if (r < 0)
        return r;
    describe_columns(result);
    *ret_result = result;
    result = NULL;
    return 0;
}

void db_duck_result_free(DuckResult *result) {
    if (result == NULL)
        return;
    for (size_t i = 0; i < result->column_count; i++)
        duckdb_destroy_logical_type(&result->columns[i].logical);
    if (result->chunk != NULL)
        duckdb_destroy_data_chunk(&result->chunk);
    duckdb_destroy_result(&result->result);
    base_arena_free(result->arena);
    base_arena_free(result->row_arena);
    free(result);
}

double db_duck_progress(const Duck *duck) {
    double percentage = duckdb_query_progress(duck->connection).percentage;
    return percentage < 0 ? -1 : percentage / 100;
}

void db_duck_interrupt(Duck *duck) {
    duckdb_interrupt(duck->connection);
}

size_t db_duck_column_count(const DuckResult *result) {
    return result->column_count;
}

Str db_duck_column_name(const DuckResult *result, size_t column) {
    return result->columns[column].name;
}

Str db_duck_column_type(const DuckResult *result, size_t column) {
    return result->columns[column].type_name;
}

// --- rows and chunks ---

int db_duck_next_chunk(DuckResult *result, KretsError *error) {
    if (result->chunk != NULL)
        duckdb_destroy_data_chunk(&result->chunk);
    result->chunk_rows = 0;
    result->row = 0;
    result->chunk = duckdb_fetch_chunk(result->result);
    if (result->chunk == NULL) {
        const char *message = duckdb_result_error(&result->result);
        if (message == NULL || message[0] == '\0')
            return 0;
        return fail_duck(result->duck, duckdb_result_error_type(&result->result), message, error);
    }
    result->chunk_rows = (size_t)duckdb_data_chunk_get_size(result->chunk);
    for (size_t i = 0; i < result->column_count; i++)
        result->vectors[i] = duckdb_data_chunk_get_vector(result->chunk, i);
    return (int)result->chunk_rows;
}

int db_duck_next(DuckResult *result, KretsError *error) {
    base_arena_reset(result->row_arena);
    if (result->row < result->chunk_rows) {
        result->row++;
        return 1;
    }
    int r = db_duck_next_chunk(result, error);
    if (r <= 0)
        return r;
    result->row = 1;
    return 1;
}

Value db_duck_value(const DuckResult *result, size_t column) {
    return duck_vector_value(result->vectors[column], result->columns[column].logical,
                             result->row - 1, result->row_arena);
}

const void *db_duck_chunk_data(const DuckResult *result, size_t column) {
    return duckdb_vector_get_data(result->vectors[column]);
}

const uint64_t *db_duck_chunk_validity(const DuckResult *result, size_t column) {
    return duckdb_vector_get_validity(result->vectors[column]);
}

static Str string_text(duckdb_string_t *string) {
    return (Str){duckdb_string_t_data(string), duckdb_string_t_length(*string)};
}

Str db_duck_chunk_text(const DuckResult *result, size_t column, size_t row) {
    duckdb_string_t *strings = duckdb_vector_get_data(result->vectors[column]);
    return string_text(&strings[row]);
}

void db_duck_chunk_texts(const DuckResult *result, size_t column, size_t begin, size_t end,
                         Str *ret_texts) {
    const duckdb_string_t *strings = duckdb_vector_get_data(result->vectors[column]);
    for (size_t row = begin; row < end; row++) {
        const duckdb_string_t *string = &strings[row];
        uint32_t size = string->value.inlined.length;
        bool is_inlined = size <= sizeof(string->value.inlined.inlined);
        ret_texts[row - begin] =
            (Str){is_inlined ? string->value.inlined.inlined : string->value.pointer.ptr, size};
    }
}

size_t db_duck_chunk_list(const DuckResult *result, size_t column, size_t row, size_t *ret_first) {
    const duckdb_list_entry *lists = duckdb_vector_get_data(result->vectors[column]);
    *ret_first = (size_t)lists[row].offset;
    return (size_t)lists[row].length;
}

bool db_duck_chunk_item(const DuckResult *result, size_t column, size_t item, Str *ret_text) {
    duckdb_vector items = duckdb_list_vector_get_child(result->vectors[column]);
    const uint64_t *validity = duckdb_vector_get_validity(items);
    if (validity != NULL && (validity[item / 64] >> (item % 64) & 1) == 0)
        return false;
    duckdb_string_t *strings = duckdb_vector_get_data(items);
    *ret_text = string_text(&strings[item]);
    return true;
}

// --- SQL text ---

static void append_quoted(Text *out, Str text, char quote) {
    base_text_append_char(out, quote);
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] == quote)
            base_text_append_char(out, quote);
        base_text_append_char(out, text.data[i]);
    }
    base_text_append_char(out, quote);
}

void db_sql_literal(Text *out, Str text) {
    append_quoted(out, text, '\'');
}

void db_sql_identifier(Text *out, Str name) {
    append_quoted(out, name, '"');
}
