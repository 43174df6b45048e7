/* test_record.c -- journal and reader: every field there and back, files cut at every byte, a full disk, a
 * continued journal. test_record --sample FILE writes the sample record. */
#define _GNU_SOURCE
#include "tests/record_files.h"
#include "tests/support/thin.h"
#include "harness/left_out.h"
#include "harness/record/writer.h"

#include <sys/wait.h>

static const char *after_first_line(const char *text) { return strchr(text, '\n') + 1; }

/* ---- there and back -------------------------------------------------------------------------- */
/* Line by line: the sample's lines of one kind, read and written again. */
static void round_trip(void **state)
{
    files *f = *state;
    size_t n, m;
    need_reader();
    assert_int_equal(sample_write(f->path), IR_OK);
    char *text = slurp(f->path, &n);
    int   lines = 0;
    for (char *line = (char *)(uintptr_t)after_first_line(text), *end; *line; line = end) {
        char        one[1 << 16];
        ir_record   r;
        ir_journal *j;
        end = strchr(line, '\n') + 1;
        int len = snprintf(one, sizeof one, "%s%.*s", HEADER, (int)(end - line), line);
        assert_num(len, >, 0);
        assert_num((size_t)len, <, sizeof one);
        if (ir_record_parse("sample", one, (size_t)len, true, &r) != IR_OK)
            fail_msg("%s\n%.200s", ir_why(), line);
        assert_int_equal(r.nline, 2);
        remove(f->other);
        assert_int_equal(ir_journal_open(f->other, false, &j), IR_OK);
        ir_device_info d;
        ir_env         e;
        sample_device(&d, &e);
        assert_int_equal(sample_rewrite(j, &r, d.id), IR_OK);
        ir_env_free(&e);
        assert_int_equal(ir_journal_close(&j), IR_OK);
        char *again = slurp(f->other, &m);
        assert_int_equal(m, end - line);
        if (memcmp(again, line, m) != 0) fail_msg("\nwrote %.*s read  %s", (int)(end - line), line, again);
        free(again);
        ir_record_free(&r);
        lines++;
    }
    free(text);
    assert_int_equal(lines, 6 + 1 + 1 + 2 + 8 + 2 + 2);
}

static void whole_file(void **state)
{
    files    *f = *state;
    ir_record r;
    need_reader();
    assert_int_equal(sample_write(f->path), IR_OK);
    assert_int_equal(ir_record_read(f->path, true, &r), IR_OK);
    assert_int_equal(r.schema, IR_SCHEMA);
    assert_string_equal(r.tool_version, "1.2.3");
    assert_string_equal(r.cost_model, "4");
    assert_int_equal(strlen(r.started), strlen("2026-01-01T00:00:00Z"));
    assert_int_equal(r.nheader, 1);
    assert_int_equal(r.ndevice, 2);
    assert_int_equal(r.ceilings.n, 2);
    assert_int_equal(r.npoint, 9);
    assert_int_equal(r.nfit, 3);
    assert_int_equal(r.nverdict, 2);
    assert_int_equal(r.nquality, 2);
    assert_int_equal(r.quality[0].ncause, 0);
    assert_int_equal(r.quality[1].ncause, IR_MAX_CAUSES);
    assert_int_equal(r.nline, 23);
    assert_false(r.truncated);
    assert_num(r.ceilings.level_B[0], ==, 32768);
    assert_nan(r.ceilings.level_B[1]);
    assert_num(r.ceilings.level_B[2], ==, 16777216);
    ir_device_info d;
    ir_env         e;
    char           want[17], got[17];
    sample_device(&d, &e);
    ir_env_key(&e, want);
    ir_env_key(&r.env, got);
    assert_string_equal(want, got);
    assert_null(ir_env_differs(&e, &r.env));
    assert_true(ir_env_get(&r.env, "unknown_count")->is_num);
    assert_nan(ir_env_get(&r.env, "unknown_count")->num);
    assert_false(ir_env_get(&r.env, "governor")->is_num);
    assert_false(ir_env_get(&r.env, "load")->compare);
    ir_env_free(&e);
    const ir_point *p = &r.point[r.npoint - 1];
    assert_int_equal(p->status, IR_OK);
    assert_string_equal(p->m.check.oracle, "a naive loop");
    assert_int_equal(p->m.samples.n, 5);
    assert_true(p->m.samples.v[1].throttled);
    assert_true(!p->m.samples.v[2].throttled);
    assert_nan(p->m.samples.v[2].dev_s);
    ir_record_free(&r);
    ir_record_free(&r);
    assert_int_equal(r.npoint, 0);
}

