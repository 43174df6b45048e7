/* record_files.h -- what the tests of the record module share: a directory of their own, whole files, and
 * whether this build can read records. */
#ifndef IR_TESTS_RECORD_FILES_H
#define IR_TESTS_RECORD_FILES_H
#include "tests/record_sample.h"
#include "tests/tree.h"

#include <setjmp.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

#define HEADER "{\"record\":\"header\",\"schema\":1}\n"

typedef struct {
    tree dir;
    char path[128], other[128];
} files;

static inline int setup(void **state)
{
    files *f = calloc(1, sizeof *f);
    if (!f) return 1;
    tree_init(&f->dir);
    snprintf(f->path, sizeof f->path, "%s/a.jsonl", f->dir.root);
    snprintf(f->other, sizeof f->other, "%s/b.jsonl", f->dir.root);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    files *f = *state;
    tree_free(&f->dir);
    free(f);
    return 0;
}

static inline char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *n = fread(text, 1, (1 << 20) - 1, f);
    text[*n] = 0;
    fclose(f);
    return text;
}

static inline void spit(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Reading needs jansson; without it every reader says so, and only that is tested. */
static inline void need_reader(void)
{
    ir_record r;
    if (ir_record_parse("x", HEADER, strlen(HEADER), true, &r) == IR_SKIP) {
        print_message("SKIP: %s\n", ir_why());
        skip();
    }
    ir_record_free(&r);
}

#endif
