/* screen.c -- see screen.h. A filtered stream is a stream whose bytes pass through cookie_write(). */
#define _GNU_SOURCE
#include "harness/screen.h"
#include "harness/left_out.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    FILE  *stream, *under;
    char   begun[4]; /* a character whose end is still to come */
    size_t nbegun;
    int    error; /* of the first write that failed; 0: none */
} filter;
static filter *standard[2]; /* stdout, stderr */

size_t ir_utf8_length(const char *s, size_t n)
{
    static const unsigned char lead_min[5] = {0, 0, 0xC2, 0xE0, 0xF0},
                               lead_max[5] = {0, 0x7F, 0xDF, 0xEF, 0xF4};
    const unsigned char *u = (const unsigned char *)s;
    if (n == 0) return 0;
    size_t len = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if (len > n || u[0] < lead_min[len] || u[0] > lead_max[len]) return 0;
    for (size_t i = 1; i < len; i++)
        if ((u[i] & 0xC0) != 0x80) return 0;
    if (len == 3 && ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F)))
        return 0; /* overlong, surrogate */
    if (len == 4 && ((u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F))) return 0;
    return len;
}

unsigned ir_utf8_code(const char *s, size_t length)
{
    static const unsigned char lead[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned                   code = (unsigned char)s[0] & lead[length];
    for (size_t i = 1; i < length; i++) code = code << 6 | ((unsigned char)s[i] & 0x3F);
    return code;
}

bool ir_screen_keeps(unsigned code)
{
    static const unsigned refused[][2] = {
        {0x00, 0x08},     {0x0B, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200B, 0x200B},
        {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (code >= refused[i][0] && code <= refused[i][1]) return false;
    return true;
}

/* Could s[0..n) be the beginning of a character? Then the next bytes decide. */
static bool is_begun(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    size_t        len = c < 0xC2 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 1;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s[i] & 0xC0) != 0x80) return false;
    return n < len;
}

/* Filters s[0..*n) into out, which has room for as much. *n: bytes that are dealt with; the rest is the
 * beginning of a character. Returns the bytes in out. */
static size_t screen_filter(char *out, const char *s, size_t *n)
{
    size_t at = 0, to = 0;
    while (at < *n) {
        size_t len = ir_utf8_length(s + at, *n - at);
        if (len == 0 && is_begun(s + at, *n - at)) break;
        if (len > 0 && ir_screen_keeps(ir_utf8_code(s + at, len))) {
            memmove(out + to, s + at, len);
            to += len;
        } else {
            out[to++] = '?';
        }
        at += len ? len : 1;
    }
    *n = at;
    return to;
}

size_t ir_screen_next(const char *s, char out[5])
{
    size_t len = ir_utf8_length(s, strnlen(s, 4));
    bool   keeps = len > 0 && ir_screen_keeps(ir_utf8_code(s, len));
    snprintf(out, 5, "%.*s", keeps ? (int)len : 1, keeps ? s : "?");
    if (*out == '\n' || *out == '\t') *out = ' ';
    return len ? len : 1;
}

void ir_screen_line(char *s)
{
    size_t n = strlen(s), done = n, to = screen_filter(s, s, &done);
    if (done < n) s[to++] = '?';
    s[to] = 0;
    for (; *s; s++)
        if (*s == '\n' || *s == '\t') *s = ' ';
}

/* ---- streams --------------------------------------------------------------------------------- */
enum { PIECE_B = 2048 }; /* on the stack: a complaint about want of memory needs none */

/* Whoever gave us a pipe may have made it one that does not wait; what a stream could not write is lost. */
static void wait_for_room(FILE *f)
{
    int fd = fileno(f);
    while (fd >= 0 && poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1) < 0 && errno == EINTR) {
    }
}

static bool write_piece(filter *f, const char *s, size_t n)
{
    char in[PIECE_B + sizeof f->begun];
    memcpy(in, f->begun, f->nbegun);
    memcpy(in + f->nbegun, s, n);
    size_t have = f->nbegun + n, used = have;
    /* What is left moves aside before the bytes before it are filtered in place. */
    char   rest[sizeof f->begun] = {0};
    size_t scan = have;
    while (scan > 0 && have - scan < 3 && ((unsigned char)in[scan - 1] & 0xC0) == 0x80) scan--;
    if (scan > 0 && is_begun(in + scan - 1, have - scan + 1)) used = scan - 1;
    memcpy(rest, in + used, have - used);
    size_t done = used, to = screen_filter(in, in, &done);
    wait_for_room(f->under);
    bool ok = fwrite(in, 1, to, f->under) == to && fflush(f->under) == 0;
    if (!ok && f->error == 0) f->error = errno;
    if (!ok) return false;
    f->nbegun = have - used;
    memcpy(f->begun, rest, f->nbegun);
    return true;
}

static ssize_t cookie_write(void *cookie, const char *s, size_t n)
{
    for (size_t at = 0; at < n; at += PIECE_B)
        if (!write_piece(cookie, s + at, n - at < PIECE_B ? n - at : PIECE_B)) return 0;
    return (ssize_t)n;
}

static int cookie_close(void *cookie)
{
    filter *f = cookie;
    bool    bad = f->nbegun > 0 && fputc('?', f->under) == EOF;
    bad = fclose(f->under) != 0 || bad;
    free(f);
    return bad ? EOF : 0;
}

static filter *screen_open(FILE *under)
{
    filter *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->under = under;
    f->stream = fopencookie(f, "w", (cookie_io_functions_t){.write = cookie_write, .close = cookie_close});
    if (f->stream) return f;
    free(f);
    return NULL;
}

FILE *ir_screen_over(FILE *under)
{
    filter *f = screen_open(under);
    return f ? f->stream : NULL;
}

void ir_screen_begin(void)
{
    FILE **const of[] = {&stdout, &stderr};
    for (int i = 0; i < 2; i++) {
        if (standard[i]) continue;
        standard[i] = screen_open(*of[i]);
        if (!standard[i]) ir_left_out("the filter of texts");
        if (!standard[i]) continue;
        int mode = i == 1 ? _IONBF : isatty(fileno(*of[i])) ? _IOLBF : _IOFBF;
        setvbuf(standard[i]->stream, NULL, mode, mode == _IONBF ? 0 : BUFSIZ);
        *of[i] = standard[i]->stream;
    }
}

static const filter *screen_of(const FILE *f)
{
    for (int i = 0; i < 2; i++)
        if (standard[i] && standard[i]->stream == f) return standard[i];
    return NULL;
}

int ir_screen_fd(FILE *f)
{
    const filter *s = screen_of(f);
    return fileno(s ? s->under : f);
}

int ir_screen_error(FILE *f)
{
    const filter *s = screen_of(f);
    return s ? s->error : 0;
}

void ir_screen_own(FILE *f, const char *sequence)
{
    const filter *s = screen_of(f);
    if (s && *sequence) fflush(f);
    fputs(sequence, s ? s->under : f);
    if (s) fflush(s->under);
}
