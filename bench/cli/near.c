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

const char *cli_near(const char *given, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t      length = strlen(given);
    int         limit = (int)(length + 2) / 3, best_d = near_least(limit, LONGEST) + 1;
    for (size_t i = 0; i < n; i++) {
        int d = length >= 2 && near_begins(names[i], given) ? 0 : distance(given, names[i]);
        if (d < best_d && (size_t)d < length) {
            best = names[i];
            best_d = d;
        }
    }
    return best;
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
    char list[320];
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], given)) {
            *out = i;
            return IR_OK;
        }
    const char *meant = cli_near(given, names, n);
    near_join(names, n, list, sizeof list);
    if (n == 0) return ir_fail(IR_EINVAL, "unknown %s '%.60s': there is none", kind, given);
    if (meant)
        return ir_fail(IR_EINVAL, "unknown %s '%.60s'; did you mean '%s'? Known: %s", kind, given, meant,
                       list);
    return ir_fail(IR_EINVAL, "unknown %s '%.60s'. Known: %s", kind, given, list);
}
