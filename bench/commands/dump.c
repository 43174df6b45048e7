/* dump.c -- `ironroof dump`: every tensor of one point as a raw file, before and after one call of a kernel,
 * and a table that says what is where. With it an independent program can redo a network from the same seeded
 * weights. Refuses more than one point and a directory that cannot be written. */
#define _GNU_SOURCE
#include "bench/commands/dump.h"
#include "bench/commands/commands.h"
#include "bench/backends.h"
#include "bench/run/output.h"
#include "harness/plan.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_nets.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const cli_option dump_options[] = {{.name = "seed",
                                    .type = CLI_INT,
                                    .meta = "N",
                                    .help = "of the tensors' content (1)",
                                    .offset = offsetof(dump_own, seed),
                                    .lo = 0,
                                    .hi = 0x1p63},
                                   {0}};
const dump_own   dump_defaults = {1};

typedef struct {
    const ir_workload *w;
    const ir_kernel   *k;
    ir_run             run;
    ir_tensor          spec[IR_MAX_TENSORS];
    void              *host[IR_MAX_TENSORS];
    const char        *dir;
    bool               ours; /* the folder is an earlier dump's, or --force */
    ir_writer         *writer;
} job;
static const char table_name[] = "layout.json";

static ir_status dump_path(const job *j, const char *name, char path[4096])
{
    return snprintf(path, 4096, "%s/%s", j->dir, name) < 4096
               ? IR_OK
               : ir_fail(IR_EINVAL, "%.80s...: the path is too long", j->dir);
}

static FILE *create(job *j, const char *name)
{
    char path[4096];
    bool there;
    if (dump_path(j, name, path) != IR_OK || ir_path_look(path, &there, NULL) != IR_OK) return NULL;
    if (!j->ours && there) {
        ir_fail(IR_EINVAL, "%s: is there already and no dump's: name another folder, or --force", path);
        return NULL;
    }
    return ir_writer_open(path, &j->writer) == IR_OK ? ir_writer_stream(j->writer) : NULL;
}

static ir_status dump_finish(job *j, ir_status st)
{
    if (st == IR_OK) return ir_writer_commit(&j->writer);
    ir_writer_discard(&j->writer);
    return st;
}

static ir_status dump_asked_to_stop(ir_status st)
{
    return st == IR_OK && *interrupt_install() ? ir_fail(IR_EINTR, "interrupted") : st;
}

/* "W.bin", or "KV.after.bin" of what a call changes. */
static void file_of(const job *j, int t, bool after, char *out, size_t n)
{
    snprintf(out, n, "%s%s.bin", j->spec[t].name, after && j->spec[t].role == IR_INOUT ? ".after" : "");
}

static ir_status dump_write_tensors(job *j, bool after)
{
    ir_status st = IR_OK;
    for (int t = 0; t < j->run.nmem && (st = dump_asked_to_stop(st)) == IR_OK; t++) {
        char name[64];
        if (j->spec[t].role == (after ? IR_IN : IR_OUT)) continue;
        file_of(j, t, after, name, sizeof name);
        FILE *f = create(j, name);
        if (f) fwrite(j->host[t], 1, j->spec[t].bytes, f);
        st = dump_finish(j, f ? IR_OK : IR_EIO);
    }
    return st;
}

