/* test_fleet_frame.c -- digests and plans through an engine's output, as engines mangle it: labels before
 * lines, lines cut, mixed, lost or changed. What comes whole is judged byte for byte as if it had been read
 * from the folder; what does not makes its node LOST, by name. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/record/frame.h"
#include "bench/fleet/gather.h"
#include "tests/tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 6 };
static char   folder[] = "/tmp/ironroof-frame-XXXXXX";
static char  *output;
static size_t length;

static void clear(void) { assert_int_equal(tree_remove(folder), 0); }

static fleet_data fleet(void)
{
    const fleet_synth s = {.n = N, .spread = 0.005, .noise = 0.005, .faulty = 1, .slower = 0.2, .seed = 7};
    fleet_data        d;
    assert_int_equal(fleet_synthesize(&s, &d, NULL), IR_OK);
    return d;
}

/* What nodes print, each line behind a label; host: they call themselves by their whole names. */
static char *printed(const fleet_data *d, const char *host)
{
    char  *plain = NULL, *labelled = NULL, *rest, name[IR_FRAME_NODE];
    size_t n = 0, m = 0;
    FILE  *f = open_memstream(&plain, &n);
    for (size_t i = 0; i < d->n; i++)
        for (int look = 0; look < 2; look++) {
            char *text, id[IR_FRAME_ID];
            if (!d->v[i].have[look]) continue;
            snprintf(name, sizeof name, "%.30s%s", d->v[i].name, host);
            snprintf(id, sizeof id, "look%d", look + 1);
            assert_int_equal(ir_fleet_node_text(&d->v[i].look[look], &text), IR_OK);
            assert_true(ir_frame_write(f, name, id, text, strcspn(text, "\n")));
            free(text);
        }
    fclose(f);
    f = open_memstream(&labelled, &m);
    for (char *line = strtok_r(plain, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(strlen(line) < IR_FRAME_LINE_B);
        fprintf(f, "%zu: %s\n", m % 4, line);
    }
    fclose(f);
    free(plain);
    return labelled;
}

static void gather(const fleet_data *d, fleet_data *out)
{
    char          path[200], stray[IR_FLEET_NAME];
    ir_fleet_plan second = d->plan;
    clear();
    fleet_data plan_only = *d;
    plan_only.n = 0;
    assert_int_equal(fleet_write_folder(&plan_only, folder), IR_OK);
    for (int look = 1; look <= 2; look++)
        assert_int_equal(fleet_gather(folder, &d->plan, look, output, length, stray), IR_OK);
    assert_string_equal(stray, "");
    second.node = calloc(N, sizeof *second.node);
    second.nnode = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].asked2) memcpy(second.node[second.nnode++], d->v[i].name, IR_FLEET_NAME);
    snprintf(path, sizeof path, "%s/look2.json", folder);
    if (second.nnode) assert_int_equal(ir_fleet_plan_write(path, &second), IR_OK);
    free(second.node);
    if (fleet_read(folder, out) != IR_OK) fail_msg("%s", ir_why());
}

static char *verdict_of(const fleet_data *d)
{
    fleet_result r;
    char        *text = NULL;
    size_t       n;
    FILE        *f = open_memstream(&text, &n);
    ir_text      t = {.f = f, .width = 120};
    assert_int_equal(fleet_judge(d, NULL, &r), IR_OK);
    fleet_print(&t, &r);
    fleet_result_free(&r);
    fclose(f);
    return text;
}

static void same_verdict(const char *host)
{
    fleet_data d = fleet(), got;
    output = printed(&d, host);
    length = strlen(output);
    gather(&d, &got);
    char *a = verdict_of(&d), *b = verdict_of(&got);
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "SLOW"));
    free(a);
    free(b);
    free(output);
    fleet_free(&got);
    fleet_free(&d);
}

static void whole(void **state)
{
    (void)state;
    same_verdict("");
    same_verdict(".cluster.example"); /* hosts that say their whole name */
}

/* ---- damage ---------------------------------------------------------------------------------- */
typedef void damage(char *line, size_t k);
static void  first_copies_gone(char *line, size_t k)
{
    static char seen[4000];
    const char *id = strstr(line, " look");
    char        part[40];
    if (k == 0) *seen = 0;
    snprintf(part, sizeof part, "%.9s;", id);
    bool again = strstr(seen, part) != NULL;
    if (again) return;
    strncat(seen, part, sizeof seen - strlen(seen) - 1);
    line[strlen(line) - 3] ^= 1;
}
static void all_of_one_part(char *line, size_t k)
{
    (void)k;
    if (strstr(line, " look1 1 ")) line[strlen(line) - 20] ^= 4;
}
static void no_marks(char *line, size_t k)
{
    (void)k;
    char *mark = strstr(line, "ironroof-frame");
    if (mark) *mark = 'I';
}

/* Lines of one node, mangled; how its finding reads: NULL, as if nothing had been. */
static void damaged_node(damage *what, const char *expected)
{
    fleet_data d = fleet(), got;
    char      *clean = printed(&d, ""), mark[80], *rest, *line;
    size_t     k = 0, n = 0;
    FILE      *f = open_memstream(&output, &n);
    char      *before = verdict_of(&d);
    snprintf(mark, sizeof mark, "-frame %s ", d.v[2].name);
    for (line = strtok_r(clean, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strstr(line, mark)) what(line, k++);
        fprintf(f, "%s\n", line);
    }
    fclose(f);
    assert_true(k > 3);
    length = n;
    gather(&d, &got);
    char *after = verdict_of(&got);
    if (!expected)
        assert_string_equal(before, after);
    else if (!strstr(after, expected) || !strstr(after, "LOST"))
        fail_msg("'%s' expected:\n%s", expected, after);
    for (size_t i = 0; i < got.n; i++) assert_true(i == 2 || got.v[i].have[0]);
    free(before);
    free(after);
    free(clean);
    free(output);
    fleet_free(&got);
    fleet_free(&d);
}

