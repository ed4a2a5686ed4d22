// The program `krets`: finds the command, opens the model, prints errors, returns the exit status.
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/terminal.h"
#include "lang/diagnostic.h"

static const Command commands[] = {
    {"init", "", 0, 0, "Write a model file to start from",
     "Looks at a CSV, TSV, JSON lines, Parquet or Excel file, guesses which columns are the\n"
     "customer, the time and the amount, says why, and writes krets.yaml that runs at once.\n"
     "\n"
     "  --from FILE   the file to look at; without it, a commented example is written\n"
     "  --force       replace an existing krets.yaml\n"
     "\n"
     "Example:\n"
     "  krets init --from orders.csv && krets run\n",
     cli_init_run, false},
    {"check", "", 0, 0, "Check the model; every error with its place",
     "Reads krets.yaml and type-checks it against the data. Exit status 1 when it has errors.\n"
     "\n"
     "  --print       print metrics and segments in canonical form\n"
     "  --plan        print the logical plan and what of it is slow to evaluate\n"
     "\n"
     "Examples:\n"
     "  krets check\n"
     "  krets check --print\n",
     cli_check_run, false},
    {"import", "", 0, 0, "Import what is new from all sources",
     "Unchanged sources are left alone; a changed one is replaced whole; one with `cursor` only\n"
     "gets its newer rows. Interrupt it at any time: the store is as before or as after.\n"
     "\n"
     "Example:\n"
     "  krets import --memory 2GB\n",
     cli_import_run, true},
    {"run", "", 0, 0, "Import, fit, evaluate; write the results and the report",
     "Writes out/segments.csv, out/customers.parquet and out/report.html.\n"
     "\n"
     "  --format csv  write customers.csv in place of customers.parquet\n"
     "  --at T1,T2    as of these instants: out/segments.csv with a leading column `at`,\n"
     "                out/customers-TIME.parquet for each, no report; with --fit N or the newest "
     "fit\n"
     "  --with until  a column next_flip in the customers' file: the next instant at which any\n"
     "                segment may change for the customer if nothing happens\n"
     "\n"
     "Examples:\n"
     "  krets run\n"
     "  krets run --at 2026-01-01,2026-04-01,last-event\n"
     "  krets run --with until\n"
     "  krets run --now last-event --out results\n"
     "  krets run --now 2011-12-01 --json\n",
     cli_run_run, true},
    {"fit", "", 0, 0, "Fit the bounds of ntile, percentile and top and store them",
     "`krets run` does this itself; members, explain and the report's history read the newest "
     "fit.\n"
     "\n"
     "Example:\n"
     "  krets fit --now 2026-01-31\n",
     cli_fit_run, true},
    {"members", "SEGMENT", 1, 1, "Who is in a segment",
     "One customer id a line on standard output; what and when on standard error.\n"
     "\n"
     "  --at TIME     as of another instant (the same as --now: give one of them)\n"
     "  --with LIST   columns beside the id, as CSV: since when they have been in, until when "
     "they\n"
     "                stay if nothing happens (empty: from the beginning, never)\n"
     "  --format F    csv or ndjson: a table with a header, or one JSON object a line\n"
     "  --limit N     only the first N\n"
     "  --fit N       with fit N in place of the newest\n"
     "\n"
     "Examples:\n"
     "  krets members lapsed > lapsed.txt\n"
     "  krets members lapsed --at 2011-06-30 --json\n"
     "  krets members champions --with since,until   # who has stayed longest, who leaves next\n",
     cli_members_run, true},
    {"changes", "SEGMENT", 1, 1, "Who entered and left a segment, and when exactly",
     "Every entry and exit after --from, up to and including --to, computed under today's\n"
     "definition: customer, time (UTC, to the microsecond), entered or left. In the order of "
     "time;\n"
     "totals on standard error. A --to in the future foretells: what changes if nothing happens.\n"
     "\n"
     "  --from TIME   begin after this instant (a time as for --now, or last-event)\n"
     "  --to TIME     end with this instant (default: now)\n"
     "  --format F    csv (default) or ndjson: one JSON object a line\n"
     "  --limit N     only the first N\n"
     "  --fit N       with fit N in place of the newest\n"
     "\n"
     "Examples:\n"
     "  krets changes lapsed --from 2026-01-01 --to 2026-02-01 > january.csv\n"
     "  krets changes lapsed --from last-event --to 2026-12-31   # who is about to lapse, and "
     "when\n",
     cli_changes_run, true},
    {"explain", "CUSTOMER [SEGMENT]", 1, 2, "Why a customer is in a segment, or not",
     "Prints the expression as a tree with the value of every part and the events that decided,\n"
     "since when it has been so, and when it ends if nothing happens. Without SEGMENT: all\n"
     "segments, a line or two each.\n"
     "\n"
     "  --at TIME     as of another instant (the same as --now: give one of them)\n"
     "\n"
     "Examples:\n"
     "  krets explain 17850\n"
     "  krets explain 17850 lapsed --at 2011-06-30T12:00\n",
     cli_explain_run, true},
    {"sql", "[SEGMENT]", 0, 1, "The SQL that proves a segment or metric",
     "Prints DuckDB statements over the Parquet history, generated independently of the "
     "evaluator.\n"
     "\n"
     "Example:\n"
     "  krets sql lapsed > lapsed.sql\n",
     cli_sql_run, true},
    {"verify", "", 0, 0, "Prove every metric and segment by SQL",
     "Evaluates at the last run's instant (or --now), runs the generated SQL, and compares "
     "customer\n"
     "by customer, with the stored answers of the last run, too. Exit status 1 when any differs.\n"
     "\n"
     "  --reference   prove the reference evaluator, not the kernel\n"
     "\n"
     "Examples:\n"
     "  krets verify\n"
     "  krets verify --now 2011-06-30 --json\n",
     cli_verify_run, true},
    {"profile", "", 0, 0, "What is in the data, and what was left out",
     "Rows, columns, types, nulls, duplicates, rejected values with examples; the catalog.\n"
     "\n"
     "Example:\n"
     "  krets profile --json\n",
     cli_profile_run, true},
    {"doctor", "", 0, 0, "Whether the data folder is whole, and what its index is",
     "Reads every file of the history against its checksum, lets the control database check\n"
     "itself, and reads the index through. Says what is wrong and what to do; exit status 1 when\n"
     "anything is. Reads only; needs no model.\n"
     "\n"
     "Examples:\n"
     "  krets doctor\n"
     "  krets doctor --data /var/lib/shop/krets-data --json\n",
     cli_doctor_run, false},
    {"version", "", 0, 0, "Print the version", "", cli_version_run, false},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const char options_help[] =
    "Options of all commands:\n"
    "  -C DIR            the project folder that holds krets.yaml (default: here)\n"
    "  --data DIR        the store (default DIR/krets-data)\n"
    "  --out DIR         where results are written (default DIR/out)\n"
    "  --now TIME        evaluate as of 2026-01-31, 2026-01-31T12:00[Z] or last-event\n"
    "  --fit N           use stored fit N in place of the newest\n"
    "  --threads N       processors to use (default: all)\n"
    "  --memory SIZE     most memory to use, e.g. 2GB (default: half of the machine)\n"
    "  --json            one JSON document on standard output\n"
    "  -h, --help        this help; `krets COMMAND --help` for one command\n"
    "\n"
    "Exit status: 0 done; 1 the answer is no; 2 wrong usage or model; 3 data or store;\n"
    "4 no memory or disk left.\n";

static void print_help(const Command *command) {
    if (command) {
        printf("krets %s%s%s\n%s.\n\n%s\n%s", command->name, *command->operands ? " " : "",
               command->operands, command->summary, command->help, options_help);
        return;
    }
    printf("krets: exact, explained customer segments from what customers do\n\n"
           "Usage: krets COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", commands[i].name, commands[i].operands);
        printf("  %-28s %s\n", name, commands[i].summary);
    }
    printf("\n%s\nStart: krets init --from orders.csv && krets run\n", options_help);
}

