/* fleet_lines.h -- files of a fleet's folder: the plan, one digest a node and look, network exchanges, and
 * the reference that a judged fleet leaves. Every file is written beside its place and renamed, so that a
 * reader sees all of it or none. */
#ifndef IR_RECORD_FLEET_LINES_H
#define IR_RECORD_FLEET_LINES_H
#include "harness/record/record.h"
#ifdef __cplusplus
extern "C" {
#endif
enum { IR_FLEET_NAME = 64, IR_FLEET_ROUNDS = 16, IR_FLEET_POINTS = 64 };

/* ---- plan: what was asked, before any node answered ------------------------------------------ */
typedef struct {
    char   run[24]; /* of this one sweep: a digest of another is refused */
    char   version[32];
    double delta, alpha, tau0, timeout_s;
    int    rounds[2]; /* of look 1 and look 2 */
    char (*node)[IR_FLEET_NAME];
    size_t nnode; /* expected; owned */
    char **arg;
    size_t narg; /* points and options of each `run`; owned */
} ir_fleet_plan;
ir_status ir_fleet_plan_write(const char *path, const ir_fleet_plan *);
/* On an error *out is empty. A plan may name no node: what a node is told that sees no folder. */
ir_status ir_fleet_plan_read(const char *path, ir_fleet_plan *out);
/* The same of n bytes of text, called `name` in what is wrong with it. */
ir_status ir_fleet_plan_parse(const char *name, char *text, size_t n, ir_fleet_plan *out);
ir_status ir_fleet_plan_text(const ir_fleet_plan *, char **out); /* what the file would hold; owned */
void      ir_fleet_plan_free(ir_fleet_plan *);                   /* idempotent */

/* ---- a node's digest of one look ------------------------------------------------------------- */
typedef struct {
    char   point[IR_ID]; /* its key */
    int    n;
    double time_s[IR_FLEET_ROUNDS]; /* one per round; NAN: not measured in that one */
    double term_s[3];               /* data, compute, latency at the node's own ceilings; NAN unknown */
} ir_fleet_point;
typedef struct {
    char *key, *value;
} ir_fleet_fact;
typedef struct {
    char   run[24], node[IR_FLEET_NAME], host[IR_FLEET_NAME], version[32], key[17];
    char   status[16];          /* "ok" "incorrect" "hung" "failed" "damaged" (on its way) */
    char   at[IR_ID], why[256]; /* what it was at, and what went wrong; empty with ok */
    int    look;                /* 1 or 2 */
    double wall_s;
    int    ntail;
    double tail[IR_FLEET_ROUNDS]; /* one per round: 90th percentile of samples over their median, median
                                   * over points; NAN: too few samples */
    ir_fleet_point *point;
    size_t          npoint; /* owned */
    ir_fleet_fact  *fact;
    size_t          nfact; /* owned: environment as text */
} ir_fleet_node;
ir_status ir_fleet_node_write(const char *path, const ir_fleet_node *);
ir_status ir_fleet_node_text(const ir_fleet_node *, char **out); /* what the file would hold; owned */
ir_status ir_fleet_node_read(const char    *path,
                             ir_fleet_node *out); /* errors name file and field; *out is then empty */
ir_status ir_fleet_node_point(ir_fleet_node *, const char *key, ir_fleet_point **out); /* found or added */
ir_status ir_fleet_node_fact(ir_fleet_node *, const char *key, const char *value);
void      ir_fleet_node_free(ir_fleet_node *); /* idempotent */

/* ---- exchanges between two nodes ------------------------------------------------------------- */
typedef struct {
    char   what[16]; /* "bw" "latency" "clock" "all" (bandwidth while all pairs talk) "allreduce" */
    char   a[IR_FLEET_NAME], b[IR_FLEET_NAME];
    int    look, round;
    double size_B,
        value; /* B/s, s, or for clock the ratio of b's seconds to a's; allreduce: nodes in size of a, s */
    int nodes; /* allreduce: how many took part */
} ir_fleet_pair;
/* A data-parallel step over all nodes: the slowest node's times. */
typedef struct {
    char   point[IR_ID];
    int    nodes;
    double size_B, sums, compute_s, step_s; /* summed, in so many sums; computing alone; both */
} ir_fleet_step;
typedef struct {
    ir_fleet_pair *v;
    size_t         n; /* owned */
    ir_fleet_step *step;
    size_t         nstep; /* owned */
    char (*silent)[IR_FLEET_NAME];
    size_t nsilent; /* nodes that did not answer in time; owned */
} ir_fleet_pairs;
ir_status ir_fleet_pairs_read(const char     *path,
                              ir_fleet_pairs *out); /* appends; a cut-off last line is left out */
void      ir_fleet_pairs_free(ir_fleet_pairs *);

/* ---- the reference of a judged fleet --------------------------------------------------------- */
typedef struct {
    char    point[IR_ID];
    double  time_s, spread, nu, own;
    int64_t n;
    double  term_s[3];
} ir_fleet_ref;
typedef struct {
    char          key[17], version[32];
    double        delta, alpha;
    double        BW_net, L_net; /* of the law, else between two nodes; NAN: not measured */
    ir_fleet_ref *v;
    size_t        n; /* owned */
    char        **arg;
    size_t        narg; /* as the plan's; owned */
} ir_fleet_reference;
ir_status ir_fleet_reference_read(const char *path, ir_fleet_reference *out); /* of a fleet.json */
void      ir_fleet_reference_free(ir_fleet_reference *);

/* Letters, digits and . _ - : @ + %, the first no -: what a folder's file and a shell's word may be made of.
 */
bool ir_fleet_is_name(const char *);
#ifdef __cplusplus
}
#endif
#endif