static void damaged(void **state)
{
    (void)state;
    damaged_node(first_copies_gone, NULL);
    damaged_node(all_of_one_part, "came whole through the engine's output");
    damaged_node(no_marks, "left no file in look 1");
}

/* Two lines run into one, and one is torn: whatever is found is whole. */
static void mixed(void **state)
{
    static const char text[] = "0123456789: ironroof-frame is no mark inside a payload, \\u0001 {}";
    char             *out = NULL;
    size_t            n;
    FILE             *f = open_memstream(&out, &n);
    (void)state;
    fprintf(f, "noise ironroof-frame n1 look1 0 1 7 00000000:zzzzzzz ironroof-frame ");
    assert_true(ir_frame_write(f, "a:b", "net00000001", text, strlen(text)));
    fprintf(f, "ironroof-frame n1 look1 99999999 99999999999 7 0:\nironroof-frame \nironroof-frame");
    assert_true(ir_frame_write(f, "n2", "look1", "", 0));
    assert_false(ir_frame_write(f, "n2", "a-name-that-is-longer-than-an-id-may-be", "", 0));
    fclose(f);
    ir_frame_messages m;
    assert_true(ir_frame_read(out, n, &m));
    assert_int_equal(m.n, 2);
    assert_string_equal(m.v[0].node, "a:b");
    assert_string_equal(m.v[0].text, text);
    assert_string_equal(m.v[1].text, "");
    assert_true(m.damaged >= 3);
    ir_frame_free(&m);
    for (size_t cut = 0; cut <= n; cut++) { /* an output that ends anywhere */
        assert_true(ir_frame_read(out, cut, &m));
        for (size_t i = 0; i < m.n; i++) assert_true(m.v[i].text && (i || !strcmp(m.v[i].text, text)));
        ir_frame_free(&m);
    }
    free(out);
}

static void plan_word(void **state)
{
    fleet_data    d = fleet();
    ir_fleet_plan back;
    char         *word;
    char         *arg[] = {(char *)(uintptr_t) "fma:dtype=f32", (char *)(uintptr_t) "--filter",
                           (char *)(uintptr_t) "/(nt|whole)$ 'x' \"y\""};
    (void)state;
    char **kept = d.plan.arg;
    size_t nkept = d.plan.narg;
    d.plan.arg = arg;
    d.plan.narg = 3;
    assert_int_equal(fleet_plan_word(&d.plan, &word), IR_OK);
    assert_true(fleet_is_plan_word(word));
    assert_int_equal(strspn(word + 5, "0123456789abcdef"), strlen(word) - 5); /* no shell minds */
    assert_int_equal(fleet_plan_unword(word, &back), IR_OK);
    assert_int_equal(back.nnode, 0);
    assert_int_equal(back.narg, 3);
    assert_string_equal(back.arg[2], arg[2]);
    assert_string_equal(back.run, d.plan.run);
    ir_fleet_plan_free(&back);
    word[strlen(word) - 1] = 0;
    assert_int_equal(fleet_plan_unword(word, &back), IR_EINVAL);
    assert_int_equal(fleet_plan_unword("plan:", &back), IR_EINVAL);
    assert_int_equal(fleet_plan_unword("plan:7b7d", &back), IR_EINVAL);
    free(word);
    d.plan.arg = kept;
    d.plan.narg = nkept;
    fleet_free(&d);
}

/* Who answers and was not asked is named; exchanges are appended in their order. */
static void others(void **state)
{
    fleet_data     d = fleet();
    ir_fleet_pairs p = {0};
    char           stray[IR_FLEET_NAME], path[200];
    size_t         bad;
    FILE          *f = open_memstream(&output, &length);
    (void)state;
    ir_frame_write(f, "elsewhere", "look1", "{}", 2);
    for (int i = 3; i > 0; i--) {
        char line[200], id[IR_FRAME_ID];
        int  n =
            snprintf(line, sizeof line,
                     "{\"record\":\"fleet-pair\",\"what\":\"bw\",\"a\":\"n1\",\"b\":\"n2\",\"value\":%d}", i);
        snprintf(id, sizeof id, "net%08d", i);
        ir_frame_write(f, "n1", id, line, (size_t)n);
    }
    fclose(f);
    assert_int_equal(fleet_gather(folder, &d.plan, 1, output, length, stray), IR_OK);
    assert_string_equal(stray, "elsewhere");
    snprintf(path, sizeof path, "%s/net.jsonl", folder);
    assert_int_equal(fleet_gather_exchanges(path, output, length, &bad), IR_OK);
    assert_int_equal(bad, 0);
    assert_int_equal(ir_fleet_pairs_read(path, &p), IR_OK);
    assert_int_equal(p.n, 3);
    for (size_t i = 0; i < 3; i++) assert_true(p.v[i].value == (double)(i + 1));
    ir_fleet_pairs_free(&p);
    free(output);
    fleet_free(&d);
}

static int make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int unmake(void **state)
{
    (void)state;
    clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {cmocka_unit_test(whole), cmocka_unit_test(damaged),
                                   cmocka_unit_test(mixed), cmocka_unit_test(plan_word),
                                   cmocka_unit_test(others)};
    return cmocka_run_group_tests(t, make, unmake);
}