static int find_command(const char *name, const Command **ret_command, KretsError *error) {
    Str known[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        known[i] = base_str_from(commands[i].name);
        if (strcmp(commands[i].name, name) == 0) {
            *ret_command = &commands[i];
            return 0;
        }
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str near = lang_suggest(arena, base_str_from(name), known, COMMAND_COUNT);
    if (near.size_bytes > 0)
        return base_error_set(error, BASE_E_USAGE, "there is no command `%s`; did you mean `%.*s`?",
                              name, STR_ARG(near));
    return base_error_set(error, BASE_E_USAGE, "there is no command `%s`; see krets --help", name);
}

static int check_operands(const Command *command, const Arguments *arguments, KretsError *error) {
    if (arguments->operand_count >= command->operand_min &&
        arguments->operand_count <= command->operand_max)
        return 0;
    return base_error_set(error, BASE_E_USAGE, "usage: krets %s%s%s; see krets %s --help",
                          command->name, *command->operands ? " " : "", command->operands,
                          command->name);
}

// A damaged file of the store makes its reader say things nobody can act on: name the file instead.
static int blame_store(Project *project, int r, KretsError *error) {
    KretsError damage;
    if (project->store && app_project_check_store(project, &damage) < 0)
        *error = damage;
    return r;
}

// Options that only some commands take: an option that does nothing would mislead.
static int check_extras(const Command *command, Arguments *arguments, KretsError *error) {
    const struct {
        const char *name, *value, *commands;
    } extras[] = {{"at", arguments->at, "run, members, explain"},
                  {"from", arguments->from, "init, changes"},
                  {"to", arguments->to, "changes"},
                  {"with", arguments->with, "run, members"}};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
        if (extras[i].value && !strstr(extras[i].commands, command->name))
            return base_error_set(error, BASE_E_USAGE, "%s takes no --%s; it is for %s",
                                  command->name, extras[i].name, extras[i].commands);
    if (!arguments->at)
        return 0;
    if (arguments->app.now.size_bytes > 0)
        return base_error_set(
            error, BASE_E_USAGE,
            "--now and --at were both given: give one, the instant to answer for");
    if (strcmp(command->name, "run") != 0) {
        arguments->app.now = base_str_from(arguments->at);
        arguments->app.is_now_at = true;
    }
    return 0;
}

static int run(const Command *command, const Arguments *arguments, KretsError *error) {
    APP_PROJECT_SCOPED project = {0};
    if (!command->needs_model)
        return command->run(arguments, &project, error);
    int r = app_project_open(&arguments->app, cli_terminal_progress(), &project, error);
    if (r == 0)
        r = command->run(arguments, &project, error);
    if (r == BASE_E_STORE)
        r = blame_store(&project, r, error);
    cli_terminal_clear();
    if (project.diagnostics.count > 0)
        cli_terminal_diagnostics(&project.diagnostics);
    return r;
}

static int fail(const Arguments *arguments, const KretsError *error) {
    cli_terminal_error(error);
    if (arguments->is_json) {
        KretsError ignored;
        cli_command_json(
            json_pack("{s:{s:i, s:s}}", "error", "status", -error->code, "message", error->text),
            &ignored);
    }
    return -error->code;
}

int main(int argc, char **argv) {
    static KretsError error;
    Arguments arguments = {0};
    const Command *command = NULL;
    int r = cli_arguments_parse(argc, argv, &arguments, &error);
    if (r == 0 && arguments.is_version)
        return cli_version_run(&arguments, NULL, &error) < 0 ? fail(&arguments, &error) : 0;
    if (r == 0 && arguments.command)
        r = find_command(arguments.command, &command, &error);
    if (r == 0 && (arguments.is_help || !command)) {
        print_help(command);
        return arguments.is_help ? 0 : -BASE_E_USAGE;
    }
    if (r == 0)
        r = check_operands(command, &arguments, &error);
    if (r == 0)
        r = check_extras(command, &arguments, &error);
    if (r == 0)
        r = run(command, &arguments, &error);
    if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
        r = base_error_set(&error, BASE_E_RESOURCES, "could not write to standard output");
    return r < 0 ? fail(&arguments, &error) : r;
}
