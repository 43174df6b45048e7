/* test_fleet.c -- the judge of fleets: quantiles against published tables, every verdict from a situation
 * that must give it, folders that are damaged in every way, and the same answer in whatever order things
 * come. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/fleet/fleet.h"
#include "bench/fleet/outliers.h"
#include "harness/record/writer.h"
#include "tests/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Student's t: published one-sided quantiles ---------------------------------------------- */
static void quantiles(void **state)
{
    static const struct {
        double tail, nu, t;
    } known[] = {{.05, 1, 6.314},    {.05, 10, 1.812},   {.025, 4, 2.776}, {.001, 5, 5.893},
                 {.0005, 20, 3.850}, {.005, 100, 2.626}, {.25, 3, .765},   {.5, 7, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(fabs(ir_t_upper(known[i].tail, known[i].nu) - known[i].t) < 6e-4);
    assert_true(fabs(ir_t_upper(.9, 10) + ir_t_upper(.1, 10)) < 1e-9);
    assert_true(fabs(ir_t_upper(1e-6, 1e6) - 4.7534) < 1e-3); /* the normal distribution's */
    assert_true(isnan(ir_t_upper(0, 3)) && isnan(ir_t_upper(.1, 0)));
}

/* ---- situations ------------------------------------------------------------------------------ */
enum { N = 24, SLOW_NODE = 7 };
static fleet_data fleet_of(size_t n)
{
    fleet_synth o = {.n = n, .spread = .004, .noise = .004, .seed = 5};
    fleet_data  d;
    assert_int_equal(fleet_synthesize(&o, &d, NULL), IR_OK);
    return d;
}

/* Both looks of a node take so much longer where term k works. */
static void slow_down(fleet_member *m, double slower, int term)
{
    for (int look = 0; look < 2; look++)
        for (size_t p = 0; m->have[look] && p < m->look[look].npoint; p++) {
            ir_fleet_point *q = &m->look[look].point[p];
            double          sum = q->term_s[0] + q->term_s[1] + q->term_s[2],
                   share = term < 3 ? q->term_s[term] / sum : 1;
            for (int r = 0; r < q->n; r++) q->time_s[r] *= 1 + share * (1 / (1 - slower) - 1);
        }
}

/* Look 2 as a copy of look 1, for nodes of which the synthesizer made none. */
static void look_again(fleet_data *d)
{
    for (size_t i = 0; i < d->n && i < SLOW_NODE + 6; i++) {
        fleet_member *m = &d->v[i];
        if (m->have[1] || !m->have[0]) continue;
        ir_fleet_point *p = malloc(m->look[0].npoint * sizeof *p);
        assert_non_null(p);
        memcpy(p, m->look[0].point, m->look[0].npoint * sizeof *p);
        m->look[1] = m->look[0];
        m->look[1].look = 2;
        m->look[1].fact = NULL;
        m->look[1].nfact = 0;
        m->look[1].point = p;
        m->have[1] = m->asked2 = true;
    }
}

static void pair(fleet_data *d, const char *what, size_t a, size_t b, int look, double value)
{
    d->pairs.v = realloc(d->pairs.v, (d->pairs.n + 1) * sizeof *d->pairs.v);
    assert_non_null(d->pairs.v);
    ir_fleet_pair *p = &d->pairs.v[d->pairs.n++];
    *p = (ir_fleet_pair){.look = look, .value = value, .size_B = 1 << 20};
    snprintf(p->what, sizeof p->what, "%s", what);
    snprintf(p->a, sizeof p->a, "%s", d->v[a].name);
    snprintf(p->b, sizeof p->b, "%s", d->v[b].name);
}

/* Every pair of the first n nodes; node `bad` and link bad_a-bad_b get less. */
static void network(fleet_data *d, size_t n, size_t bad, size_t bad_a, size_t bad_b, double slower)
{
    for (int look = 1; look <= 2; look++)
        for (size_t a = 0; a < n; a++)
            for (size_t b = a + 1; b < n; b++) {
                double v = 1e9 * (1 + 0.002 * (double)((a * 7 + b * 3) % 5));
                if (a == bad || b == bad || (a == bad_a && b == bad_b)) v *= 1 - slower;
                pair(d, "bw", a, b, look, v);
                pair(d, "latency", a, b, look, 2e-6 * (1 + 0.002 * (double)((a * 5 + b) % 7)));
            }
}

static void clocks(fleet_data *d, size_t n, size_t liar, double rate)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++)
            pair(d, "clock", a, b, 1, a == liar ? 1 / rate : b == liar ? rate : 1.00001);
}

