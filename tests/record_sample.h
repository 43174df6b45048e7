/* record_sample.h -- a record in which every field of every kind of line is set, each to a value of its own,
 * and one in which nothing is known: filled by walking the tables, so that a new field is in it by itself. */
#ifndef IR_TESTS_RECORD_SAMPLE_H
#define IR_TESTS_RECORD_SAMPLE_H
#include "harness/record/fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline void sample_fill(const ir_rec_field *f, void *base, int *k)
{
    for (; f->name; f++) {
        char    *at = (char *)base + f->off;
        double   num = 1.1 * ++*k;
        int      count = *k, word = 0;
        uint32_t bits = 0;
        size_t   size = (size_t)*k;
        bool     yes = true;
        switch (f->kind) {
        case REC_NUM: memcpy(at, &num, sizeof num); break;
        case REC_INT:
        case REC_U32: memcpy(at, &count, sizeof count); break;
        case REC_SIZE: memcpy(at, &size, sizeof size); break;
        case REC_BOOL: memcpy(at, &yes, sizeof yes); break;
        case REC_NAME:
        case REC_TEXT: snprintf(at, f->size, f->size < 16 ? "%d" : "%d\"\\\t\xc3\xa9\x7f", *k); break;
        case REC_WORD:
            for (word = f->words->count - 1; word == f->words->unknown;) word--;
            if (f->size == sizeof yes)
                memcpy(at, &yes, sizeof yes);
            else
                memcpy(at, &word, sizeof word);
            break;
        case REC_WORDS:
            for (int i = 0; i < f->words->count; i++) bits |= 1u << i;
            memcpy(at, &bits, sizeof bits);
            break;
        case REC_OBJECT: sample_fill(f->sub, at, k); break;
        }
    }
}

static inline void sample_device(ir_device_info *d, ir_env *e)
{
    int k = 0;
    memset(d, 0, sizeof *d);
    sample_fill(ir_rec_device, d, &k);
    ir_env_init(e);
    if (ir_env_num(e, "x", 1.5, true) != IR_OK || ir_env_num(e, "unknown_count", NAN, true) != IR_OK ||
        ir_env_text(e, "cpu_model", "A \"CPU\" \xc3\xa9", true) != IR_OK ||
        ir_env_text(e, "governor", "", false) != IR_OK || ir_env_num(e, "load", 0, false) != IR_OK)
        abort();
}

static inline void sample_ceiling(ir_ceiling *c)
{
    int k = 100;
    memset(c, 0, sizeof *c);
    sample_fill(ir_rec_ceiling, c, &k);
    snprintf(c->level, sizeof c->level, "DRAM");
    for (c->nsat = 0; c->nsat < IR_MAX_SATURATION; c->nsat++)
        sample_fill(ir_rec_saturation, &c->sat[c->nsat], &k);
    c->sat[1].gain = -.25;
}

/* The caller frees it with ir_point_free(). */
static inline void sample_point(ir_point *p, ir_status status)
{
    int k = 200;
    ir_point_init(p);
    sample_fill(ir_rec_point_id, p, &k);
    sample_fill(ir_rec_stats, &p->m.wall, &k);
    sample_fill(ir_rec_stats, &p->m.dev, &k);
    sample_fill(ir_rec_point_run, p, &k);
    sample_fill(ir_rec_point_law, p, &k);
    p->status = status;
    snprintf(p->reason, sizeof p->reason, "because of %d", (int)status);
    p->m.check = (ir_check){1e-9, 1e-6, "a naive loop"};
    p->law.margin = -1.5;
    for (p->id.np = 0; p->id.np < IR_MAX_PARAMS; p->id.np++) {
        snprintf(p->id.pname[p->id.np], sizeof p->id.pname[0], p->id.np ? "p%d" : "m", p->id.np);
        if (p->id.np % 5 == 3) snprintf(p->id.pword[p->id.np], sizeof p->id.pword[0], "word \xc3\xa9");
        p->id.p.v[p->id.np] = p->id.np == 1 ? INT64_MIN : p->id.np == 2 ? INT64_MAX : 1000 + p->id.np;
    }
    p->m.samples.v = calloc(5, sizeof *p->m.samples.v);
    if (!p->m.samples.v) abort();
    p->m.samples.n = p->m.samples.cap = 5;
    for (uint32_t i = 0; i < 5; i++)
        p->m.samples.v[i] = (ir_sample){.wall_s = 1e-3 / (i + 3),
                                        .dev_s = i == 2 ? NAN : 1e-4 / (i + 7),
                                        .reps = i == 3 ? 0 : i,
                                        .throttled = i % 2};
}

static inline void sample_fit(ir_fit *f, ir_form form)
{
    int k = 300;
    memset(f, 0, sizeof *f);
    sample_fill(ir_rec_fit, f, &k);
    f->form = form;
    f->BW.how = IR_FITTED;
    f->eta.how = IR_PINNED;
    f->L_lat = (ir_coef){NAN, NAN, NAN, IR_UNIDENTIFIED};
    for (f->ndraw = 0; f->ndraw < (form ? 3 : IR_FIT_DRAWS); f->ndraw++)
        for (int i = 0; i < 3; i++) f->draw[f->ndraw][i] = i == 2 ? NAN : 1.0 / (3 * f->ndraw + i + 1);
}

static inline void sample_verdict(ir_verdict *v)
{
    int k = 400;
    memset(v, 0, sizeof *v);
    sample_fill(ir_rec_verdict, v, &k);
    snprintf(v->evidence, sizeof v->evidence, "cpu/gemm/blocked:m=1;cpu/gemv/rows:m=2;");
}

