/* journal_take.c -- lines of an older record into a journal, as they are: what a run that continues it has
 * not measured anew is never dropped. */
#include "harness/record/journal.h"
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/input.h"
#include "harness/record/json_in.h"
#include "harness/record/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What makes two lines of a kind the same thing, the later of which counts. A kind that is not named here, or
 * a line without these fields, is like no other. */
static const struct {
    const char *kind, *field[7];
} identities[] = {{"machine", {"device"}},
                  {"ceiling", {"device", "what", "level", "op", "dtype", "threads"}},
                  {"point", {"device", "key", "for_ceiling", "family"}},
                  {"fit", {"device", "form"}},
                  {"verdict", {"device", "question", "evidence"}},
                  {"energy-fit", {"device", "threads"}},
                  {"series", {"device", "key"}}};
enum { MOST_TEXT = 4096 };

static const char *line_kind(const json_t *o)
{
    const char *kind = json_string_value(json_object_get(o, "record"));
    return kind ? kind : "";
}

/* *named false: like no other line. */
static ir_status line_identity(const json_t *o, char *buf, size_t size, bool *named)
{
    *named = false;
    size_t      at = 0, n = sizeof identities / sizeof *identities;
    const char *kind = line_kind(o);
    while (at < n && strcmp(identities[at].kind, kind) != 0) at++;
    if (at == n) return IR_OK;
    size_t used = (size_t)snprintf(buf, size, "%s", kind);
    for (int i = 0; identities[at].field[i] && used < size; i++) {
        json_t *v = json_object_get(o, identities[at].field[i]);
        if (json_is_array(v)) v = json_array_get(v, 0); /* evidence: its first point says what it is about */
        char *text = v ? ir_json_dump(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (v && !text) return ir_fail(IR_ENOMEM, "no memory to tell its lines apart");
        used += (size_t)snprintf(buf + used, size - used, "\n%s", text ? text : "null");
        free(text);
    }
    *named = used < size;
    return IR_OK;
}

typedef struct {
    ir_journal *j;
    ir_take     what;
    ir_keys     written;
} taking;

/* One line of either side; `o` is its object. */
typedef ir_status line_use(taking *, const json_t *o, const char *line, size_t n);

static ir_status note_line(taking *t, const json_t *o, const char *line, size_t n)
{
    char      key[MOST_TEXT];
    bool      named;
    ir_status st = line_identity(o, key, sizeof key, &named);
    (void)line, (void)n;
    return st == IR_OK && named ? ir_keys_add(&t->written, key, 0, NULL) : st;
}

static ir_status take_line(taking *t, const json_t *o, const char *line, size_t n)
{
    char      key[MOST_TEXT];
    bool      header = !strcmp(line_kind(o), "header"), named = false;
    ir_status st = IR_OK;
    if (t->what != IR_TAKE_ALL && header != (t->what == IR_TAKE_HEADERS)) return IR_OK;
    if (t->what == IR_TAKE_REST) st = line_identity(o, key, sizeof key, &named);
    if (st != IR_OK || (named && ir_keys_find(&t->written, key))) return st;
    st = ir_journal_raw(t->j, line, n);
    return st == IR_OK && line[n - 1] != '\n' ? ir_journal_raw(t->j, "\n", 1) : st;
}

/* An unfinished last line is what a killed run left. */
static ir_status each_line(taking *t, FILE *f, const char *name, line_use *use)
{
    char     *line = NULL;
    size_t    cap = 0, at = 0;
    ssize_t   n;
    ir_status st = IR_OK;
    errno = 0;
    while (st == IR_OK && (n = getline(&line, &cap, f)) > 0) {
        json_error_t e;
        bool         nomem;
        json_t      *o = ir_json_load(line, (size_t)n, 0, &e, &nomem);
        at++;
        if (o)
            st = use(t, o, line, (size_t)n);
        else if (nomem)
            st = ir_fail(IR_ENOMEM, "%s:%zu: no memory for it", name, at);
        else if (line[n - 1] == '\n' && strspn(line, " \t\r\n") < (size_t)n)
            st = ir_fail(IR_EINVAL, "%s:%zu: column %d: not JSON: %s", name, at, e.column, e.text);
        json_decref(o);
    }
    if (st == IR_OK && (ferror(f) || errno == ENOMEM)) st = ir_fail(IR_EIO, "%s: %s", name, strerror(errno));
    free(line);
    return st;
}

/* The lines that the journal holds so far. */
static ir_status note_written(taking *t)
{
    int   fd = dup(ir_journal_fd(t->j));
    FILE *f = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
    if (!f) {
        ir_status st = ir_fail(IR_EIO, "%s: cannot be read: %s", ir_journal_path(t->j), strerror(errno));
        if (fd >= 0) close(fd);
        return st;
    }
    ir_status st = each_line(t, f, ir_journal_path(t->j), note_line);
    fclose(f);
    return lseek(ir_journal_fd(t->j), 0, SEEK_END) < 0 && st == IR_OK
               ? ir_fail(IR_EIO, "%s: %s", ir_journal_path(t->j), strerror(errno))
               : st;
}

ir_status ir_journal_take(ir_journal *j, const char *path, ir_take what)
{
    taking    t = {.j = j, .what = what};
    ir_status st = what == IR_TAKE_REST ? note_written(&t) : IR_OK;
    FILE     *f = NULL;
    if (st == IR_OK) st = ir_input_open(path, &f);
    ir_journal_preamble(j, what != IR_TAKE_REST);
    if (st == IR_OK) st = each_line(&t, f, path, take_line);
    if (f) fclose(f);
    ir_keys_free(&t.written);
    return st;
}
#else
ir_status ir_journal_take(ir_journal *j, const char *path, ir_take what)
{
    (void)j, (void)what;
    return ir_fail(IR_SKIP, "%s: records cannot be read: built without jansson (libjansson-dev)", path);
}
#endif
