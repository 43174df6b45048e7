/* pattern.c -- see pattern.h. A repetition of n copies what it repeats n times when it is compiled, and
 * nested ones multiply; so the parts are counted first. */
#include "harness/pattern.h"
#include "harness/left_out.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 64 };

/* Behind the bracket expression that begins at s: [^]abc[:digit:]]. */
static const char *skip_bracket(const char *s)
{
    s += s[1] == '^' ? 2 : 1;
    if (*s == ']') s++;
    for (; *s && *s != ']'; s++) {
        if (*s != '[' || !s[1] || !strchr(":.=", s[1])) continue;
        char        end[3] = {s[1], ']', 0};
        const char *at = strstr(s + 2, end);
        if (at) s = at + 1;
    }
    return *s ? s + 1 : s;
}

/* The most copies that {n}, {n,} or {n,m} at s makes; *end: behind it. */
static double copies(const char *s, const char **end)
{
    char  *p;
    double n = (double)strtoul(s + 1, &p, 10), m = n;
    if (*p == ',') m = (double)strtoul(p + 1, &p, 10);
    *end = *p == '}' ? p + 1 : s + 1;
    return fmax(1, fmax(n, m));
}

/* {0}: what it follows is left out. */
static bool leaves_none(const char *s)
{
    char *p = NULL;
    return *s == '{' && strtoul(s + 1, &p, 10) == 0 && *p == '}';
}

/* Bytes of the anchor at s: where it is written is a place between characters; 0: none. */
static int anchor_length(const char *s)
{
    if (*s == '^' || *s == '$') return 1;
    return *s == '\\' && s[1] && strchr("bB<>`'", s[1]) ? 2 : 0;
}

/* Parts and anchors that are left once every repetition is written out; may it be empty? */
typedef struct {
    double parts, anchors;
    bool   empty;
} written;
typedef struct {
    double  parts, anchors;
    written last;         /* the part before; parts 0: none, nothing is repeated */
    bool    others_empty; /* may all parts before it in this alternative be? */
    bool    ended_empty;  /* may an alternative before? */
} group;
static const group new_group = {.last = {.empty = true}, .others_empty = true};

static void part_add(group *g, written part)
{
    g->parts += part.parts;
    g->anchors += part.anchors;
    g->others_empty = g->others_empty && g->last.empty;
    g->last = part;
}

static written group_end(const group *g)
{
    return (written){g->parts + 1, g->anchors, g->ended_empty || (g->others_empty && g->last.empty)};
}

static void alternative_add(group *g)
{
    g->ended_empty = group_end(g).empty;
    g->others_empty = true;
    g->last = new_group.last;
    g->parts++;
}

/* Behind the repetition at s of the last part. */
static const char *repeat(const char *s, group *g)
{
    bool   none = *s == '*' || *s == '?' || (*s == '{' && strtoul(s + 1, NULL, 10) == 0);
    double n = *s == '+' ? 2 : 1; /* a+ is written out as aa*, and a++ as that twice */
    n = *s == '{' ? copies(s, &s) : (s++, n);
    g->parts += g->last.parts * (n - 1);
    g->anchors += g->last.anchors * (n - 1);
    g->last = (written){g->last.parts * n, g->last.anchors * n, none || g->last.empty};
    return s;
}

/* Behind the part at s, which is no repetition and no parenthesis. */
static const char *skip_part(const char *s, group *g)
{
    int anchor = anchor_length(s);
    part_add(g, (written){1, anchor > 0, anchor > 0});
    return anchor ? s + anchor : *s == '[' ? skip_bracket(s) : s + (*s == '\\' && s[1] ? 2 : 1);
}

typedef enum { AS_WRITTEN, TOO_MUCH, REPEATS_NOTHING, ANCHORS } trouble;

/* What would make glibc's compiler explode. It copies what follows an anchor, and that once more for each way
 * around a repetition of nothing. */
static trouble pattern_trouble(const char *s)
{
    group open[MOST_GROUPS] = {new_group};
    int   depth = 0;
    while (*s) {
        group *g = &open[depth];
        if (strchr("{+*?", *s) && g->last.parts > 0) {
            if (g->last.empty && !leaves_none(s)) return REPEATS_NOTHING;
            s = repeat(s, g);
        } else if (*s == '(') {
            if (++depth == MOST_GROUPS) return TOO_MUCH;
            open[depth] = new_group;
            s++;
        } else if (*s == '|') {
            alternative_add(g);
            if (depth == 0 && g->anchors > IR_PATTERN_ANCHORS) return ANCHORS;
            if (depth == 0) g->anchors = 0;
            s++;
        } else if (*s == ')' && depth > 0) {
            part_add(&open[--depth], group_end(g));
            s++;
        } else {
            s = skip_part(s, g);
        }
    }
    for (; depth > 0; depth--) part_add(&open[depth - 1], group_end(&open[depth]));
    return open->parts > IR_PATTERN_SIZE        ? TOO_MUCH
           : open->anchors > IR_PATTERN_ANCHORS ? ANCHORS
                                                : AS_WRITTEN;
}

static bool has_back_reference(const char *s)
{
    while (*s) {
        if (*s == '\\' && s[1] >= '1' && s[1] <= '9') return true;
        s = *s == '[' ? skip_bracket(s) : s + (*s == '\\' && s[1] ? 2 : 1);
    }
    return false;
}

ir_status ir_pattern_compile(const char *s, regex_t *out)
{
    if (strlen(s) > IR_PATTERN_LENGTH)
        return ir_fail(IR_EINVAL, "'%.60s...' is longer than %d characters", s, IR_PATTERN_LENGTH);
    if (has_back_reference(s))
        return ir_fail(IR_EINVAL, "'%.60s': a regular expression without \\1 to \\9 is expected", s);
    static const char *const why[] = {[TOO_MUCH] =
                                          "repeats too much: written out it has more than 2000 parts",
                                      [REPEATS_NOTHING] = "repeats what may be empty, or a repetition",
                                      [ANCHORS] = "has more than 8 anchors (^ $ \\b \\<) in one alternative"};
    trouble                  t = pattern_trouble(s);
    if (t != AS_WRITTEN) return ir_fail(IR_EINVAL, "'%.60s' %s", s, why[t]);
    int code = regcomp(out, s, REG_EXTENDED | REG_NOSUB);
    if (code == 0) return IR_OK;
    char text[128];
    regerror(code, out, text, sizeof text);
    return ir_fail(IR_EINVAL, "'%.60s' is not a regular expression: %s", s, text);
}

/* glibc gives the same answer for no match and for no memory; malloc() tells them apart. */
bool ir_pattern_found(const regex_t *re, const char *text)
{
    errno = 0;
    const int rc = regexec(re, text, 0, NULL, 0);
    if (rc == REG_ESPACE || (rc && errno == ENOMEM)) ir_left_out("what a pattern was to find");
    return rc == 0;
}
