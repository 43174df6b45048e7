/* fuzz_machine.c -- any bytes as the JSON of a described machine. A refusal says where and why; what is
 * accepted passes its own check again. */
#include "bench/run/described.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_machine *m = calloc(1, sizeof *m);
    char          *text = malloc(size + 1);
    assert(m && text);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    if (described_machine("fuzz", text, m) != IR_OK)
        assert(ir_why()[0]);
    else
        assert(model_check(m) == IR_OK);
    free(text);
    free(m);
    return 0;
}
