/* text_roofline.c -- FLOP/s over arithmetic intensity, both logarithmic, in characters: a roof per memory
 * level and dtype, a letter per family of points. Braille dots when the terminal has them, else ASCII. */
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_W = 120, H = 20, LABEL = 7, MAX_FAMILY = 26 };

typedef struct {
    const ir_text *t;
    int            w, sx, sy;      /* cells across; dots per cell in x and y */
    double         x0, x1, y0, y1; /* log10 of the corners */
    unsigned char  dots[H][MAX_W];
    char           roof[H][MAX_W], mark[H][MAX_W];
} canvas;

typedef struct {
    char        letter;
    const char *family;
    size_t      n;
} family;

typedef struct {
    const ir_ceilings *cs;
    const char        *device;
    int                bw_threads, peak_threads;
    double             bw[IR_NLEVEL], peak[IR_NDTYPE]; /* NAN: none */
    double             top, dram;                      /* highest peak shown; the slowest memory there is */
} roofs;

/* ---- roofs ----------------------------------------------------------------------------------- */
static double level_bandwidth(const roofs *r, const char *level)
{
    const ir_ceiling *c =
        ir_text_find(r->cs, r->device, IR_C_BANDWIDTH, level, "read", IR_NDTYPE, r->bw_threads);
    if (!c) c = ir_text_find(r->cs, r->device, IR_C_BANDWIDTH, level, NULL, IR_NDTYPE, r->bw_threads);
    return c && c->value > 0 ? c->value : NAN;
}

static bool has_dtype(const ir_point *p, size_t n, ir_dtype d)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].status == IR_OK && p[i].m.cost.flops > 0 && p[i].id.p.dtype == d) return true;
    return false;
}

static bool find_roofs(roofs *r, const ir_point *p, size_t n)
{
    bool any = false;
    r->bw_threads = ir_text_most_threads(r->cs, r->device, IR_C_BANDWIDTH);
    r->peak_threads = ir_text_most_threads(r->cs, r->device, IR_C_FLOPS);
    r->top = r->dram = NAN;
    for (int l = 0; l < IR_NLEVEL; l++) {
        r->bw[l] = level_bandwidth(r, ir_level_names[l]);
        if (isfinite(r->bw[l])) r->dram = r->bw[l];
    }
    for (int d = 0; d < IR_NDTYPE; d++) any = any || has_dtype(p, n, (ir_dtype)d);
    for (int d = 0; d < IR_NDTYPE; d++) {
        const ir_ceiling *c =
            ir_text_find(r->cs, r->device, IR_C_FLOPS, NULL, NULL, (ir_dtype)d, r->peak_threads);
        bool wanted = any ? has_dtype(p, n, (ir_dtype)d) : d == IR_F64 || d == IR_F32;
        r->peak[d] = c && wanted && c->value > 0 ? c->value : NAN;
        r->top = fmax(r->top, r->peak[d]); /* fmax passes over NAN */
    }
    return isfinite(r->top) && isfinite(r->dram);
}

/* ---- canvas ---------------------------------------------------------------------------------- */
static int    clamp(double v, int n) { return v < 0 ? 0 : v >= n ? n - 1 : (int)v; }
static double dot_x(const canvas *c, double lx) { return (lx - c->x0) / (c->x1 - c->x0) * c->w * c->sx; }
static double dot_y(const canvas *c, double ly) { return (c->y1 - ly) / (c->y1 - c->y0) * H * c->sy; }

static void text_roofline_dot(canvas *c, int x, int y, char ascii)
{
    static const unsigned char bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= c->w * c->sx || y >= H * c->sy) return;
    c->roof[y / c->sy][x / c->sx] = ascii;
    c->dots[y / c->sy][x / c->sx] |= bit[y % c->sy][x % c->sx];
}

/* min(bandwidth x I, peak), from the left edge to `until` (log10 I); dotted: a cache. */
static void draw_roof(canvas *c, double bw, double peak, double from, double until, bool dotted)
{
    int last = -1;
    for (int x = 0; x < c->w * c->sx; x++) {
        double lx = c->x0 + (x + .5) / (c->w * c->sx) * (c->x1 - c->x0);
        double slope = log10(bw) + lx, flat = log10(peak);
        if (lx < from || lx > until) {
            last = -1;
            continue;
        }
        int y = (int)floor(dot_y(c, fmin(slope, flat)));
        if (!dotted || x % (2 * c->sx) < c->sx) {
            text_roofline_dot(c, x, y, dotted ? '.' : slope < flat ? '/' : '-');
            for (int v = last; c->sy > 1 && last >= 0 && v > y + 1; v--) text_roofline_dot(c, x, v - 1, '/');
        }
        last = y;
    }
}

