/* again.c -- see again.h. */
#include "bench/run/again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many words at `word` say where results go: 0, 1 (-oX, --resume=X), 2 (-o X). */
static int words_of_file(const char *word)
{
    static const char *const names[] = {"--output", "--resume"};
    if (!strncmp(word, "-o", 2)) return word[2] ? 1 : 2;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (!strncmp(word, names[i], n) && (!word[n] || word[n] == '=')) return word[n] ? 1 : 2;
    }
    return 0;
}

const char **run_again_words(int argc, char *const *argv, const char *path)
{
    const char **v = calloc((size_t)argc + 3, sizeof *v);
    size_t       n = 0;
    int          i = 0;
    if (!v) return NULL;
    while (i < argc && strcmp(argv[i], "--") != 0) {
        int skip = i ? words_of_file(argv[i]) : 0;
        if (!skip) v[n++] = argv[i++];
        i += skip;
    }
    v[n++] = "--resume";
    v[n++] = path;
    while (i < argc) v[n++] = argv[i++];
    return v;
}

ir_status run_again(int argc, char *const *argv, const char *path)
{
    const char **v = run_again_words(argc, argv, path);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for a command line");
    fflush(NULL);
    execv("/proc/self/exe", (char *const *)v);
    free(v);
    return ir_fail(IR_EIO, "the program cannot begin again: %s", strerror(errno));
}
