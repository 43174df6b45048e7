/* names.c -- lists of nodes: as the user writes them, or as Slurm knows them. */
#define _GNU_SOURCE
#include "bench/ab/child.h"
#include "bench/fleet/launch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_NODES = 1000000, ASK_S = 20 };

static ir_status names_add_name(fleet_names *all, const char *name)
{
    if (!*name || strlen(name) >= IR_FLEET_NAME)
        return ir_fail(IR_EINVAL, "'%.70s': a node's name has 1 to %d characters", name, IR_FLEET_NAME - 1);
    if (!ir_fleet_is_name(name)) return ir_fail(IR_EINVAL, "'%.70s' is no name of a node", name);
    if (all->n >= MOST_NODES) return ir_fail(IR_EINVAL, "more than %d nodes", MOST_NODES);
    if (!(all->n & (all->n - 1))) {
        void *v = realloc(all->v, (all->n ? 2 * all->n : 1) * sizeof *all->v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", all->n);
        all->v = v;
    }
    snprintf(all->v[all->n++], IR_FLEET_NAME, "%s", name);
    return IR_OK;
}

void fleet_names_free(fleet_names *all)
{
    free(all->v);
    *all = (fleet_names){0};
}

/* "1-3,7" between prefix and suffix; width from the first number's zeros. */
static ir_status add_ranges(fleet_names *all, const char *prefix, const char *ranges, const char *suffix)
{
    ir_status st = IR_OK;
    for (const char *s = ranges; st == IR_OK;) {
        char *end;
        int   width = (int)strspn(s, "0123456789");
        if (!width)
            return ir_fail(IR_EINVAL, "'%s[%s]': a number or a range such as 1-4 expected", prefix, ranges);
        long lo = strtol(s, &end, 10), hi = lo;
        if (*end == '-' && isdigit((unsigned char)end[1])) hi = strtol(end + 1, &end, 10);
        if ((*end && *end != ',') || hi < lo || hi - lo > MOST_NODES)
            return ir_fail(IR_EINVAL, "'%s[%s]': a range such as 1-4 expected", prefix, ranges);
        for (long k = lo; k <= hi && st == IR_OK; k++) {
            char name[200];
            snprintf(name, sizeof name, "%.60s%0*ld%.60s", prefix, s[0] == '0' ? width : 1, k, suffix);
            st = names_add_name(all, name);
        }
        if (!*end) break;
        s = end + 1;
    }
    return st;
}

static ir_status add_word(fleet_names *all, char *word)
{
    char *open = strchr(word, '['), *close = open ? strchr(open, ']') : NULL;
    if (!open)
        return strchr(word, ']') ? ir_fail(IR_EINVAL, "'%.70s': a bracket was not opened", word)
                                 : names_add_name(all, word);
    if (!close || strpbrk(close + 1, "[]"))
        return ir_fail(IR_EINVAL, "'%.70s': one closed pair of brackets expected", word);
    *open = *close = 0;
    return add_ranges(all, word, open + 1, close + 1);
}

static int names_by_text(const void *a, const void *b) { return strcmp(a, b); }

static ir_status no_twins(const fleet_names *all)
{
    char(*v)[IR_FLEET_NAME] = malloc((all->n + 1) * sizeof *v);
    ir_status st = IR_OK;
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", all->n);
    memcpy(v, all->v, all->n * sizeof *v);
    qsort(v, all->n, sizeof *v, names_by_text);
    for (size_t i = 1; i < all->n && st == IR_OK; i++)
        if (!strcmp(v[i], v[i - 1])) st = ir_fail(IR_EINVAL, "node %s is named twice", v[i]);
    free(v);
    return st;
}

ir_status fleet_names_parse(const char *list, fleet_names *out)
{
    char     *copy = strdup(list);
    ir_status st = copy ? IR_OK : ir_fail(IR_ENOMEM, "no memory for a list of nodes");
    *out = (fleet_names){0};
    for (char *s = copy; st == IR_OK && s;) {
        char *end = s;
        for (int depth = 0; *end && (*end != ',' || depth); end++) depth += (*end == '[') - (*end == ']');
        char *next = *end ? end + 1 : NULL;
        *end = 0;
        st = add_word(out, s);
        s = next;
    }
    free(copy);
    if (st == IR_OK) st = no_twins(out);
    if (st != IR_OK) fleet_names_free(out);
    return st;
}

/* ---- what Slurm has -------------------------------------------------------------------------- */
static bool answers(const char *state)
{
    static const char *const good[] = {"idle", "mixed", "allocated", "completing", "mix", "alloc", "comp"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!strcmp(state, good[i])) return true; /* "idle*": it does not respond */
    return false;
}

/* Names of a state, and those that cannot answer. only: NULL, all. */
static ir_status ask_slurm(bool idle_only, fleet_names *up, fleet_names *down)
{
    static char *const ask[] = {"sinfo", "-h", "-N", "-o", "%N %T", NULL};
    child_result       r;
    char               text[480], *rest;
    ir_status          st = child_run(ask, ASK_S, NULL, &r);
    if (st != IR_OK) return st;
    const char *failed = child_failure(&r, ASK_S, text, sizeof text);
    if (failed) st = ir_fail(IR_EINVAL, "sinfo: %s", failed);
    char last[IR_FLEET_NAME] = "";
    for (char *line = r.out; st == IR_OK && (line = strtok_r(line, "\n", &rest)); line = NULL) {
        char name[IR_FLEET_NAME] = "", state[40] = "";
        if (sscanf(line, "%63s %39s", name, state) != 2 || !strcmp(name, last))
            continue; /* once per partition */
        snprintf(last, sizeof last, "%s", name);
        bool up_now = answers(state);
        if (up_now && (!idle_only || !strcmp(state, "idle")))
            st = names_add_name(up, name);
        else if (!up_now)
            st = names_add_name(down, name);
    }
    child_free(&r);
    return st;
}

static void keep_sample(fleet_names *all, size_t n)
{
    ir_rng rng;
    ir_rng_seed(&rng, (uint64_t)getpid());
    for (size_t i = 0; i < n && i < all->n; i++) {
        char   swap[IR_FLEET_NAME];
        size_t k = i + ir_rng_below(&rng, all->n - i);
        memcpy(swap, all->v[i], sizeof swap);
        memcpy(all->v[i], all->v[k], sizeof swap);
        memcpy(all->v[k], swap, sizeof swap);
    }
    if (n < all->n) all->n = n;
}

static bool has_name(const fleet_names *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->v[i], name)) return true;
    return false;
}

