/* pattern.c -- see pattern.h. A repetition of n copies what it repeats n times when it is compiled, and
 * nested ones multiply; so the parts are counted first. */
#include "harness/pattern.h"

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

/* How many parts are left once every repetition is written out; INFINITY: groups nested too deep. */
static double pattern_size(const char *s)
{
    double total[MOST_GROUPS] = {0}, last = 0; /* of the groups that are open; of the part before */
    int    depth = 0;
    while (*s) {
        if ((*s == '{' || *s == '+') && last > 0) { /* a+ is written out as aa*, and a++ as that twice */
            double n = *s == '{' ? copies(s, &s) : (s++, 2);
            total[depth] += last * (n - 1);
            last *= n;
            continue;
        }
        if (*s == '(') {
            if (++depth == MOST_GROUPS) return INFINITY;
            total[depth] = last = 0;
            s++;
            continue;
        }
        last = 1;
        if (*s == ')' && depth > 0) {
            last = 1 + total[depth--];
            s++;
        } else if (*s == '[') {
            s = skip_bracket(s);
        } else {
            s += *s == '\\' && s[1] ? 2 : 1;
        }
        total[depth] += last;
    }
    for (; depth > 0; depth--) total[depth - 1] += total[depth];
    return total[0];
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
    if (pattern_size(s) > IR_PATTERN_SIZE)
        return ir_fail(IR_EINVAL, "'%.60s' repeats too much: written out it has more than %d parts", s,
                       IR_PATTERN_SIZE);
    int code = regcomp(out, s, REG_EXTENDED | REG_NOSUB);
    if (code == 0) return IR_OK;
    char text[128];
    regerror(code, out, text, sizeof text);
    return ir_fail(IR_EINVAL, "'%.60s' is not a regular expression: %s", s, text);
}
