/* emulate.cc -- see emulate.h: fibers, meeting points and the matrix instructions, from the PTX ISA's
 * description. */
#include "kernels/cuda/device.cuh"

#include <chrono>
#include <map>
#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#endif
#endif
#if defined(EMU_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

bool emu_reverse = false;
bool emu_eager = false;
extern "C" {
bool emu_turing = false;
}
int emu_blocks_per_sm = 1;

namespace
{
const size_t STACK = 192 << 10;
struct copy {
    void       *dst;
    const void *src;
    bool        take;
};
struct product {
    emu_type t;
    void    *d;
    int      n;
    uint64_t a, b;
    bool     trans_b;
};
struct meeting {
    std::vector<void *> all;
    int                 came = 0;
    unsigned long       turn = 0;
};
/* A box on its way to one block. */
struct landing {
    emu_map map;
    size_t  at;
    int     col, row;
};
struct barrier {
    unsigned             count, left, phase; /* arrivals of a phase, and still to come */
    unsigned long        turn;               /* changes of any kind */
    long                 bytes;              /* still to land; below zero: before they were expected */
    std::vector<landing> late;
};
struct block_state {
    unsigned char *smem = nullptr, *seen = nullptr; /* seen: as products see it */
    size_t         smem_B = 0;
    std::vector<unsigned>
                  landed; /* of 16 bytes: 1 + the thread whose copy landed there and is not fenced; 0: none */
    int           alive = 0, came = 0;
    unsigned long turn = 0;
    std::vector<meeting>      warp, group;
    std::map<size_t, barrier> bars; /* by their place in shared memory */
    /* Of a cluster: this block's number in it, its blocks, and (in the first) who came to their barrier. */
    int           rank = 0, pair_came = 0;
    unsigned long pair_turn = 0;
    size_t        threads = 0, peers = 1;
    block_state  *first = nullptr;
};
struct fiber {
    ucontext_t                        ctx; /* where it starts */
    jmp_buf                           at_rest;
    bool                              started = false;
    char                             *stack = nullptr;
    void                             *fake = nullptr;
    emu_place                         at;
    block_state                      *blk = nullptr;
    bool                              done = false;
    const unsigned long              *wait_on = nullptr; /* blocked while it is what it was */
    unsigned long                     wait_was = 0;
    bool                              blocked() const { return wait_on && *wait_on == wait_was; }
    std::vector<copy>                 open;
    std::vector<std::vector<copy>>    groups;
    std::vector<product>              products;
    std::vector<std::vector<product>> product_groups;
};
std::vector<fiber *>  fibers; /* of the blocks that run */
std::vector<fiber *> &pool =
    *new std::vector<fiber *>; /* kept between launches, and to the end: what it holds is no leak */
size_t        self = 0, running = 0;
unsigned long idle = 0;
#if defined(EMU_ASAN)
ucontext_t  home;
void       *home_fake = nullptr;
const void *home_stack = nullptr;
size_t      home_size = 0;
#else
jmp_buf home_rest;
#endif
const std::function<void()> *entry;

[[noreturn]] void give_up(const char *why)
{
    fprintf(stderr, "emulated device: %s\n", why);
    abort();
}

size_t order(size_t i) { return emu_reverse ? fibers.size() - 1 - i : i; }

/* swapcontext() asks the kernel for the signal mask each time, which is most of the cost of a switch: it is
 * left to builds whose sanitizer follows it. */
void swap_to(fiber *from, fiber *to)
{
#if defined(EMU_ASAN)
    void **save = from ? &from->fake : &home_fake;
    __sanitizer_start_switch_fiber(save, to ? to->stack : home_stack, to ? STACK : home_size);
    swapcontext(from ? &from->ctx : &home, to ? &to->ctx : &home);
    __sanitizer_finish_switch_fiber(from ? from->fake : home_fake, nullptr, nullptr);
#else
    if (_setjmp(from ? from->at_rest : home_rest)) return;
    if (to && !to->started) {
        to->started = true;
        setcontext(&to->ctx);
    }
    _longjmp(to ? to->at_rest : home_rest, 1);
#endif
}

void leave_block(fiber *f)
{
    block_state *b = f->blk;
    b->alive--;
    if (b->alive > 0 && b->came == b->alive) {
        b->came = 0;
        b->turn++;
    }
}

} // namespace
static void pick(bool stay);
namespace
{
void trampoline()
{
#if defined(EMU_ASAN)
    if (!home_stack)
        __sanitizer_finish_switch_fiber(nullptr, &home_stack, &home_size);
    else
        __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    for (;;) { /* a thread of one block is one of the next block later */
        (*entry)();
        fiber *f = fibers[self];
        if (!f->products.empty() || !f->product_groups.empty())
            give_up("a thread ended without waiting for its wgmma");
        f->done = true;
        running--;
        idle = 0;
        leave_block(f);
        if (running == 0)
            swap_to(f, nullptr);
        else
            pick(emu_eager);
    }
}

/* Thread i of what runs at once: where it begins, or where its last block ended. */
fiber *fiber_of(size_t i)
{
    while (pool.size() <= i) {
        fiber *f = new fiber;
        f->stack = (char *)malloc(STACK);
        getcontext(&f->ctx);
        f->ctx.uc_stack.ss_sp = f->stack;
        f->ctx.uc_stack.ss_size = STACK;
        f->ctx.uc_link = nullptr;
        makecontext(&f->ctx, trampoline, 0);
        pool.push_back(f);
    }
    pool[i]->done = false;
    pool[i]->open.clear();
    pool[i]->groups.clear();
    return pool[i];
}

void start(dim3 grid, dim3 block, size_t smem, size_t first, size_t count, std::vector<block_state> &blocks)
{
    size_t per = (size_t)block.x * block.y * block.z;
    fibers.clear();
    blocks.assign(count, block_state());
    for (size_t k = 0; k < count; k++) {
        size_t       n = first + k;
        block_state &b = blocks[k];
        b.alive = (int)per;
        b.warp.resize((per + 31) / 32);
        b.group.resize((per + 127) / 128);
        b.smem_B = smem;
        b.rank = (int)k;
        b.first = blocks.data();
        b.peers = count;
        b.threads = per;
        if (posix_memalign((void **)&b.smem, 1024, smem ? smem : 1)) give_up("no memory");
        memset(b.smem, 0xFF, smem ? smem : 1);
        b.landed.assign(smem / 16, 0);
        for (size_t t = 0; t < per; t++) {
            fiber *f = fiber_of(fibers.size());
            f->blk = &b;
            f->at.grid = grid;
            f->at.dim = block;
            f->at.block = make_uint3((unsigned)(n % grid.x), (unsigned)(n / grid.x % grid.y),
                                     (unsigned)(n / grid.x / grid.y));
            f->at.thread = make_uint3((unsigned)(t % block.x), (unsigned)(t / block.x % block.y),
                                      (unsigned)(t / block.x / block.y));
            fibers.push_back(f);
        }
    }
}

int lane_of(const fiber *f, int width)
{
    const emu_place &p = f->at;
    return (int)((p.thread.z * p.dim.y + p.thread.y) * p.dim.x + p.thread.x) % width;
}

/* ---- numbers --------------------------------------------------------------------------------- */
float half_of(unsigned bits)
{
    static std::vector<float> all; /* the conversion is a loop: by table */
    for (unsigned i = (unsigned)all.size(); i < 1 << 16; i++) {
        __half_raw h;
        h.x = (unsigned short)i;
        all.push_back(__half2float(__half(h)));
    }
    return all[bits & 0xFFFF];
}
float from_bits(emu_type t, unsigned bits)
{
    float f;
    switch (t) {
    case EMU_F16: return half_of(bits);
    case EMU_BF16:
        bits <<= 16;
        memcpy(&f, &bits, 4);
        return f;
    case EMU_TF32:
        bits &= ~0x1FFFu;
        memcpy(&f, &bits, 4);
        return f; /* the low bits are not read */
    case EMU_F8: {
        __nv_fp8_e4m3 q;
        q.__x = (__nv_fp8_storage_t)bits;
        return (float)q;
    }
    default: return (float)(int8_t)bits;
    }
}
int width_of(emu_type t) { return t == EMU_TF32 ? 4 : t == EMU_F8 || t == EMU_I8 ? 1 : 2; }
/* Element e of a 32-bit register that packs them from the low end. */
float element(emu_type t, unsigned reg, int e)
{
    int w = width_of(t) * 8;
    return from_bits(t, w == 32 ? reg : (reg >> (e * w)) & ((1u << w) - 1));
}
} // namespace

