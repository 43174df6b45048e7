/* fleet_check.c -- `ironroof fleet check --against fleet.json`: this node against a fleet that was judged
 * before, in 45 s at most, for Slurm's HealthCheckProgram, NHC or a prolog. Exit code 0: as its peers; 1:
 * slow or wrong, twice; 3: leave the node as it is. */
#include "bench/cli/version.h"
#include "bench/commands/fleet.h"
#include "bench/commands/fleet_options.h"
#include "bench/fleet/agent.h"
#include "harness/machine/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 2, MOST_S = 42 };

typedef struct {
    ir_fleet_reference ref;
    ir_fleet_plan      plan;
    double             began_s;
    int                slow; /* index of the worst series that is slow; -1: none */
    bool               open, quiet;
    double             e;
    ir_fleet_term      term;
} check;

static ir_fleet_series as_series(const ir_fleet_ref *r)
{
    return (ir_fleet_series){
        .n = (size_t)(r->n > 0 ? r->n : 1), .centre = -log(r->time_s), .spread = r->spread, .nu = r->nu};
}

static double median_of(const ir_fleet_node *d, const char *point)
{
    for (size_t i = 0; i < d->npoint; i++) {
        double y[IR_FLEET_ROUNDS];
        if (strcmp(d->point[i].point, point)) continue;
        for (int k = 0; k < d->point[i].n; k++) y[k] = -log(d->point[i].time_s[k]);
        return ir_median(y, (size_t)d->point[i].n);
    }
    return NAN;
}

/* One look: is any series slow, surely or perhaps? */
static void judge_look(check *c, const ir_fleet_node *d)
{
    ir_fleet_rule rule = {c->ref.delta, c->ref.alpha, 0};
    c->slow = -1;
    c->open = false;
    c->e = 0;
    for (size_t i = 0; i < c->ref.n; i++) {
        ir_fleet_series s = as_series(&c->ref.v[i]);
        double          y = median_of(d, c->ref.v[i].point), e;
        if (!isfinite(y)) continue;
        ir_fleet_look look = ir_fleet_confirm(&s, y, c->ref.v[i].own, 0, c->ref.n, &rule, &e);
        c->open = c->open || look == IR_FLEET_OPEN;
        if (look == IR_FLEET_SLOW && (c->slow < 0 || e < c->e)) c->slow = (int)i, c->e = e;
    }
}

static void name_fault(check *c, const ir_fleet_node *d)
{
    double ratio[IR_FLEET_POINTS], share[IR_FLEET_POINTS][3], noise = 1e-4;
    size_t n = 0;
    for (size_t i = 0; i < c->ref.n && n < IR_FLEET_POINTS; i++) {
        const ir_fleet_ref *r = &c->ref.v[i];
        double              y = median_of(d, r->point), law = r->term_s[0] + r->term_s[1] + r->term_s[2];
        if (!isfinite(y) || !(law > 0)) continue;
        ratio[n] = exp(-y) / r->time_s;
        for (int k = 0; k < 3; k++) share[n][k] = r->term_s[k] / law;
        n++;
        noise = fmax(noise, r->spread);
    }
    ir_fleet_which_term(ratio, share, n, noise, &c->term);
}

static ir_status measure(check *c, ir_fleet_node *d)
{
    c->plan.timeout_s = MOST_S - (ir_now() - c->began_s);
    *d = (ir_fleet_node){.look = 1};
    return fleet_measure(&c->plan, ROUNDS, d);
}

/* What is not a verdict on the node's speed; -1: it is one. */
static int say_other(const check *c, const ir_fleet_node *d)
{
    if (!strcmp(d->status, "incorrect")) return printf("wrong: %s: %s\n", d->at, d->why), EXIT_REGRESSED;
    if (strcmp(d->status, "ok"))
        return printf("undecided: %s: %s: %s\n", d->status, d->at, d->why), EXIT_ENVIRONMENT;
    if (strcmp(d->key, c->ref.key))
        return printf("undecided: this node is unlike the fleet: key %s, the fleet's is %s\n", d->key,
                      c->ref.key),
               EXIT_ENVIRONMENT;
    for (size_t i = 0; i < c->ref.n; i++)
        if (isfinite(median_of(d, c->ref.v[i].point))) return -1;
    return printf("undecided: no point of the fleet was measured\n"), EXIT_ENVIRONMENT;
}

/* Twice slow in fresh processes, or nothing is said against the node. */
static int two_looks(check *c)
{
    ir_fleet_node d;
    int           code = -1, slow = 0;
    for (int look = 0; look < 2 && code < 0; look++) {
        ir_status st = measure(c, &d);
        code = st == IR_OK ? say_other(c, &d) : (complain(), EXIT_ENVIRONMENT);
        if (code < 0) judge_look(c, &d);
        if (code < 0 && c->slow < 0 && !(look == 0 && c->open)) code = c->open ? EXIT_ENVIRONMENT : EXIT_FINE;
        if (code < 0 && c->slow >= 0) slow++, name_fault(c, &d);
        ir_fleet_node_free(&d);
    }
    if (code == EXIT_ENVIRONMENT && c->open) printf("undecided: slower than its peers, but not surely so\n");
    if (code == EXIT_FINE && !c->quiet)
        printf("ok: as %lld peers, %.0f s\n", (long long)c->ref.v[0].n, ir_now() - c->began_s);
    if (code >= 0) return code;
    const char *point = c->slow >= 0 ? c->ref.v[c->slow].point : "";
    if (slow == 2)
        return printf("slow: %s: %.0f %% below %lld peers in %.*s\n", ir_term_name(c->term.term),
                      -100 * expm1(c->e), (long long)c->ref.v[c->slow].n, (int)strcspn(point, ":"), point),
               EXIT_REGRESSED;
    return printf("undecided: slow in one look of two\n"), EXIT_ENVIRONMENT;
}

int fleet_check(const cli_args *a)
{
    static char *const   more[] = {"--ceilings", "none"};
    const fleet_options *own = a->own;
    check                c = {.began_s = ir_now(), .slow = -1, .quiet = a->opt.quiet};
    if (!own->against || a->narg != 1)
        return ir_fail(IR_EINVAL, "fleet check takes --against fleet.json"), complain();
    if (ir_fleet_reference_read(own->against, &c.ref) != IR_OK) return complain();
    if (strcmp(c.ref.version, IR_VERSION)) {
        printf("undecided: the fleet was measured with version %s, this is %s\n", c.ref.version, IR_VERSION);
        return ir_fleet_reference_free(&c.ref), EXIT_ENVIRONMENT;
    }
    c.plan.arg = calloc(c.ref.narg + 3, sizeof *c.plan.arg);
    if (!c.plan.arg) return ir_fleet_reference_free(&c.ref), ir_fail(IR_ENOMEM, "no memory"), complain();
    for (size_t i = 0; i < c.ref.narg; i++) c.plan.arg[c.plan.narg++] = c.ref.arg[i];
    for (int i = 0; i < 2; i++) c.plan.arg[c.plan.narg++] = more[i];
    int code = two_looks(&c);
    free(c.plan.arg);
    ir_fleet_reference_free(&c.ref);
    return code;
}
