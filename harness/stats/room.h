/* room.h -- private: working memory of a statistic. Where there is none the statistic is NAN, as for no data,
 * and ir_memory_was_short() tells the two apart. */
#ifndef IR_STATS_ROOM_H
#define IR_STATS_ROOM_H
#include "harness/ironroof.h"

#include <stdlib.h>

static inline void *stats_room(size_t n)
{
    void *p = malloc(n);
    if (!p) ir_fail(IR_ENOMEM, "no memory for a statistic of %zu bytes", n);
    return p;
}
#endif
