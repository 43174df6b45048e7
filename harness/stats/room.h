/* room.h -- private: working memory of a statistic. Where there is none the statistic is NAN, as for no data,
 * and ir_left_out_count() tells the two apart. */
#ifndef IR_STATS_ROOM_H
#define IR_STATS_ROOM_H
#include "harness/ironroof.h"
#include "harness/left_out.h"

#include <stdlib.h>

static inline void *stats_room(size_t n)
{
    void *p = malloc(n);
    if (!p) ir_left_out("a statistic");
    return p;
}
#endif
