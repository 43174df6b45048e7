/* fake.cc -- see fake.h. */
#include "tests/cuda/fake.h"
#include "kernels/cuda/device.cuh"
#undef gridDim
#undef blockDim

#include <chrono>
#include <elf.h>
#include <fstream>
#include <map>
#include <string>
#include <stdlib.h>
#include <string.h>

fake_state fake;

namespace
{
typedef std::vector<std::function<void()>> work;
std::map<void *, size_t>                   sizes;
work                                      *capturing = nullptr;
std::map<const void *, size_t>             allowed; /* dynamic shared memory by FuncSetAttribute */
double                                     now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/* Every call passes here. */
cudaError_t call()
{
    fake.calls++;
    if (fake.fail_at && (fake.calls == fake.fail_at || (fake.sticky && fake.calls > fake.fail_at)))
        return fake.fail_with;
    return cudaSuccess;
}
#define CALL() \
    do { \
        cudaError_t e_ = call(); \
        if (e_ != cudaSuccess) return e_; \
    } while (0)

/* ---- shared memory as the device grants it: the programming guide's table of capabilities ---- */
const size_t DEFAULT_SMEM = 48 << 10;
size_t       optin_of(int cc)
{
    static const struct {
        int    cc;
        size_t kB;
    } most[] = {{61, 48}, {75, 64},  {80, 163},  {86, 99},   {87, 163},
                {89, 99}, {90, 227}, {100, 227}, {110, 227}, {120, 99}};
    for (auto &m : most)
        if (m.cc == cc) return m.kB << 10;
    abort(); /* a capability that is not in the table */
}

/* Function symbols of this program by address, from its own file: kernels are static and known to no loader.
 */
std::map<uintptr_t, std::string> symbols()
{
    std::ifstream                    f("/proc/self/exe", std::ios::binary);
    std::string                      b((std::istreambuf_iterator<char>(f)), std::istreambuf_iterator<char>());
    std::map<uintptr_t, std::string> out;
    const auto                      *e = (const Elf64_Ehdr *)b.data();
    const auto                      *s = (const Elf64_Shdr *)(b.data() + e->e_shoff);
    uintptr_t                        here = 0;
    for (int i = 0; i < e->e_shnum; i++) {
        if (s[i].sh_type != SHT_SYMTAB) continue;
        const auto *sym = (const Elf64_Sym *)(b.data() + s[i].sh_offset);
        const char *names = b.data() + s[s[i].sh_link].sh_offset;
        for (size_t k = 0; k < s[i].sh_size / sizeof *sym; k++) {
            if (ELF64_ST_TYPE(sym[k].st_info) != STT_FUNC) continue;
            out[sym[k].st_value] = names + sym[k].st_name;
            if (!strcmp(names + sym[k].st_name, "fake_reset")) here = sym[k].st_value;
        }
    }
    if (!here) abort(); /* stripped: no name, no limit */
    std::map<uintptr_t, std::string> moved;
    for (auto &x : out) moved[x.first + ((uintptr_t)fake_reset - here)] = x.second;
    return moved;
}

/* Is this the kernel of that name? Its mangled name holds the kernel's behind its length. */
bool is_kernel(const void *fn, const char *name)
{
    static const auto all = symbols();
    auto              it = all.find((uintptr_t)fn);
    if (it == all.end()) abort(); /* no kernel */
    return it->second.find(std::to_string(strlen(name)) + name) != std::string::npos;
}

/* Static shared memory of a kernel. */
size_t static_of(const void *fn)
{
    static const struct {
        const char *name;
        size_t      bytes;
    } table[] = {
#define X(name, bytes) {#name, bytes},
#include "tests/cuda/static_smem.h"
#undef X
    };
    for (auto &t : table)
        if (is_kernel(fn, t.name)) return t.bytes;
    return 0;
}

cudaError_t get_count(int *n)
{
    *n = fake.devices;
    CALL();
    return fake.count_error;
}
cudaError_t driver(int *v)
{
    *v = fake.driver;
    return cudaSuccess;
}
cudaError_t runtime(int *v)
{
    *v = fake.runtime;
    return cudaSuccess;
}
cudaError_t set_device(int) { return call(); }
cudaError_t properties(cudaDeviceProp *p, int)
{
    CALL();
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", fake.name);
    p->major = fake.cc / 10;
    p->minor = fake.cc % 10;
    p->multiProcessorCount = fake.sms;
    p->totalGlobalMem = fake.mem_B;
    p->l2CacheSize = 50 << 20;
    p->sharedMemPerBlock = DEFAULT_SMEM;
    p->sharedMemPerBlockOptin = optin_of(fake.cc);
    p->integrated = fake.integrated;
    p->cooperativeLaunch = 1;
    p->asyncEngineCount = 2;
    return cudaSuccess;
}
cudaError_t attribute(int *v, cudaDeviceAttr a, int)
{
    CALL();
    *v = a == cudaDevAttrClockRate              ? 1980000
         : a == cudaDevAttrMemoryClockRate      ? 2619000
         : a == cudaDevAttrGlobalMemoryBusWidth ? 5120
                                                : 0;
    return cudaSuccess;
}
cudaError_t mem_info(size_t *f, size_t *t)
{
    CALL();
    *t = fake.mem_B;
    *f = fake.mem_B - fake.used_B;
    return cudaSuccess;
}
cudaError_t obtain(void **p, size_t n)
{
    if (fake.used_B + n > fake.mem_B) return cudaErrorMemoryAllocation;
    if (posix_memalign(p, 256, n)) return cudaErrorMemoryAllocation;
    const size_t most =
        (size_t)8 << 20; /* what is larger is scratch, of which nobody reads the middle first */
    memset(*p, 0xA7, n < most ? n : most); /* device memory starts as it was left */
    sizes[*p] = n;
    fake.used_B += n;
    fake.live++;
    return cudaSuccess;
}
cudaError_t do_malloc(void **p, size_t n)
{
    CALL();
    return obtain(p, n);
}
cudaError_t do_free(void *p)
{
    if (p && !sizes.count(p)) abort(); /* freed twice, or never had */
    if (p) {
        fake.used_B -= sizes[p];
        sizes.erase(p);
        free(p);
        fake.live--;
    }
    return call();
}
cudaError_t host_alloc(void **p, size_t n, unsigned)
{
    CALL();
    return obtain(p, n);
}
cudaError_t host_pointer(void **d, void *h, unsigned)
{
    CALL();
    *d = h;
    return cudaSuccess;
}
void enqueue(std::function<void()> f)
{
    if (capturing)
        capturing->push_back(std::move(f));
    else
        f();
}
cudaError_t copy(void *d, const void *s, size_t n, cudaMemcpyKind kind, cudaStream_t)
{
    CALL();
    if (kind == cudaMemcpyHostToDevice) fake.uploaded_B += (double)n;
    enqueue([=] { memmove(d, s, n); });
    return cudaSuccess;
}
cudaError_t set(void *d, int v, size_t n, cudaStream_t)
{
    CALL();
    enqueue([=] { memset(d, v, n); });
    return cudaSuccess;
}
template <class H> cudaError_t make(H *h)
{
    CALL();
    *h = (H)calloc(1, sizeof(double));
    fake.live++;
    return cudaSuccess;
}
template <class H> cudaError_t drop(H h)
{
    free((void *)h);
    fake.live--;
    return call();
}
cudaError_t stream_create(cudaStream_t *s, unsigned) { return make(s); }
cudaError_t stream_destroy(cudaStream_t s) { return drop(s); }
cudaError_t stream_sync(cudaStream_t) { return call(); }
cudaError_t stream_wait(cudaStream_t, cudaEvent_t, unsigned) { return call(); }
cudaError_t event_create(cudaEvent_t *e) { return make(e); }
cudaError_t event_destroy(cudaEvent_t e) { return drop(e); }
cudaError_t event_record(cudaEvent_t e, cudaStream_t)
{
    CALL();
    *(double *)e = now();
    return cudaSuccess;
}
cudaError_t event_sync(cudaEvent_t) { return call(); }
cudaError_t elapsed(float *ms, cudaEvent_t a, cudaEvent_t b)
{
    CALL();
    *ms = (float)(1e3 * (*(double *)b - *(double *)a));
    return cudaSuccess;
}
cudaError_t launch(const void *fn, dim3 g, dim3 b, void **, size_t smem, cudaStream_t)
{
    CALL();
    fake.launches++;
    if (fake.fault_in && is_kernel(fn, fake.fault_in)) {
        fake.fail_at = fake.calls;
        fake.fail_with = cudaErrorIllegalAddress;
        fake.sticky = true;
        return fake.fail_with;
    }
    if (!g.x || !g.y || !g.z || g.y > 65535 || g.z > 65535 || b.x * b.y * b.z > 1024 || !b.x)
        return cudaErrorInvalidConfiguration;
    size_t most = allowed.count(fn) ? allowed[fn] : 0;
    if (smem > most && smem + static_of(fn) > DEFAULT_SMEM)
        return cudaErrorInvalidValue; /* what the runtime says of too much */
    return cudaSuccess;
}
cudaError_t launch_config(const cudaLaunchConfig_t *c, const void *fn, void **args)
{
    for (unsigned i = 0; i < c->numAttrs; i++)
        if ((c->attrs[i].id == cudaLaunchAttributeProgrammaticStreamSerialization ||
             c->attrs[i].id == cudaLaunchAttributeClusterDimension) &&
            fake.cc < 90)
            return call(), cudaErrorNotSupported;
    return launch(fn, c->gridDim, c->blockDim, args, c->dynamicSmemBytes, c->stream);
}
cudaError_t func_set(const void *fn, cudaFuncAttribute a, int bytes)
{
    CALL();
    if (a != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (bytes < 0 || (size_t)bytes + static_of(fn) > optin_of(fake.cc)) return cudaErrorInvalidValue;
    allowed[fn] = (size_t)bytes;
    return cudaSuccess;
}
cudaError_t func_get(cudaFuncAttributes *a, const void *fn)
{
    CALL();
    memset(a, 0, sizeof *a);
    a->sharedSizeBytes = static_of(fn);
    return cudaSuccess;
}
cudaError_t occupancy(int *n, const void *, int, size_t)
{
    CALL();
#if defined(CUDA_EMULATE)
    *n = emu_blocks_per_sm;
#else
    *n = 2;
#endif
    return cudaSuccess;
}
cudaError_t capture_begin(cudaStream_t, cudaStreamCaptureMode)
{
    CALL();
    capturing = new work;
    return cudaSuccess;
}
cudaError_t capture_end(cudaStream_t, cudaGraph_t *g)
{
    *g = (cudaGraph_t)capturing;
    if (capturing) fake.live++;
    capturing = nullptr;
    CALL();
    return cudaSuccess;
}
cudaError_t instantiate(cudaGraphExec_t *out, cudaGraph_t g)
{
    CALL();
    *out = (cudaGraphExec_t) new work(*(work *)g);
    fake.live++;
    fake.graphs++;
    return cudaSuccess;
}
cudaError_t graph_launch(cudaGraphExec_t g, cudaStream_t)
{
    CALL();
    for (auto &f : *(work *)g) f();
    return cudaSuccess;
}
cudaError_t graph_destroy(cudaGraph_t g)
{
    delete (work *)g;
    fake.live--;
    return call();
}
cudaError_t exec_destroy(cudaGraphExec_t g)
{
    delete (work *)g;
    fake.live--;
    return call();
}
cudaError_t tensor_map(void *map, bool, const void *base, size_t cols, size_t rows, unsigned box_cols,
                       unsigned box_rows)
{
    CALL();
    if (fake.cc < 90) return cudaErrorNotSupported;
    if ((uintptr_t)map % 64 || (uintptr_t)base % 16 || cols % 8 || box_cols > 256 || box_rows > 256)
        return cudaErrorInvalidValue; /* as the driver's rules are */
    memset(map, 0, 128);
#if defined(CUDA_EMULATE)
    emu_map m = {EMU_MAP_MAGIC, base, cols, rows, box_cols, box_rows};
    memcpy(map, &m, sizeof m);
#endif
    return cudaSuccess;
}
cudaError_t last_error() { return cudaSuccess; }
const char *error_string(cudaError_t) { return "an error the test asked for"; }
const char *error_name(cudaError_t e)
{
    return e == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress" : "cudaErrorOfTheTest";
}
} // namespace

#if defined(CUDA_EMULATE)
void emu_submit(std::function<void()> f) { enqueue(std::move(f)); }
#endif

#define FAKE_CALLS \
    { \
        get_count, driver, runtime, set_device, properties, attribute, mem_info, do_malloc, do_free, \
            host_alloc, do_free, host_pointer, copy, set, stream_create, stream_destroy, stream_sync, \
            stream_wait, event_create, event_destroy, event_record, event_sync, elapsed, launch, launch, \
            launch_config, func_set, func_get, occupancy, capture_begin, capture_end, instantiate, \
            graph_launch, exec_destroy, graph_destroy, tensor_map, last_error, error_string, error_name \
    }
extern "C" const cuda_api fake_api = FAKE_CALLS;
/* The library is built without the real one: a program that asks for it gets the stand-in too. */
extern "C" const cuda_api cuda_runtime = FAKE_CALLS;
const ir_open_options     fake_options = {.own = &fake_api};

void fake_reset(void)
{
    fake = {};
    allowed.clear();
    fake.devices = 1;
    fake.driver = fake.runtime = 13000;
    fake.cc = 90;
    fake.sms = 2;
    fake.mem_B = (size_t)4 << 30;
    fake.name = "Fake H100";
    nvml_library = NULL;
}
