/* cnn.c -- image networks (resnet50, mobilenetv2) row by row in one parallel region, threads meeting at a
 * barrier after each row. Activations are NHWC throughout: our tiles read it at the speed of a blocked layout
 * (the window spreads what would collide), so no layout change is ever needed. Bias, residual and activation
 * belong to the convolution.
 *
 * At set-up the whole step is run with each plan that serves a convolution's shape in turn, again and again,
 * and the fastest is kept: direct or pointwise in "direct", Winograd too in "tuned". Within the step, because
 * there weights come from where they will come from; a plan run by itself finds them in cache. A later plan
 * must win by MARGIN, so that equal ones do not change places. The last choice for a shape is remembered: a
 * profile is of the kernels that were measured. Weights are packed once per tensor set and the tensor's own
 * pages given up. Refuses weights other than f32 and rows of token networks. */
#include "kernels/cpu/cnn.h"
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cpu/conv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { T_IN, T_W, T_V, T_OUT, ALIGN_N = 16, MIN_TURNS = 3, MAX_TURNS = 12 };
static const double MARGIN = 0.97, ENOUGH_S = 0.5;
/* Winograd's weights are four times as many: only where that stays small. */
static const int64_t WINO_MOST = 256 * 256;

typedef struct {
    cpu_conv_plan plan;
    bool          conv;      /* LY_CONV, or LY_FC as 1x1 */
    bool          shared;    /* its weights are packed with an earlier row's */
    size_t        packed_at; /* floats */
} layer;
typedef struct {
    ly_net              net;
    layer              *layer;
    ly_place           *place; /* per row, in act */
    const cpu_conv_ops *ops;
    bool                winograd;
    float              *act;
    size_t              act_n; /* all activations */
    char               *work;
    size_t              thread_B, work_B;
    size_t              packed_n;
} self_t;
typedef struct {
    cpu_conv_plan plan[CPU_CONV_NKIND];
    int           n, like;
} candidates; /* of a row; like: the first of its shape */
typedef struct {
    const self_t     *s;
    ir_pool          *pool;
    const char       *in;
    char             *out;
    float            *packed;
    const char       *W, *V;
    double           *layer_s;
    int               row;
    const candidates *tried;
    int               turn;
    const float      *stand_in;
} job;

/* ---- one row --------------------------------------------------------------------------------- */
static char *cnn_buffer(const job *j, int b, int64_t at)
{
    if (b == LY_INPUT) return (char *)(uintptr_t)j->in;
    if (b == LY_OUTPUT) return j->out;
    return b >= 0 ? (char *)(j->s->act + at) : NULL;
}

/* For weights that are not packed yet: a stretch of W as it lies, as cold as they will be. Winograd's are
 * longer: theirs begin half way round, so that other rows do not find them in cache. */
static const float *stand_in(const job *j, const ly_row *l, const cpu_conv_plan *p)
{
    const size_t n = (size_t)j->s->net.nW - ALIGN_N, most = n - p->packed_n;
    const size_t at = p->kind == CPU_CONV_WINOGRAD ? ((size_t)l->W_at + n / 2) % n : (size_t)l->W_at;
    return j->stand_in + (at < most ? at : most) / ALIGN_N * ALIGN_N;
}

static void run_row(const job *j, int i, int tid, int nthreads)
{
    const self_t   *s = j->s;
    const ly_row   *l = &s->net.row[i];
    const layer    *d = &s->layer[i];
    const ly_place *at = &s->place[i];
    const char     *x = cnn_buffer(j, l->in, at->in), *add = cnn_buffer(j, l->add, at->add);
    char           *y = cnn_buffer(j, l->out, at->out);
    if (d->conv) {
        const cpu_conv_plan *p = j->tried ? &j->tried[i].plan[j->turn % j->tried[i].n] : &d->plan;
        const float         *w = j->tried ? stand_in(j, l, p) : j->packed + d->packed_at;
        cpu_conv_part(p, x, w, add, y, s->work + (size_t)tid * s->thread_B, tid);
    } else {
        cpu_cnn_row_part(s->ops, l, x, add, y, tid, nthreads);
    }
}

static void cnn_step_part(void *arg, int tid, int nthreads)
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

