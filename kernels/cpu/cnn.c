/* cnn.c -- image networks (resnet50, mobilenetv2) row by row in one parallel region, threads meeting at a barrier after each
 * row. Activations are NHWC throughout: our tiles read it at the speed of a blocked layout (the window spreads what
 * would collide), so no layout change is ever needed. Bias, residual and activation belong to the convolution.
 *
 * At set-up every convolution is run with each plan that serves its shape and the fastest is kept: direct or pointwise in
 * "direct", Winograd too in "tuned". A later plan must win by MARGIN, so that equal ones do not change places.
 * Weights are packed once per tensor set and the tensor's own pages given up. Refuses weights other than f32 and rows of token networks. */
#include "kernels/cpu/cnn.h"
#include "bench/workloads/workloads_nets.h"
#include "kernels/cpu/conv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { T_IN, T_W, T_V, T_OUT, ALIGN_N = 16, TURNS = 4 };
static const double MARGIN = 0.97;
/* Winograd's weights are four times as many: only where that stays small. */
static const int64_t WINO_MOST = 256 * 256;

typedef struct {
    cpu_conv_plan plan;
    bool          conv;      /* LY_CONV, or LY_FC as 1x1 */
    size_t        packed_at; /* floats */
} layer;
typedef struct {
    ly_net  net;
    layer  *layer;
    ly_place *place;         /* per row, in act */
    const cpu_conv_ops *ops;
    bool    winograd;
    float  *act; size_t act_n; /* all activations */
    char   *work; size_t thread_B, work_B;
    size_t  packed_n;
} self_t;
typedef struct { const self_t *s; ir_pool *pool; const char *in; char *out; float *packed; const char *W, *V; double *layer_s; int row; } job;

static size_t up(size_t x, size_t to) { return (x + to - 1) / to * to; }

/* ---- one row --------------------------------------------------------------------------------------------------- */
static char *buffer(const job *j, int b, int64_t at)
{
    if (b == LY_INPUT) return (char *)(uintptr_t)j->in;
    if (b == LY_OUTPUT) return j->out;
    return b >= 0 ? (char *)(j->s->act + at) : NULL;
}

static void run_row(const job *j, int i, int tid, int nthreads)
{
    const self_t *s = j->s;
    const ly_row *l = &s->net.row[i];
    const layer  *d = &s->layer[i];
    const ly_place *at = &s->place[i];
    const char   *x = buffer(j, l->in, at->in), *add = buffer(j, l->add, at->add);
    char         *y = buffer(j, l->out, at->out);
    if (d->conv) {
        cpu_conv_part(&d->plan, x, j->packed + d->packed_at, add, y, s->work + (size_t)tid * s->thread_B, tid);
    } else {
        cpu_cnn_row_part(s->ops, l, x, add, y, tid, nthreads);
    }
}

static void step_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    double     t = ir_now();
    for (int i = 0; i < j->s->net.n; i++) {
        run_row(j, i, tid, nthreads);
        ir_pool_barrier(j->pool, nthreads);
        if (!j->layer_s || tid > 0) continue;
        const double now = ir_now();
        j->layer_s[i] = now - t;
        t = now;
    }
}

/* ---- choosing ----------------------------------------------------------------------------------------------------- */
typedef struct { const cpu_conv_plan *p; const char *x; const float *packed; char *y, *work; } trial;

static void trial_part(void *arg, int tid, int nthreads)
{
    const trial *t = arg;
    (void)nthreads;
    cpu_conv_part(t->p, t->x, t->packed, NULL, t->y, t->work + (size_t)tid * t->p->thread_B, tid);
}

/* Seconds of the fastest of a few runs on zeros; NAN without memory. */
static double time_plan(const ir_run *r, const cpu_conv_plan *p, const char *x, char *y)
{
    const size_t packed_B = up(p->packed_n, ALIGN_N) * 4, work_B = p->thread_B * (size_t)p->threads;
    void        *packed = NULL, *work = NULL;
    double       best = NAN;
    if (ir_host_alloc(packed_B, cpu_of(r->dev)->pages, &packed) == IR_OK &&
        ir_host_alloc(work_B, cpu_of(r->dev)->pages, &work) == IR_OK) {
        memset(packed, 0, packed_B); /* else every page would be the same zero page */
        trial t = {p, x, packed, y, work};
        for (int i = 0; i <= TURNS; i++) { /* the first one warms up */
            const double t0 = ir_now();
            ir_pool_run(cpu_of(r->dev)->pool, p->threads, trial_part, &t);
            const double s = ir_now() - t0;
            if (i == 1 || (i > 1 && s < best)) best = s;
        }
    }
    if (work) ir_host_free(work, work_B);
    if (packed) ir_host_free(packed, packed_B);
    return best;
}