const emu_place   *emu_where = nullptr;
unsigned char     *emu_smem() { return fibers[self]->blk->smem; }
unsigned long long cu_nanoseconds()
{
    return (unsigned long long)std::chrono::steady_clock::now().time_since_epoch().count();
}

static void go_to(fiber *from, size_t i)
{
    self = i;
    emu_where = &fibers[i]->at;
    swap_to(from, fibers[i]);
}

/* The next thread that can go on; stay: of this block while it has one, so that blocks of a cluster drift
 * apart as far as they may. */
static void pick(bool stay)
{
    fiber *from = fibers[self];
    size_t n = fibers.size();
    if (++idle > 2000 * n) give_up("deadlock: no thread can go on (a barrier that not all threads reach?)");
    for (int any = stay ? 0 : 1; any < 2; any++)
        for (size_t k = 1; k <= n; k++) {
            size_t i = (emu_reverse ? self + n - k : self + k) % n;
            if (fibers[i]->done || fibers[i]->blocked() || (!any && fibers[i]->blk != from->blk)) continue;
            if (i != self) go_to(from, i);
            return;
        }
    give_up("deadlock: every thread waits (a barrier that not all threads reach?)");
}
void emu_yield() { pick(false); }

/* Until *word is another. */
static void wait_change(const unsigned long *word, unsigned long was)
{
    fiber *f = fibers[self];
    f->wait_on = word;
    f->wait_was = was;
    while (*word == was) pick(emu_eager);
    f->wait_on = nullptr;
}