/* Of the named, those that Slurm knows to be down; a name that it does not know is the user's mistake. */
static ir_status check_named(const fleet_names *named, fleet_names *down)
{
    fleet_names up = {0}, dead = {0};
    ir_status   st = ask_slurm(false, &up, &dead);
    for (size_t i = 0; i < named->n && st == IR_OK; i++) {
        if (has_name(&dead, named->v[i]))
            st = names_add_name(down, named->v[i]);
        else if (!has_name(&up, named->v[i]))
            st = ir_fail(IR_EINVAL, "node %s: Slurm knows none of that name", named->v[i]);
    }
    fleet_names_free(&up);
    fleet_names_free(&dead);
    return st;
}

ir_status fleet_names_find(fleet_engine e, const char *list, fleet_names *out, fleet_names *down)
{
    char *end = NULL;
    long  n = list ? strtol(list, &end, 10) : 0;
    *out = *down = (fleet_names){0};
    ir_status st = IR_OK;
    if (e == FLEET_LOCAL && list && *list && !*end) {
        char text[40];
        if (n < 1 || n > 4096) return ir_fail(IR_EINVAL, "--nodes %s: 1 to 4096 times this machine", list);
        snprintf(text, sizeof text, "local[1-%ld]", n);
        return fleet_names_parse(text, out);
    }
    bool sample = list && !strncmp(list, "sample:", 7), all = !list || !strcmp(list, "all"),
         idle = list && !strcmp(list, "idle");
    if (e == FLEET_SLURM && (sample || all || idle)) {
        n = sample ? strtol(list + 7, &end, 10) : 0;
        if (sample && (n < 1 || *end)) return ir_fail(IR_EINVAL, "--nodes %s: sample:N expected", list);
        st = ask_slurm(!all, out, down);
        if (st == IR_OK && sample) keep_sample(out, (size_t)n);
        if (!all) fleet_names_free(down); /* only who was asked can be lost */
        for (size_t i = 0; all && i < down->n && st == IR_OK; i++) st = names_add_name(out, down->v[i]);
        return st == IR_OK && out->n == 0 ? ir_fail(IR_EINVAL, "Slurm has no such node now") : st;
    }
    if (!list) return ir_fail(IR_EINVAL, "--nodes LIST is needed with engine %s", fleet_engine_name(e));
    st = fleet_names_parse(list, out);
    if (st == IR_OK && e == FLEET_SLURM) st = check_named(out, down);
    return st;
}
