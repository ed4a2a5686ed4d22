// Sources in other databases: PostgreSQL, MySQL and MariaDB, SQLite.
#include <string.h>

#include "ingest/ingest_private.h"

typedef struct Driver {
    const char *scheme;
    const char *extension;
    const char *type;
    const char *function; // runs a query on the server; NULL: through an attached database
} Driver;

static const Driver drivers[] = {
    {"postgres://", "postgres_scanner", "postgres", "postgres_query"},
    {"postgresql://", "postgres_scanner", "postgres", "postgres_query"},
    {"mysql://", "mysql_scanner", "mysql", "mysql_query"},
    {"mariadb://", "mysql_scanner", "mysql", "mysql_query"},
    {"sqlite://", "sqlite_scanner", "sqlite", "sqlite_query"},
};

static const Driver *find_driver(Str connect) {
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (base_str_starts(connect, base_str_from(drivers[i].scheme)))
            return &drivers[i];
    return NULL;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static Str percent_decoded(Stage *stage, Str text) {
    BASE_TEXT_SCOPED out = {0};
    for (size_t i = 0; i < text.size_bytes; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && i + 2 < text.size_bytes) {
            high = hex_digit(text.data[i + 1]);
            low = hex_digit(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            base_text_append_char(&out, (char)(high * 16 + low));
            i += 2;
        } else {
            base_text_append_char(&out, text.data[i]);
        }
    }
    return stage_text(stage, &out);
}

typedef struct Address {
    Str user, password, host, port, database, options;
    bool has_password;
} Address;

static size_t find_char(Str text, char c) {
    const char *hit = text.size_bytes > 0 ? memchr(text.data, c, text.size_bytes) : NULL;
    return hit != NULL ? (size_t)(hit - text.data) : text.size_bytes;
}

static size_t find_last_char(Str text, char c) {
    const char *hit = text.size_bytes > 0 ? memrchr(text.data, c, text.size_bytes) : NULL;
    return hit != NULL ? (size_t)(hit - text.data) : text.size_bytes;
}

static Str part(Str text, size_t begin, size_t end) {
    return (Str){text.data + begin, end - begin};
}

// user:password@host:port/database?options, each part optional.
static Address parse_address(Stage *stage, Str rest) {
    Address address = {0};
    size_t query = find_char(rest, '?');
    if (query < rest.size_bytes)
        address.options = part(rest, query + 1, rest.size_bytes);
    rest = part(rest, 0, query);
    size_t at = find_last_char(rest, '@');
    if (at < rest.size_bytes) {
        Str login = part(rest, 0, at);
        size_t colon = find_char(login, ':');
        address.user = percent_decoded(stage, part(login, 0, colon));
        address.has_password = colon < login.size_bytes;
        if (address.has_password)
            address.password = percent_decoded(stage, part(login, colon + 1, login.size_bytes));
        rest = part(rest, at + 1, rest.size_bytes);
    }
    size_t slash = find_char(rest, '/');
    if (slash < rest.size_bytes)
        address.database = percent_decoded(stage, part(rest, slash + 1, rest.size_bytes));
    rest = part(rest, 0, slash);
    size_t colon = find_last_char(rest, ':');
    if (colon < rest.size_bytes && !base_str_ends(rest, STR("]")))
        address.port = part(rest, colon + 1, rest.size_bytes);
    else
        colon = rest.size_bytes;
    address.host = percent_decoded(stage, part(rest, 0, colon));
    return address;
}

static void append_setting(Text *out, const char *name, Str value) {
    if (value.size_bytes == 0)
        return;
    base_text_printf(out, "%s%s=\"", out->size_bytes > 0 ? " " : "", name);
    for (size_t i = 0; i < value.size_bytes; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            base_text_append_char(out, '\\');
        base_text_append_char(out, value.data[i]);
    }
    base_text_append_char(out, '"');
}

static void redact_address(Stage *stage, Str connect, const Address *address) {
    db_duck_redact(stage->duck, connect);
    if (!address->has_password)
        return;
    db_duck_redact(stage->duck, address->password);
    // As it stands in the address, percent signs and all.
    size_t at = find_last_char(part(connect, 0, find_char(connect, '?')), '@');
    Str login = part(connect, 0, at);
    size_t scheme = find_char(login, '/') + 2;
    if (scheme < login.size_bytes) {
        login = part(login, scheme, login.size_bytes);
        size_t colon = find_char(login, ':');
        if (colon + 1 < login.size_bytes)
            db_duck_redact(stage->duck, part(login, colon + 1, login.size_bytes));
    }
}

// What ATTACH takes: an address for PostgreSQL, settings for MySQL, a path for SQLite.
static Str attach_text(Stage *stage, const Driver *driver, Str connect) {
    Str rest = part(connect, strlen(driver->scheme), connect.size_bytes);
    if (strcmp(driver->type, "sqlite") == 0) {
        if (base_str_starts(rest, STR("/")) || stage->model->directory.size_bytes == 0)
            return base_arena_str(stage->arena, rest);
        return stage_printf(stage, "%.*s/%.*s", STR_ARG(stage->model->directory), STR_ARG(rest));
    }
    Address address = parse_address(stage, rest);
    redact_address(stage, connect, &address);
    if (strcmp(driver->type, "postgres") == 0)
        return base_arena_str(stage->arena, connect);
    BASE_TEXT_SCOPED out = {0};
    append_setting(&out, "host", address.host);
    append_setting(&out, "port", address.port);
    append_setting(&out, "user", address.user);
    append_setting(&out, "password", address.password);
    append_setting(&out, "database", address.database);
    for (Str options = address.options; options.size_bytes > 0;) {
        size_t end = find_char(options, '&');
        Str option = part(options, 0, end);
        size_t equals = find_char(option, '=');
        if (equals < option.size_bytes)
            append_setting(&out, stage_printf(stage, "%.*s", (int)equals, option.data).data,
                           percent_decoded(stage, part(option, equals + 1, option.size_bytes)));
        options =
            end < options.size_bytes ? part(options, end + 1, options.size_bytes) : (Str){NULL, 0};
    }
    return stage_text(stage, &out);
}

// The query, so that the server itself leaves out what was imported before.
static Str query_text(Stage *stage) {
    Str query = base_str_trim(stage->source->query);
    while (base_str_ends(query, STR(";")))
        query = base_str_trim((Str){query.data, query.size_bytes - 1});
    return stage_printf(stage, "%.*s", STR_ARG(query));
}

static int run_query(Stage *stage, const Driver *driver) {
    Str call = stage_printf(stage, "%s('krets_remote', %s)", driver->function,
                            stage_literal(stage, query_text(stage)).data);
    stage->table = stage_printf(stage, "temp.krets_source_%zu", stage->place);
    stage->row_sql = STR("s.rowid");
    stage->is_held = true;
    int r = stage_run(stage, stage_printf(stage,
                                          "create or replace temp table krets_source_%zu as select "
                                          "* from %s",
                                          stage->place, call.data));
    if (r == 0)
        r = stage_ask_count(stage,
                            stage_printf(stage, "select count(*) from %s", stage->table.data),
                            &stage->row_count);
    stage->line_count = stage->row_count;
    return r < 0 ? base_error_prefix(stage->error, r, "%s: its query fails", stage_source(stage))
                 : 0;
}

int input_connect_open(Stage *stage) {
    const Source *source = stage->source;
    const Driver *driver = find_driver(source->connect);
    if (driver == NULL)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%s: connect: the address must begin with postgres://, mysql:// or "
                              "sqlite://",
                              stage_source(stage));
    if (base_str_trim(source->query).size_bytes == 0)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%s: connect: needs a query: which rows to read",
                              stage_source(stage));
    int r = db_duck_load(stage->duck, driver->extension, stage->error);
    Str text = attach_text(stage, driver, source->connect);
    db_duck_redact(stage->duck, text);
    if (r == 0)
        r = stage_run(stage, stage_printf(stage,
                                          "detach database if exists krets_remote; attach %s as "
                                          "krets_remote (type %s, read_only)",
                                          stage_literal(stage, text).data, driver->type));
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s: cannot connect", stage_source(stage));
    r = run_query(stage, driver);
    int detached = stage_run(stage, STR("detach database if exists krets_remote"));
    if (r < 0 || detached < 0)
        return r < 0 ? r : detached;
    // SQLite has no types of times and decimals, and its values need not have their column's type.
    return input_describe(stage, strcmp(driver->type, "sqlite") == 0 ? ORIGIN_TEXT : ORIGIN_TYPED);
}
