/* read_fields.c -- walks the tables of fields.h over a JSON object. A member that is absent or null becomes
 * unknown (NAN, 0, "", the unknown word); one of a wrong type or range is refused. Numbers written with or
 * without a fraction are the same to it. */
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/read.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- single values --------------------------------------------------------------------------- */
static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_NULL: return "null";
    default: return "true or false";
    }
}

static ir_status wrong_type(ir_reader *r, const char *field, const char *want, const json_t *v)
{
    return ir_read_fail(r, field, "%s expected, not %s", want, type_name(v));
}

static ir_status member(ir_reader *r, const json_t *o, const char *field, json_type type, const char *want,
                        const json_t **out)
{
    const json_t *v = json_object_get(o, field);
    *out = NULL;
    if (!v || json_is_null(v)) return IR_OK;
    if (json_typeof(v) != type) return wrong_type(r, field, want, v);
    *out = v;
    return IR_OK;
}

ir_status ir_read_object(ir_reader *r, const json_t *o, const char *field, const json_t **out)
{
    return member(r, o, field, JSON_OBJECT, "an object", out);
}

ir_status ir_read_array(ir_reader *r, const json_t *o, const char *field, const json_t **out)
{
    return member(r, o, field, JSON_ARRAY, "an array", out);
}

ir_status ir_read_text(ir_reader *r, const json_t *o, const char *field, const char **out)
{
    const json_t *v;
    ir_status     s = member(r, o, field, JSON_STRING, "a string", &v);
    *out = v ? json_string_value(v) : NULL;
    return s;
}

ir_status ir_read_integer(ir_reader *r, const char *field, const json_t *v, int64_t lo, int64_t hi,
                          int64_t *out)
{
    if (!json_is_number(v)) return wrong_type(r, field, "an integer", v);
    double real = json_number_value(v);
    if (json_is_real(v) && real != floor(real)) return ir_read_fail(r, field, "%.6g is no integer", real);
    if (json_is_real(v) && !(fabs(real) < 9.2e18))
        return ir_read_fail(r, field, "%.6g is out of range", real);
    *out = json_is_real(v) ? (int64_t)real : (int64_t)json_integer_value(v);
    if (*out < lo && lo == 0) return ir_read_fail(r, field, "%lld is negative", (long long)*out);
    if (*out < lo || *out > hi) return ir_read_fail(r, field, "%lld is out of range", (long long)*out);
    return IR_OK;
}

void ir_read_cut(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);
    if (n >= size)
        for (n = size - 1; n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80;) n--;
    memcpy(to, from, n); /* NOLINT(bugprone-not-null-terminated-result): the next line does */
    memset(to + n, 0, size - n);
}

/* ---- words ----------------------------------------------------------------------------------- */
static ir_status find_word(ir_reader *r, const ir_rec_field *f, const json_t *v, int *out)
{
    char   list[160] = "";
    size_t n = 0;
    if (!json_is_string(v)) return wrong_type(r, f->name, "a word", v);
    for (int i = 0; i < f->words->count; i++) {
        if (i == f->words->unknown) continue;
        if (!strcmp(json_string_value(v), f->words->at(i))) return *out = i, IR_OK;
        if (n < sizeof list) n += (size_t)snprintf(list + n, sizeof list - n, " %s", f->words->at(i));
    }
    return ir_read_fail(r, f->name, "'%.40s' is none of%s", json_string_value(v), list);
}

static void put_word(const ir_rec_field *f, char *at, int v)
{
    bool flag = v != 0;
    if (f->size == sizeof flag)
        memcpy(at, &flag, sizeof flag);
    else
        memcpy(at, &v, sizeof v);
}

static ir_status read_bits(ir_reader *r, const ir_rec_field *f, const json_t *v, char *at)
{
    uint32_t bits = 0;
    size_t   i;
    json_t  *e;
    if (!json_is_array(v)) return wrong_type(r, f->name, "an array of words", v);
    json_array_foreach(v, i, e)
    {
        int       bit;
        ir_status s = find_word(r, f, e, &bit);
        if (s != IR_OK) return s;
        bits |= 1u << bit;
    }
    memcpy(at, &bits, sizeof bits);
    return IR_OK;
}

