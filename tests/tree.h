/* tree.h -- a temporary directory tree of small files, to stand for /proc, /sys and /etc in tests. */
#ifndef IR_TESTS_TREE_H
#define IR_TESTS_TREE_H
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char root[64];
} tree;

static inline void tree_init(tree *t)
{
    snprintf(t->root, sizeof t->root, "/tmp/ironroof-tree-XXXXXX");
    if (!mkdtemp(t->root)) abort();
}

/* Write a printf-formatted text to root/path, making directories on the way. */
__attribute__((format(printf, 3, 4))) static inline void tree_put(const tree *t, const char *path,
                                                                  const char *fmt, ...)
{
    char    full[512];
    va_list ap;
    snprintf(full, sizeof full, "%s%s", t->root, path);
    for (char *s = full + strlen(t->root) + 1; (s = strchr(s, '/')); *s++ = '/') {
        *s = 0;
        mkdir(full, 0777);
    }
    FILE *f = fopen(full, "w");
    if (!f) abort();
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    fclose(f);
}

static inline int tree_remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
    (void)s, (void)type, (void)w;
    return remove(path);
}

/* A folder and all below it; 0, or -1. */
static inline int tree_remove(const char *path)
{
    return nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void tree_free(const tree *t) { tree_remove(t->root); }
#endif
