/* frame.c -- see frame.h. A line: MARK NODE ID PART PARTS LENGTH CHECKSUM:PAYLOAD */
#define _GNU_SOURCE
#include "harness/record/frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MARK "ironroof-frame"
enum { HEAD_B = 180, PAYLOAD_B = IR_FRAME_LINE_B - HEAD_B, MOST_PARTS = 100000, COPIES = 2 };

/* CRC-32 of IEEE 802.3, going on from `crc`. */
static uint32_t checksum(uint32_t crc, const char *s, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)s[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static bool write_part(FILE *f, const char *node, const char *id, const char *text, size_t n, size_t part,
                       size_t parts)
{
    char        head[HEAD_B], line[IR_FRAME_LINE_B + 1];
    size_t      size = part + 1 < parts ? PAYLOAD_B : n - part * PAYLOAD_B;
    const char *at = text + part * PAYLOAD_B;
    int         h = snprintf(head, sizeof head, "%s %s %zu %zu %zu", node, id, part, parts, size);
    uint32_t    crc = checksum(checksum(0, head, (size_t)h), at, size);
    int         all = snprintf(line, sizeof line, MARK " %s %08x:%.*s\n", head, (unsigned)crc, (int)size, at);
    return fwrite(line, 1, (size_t)all, f) == (size_t)all && fflush(f) == 0; /* a line is one write */
}

bool ir_frame_write(FILE *f, const char *node, const char *id, const char *text, size_t n)
{
    size_t parts = n ? (n + PAYLOAD_B - 1) / PAYLOAD_B : 1;
    bool   ok = strlen(node) < IR_FRAME_NODE && strlen(id) < IR_FRAME_ID;
    for (int copy = 0; copy < COPIES; copy++)
        for (size_t part = 0; part < parts && ok; part++) ok = write_part(f, node, id, text, n, part, parts);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */
typedef struct {
    char        node[IR_FRAME_NODE], id[IR_FRAME_ID];
    size_t      part, parts, size;
    const char *text;
} frame_part;

/* A line behind its mark. */
static bool read_part(const char *s, size_t n, frame_part *p)
{
    const char *colon = memchr(s, ':', n);
    char        head[HEAD_B + 16], again[HEAD_B];
    unsigned    crc;
    for (; colon; colon = memchr(colon + 1, ':', n - (size_t)(colon + 1 - s))) { /* names may hold some */
        size_t h = (size_t)(colon - s);
        if (h >= sizeof head) return false;
        memcpy(head, s, h);
        head[h] = 0;
        if (sscanf(head, "%63s %23s %zu %zu %zu %8x", p->node, p->id, &p->part, &p->parts, &p->size, &crc) !=
            6)
            continue;
        if (p->parts > MOST_PARTS || p->part >= p->parts || p->size > PAYLOAD_B || p->size > n - h - 1)
            return false;
        int all =
            snprintf(again, sizeof again, "%s %s %zu %zu %zu", p->node, p->id, p->part, p->parts, p->size);
        p->text = colon + 1;
        return checksum(checksum(0, again, (size_t)all), p->text, p->size) == crc;
    }
    return false;
}

static int part_by_place(const void *a, const void *b)
{
    const frame_part *x = a, *y = b;
    int               c = strcmp(x->node, y->node);
    if (!c) c = strcmp(x->id, y->id);
    if (!c) c = (x->parts > y->parts) - (x->parts < y->parts);
    return c ? c : (x->part > y->part) - (x->part < y->part);
}

static bool same_message(const frame_part *a, const frame_part *b)
{
    return !strcmp(a->node, b->node) && !strcmp(a->id, b->id) && a->parts == b->parts;
}

/* p[0 .. n) are one message's parts in order, some of them twice. */
static bool join(const frame_part *p, size_t n, ir_frame_message *m)
{
    size_t size = 0, next = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || p[i].part != p[i - 1].part) m->whole++, size += p[i].size;
    memcpy(m->node, p->node, sizeof m->node);
    memcpy(m->id, p->id, sizeof m->id);
    m->parts = p->parts;
    if (m->whole < m->parts) return true;
    m->text = malloc(size + 1);
    if (!m->text) return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i].part != next) continue;
        memcpy(m->text + m->n, p[i].text, p[i].size);
        m->n += p[i].size;
        next++;
    }
    m->text[m->n] = 0;
    return true;
}

/* Every mark begins a line, wherever it stands: labels go before it. */
static frame_part *find_parts(const char *output, size_t n, size_t *found, size_t *damaged)
{
    frame_part *v = NULL;
    const char *end = output + n, *at = output, *mark;
    *found = *damaged = 0;
    while (at < end && (mark = memmem(at, (size_t)(end - at), MARK " ", strlen(MARK " "))) != NULL) {
        const char *from = mark + strlen(MARK " "), *stop = memchr(from, '\n', (size_t)(end - from));
        if (!(*found & (*found - 1))) {
            void *grown = realloc(v, (*found ? 2 * *found : 1) * sizeof *v);
            if (!grown) return free(v), NULL;
            v = grown;
        }
        if (read_part(from, (size_t)((stop ? stop : end) - from), &v[*found]))
            at = v[*found].text + v[*found].size, ++*found;
        else
            at = from, ++*damaged;
    }
    return v ? v : malloc(1);
}

bool ir_frame_read(const char *output, size_t n, ir_frame_messages *out)
{
    size_t      found;
    frame_part *p = find_parts(output, n, &found, &out->damaged);
    *out = (ir_frame_messages){.damaged = p ? out->damaged : 0};
    if (!p) return false;
    if (found) qsort(p, found, sizeof *p, part_by_place);
    out->v = calloc(found + 1, sizeof *out->v);
    bool ok = out->v != NULL;
    for (size_t i = 0, j; i < found && ok; i = j) {
        for (j = i; j < found && same_message(&p[i], &p[j]);) j++;
        ok = join(p + i, j - i, &out->v[out->n++]);
    }
    free(p);
    if (!ok) ir_frame_free(out);
    return ok;
}

void ir_frame_free(ir_frame_messages *m)
{
    for (size_t i = 0; m->v && i < m->n; i++) free(m->v[i].text);
    free(m->v);
    *m = (ir_frame_messages){0};
}
