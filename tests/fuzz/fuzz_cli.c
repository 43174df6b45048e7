/* fuzz_cli.c -- any text as a number, an axis, a list of dtypes and a point's keys. What is accepted must
 * keep the promises of cli.h: values inside the limits, none twice, within the largest count. */
#include "bench/cli/spec.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LO = 1, HI = 1000000 };

static void axis_keeps_its_promises(const cli_axis *a)
{
    assert(a->n <= CLI_MAX_AXIS);
    for (size_t i = 0; i < a->n; i++) assert(a->v[i] >= LO && a->v[i] <= HI);
    for (size_t i = 1; i < a->n && i < 64; i++)
        for (size_t j = 0; j < i; j++) assert(a->v[i] != a->v[j]);
}

static void try_numbers(const char *text)
{
    int64_t i = 0;
    double  x = NAN;
    (void)cli_int_parse(text, &i);
    for (int u = CLI_NUMBER; u <= CLI_SECONDS; u++)
        if (cli_real_parse(text, (cli_unit)u, &x) == IR_OK) assert(!isnan(x));
}

static void try_lists(const char *text)
{
    cli_axis   axis = {0};
    cli_dtypes dtypes = {0};
    cli_names  names = {0};
    if (cli_axis_parse(text, LO, HI, &axis) == IR_OK) assert(axis.n > 0);
    axis_keeps_its_promises(&axis); /* unchanged by a refusal */
    cli_axis_free(&axis);
    if (cli_dtypes_parse(text, &dtypes) == IR_OK) assert(dtypes.n > 0 && dtypes.n <= IR_NDTYPE);
    if (cli_names_parse(text, &names) == IR_OK) assert(names.n > 0 && names.n <= CLI_MAX_NAMES);
}

static void try_spec(const char *text)
{
    static const ir_workload gemm = {
        .name = "gemm", .family = "gemm", .param = {"m", "n", "k"}, .dtypes = 1u << IR_F32 | 1u << IR_BF16};
    cli_spec spec;
    if (cli_spec_parse(&gemm, text, &spec) != IR_OK) {
        assert(ir_why()[0]);
        return;
    }
    for (int p = 0; p < 3; p++) assert(spec.param[p].n <= CLI_MAX_AXIS);
    cli_spec_free(&spec);
    cli_spec_free(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = 0;
    try_numbers(text);
    try_lists(text);
    try_spec(text);
    free(text);
    return 0;
}
