#include "app/init.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "ingest/ingest.h"

static const char starter[] =
    "# A Krets model. `krets check` finds mistakes, `krets run` makes the report.\n"
    "krets: 1\n"
    "name: My shop\n"
    "timezone: UTC            # IANA name, e.g. Europe/London\n"
    "now: last event          # or `wall clock`, or a time\n"
    "value: \"sum(order.amount)\"\n"
    "sources:\n"
    "  orders:\n"
    "    file: orders.csv     # put your file here; `krets init --from FILE` fills this in for "
    "you\n"
    "    customer: customer_id\n"
    "    time: order_date\n"
    "    event: order\n"
    "metrics:\n"
    "  recency: \"days_since(last(order))\"\n"
    "  frequency: \"count(order last 1 year)\"\n"
    "  monetary: \"sum(order.amount last 1 year)\"\n"
    "segments:\n"
    "  lapsed:\n"
    "    name: Lapsed\n"
    "    when: \"count(order) >= 2 and days_since(last(order)) > 90\"\n"
    "    goal: win them back\n";

static void add_reason(InitResult *result, Arena *arena, const char *what, Str choice, Str why) {
    if (choice.size_bytes == 0 && why.size_bytes == 0)
        return;
    Str *reasons = (Str *)(uintptr_t)result->reasons;
    reasons[result->reason_count++] =
        choice.size_bytes > 0
            ? base_arena_printf(arena, "%s: %.*s (%.*s)", what, STR_ARG(choice), STR_ARG(why))
            : base_arena_printf(arena, "%s: none (%.*s)", what, STR_ARG(why));
}

// The file as the model should name it: relative to the model when it lies beside or below it.
static Str relative_to(Arena *arena, Str file, Str directory) {
    char folder[PATH_MAX], full[PATH_MAX];
    if (!realpath(file.data, full))
        return file; // a glob or a URL
    if (!realpath(directory.data, folder))
        return base_arena_str(arena, base_str_from(full));
    Str path = base_str_from(full), prefix = base_str_from(folder);
    if (base_str_starts(path, prefix) && path.data[prefix.size_bytes] == '/')
        return base_arena_str(arena, (Str){path.data + prefix.size_bytes + 1,
                                           path.size_bytes - prefix.size_bytes - 1});
    return base_arena_str(arena, path);
}

static int look(Arena *arena, const AppOptions *options, Str file, Text *out, InitResult *result,
                KretsError *error) {
    DB_DUCK_SCOPED duck = NULL;
    DuckOptions duck_options = {.threads = options->threads, .memory_bytes = options->memory_bytes};
    int r = db_duck_open(&duck_options, &duck, error);
    if (r < 0)
        return r;
    IngestGuess guess;
    r = ingest_guess(arena, duck, file, app_project_wall_clock(), &guess, error);
    if (r < 0)
        return r;
    guess.file = relative_to(arena, file, options->directory);
    ingest_guess_model(&guess, out);
    result->reasons = base_arena_alloc_array(arena, 8, sizeof(Str));
    add_reason(result, arena, "customer", guess.customer, guess.customer_why);
    add_reason(result, arena, "time", guess.time, guess.time_why);
    add_reason(result, arena, "amount", guess.amount, guess.amount_why);
    add_reason(result, arena, "event", guess.event, guess.event_why);
    add_reason(result, arena, "id", guess.id, guess.id_why);
    add_reason(result, arena, "rows", guess.where, guess.where_why);
    return 0;
}

int app_init(Arena *arena, const AppOptions *options, Str file, bool is_force,
             InitResult *ret_result, KretsError *error) {
    AppOptions filled = *options;
    if (filled.directory.size_bytes == 0)
        filled.directory = STR(".");
    InitResult result = {
        .path = base_arena_printf(arena, "%.*s/krets.yaml", STR_ARG(filled.directory))};
    if (!is_force && access(result.path.data, F_OK) == 0)
        return base_error_set(error, BASE_E_USAGE,
                              "%s is there already; give --force to replace it, or -C DIR for "
                              "another folder",
                              result.path.data);
    if (mkdir(filled.directory.data, 0777) != 0 && access(filled.directory.data, W_OK) != 0)
        return base_error_set(error, BASE_E_RESOURCES, "cannot write to the folder %.*s",
                              STR_ARG(filled.directory));
    BASE_TEXT_SCOPED text = {0};
    int r = 0;
    if (file.size_bytes > 0)
        r = look(arena, &filled, file, &text, &result, error);
    else
        base_text_append(&text, base_str_from(starter));
    if (r == 0)
        r = base_file_write(result.path.data, base_text_str(&text), error);
    if (r == 0)
        *ret_result = result;
    return r;
}
