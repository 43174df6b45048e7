/* near.c -- which known name a mistyped one was meant to be. Case does not count. */
#include "bench/cli/cli.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 48 };

static int lower(char c) { return tolower((unsigned char)c); }
static int near_least(int a, int b) { return a < b ? a : b; }

/* Damerau-Levenshtein distance (insert, delete, replace, swap two neighbours; each 1) of texts up to
 * LONGEST characters; more than LONGEST for longer ones. */
static int distance(const char *a, const char *b)
{
    int    row[3][LONGEST + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return LONGEST + 1;
    for (size_t j = 0; j <= m; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int differ = lower(a[i - 1]) != lower(b[j - 1]);
            now[j] = near_least(near_least(up[j], now[j - 1]) + 1, up[j - 1] + differ);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = near_least(now[j], up2[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

static bool near_begins(const char *name, const char *with)
{
    while (*with && lower(*name) == lower(*with)) name++, with++;
    return !*with;
}

/* How far a name is from what was given; 0 when it begins with it; LONGEST + 1: too far to be meant. */
static int near_distance(const char *given, const char *name)
{
    size_t length = strlen(given);
    int    limit = (int)(length + 2) / 3, d = distance(given, name);
    if (length >= 2 && near_begins(name, given)) return 0;
    return d <= near_least(limit, LONGEST) && (size_t)d < length ? d : LONGEST + 1;
}

const char *cli_near(const char *given, const char *const *names, size_t n)
{
    const char *best = NULL;
    int         best_d = LONGEST + 1;
    for (size_t i = 0; i < n; i++) {
        int d = near_distance(given, names[i]);
        if (d < best_d) {
            best = names[i];
            best_d = d;
        }
    }
    return best;
}

enum { OFFERED = 3, MOST_LISTED = 16 };

/* "'a', 'b' or 'c'": the names most like the given one, nearest first; false: none is close. */
static bool near_offer(const char *given, const char *const *names, size_t n, char *buf, size_t size)
{
    const char *offer[OFFERED];
    size_t      m = 0, used = 0;
    for (int d = 0; d <= LONGEST && m < OFFERED; d++)
        for (size_t i = 0; i < n && m < OFFERED; i++)
            if (near_distance(given, names[i]) == d) offer[m++] = names[i];
    for (size_t i = 0; i < m && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s'%s'",
                                 i == 0       ? ""
                                 : i + 1 == m ? " or "
                                              : ", ",
                                 offer[i]);
    return m > 0;
}

/* "a b c", or as much as fits, then "...". */
static void near_join(const char *const *names, size_t n, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t need = strlen(names[i]) + 1;
        if (used + need + 5 > size) {
            snprintf(buf + used, size - used, " ...");
            return;
        }
        used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "", names[i]);
    }
}

ir_status cli_choose(const char *kind, const char *given, const char *const *names, size_t n, size_t *out)
{
    char list[320], known[320] = "";
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], given)) {
            *out = i;
            return IR_OK;
        }
    if (n == 0) return ir_fail(IR_EINVAL, "unknown %s '%.60s': there is none", kind, given);
    if (n <= MOST_LISTED) near_join(names, n, known, sizeof known);
    if (near_offer(given, names, n, list, sizeof list))
        return ir_fail(IR_EINVAL, "unknown %s '%.60s'; did you mean %s?%s%s", kind, given, list,
                       *known ? " Known: " : "", known);
    if (*known) return ir_fail(IR_EINVAL, "unknown %s '%.60s'. Known: %s", kind, given, known);
    return ir_fail(IR_EINVAL, "unknown %s '%.60s': see 'ironroof list'", kind, given);
}