/* ---- the table ------------------------------------------------------------------------------- */
static void write_row(FILE *f, const ly_row *r)
{
    static const char *const op[] = {"conv",    "fc",      "attention", "norm",  "act",     "softmax",
                                     "maxpool", "avgpool", "add",       "embed", "patches", "tokens",
                                     "moe",     "bag",     "interact",  "concat"};
    static const char *const act[] = {"none", "relu", "relu6", "gelu", "silu", "sigmoid", "tanh", "gelu_erf"};
    static const char *const pairs[] = {"none", "even", "halves"};
    const struct {
        const char *name;
        int64_t     v;
    } field[] = {{"in", r->in},
                 {"add", r->add},
                 {"out", r->out},
                 {"batch", r->batch},
                 {"h", r->h},
                 {"w", r->w},
                 {"c", r->c},
                 {"k", r->k},
                 {"r", r->r},
                 {"s", r->s},
                 {"stride", r->stride},
                 {"pad", r->pad},
                 {"pad_w", r->pad_w},
                 {"types", r->types},
                 {"experts", r->experts},
                 {"top", r->top},
                 {"ff", r->ff},
                 {"groups", r->groups},
                 {"oh", r->oh},
                 {"ow", r->ow},
                 {"rows", r->rows},
                 {"heads", r->heads},
                 {"kv_heads", r->op == LY_ATTENTION ? ly_kv_heads(r) : 0},
                 {"rms", r->rms},
                 {"gate", r->gate},
                 {"dh", r->dh},
                 {"tokens", r->tokens},
                 {"past", r->past},
                 {"block", r->block},
                 {"W_at", r->W_at},
                 {"nW", r->nW},
                 {"b_at", r->b_at},
                 {"g_at", r->g_at},
                 {"s_at", r->s_at},
                 {"P_at", r->P_at},
                 {"vocab", r->vocab},
                 {"context", r->context}};
    fprintf(f, "    {\"name\": \"%s\", \"op\": \"%s\", \"act\": \"%s\"", r->name, op[r->op], act[r->act]);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        fprintf(f, ", \"%s\": %lld", field[i].name, (long long)field[i].v);
    if (r->op == LY_NORM) fprintf(f, ", \"eps\": %g", ly_eps(r));
    if (r->rope.pairs != LY_ROPE_NONE)
        fprintf(
            f,
            ", \"rope\": {\"pairs\": \"%s\", \"theta\": %.17g, \"factor\": %.17g, \"low\": %.17g, \"high\": "
            "%.17g, \"original\": %.17g}",
            pairs[r->rope.pairs], r->rope.theta, r->rope.factor, r->rope.low, r->rope.high, r->rope.original);
    fputc('}', f);
}

static ir_status write_rows(FILE *f, const job *j)
{
    ly_net net;
    if (!wl_is_net(j->w)) return IR_OK;
    ir_status st = wl_net_of(j->w, &j->run.p, &net);
    if (st != IR_OK) return st;
    ir_dtype kv = ly_kv_dtype(j->run.p.dtype);
    for (int i = 0; i < net.n; i++)
        if (net.row[i].op == LY_ATTENTION) kv = ly_row_kv(&net.row[i], j->run.p.dtype);
    fprintf(f,
            ",\n  \"kv_dtype\": \"%s\", \"kv_cap\": %lld, \"params\": %lld,\n  \"nW\": %lld, \"group\": %d, "
            "\"zeros\": %s,\n  \"rows\": [\n",
            ir_dtype_name(kv), (long long)net.kv_cap, (long long)net.params, (long long)net.nW,
            net.format.group, net.format.zeros ? "true" : "false");
    for (int i = 0; i < net.n; i++) {
        write_row(f, &net.row[i]);
        fputs(i + 1 < net.n ? ",\n" : "\n  ]", f);
    }
    ly_free(&net);
    return IR_OK;
}

static ir_status write_table(job *j)
{
    char      text[256], name[64];
    FILE     *f = create(j, table_name);
    ir_status st;
    if (!f) return dump_finish(j, IR_EIO);
    fprintf(f,
            "{\n  \"point\": \"%s\", \"workload\": \"%s\", \"kernel\": \"%s/%s\", \"dtype\": \"%s\",\n  "
            "\"tensors\": [\n",
            cli_point_text(j->w, &j->run.p, text, sizeof text), j->w->name, j->run.dev->be->name, j->k->name,
            ir_dtype_name(j->run.p.dtype));
    for (int t = 0; t < j->run.nmem; t++) {
        file_of(j, t, true, name, sizeof name);
        fprintf(f,
                "    {\"name\": \"%s\", \"role\": \"%s\", \"dtype\": \"%s\", \"bytes\": %zu, \"file\": "
                "\"%s\"}%s\n",
                j->spec[t].name,
                j->spec[t].role == IR_IN    ? "in"
                : j->spec[t].role == IR_OUT ? "out"
                                            : "inout",
                ir_dtype_name(j->spec[t].dtype), j->spec[t].bytes, name, t + 1 < j->run.nmem ? "," : "");
    }
    fputs("  ]", f);
    st = write_rows(f, j);
    fputs("\n}\n", f);
    return dump_finish(j, st);
}