/* ---- choosing -------------------------------------------------------------------------------- */
static ir_status cnn_collect(ir_run *r, self_t *s, int i, candidates *c)
{
    static const cpu_conv_kind order[] = {CPU_CONV_DEPTHWISE, CPU_CONV_POINTWISE, CPU_CONV_DIRECT,
                                          CPU_CONV_WINOGRAD};
    const ly_row               row = cpu_cnn_as_conv(&s->net.row[i]);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        cpu_conv_plan *p = &c[i].plan[c[i].n];
        if (order[k] == CPU_CONV_WINOGRAD && (!s->winograd || row.c * row.k > WINO_MOST)) continue;
        if (cpu_conv_plan_make(r->dev, order[k], &row, r->p.threads, p) != IR_OK) continue;
        if (p->thread_B > s->thread_B) s->thread_B = p->thread_B;
        c[i].n++;
    }
    for (c[i].like = 0; !ly_same_shape(&s->net.row[c[i].like], &s->net.row[i]);) c[i].like++;
    return c[i].n ? IR_OK : ir_fail(IR_SKIP, "%s: no kernel of ours serves it", s->net.row[i].name);
}

static int cnn_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Lower quartile over the turns of what all rows of row i's shape take with their k-th plan. */
static double seconds_of(const self_t *s, const candidates *c, const double *layer_s, int turns, int plans,
                         int i, int k)
{
    double v[MAX_TURNS] = {0};
    for (int t = 0; t < turns; t++)
        for (int l = i; l < s->net.n; l++)
            if (s->layer[l].conv && c[l].like == i) v[t] += layer_s[(t * plans + k) * s->net.n + l];
    qsort(v, (size_t)turns, sizeof *v, cnn_ascending);
    return v[turns / 4];
}

/* Steps with every row's first, second ... plan by turns; their times to layer_s[turn][plan][row]. Returns
 * the turns. */
static int try_all(const ir_run *r, const self_t *s, const candidates *c, int plans, double *layer_s)
{
    const uintptr_t W = ((uintptr_t)r->mem[T_W].p + 4 * ALIGN_N - 1) / (4 * ALIGN_N) * (4 * ALIGN_N);
    ir_pool        *pool = cpu_of(r->dev)->pool;
    job             j = {.s = s,
                         .pool = pool,
                         .in = r->mem[T_IN].p,
                         .out = r->mem[T_OUT].p,
                         .tried = c,
                         .stand_in = (const float *)W};
    ir_pool_run(pool, r->p.threads, cnn_step_part, &j); /* the first one warms up */
    int          turn = 0;
    const double t0 = ir_now();
    for (; turn < MIN_TURNS || (turn < MAX_TURNS && ir_now() - t0 < ENOUGH_S); turn++)
        for (j.turn = 0; j.turn < plans; j.turn++) {
            j.layer_s = layer_s + (turn * plans + j.turn) * s->net.n;
            ir_pool_run(pool, r->p.threads, cnn_step_part, &j);
        }
    return turn;
}

/* Which of its plans is each row's, to best[]: all rows of a shape have the same. */
static ir_status cnn_fastest(const ir_run *r, const self_t *s, const candidates *c, int *best)
{
    int  plans = 1;
    bool fits = true;
    for (int i = 0; i < s->net.n; i++) {
        best[i] = 0;
        if (c[i].n > plans) plans = c[i].n;
        for (int k = 0; k < c[i].n; k++)
            fits = fits && c[i].plan[k].packed_n + 2 * ALIGN_N <= (size_t)s->net.nW;
    }
    if (plans == 1 || !fits) return IR_OK;
    double *layer_s = malloc(sizeof *layer_s * (size_t)(MAX_TURNS * plans * s->net.n));
    if (!layer_s) return ir_fail(IR_ENOMEM, "cnn: no memory for the times of %d layers", s->net.n);
    const int turns = try_all(r, s, c, plans, layer_s);
    for (int i = 0; i < s->net.n; i++) {
        if (c[i].n < 2 || c[i].like < i) {
            best[i] = c[i].n < 2 ? 0 : best[c[i].like];
            continue;
        }
        double least = seconds_of(s, c, layer_s, turns, plans, i, 0);
        for (int k = 1; k < c[i].n; k++) {
            const double t = seconds_of(s, c, layer_s, turns, plans, i, k);
            if (!(t < MARGIN * least)) continue;
            least = t;
            best[i] = k;
        }
    }
    free(layer_s);
    return IR_OK;
}

enum { KNOWN_ROWS = 128 };
static struct {
    const ir_workload *w;
    ir_params          p;
    cpu_isa            isa;
    int                best[KNOWN_ROWS];
} known[2]; /* without and with Winograd */

/* Layers of one shape on one matrix are packed once. */
static bool shares_packed(self_t *s, int i)
{
    for (int e = 0; e < i; e++) {
        const ly_row *a = &s->net.row[e], *b = &s->net.row[i];
        if (!s->layer[e].conv || a->W_at != b->W_at || a->b_at != b->b_at || !ly_same_shape(a, b)) continue;
        s->layer[i].packed_at = s->layer[e].packed_at;
        return s->layer[i].shared = true;
    }
    return false;
}

