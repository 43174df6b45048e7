/* program.c -- OpenCL C sources, embedded at build time, to kernels: built once per device and options, and
 * kept on disk under XDG_CACHE_HOME/ironroof/opencl. A cache file carries the key it was made for and a
 * checksum of its content; one that does not match, or that the driver refuses, is rebuilt and replaced,
 * never trusted. A cache that cannot be written costs time only. PoCL keeps a cache of its own, and asking it
 * for a binary compiles everything a second time: there ours stays out. */
#define _GNU_SOURCE
#include "kernels/opencl/ocl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t ocl_hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    if (!h) h = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * UINT64_C(0x100000001B3);
    return h;
}

static uint64_t hash_text(uint64_t h, const char *s) { return ocl_hash(h, s, strlen(s) + 1); }

static uint64_t key_of(const ocl_dev *d, const char *const source[2], const char *options)
{
    uint64_t h = hash_text(0, d->name);
    h = hash_text(h, d->vendor);
    h = hash_text(h, d->version);
    h = hash_text(h, d->driver);
    h = hash_text(h, d->platform_name);
    h = hash_text(hash_text(h, source[0]), source[1]);
    return hash_text(h, options);
}

/* ---- disk ------------------------------------------------------------------------------------ */
typedef struct {
    char     magic[8];
    uint64_t key, bytes, sum;
} header;
static const char magic[8] = "IROCL1\n";

/* mkdir -p; an error shows when the file is opened. */
static void make_dirs(char *path)
{
    for (char *s = path + 1; (s = strchr(s, '/')); *s++ = '/') {
        *s = 0;
        (void)mkdir(path, 0777);
        *s = '/';
    }
}

/* Empty: there is no place for a cache. */
static void cache_path(const ocl_dev *d, uint64_t key, char *out, size_t n)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *dir = d->o.cache_dir;
    out[0] = 0;
    if (dir && *dir)
        snprintf(out, n, "%s/%016llx.bin", dir, (unsigned long long)key);
    else if (dir || !strcmp(d->platform_name, "Portable Computing Language"))
        return;
    else if (xdg && *xdg == '/')
        snprintf(out, n, "%s/ironroof/opencl/%016llx.bin", xdg, (unsigned long long)key);
    else if (home && *home == '/')
        snprintf(out, n, "%s/.cache/ironroof/opencl/%016llx.bin", home, (unsigned long long)key);
}

/* The binary of a valid cache file, malloc'ed; NULL: none. */
static unsigned char *cache_load(const char *path, uint64_t key, size_t *bytes)
{
    enum { MOST = 1 << 28 };
    header         h;
    unsigned char *b = NULL;
    FILE          *f = *path ? fopen(path, "rb") : NULL;
    if (!f) return NULL;
    if (fread(&h, sizeof h, 1, f) == 1 && !memcmp(h.magic, magic, sizeof magic) && h.key == key &&
        h.bytes > 0 && h.bytes < MOST && (b = malloc(h.bytes + 1)) &&
        (fread(b, 1, h.bytes + 1, f) != h.bytes || ocl_hash(0, b, h.bytes) != h.sum)) {
        free(b);
        b = NULL;
    }
    fclose(f);
    *bytes = b ? h.bytes : 0;
    return b;
}

/* Beside it and renamed, so that a reader never sees half a file. */
static void cache_store(char *path, uint64_t key, const unsigned char *b, size_t bytes)
{
    char   tmp[4200];
    header h = {.key = key, .bytes = bytes, .sum = ocl_hash(0, b, bytes)};
    if (!*path) return;
    memcpy(h.magic, magic, sizeof magic);
    make_dirs(path);
    snprintf(tmp, sizeof tmp, "%s.%ld", path, (long)getpid());
    FILE *f = fopen(tmp, "wb");
    if (!f) return;
    bool ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(b, 1, bytes, f) == bytes;
    ok = fclose(f) == 0 && ok;
    if (!ok || rename(tmp, path) != 0) remove(tmp);
}

/* ---- building -------------------------------------------------------------------------------- */
static ir_status build_log(ocl_dev *d, cl_program p, const char *source, ir_status s)
{
    enum { SHOWN = 4000 };
    char   why[IR_WHY], *log = NULL;
    size_t n = 0;
    snprintf(why, sizeof why, "%s", ir_why());
    if (OCL(clGetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n)) == IR_OK && n > 1 &&
        (log = calloc(n + 1, 1)) &&
        OCL(clGetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, n, log, NULL)) == IR_OK) {
        fprintf(stderr, "opencl: building %s.cl for %s failed:\n%.*s\n", source, d->name, SHOWN, log);
        const char *first = strstr(log, "error");
        first = first ? first : log;
        s = ir_fail(s, "opencl: %s.cl does not build: %.*s", source, (int)strcspn(first, "\n"), first);
    } else {
        s = ir_fail(s, "%s", why);
    }
    free(log);
    return s;
}

