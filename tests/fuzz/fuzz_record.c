/* fuzz_record.c -- any bytes as a record file, read strictly and forgivingly. A refusal must say where and
 * why; what was read must be whole enough to be walked, keyed and freed. */
#include "harness/record/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void walk(const ir_record *r)
{
    char key[17], id[IR_ID];
    for (size_t i = 0; i < r->npoint; i++) {
        assert(strlen(ir_point_key(&r->point[i], id)) < IR_ID);
        (void)ir_point_time(&r->point[i]);
        assert(r->point[i].id.np >= 0 && r->point[i].id.np <= IR_MAX_PARAMS);
        for (size_t s = 0; s < r->point[i].m.samples.n; s++) (void)r->point[i].m.samples.v[s].wall_s;
    }
    for (size_t i = 0; i < r->ndevice; i++) assert(memchr(r->device[i].id, 0, sizeof r->device[i].id));
    ir_env_key(&r->env, key);
    assert(strlen(key) == 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int strict = 0; strict < 2; strict++) {
        ir_record r;
        if (ir_record_parse("fuzz", (const char *)data, size, strict, &r) != IR_OK) {
            assert(ir_why()[0]);
            continue;
        }
        walk(&r);
        ir_record_free(&r);
        ir_record_free(&r);
    }
    return 0;
}
