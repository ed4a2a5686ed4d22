// Standard error as a terminal or a log: progress bars, notes, errors.
#ifndef KRETS_CLI_TERMINAL_H
#define KRETS_CLI_TERMINAL_H

#include "app/project.h"

// Progress for the app: a bar with rate and time left on a terminal, a line for each finished step
// otherwise. The pointer is to a static object; one command runs at a time.
const AppProgress *cli_terminal_progress(void);
void cli_terminal_clear(void); // takes an unfinished bar away

bool cli_terminal_is_colour(int file_descriptor); // a terminal, and NO_COLOR not set

// "krets: message" on standard error.
void cli_terminal_error(const KretsError *error);
// The model's errors and warnings.
void cli_terminal_diagnostics(const Diagnostics *diagnostics);

#endif