void emu_run(dim3 grid, dim3 block, size_t smem, size_t at_once, const std::function<void()> &body)
{
    size_t     total = (size_t)grid.x * grid.y * grid.z, per = (size_t)block.x * block.y * block.z;
    const bool cooperative = at_once == 0;
    if (cooperative) at_once = total;
    if (total == 0 || per == 0 || per > 1024 || per % 32) give_up("impossible launch shape");
    if (grid.y > 65535 || grid.z > 65535) give_up("grid.y or grid.z beyond 65535");
    if (total % at_once) give_up("a grid that is no whole number of clusters");
    std::vector<block_state> blocks;
    entry = &body;
    for (size_t k = 0; k < total; k += at_once) {
        size_t first = emu_reverse && !cooperative ? total - at_once - k : k;
        start(grid, block, smem, first, at_once, blocks);
        running = fibers.size();
        idle = 0;
        self = order(0);
        emu_where = &fibers[self]->at;
        swap_to(nullptr, fibers[self]);
        for (auto &b : blocks) {
            for (auto &x : b.bars)
                if (!x.second.late.empty()) give_up("a block ended with copies on their way");
            free(b.smem);
            free(b.seen);
        }
    }
    fibers.clear();
}

void emu_sync_block()
{
    block_state  *b = fibers[self]->blk;
    unsigned long turn = b->turn;
    if (++b->came == b->alive) {
        b->came = 0;
        b->turn++;
        idle = 0;
        return;
    }
    wait_change(&b->turn, turn);
}

void emu_meet(int width, void *mine, const std::function<void(void **)> &f)
{
    fiber           *me = fibers[self];
    const emu_place &p = me->at;
    int              t = (int)((p.thread.z * p.dim.y + p.thread.y) * p.dim.x + p.thread.x);
    meeting         &m = (width == 32 ? me->blk->warp : me->blk->group)[(size_t)(t / width)];
    m.all.resize((size_t)width);
    m.all[(size_t)(t % width)] = mine;
    unsigned long turn = m.turn;
    if (++m.came == width) {
        f(m.all.data());
        m.came = 0;
        m.turn++;
        idle = 0;
        return;
    }
    wait_change(&m.turn, turn);
}

