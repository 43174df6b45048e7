/* memory.c -- host memory: aligned anonymous mappings, what is left, what is used. A mapping is followed
 * by an inaccessible page, which stops an overrun and keeps the kernel from merging it with its
 * neighbours, so that ir_host_huge_share() speaks of one mapping. Sizes beyond the free memory are
 * refused here, because the kernel would grant them and kill the process later. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ALIGN = 1 << 21, SMALL_PIECE = 1 << 16, CHECK_FROM = 1 << 26 };

static size_t page_size(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

/* Rounded up to ALIGN; 0 where that, with the slack of the mapping, overflows. */
static size_t rounded(size_t bytes)
{
    if (bytes == 0 || bytes > (size_t)PTRDIFF_MAX - 4 * (size_t)ALIGN) return 0;
    return (bytes + ALIGN - 1) & ~((size_t)ALIGN - 1);
}

/* Bytes from the start that huge pages are asked for: whole ones, because the last page of a mapping is all
 * taken by its first byte. What is smaller than one gets it where that is not mostly waste and the caches are
 * small beside it. */
static size_t huge_part(size_t bytes)
{
    if (bytes >= ALIGN) return bytes & ~((size_t)ALIGN - 1);
    return bytes >= ALIGN / 8 ? ALIGN : 0;
}

ir_status ir_host_alloc(size_t bytes, ir_pages pages, void **out)
{
    size_t len = rounded(bytes), guard = page_size(), total = len + ALIGN + guard;
    *out = NULL;
    if (len == 0) return ir_fail(IR_EINVAL, "cannot allocate %zu bytes", bytes);
    double left = len >= CHECK_FROM ? ir_host_available_B() : NAN;
    if ((double)len > left)
        return ir_fail(IR_ENOMEM, "%.3g GB do not fit: %.3g GB are available", (double)len / 1e9, left / 1e9);
    char *base = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return ir_fail(IR_ENOMEM, "cannot map %.3g GB: %s", (double)len / 1e9, strerror(errno));
    size_t head = (ALIGN - (uintptr_t)base % ALIGN) % ALIGN, tail = total - head - len - guard;
    char  *p = base + head;
    if (head) munmap(base, head);
    if (tail) munmap(p + len + guard, tail);
    if (mprotect(p, len, PROT_READ | PROT_WRITE)) {
        ir_status s = ir_fail(IR_ENOMEM, "cannot commit %.3g GB: %s", (double)len / 1e9, strerror(errno));
        munmap(p, len + guard);
        return s;
    }
#ifdef MADV_HUGEPAGE
    /* Advice only: a kernel without huge pages refuses it, and ir_host_huge_share() tells. */
    if (pages == IR_PAGES_HUGE && huge_part(bytes)) madvise(p, huge_part(bytes), MADV_HUGEPAGE);
    if (pages == IR_PAGES_SMALL) madvise(p, len, MADV_NOHUGEPAGE);
#else
    (void)pages;
#endif
    *out = p;
    return IR_OK;
}

void ir_host_free(void *p, size_t bytes)
{
    size_t len = rounded(bytes);
    if (p && len) munmap(p, len + page_size());
}

char *ir_host_discard(char *from, const char *to)
{
    const size_t    page = page_size();
    const uintptr_t lo = ((uintptr_t)from + page - 1) / page * page, hi = (uintptr_t)to / ALIGN * ALIGN;
    if (hi <= lo) return from;
    char *p = from + (lo - (uintptr_t)from);
    madvise(p, hi - lo, MADV_DONTNEED); /* refused: the memory stays, which costs nothing but itself */
    return p + (hi - lo);
}

void ir_host_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void ir_host_rehome(char *from, const char *to, const char *end, ir_pages pages)
{
    const size_t piece = pages == IR_PAGES_HUGE ? ALIGN : SMALL_PIECE;
    char        *copy = malloc(piece), *p = from + (piece - (uintptr_t)from % piece) % piece;
    for (; copy && p < to && (size_t)(end - p) >= piece; p += piece) {
        memcpy(copy, p, piece);
        if (madvise(p, piece, MADV_DONTNEED)) break; /* refused: everything stays where it is */
        memcpy(p, copy, piece);
    }
    free(copy); /* none: the same */
}

double ir_host_available_at(const char *root)
{
    char   text[8192];
    double room = ir_cgroup_mem_room_B(root), avail = NAN;
    if (ir_file_read(root, text, sizeof text, "/proc/meminfo")) {
        avail = ir_text_kB(text, "MemAvailable");
        if (isnan(avail)) avail = ir_text_kB(text, "MemFree"); /* before Linux 3.14 */
    }
    return fmin(avail, room);
}

double ir_host_available_B(void)
{
    double v = ir_host_available_at("");
#ifdef _SC_AVPHYS_PAGES
    if (isnan(v)) {
        long n = sysconf(_SC_AVPHYS_PAGES);
        if (n > 0) v = (double)n * (double)page_size();
    }
#endif
    if (isnan(v) && isinf(ir_address_space_left())) return v;
    return fmin(v, ir_address_space_left());
}

double ir_address_space_left(void)
{
    struct rlimit      limit;
    char               text[256];
    unsigned long long pages = 0;
    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY) return INFINITY;
    if (ir_file_read("", text, sizeof text, "/proc/self/statm")) pages = strtoull(text, NULL, 10);
    return fmax(0, (double)limit.rlim_cur - (double)pages * (double)page_size());
}

double ir_host_peak_rss_B(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u)) return NAN;
#ifdef __APPLE__
    return (double)u.ru_maxrss;
#else
    return (double)u.ru_maxrss * 1024;
#endif
}

double ir_host_huge_share(const void *p)
{
    char  *text = ir_file_slurp("", "/proc/self/smaps");
    double share = NAN;
    for (char *s = text, *next; s && *s; s = next) {
        unsigned long long lo, hi;
        next = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
        if (sscanf(s, "%llx-%llx ", &lo, &hi) != 2 || (uintptr_t)p < lo || (uintptr_t)p >= hi) continue;
        if (!next) break;
        double rss = ir_text_kB(next, "Rss"), huge = ir_text_kB(next, "AnonHugePages");
        if (rss > 0) share = huge / rss;
        break;
    }
    free(text);
    return share;
}

double ir_host_huge_granted(void)
{
    enum { PROBE_B = 4 * ALIGN };
    void *p;
    if (ir_host_alloc(PROBE_B, IR_PAGES_HUGE, &p) != IR_OK) return NAN;
    memset(p, 1, PROBE_B);
    double share = ir_host_huge_share(p);
    ir_host_free(p, PROBE_B);
    return share;
}
