// Whole files.
#ifndef KRETS_BASE_FILE_H
#define KRETS_BASE_FILE_H

#include "base/error.h"
#include "base/str.h"

// Appends the whole file to `text`. BASE_E_STORE when it cannot be read, BASE_E_USAGE when it is
// larger than `limit_bytes` or not a regular file; then `text` is as before.
int base_file_read(const char *path, size_t limit_bytes, Text *text, KretsError *error);

// Writes the file so that after a crash it is either as before or complete: a temporary file in the
// same folder, fsync, rename, fsync of the folder. Mode 0644 less the umask. BASE_E_STORE, or
// BASE_E_RESOURCES when the disk is full; then the old file is untouched.
int base_file_write(const char *path, Str content, KretsError *error);

#endif
