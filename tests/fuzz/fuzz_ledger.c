/* fuzz_ledger.c -- any bytes as a ledger of claims. What is accepted has ids and can be evaluated: a claim
 * that cannot says why. */
#define _GNU_SOURCE
#include "bench/claims/claims.h"
#include "tests/fuzz/memory_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         path[40];
    int          fd;
    ir_ledger    ledger;
    claim_result r;
    if (ir_ledger_read(memory_file(data, size, &fd, path), &ledger) != IR_OK) assert(ir_why()[0]);
    for (size_t i = 0; i < ledger.n; i++) {
        assert(ledger.claim[i].id && *ledger.claim[i].id);
        if (claim_evaluate(&ledger.claim[i], &r) != IR_OK) assert(r.why[0]);
    }
    ir_ledger_free(&ledger);
    ir_ledger_free(&ledger);
    close(fd);
    return 0;
}
