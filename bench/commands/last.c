/* last.c -- see last.h. */
#include "bench/commands/last.h"
#include "bench/gate/newest.h"

#include <stdlib.h>
#include <string.h>

#define LAST "@last"

/* The place of "@last" as a whole item of a list, or NULL. */
static char *last_item(char *word)
{
    for (char *at = strstr(word, LAST); at; at = strstr(at + 1, LAST)) {
        char before = at == word ? ',' : at[-1], after = at[strlen(LAST)];
        if ((before == ',' || before == '=') && (after == 0 || after == ',')) return at;
    }
    return NULL;
}

static bool names_output(const char *word) { return !strcmp(word, "-o") || !strcmp(word, "--output"); }

ir_status last_in_arguments(int argc, char **argv)
{
    char path[4096] = "";
    for (int i = 1; i < argc; i++) {
        char *at;
        if (!strcmp(argv[i], "--")) return IR_OK;
        if (names_output(argv[i - 1]) || !strncmp(argv[i], "--output=", 9)) continue;
        while ((at = last_item(argv[i]))) {
            if (!*path && newest_run(path, sizeof path) != IR_OK) return IR_EINVAL;
            size_t n = strlen(argv[i]) + strlen(path) + 1;
            char  *word = malloc(n);
            if (!word) return ir_fail(IR_ENOMEM, "no memory for the command line");
            snprintf(word, n, "%.*s%s%s", (int)(at - argv[i]), argv[i], path, at + strlen(LAST));
            argv[i] = word;
        }
    }
    return IR_OK;
}
