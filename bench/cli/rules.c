/* rules.c -- options that would change nothing are refused: see cli_rule. */
#include "bench/cli/cli_internal.h"

#include <limits.h>
#include <string.h>

bool cli_given(const cli_args *a, const char *name)
{
    for (size_t i = 0; i < a->ngiven; i++)
        if (!strcmp(a->given[i]->name, name)) return true;
    return false;
}

/* Is `name` one of the words of `list`? */
static bool is_word(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = list; s && *s; s += strcspn(s, " "), s += *s == ' ')
        if (!strncmp(s, name, n) && (s[n] == ' ' || !s[n])) return true;
    return false;
}

ir_status cli_rules_check(const cli_args *a)
{
    for (const cli_rule *r = a->command->rules; r && r->why; r++) {
        if (!r->when(a)) continue;
        for (size_t i = 0; i < a->ngiven; i++) {
            const cli_option *o = a->given[i];
            if ((o->set & r->sets) || is_word(r->options, o->name))
                return ir_fail(IR_EINVAL, "option '--%s' would change nothing: %s", o->name, r->why);
        }
    }
    return IR_OK;
}

ir_status cli_device_index(const char *s, int *index, bool *named)
{
    int64_t v = 0;
    *index = 0;
    *named = s && !(strspn(s, "+-0123456789") == strlen(s));
    if (!s || *named) return IR_OK;
    if (cli_int_parse(s, &v) != IR_OK || v < 0 || v > INT_MAX)
        return ir_fail(IR_EINVAL, "option '--device': '%.60s' is no device: 0 or more, or a name", s);
    *index = (int)v;
    return IR_OK;
}