static void healthy(fleet_data *d) { (void)d; }
static void slow_bw(fleet_data *d) { slow_down(&d->v[SLOW_NODE], .15, IR_TERM_BW), look_again(d); }
static void slow_eta(fleet_data *d) { slow_down(&d->v[SLOW_NODE], .15, IR_TERM_ETA), look_again(d); }
static void slow_lat(fleet_data *d) { slow_down(&d->v[SLOW_NODE], .15, IR_TERM_LAT), look_again(d); }
static void slow_all(fleet_data *d) { slow_down(&d->v[SLOW_NODE], .15, IR_TERM_ALL), look_again(d); }
static void once_slow(fleet_data *d)
{
    look_again(d);
    bool had = d->v[SLOW_NODE].have[1];
    d->v[SLOW_NODE].have[1] = false;
    slow_down(&d->v[SLOW_NODE], .15, IR_TERM_BW);
    d->v[SLOW_NODE].have[1] = had;
}
static void long_tail(fleet_data *d)
{
    for (int look = 0; look < 2; look++)
        for (int r = 0; r < d->v[SLOW_NODE].look[look].ntail; r++) d->v[SLOW_NODE].look[look].tail[r] *= 1.3;
    look_again(d);
}
static void no_file(fleet_data *d) { d->v[SLOW_NODE].have[0] = false; }
static void no_second_file(fleet_data *d) { d->v[SLOW_NODE].asked2 = true; }
static void unreadable(fleet_data *d)
{
    d->v[SLOW_NODE].have[0] = false;
    snprintf(d->v[SLOW_NODE].bad, sizeof d->v[SLOW_NODE].bad, "the file is empty");
}
static void status(fleet_data *d, const char *text)
{
    snprintf(d->v[SLOW_NODE].look[0].status, sizeof d->v[SLOW_NODE].look[0].status, "%s", text);
    snprintf(d->v[SLOW_NODE].look[0].at, sizeof d->v[SLOW_NODE].look[0].at, "round 2");
}
static void hung(fleet_data *d) { status(d, "hung"); }
static void incorrect(fleet_data *d) { status(d, "incorrect"); }
static void failed(fleet_data *d) { status(d, "failed"); }
static void silent(fleet_data *d) { d->v[SLOW_NODE].silent = true; }
static void version(fleet_data *d) { snprintf(d->v[SLOW_NODE].look[0].version, 32, "0.0.9"); }
static void other_key(fleet_data *d)
{
    snprintf(d->v[SLOW_NODE].look[0].key, 17, "ffffffffffffffff");
    free(d->v[SLOW_NODE].look[0].fact[1].value);
    d->v[SLOW_NODE].look[0].fact[1].value = strdup("5.15.0");
}
static void halves(fleet_data *d)
{
    for (size_t i = 0; i < d->n / 2; i++) {
        slow_down(&d->v[i], .15, IR_TERM_BW);
        free(d->v[i].look[0].fact[1].value);
        d->v[i].look[0].fact[1].value = strdup("6.2.0");
    }
    look_again(d);
}
static void slow_net(fleet_data *d) { network(d, N, SLOW_NODE, N, N, .3); }
static void slow_link(fleet_data *d) { network(d, N, N, 3, 9, .4); }
static void lying(fleet_data *d)
{
    network(d, N, N, N, N, 0);
    clocks(d, N, SLOW_NODE, 1.05);
    slow_down(&d->v[SLOW_NODE], .0476, IR_TERM_ALL);
    look_again(d);
}
static void fair_clocks(fleet_data *d) { clocks(d, N, N, 1); }