/* ---- tables ---------------------------------------------------------------------------------- */
static void set_unknown(const ir_rec_field *f, char *at)
{
    double none = NAN;
    if (f->kind == REC_NUM)
        memcpy(at, &none, sizeof none);
    else if (f->kind == REC_WORD)
        put_word(f, at, f->words->unknown >= 0 ? f->words->unknown : 0);
    else
        memset(at, 0, f->size);
}

static ir_status read_count(ir_reader *r, const ir_rec_field *f, const json_t *v, char *at)
{
    int64_t   hi = f->kind == REC_INT ? INT_MAX : f->kind == REC_U32 ? UINT32_MAX : INT64_MAX, n = 0;
    ir_status s = ir_read_integer(r, f->name, v, 0, hi, &n);
    if (f->kind == REC_INT)
        memcpy(at, &(int){(int)n}, sizeof(int));
    else if (f->kind == REC_U32)
        memcpy(at, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
    else
        memcpy(at, &(size_t){(size_t)n}, sizeof(size_t));
    return s;
}

static ir_status read_string(ir_reader *r, const ir_rec_field *f, const json_t *v, char *at)
{
    if (!json_is_string(v)) return wrong_type(r, f->name, "a string", v);
    const char *text = json_string_value(v);
    if (f->required && !*text) return ir_read_fail(r, f->name, "empty");
    if (f->kind == REC_NAME && strlen(text) >= f->size)
        return ir_read_fail(r, f->name, "'%.40s...' is longer than %zu bytes", text, f->size - 1);
    ir_read_cut(at, f->size, text);
    return IR_OK;
}

static ir_status read_one(ir_reader *r, const ir_rec_field *f, const json_t *v, char *at)
{
    int       word = 0;
    double    num;
    ir_status s = IR_OK;
    switch (f->kind) {
    case REC_NUM:
        if (!json_is_number(v)) return wrong_type(r, f->name, "a number", v);
        num = json_number_value(v);
        memcpy(at, &num, sizeof num);
        return IR_OK;
    case REC_INT:
    case REC_U32:
    case REC_SIZE: return read_count(r, f, v, at);
    case REC_BOOL:
        if (!json_is_boolean(v)) return wrong_type(r, f->name, "true or false", v);
        memcpy(at, &(bool){json_is_true(v)}, sizeof(bool));
        return IR_OK;
    case REC_NAME:
    case REC_TEXT: return read_string(r, f, v, at);
    case REC_WORD:
        s = find_word(r, f, v, &word);
        if (s == IR_OK) put_word(f, at, word);
        return s;
    case REC_WORDS: return read_bits(r, f, v, at);
    case REC_OBJECT:
        if (!json_is_object(v)) return wrong_type(r, f->name, "an object", v);
        ir_read_enter(r, f->name);
        s = ir_rec_read(r, f->sub, v, at);
        ir_read_leave(r);
        return s;
    }
    return s;
}

ir_status ir_rec_read(ir_reader *r, const ir_rec_field *f, const json_t *o, void *base)
{
    ir_status s = IR_OK;
    for (; f->name && s == IR_OK; f++) {
        char         *at = (char *)base + f->off;
        const json_t *v = o ? json_object_get(o, f->name) : NULL;
        bool          none = !v || json_is_null(v);
        if (none && o && f->required)
            s = ir_read_fail(r, f->name, "missing");
        else if (none && f->kind == REC_OBJECT)
            s = ir_rec_read(r, f->sub, NULL, at);
        else if (none)
            set_unknown(f, at);
        else
            s = read_one(r, f, v, at);
    }
    return s;
}

ir_status ir_read_element(ir_reader *r, const ir_rec_field *table, const json_t *o, void *parray, size_t *n,
                          size_t size)
{
    char     *array;
    ir_status s = ir_read_grow(r, parray, *n, size);
    if (s != IR_OK) return s;
    memcpy(&array, parray, sizeof array);
    memset(array + *n * size, 0, size);
    s = ir_rec_read(r, table, o, array + *n * size);
    if (s == IR_OK) ++*n;
    return s;
}
#else
typedef int ir_no_fields;
#endif
