/* arena.c -- see layer.h: where activations lie when a place is used again as soon as its last reader has
 * run. Values are placed from the largest down: around the middle of one placed before, or as low as those
 * allow that live at the same time. */
#include "kernels/nets/layer.h"

#include <stdlib.h>

typedef struct {
    int     first, last;
    int64_t at, n;
} value; /* rows that write and last read it; at < 0: not placed yet */

static int last_reader(const ly_net *net, int i)
{
    const int b = net->row[i].out;
    int       last = i;
    for (int k = i + 1; k < net->n; k++) {
        if (net->row[k].in == b || net->row[k].add == b) last = k;
        if (net->row[k].out == b) break;
    }
    return last;
}

static bool arena_together(const value *a, const value *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Would v at `at` overlap o, placed and alive at the same time? */
static bool meets(const value *v, int64_t at, const value *o)
{
    return o->at >= 0 && arena_together(v, o) && at < o->at + o->n && o->at < at + v->n;
}

/* The lowest place at which v meets none of the placed values that live with it. */
static int64_t lowest(const value *v, const value *all, int n)
{
    int64_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < n; i++) {
            const value *o = &all[i];
            if (!meets(v, at, o)) continue;
            at = o->at + o->n;
            moved = true;
        }
    }
    return at;
}

static bool is_free(const value *v, const value *all, int n, int64_t at)
{
    for (int i = 0; i < n; i++)
        if (meets(v, at, &all[i])) return false;
    return true;
}

/* Around the middle of the largest value whose place v can use again: what one thread writes of either, the
 * first rows or the last, then lies where it wrote before. -1: nowhere. */
static int64_t centred(const value *v, const value *all, int n, int64_t align, int64_t end)
{
    const value *best = NULL;
    int64_t      best_at = -1;
    for (int i = 0; i < n; i++) {
        const value  *o = &all[i];
        const int64_t at = o->at + (o->n - v->n) / 2 / align * align;
        if (o->at < 0 || o->n == 0 || (best && o->n <= best->n) || at < 0 || at + v->n > end ||
            !is_free(v, all, n, at))
            continue;
        best = o;
        best_at = at;
    }
    return best_at;
}

static value *arena_largest(value *v, int n)
{
    value *most = NULL;
    for (int i = 0; i < n; i++)
        if (v[i].at < 0 && v[i].n > 0 && (!most || v[i].n > most->n)) most = &v[i];
    return most;
}

/* The place of what buffer b holds when row i begins: the value written last before it. */
static int64_t held(const ly_net *net, const value *v, int i, int b)
{
    for (int k = i - 1; b >= 0 && k >= 0; k--)
        if (net->row[k].out == b) return v[k].at;
    return -1;
}

ir_status ly_arena(const ly_net *net, int64_t align, ly_place **place, int64_t *elems)
{
    value *v = calloc((size_t)net->n, sizeof *v);
    *elems = 0;
    *place = calloc((size_t)net->n, sizeof **place);
    if (!v || !*place) {
        free(v);
        return ir_fail(IR_ENOMEM, "no memory to place %d activations", net->n);
    }
    for (int i = 0; i < net->n; i++) {
        const bool    kept = net->row[i].out >= 0;
        const int64_t n = kept ? ly_out_elems(&net->row[i]) : 0;
        v[i] = (value){i, kept ? last_reader(net, i) : i, -1,
                       kept ? (n + align - 1) / align * align + align : 0};
    }
    for (value *next = arena_largest(v, net->n); next; next = arena_largest(v, net->n)) {
        next->at = centred(next, v, net->n, align, *elems);
        if (next->at < 0) next->at = lowest(next, v, net->n);
        if (next->at + next->n > *elems) *elems = next->at + next->n;
    }
    for (int i = 0; i < net->n; i++) {
        const ly_row *r = &net->row[i];
        (*place)[i] = (ly_place){held(net, v, i, r->in), held(net, v, i, r->add), v[i].at};
    }
    free(v);
    return IR_OK;
}