static bool same_shape(const ly_row *a, const ly_row *b)
{
    return a->op == b->op && a->batch == b->batch && a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k &&
           a->r == b->r && a->s == b->s && a->stride == b->stride && a->pad == b->pad && a->groups == b->groups;
}

static ir_status choose(ir_run *r, self_t *s, int i)
{
    static const cpu_conv_kind order[] = {CPU_CONV_DEPTHWISE, CPU_CONV_POINTWISE, CPU_CONV_DIRECT, CPU_CONV_WINOGRAD};
    const ly_row row = cpu_cnn_as_conv(&s->net.row[i]);
    double       best = 0;
    int          found = 0;
    cpu_conv_plan plan[CPU_CONV_NKIND];
    for (int e = 0; e < i; e++)
        if (s->layer[e].conv && same_shape(&s->net.row[e], &s->net.row[i]))
            return cpu_conv_plan_make(r->dev, s->layer[e].plan.kind, &row, r->p.threads, &s->layer[i].plan);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        if (order[k] == CPU_CONV_WINOGRAD && (!s->winograd || row.c * row.k > WINO_MOST)) continue;
        if (cpu_conv_plan_make(r->dev, order[k], &row, r->p.threads, &plan[found]) == IR_OK) found++;
    }
    if (!found) return ir_fail(IR_SKIP, "%s: no kernel of ours serves it", s->net.row[i].name);
    char *x = (char *)s->act, *y = x + up((size_t)ly_in_elems(&s->net.row[i]), ALIGN_N) * 4;
    for (int k = 0; k < found; k++) {
        const double t = found > 1 ? time_plan(r, &plan[k], x, y) : 0;
        if (k > 0 && !(t < MARGIN * best)) continue;
        best = t;
        s->layer[i].plan = plan[k];
    }
    return IR_OK;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------- */
static void cnn_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (!s) return;
    if (s->act) ir_host_free(s->act, s->act_n * 4);
    if (s->work) ir_host_free(s->work, s->work_B);
    free(s->layer);
    free(s->place);
    ly_free(&s->net);
    free(s);
    r->self = NULL;
}

static void touch_part(void *arg, int tid, int nthreads)
{
    const self_t *s = arg;
    size_t        lo, hi;
    cpu_part(s->act_n, 1024, tid, nthreads, &lo, &hi);
    memset(s->act + lo, 0, (hi - lo) * 4);
}

/* Long enough for a row's input with its output behind it: that is where choose() puts them. */
static ir_status make_arena(ir_run *r, self_t *s)
{
    void     *p = NULL;
    int64_t   elems = 0;
    s->place = calloc((size_t)s->net.n, sizeof *s->place);
    if (!s->place) return ir_fail(IR_ENOMEM, "cnn: no memory for the places of %d rows", s->net.n);
    ir_status st = ly_arena(&s->net, ALIGN_N, s->place, &elems);
    s->act_n = (size_t)elems;
    for (int i = 0; i < s->net.n; i++) {
        const size_t both = up((size_t)ly_in_elems(&s->net.row[i]), ALIGN_N) + up((size_t)ly_out_elems(&s->net.row[i]), ALIGN_N);
        if (both > s->act_n) s->act_n = both;
    }
    if (st == IR_OK) st = ir_host_alloc(s->act_n * 4, cpu_of(r->dev)->pages, &p);
    s->act = p;
    if (st == IR_OK) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, touch_part, s);
    return st;
}

static ir_status cnn_setup(ir_run *r, bool winograd)
{
    void   *work = NULL;
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "cnn: no memory for the plan");
    s->winograd = winograd;
    s->ops = cpu_conv_ops_of(cpu_of(r->dev)->isa);
    ir_status st = wl_net_of(r->workload, &r->p, &s->net);
    if (st != IR_OK) return st;
    s->layer = calloc((size_t)s->net.n, sizeof *s->layer);
    if (!s->layer) return ir_fail(IR_ENOMEM, "cnn: no memory for %d layers", s->net.n);
    st = make_arena(r, s);
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        const ly_row *l = &s->net.row[i];
        st = cpu_cnn_served(l);
        s->layer[i].conv = l->op == LY_CONV || l->op == LY_FC;
        if (st != IR_OK || !s->layer[i].conv) continue;
        st = choose(r, s, i);
        s->layer[i].packed_at = s->packed_n;
        s->packed_n += up(s->layer[i].plan.packed_n, ALIGN_N) + ALIGN_N;
        if (s->layer[i].plan.thread_B > s->thread_B) s->thread_B = s->layer[i].plan.thread_B;
    }
    s->thread_B = up(s->thread_B, 4096);
    s->work_B = s->thread_B * (size_t)r->p.threads;
    if (st == IR_OK) st = ir_host_alloc(s->work_B, cpu_of(r->dev)->pages, &work);
    s->work = work;
    return st;
}