static void draw_roofs(canvas *c, const roofs *r)
{
    for (int l = 0; l < IR_NLEVEL; l++) {
        bool dram = r->bw[l] == r->dram;
        if (isfinite(r->bw[l])) draw_roof(c, r->bw[l], r->top, c->x0, log10(r->top / r->bw[l]), !dram);
    }
    for (int d = 0; d < IR_NDTYPE; d++)
        if (isfinite(r->peak[d]))
            draw_roof(c, INFINITY, r->peak[d], log10(r->peak[d] / r->dram), c->x1, false);
}

/* ---- points ---------------------------------------------------------------------------------- */
/* I is infinite for work on registers alone: such a point stands on the right edge. */
static bool plotted(const ir_point *p, double *I, double *rate)
{
    double bytes = ir_cost_B(&p->m.cost);
    *I = p->m.cost.flops / bytes;
    *rate = p->m.cost.flops / ir_point_time(p);
    return p->status == IR_OK && *I > 0 && *rate > 0 && isfinite(*rate);
}

static char letter_of(family *f, int *n, const char *name)
{
    char used[MAX_FAMILY + 1] = "", letter = '*';
    int  i = 0;
    for (; i < *n; i++) {
        if (!strcmp(f[i].family, name)) return f[i].n++, f[i].letter;
        used[i] = f[i].letter;
    }
    if (*n == MAX_FAMILY) return '*';
    for (const char *s = name; *s && letter == '*'; s++)
        if (*s >= 'a' && *s <= 'z' && !strchr(used, *s)) letter = *s;
    for (char a = 'A'; a <= 'Z' && letter == '*'; a++)
        if (!strchr(used, a)) letter = a;
    f[(*n)++] = (family){letter, name, 1};
    return letter;
}

static size_t draw_points(canvas *c, const ir_point *p, size_t n, family *f, int *nf)
{
    size_t off = 0;
    for (size_t i = 0; i < n; i++) {
        double I, rate;
        if (!plotted(&p[i], &I, &rate)) {
            off += p[i].status == IR_OK;
            continue;
        }
        int  x = clamp(dot_x(c, log10(I)) / c->sx, c->w), y = clamp(dot_y(c, log10(rate)) / c->sy, H);
        char letter = letter_of(f, nf, p[i].id.family), *at = &c->mark[y][x];
        *at = *at && *at != letter ? '*' : letter;
    }
    return off;
}

static void set_range(canvas *c, const roofs *r, const ir_point *p, size_t n)
{
    double ridge = log10(r->top / r->dram), lo = ridge - 1.5, hi = ridge + 1, low = log10(r->top) - 2;
    for (size_t i = 0; i < n; i++) {
        double I, rate;
        if (!plotted(&p[i], &I, &rate)) continue;
        if (isfinite(I)) lo = fmin(lo, log10(I) - .15), hi = fmax(hi, log10(I) + .15);
        low = fmin(low, log10(rate) - .15);
    }
    c->x0 = fmax(lo, ridge - 6); /* what lies beyond is drawn on the edge */
    c->x1 = fmin(hi, ridge + 6);
    c->y1 = log10(r->top) + .15;
    c->y0 = fmax(low, c->y1 - 6);
}

/* ---- printing -------------------------------------------------------------------------------- */
static void print_cell(const canvas *c, int y, int x)
{
    unsigned d = c->dots[y][x];
    if (c->mark[y][x]) {
        ir_text_styled(c->t, TXT_YELLOW, "%c", c->mark[y][x]);
    } else if (c->t->utf8 && d) {
        char u[4] = {(char)0xE2, (char)(0xA0 + (d >> 6)), (char)(0x80 + (d & 63)), 0};
        ir_text_styled(c->t, TXT_BLUE, "%s", u);
    } else {
        ir_text_styled(c->t, c->roof[y][x] ? TXT_BLUE : TXT_PLAIN, "%c", c->roof[y][x] ? c->roof[y][x] : ' ');
    }
}

