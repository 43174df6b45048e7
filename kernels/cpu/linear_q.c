/* linear_q.c -- see linear_q.h. A thread's rows of W are contiguous and read in order, each once from memory:
 * a row is a few kB, so that further rows of X find it in L1. */
#include "kernels/cpu/linear_q.h"

CPU_DECLARE_PER_ISA(cpu_q_ops, cpu_q);
static const cpu_q_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_q);

enum {
    CHUNK = 64,
    ALIGN = 64,
    PANEL_ROWS = 12 /* of X, from which a panel's multiplications outweigh making it */
};

const cpu_q_ops *cpu_q_ops_of(const ir_dev *dev)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return tables[isa];
}

bool cpu_q_is(ir_dtype t, ly_format f) { return f.group > 0 || t == IR_F8; }

cpu_q_matrix cpu_q_matrix_of(ir_dtype t, const ly_row *r)
{
    cpu_q_matrix m = {.c = (size_t)r->c};
    m.kind = t == IR_I4 ? CPU_Q_I4 : t == IR_I8 ? CPU_Q_I8 : CPU_Q_F8;
    m.group = r->format.group ? (size_t)r->format.group : m.c;
    m.block_B = r->format.group ? (size_t)ly_block_B(t, r->format) : m.c;
    m.row_B = m.c / m.group * m.block_B;
    return m;
}

void cpu_q_bind(cpu_q_matrix *m, ir_dtype t, const ly_row *r, int64_t nW, const char *W)
{
    m->w = W + ly_W_offset(t, r->format, r->W_at);
    m->zeros = r->format.zeros ? W + ly_W_offset(t, r->format, nW) : NULL;
    m->zero_at = r->format.group ? (size_t)(r->W_at / r->format.group) : 0;
}

cpu_q_way cpu_q_way_of(const ir_dev *dev, cpu_q_kind kind, bool exact)
{
    const cpu_features *f = cpu_features_get();
    const cpu_q_ops    *o = cpu_q_ops_of(dev);
    if (exact || !o->dot[kind][CPU_Q_INT]) return CPU_Q_EXACT;
    if (f->avx512_vnni && o->dot[kind][CPU_Q_VNNI512]) return CPU_Q_VNNI512;
    if (f->avx_vnni && o->dot[kind][CPU_Q_VNNI]) return CPU_Q_VNNI;
    return CPU_Q_INT;
}

size_t cpu_q_stride(const cpu_q_ops *o, cpu_q_way way, size_t c) { return o->packed_B(way, c) + ALIGN; }

bool cpu_q_has_panels(const cpu_q_ops *o, cpu_q_way way) { return o->panel_rows && way == o->panel_way; }

static bool by_panels(const cpu_q_ops *o, cpu_q_way way, size_t rows)
{
    return cpu_q_has_panels(o, way) && rows >= PANEL_ROWS;
}

size_t cpu_q_scratch_B(const cpu_q_ops *o, cpu_q_way way, size_t rows, size_t c)
{
    return by_panels(o, way, rows) ? cpu_up(o->panel_B(c), ALIGN) : 0;
}

static void pass_panels(const cpu_linear *l, const cpu_q_ops *o, const cpu_q_matrix *w, size_t lo, size_t hi,
                        void *panel)
{
    for (size_t from = lo, stop; from < hi; from = stop) {
        stop = hi - from < CHUNK ? hi : from + CHUNK;
        for (size_t j = from, n; j < stop; j += n) {
            n = stop - j < o->panel_rows ? stop - j : o->panel_rows;
            o->panel(w, j, n, panel);
            o->panel_dot(w->c, panel, l->x, l->xs, l->rows, n, l->y + j * sizeof(float), l->k);
        }
        cpu_linear_finish(l, from, stop);
    }
}

void cpu_q_pass(const cpu_linear *l, const cpu_q_ops *o, cpu_q_way way, const cpu_q_matrix *w, size_t lo,
                size_t hi, void *scratch)
{
    if (by_panels(o, way, l->rows)) {
        pass_panels(l, o, w, lo, hi, scratch);
        return;
    }
    const cpu_q_dot_fn dot = o->dot[w->kind][way];
    for (size_t from = lo; from < hi; from += CHUNK) {
        const size_t stop = hi - from < CHUNK ? hi : from + CHUNK;
        for (size_t j = from; j < stop; j++) {
            for (size_t m = 0; m < l->rows; m += CPU_Q_M) {
                const size_t n = l->rows - m < CPU_Q_M ? l->rows - m : CPU_Q_M;
                dot(w, j, l->x + m * l->xs, l->xs, (int)n, l->y + (m * l->k + j) * sizeof(float), l->k);
            }
        }
        cpu_linear_finish(l, from, stop);
    }
}
