/* keys.h -- texts looked up by hash: a key's place is found without going through all of them. */
#ifndef IR_RECORD_KEYS_H
#define IR_RECORD_KEYS_H
#include "harness/ironroof.h"
typedef struct {
    char  *text;
    size_t value; /* the caller's: where the key's thing lies */
} ir_key;
typedef struct {
    ir_key *v;
    size_t  n, cap; /* each key once, in order of appearance */
    size_t *slot;   /* [nslot]: index into v plus one; 0: free */
    size_t  nslot;
} ir_keys; /* owned; {0} is empty */
/* Enter a key. One that is there stays as it is. *out (may be NULL) is its entry, valid until the next call.
 * IR_ENOMEM. */
ir_status ir_keys_add(ir_keys *, const char *key, size_t value, ir_key **out);
ir_key   *ir_keys_find(const ir_keys *, const char *key); /* NULL: not there */
void      ir_keys_free(ir_keys *);                        /* idempotent */
/* A point of a device, by its key; what was measured for a ceiling is another one. */
enum { IR_POINT_KEY = IR_ID + 80 };
const char *ir_keys_point(const ir_point *, const char *device, bool for_ceiling, char buf[IR_POINT_KEY]);
/* Enter all points that were measured to their end: the first of a key counts. */
ir_status ir_keys_points(ir_keys *, const ir_point *, size_t n);
#endif