/* ---- asynchronous copies --------------------------------------------------------------------- */
static unsigned thread_number(const fiber *f)
{
    const emu_place &p = f->at;
    return (p.thread.z * p.dim.y + p.thread.y) * p.dim.x + p.thread.x;
}
static void do_copy(const copy &c)
{
    fiber *f = fibers[self];
    size_t at = (size_t)((unsigned char *)c.dst - f->blk->smem) / 16;
    if (at < f->blk->landed.size()) f->blk->landed[at] = 1 + thread_number(f);
    if ((uintptr_t)c.dst % 16 || (uintptr_t)c.src % 16) give_up("misaligned asynchronous copy");
    if (c.take)
        memcpy(c.dst, c.src, 16);
    else
        memset(c.dst, 0, 16);
}
void emu_copy_later(void *dst, const void *src, bool take)
{
    if (emu_eager)
        do_copy({dst, src, take});
    else
        fibers[self]->open.push_back({dst, src, take});
}
void emu_copy_commit()
{
    fiber *f = fibers[self];
    f->groups.push_back(std::move(f->open));
    f->open.clear();
}
void emu_copy_wait(int left)
{
    fiber *f = fibers[self];
    while ((int)f->groups.size() > left) {
        for (const copy &c : f->groups.front()) do_copy(c);
        f->groups.erase(f->groups.begin());
    }
}

/* ---- clusters of two: barriers that count bytes, and boxes ------------------------------------ */
int emu_rank() { return fibers[self]->blk->rank; }

void emu_sync_pair()
{
    block_state  *first = fibers[self]->blk->first;
    unsigned long turn = first->pair_turn;
    if (++first->pair_came == (int)(first->threads * first->peers)) {
        first->pair_came = 0;
        first->pair_turn++;
        idle = 0;
        return;
    }
    wait_change(&first->pair_turn, turn);
}

static size_t bar_at(const void *bar)
{
    size_t at = (size_t)((const unsigned char *)bar - fibers[self]->blk->smem);
    if (at % 8 || at + 8 > fibers[self]->blk->smem_B) give_up("a barrier that is not in shared memory");
    return at;
}
static barrier &bar_of(block_state &b, size_t at)
{
    if (!b.bars.count(at)) give_up("a barrier that nobody made");
    return b.bars[at];
}
static void bar_settle(barrier &x)
{
    x.turn++;
    if (x.left || x.bytes) return;
    x.phase++;
    x.left = x.count;
    idle = 0;
}
/* emu_eager: who waited for the phase that ends goes on at once. */
static void bar_came(barrier &x)
{
    unsigned phase = x.phase;
    if (!x.left) give_up("more arrivals at a barrier than it was made for");
    x.left--;
    bar_settle(x);
    for (size_t i = 0; emu_eager && x.phase != phase && i < fibers.size(); i++)
        if (i != self && !fibers[i]->done && fibers[i]->wait_on == &x.turn) {
            go_to(fibers[self], i);
            return;
        }
}

void emu_bar_init(void *bar, unsigned count)
{
    fibers[self]->blk->bars[bar_at(bar)] = {count, count, 0, 0, 0, {}};
}
void emu_bar_arrive(void *bar, int rank)
{
    block_state *b = fibers[self]->blk;
    if (rank < 0 || (size_t)rank >= b->peers) give_up("no such block in the cluster");
    if (!b->first[rank].alive) give_up("an arrival at a block that has left");
    bar_came(bar_of(b->first[rank], bar_at(bar)));
}
void emu_bar_expect(void *bar, unsigned bytes)
{
    barrier &x = bar_of(*fibers[self]->blk, bar_at(bar));
    x.bytes += (long)bytes;
    bar_came(x);
}