static void pack_part(void *arg, int tid, int nthreads)
{
    const job    *j = arg;
    const ly_row *l = &j->s->net.row[j->row];
    const layer  *d = &j->s->layer[j->row];
    (void)nthreads;
    cpu_conv_pack(&d->plan, j->W + l->W_at * 4, l->b_at < 0 ? NULL : j->V + l->b_at * 4, j->packed + d->packed_at, tid);
}

/* Layer by layer, what was packed being given up at once: two copies of the weights would be most of the memory. */
static ir_status cnn_prepare(ir_run *r)
{
    const self_t *s = r->self;
    if (!r->packed) {
        ir_status st = ir_host_alloc(s->packed_n * 4, cpu_of(r->dev)->pages, &r->packed);
        if (st != IR_OK) return st;
    }
    char *W = r->mem[T_W].p, *left = W;
    job   j = {.s = s, .packed = r->packed, .W = W, .V = r->mem[T_V].p};
    for (j.row = 0; j.row < s->net.n; j.row++) {
        const ly_row *l = &s->net.row[j.row];
        if (!s->layer[j.row].conv) continue;
        ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, pack_part, &j);
        left = ir_host_discard(left, W + (l->W_at + l->nW) * 4);
    }
    return IR_OK;
}

static void cnn_unprepare(ir_run *r)
{
    const self_t *s = r->self;
    if (r->packed) ir_host_free(r->packed, s->packed_n * 4);
    r->packed = NULL;
}

static job job_of(const ir_run *r, double *layer_s)
{
    return (job){.s = r->self, .pool = cpu_of(r->dev)->pool, .in = r->mem[T_IN].p, .out = r->mem[T_OUT].p,
                 .packed = r->packed, .layer_s = layer_s};
}

static ir_status cnn_run(ir_run *r, uint32_t reps)
{
    job j = job_of(r, NULL);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(j.pool, r->p.threads, step_part, &j);
    return IR_OK;
}

static ir_status cnn_profile(ir_run *r, double *layer_s, int n)
{
    const self_t *s = r->self;
    if (n != s->net.n) return ir_fail(IR_EINVAL, "%s has %d layers, not %d", r->workload->name, s->net.n, n);
    job j = job_of(r, layer_s);
    ir_pool_run(j.pool, r->p.threads, step_part, &j);
    return IR_OK;
}

static ir_status cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return p->dtype == IR_F32 ? IR_OK : ir_fail(IR_SKIP, "this executor takes f32 weights");
}

static ir_status direct_setup(ir_run *r) { return cnn_setup(r, false); }
static ir_status tuned_setup(ir_run *r) { return cnn_setup(r, true); }

const char *cpu_cnn_choice(const ir_run *r, int i)
{
    static const char *const word[LY_NOP] = {[LY_MAXPOOL] = "maxpool", [LY_AVGPOOL] = "avgpool", [LY_ADD] = "add"};
    const self_t *s = r->self;
    if (!s || i < 0 || i >= s->net.n) return "";
    return s->layer[i].conv ? cpu_conv_kind_name(s->layer[i].plan.kind) : word[s->net.row[i].op];
}

const ir_kernel cpu_cnn_direct = {
    .family = "cnn", .name = "direct", .doc = "NHWC, one region for the step; per layer the faster of direct and pointwise",
    .can_run = cnn_can, .setup = direct_setup, .run = cnn_run, .teardown = cnn_teardown,
    .prepare = cnn_prepare, .unprepare = cnn_unprepare, .consumes = 1u << T_W, .profile = cnn_profile, .choice = cpu_cnn_choice};
const ir_kernel cpu_cnn_tuned = {
    .family = "cnn", .name = "tuned",
    .doc = "as direct, Winograd too where it is faster: it multiplies less than O counts, so MFU may exceed 1",
    .can_run = cnn_can, .setup = tuned_setup, .run = cnn_run, .teardown = cnn_teardown,
    .prepare = cnn_prepare, .unprepare = cnn_unprepare, .consumes = 1u << T_W, .profile = cnn_profile, .choice = cpu_cnn_choice};
