// `krets init`.
#include <stdio.h>

#include "app/init.h"
#include "cli/command.h"

int cli_init_run(const Arguments *arguments, Project *project, KretsError *error) {
    (void)project;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    InitResult result;
    int r = app_init(arena, &arguments->app, base_str_from(arguments->from), arguments->is_force,
                     &result, error);
    if (r < 0)
        return r;
    if (arguments->is_json) {
        json_t *reasons = json_array();
        for (size_t i = 0; i < result.reason_count; i++)
            json_array_append_new(reasons, cli_command_json_text(result.reasons[i]));
        return cli_command_json(json_pack("{s:o, s:o}", "model", cli_command_json_text(result.path),
                                          "reasons", reasons),
                                error);
    }
    for (size_t i = 0; i < result.reason_count; i++)
        printf("%.*s\n", STR_ARG(result.reasons[i]));
    printf("wrote %.*s; read it, change it, then: krets run\n", STR_ARG(result.path));
    return 0;
}
