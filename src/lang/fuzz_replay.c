// Feeds files, and all files of folders, given as arguments to a fuzzing harness: the corpora are
// replayed in the ordinary tests, without a fuzzer. Prints how many inputs it replayed; none is a
// failure.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"

#define INPUT_BYTES_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    BASE_TEXT_SCOPED text = {0};
    KretsError error;
    if (base_file_read(path, INPUT_BYTES_MAX, &text, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    const char *data = text.data == NULL ? "" : text.data;
    LLVMFuzzerTestOneInput((const uint8_t *)data, text.size_bytes);
    return 1;
}

// The number of inputs replayed, or -1.
static int replay_folder(const char *path) {
    DIR *folder = opendir(path);
    int count = 0;
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        BASE_TEXT_SCOPED file = {0};
        base_text_printf(&file, "%s/%s", path, entry->d_name);
        if (replay_file(file.data) < 0) {
            count = -1;
            break;
        }
        count++;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        bool is_folder = stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode);
        int count = is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