static void print_rows(const canvas *c)
{
    char num[IR_NUM];
    for (int y = 0; y < H; y++) {
        double top = c->y1 - (c->y1 - c->y0) * y / H, bottom = c->y1 - (c->y1 - c->y0) * (y + 1) / H,
               decade = ceil(bottom);
        int end = c->w;
        while (end > 0 && !c->mark[y][end - 1] && !c->roof[y][end - 1]) end--;
        fprintf(c->t->f, "%*s %s", LABEL,
                decade < top ? ir_text_scaled(pow(10, decade), "", num, sizeof num) : "",
                c->t->utf8 ? "\xe2\x94\x82" : "|");
        for (int x = 0; x < end; x++) print_cell(c, y, x);
        fputc('\n', c->t->f);
    }
}

static void print_axis(const canvas *c)
{
    char line[MAX_W + 16], num[IR_NUM];
    int  used = 0;
    fprintf(c->t->f, "%*s %s", LABEL, "", c->t->utf8 ? "\xe2\x94\x94" : "+");
    for (int x = 0; x < c->w; x++) fputs(c->t->utf8 ? "\xe2\x94\x80" : "-", c->t->f);
    memset(line, ' ', sizeof line);
    for (int d = (int)ceil(c->x0); d < c->x1; d++) {
        int at = (int)(dot_x(c, d) / c->sx), n = (int)strlen(ir_text_plain(pow(10, d), num));
        if (at < used || at + n > c->w) continue;
        memcpy(line + at, num, (size_t)n);
        used = at + n + 1;
    }
    fprintf(c->t->f, "\n%*s  %.*s\n", LABEL, "", used ? used - 1 : 0, line);
}

static void print_legend(const canvas *c, const roofs *r, const family *f, int nf, size_t off)
{
    char   text[512] = "", num[IR_NUM];
    size_t n = 0;
    for (int l = IR_DRAM; l >= 0 && n < sizeof text; l--)
        if (isfinite(r->bw[l]))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s%s", n ? ", " : "", ir_level_names[l],
                                  ir_text_scaled(r->bw[l], "B/s", num, sizeof num),
                                  r->bw[l] == r->dram ? "" : " (dotted)");
    for (int d = 0; d < IR_NDTYPE && n < sizeof text; d++)
        if (isfinite(r->peak[d]))
            n += (size_t)snprintf(text + n, sizeof text - n, ", %s %s", ir_dtype_name((ir_dtype)d),
                                  ir_text_scaled(r->peak[d], ir_text_op_unit((ir_dtype)d), num, sizeof num));
    for (int d = 0, k = 0; d < IR_NDTYPE; d++)
        if (isfinite(r->peak[d]))
            n = ir_text_append(text, sizeof text, n, "%s%s %s", k++ ? ", " : "; ridge ",
                               ir_dtype_name((ir_dtype)d), ir_text_plain(r->peak[d] / r->dram, num));
    ir_text_para(c->t, "  roofs   ", "%s FLOP/B", text);
    n = 0;
    for (int i = 0; i < nf && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%c %s (%zu)", i ? ", " : "", f[i].letter,
                              f[i].family, f[i].n);
    if (nf) ir_text_para(c->t, "  points  ", "%s%s", text, nf > 1 ? ", * several" : "");
    if (off)
        ir_text_para(c->t, "          ", "%zu point%s without arithmetic %s not on it", off,
                     off == 1 ? "" : "s", off == 1 ? "is" : "are");
}

void ir_text_roofline(const ir_text *t, const ir_ceilings *cs, const ir_point *p, size_t n)
{
    roofs  r = {.cs = cs};
    family f[MAX_FAMILY];
    int    nf = 0, room = ir_text_width(t) - LABEL - 2;
    if (cs->n > 0) r.device = n > 0 && *p[0].id.device ? p[0].id.device : cs->v[0].device;
    if (cs->n == 0 || !find_roofs(&r, p, n)) {
        fputs("No roofline: it needs a bandwidth and a peak.\n", t->f);
        return;
    }
    canvas *c = calloc(1, sizeof *c);
    if (!c) {
        ir_fail(IR_ENOMEM, "no memory for a roofline");
        fputs("No roofline: no memory.\n", t->f);
        return;
    }
    *c = (canvas){.t = t,
                  .w = room > MAX_W ? MAX_W
                       : room < 20  ? 20
                                    : room,
                  .sx = t->utf8 ? 2 : 1,
                  .sy = t->utf8 ? 4 : 1};
    set_range(c, &r, p, n);
    draw_roofs(c, &r);
    size_t off = draw_points(c, p, n, f, &nf);
    ir_text_styled(t, TXT_BOLD, "Roofline");
    fprintf(t->f, " of %s: FLOP/s over FLOP/B\n", *r.device ? r.device : "this device");
    print_rows(c);
    print_axis(c);
    print_legend(c, &r, f, nf, off);
    free(c);
}
