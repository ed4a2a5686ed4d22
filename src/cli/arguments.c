#include "cli/arguments.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diagnostic.h"

enum {
    OPTION_DATA = 256,
    OPTION_NOW,
    OPTION_AT,
    OPTION_OUT,
    OPTION_THREADS,
    OPTION_MEMORY,
    OPTION_JSON,
    OPTION_FIT,
    OPTION_FORMAT,
    OPTION_PRINT,
    OPTION_PLAN,
    OPTION_FROM,
    OPTION_TO,
    OPTION_WITH,
    OPTION_FORCE,
    OPTION_LIMIT,
    OPTION_REFERENCE,
    OPTION_VERSION
};

static const struct option options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"now", required_argument, NULL, OPTION_NOW},
    {"at", required_argument, NULL, OPTION_AT},
    {"out", required_argument, NULL, OPTION_OUT},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"json", no_argument, NULL, OPTION_JSON},
    {"fit", required_argument, NULL, OPTION_FIT},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"print", no_argument, NULL, OPTION_PRINT},
    {"plan", no_argument, NULL, OPTION_PLAN},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"with", required_argument, NULL, OPTION_WITH},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"reference", no_argument, NULL, OPTION_REFERENCE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

const char *cli_arguments_format_name(Format format) {
    static const char *const names[] = {"", "csv", "ndjson", "parquet"};
    return names[format];
}

static int parse_count(const char *name, const char *text, int64_t most, int64_t *ret_count,
                       KretsError *error) {
    char *end = NULL;
    errno = 0;
    long long count = strtoll(text, &end, 10);
    if (errno || end == text || *end || count < 1 || count > most)
        return base_error_set(error, BASE_E_USAGE,
                              "--%s: `%s` is not a whole number from 1 to %lld", name, text,
                              (long long)most);
    *ret_count = count;
    return 0;
}

enum { MEMORY_BYTES_MIN = 64000000 };

// 800MB, 2GB, 1.5G, 512MiB; bytes without a unit. M and MB are 10^6, MiB 2^20, and so on.
static int parse_size(const char *text, size_t *ret_bytes, KretsError *error) {
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {
        {"", 1},       {"B", 1},         {"K", 1e3},          {"KB", 1e3},           {"M", 1e6},
        {"MB", 1e6},   {"G", 1e9},       {"GB", 1e9},         {"T", 1e12},           {"TB", 1e12},
        {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
    char *end = NULL;
    double number = strtod(text, &end);
    assert(end != NULL);
    while (*end == ' ')
        end++;
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++)
        if (strcasecmp(end, units[i].unit) == 0 && number > 0 && number * units[i].bytes < 1e18) {
            *ret_bytes = (size_t)(number * units[i].bytes);
            if (*ret_bytes < MEMORY_BYTES_MIN)
                return base_error_set(error, BASE_E_USAGE,
                                      "--memory: at least 64MB is needed, `%s` is less", text);
            return 0;
        }
    return base_error_set(error, BASE_E_USAGE,
                          "--memory: `%s` is not a size; write 800MB, 2GB or 1.5GiB", text);
}

static int parse_format(const char *text, Format *ret_format, KretsError *error) {
    for (Format format = FORMAT_CSV; format <= FORMAT_PARQUET; format++)
        if (strcmp(text, cli_arguments_format_name(format)) == 0) {
            *ret_format = format;
            return 0;
        }
    return base_error_set(error, BASE_E_USAGE, "--format: `%s` is none of csv, ndjson and parquet",
                          text);
}

static int unknown_option(char *const *argv, int at, KretsError *error) {
    const char *text = argv[at > 0 ? at : 0];
    Str name = base_str_from(text + (strncmp(text, "--", 2) == 0 ? 2 : 0));
    const char *equals = memchr(name.data, '=', name.size_bytes);
    if (equals)
        name.size_bytes = (size_t)(equals - name.data);
    Str known[sizeof options / sizeof *options];
    size_t count = 0;
    for (; options[count].name; count++) {
        known[count] = base_str_from(options[count].name);
        if (base_str_equal(known[count], name))
            return base_error_set(error, BASE_E_USAGE,
                                  options[count].has_arg ? "--%.*s needs a value"
                                                         : "--%.*s takes no value",
                                  STR_ARG(name));
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str near = lang_suggest(arena, name, known, count);
    if (near.size_bytes > 0)
        return base_error_set(error, BASE_E_USAGE, "there is no option %s; did you mean --%.*s?",
                              text, STR_ARG(near));
    return base_error_set(error, BASE_E_USAGE,
                          "there is no option %s, or it needs a value; see krets --help", text);
}

static int take_option(int option, Arguments *arguments, KretsError *error) {
    AppOptions *app = &arguments->app;
    int64_t count = 0;
    int r = 0;
    switch (option) {
    case 'C':
        app->directory = base_str_from(optarg);
        return 0;
    case OPTION_DATA:
        app->data = base_str_from(optarg);
        return 0;
    case OPTION_NOW:
        app->now = base_str_from(optarg);
        return 0;
    case OPTION_OUT:
        app->out = base_str_from(optarg);
        return 0;
    case OPTION_THREADS:
        r = parse_count("threads", optarg, 1024, &count, error);
        app->threads = (unsigned)count;
        return r;
    case OPTION_MEMORY:
        return parse_size(optarg, &app->memory_bytes, error);
    case OPTION_FIT:
        return parse_count("fit", optarg, INT64_MAX, &app->fit_version, error);
    case OPTION_LIMIT:
        return parse_count("limit", optarg, INT64_MAX, &arguments->limit, error);
    case OPTION_FORMAT:
        return parse_format(optarg, &arguments->format, error);
    case OPTION_FROM:
        arguments->from = optarg;
        return 0;
    case OPTION_TO:
        arguments->to = optarg;
        return 0;
    case OPTION_WITH:
        arguments->with = optarg;
        return 0;
    case OPTION_AT:
        arguments->at = optarg;
        return 0;
    default:
        break;
    }
    arguments->is_json |= option == OPTION_JSON;
    arguments->is_print |= option == OPTION_PRINT;
    arguments->is_plan |= option == OPTION_PLAN;
    arguments->is_reference |= option == OPTION_REFERENCE;
    arguments->is_force |= option == OPTION_FORCE;
    arguments->is_help |= option == 'h';
    arguments->is_version |= option == OPTION_VERSION;
    return 0;
}

int cli_arguments_parse(int argc, char **argv, Arguments *ret_arguments, KretsError *error) {
    Arguments arguments = {0};
    opterr = 0;
    int option = 0;
    while ((option = getopt_long(argc, argv, ":C:h", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return unknown_option(argv, optind - 1, error);
        int r = take_option(option, &arguments, error);
        if (r < 0)
            return r;
    }
    if (optind < argc) {
        arguments.command = argv[optind];
        arguments.operands = (const char *const *)argv + optind + 1;
        arguments.operand_count = argc - optind - 1;
    }
    *ret_arguments = arguments;
    return 0;
}
