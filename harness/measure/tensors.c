/* tensors.c -- see tensors.h. Tensors of recent points are cached by size, and an IN tensor that already
 * holds the content asked for is not filled again: the next kernel of a ladder starts at once. */
#include "harness/measure/tensors.h"
#include "harness/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NCACHE = 16, PATTERN = 0xA5 };
/* Content tag: what an IN tensor was filled with; kernels must not write IN tensors. */
typedef struct {
    const ir_workload *w;
    ir_params          p;
    uint64_t           seed;
    int                t;
} content;
typedef struct {
    const ir_backend *be;
    void             *dev;
    ir_mem            mem;
    content           tag;
    void             *copy;
    bool              used;
} entry;                           /* copy: the content, of memory the host cannot read */
static entry        cache[NCACHE]; /* one measuring thread */
static const double OTHERS_SHARE = 1.0 / 16;

static entry *entry_of(const ir_mem *m)
{
    for (int i = 0; i < NCACHE; i++)
        if (m->p && cache[i].mem.p == m->p) return &cache[i];
    return NULL;
}

static void tensors_drop(ir_dev *dev, entry *e)
{
    dev->be->release(dev, &e->mem);
    free(e->copy);
    memset(e, 0, sizeof *e);
}

void tensors_release(ir_dev *dev)
{
    for (int i = 0; i < NCACHE; i++)
        if (cache[i].dev == dev->self && cache[i].be == dev->be && !cache[i].used)
            tensors_drop(dev, &cache[i]);
}

static ir_status tensors_take(ir_dev *dev, size_t bytes, ir_mem *out)
{
    for (int i = 0; i < NCACHE; i++) {
        entry *e = &cache[i];
        if (!e->used && e->mem.bytes == bytes && e->dev == dev->self && e->be == dev->be) {
            e->used = true;
            *out = e->mem;
            return IR_OK;
        }
    }
    ir_status s = dev->be->alloc(dev, bytes, out);
    if (s == IR_ENOMEM) {
        tensors_release(dev);
        s = dev->be->alloc(dev, bytes, out);
    }
    for (int i = 0; s == IR_OK && i < NCACHE; i++)
        if (!cache[i].mem.p && out->p) {
            cache[i] = (entry){.be = dev->be, .dev = dev->self, .mem = *out, .used = true};
            break;
        }
    return s;
}

/* With the guard's bytes, or what staggers tensor t. */
static size_t base_B(const tensor_set *s, int t)
{
    return s->spec[t].bytes + (s->guarded ? 2 * GUARD_B + 64 : (size_t)t * STAGGER_B);
}

/* Bytes of a device's tensors that a set of n cannot use, and the largest of them. */
static double others_B(const ir_dev *dev, const tensor_set *s, int n, entry **largest)
{
    double sum = 0;
    *largest = NULL;
    for (entry *e = cache; e < cache + NCACHE; e++) {
        bool fits = false;
        for (int t = 0; t < n; t++) fits = fits || e->mem.bytes == base_B(s, t);
        if (fits || e->used || !e->mem.p || e->dev != dev->self || e->be != dev->be) continue;
        sum += (double)e->mem.bytes;
        if (!*largest || e->mem.bytes > (*largest)->mem.bytes) *largest = e;
    }
    return sum;
}

/* Tensors of earlier points stay while they are little beside this one's: what is in memory is to be what is
 * measured. */
static void drop_others(ir_dev *dev, const tensor_set *s, int n)
{
    double need = 0;
    entry *largest;
    for (int t = 0; t < n; t++) need += (double)base_B(s, t);
    while (others_B(dev, s, n, &largest) > OTHERS_SHARE * need) tensors_drop(dev, largest);
}

static void give(ir_dev *dev, ir_mem *m, bool keep)
{
    entry *e = entry_of(m);
    if (e) {
        e->used = false;
        if (!keep) tensors_drop(dev, e);
    } else {
        dev->be->release(dev, m);
    }
    memset(m, 0, sizeof *m);
}

double tensors_bytes(const ir_workload *w, const ir_params *p)
{
    ir_tensor spec[IR_MAX_TENSORS];
    double    sum = 0;
    int       n = w->tensors(w, p, spec);
    for (int t = 0; t < n; t++) sum += (double)spec[t].bytes;
    return sum;
}

/* Memory the host cannot touch is guarded at its end only, by bytes the kernel is not told of. */
static ir_status guard_device(ir_dev *dev, tensor_set *s, int t)
{
    void *pattern = malloc(s->base[t].bytes);
    if (!pattern) return ir_fail(IR_ENOMEM, "no host memory for the guard bytes of %s", s->spec[t].name);
    memset(pattern, PATTERN, s->base[t].bytes);
    ir_status st = dev->be->put(dev, &s->base[t], pattern);
    free(pattern);
    s->mem[t].bytes = s->spec[t].bytes;
    return st;
}