/* Rows of 128 bytes; chunk c of a row lies where bits 7 to 9 of the address send it. Products see it. */
static void land(block_state &b, const landing &l)
{
    const unsigned short *src = (const unsigned short *)l.map.base;
    if (!b.seen) {
        if (!(b.seen = (unsigned char *)malloc(b.smem_B))) give_up("no memory");
        memset(b.seen, 0xFF, b.smem_B);
    }
    for (int r = 0; r < (int)l.map.box_rows; r++)
        for (int c = 0; c < (int)l.map.box_cols; c++) {
            long           row = l.row + r, col = l.col + c;
            bool           in = row >= 0 && row < (long)l.map.rows && col >= 0 && col < (long)l.map.cols;
            unsigned short v = in ? src[(size_t)row * l.map.cols + (size_t)col] : 0;
            size_t         at = l.at + (size_t)r * 128 + 2 * (size_t)c;
            at ^= (at >> 7 & 7) << 4;
            memcpy(b.smem + at, &v, 2);
            memcpy(b.seen + at, &v, 2);
        }
}
static void land_all(block_state &b, barrier &x)
{
    for (const landing &l : x.late) {
        land(b, l);
        x.bytes -= 2L * l.map.box_cols * l.map.box_rows;
    }
    x.late.clear();
    bar_settle(x);
}

void emu_bar_wait(void *bar, unsigned parity)
{
    block_state &b = *fibers[self]->blk;
    barrier     &x = bar_of(b, bar_at(bar));
    while ((x.phase & 1) == parity) {
        if (!x.left && !x.late.empty())
            land_all(b, x);
        else
            wait_change(&x.turn, x.turn);
    }
}

void emu_tma(void *dst, const void *map, int col, int row, void *bar, bool both)
{
    block_state *b = fibers[self]->blk;
    landing      l = {{}, (size_t)((unsigned char *)dst - b->smem), col, row};
    memcpy(&l.map, map, sizeof l.map);
    if (l.map.magic != EMU_MAP_MAGIC) give_up("a copy of a matrix that nobody described");
    if (l.map.box_cols * 2 != 128 || l.at % 1024 || l.at + 128 * l.map.box_rows > b->smem_B)
        give_up("a box that does not lie in shared memory as its permutation wants");
    for (size_t k = 0; k < b->peers; k++) {
        if (!both && (int)k != b->rank) continue;
        if (!b->first[k].alive) give_up("a copy to a block that has left");
        barrier &x = bar_of(b->first[k], bar_at(bar));
        x.late.push_back(l);
        x.turn++;
        if (emu_eager) land_all(b->first[k], x);
    }
}

/* ---- ldmatrix, mma --------------------------------------------------------------------------- */
void emu_ldmatrix(const void *row, unsigned *r, bool trans)
{
    struct op {
        const void *row;
        unsigned   *r;
    } mine{row, r};
    emu_meet(32, &mine, [trans](void **all) {
        for (int l = 0; l < 32; l++)
            for (int j = 0; j < 4; j++) {
                uint16_t e[2];
                for (int h = 0; h < 2; h++) {
                    int         i = trans ? 2 * (l % 4) + h : l / 4, k = trans ? l / 4 : 2 * (l % 4) + h;
                    const char *src = (const char *)((op *)all[8 * j + i])->row;
                    if ((uintptr_t)src % 16) give_up("misaligned ldmatrix row");
                    memcpy(&e[h], src + 2 * k, 2);
                }
                ((op *)all[l])->r[j] = (unsigned)e[0] | (unsigned)e[1] << 16;
            }
    });
}

void emu_mma(emu_type t, void *d, const unsigned *a, const unsigned *b)
{
    struct op {
        void           *d;
        const unsigned *a, *b;
    } mine{d, a, b};
    emu_meet(32, &mine, [t](void **all) {
        int   per = 4 / width_of(t), K = 8 * per; /* elements a register; k of the instruction */
        float A[16][32], B[8][32];
        for (int l = 0; l < 32; l++) {
            int g = l / 4, q = l % 4;
            op *o = (op *)all[l];
            for (int r = 0; r < 4; r++)
                for (int e = 0; e < per; e++)
                    A[g + 8 * (r & 1)][q * per + e + (r / 2) * K / 2] = element(t, o->a[r], e);
            for (int r = 0; r < 2; r++)
                for (int e = 0; e < per; e++) B[g][q * per + e + r * K / 2] = element(t, o->b[r], e);
        }
        for (int l = 0; l < 32; l++)
            for (int r = 0; r < 4; r++) {
                int    i = l / 4 + 8 * (r / 2), j = 2 * (l % 4) + (r & 1);
                double s = 0;
                for (int k = 0; k < K; k++) s += (double)A[i][k] * (double)B[j][k];
                op *o = (op *)all[l];
                if (t == EMU_I8)
                    ((int *)o->d)[r] += (int)s;
                else
                    ((float *)o->d)[r] = (float)((double)((float *)o->d)[r] + s);
            }
    });
}