static const struct {
    const char *what;
    void (*make)(fleet_data *);
    fleet_verdict verdict; /* of SLOW_NODE; all others must be OK, unless `others` */
    const char   *word;
    int           exit;
    bool          others;
} situation[] = {{"healthy", healthy, FLEET_OK, "", 0, false},
                 {"slow memory", slow_bw, FLEET_SLOW, "BW", 1, false},
                 {"slow arithmetic", slow_eta, FLEET_SLOW, "eta", 1, false},
                 {"slow launches", slow_lat, FLEET_SLOW, "L_lat", 1, false},
                 {"slow in everything", slow_all, FLEET_SLOW, "all terms", 1, false},
                 {"slow once", once_slow, FLEET_UNSTABLE, "", 0, false},
                 {"slow samples slower", long_tail, FLEET_TAIL, "tail", 1, false},
                 {"no file", no_file, FLEET_LOST, "", 2, false},
                 {"lost in look 2", no_second_file, FLEET_LOST, "", 2, false},
                 {"unreadable", unreadable, FLEET_LOST, "", 2, false},
                 {"hung", hung, FLEET_HUNG, "", 2, false},
                 {"incorrect", incorrect, FLEET_INCORRECT, "", 2, false},
                 {"failed", failed, FLEET_INCORRECT, "", 2, false},
                 {"silent", silent, FLEET_LOST, "", 2, false},
                 {"another version", version, FLEET_UNLIKE, "version", 4, false},
                 {"another kernel", other_key, FLEET_UNLIKE, "kernel", 4, false},
                 {"two halves", halves, FLEET_SPLIT, "kernel", 3, true},
                 {"slow network", slow_net, FLEET_SLOW, "BW_net", 1, false},
                 {"slow link", slow_link, FLEET_OK, "", 1, false},
                 {"lying clock", lying, FLEET_CLOCK, "clock", 2, false},
                 {"honest clocks", fair_clocks, FLEET_OK, "", 0, false}};

static void verdicts(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof situation / sizeof *situation; k++) {
        fleet_data   d = fleet_of(N);
        fleet_result r;
        situation[k].make(&d);
        assert_int_equal(fleet_judge(&d, NULL, &r), IR_OK);
        const fleet_finding *f = &r.node[SLOW_NODE];
        if (f->verdict != situation[k].verdict || strcmp(f->word, situation[k].word) ||
            r.exit != situation[k].exit)
            fail_msg("%s: %s '%s' exit %d (%s) -- %s", situation[k].what, fleet_verdict_name(f->verdict),
                     f->word, r.exit, f->why, r.sentence);
        for (size_t i = 0; i < d.n && !situation[k].others; i++)
            if (i != SLOW_NODE && r.node[i].verdict != FLEET_OK)
                fail_msg("%s: %s is %s: %s", situation[k].what, d.v[i].name,
                         fleet_verdict_name(r.node[i].verdict), r.node[i].why);
        fleet_result_free(&r);
        fleet_free(&d);
    }
}

static void small_fleets(void **state)
{
    static const struct {
        size_t        n;
        double        slower;
        fleet_verdict verdict;
        int           exit;
    } t[] = {{1, .2, FLEET_TOO_FEW, 3},
             {2, .2, FLEET_TOO_FEW, 3},
             {3, .2, FLEET_SLOW, 1},
             {4, .15, FLEET_SLOW, 1},
             {4, .03, FLEET_OK, 0}};
    (void)state;
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        fleet_data   d = fleet_of(t[k].n);
        fleet_result r;
        slow_down(&d.v[0], t[k].slower, IR_TERM_BW);
        look_again(&d);
        assert_int_equal(fleet_judge(&d, NULL, &r), IR_OK);
        if (r.node[0].verdict != t[k].verdict || r.exit != t[k].exit)
            fail_msg("%zu nodes: %s exit %d: %s", t[k].n, fleet_verdict_name(r.node[0].verdict), r.exit,
                     r.node[0].why);
        fleet_result_free(&r);
        fleet_free(&d);
    }
}

/* ---- folders --------------------------------------------------------------------------------- */
static char folder[64];
static void path_of(char *buf, size_t n, const char *name) { snprintf(buf, n, "%s/%s", folder, name); }