/* ---- one call -------------------------------------------------------------------------------- */
static ir_status dump_fill(job *j, uint64_t seed)
{
    ir_run   *r = &j->run;
    ir_status st = IR_OK;
    r->nmem = j->w->tensors(j->w, &r->p, j->spec);
    for (int t = 0; t < r->nmem && (st = dump_asked_to_stop(st)) == IR_OK; t++) {
        st = r->dev->be->alloc(r->dev, j->spec[t].bytes, &r->mem[t]);
        j->host[t] = calloc(1, j->spec[t].bytes);
        if (st == IR_OK && !j->host[t])
            st = ir_fail(IR_ENOMEM, "no memory for %zu bytes of %s", j->spec[t].bytes, j->spec[t].name);
        if (st != IR_OK || j->spec[t].role == IR_OUT) continue;
        j->w->fill(j->w, &r->p, t, j->host[t], seed);
        st = r->dev->be->put(r->dev, &r->mem[t], j->host[t]);
    }
    return st;
}

static ir_status dump_call(job *j)
{
    ir_run   *r = &j->run;
    ir_status st = ir_plan_make(r);
    if (st == IR_OK) st = ir_plan_prepare(r);
    if (st == IR_OK) st = j->k->run(r, 1);
    if (st == IR_OK) st = r->dev->be->sync(r->dev);
    for (int t = 0; t < r->nmem && st == IR_OK; t++)
        if (j->spec[t].role != IR_IN) st = r->dev->be->get(r->dev, &r->mem[t], j->host[t]);
    ir_plan_unprepare(r);
    ir_plan_destroy(r);
    return st;
}

static ir_status dump(job *j, uint64_t seed)
{
    if (mkdir(j->dir, 0777) != 0 && errno != EEXIST)
        return ir_fail(IR_EIO, "%s: %s", j->dir, strerror(errno));
    char      path[4096];
    bool      there = false;
    ir_status st = dump_path(j, table_name, path);
    if (st == IR_OK) st = ir_path_look(path, &there, NULL);
    j->ours |= there;
    if (st == IR_OK) st = dump_fill(j, seed);
    if (st == IR_OK) st = dump_write_tensors(j, false);
    if (st == IR_OK) st = dump_call(j);
    if (st == IR_OK) st = dump_write_tensors(j, true);
    if (st == IR_OK) st = write_table(j);
    for (int t = 0; t < IR_MAX_TENSORS; t++) free(j->host[t]);
    for (int t = 0; t < j->run.nmem; t++) j->run.dev->be->release(j->run.dev, &j->run.mem[t]);
    return st;
}

/* The first kernel of the ladder that passes --filter and can do it. */
static ir_status dump_choose(const measure_context *s, job *j)
{
    const ir_kernel *k;
    ir_status st = ir_fail(IR_SKIP, "no kernel of %s for %s passes the filter", s->dev.be->name, j->w->name);
    for (size_t i = 0; !j->k && (k = backend_kernel(s->dev.be, j->w, i)); i++) {
        if (!context_wants(s, j->w, k)) continue;
        st = k->can_run ? k->can_run(&s->dev, j->w, &j->run.p) : IR_OK;
        if (st == IR_OK) j->k = k;
    }
    return st;
}

static ir_status on_device(const cli_args *args, const cli_point *p, const ir_backend *be)
{
    const dump_own *own = args->own;
    device_run      c;
    job             j = {.w = p->workload, .dir = args->opt.output, .ours = args->opt.force};
    int             index;
    bool            named;
    ir_status       st = cli_device_index(args->opt.device, &index, &named);
    if (st == IR_OK && named) st = ir_fail(IR_EINVAL, "dump takes a device by number: --device 0");
    if (st == IR_OK) st = device_run_open(&c, be, index, &args->opt);
    if (st != IR_OK) return st;
    j.run = (ir_run){.workload = p->workload, .dev = &c.s.dev, .p = p->p};
    if (j.run.p.threads == 0) j.run.p.threads = c.s.info.threads;
    st = dump_choose(&c.s, &j);
    j.run.kernel = j.k;
    if (st == IR_OK) st = dump(&j, (uint64_t)own->seed);
    device_run_free(&c);
    return st;
}

int cmd_dump(const cli_args *args)
{
    const ir_backend *be;
    cli_points        pts = {0};
    ir_status         st = args->opt.output ? IR_OK : ir_fail(IR_EINVAL, "dump needs a directory: -o DIR");
    if (st == IR_OK) st = one_point(args, "dump", &be, &pts);
    if (st == IR_OK) st = on_device(args, &pts.v[0], be);
    cli_points_free(&pts);
    int code = st == IR_OK ? EXIT_FINE : complain();
    return st == IR_EINTR ? EXIT_INTERRUPTED : code;
}