/* Two files put together: headers counted, the same device once, the first to name a field wins. */
static void put_together(void **state)
{
    static const char text[] = HEADER
        "{\"record\":\"machine\",\"device\":\"a\",\"cores\":2,\"env\":{\"x\":1}}\n\n  \r\n"
        "{\"record\":\"header\",\"schema\":1,\"version\":\"later\"}\r\n"
        "{\"record\":\"machine\",\"device\":\"a\",\"cores\":3,\"env\":{\"x\":2,\"y\":\"z\"},\"compared\":["
        "\"y\"]}\n"
        "{\"record\":\"machine\",\"device\":\"b\",\"new\":{\"deep\":[1]}}\n{\"record\":\"from a later "
        "version\",\"x\":1}\n"
        "{\"record\":\"ceiling\",\"what\":\"capacity\",\"device\":\"b\",\"level\":\"L2\",\"value\":5}\n"
        "{\"record\":\"ceiling\",\"what\":\"capacity\",\"device\":\"a\",\"level\":\"L1\",\"value\":4}\n"
        "{\"record\":\"point\",\"workload\":\"w\",\"kernel\":\"k\",\"backend\":\"b\",\"status\":\"error\","
        "\"error\":\"brand-new\",\"threads\":2.0}";
    ir_record r;
    (void)state;
    need_reader();
    if (ir_record_parse("t", text, strlen(text), true, &r) != IR_OK) fail_msg("%s", ir_why());
    assert_int_equal(r.nheader, 2);
    assert_string_equal(r.tool_version, "");
    assert_int_equal(r.ndevice, 2);
    assert_int_equal(r.device[0].cores, 2);
    assert_true(ir_env_get(&r.env, "x")->num == 1);
    assert_true(ir_env_get(&r.env, "y")->compare);
    assert_num(r.ceilings.level_B[1], ==, 5);
    assert_nan(r.ceilings.level_B[0]);
    assert_int_equal(r.point[0].status, IR_EDEVICE);
    assert_int_equal(r.point[0].id.p.threads, 2);
    assert_int_equal(r.point[0].id.p.dtype, IR_NDTYPE);
    assert_nan(r.point[0].m.cost.flops);
    assert_num(r.point[0].m.wall.n, ==, 0);
    ir_record_free(&r);
}

/* ---- cut files ------------------------------------------------------------------------------- */
/* The sample without its longest fit and with only the points that are ok or unknown: time grows with the
 * square. */
static char *short_sample(const files *f, size_t *n)
{
    assert_int_equal(sample_write(f->path), IR_OK);
    char *text = slurp(f->path, n), *to = text;
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        size_t len = (size_t)(end - line);
        if (memmem(line, len, "because of", 10) && !memmem(line, len, "because of 0", 12)) continue;
        if (len > 8000) continue;
        memmove(to, line, len);
        to += len;
    }
    *to = 0;
    *n = (size_t)(to - text);
    return text;
}

static void cut_anywhere(void **state)
{
    files *f = *state;
    size_t n, truncated = 0, whole = 0;
    need_reader();
    char  *text = short_sample(f, &n);
    size_t first = (size_t)(after_first_line(text) - text);
    for (size_t cut = 0; cut <= n; cut++) {
        ir_record r;
        bool      at_end = cut >= first - 1 && (cut == n || text[cut] == '\n' || text[cut - 1] == '\n');
        if (!at_end && thin_skips("cut", cut)) continue;
        char *part = malloc(cut ? cut : 1); /* of its size, so that a byte too far is seen */
        assert_non_null(part);
        memcpy(part, text, cut);
        ir_status s = ir_record_parse("cut", part, cut, true, &r);
        assert_int_equal(s, at_end ? IR_OK : IR_EINVAL);
        if (s == IR_OK) ir_record_free(&r);
        s = ir_record_parse("cut", part, cut, false, &r);
        assert_int_equal(s, cut < first - 1 ? IR_EINVAL : IR_OK);
        if (s == IR_OK) {
            assert_int_equal(r.truncated, !at_end);
            truncated += r.truncated;
            whole += !r.truncated;
            ir_record_free(&r);
        }
        free(part);
    }
    free(text);
    assert_true(truncated > 1000 / thin_by());
    assert_int_equal(whole, 2 * 15);
}