static inline void sample_quality(ir_quality *q)
{
    int k = 450;
    memset(q, 0, sizeof *q);
    sample_fill(ir_rec_quality, q, &k);
    for (q->ncause = 0; q->ncause < IR_MAX_CAUSES; q->ncause++)
        sample_fill(ir_rec_cause, &q->cause[q->ncause], &k);
}

/* Lines in which nothing is known but what must be. */
static inline ir_status sample_write_unknown(ir_journal *j)
{
    ir_env         e;
    ir_device_info d = {.id = "d", .clock_Hz = NAN, .mem_B = NAN, .llc_B = NAN, .spec_Bps = NAN};
    ir_ceiling     c = {.what = IR_C_FLOPS,
                        .dtype = IR_NDTYPE,
                        .value = NAN,
                        .lo = NAN,
                        .hi = NAN,
                        .theory = NAN,
                        .read_frac = NAN,
                        .size_B = NAN};
    ir_fit         f = {.err_median = NAN,
                        .err_p90 = NAN,
                        .lofo_median = NAN,
                        .lofo_p90 = NAN,
                        .cond = NAN,
                        .BW_ref = NAN,
                        .R_peak = NAN};
    ir_verdict     v = {.question = "q", .p = NAN};
    ir_quality     q = {.value = IR_QUALITY_GOOD};
    ir_point       p;
    for (int t = 0; t < IR_NDTYPE; t++) d.spec_flops[t] = NAN;
    f.BW = f.eta = f.L_lat = (ir_coef){NAN, NAN, NAN, IR_UNIDENTIFIED};
    ir_point_init(&p);
    snprintf(p.id.workload, sizeof p.id.workload, "w");
    snprintf(p.id.kernel, sizeof p.id.kernel, "k");
    snprintf(p.id.backend, sizeof p.id.backend, "b");
    p.id.p.dtype = IR_NDTYPE;
    p.status = IR_SKIP;
    ir_env_init(&e);
    ir_status s = ir_journal_machine(j, &d, &e);
    if (s == IR_OK) s = ir_journal_ceiling(j, &c);
    if (s == IR_OK) s = ir_journal_point(j, &p);
    if (s == IR_OK) s = ir_journal_fit(j, &f);
    if (s == IR_OK) s = ir_journal_quality(j, &q);
    return s == IR_OK ? ir_journal_verdict(j, &v) : s;
}

static inline ir_status sample_write_full(ir_journal *j)
{
    static ir_fit  f;
    const double   level_B[IR_NLEVEL] = {32768, NAN, 16777216, NAN, NAN};
    ir_device_info d;
    ir_env         e;
    ir_ceiling     c;
    ir_verdict     v;
    ir_quality     q;
    sample_quality(&q);
    sample_device(&d, &e);
    sample_ceiling(&c);
    sample_verdict(&v);
    ir_status s = ir_journal_machine(j, &d, &e);
    ir_env_free(&e);
    if (s == IR_OK) s = ir_journal_ceiling(j, &c);
    if (s == IR_OK) s = ir_journal_levels(j, d.id, level_B, (double[IR_NLEVEL]){NAN, NAN, NAN, NAN, NAN});
    for (int i = IR_EINTR; i >= IR_OK && s == IR_OK; i--) {
        ir_point p;
        sample_point(&p, (ir_status)i);
        s = ir_journal_point(j, &p);
        ir_point_free(&p);
    }
    for (int i = 0; i < 2 && s == IR_OK; i++) {
        sample_fit(&f, (ir_form)i);
        s = ir_journal_fit(j, &f);
    }
    if (s == IR_OK) s = ir_journal_quality(j, &q);
    return s == IR_OK ? ir_journal_verdict(j, &v) : s;
}

static inline ir_status sample_write(const char *path)
{
    char        program[] = "ironroof", arg[] = "run\n\"x\"", *argv[] = {program, arg};
    ir_journal *j;
    ir_status   s = ir_journal_open(path, false, &j);
    if (s == IR_OK) s = ir_journal_header(j, "1.2.3", "4", 2, argv);
    if (s == IR_OK) s = sample_write_unknown(j);
    if (s == IR_OK) s = sample_write_full(j);
    ir_status closed = ir_journal_close(&j);
    return s == IR_OK ? closed : s;
}

/* What was read, written again; the header is the caller's. */
static inline ir_status sample_rewrite(ir_journal *j, const ir_record *r, const char *levels_of)
{
    ir_status s = IR_OK;
    for (size_t i = 0; i < r->ndevice && s == IR_OK; i++) s = ir_journal_machine(j, &r->device[i], &r->env);
    for (size_t i = 0; i < r->ceilings.n && s == IR_OK; i++) s = ir_journal_ceiling(j, &r->ceilings.v[i]);
    if (s == IR_OK && levels_of)
        s = ir_journal_levels(j, levels_of, r->ceilings.level_B, r->ceilings.level_threads);
    for (size_t i = 0; i < r->npoint && s == IR_OK; i++) s = ir_journal_point(j, &r->point[i]);
    for (size_t i = 0; i < r->nfit && s == IR_OK; i++) s = ir_journal_fit(j, &r->fit[i]);
    for (size_t i = 0; i < r->nquality && s == IR_OK; i++) s = ir_journal_quality(j, &r->quality[i]);
    for (size_t i = 0; i < r->nverdict && s == IR_OK; i++) s = ir_journal_verdict(j, &r->verdict[i]);
    return s;
}
#endif