static ir_status cnn_choose(ir_run *r, self_t *s, const candidates *c)
{
    const bool    fits = s->net.n <= KNOWN_ROWS;
    int          *best = fits ? known[s->winograd].best : malloc(sizeof *best * (size_t)s->net.n);
    ir_status     st = best ? IR_OK : ir_fail(IR_ENOMEM, "cnn: no memory for %d layers", s->net.n);
    const cpu_isa isa = cpu_of(r->dev)->isa;
    const bool    again = fits && known[s->winograd].w == r->workload && known[s->winograd].isa == isa &&
                       ir_params_same(&known[s->winograd].p, &r->p);
    known[s->winograd].w = NULL;
    if (st == IR_OK && !again) st = cnn_fastest(r, s, c, best);
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        if (!s->layer[i].conv) continue;
        s->layer[i].plan = c[i].plan[best[i]];
        if (shares_packed(s, i)) continue;
        s->layer[i].packed_at = s->packed_n;
        s->packed_n += cpu_up(s->layer[i].plan.packed_n, ALIGN_N) + ALIGN_N;
    }
    if (fits && st == IR_OK) {
        known[s->winograd].w = r->workload;
        known[s->winograd].p = r->p;
        known[s->winograd].isa = isa;
    }
    if (!fits) free(best);
    return st;
}

/* ---- set-up ---------------------------------------------------------------------------------- */
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

static void cnn_drop_scratch(ir_run *r)
{
    const self_t *s = r->self;
    ir_host_discard((char *)s->act, (char *)(s->act + s->act_n));
}

static void touch_part(void *arg, int tid, int nthreads)
{
    const self_t *s = arg;
    size_t        lo, hi;
    cpu_part(s->act_n, 1024, tid, nthreads, &lo, &hi);
    memset(s->act + lo, 0, (hi - lo) * 4);
}

/* Every thread its share, whoever is first to use it. */
static void cnn_touch(ir_run *r) { ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, touch_part, r->self); }

static ir_status cnn_make_arena(ir_run *r, self_t *s)
{
    void     *p = NULL;
    int64_t   elems = 0;
    ir_status st = ly_arena(&s->net, ALIGN_N, &s->place, &elems);
    s->act_n = (size_t)elems;
    if (st == IR_OK) st = ir_host_alloc(s->act_n * 4, cpu_of(r->dev)->pages, &p);
    s->act = p;
    if (st == IR_OK) cnn_touch(r);
    return st;
}

static ir_status make_work(ir_run *r, self_t *s)
{
    void *work = NULL;
    s->thread_B = cpu_apart(s->thread_B);
    s->work_B = s->thread_B * (size_t)r->p.threads;
    ir_status st = ir_host_alloc(s->work_B, cpu_of(r->dev)->pages, &work);
    s->work = work;
    return st;
}

static ir_status cnn_setup(ir_run *r, bool winograd)
{
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "cnn: no memory for the plan");
    s->winograd = winograd;
    s->ops = cpu_conv_ops_of(cpu_of(r->dev)->isa);
    ir_status st = wl_net_of(r->workload, &r->p, &s->net);
    if (st != IR_OK) return st;
    candidates *c = calloc((size_t)s->net.n, sizeof *c);
    s->layer = calloc((size_t)s->net.n, sizeof *s->layer);
    if (!c || !s->layer) st = ir_fail(IR_ENOMEM, "cnn: no memory for %d layers", s->net.n);
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        const ly_row *l = &s->net.row[i];
        st = cpu_cnn_served(l);
        s->layer[i].conv = l->op == LY_CONV || l->op == LY_FC;
        if (st == IR_OK && s->layer[i].conv) st = cnn_collect(r, s, i, c);
    }
    if (st == IR_OK) st = cnn_make_arena(r, s);
    if (st == IR_OK) st = make_work(r, s);
    if (st == IR_OK) st = cnn_choose(r, s, c);
    free(c);
    return st;
}

static void cnn_pack_part(void *arg, int tid, int nthreads)
{
    const job    *j = arg;
    const ly_row *l = &j->s->net.row[j->row];
    const layer  *d = &j->s->layer[j->row];
    (void)nthreads;
    cpu_conv_pack(&d->plan, j->W + l->W_at * 4, l->b_at < 0 ? NULL : j->V + l->b_at * 4,
                  j->packed + d->packed_at, tid);
}

/* Layer by layer, what was packed being given up at once: two copies of the weights would be most of the
 * memory. Nor need the activations be there meanwhile. */
