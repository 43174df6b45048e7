/* gather.c -- see gather.h. */
#define _GNU_SOURCE
#include "bench/fleet/gather.h"
#include "harness/record/frame.h"
#include "harness/record/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORD "plan:"
static const char digit[] = "0123456789abcdef";

/* ---- the plan as a word ---------------------------------------------------------------------- */
bool fleet_is_plan_word(const char *s) { return !strncmp(s, WORD, strlen(WORD)); }

ir_status fleet_plan_word(const ir_fleet_plan *plan, char **out)
{
    ir_fleet_plan p = *plan;
    char         *text = NULL;
    p.nnode = 0;
    *out = NULL;
    ir_status st = ir_fleet_plan_text(&p, &text);
    if (st != IR_OK) return st;
    size_t n = strlen(text);
    char  *to = *out = malloc(strlen(WORD) + 2 * n + 1);
    if (to) {
        to += sprintf(to, WORD);
        for (size_t i = 0; i < n; i++) {
            *to++ = digit[(unsigned char)text[i] >> 4];
            *to++ = digit[(unsigned char)text[i] & 15];
        }
        *to = 0;
    }
    free(text);
    return *out ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the plan");
}

ir_status fleet_plan_unword(const char *word, ir_fleet_plan *out)
{
    size_t n = strlen(word);
    char  *text = malloc(n + 1);
    *out = (ir_fleet_plan){0};
    if (!text) return ir_fail(IR_ENOMEM, "no memory for the plan");
    const char *s = word + strlen(WORD);
    n = 0;
    for (; *s; s += 2) {
        const char *high = strchr(digit, s[0]), *low = s[1] ? strchr(digit, s[1]) : NULL;
        if (!high || !low) return free(text), ir_fail(IR_EINVAL, "'%.40s...': no plan's word", word);
        text[n++] = (char)((high - digit) << 4 | (low - digit));
    }
    ir_status st = ir_fleet_plan_parse("the plan's word", text, n, out);
    free(text);
    return st;
}

/* ---- digests --------------------------------------------------------------------------------- */
/* The plan's name for what a node calls itself: that name, or it up to its first dot. */
static const char *known_as(const ir_fleet_plan *p, const char *node)
{
    size_t      cut = strcspn(node, ".");
    const char *found = NULL;
    for (size_t i = 0; i < p->nnode; i++) {
        if (!strcmp(p->node[i], node)) return p->node[i];
        if (!strncmp(p->node[i], node, cut) && !p->node[i][cut]) found = p->node[i];
    }
    return found;
}

static ir_status keep_damaged(const char *path, const ir_fleet_plan *p, int look, const char *name,
                              const ir_frame_message *m)
{
    struct stat   s;
    ir_fleet_node d = {.look = look ? look : 1};
    if (stat(path, &s) == 0) return IR_OK; /* it came whole once */
    snprintf(d.run, sizeof d.run, "%s", p->run);
    snprintf(d.node, sizeof d.node, "%s", name);
    snprintf(d.version, sizeof d.version, "%s", p->version);
    snprintf(d.status, sizeof d.status, "damaged");
    snprintf(d.why, sizeof d.why, "of the %zu lines of its digest %zu came whole through the engine's output",
             m->parts, m->whole);
    return ir_fleet_node_write(path, &d);
}

/* As it came, but under the plan's name. What cannot be read is kept too: the judge says what is wrong. */
static ir_status keep_message(const char *path, const char *name, const ir_frame_message *m)
{
    ir_fleet_node d;
    ir_status     st = ir_file_write_measured(path, m->text, m->n);
    if (st != IR_OK || !strcmp(name, m->node)) return st;
    st = ir_fleet_node_read(path, &d);
    if (st != IR_OK) return st == IR_ENOMEM ? st : IR_OK;
    snprintf(d.node, sizeof d.node, "%s", name);
    st = ir_fleet_node_write(path, &d);
    ir_fleet_node_free(&d);
    return st;
}

ir_status fleet_gather(const char *dir, const ir_fleet_plan *p, int look, const char *output, size_t n,
                       char stray[IR_FLEET_NAME])
{
    ir_frame_messages all;
    char              id[IR_FRAME_ID], path[4200];
    ir_status         st = IR_OK;
    *stray = 0;
    if (!ir_frame_read(output ? output : "", n, &all)) return ir_fail(IR_ENOMEM, "no memory for digests");
    snprintf(id, sizeof id, "look%d", look);
    for (size_t i = 0; i < all.n && st == IR_OK; i++) {
        const ir_frame_message *m = &all.v[i];
        const char             *name = known_as(p, m->node);
        if (strcmp(m->id, id)) continue;
        if (!name) {
            snprintf(stray, IR_FLEET_NAME, "%s", m->node);
            continue;
        }
        st = fleet_path(dir, look, name, p->nnode, true, path, sizeof path);
        if (st == IR_OK) st = m->text ? keep_message(path, name, m) : keep_damaged(path, p, look, name, m);
    }
    ir_frame_free(&all);
    return st;
}

/* ---- exchanges ------------------------------------------------------------------------------- */
ir_status fleet_gather_exchanges(const char *path, const char *output, size_t n, size_t *damaged)
{
    ir_frame_messages all;
    if (!ir_frame_read(output ? output : "", n, &all)) return ir_fail(IR_ENOMEM, "no memory for exchanges");
    *damaged = all.damaged;
    FILE *f = all.n ? fopen(path, "a") : NULL;
    bool  ok = f || !all.n;
    for (size_t i = 0; i < all.n && ok; i++) {
        const ir_frame_message *m = &all.v[i];
        if (m->text && !strncmp(m->id, "net", 3)) ok = fprintf(f, "%s\n", m->text) > 0;
    }
    if (f && fclose(f) != 0) ok = false;
    ir_frame_free(&all);
    return ok ? IR_OK : ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
}
