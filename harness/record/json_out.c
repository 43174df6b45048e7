/* json_out.c -- see json_out.h. Every text it produces is valid JSON in valid UTF-8, whatever it is fed. */
#include "harness/record/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ir_json_reset(ir_json *o)
{
    o->n = 0;
    o->failed = false;
}

void ir_json_free(ir_json *o)
{
    free(o->buf);
    *o = (ir_json){NULL, 0, 0, false};
}

static void json_out_put(ir_json *o, const char *s, size_t n)
{
    if (o->failed) return;
    if (n > o->cap - o->n) {
        size_t cap = o->cap ? o->cap : 1024;
        while (cap < o->n + n) cap *= 2;
        char *buf = realloc(o->buf, cap);
        if (!buf) {
            o->failed = true;
            return;
        }
        o->buf = buf;
        o->cap = cap;
    }
    memcpy(o->buf + o->n, s, n);
    o->n += n;
}

static void json_out_put_text(ir_json *o, const char *s) { json_out_put(o, s, strlen(s)); }

/* A finished value ends in a digit, letter, quote or closing bracket. */
static void comma(ir_json *o)
{
    if (o->n > 0 && !o->failed && !strchr("{[:", o->buf[o->n - 1])) json_out_put(o, ",", 1);
}

void ir_json_open(ir_json *o, char bracket)
{
    comma(o);
    json_out_put(o, &bracket, 1);
}

void ir_json_close(ir_json *o, char bracket) { json_out_put(o, &bracket, 1); }

/* A character that a terminal would obey is written as an escape: what is read back is the same. */
static void put_code(ir_json *o, unsigned code)
{
    char text[16];
    if (code < 0x10000)
        snprintf(text, sizeof text, "\\u%04x", code);
    else
        snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
                 0xDC00 + (code & 0x3FF));
    json_out_put_text(o, text);
}

static void escaped(ir_json *o, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char       *at = memchr(from, c, sizeof from - 1);
    char              text[4] = {'\\', 0};
    if (!at) {
        put_code(o, c);
        return;
    }
    text[1] = to[at - from];
    json_out_put_text(o, text);
}

static void quoted(ir_json *o, const char *s, size_t n)
{
    json_out_put(o, "\"", 1);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t        len = ir_utf8_length(s + i, n - i);
        if (len == 0)
            json_out_put_text(o, "\\ufffd");
        else if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
            escaped(o, c);
        else if (!ir_screen_keeps(ir_utf8_code(s + i, len)))
            put_code(o, ir_utf8_code(s + i, len));
        else
            json_out_put(o, s + i, len);
        i += len ? len : 1;
    }
    json_out_put(o, "\"", 1);
}

void ir_json_key(ir_json *o, const char *key)
{
    comma(o);
    quoted(o, key, strlen(key));
    json_out_put(o, ":", 1);
}

void ir_json_strn(ir_json *o, const char *s, size_t n)
{
    comma(o);
    quoted(o, s, n);
}

void ir_json_str(ir_json *o, const char *s)
{
    if (s)
        ir_json_strn(o, s, strlen(s));
    else
        ir_json_null(o);
}

void ir_json_text(ir_json *o, const char *s) { ir_json_str(o, s && *s ? s : NULL); }

void ir_json_null(ir_json *o)
{
    comma(o);
    json_out_put(o, "null", 4);
}

void ir_json_bool(ir_json *o, bool v)
{
    comma(o);
    json_out_put_text(o, v ? "true" : "false");
}

void ir_json_int(ir_json *o, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, v);
    comma(o);
    json_out_put_text(o, text);
}

void ir_json_num(ir_json *o, double v)
{
    char text[40];
    if (!isfinite(v)) {
        ir_json_null(o);
        return;
    }
    comma(o);
    if (v == 0) {
        json_out_put_text(o, signbit(v) ? "-0.0" : "0");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    char *point = strchr(text, ','); /* a host program's locale */
    if (point) *point = '.';
    json_out_put_text(o, text);
}

bool ir_json_raw(ir_json *o, const char *s, size_t n)
{
    if (n) json_out_put(o, s, n);
    return !o->failed;
}

void ir_json_newline(ir_json *o) { json_out_put(o, "\n", 1); }

void ir_json_key_num(ir_json *o, const char *key, double v)
{
    ir_json_key(o, key);
    ir_json_num(o, v);
}

void ir_json_key_text(ir_json *o, const char *key, const char *s)
{
    ir_json_key(o, key);
    ir_json_text(o, s);
}
