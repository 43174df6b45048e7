/* input.c -- see input.h. */
#define _GNU_SOURCE
#include "harness/record/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what can be read only once -------------------------------------------------------------- */
typedef struct kept {
    struct kept *next;
    char        *data;
    size_t       n;
    char         name[]; /* as it was asked for */
} kept;
static kept *all; /* until the process ends: a later reader may ask for it */

const char *ir_input_name(const char *path) { return strcmp(path, "-") ? path : "standard input"; }

static ir_status input_slurp(kept *k, FILE *f)
{
    for (size_t cap = 0, got = 1; got > 0; k->n += got) {
        if (k->n + 1 >= cap) {
            cap = cap ? 2 * cap : 1 << 16;
            char *v = k->n < IR_INPUT_MOST_B ? realloc(k->data, cap) : NULL;
            if (!v && k->n >= IR_INPUT_MOST_B)
                return ir_fail(IR_EINVAL, "%s: more than %d MiB and no file: store it in one first",
                               ir_input_name(k->name), IR_INPUT_MOST_B >> 20);
            if (!v) return ir_fail(IR_ENOMEM, "%s: no memory for it", ir_input_name(k->name));
            k->data = v;
        }
        got = fread(k->data + k->n, 1, cap - k->n - 1, f);
    }
    return ferror(f) ? ir_fail(IR_EIO, "%s: %s", ir_input_name(k->name), strerror(errno)) : IR_OK;
}

static ir_status input_keep(const char *path, FILE *f, const kept **out)
{
    const size_t name_B = strlen(path) + 1;
    kept        *k = calloc(1, sizeof *k + name_B);
    if (!k) return ir_fail(IR_ENOMEM, "%s: no memory for it", ir_input_name(path));
    memcpy(k->name, path, name_B);
    ir_status st = input_slurp(k, f);
    if (st != IR_OK) {
        free(k->data);
        free(k);
        return st;
    }
    k->next = all;
    *out = all = k;
    return IR_OK;
}

static const kept *input_kept(const char *path)
{
    const kept *k = all;
    while (k && strcmp(k->name, path) != 0) k = k->next;
    return k;
}

static ir_status input_of(const kept *k, FILE **out)
{
    *out = fmemopen(k->data, k->n ? k->n : 1, "r");
    if (!*out) return ir_fail(IR_ENOMEM, "%s: no memory for it", ir_input_name(k->name));
    if (k->n == 0) (void)fgetc(*out); /* a stream of memory has one byte at least */
    return IR_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */
/* What the first bytes say: a text, a text behind a mark of `skip` bytes, or something that must be unpacked.
 */
static const struct {
    const char *bytes, *what;
    size_t      n;
    long        skip;
} starts[] = {{"\xEF\xBB\xBF", NULL, 3, 3},
              {"\x1F\x8B", "compressed with gzip: unpack it first (gunzip -c FILE)", 2, 0},
              {"\x28\xB5\x2F\xFD", "compressed with zstd: unpack it first (zstd -dc FILE)", 4, 0},
              {"\xFD\x37zXZ", "compressed with xz: unpack it first (xz -dc FILE)", 5, 0},
              {"BZh", "compressed with bzip2: unpack it first (bzip2 -dc FILE)", 3, 0},
              {"\xFF\xFE", "in UTF-16: convert it first (iconv -f UTF-16 -t UTF-8 FILE)", 2, 0},
              {"\xFE\xFF", "in UTF-16: convert it first (iconv -f UTF-16 -t UTF-8 FILE)", 2, 0}};

static ir_status input_begin(const char *path, FILE *f)
{
    char        buf[8];
    size_t      n = fread(buf, 1, sizeof buf, f);
    long        skip = 0;
    const char *what = NULL;
    for (size_t i = 0; i < sizeof starts / sizeof *starts && !what; i++)
        if (n >= starts[i].n && !memcmp(buf, starts[i].bytes, starts[i].n)) {
            what = starts[i].what;
            skip = starts[i].skip;
        }
    if (what) return ir_fail(IR_EINVAL, "%s: %s", ir_input_name(path), what);
    return !ferror(f) && fseek(f, skip, SEEK_SET) == 0
               ? IR_OK
               : ir_fail(IR_EIO, "%s: %s", ir_input_name(path), strerror(errno));
}

/* What is no file is kept; a device is read as it is. */
static ir_status input_stream(const char *path, const kept **k, FILE **out)
{
    struct stat st;
    bool        std = !strcmp(path, "-");
    FILE       *f = std ? stdin : fopen(path, "rb");
    if (!f) return ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_EIO, "%s: %s", path, strerror(errno));
    bool once = fstat(fileno(f), &st) != 0 || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
    if (!once && !std) return *out = f, IR_OK;
    ir_status s = input_keep(path, f, k);
    if (!std) fclose(f);
    return s;
}

ir_status ir_input_open(const char *path, FILE **out)
{
    struct stat st;
    const kept *k = input_kept(path);
    *out = NULL;
    ir_status s = k ? IR_OK : input_stream(path, &k, out);
    if (s == IR_OK && k) s = input_of(k, out);
    bool text = k ? k->n > 0 : s == IR_OK && fstat(fileno(*out), &st) == 0 && S_ISREG(st.st_mode);
    if (s == IR_OK && text) s = input_begin(path, *out);
    if (s == IR_OK || !*out) return s;
    fclose(*out);
    *out = NULL;
    return s;
}

bool ir_input_is_there(const char *path)
{
    return !strcmp(path, "-") || input_kept(path) || access(path, R_OK) == 0;
}

/* ---- input and output ------------------------------------------------------------------------ */
ir_status ir_path_look(const char *path, bool *there, struct stat *st)
{
    struct stat own;
    *there = stat(path, st ? st : &own) == 0;
    if (*there || errno == ENOENT || errno == ENOTDIR) return IR_OK;
    return ir_fail(errno == ENOMEM ? IR_ENOMEM : IR_EIO, "%s: %s", path, strerror(errno));
}

static bool is_one_file(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool ir_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && is_one_file(&x, &y);
}

ir_status ir_input_not_output(const char *const *input, size_t n, const char *out)
{
    struct stat in, to;
    bool        there = false;
    ir_status   st = out && strcmp(out, "-") != 0 ? ir_path_look(out, &there, &to) : IR_OK;
    for (size_t i = 0; i < n && there && st == IR_OK; i++) {
        bool read = input[i] && strcmp(input[i], "-") != 0;
        if (read) st = ir_path_look(input[i], &read, &in);
        if (st == IR_OK && read && is_one_file(&in, &to))
            st = ir_fail(IR_EINVAL, "%s: is read and would be overwritten: name another file with -o", out);
    }
    return st;
}
