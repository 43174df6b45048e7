/* fleet.h -- a fleet of nodes: its folder read into memory, and judged. The judge is a pure function of what
 * was read: the same folder gives the same bytes, in whatever order its files lie.
 *
 * Folder:  plan.json            what was asked, and of whom
 *          look1/NODE.json      a digest per node (beyond 1000 nodes in look1/HH/, HH two hex digits of the
 * name) look2.json, look2/   the second look: of whom, and their digests net.jsonl            exchanges
 * between nodes fleet.json, .txt, .html   the verdict */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H
#include "harness/law/network.h"
#include "harness/record/fleet_lines.h"
#include "harness/stats/fleet.h"

/* ---- what was read --------------------------------------------------------------------------- */
typedef struct {
    char          name[IR_FLEET_NAME];
    ir_fleet_node look[2];  /* [1]: look 2 */
    bool          have[2];  /* that digest was read */
    bool          asked2;   /* look 2 asked for it */
    bool          silent;   /* it did not answer in the network phase */
    char          bad[256]; /* why a digest of it could not be read; empty: it could, or there is none */
} fleet_member;
typedef struct {
    ir_fleet_plan  plan;
    fleet_member  *v;
    size_t         n; /* sorted by name; owned */
    ir_fleet_pairs pairs;
} fleet_data;
/* IR_EINVAL: no plan, two nodes of one name, a digest of another run or of a node that was not asked. A
 * digest that cannot be read makes its node LOST and is no error. On an error *out is empty. */
ir_status     fleet_read(const char *dir, fleet_data *out);
ir_status     fleet_read_plan(const char *dir, fleet_data *out); /* the plan alone: no digest yet */
void          fleet_free(fleet_data *);                          /* idempotent */
fleet_member *fleet_find(const fleet_data *, const char *name);
/* DIR/lookN/NODE.json, or with its subfolder; made when asked for. */
ir_status fleet_path(const char *dir, int look, const char *node, size_t nnode, bool make, char *buf,
                     size_t n);

/* ---- verdicts -------------------------------------------------------------------------------- */
typedef enum {
    FLEET_OK,
    FLEET_SLOW,
    FLEET_UNSTABLE,
    FLEET_TAIL,
    FLEET_SPLIT,
    FLEET_LOST,
    FLEET_HUNG,
    FLEET_INCORRECT,
    FLEET_CLOCK,
    FLEET_UNLIKE,
    FLEET_TOO_FEW,
    FLEET_NVERDICT
} fleet_verdict;
const char *fleet_verdict_name(fleet_verdict);
typedef struct {
    fleet_verdict verdict;
    bool          suspect, open; /* of look 1; look 2 left it open */
    int           group;         /* of equal comparability key; -1: none */
    int           series;        /* the one it is worst in; -1: none */
    double        e;             /* effect there, look 2's where there is one; log */
    ir_fleet_term term;          /* of a slow node */
    char          word[24];      /* "BW" "eta" "L_lat" "BW_net" ...; UNLIKE, SPLIT: the field */
    double        lo, hi;        /* share slower in that term, 95 % */
    double        mean_e;        /* over all series: what it costs a synchronous job */
    char          why[320];
} fleet_finding;
typedef struct {
    size_t first, n;
    char   key[17];
} fleet_group; /* members[first .. first + n) */
typedef struct {
    char   a[IR_FLEET_NAME], b[IR_FLEET_NAME];
    double e;
    bool   confirmed;
} fleet_link;
typedef struct {
    char             point[IR_ID]; /* a point's key, "tail", "network bandwidth" or "network latency" */
    ir_fleet_series *group;        /* [ngroup] */
    double          *own;          /* [ngroup]: typical noise of a node's own median */
    double (*term_s)[3];           /* [ngroup]: median terms of the law */
    double *noise; /* [ngroup]: standard error of a node's median, from the scatter of all nodes' rounds */
    char    split_by[64]; /* field that separates two modes; empty */
    double  base;         /* centre over the baseline's; log; NAN */
    bool    network, tail;
} fleet_series;
typedef struct {
    size_t node;
    char   fact[160]; /* in which it differs from nine of ten peers; empty */
} fleet_outlier;
enum { FLEET_CURVE = 40 };
typedef struct {
    const fleet_data *data;
    ir_fleet_rule     rule;
    fleet_finding    *node; /* [data->n] */
    fleet_group      *group;
    size_t            ngroup;
    size_t           *member; /* node indices, by group */
    fleet_series     *series;
    size_t            nseries;
    double           *y[2]; /* [data->n * nseries]: medians by look; NAN */
    double *own[2]; /* [4 * data->n]: own noise over points, in the tail, in the network's bandwidth, in its
                     * latency */
    fleet_link *link;
    size_t      nlink;
    double      BW_net, L_net,
        contention;     /* medians over pairs: B/s, s, share of bandwidth left when all talk; NAN */
    ir_network law;     /* from sums over 2, 4, ... nodes; NAN: not measured */
    double     law_err; /* median |T_law/T - 1| of those sums */
    size_t     count[FLEET_NVERDICT];
    /* Nodes that are not OK, worst first. */
    fleet_outlier *outlier;
    size_t         noutlier;
    /* Share that a job waiting for its slowest node loses against the median node, once the k worst are
     * drained. */
    double cost[FLEET_CURVE];
    size_t ncost;
    char   sentence[512];
    int    exit;
} fleet_result;
/* baseline: of an earlier fleet; NULL: none. */
ir_status fleet_judge(const fleet_data *, const ir_fleet_reference *baseline, fleet_result *out);
void      fleet_result_free(fleet_result *); /* idempotent */
/* Who is looked at again: suspects, and as many random others, at least 5. Names sorted; *out is owned by the
 * caller. The same data choose the same. */
ir_status fleet_choose(const fleet_result *, char (**out)[IR_FLEET_NAME], size_t *n);

/* ---- output ---------------------------------------------------------------------------------- */
void      fleet_print(const ir_text *, const fleet_result *);
ir_status fleet_write_json(const fleet_result *, const char *path);
ir_status fleet_write_page(const fleet_result *, const char *path);
void      fleet_trace(FILE *, const fleet_data *); /* Chrome's JSON format, as `export --format trace` */

/* ---- synthetic fleets ------------------------------------------------------------------------ */
enum { FLEET_TAIL_TERM = IR_NTERM };
typedef struct {
    size_t   n;             /* nodes */
    double   spread, noise; /* sd of healthy nodes and of a round, log scale */
    double   disturbed;     /* share of a node's rounds that take 5 to 30 % longer */
    size_t   faulty;        /* nodes that are slow: */
    double   slower;        /* their coefficient is this share lower */
    int      term;          /* IR_TERM_BW, ETA, LAT; FLEET_TAIL_TERM: its slow samples are slower still */
    double   delta;         /* what the judge looks for; 0: 5 % */
    uint64_t seed;
} fleet_synth;
/* Both looks, as a run would leave them. Free with fleet_free(). truth[i]: node i was made slow; owned; may
 * be NULL. */
ir_status fleet_synthesize(const fleet_synth *, fleet_data *, bool **truth);
ir_status fleet_write_folder(const fleet_data *, const char *dir);
#endif