static void put(const char *name, const char *text)
{
    char path[256];
    path_of(path, sizeof path, name);
    assert_int_equal(ir_file_write(path, text, strlen(text)), IR_OK);
}

static int fresh_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ironroof-fleet-XXXXXX");
    fleet_data d = fleet_of(N);
    int        bad = !mkdtemp(folder) || fleet_write_folder(&d, folder) != IR_OK;
    fleet_free(&d);
    return bad;
}

static int remove_folder(void **state)
{
    (void)state;
    return tree_remove(folder);
}

#define NODE7 "look1/r000-n00007.json"
static void damaged_files(void **state)
{
    static const struct {
        const char *what, *text;
    } t[] = {{"empty", ""},
             {"garbage", "\x01\x02 not json\n"},
             {"cut off", "{\"record\":\"fleet-node\",\"schema\":1,\"node\":"},
             {"another record", "{\"record\":\"header\",\"schema\":1}"},
             {"another schema", "{\"record\":\"fleet-node\",\"schema\":99}"},
             {"no node", "{\"record\":\"fleet-node\",\"schema\":1,\"look\":1,\"status\":\"ok\"}"},
             {"an array", "[1,2,3]"}};
    (void)state;
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        fleet_data   d;
        fleet_result r;
        put(NODE7, t[k].text);
        ir_status st = fleet_read(folder, &d);
        if (st == IR_SKIP) skip();
        assert_int_equal(st, IR_OK);
        assert_int_equal(fleet_judge(&d, NULL, &r), IR_OK);
        if (r.node[7].verdict != FLEET_LOST || !strstr(r.node[7].why, "n00007") || r.exit != 2)
            fail_msg("%s: %s: %s", t[k].what, fleet_verdict_name(r.node[7].verdict), r.node[7].why);
        assert_int_equal(r.count[FLEET_OK], N - 1);
        fleet_result_free(&r);
        fleet_free(&d);
    }
}

static void foreign_files(void **state)
{
    static const struct {
        const char *what, *name, *text, *words;
    } t[] = {{"a node that was not asked", "look1/stranger.json", "{}", "stranger"},
             {"another run's digest", NODE7,
              "{\"record\":\"fleet-node\",\"schema\":1,\"run\":\"old\",\"node\":\"r000-n00007\",\"look\":1,"
              "\"status\":\"ok\",\"points\":[]}",
              "run old"},
             {"another node's digest", NODE7,
              "{\"record\":\"fleet-node\",\"schema\":1,\"run\":\"synthetic-5\",\"node\":\"r000-n00001\","
              "\"look\":1,\"status\":\"ok\",\"points\":[]}",
              "r000-n00001"},
             {"a plan with a node twice", "plan.json",
              "{\"record\":\"fleet-plan\",\"schema\":1,\"run\":\"x\",\"delta\":0.05,\"alpha\":0.01,\"tau0\":"
              "0.02,\"timeout_s\":9,\"rounds\":[3,5],\"nodes\":[\"a\",\"b\",\"a\"]}",
              "node a is named twice"},
             {"a plan without nodes", "plan.json",
              "{\"record\":\"fleet-plan\",\"schema\":1,\"run\":\"x\",\"delta\":0.05,\"alpha\":0.01,\"tau0\":"
              "0.02,\"timeout_s\":9,\"rounds\":[3,5],\"nodes\":[]}",
              "nodes"},
             {"a plan of impossible numbers", "plan.json",
              "{\"record\":\"fleet-plan\",\"schema\":1,\"nodes\":[\"a\"],\"delta\":7}", "delta"},
             {"no plan", "plan.json", "", "empty"}};
    (void)state;
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        fleet_data d;
        if (k) remove_folder(NULL), fresh_folder(NULL);
        put(t[k].name, t[k].text);
        ir_status st = fleet_read(folder, &d);
        if (st == IR_SKIP) skip();
        if (st == IR_OK || !strstr(ir_why(), t[k].words)) fail_msg("%s: %s", t[k].what, ir_why());
        assert_null(d.v);
    }
}