/* m16n8k8 (f16; two registers of A, four of D) and m8n8k16 (i8; one and two): k is 16 bytes. */
void emu_mma_small(emu_type t, void *d, const unsigned *a, unsigned b)
{
    struct op {
        void           *d;
        const unsigned *a;
        unsigned        b;
    } mine{d, a, b};
    emu_meet(32, &mine, [t](void **all) {
        int per = 4 / width_of(t), halves = t == EMU_F16 ? 2 : 1; /* groups of 8 rows */
        for (int l = 0; l < 32; l++)
            for (int r = 0; r < 2 * halves; r++) {
                int    g = l / 4, j = 2 * (l % 4) + r % 2;
                double s = 0;
                for (int k = 0; k < 4 * per; k++) {
                    const op *x = (const op *)all[4 * g + k / per], *y = (const op *)all[4 * j + k / per];
                    s += (double)element(t, x->a[r / 2], k % per) * (double)element(t, y->b, k % per);
                }
                op *o = (op *)all[l];
                if (t == EMU_I8)
                    ((int *)o->d)[r] += (int)s;
                else
                    ((float *)o->d)[r] = (float)((double)((float *)o->d)[r] + s);
            }
    });
}

/* ---- wgmma: m64nNk16 (16-bit), both operands in shared memory, 128-byte swizzle -------------- */
uint64_t emu_smem_address(const void *p) { return (uint64_t)((const unsigned char *)p - emu_smem()); }

/* Byte offset of element (row of M or N, k) that a descriptor describes. K-major: rows of 128 bytes, 8 rows
 * an atom, `stride` between groups of 8 rows. MN-major: 64 elements of MN a row of 128 bytes, 8 rows (of k)
 * an atom, `leading` between atoms along MN, `stride` along k. Address bits 4..6 are exclusive-ored with
 * bits 7..9. */
uint64_t emu_wgmma_address(emu_type t, uint64_t desc, int mn, int k, bool mn_major)
{
    uint64_t start = (desc & 0x3FFF) << 4, lead = ((desc >> 16) & 0x3FFF) << 4,
             stride = ((desc >> 32) & 0x3FFF) << 4, at;
    if (desc >> 62 != 1) give_up("wgmma: only the 128-byte swizzle is emulated");
    if ((desc & ~((uint64_t)1 << 62 | (uint64_t)0x3FFF << 32 | (uint64_t)0x3FFF << 16 | 0x3FFF)) != 0)
        give_up("wgmma: descriptor with a base offset or reserved bits");
    uint64_t w = (uint64_t)width_of(t);
    if (!mn_major)
        at = start + (uint64_t)(mn / 8) * stride + (uint64_t)(mn % 8) * 128 + (uint64_t)k * w;
    else
        at = start + (uint64_t)(mn / 64) * lead + (uint64_t)(k / 8) * stride + (uint64_t)(k % 8) * 128 +
             (uint64_t)(mn % 64) * w;
    return at ^ ((at >> 7) & 7) << 4;
}

static float wg_element(const product &p, uint64_t desc, const block_state &b, int mn, int k, bool mn_major)
{
    uint64_t w = (uint64_t)width_of(p.t), at = emu_wgmma_address(p.t, desc, mn, k, mn_major);
    if (at + w > b.smem_B) give_up("wgmma: descriptor beyond shared memory");
    if (!b.seen || memcmp(b.smem + at, b.seen + at, (size_t)w))
        give_up("wgmma: reads bytes written since the last wg_visible()");
    unsigned bits = 0;
    memcpy(&bits, b.smem + at, (size_t)w);
    return from_bits(p.t, bits);
}