static ir_status cnn_prepare(ir_run *r)
{
    const self_t *s = r->self;
    cnn_drop_scratch(r);
    if (!r->packed) {
        ir_status st = ir_host_alloc(s->packed_n * 4, cpu_of(r->dev)->pages, &r->packed);
        if (st != IR_OK) return st;
    }
    char *W = r->mem[T_W].p, *left = W;
    job   j = {.s = s, .packed = r->packed, .W = W, .V = r->mem[T_V].p};
    for (j.row = 0; j.row < s->net.n; j.row++) {
        const ly_row *l = &s->net.row[j.row];
        if (!s->layer[j.row].conv || s->layer[j.row].shared) continue;
        ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, cnn_pack_part, &j);
        left = ir_host_discard(left, W + (l->W_at + l->nW) * 4);
    }
    cnn_touch(r);
    return IR_OK;
}

static void cnn_unprepare(ir_run *r)
{
    const self_t *s = r->self;
    if (r->packed) ir_host_free(r->packed, s->packed_n * 4);
    r->packed = NULL;
}

static uint32_t cnn_consumes(const ir_run *r) { return (void)r, 1u << T_W; }

static job job_of(const ir_run *r, double *layer_s)
{
    return (job){.s = r->self,
                 .pool = cpu_of(r->dev)->pool,
                 .in = r->mem[T_IN].p,
                 .out = r->mem[T_OUT].p,
                 .packed = r->packed,
                 .layer_s = layer_s};
}

static ir_status cnn_run(ir_run *r, uint32_t reps)
{
    job j = job_of(r, NULL);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(j.pool, r->p.threads, cnn_step_part, &j);
    return IR_OK;
}

static ir_status cnn_profile(ir_run *r, double *layer_s, int n)
{
    const self_t *s = r->self;
    if (n != s->net.n) return ir_fail(IR_EINVAL, "%s has %d layers, not %d", r->workload->name, s->net.n, n);
    job j = job_of(r, layer_s);
    ir_pool_run(j.pool, r->p.threads, cnn_step_part, &j);
    return IR_OK;
}

static ir_status cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return p->dtype == IR_F32 ? IR_OK : ir_fail(IR_SKIP, "this executor takes f32 weights");
}

static ir_status cnn_direct_setup(ir_run *r) { return cnn_setup(r, false); }
static ir_status tuned_setup(ir_run *r) { return cnn_setup(r, true); }

/* What Winograd saves stands where the row's products with padding stood: it makes those. Its weights are
 * four times as many. */
static void tuned_cost(const ir_run *r, ir_cost *c)
{
    const self_t *s = r->self;
    for (int i = 0; i < s->net.n; i++) {
        ir_cost row;
        if (!s->layer[i].conv || s->layer[i].plan.kind != CPU_CONV_WINOGRAD) continue;
        ly_cost(&s->net.row[i], r->p.dtype, true, &row);
        c->spare_flops += row.flops - ly_winograd_flops(&s->net.row[i]) - row.spare_flops;
        c->footprint_B += 4 * (double)s->layer[i].plan.packed_n - ir_cost_of(&row, IR_OF_WEIGHTS);
    }
}

const char *cpu_cnn_choice(const ir_run *r, int i)
{
    static const char *const word[LY_NOP] = {
        [LY_MAXPOOL] = "maxpool", [LY_AVGPOOL] = "avgpool", [LY_ADD] = "add"};
    const self_t *s = r->self;
    if (!s || i < 0 || i >= s->net.n) return "";
    return s->layer[i].conv ? cpu_conv_kind_name(s->layer[i].plan.kind) : word[s->net.row[i].op];
}

static const ir_plan_ops cnn_plan_ops = {.destroy = cnn_teardown,
                                         .prepare = cnn_prepare,
                                         .unprepare = cnn_unprepare,
                                         .consumes = cnn_consumes,
                                         .drop_scratch = cnn_drop_scratch,
                                         .net = {.profile = cnn_profile, .choice = cpu_cnn_choice}};

const ir_kernel cpu_cnn_direct = {
    .family = "cnn",
    .name = "direct",
    .doc = "NHWC, one region for the step; per layer the faster of direct and pointwise",
    .can_run = cnn_can,
    .plan = cnn_direct_setup,
    .by_form = true,
    .run = cnn_run,
    .ops = &cnn_plan_ops};

static const ir_plan_ops cnn_tuned_plan_ops = {.destroy = cnn_teardown,
                                               .prepare = cnn_prepare,
                                               .unprepare = cnn_unprepare,
                                               .consumes = cnn_consumes,
                                               .drop_scratch = cnn_drop_scratch,
                                               .cost = tuned_cost,
                                               .net = {.profile = cnn_profile, .choice = cpu_cnn_choice}};

const ir_kernel cpu_cnn_tuned = {
    .family = "cnn",
    .name = "tuned",
    .doc =
        "as direct, Winograd too where it is faster: it multiplies less than O counts, so MFU may exceed 1",
    .can_run = cnn_can,
    .plan = tuned_setup,
    .by_form = true,
    .run = cnn_run,
    .ops = &cnn_tuned_plan_ops};