static ir_status guard_one(ir_dev *dev, tensor_set *s, int t, size_t misalign)
{
    ir_mem *m = &s->base[t];
    if (!m->host) return guard_device(dev, s, t);
    memset(m->host, PATTERN, m->bytes);
    s->mem[t].p = s->mem[t].host = (char *)m->host + GUARD_B + misalign;
    s->mem[t].bytes = s->spec[t].bytes;
    return IR_OK;
}

static void stagger(tensor_set *s, int t, size_t shift)
{
    ir_mem *m = &s->mem[t];
    if (m->host && m->host == m->p) m->p = m->host = (char *)m->host + shift;
    m->bytes = s->spec[t].bytes;
}

ir_status tensors_alloc(ir_dev *dev, const ir_workload *w, const ir_params *p, bool guard, size_t misalign,
                        bool keep, tensor_set *s)
{
    memset(s, 0, sizeof *s);
    s->guarded = guard;
    int       n = w->tensors(w, p, s->spec);
    ir_status st = IR_OK;
    if (keep) drop_others(dev, s, n);
    for (int t = 0; t < n && st == IR_OK; t++) {
        size_t shift = (size_t)t * STAGGER_B, bytes = base_B(s, t);
        st = keep ? tensors_take(dev, bytes, &s->base[t]) : dev->be->alloc(dev, bytes, &s->base[t]);
        if (st != IR_OK) break;
        s->n = t + 1;
        s->mem[t] = s->base[t];
        if (p->node > 0) {
            st = dev->be->bind ? dev->be->bind(dev, &s->base[t], p->node - 1)
                               : ir_fail(IR_SKIP, "%s cannot put memory on a node", dev->be->name);
            s->unplaced |= 1u << t; /* nobody else gets it */
        }
        if (st != IR_OK) break;
        if (guard)
            st = guard_one(dev, s, t, misalign);
        else
            stagger(s, t, shift);
    }
    if (st != IR_OK) tensors_free(dev, s, false);
    return st;
}

void tensors_free(ir_dev *dev, tensor_set *s, bool keep)
{
    for (int t = 0; t < s->n; t++) {
        entry *e = keep && s->spec[t].role == IR_IN && !s->mem[t].host && s->owns_before[t]
                       ? entry_of(&s->base[t])
                       : NULL;
        if (e && e->tag.w && !e->copy)
            e->copy = s->before[t]; /* the next kernel of the ladder reads it again */
        else if (s->owns_before[t])
            free(s->before[t]);
        if (s->owns_after[t]) free(s->after[t]);
        give(dev, &s->base[t],
             keep && !(s->unplaced >> t & 1)); /* pages taken again lie where the filling thread is */
    }
    memset(s, 0, sizeof *s);
}

static bool tensors_holds(const entry *e, const content *c)
{
    return e && e->tag.w == c->w && e->tag.seed == c->seed && e->tag.t == c->t &&
           e->tag.p.dtype == c->p.dtype && !memcmp(e->tag.p.v, c->p.v, sizeof c->p.v);
}

static ir_status fill_one(ir_dev *dev, const ir_workload *w, const ir_params *p, uint64_t seed, tensor_set *s,
                          int t)
{
    ir_mem *m = &s->mem[t];
    ir_role role = s->spec[t].role;
    content c = {w, *p, seed, t};
    entry  *e = entry_of(&s->base[t]);
    if (role == IR_IN && !s->guarded && tensors_holds(e, &c) && (m->host || e->copy)) {
        s->before[t] = m->host ? m->host : e->copy;
        return IR_OK;
    }
    if (e) {
        free(e->copy);
        e->copy = NULL;
    }
    if (s->owns_before[t]) { /* filled before */
        free(s->before[t]);
        s->before[t] = NULL;
        s->owns_before[t] = false;
    }
    void *host = m->host ? m->host : malloc(m->bytes);
    if (!host)
        return ir_fail(IR_ENOMEM, "%s: no host memory for %zu bytes of tensor %s", w->name, m->bytes,
                       s->spec[t].name);
    if (role == IR_OUT)
        memset(host, 0xFF, m->bytes); /* NaN in every floating format */
    else
        w->fill(w, p, t, host, seed);
    ir_status st = m->host ? IR_OK : dev->be->put(dev, m, host);
    if (e) e->tag = role == IR_IN ? c : (content){0};
    if (role == IR_IN || (role == IR_INOUT && !m->host && !w->intact)) {
        s->before[t] = host;
        s->owns_before[t] = !m->host;
    } else if (role == IR_INOUT && m->host && !w->intact) {
        s->before[t] = malloc(m->bytes);
        s->owns_before[t] = true;
        if (!s->before[t])
            return ir_fail(IR_ENOMEM, "%s: no host memory for a copy of %s", w->name, s->spec[t].name);
        memcpy(s->before[t], host, m->bytes);
    } else if (!m->host) {
        free(host);
    }
    return st;
}