/* The same through a file, whose lines are longer than what is read at once. */
static void long_lines(void **state)
{
    enum { N = 30000 };
    files      *f = *state;
    ir_journal *j;
    ir_point    p;
    ir_record   r;
    size_t      n;
    char        program[] = "x", *argv[] = {program};
    need_reader();
    sample_point(&p, IR_OK);
    free(p.m.samples.v);
    p.m.samples.v = calloc(N, sizeof *p.m.samples.v);
    assert_non_null(p.m.samples.v);
    p.m.samples.n = p.m.samples.cap = N;
    for (uint32_t i = 0; i < N; i++) p.m.samples.v[i] = (ir_sample){1.0 / (i + 1), NAN, p.m.reps, false};
    assert_int_equal(ir_journal_open(f->path, false, &j), IR_OK);
    assert_int_equal(ir_journal_header(j, "1", "1", 1, argv), IR_OK);
    assert_int_equal(ir_journal_point(j, &p), IR_OK);
    assert_int_equal(ir_journal_point(j, &p), IR_OK);
    assert_int_equal(ir_journal_close(&j), IR_OK);
    assert_int_equal(ir_record_read(f->path, true, &r), IR_OK);
    assert_int_equal(r.npoint, 2);
    assert_int_equal(r.point[1].m.samples.n, N);
    assert_memory_equal(&r.point[1].m.samples.v[N - 1].wall_s, &p.m.samples.v[N - 1].wall_s, sizeof(double));
    ir_record_free(&r);
    char *text = slurp(f->path, &n);
    spit(f->other, text, n - 100);
    free(text);
    assert_int_equal(ir_record_read(f->other, true, &r), IR_EINVAL);
    assert_int_equal(ir_record_read(f->other, false, &r), IR_OK);
    assert_true(r.truncated);
    assert_int_equal(r.npoint, 1);
    ir_record_free(&r);
    ir_point_free(&p);
}

/* ---- writing --------------------------------------------------------------------------------- */
static void full_disk(void **state)
{
    ir_journal *j;
    ir_point    p;
    char        program[] = "x", *argv[] = {program};
    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        print_message("SKIP: no /dev/full\n");
        skip();
    }
    assert_int_equal(ir_journal_open("/dev/full", false, &j), IR_OK);
    assert_int_equal(ir_journal_header(j, "1", "1", 1, argv), IR_EIO);
    assert_string_equal(ir_why(), "/dev/full: line 1 of this run was not written: No space left on device");
    ir_point_init(&p);
    ir_fail(IR_OK, "something else");
    assert_int_equal(ir_journal_point(j, &p), IR_EIO); /* remembered */
    assert_string_equal(ir_why(), "/dev/full: line 1 of this run was not written: No space left on device");
    assert_int_equal(ir_journal_close(&j), IR_EIO);
    assert_null(j);
    assert_int_equal(ir_journal_close(&j), IR_OK);
}

static void unwritable(void **state)
{
    files      *f = *state;
    ir_journal *j;
    char        want[256];
    assert_int_equal(ir_journal_open("/nonexistent/x.jsonl", false, &j), IR_EIO);
    assert_string_equal(ir_why(), "/nonexistent/x.jsonl: No such file or directory");
    assert_null(j);
    assert_int_equal(ir_journal_open(f->dir.root, false, &j), IR_EIO);
    snprintf(want, sizeof want, "%s: Is a directory", f->dir.root);
    assert_string_equal(ir_why(), want);
}