static ir_status ocl_program_build(ocl_dev *d, cl_program *p, const char *source, const char *options)
{
    ir_status s = OCL(clBuildProgram(*p, 1, &d->id, options, NULL, NULL));
    if (s == IR_OK) return IR_OK;
    if (source) s = build_log(d, *p, source, s);
    OCL_FREE(OCL_PROGRAM, clReleaseProgram, *p);
    return s;
}

static ir_status from_source(ocl_dev *d, const char *name, const char *const text[2], const char *options,
                             cl_program *out)
{
    const char *both[2] = {text[0], text[1]}; /* the API takes no array of const */
    ir_status s = OCL_NEW(OCL_PROGRAM, *out, clCreateProgramWithSource(d->context, 2, both, NULL, &ocl_err));
    return s == IR_OK ? ocl_program_build(d, out, name, options) : s;
}

/* A binary the driver refuses is no error: NULL. */
static cl_program from_binary(ocl_dev *d, const unsigned char *b, size_t bytes, const char *options)
{
    cl_int     accepted = CL_SUCCESS;
    cl_program p = NULL;
    if (OCL_NEW(OCL_PROGRAM, p,
                clCreateProgramWithBinary(d->context, 1, &d->id, &bytes, &b, &accepted, &ocl_err)) != IR_OK)
        return NULL;
    if (accepted != CL_SUCCESS) OCL_FREE(OCL_PROGRAM, clReleaseProgram, p);
    if (p) (void)ocl_program_build(d, &p, NULL, options);
    return p;
}

static void store_binary(cl_program p, uint64_t key, char *path)
{
    size_t         bytes = 0;
    unsigned char *b = NULL;
    if (!*path || OCL(clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL)) != IR_OK ||
        bytes == 0)
        return;
    b = malloc(bytes);
    if (b && OCL(clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof b, &b, NULL)) == IR_OK)
        cache_store(path, key, b, bytes);
    free(b);
}

static ir_status program_of(ocl_dev *d, const char *name, const char *options, cl_program *out)
{
    char        path[4096], all[640];
    const char *text[2] = {ocl_source("common"), ocl_source(name)};
    if (!text[0] || !text[1]) return ir_fail(IR_EIO, "opencl: no source %s.cl in this program", name);
    snprintf(all, sizeof all, "-cl-std=CL1.2%s%s %s", d->cpu ? " -DOCL_CPU=1" : "",
             d->fp64 ? " -DOCL_FP64=1" : "", options);
    uint64_t key = key_of(d, text, all);
    for (int i = 0; i < d->nprogram; i++)
        if (d->program[i].key == key) return *out = d->program[i].program, IR_OK;
    size_t bytes;
    cache_path(d, key, path, sizeof path);
    unsigned char *b = cache_load(path, key, &bytes);
    cl_program     p = b ? from_binary(d, b, bytes, all) : NULL;
    free(b);
    ir_status s = IR_OK;
    if (!p) {
        s = from_source(d, name, text, all, &p);
        if (s == IR_OK) store_binary(p, key, path);
    }
    if (s != IR_OK) return s;
    if (d->nprogram == OCL_MAX_PROGRAMS) /* kernels hold on to what they need of it */
        OCL_FREE(OCL_PROGRAM, clReleaseProgram, d->program[--d->nprogram].program);
    d->program[d->nprogram++] = (ocl_program){key, p};
    *out = p;
    return IR_OK;
}

ir_status ocl_kernel(ocl_dev *d, const char *source, const char *options, const char *name, cl_kernel *out)
{
    cl_program p = NULL;
    *out = NULL;
    if (!d->int64) return ir_fail(IR_SKIP, "opencl: %.60s has no 64-bit integers (cles_khr_int64)", d->name);
    ir_status s = program_of(d, source, options, &p);
    return s == IR_OK ? OCL_NEW(OCL_KERNEL, *out, clCreateKernel(p, name, &ocl_err)) : s;
}

void ocl_kernel_free(cl_kernel *k) { OCL_FREE(OCL_KERNEL, clReleaseKernel, *k); }

void ocl_programs_free(ocl_dev *d)
{
    for (int i = 0; i < d->nprogram; i++) OCL_FREE(OCL_PROGRAM, clReleaseProgram, d->program[i].program);
    d->nprogram = 0;
}