void emu_wgmma_visible()
{
    fiber       *f = fibers[self];
    block_state &b = *f->blk;
    unsigned     me = 1 + thread_number(f);
    if (!b.seen) {
        if (!(b.seen = (unsigned char *)malloc(b.smem_B ? b.smem_B : 1))) give_up("no memory");
        memset(b.seen, 0xFF, b.smem_B);
    }
    for (size_t i = 0; i < b.landed.size(); i++)
        if (b.landed[i] == 0 || b.landed[i] == me) {
            b.landed[i] = 0;
            memcpy(b.seen + 16 * i, b.smem + 16 * i, 16);
        }
}

void emu_wgmma(emu_type t, void *d, int n, uint64_t a, uint64_t b, bool trans_b)
{
    fibers[self]->products.push_back({t, d, n, a, b, trans_b});
}

static void wg_product(void **all, size_t q)
{
    fiber             *first = (fiber *)all[0];
    const product      p = first->product_groups[0][q];
    const block_state &blk = *first->blk;
    int                K = 32 / width_of(p.t);
    std::vector<float> A((size_t)(64 * K)), B((size_t)(p.n * K));
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < K; k++) A[(size_t)(i * K + k)] = wg_element(p, p.a, blk, i, k, false);
    for (int j = 0; j < p.n; j++)
        for (int k = 0; k < K; k++) B[(size_t)(j * K + k)] = wg_element(p, p.b, blk, j, k, p.trans_b);
    for (int l = 0; l < 128; l++) {
        const fiber *f = (const fiber *)all[l];
        if (f->product_groups.empty() || f->product_groups[0].size() <= q ||
            f->product_groups[0][q].a != p.a || f->product_groups[0][q].b != p.b)
            give_up("wgmma: the lanes of a warp group disagree");
        void *d = f->product_groups[0][q].d;
        for (int r = 0; r < p.n / 2; r++) {
            int i = 16 * (l / 32) + (l % 32) / 4 + 8 * ((r / 2) & 1), j = 8 * (r / 4) + 2 * (l % 4) + (r & 1);
            double s = p.t == EMU_I8 ? (double)((int *)d)[r] : (double)((float *)d)[r];
            for (int k = 0; k < K; k++) s += (double)A[(size_t)(i * K + k)] * (double)B[(size_t)(j * K + k)];
            if (p.t == EMU_I8)
                ((int *)d)[r] = (int)s;
            else
                ((float *)d)[r] = (float)s;
        }
    }
}

/* The oldest groups run until `left` are in flight. */
static void wg_run(int left)
{
    emu_meet(128, fibers[self], [left](void **all) {
        fiber *first = (fiber *)all[0];
        while ((int)first->product_groups.size() > left) {
            for (size_t q = 0; q < first->product_groups[0].size(); q++) wg_product(all, q);
            for (int l = 0; l < 128; l++)
                ((fiber *)all[l])->product_groups.erase(((fiber *)all[l])->product_groups.begin());
        }
    });
}

void emu_wgmma_commit()
{
    fiber *f = fibers[self];
    f->product_groups.push_back(std::move(f->products));
    f->products.clear();
    if (!emu_eager) wg_run(0);
}

void emu_wgmma_wait(int left) { wg_run(left); }

int emu_dp4a(int a, int b, int c)
{
    for (int i = 0; i < 4; i++) c += (int)(int8_t)(a >> (8 * i)) * (int)(int8_t)(b >> (8 * i));
    return c;
}
static __half fma_half(__half a, __half b, __half c)
{
    return __double2half((double)__half2float(a) * (double)__half2float(b) + (double)__half2float(c));
}
__half2 emu_hfma2(__half2 a, __half2 b, __half2 c)
{
    return __halves2half2(fma_half(__low2half(a), __low2half(b), __low2half(c)),
                          fma_half(__high2half(a), __high2half(b), __high2half(c)));
}
