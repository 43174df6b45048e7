/* bare_launch.cu -- what launching a kernel costs without anything of ours around it: a loop of launches
 * between two waits, one launch and wait, and the node of a graph. The kernel and the graph's length are
 * forkjoin's: a read-modify-write of one counter, 64 nodes. Host clock, median of 31 batches; one JSON line
 * each. Exit 1: a call failed. */
#include <algorithm>
#include <chrono>
#include <cstdio>

__global__ void tick(unsigned long long *seen)
{
    if (threadIdx.x == 0) *seen += 1;
}

static bool ok(cudaError_t e)
{
    if (e != cudaSuccess) fprintf(stderr, "bare_launch: %s\n", cudaGetErrorString(e));
    return e == cudaSuccess;
}
static double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/* Seconds of one of n launches that body makes before the stream is waited for; NAN-free: 0 after a failure.
 */
template <class F> static double each(cudaStream_t s, int n, F body)
{
    double t[31];
    for (double &x : t) {
        double t0 = now();
        body();
        if (!ok(cudaStreamSynchronize(s))) return 0;
        x = (now() - t0) / n;
    }
    std::sort(t, t + 31);
    return t[15];
}

int main()
{
    const int           n = 512, nodes = 64;
    unsigned long long *seen;
    cudaStream_t        s;
    cudaGraph_t         g;
    cudaGraphExec_t     exec;
    if (!ok(cudaStreamCreate(&s)) || !ok(cudaMalloc(&seen, sizeof *seen))) return 1;
    auto many = [&](int m) {
        for (int i = 0; i < m; i++) tick<<<1, 32, 0, s>>>(seen);
    };
    double queue = each(s, n, [&] { many(n); }), sync = each(s, 1, [&] { many(1); });
    if (!ok(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal))) return 1;
    many(nodes);
    if (!ok(cudaStreamEndCapture(s, &g)) || !ok(cudaGraphInstantiate(&exec, g))) return 1;
    double graph = each(s, n, [&] {
        for (int i = 0; i < n / nodes; i++) ok(cudaGraphLaunch(exec, s));
    });
    if (!ok(cudaGetLastError()) || queue <= 0 || sync <= 0 || graph <= 0) return 1;
    printf("{\"peer\":\"bare\",\"what\":\"queue\",\"value\":%.9g,\"unit\":\"s\"}\n", queue);
    printf("{\"peer\":\"bare\",\"what\":\"sync\",\"value\":%.9g,\"unit\":\"s\"}\n", sync);
    printf("{\"peer\":\"bare\",\"what\":\"graph\",\"value\":%.9g,\"unit\":\"s\"}\n", graph);
    return 0;
}
