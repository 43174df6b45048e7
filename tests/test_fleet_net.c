/* test_fleet_net.c -- what a fleet's network is measured with: lists of nodes, rounds of pairs, the law's
 * network term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/fleet/launch.h"
#include "bench/fleet/net/net.h"
#include "harness/law/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the network's term ---------------------------------------------------------------------- */
static void network_law(void **state)
{
    static const ir_network truth[] = {{1e9, 1e-5}, {12.5e9, 2e-6}, {1e8, 1e-3}};
    (void)state;
    for (size_t k = 0; k < sizeof truth / sizeof *truth; k++) {
        ir_network_row row[32];
        ir_network     got;
        double         err;
        size_t         n = 0;
        for (int nodes = 2; nodes <= 16; nodes *= 2)
            for (double V = 8; V < 1e8; V *= 64, n++)
                row[n] = (ir_network_row){V, nodes, ir_network_sum_s(&truth[k], V, nodes)};
        assert_int_equal(ir_network_fit(row, n, &got, &err), IR_OK);
        assert_true(fabs(got.BW_net / truth[k].BW_net - 1) < 1e-6 &&
                    fabs(got.L_net / truth[k].L_net - 1) < 1e-6 && err < 1e-6);
        int64_t way = ir_network_gives_way(&truth[k], 1e8, 0.3);
        assert_true(way == 0 || ir_network_sum_s(&truth[k], 1e8, (double)way) > 0.3);
        assert_true(way < 2 || ir_network_sum_s(&truth[k], 1e8, (double)way - 1) <= 0.3);
        assert_int_equal(ir_network_fit(row, 2, &got, &err), IR_EINVAL);
        assert_true(isnan(got.BW_net));
    }
    assert_true(ir_network_sum_s(&truth[0], 1e9, 1) == 0);
}

/* ---- names and rounds ---------------------------------------------------------------------------- */
static void node_lists(void **state)
{
    static const struct {
        const char *list, *last;
        size_t      n;
    } t[] = {{"a", "a", 1},          {"a,b,c", "c", 3},     {"n[1-4]", "n4", 4},       {"n[1-3,7],m", "m", 5},
             {"n[08-11]", "n11", 4}, {"r[1-2]x", "r2x", 2}, {"n[1", NULL, 0},          {"n1]", NULL, 0},
             {"n[]", NULL, 0},       {"n[3-1]", NULL, 0},   {"n[1-2]m[1-2]", NULL, 0}, {"", NULL, 0},
             {"a,,b", NULL, 0},      {"a,b,a", NULL, 0},    {"n[1-3],n2", NULL, 0},    {"a/b", NULL, 0},
             {"-a", NULL, 0},        {"a b", NULL, 0},      {"n[1-9999999]", NULL, 0}};
    (void)state;
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        fleet_names n;
        ir_status   st = fleet_names_parse(t[k].list, &n);
        if ((st == IR_OK) != (t[k].last != NULL) || n.n != t[k].n)
            fail_msg("'%s': %zu names: %s", t[k].list, n.n, ir_why());
        if (t[k].last) assert_string_equal(n.v[n.n - 1], t[k].last);
        fleet_names_free(&n);
    }
    fleet_names zero;
    assert_int_equal(fleet_names_parse("n[08-11]", &zero), IR_OK);
    assert_string_equal(zero.v[0], "n08");
    fleet_names_free(&zero);
}

/* In each round everybody is its partner's partner; up to 64 everybody meets everybody once, beyond everybody
 * has partners enough. */
static void rounds_of(int pairs)
{
    for (int size = 2; size <= 130; size += size < 18 ? 1 : 16) {
        char *met = calloc((size_t)size, (size_t)size);
        assert_non_null(met);
        for (int r = 0; r < net_rounds(size, pairs); r++)
            for (int a = 0; a < size; a++) {
                int b = net_partner(size, pairs, r, a, 7);
                if (b < 0) continue;
                assert_true(b < size && b != a && net_partner(size, pairs, r, b, 7) == a);
                met[a * size + b]++;
            }
        for (int a = 0; a < size; a++) {
            int partners = 0;
            for (int b = 0; b < size; b++) {
                partners += met[a * size + b] != 0;
                if (pairs == NET_ALL || (pairs == NET_AUTO && size <= 64))
                    assert_int_equal(met[a * size + b], a != b);
            }
            if (pairs > 0) assert_in_range(partners, 0, pairs);
            if (pairs <= 0) assert_true(partners >= (size - 1 < 7 ? size - 1 : 7));
        }
        free(met);
    }
}

static void rounds(void **state)
{
    (void)state;
    rounds_of(NET_AUTO);
    rounds_of(NET_ALL);
    rounds_of(3);
    assert_int_equal(net_rounds(1, NET_AUTO), 0);
    assert_int_equal(net_rounds(130, NET_ALL), 129);
    assert_int_equal(net_rounds(130, 3), 3);
    assert_int_equal(net_rounds(4, 100), 3); /* all there are */
}

int main(void)
{
    const struct CMUnitTest t[] = {cmocka_unit_test(network_law), cmocka_unit_test(node_lists),
                                   cmocka_unit_test(rounds)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
