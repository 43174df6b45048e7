/* cudnn.c -- family "conv" through cuDNN, loaded when first asked for: a reference to hold our convolutions
 * against. Compiled where its header is found, run where its library is. NHWC as ours; the library tries its
 * algorithms in the first call, that of the proof, and the fastest stays. f32 stays f32; tf32 is asked for by
 * name. 16-bit types are refused: through this interface y would be rounded to 16 bits, and the workload's y
 * is f32. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cuda/cuda.h"

#include <cudnn.h>
#include <stdlib.h>

enum { T_X, T_W, T_V, T_Y, FUSE = 10 };
enum { TRIES = CUDNN_CONVOLUTION_FWD_ALGO_COUNT, WORKSPACE = 256 << 20 };

/* ---- loading --------------------------------------------------------------------------------- */
#define CALLS(X) \
    X(Create) \
    X(Destroy) \
    X(SetStream) \
    X(GetErrorString) \
    X(CreateTensorDescriptor) \
    X(SetTensor4dDescriptor) \
    X(DestroyTensorDescriptor) \
    X(CreateFilterDescriptor) \
    X(SetFilter4dDescriptor) \
    X(DestroyFilterDescriptor) \
    X(CreateConvolutionDescriptor) \
    X(SetConvolution2dDescriptor) \
    X(SetConvolutionGroupCount) \
    X(SetConvolutionMathType) \
    X(DestroyConvolutionDescriptor) \
    X(CreateActivationDescriptor) \
    X(SetActivationDescriptor) \
    X(DestroyActivationDescriptor) \
    X(FindConvolutionForwardAlgorithmEx) \
    X(ConvolutionForward) \
    X(ConvolutionBiasActivationForward)
typedef struct {
    bool there;
#define X(name) __typeof__(&cudnn##name) name;
    CALLS(X)
#undef X
} library;

static const library *load(void)
{
    static library l;
    static bool    tried;
    char           file[32];
    if (tried) return &l;
    tried = true;
    snprintf(file, sizeof file, "libcudnn.so.%d", CUDNN_MAJOR);
    void *lib = cuda_open_library(file);
    l.there = lib != NULL;
#define X(name) l.there = cuda_symbol(lib, "cudnn" #name, &l.name) && l.there;
    CALLS(X)
#undef X
    return &l;
}

static ir_status failed(cuda_dev *c, cudnnStatus_t e, int line, const char *expr)
{
#if CUDNN_MAJOR >= 9
    bool full = e == CUDNN_STATUS_ALLOC_FAILED || e == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
#else
    bool full = e == CUDNN_STATUS_ALLOC_FAILED;
#endif
    ir_status st = full                                                                 ? IR_ENOMEM
                   : e >= CUDNN_STATUS_NOT_SUPPORTED && e < CUDNN_STATUS_INTERNAL_ERROR ? IR_SKIP
                                                                                        : cuda_alive(c);
    return ir_fail(st, "cudnn: %s at cudnn.c:%d: %.60s", load()->GetErrorString(e), line, expr);
}
static ir_status checked(cuda_dev *c, cudnnStatus_t e, int line, const char *expr)
{
    return e == CUDNN_STATUS_SUCCESS ? IR_OK : failed(c, e, line, expr);
}
/* On device c. */
#define DNN(call) checked(c, load()->call, __LINE__, #call)

/* ---- the plan -------------------------------------------------------------------------------- */
typedef struct {
    cudnnHandle_t                h;
    cudnnTensorDescriptor_t      x, y, v;
    cudnnFilterDescriptor_t      w;
    cudnnConvolutionDescriptor_t conv;
    cudnnActivationDescriptor_t  relu;
    cudnnConvolutionFwdAlgo_t    algo;
    size_t                       work_B;
    void                        *work;
    bool                         searched, fused;
} plan;

static ir_status conv_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row r;
    wl_row_of(w, p, &r);
    if (p->dtype != IR_F32 && p->dtype != IR_TF32)
        return ir_fail(IR_SKIP, "cudnn: f32 and tf32; it would round %s results", ir_dtype_name(p->dtype));
    if (p->dtype == IR_TF32 && cuda_of(dev)->cc < 80)
        return ir_fail(IR_SKIP, "cudnn: tf32 needs sm_80, this is sm_%d", cuda_of(dev)->cc);
    if (p->v[FUSE] == WL_UNFUSED) return ir_fail(IR_SKIP, "cudnn runs bias and ReLU in the same pass");
    if (r.batch * r.h * r.w * r.c > INT32_MAX || r.batch * r.oh * r.ow * r.k > INT32_MAX)
        return ir_fail(IR_SKIP, "cudnn: tensors of at most 2^31 elements");
    return load()->there ? IR_OK : ir_fail(IR_SKIP, "cudnn was not found (libcudnn.so.%d)", CUDNN_MAJOR);
}

static void conv_teardown(ir_run *r)
{
    plan          *p = r->self;
    const library *l = load();
    if (!p) return;
    if (p->x) l->DestroyTensorDescriptor(p->x);
    if (p->y) l->DestroyTensorDescriptor(p->y);
    if (p->v) l->DestroyTensorDescriptor(p->v);
    if (p->w) l->DestroyFilterDescriptor(p->w);
    if (p->conv) l->DestroyConvolutionDescriptor(p->conv);
    if (p->relu) l->DestroyActivationDescriptor(p->relu);
    if (p->h) l->Destroy(p->h);
    cuda_free(cuda_of(r->dev), &p->work);
    free(p);
    r->self = NULL;
}

