/* text_table.c -- aligned tables that fit a width: cells of flexible columns go on in the next line, then
 * whole columns are left out, and the reader is told which. */
#include "harness/record/json_out.h"
#include "harness/record/text.h"
#include "harness/left_out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COL = 20 };
static int text_error;

void ir_text_flush(FILE *f)
{
    if (fflush(f) != 0 && text_error == 0) text_error = errno;
}

int ir_text_error(void) { return text_error; }

int ir_text_width(const ir_text *t) { return t->width > 0 ? t->width : 100; }

int ir_text_columns(const char *s)
{
    int n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static const char *style_on(const ir_text *t, ir_style s)
{
    static const char *const code[] = {"",         "\033[1m",  "\033[2m",  "\033[31m",
                                       "\033[32m", "\033[33m", "\033[34m", "\033[36m"};
    return t->color ? code[s] : "";
}

static const char *style_off(const ir_text *t, ir_style s)
{
    return t->color && s != TXT_PLAIN ? "\033[0m" : "";
}

void ir_text_styled(const ir_text *t, ir_style s, const char *fmt, ...)
{
    va_list ap;
    ir_screen_own(t->f, style_on(t, s));
    va_start(ap, fmt);
    vfprintf(t->f, fmt, ap);
    va_end(ap);
    ir_screen_own(t->f, style_off(t, s));
}

static size_t text_table_bytes_of(const char *s, int columns)
{
    size_t i = 0;
    for (; s[i]; i++)
        if (((unsigned char)s[i] & 0xC0) != 0x80 && columns-- == 0) break;
    return i;
}

size_t ir_text_append(char *buf, size_t size, size_t n, const char *fmt, ...)
{
    va_list ap;
    if (n >= size) return n;
    va_start(ap, fmt);
    n += (size_t)vsnprintf(buf + n, size - n, fmt, ap);
    va_end(ap);
    return n;
}

/* ---- paragraphs ------------------------------------------------------------------------------ */
void ir_text_para(const ir_text *t, const char *lead, const char *fmt, ...)
{
    char    text[2048];
    int     indent = ir_text_columns(lead), at = indent;
    bool    first = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ir_screen_line(text);
    bool plain = strspn(lead, " ") == strlen(lead);
    ir_text_styled(t, plain ? TXT_PLAIN : TXT_BOLD, "%s", lead);
    for (char *save, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        int n = ir_text_columns(w), room = ir_text_width(t) - indent;
        if (!first && at + 1 + n > ir_text_width(t)) {
            fprintf(t->f, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        if (!first) fputc(' ', t->f);
        for (; n > room && first && room > 8;
             n -= room, w += text_table_bytes_of(w, room)) /* a word longer than a line */
            fprintf(t->f, "%.*s\n%*s", (int)text_table_bytes_of(w, room), w, indent, "");
        fputs(w, t->f);
        at += n + !first;
        first = false;
    }
    fputc('\n', t->f);
}

/* ---- filling --------------------------------------------------------------------------------- */
void ir_table_begin(ir_table *tb, const ir_text *t, const ir_col *col, int ncol)
{
    *tb = (ir_table){.t = t, .col = col, .ncol = ncol};
}

static ir_cell *next_cell(ir_table *tb)
{
    if (tb->n == tb->cap && !tb->failed) {
        size_t   cap = tb->cap ? 2 * tb->cap : 128;
        ir_cell *c = realloc(tb->cell, cap * sizeof *c);
        tb->failed = !c;
        if (c) tb->cell = c, tb->cap = cap;
    }
    return tb->failed ? NULL : &tb->cell[tb->n++];
}

__attribute__((format(printf, 4, 0))) static void text_table_add(ir_table *tb, ir_style style, bool span,
                                                                 const char *fmt, va_list ap)
{
    ir_cell *c = next_cell(tb);
    if (!c) return;
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    for (size_t n = strlen(c->text), i = n; n + 1 == sizeof c->text && i > n - 4;
         i--) /* no half a character */
        if (ir_utf8_length(c->text + i - 1, n - i + 1) == 0) c->text[i - 1] = 0;
    ir_screen_line(c->text);
    c->style = style;
    c->span = span;
}

void ir_table_cell(ir_table *tb, ir_style style, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_table_add(tb, style, false, fmt, ap);
    va_end(ap);
}

void ir_table_span(ir_table *tb, ir_style style, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_table_add(tb, style, true, fmt, ap);
    va_end(ap);
    for (int i = 1; i < tb->ncol; i++) {
        ir_cell *c = next_cell(tb);
        if (c) *c = (ir_cell){.span = true};
    }
}

/* ---- layout ---------------------------------------------------------------------------------- */
typedef struct {
    int  width[MAX_COL], gap;
    int  least[MAX_COL]; /* to which a column may be narrowed: its longest word, and what it asks for */
    bool shown[MAX_COL], dropped[MAX_COL];
} layout;

#define BREAKS " ,;:/=" /* a cell may go on in the next line behind one of these */

static int longest_word(const char *s)
{
    int longest = 0;
    while (*s) {
        size_t n = strcspn(s, BREAKS);
        char   word[sizeof((ir_cell *)0)->text];
        n += s[n] != 0; /* with what it breaks behind */
        snprintf(word, sizeof word, "%.*s", (int)n, s);
        if (ir_text_columns(word) > longest) longest = ir_text_columns(word);
        s += n;
    }
    return longest;
}

static void natural(const ir_table *tb, layout *l)
{
    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < tb->n; i++) {
        int c = (int)(i % (size_t)tb->ncol), n = ir_text_columns(tb->cell[i].text);
        if (tb->cell[i].span || n == 0) continue;
        l->shown[c] = true;
        if (n > l->width[c]) l->width[c] = n;
        if (longest_word(tb->cell[i].text) > l->least[c]) l->least[c] = longest_word(tb->cell[i].text);
    }
    for (int c = 0; c < tb->ncol; c++) {
        int n = ir_text_columns(tb->col[c].head);
        if (l->shown[c] && n > l->width[c]) l->width[c] = n;
        if (tb->col[c].least > l->least[c]) l->least[c] = tb->col[c].least;
        if (tb->col[c].least == 0 || l->least[c] > l->width[c]) l->least[c] = l->width[c];
    }
}

static int text_table_total(const ir_table *tb, const layout *l)
{
    int sum = -l->gap;
    for (int c = 0; c < tb->ncol; c++) sum += l->shown[c] ? l->width[c] + l->gap : 0;
    return sum;
}

static int text_table_least(const ir_table *tb, const layout *l)
{
    int sum = text_table_total(tb, l);
    for (int c = 0; c < tb->ncol; c++)
        if (l->shown[c]) sum -= l->width[c] - l->least[c];
    return sum;
}

/* The widest flexible column gives first, down to its least. */
static void narrow(const ir_table *tb, layout *l, int room)
{
    for (int over = text_table_total(tb, l) - room; over > 0; over--) {
        int widest = -1;
        for (int c = 0; c < tb->ncol; c++)
            if (l->shown[c] && l->width[c] > l->least[c] && (widest < 0 || l->width[c] > l->width[widest]))
                widest = c;
        if (widest < 0) break;
        l->width[widest]--;
    }
}

static void fit(const ir_table *tb, layout *l)
{
    int room = ir_text_width(tb->t);
    l->gap = 2;
    if (text_table_total(tb, l) > room) l->gap = 1;
    while (text_table_least(tb, l) > room) {
        int worst = -1;
        for (int c = 0; c < tb->ncol; c++)
            if (l->shown[c] && tb->col[c].drop > 0 && (worst < 0 || tb->col[c].drop > tb->col[worst].drop))
                worst = c;
        if (worst < 0) break;
        for (int c = 0; c < tb->ncol; c++) /* equals go together */
            if (l->shown[c] && tb->col[c].drop == tb->col[worst].drop)
                l->shown[c] = false, l->dropped[c] = true;
    }
    narrow(tb, l, room);
    for (int c = 0; c < tb->ncol; c++) /* no column is left to drop: words break too */
        if (tb->col[c].least > 0) l->least[c] = tb->col[c].least;
    narrow(tb, l, room);
}

/* ---- printing -------------------------------------------------------------------------------- */
/* Bytes of the text's next line in a cell of `width` columns: up to a blank or a separator, else what fits.
 */
static size_t cell_piece(const char *s, int width)
{
    size_t all = strlen(s), n = text_table_bytes_of(s, width);
    if (n == all || n == 0) return all;
    for (size_t i = n; i > 1; i--)
        if (strchr(BREAKS, s[i - 1])) return i;
    return n;
}

/* One line of a row from what each cell still has to say; true: another one follows. */
static bool print_line(const ir_table *tb, const layout *l, const ir_cell *row, const char *rest[MAX_COL])
{
    const ir_text *t = tb->t;
    int            last = tb->ncol - 1, pending = 0;
    bool           more = false;
    while (last > 0 && (!l->shown[last] || !*rest[last])) last--;
    for (int c = 0; c <= last; c++) {
        if (!l->shown[c]) continue;
        char   text[sizeof row[c].text];
        size_t piece = cell_piece(rest[c], l->width[c]);
        snprintf(text, sizeof text, "%.*s", (int)piece, rest[c]);
        int n = ir_text_columns(text), pad = n < l->width[c] ? l->width[c] - n : 0;
        fprintf(t->f, "%*s", pending + (tb->col[c].right ? pad : 0), "");
        ir_screen_own(t->f, style_on(t, row[c].style));
        fputs(text, t->f);
        ir_screen_own(t->f, style_off(t, row[c].style));
        pending = l->gap + (tb->col[c].right ? 0 : pad);
        rest[c] += piece + strspn(rest[c] + piece, " ");
        more |= *rest[c] != 0;
    }
    fputc('\n', t->f);
    return more;
}

static void print_row(const ir_table *tb, const layout *l, const ir_cell *row)
{
    const ir_text *t = tb->t;
    const char    *rest[MAX_COL];
    if (row->span) {
        size_t indent = strspn(row->text, " ");
        ir_screen_own(t->f, style_on(t, row->style));
        ir_text_para(t, indent ? " " : "", "%s", row->text + indent);
        ir_screen_own(t->f, style_off(t, row->style));
        return;
    }
    for (int c = 0; c < tb->ncol; c++) rest[c] = row[c].text;
    while (print_line(tb, l, row, rest)) continue;
}

static void print_head(const ir_table *tb, const layout *l)
{
    ir_cell row[MAX_COL];
    memset(row, 0, sizeof row);
    for (int c = 0; c < tb->ncol; c++) {
        row[c].style = TXT_DIM;
        snprintf(row[c].text, sizeof row[c].text, "%s", tb->col[c].head);
    }
    print_row(tb, l, row);
}

static void print_dropped(const ir_table *tb, const layout *l)
{
    char   names[256] = "";
    size_t n = 0;
    for (int c = 0; c < tb->ncol && n < sizeof names; c++)
        if (l->dropped[c] && *tb->col[c].head && !strstr(names, tb->col[c].head))
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", tb->col[c].head);
    if (n) ir_text_para(tb->t, "  ", "Left out at this width: %s.", names);
}

void ir_table_end(ir_table *tb)
{
    layout l;
    if (tb->failed) {
        ir_left_out("a table");
        fprintf(tb->t->f, "  (no memory for this table)\n");
    } else if (tb->n > 0) {
        natural(tb, &l);
        fit(tb, &l);
        print_head(tb, &l);
        for (size_t i = 0; i + (size_t)tb->ncol <= tb->n; i += (size_t)tb->ncol)
            print_row(tb, &l, &tb->cell[i]);
        print_dropped(tb, &l);
    }
    free(tb->cell);
    tb->cell = NULL;
    tb->n = tb->cap = 0;
}