/* What was written reads back to the same verdict, twice to the same bytes. */
static char *slurp(const char *name, size_t *n)
{
    char path[256];
    path_of(path, sizeof path, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *n = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}

static void same_bytes(void **state)
{
    char  *json[2];
    size_t n[2];
    (void)state;
    for (int k = 0; k < 2; k++) {
        char         path[256];
        fleet_data   d;
        fleet_result r;
        ir_status    st = fleet_read(folder, &d);
        if (st == IR_SKIP) skip();
        assert_int_equal(st, IR_OK);
        assert_int_equal(fleet_judge(&d, NULL, &r), IR_OK);
        path_of(path, sizeof path, k ? "b.json" : "a.json");
        assert_int_equal(fleet_write_json(&r, path), IR_OK);
        path_of(path, sizeof path, "page.html");
        assert_int_equal(fleet_write_page(&r, path), IR_OK);
        json[k] = slurp(k ? "b.json" : "a.json", &n[k]);
        fleet_result_free(&r);
        fleet_free(&d);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(json[0], json[1], n[0]);
    free(json[0]);
    free(json[1]);
    char               path[256];
    ir_fleet_reference ref;
    path_of(path, sizeof path, "a.json");
    assert_int_equal(ir_fleet_reference_read(path, &ref), IR_OK);
    assert_int_equal(ref.n, 9); /* eight points and the tail */
    assert_true(ref.v[0].time_s > 0 && ref.v[0].n == N);
    ir_fleet_reference_free(&ref);
}

/* Two nodes are too few, unless a baseline knows what is usual. */
static void baseline(void **state)
{
    char               path[256];
    fleet_data         d = fleet_of(2), big;
    fleet_result       r;
    ir_fleet_reference ref;
    ir_status          st = fleet_read(folder, &big);
    (void)state;
    if (st == IR_SKIP) fleet_free(&d), skip();
    assert_int_equal(fleet_judge(&big, NULL, &r), IR_OK);
    path_of(path, sizeof path, "fleet.json");
    assert_int_equal(fleet_write_json(&r, path), IR_OK);
    fleet_result_free(&r);
    fleet_free(&big);
    assert_int_equal(ir_fleet_reference_read(path, &ref), IR_OK);
    slow_down(&d.v[0], .2, IR_TERM_BW);
    look_again(&d);
    assert_int_equal(fleet_judge(&d, &ref, &r), IR_OK);
    if (r.node[0].verdict != FLEET_SLOW || r.node[1].verdict != FLEET_OK) fail_msg("%s", r.sentence);
    fleet_result_free(&r);
    ir_fleet_reference_free(&ref);
    fleet_free(&d);
}

static void choice(void **state)
{
    fleet_data   d = fleet_of(N);
    fleet_result r;
    char(*a)[IR_FLEET_NAME], (*b)[IR_FLEET_NAME];
    size_t n, m;
    (void)state;
    slow_down(&d.v[SLOW_NODE], .2, IR_TERM_BW);
    assert_int_equal(fleet_judge(&d, NULL, &r), IR_OK);
    assert_true(r.node[SLOW_NODE].suspect);
    assert_int_equal(fleet_choose(&r, &a, &n), IR_OK);
    assert_int_equal(fleet_choose(&r, &b, &m), IR_OK);
    assert_int_equal(n, 6); /* one suspect, five controls */
    assert_int_equal(m, n);
    assert_memory_equal(a, b, n * sizeof *a);
    bool has = false;
    for (size_t i = 0; i < n; i++) has = has || !strcmp(a[i], d.v[SLOW_NODE].name);
    assert_true(has);
    free(a);
    free(b);
    fleet_result_free(&r);
    fleet_free(&d);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(quantiles),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(small_fleets),
        cmocka_unit_test(choice),
        cmocka_unit_test_setup_teardown(damaged_files, fresh_folder, remove_folder),
        cmocka_unit_test_setup_teardown(foreign_files, fresh_folder, remove_folder),
        cmocka_unit_test_setup_teardown(same_bytes, fresh_folder, remove_folder),
        cmocka_unit_test_setup_teardown(baseline, fresh_folder, remove_folder)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