static ir_status tensor(cuda_dev *c, cudnnTensorDescriptor_t *t, int64_t n, int64_t channels, int64_t h,
                        int64_t w)
{
    ir_status st = DNN(CreateTensorDescriptor(t));
    return st == IR_OK ? DNN(SetTensor4dDescriptor(*t, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, (int)n,
                                                   (int)channels, (int)h, (int)w))
                       : st;
}

static ir_status describe(cuda_dev *c, plan *p, const ly_row *r, ir_dtype t)
{
    int       pad = (int)r->pad, stride = (int)r->stride;
    ir_status st = tensor(c, &p->x, r->batch, r->c, r->h, r->w);
    if (st == IR_OK) st = tensor(c, &p->y, r->batch, r->k, r->oh, r->ow);
    if (st == IR_OK) st = tensor(c, &p->v, 1, r->k, 1, 1);
    if (st == IR_OK) st = DNN(CreateFilterDescriptor(&p->w));
    if (st == IR_OK)
        st = DNN(SetFilter4dDescriptor(p->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, (int)r->k,
                                       (int)(r->c / r->groups), (int)r->r, (int)r->s));
    if (st == IR_OK) st = DNN(CreateConvolutionDescriptor(&p->conv));
    if (st == IR_OK)
        st = DNN(SetConvolution2dDescriptor(p->conv, pad, pad, stride, stride, 1, 1, CUDNN_CROSS_CORRELATION,
                                            CUDNN_DATA_FLOAT));
    if (st == IR_OK) st = DNN(SetConvolutionGroupCount(p->conv, (int)r->groups));
    if (st == IR_OK)
        st = DNN(SetConvolutionMathType(p->conv, t == IR_TF32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH));
    if (st == IR_OK) st = DNN(CreateActivationDescriptor(&p->relu));
    return st == IR_OK ? DNN(SetActivationDescriptor(p->relu, CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0))
                       : st;
}

static ir_status conv_setup(ir_run *r)
{
    cuda_dev *c = cuda_of(r->dev);
    plan     *p = calloc(1, sizeof *p);
    ly_row    row;
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "cudnn: no memory for the plan");
    wl_row_of(r->workload, &r->p, &row);
    p->fused = r->p.v[FUSE] == WL_FUSED;
    ir_status st = DNN(Create(&p->h));
    if (st == IR_OK) st = DNN(SetStream(p->h, c->stream));
    if (st == IR_OK) st = describe(c, p, &row, r->p.dtype);
    return st == IR_OK ? cuda_new(c, WORKSPACE, &p->work) : st;
}

/* Results come sorted by time. The library times by itself, so nothing may be held back meanwhile. */
static ir_status search(ir_run *r)
{
    plan                         *p = r->self;
    cudnnConvolutionFwdAlgoPerf_t found[TRIES];
    cuda_dev                     *c = cuda_of(r->dev);
    int                           n = 0;
    cuda_release(c);
    ir_status st =
        DNN(FindConvolutionForwardAlgorithmEx(p->h, p->x, r->mem[T_X].p, p->w, r->mem[T_W].p, p->conv, p->y,
                                              r->mem[T_Y].p, TRIES, &n, found, p->work, WORKSPACE));
    for (int i = 0; st == IR_OK && i < n && !p->searched; i++) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].memory > WORKSPACE) continue;
        p->algo = found[i].algo;
        p->work_B = found[i].memory;
        p->searched = true;
    }
    return st == IR_OK && !p->searched ? ir_fail(IR_SKIP, "cudnn: none of %d algorithms runs", n) : st;
}

static ir_status conv_once(ir_run *r)
{
    cuda_dev   *c = cuda_of(r->dev);
    const plan *p = r->self;
    const float one = 1, zero = 0;
    const void *x = r->mem[T_X].p, *w = r->mem[T_W].p;
    void       *y = r->mem[T_Y].p;
    cuda_queued(c, 4); /* it may launch more than one kernel */
    if (!p->fused)
        return DNN(ConvolutionForward(p->h, &one, p->x, x, p->w, w, p->conv, p->algo, p->work, p->work_B,
                                      &zero, p->y, y));
    return DNN(ConvolutionBiasActivationForward(p->h, &one, p->x, x, p->w, w, p->conv, p->algo, p->work,
                                                p->work_B, &zero, p->y, y, p->v, r->mem[T_V].p, p->relu, p->y,
                                                y));
}

static ir_status conv_run(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ir_status st = p->searched ? IR_OK : search(r);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = conv_once(r);
    return st;
}

static const ir_plan_ops cudnn_plan_ops = {.destroy = conv_teardown};

const ir_kernel cuda_conv_cudnn = {.family = "conv",
                                   .name = "cudnn",
                                   .doc = "cuDNN, the fastest of the algorithms it tries",
                                   .flags = IR_K_LIB,
                                   .can_run = conv_can_run,
                                   .plan = conv_setup,
                                   .run = conv_run,
                                   .ops = &cudnn_plan_ops};
