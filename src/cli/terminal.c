#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

static const double REDRAW_S = 0.1;

// The one bar of this process: standard error is one, too.
static struct {
    char what[128];
    double begin_s, drawn_s;
    bool is_drawn;
} bar;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool cli_terminal_is_colour(int file_descriptor) {
    const char *no_colour = getenv("NO_COLOR");
    return isatty(file_descriptor) && (!no_colour || !*no_colour);
}

void cli_terminal_clear(void) {
    if (bar.is_drawn)
        fputs("\r\033[K", stderr);
    bar.is_drawn = false;
}

static void draw(double ratio, uint64_t done, const char *unit, double elapsed_s) {
    char cells[BAR_WIDTH * 3 + 1] = "";
    for (int i = 0; i < BAR_WIDTH; i++)
        strcat(cells, ratio >= 0 && i < (int)(ratio * BAR_WIDTH) ? "█" : "░");
    fprintf(stderr, "\r\033[K%s %s", bar.what, cells);
    if (ratio >= 0)
        fprintf(stderr, " %3.0f %%", ratio * 100);
    if (done > 0 && elapsed_s > 0.2)
        fprintf(stderr, "  %.0f %s/s", (double)done / elapsed_s, unit);
    if (ratio > 0.02 && elapsed_s > 1)
        fprintf(stderr, "  %.0f s left", elapsed_s * (1 - ratio) / ratio);
    fflush(stderr);
    bar.is_drawn = true;
}

static void on_step(void *context, const char *what, double ratio, uint64_t done,
                    const char *unit) {
    (void)context;
    if (!isatty(STDERR_FILENO))
        return;
    double now = seconds();
    if (strncmp(bar.what, what, sizeof bar.what - 1) != 0) {
        snprintf(bar.what, sizeof bar.what, "%s", what);
        bar.begin_s = now;
        bar.drawn_s = 0;
    }
    if (ratio >= 1) {
        cli_terminal_clear();
        return;
    }
    if (now - bar.drawn_s < REDRAW_S)
        return;
    bar.drawn_s = now;
    draw(ratio, done, unit, now - bar.begin_s);
}

static void on_note(void *context, Str line) {
    (void)context;
    cli_terminal_clear();
    fprintf(stderr, "%.*s\n", STR_ARG(line));
}

const AppProgress *cli_terminal_progress(void) {
    static const AppProgress progress = {.step = on_step, .note = on_note};
    return &progress;
}

void cli_terminal_error(const KretsError *error) {
    cli_terminal_clear();
    bool is_colour = cli_terminal_is_colour(STDERR_FILENO);
    fprintf(stderr, "%skrets:%s %s\n", is_colour ? "\033[1;31m" : "", is_colour ? "\033[0m" : "",
            error->text);
}

void cli_terminal_diagnostics(const Diagnostics *diagnostics) {
    cli_terminal_clear();
    for (size_t i = 0; i < diagnostics->count; i++)
        fprintf(stderr, "%.*s\n\n", STR_ARG(diagnostics->items[i].rendered));
}