void tensors_consumed(tensor_set *s, uint32_t which)
{
    for (int t = 0; t < s->n; t++) {
        entry *e = which >> t & 1 ? entry_of(&s->base[t]) : NULL;
        if (e) e->tag = (content){0};
    }
    s->gone |= which;
    s->unplaced |= which;
}

ir_status tensors_prepare(ir_run *r, tensor_set *s)
{
    ir_status st = ir_plan_prepare(r);
    tensors_consumed(s, ir_plan_consumes(r));
    return st;
}

ir_status tensors_restore(ir_dev *dev, const ir_workload *w, const ir_params *p, uint64_t seed, tensor_set *s)
{
    ir_status st = IR_OK;
    for (int t = 0; t < s->n && st == IR_OK; t++)
        if (s->gone >> t & 1) st = fill_one(dev, w, p, seed, s, t);
    if (st == IR_OK) s->gone = 0;
    return st;
}

ir_status tensors_fill(ir_dev *dev, const ir_workload *w, const ir_params *p, uint64_t seed, tensor_set *s)
{
    ir_status st = IR_OK;
    for (int t = 0; t < s->n && st == IR_OK; t++) st = fill_one(dev, w, p, seed, s, t);
    if (st == IR_OK) s->gone = 0;
    return st;
}

static ir_status tensors_fetch(ir_dev *dev, tensor_set *s, int t)
{
    ir_mem *m = &s->mem[t];
    if (m->host || s->spec[t].role == IR_IN) {
        s->after[t] = m->host ? m->host : s->before[t];
        return IR_OK;
    }
    if (!s->after[t]) {
        s->after[t] = malloc(m->bytes);
        s->owns_after[t] = true;
    }
    if (!s->after[t]) return ir_fail(IR_ENOMEM, "no host memory to fetch %s", s->spec[t].name);
    return dev->be->get(dev, m, s->after[t]);
}

/* Before the oracle reads it as what it was: that is what it still is. */
static ir_status still_intact(const ir_workload *w, const ir_params *p, uint64_t seed, tensor_set *s, int t)
{
    if (s->spec[t].role != IR_INOUT || !w->intact) return IR_OK;
    s->before[t] = s->after[t];
    return w->intact(w, p, t, s->after[t], seed)
               ? IR_OK
               : ir_fail(IR_ECHECK, "wrong result: changed what was in %s", s->spec[t].name);
}

ir_status tensors_check(ir_dev *dev, const ir_workload *w, const ir_params *p, uint64_t seed, tensor_set *s,
                        ir_check *out)
{
    *out = (ir_check){NAN, NAN, ""};
    for (int t = 0; t < s->n; t++) {
        ir_status st = tensors_fetch(dev, s, t);
        if (st == IR_OK) st = still_intact(w, p, seed, s, t);
        if (st != IR_OK) return st;
    }
    w->check(w, p, (const void *const *)s->before, (const void *const *)s->after, out);
    if (out->err <= out->tol) return IR_OK; /* false for NaN */
    return ir_fail(IR_ECHECK, "wrong result: error %.3g against a tolerance of %.3g (%s)", out->err, out->tol,
                   out->oracle);
}

/* `first`: where the tensor begins in the bytes b .. b + base.bytes. */
static ir_status guards_around(const tensor_set *s, int t, const unsigned char *b, const unsigned char *first)
{
    const unsigned char *last = first + s->spec[t].bytes, *end = b + s->base[t].bytes;
    for (const unsigned char *q = b; q < end; q++) {
        if (q == first) q = last;
        if (q < end && *q != PATTERN)
            return ir_fail(IR_ECHECK, "wrote %ld bytes %s tensor %s",
                           q < first ? (long)(first - q) : (long)(q - last + 1),
                           q < first ? "before" : "past the end of", s->spec[t].name);
    }
    return IR_OK;
}

static ir_status guards_device(ir_dev *dev, const tensor_set *s, int t)
{
    unsigned char *b = malloc(s->base[t].bytes);
    if (!b) return ir_fail(IR_ENOMEM, "no host memory to fetch the guard bytes of %s", s->spec[t].name);
    ir_status st = dev->be->get(dev, &s->base[t], b);
    if (st == IR_OK) st = guards_around(s, t, b, b);
    free(b);
    return st;
}

ir_status tensors_guards(ir_dev *dev, const tensor_set *s)
{
    ir_status st = IR_OK;
    for (int t = 0; t < s->n && st == IR_OK; t++)
        st =
            s->base[t].host ? guards_around(s, t, s->base[t].host, s->mem[t].host) : guards_device(dev, s, t);
    return st;
}