/* A journal is continued behind its last whole line, wherever it was cut; what is no record is left alone. */
static void resume(void **state)
{
    files *f = *state;
    size_t n, m, first;
    assert_int_equal(sample_write(f->path), IR_OK);
    char *text = slurp(f->path, &n);
    first = (size_t)(after_first_line(text) - text);
    for (size_t cut = first; cut <= n; cut += 97) {
        ir_journal *j;
        spit(f->other, text, cut);
        assert_int_equal(ir_journal_open(f->other, true, &j), IR_OK);
        assert_int_equal(sample_write_unknown(j), IR_OK);
        assert_int_equal(ir_journal_close(&j), IR_OK);
        char  *got = slurp(f->other, &m);
        size_t keep = cut;
        while (keep > 0 && text[keep - 1] != '\n') keep--;
        if (text[cut] == '\n') keep = cut + 1; /* only the newline was missing */
        assert_memory_equal(got, text, keep);
        assert_memory_equal(got + keep, "{\"record\":\"machine\",", 19);
        ir_record r;
        ir_status s = ir_record_parse("resumed", got, m, true, &r);
        if (s != IR_SKIP) assert_int_equal(s, IR_OK);
        if (s == IR_OK) ir_record_free(&r);
        free(got);
    }
    free(text);
}

static void resume_foreign(void **state)
{
    files      *f = *state;
    ir_journal *j;
    size_t      n;
    spit(f->path, "my diary\n", 9);
    assert_int_equal(ir_journal_open(f->path, true, &j), IR_EINVAL);
    char *text = slurp(f->path, &n);
    assert_string_equal(text, "my diary\n");
    free(text);
}

/* What was worked out from less than everything never takes a place; what was measured does, and so does what
 * goes into a stream, whose reader has it already. */
static void child_with_a_part_missing(const char *path, const char *measured, const char *journal)
{
    ir_journal *j;
    ir_left_out("a statistic");
    if (ir_file_write(path, "new", 3) != IR_ENOMEM || !strstr(ir_why(), "not written: ") ||
        !strstr(ir_why(), "a statistic is missing"))
        _exit(1);
    if (ir_journal_whole(path, true, &j) != IR_OK || ir_journal_close(&j) != IR_ENOMEM) _exit(2);
    if (ir_file_write_measured(measured, "new", 3) != IR_OK) _exit(3);
    if (ir_journal_whole(journal, true, &j) != IR_OK) _exit(4);
    ir_journal_measured(j);
    if (ir_journal_header(j, "1", "1", 0, NULL) != IR_OK || ir_journal_close(&j) != IR_OK) _exit(5);
    _exit(ir_file_write("/dev/null", "new", 3) == IR_OK ? 0 : 6);
}

static void a_part_is_missing(void **state)
{
    files *f = *state;
    size_t n;
    int    status = -1;
    char   journal[160];
    snprintf(journal, sizeof journal, "%s/c.jsonl", f->dir.root);
    spit(f->path, HEADER, strlen(HEADER));
    pid_t pid = fork(); /* what is missing stays missing in a process */
    if (pid == 0) child_with_a_part_missing(f->path, f->other, journal);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    char *text = slurp(f->path, &n);
    assert_string_equal(text, HEADER);
    free(text);
    text = slurp(f->other, &n);
    assert_string_equal(text, "new");
    free(text);
    text = slurp(journal, &n);
    assert_non_null(strstr(text, "\"record\":\"header\""));
    free(text);
}

static void without_jansson(void **state)
{
    ir_record r;
    (void)state;
    if (ir_record_parse("x", HEADER, strlen(HEADER), true, &r) != IR_SKIP) {
        ir_record_free(&r);
        skip();
    }
    assert_string_equal(ir_why(), "x: records cannot be read: built without jansson (libjansson-dev)");
    assert_int_equal(ir_record_read("-", true, &r), IR_SKIP);
    assert_string_equal(ir_why(),
                        "standard input: records cannot be read: built without jansson (libjansson-dev)");
    ir_record_free(&r);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--sample")) {
        ir_status s = sample_write(argv[2]);
        if (s != IR_OK) fprintf(stderr, "%s\n", ir_why());
        return s != IR_OK;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
                                       cmocka_unit_test_setup_teardown(whole_file, setup, teardown),
                                       cmocka_unit_test(put_together),
                                       cmocka_unit_test_setup_teardown(cut_anywhere, setup, teardown),
                                       cmocka_unit_test_setup_teardown(long_lines, setup, teardown),
                                       cmocka_unit_test(full_disk),
                                       cmocka_unit_test_setup_teardown(unwritable, setup, teardown),
                                       cmocka_unit_test_setup_teardown(resume, setup, teardown),
                                       cmocka_unit_test_setup_teardown(resume_foreign, setup, teardown),
                                       cmocka_unit_test_setup_teardown(a_part_is_missing, setup, teardown),
                                       cmocka_unit_test(without_jansson)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
