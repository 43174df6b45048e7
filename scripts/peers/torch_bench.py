#!/usr/bin/env python3
"""torch_bench.py [--quick] [--only NAME,...] [--how eager,graph,compiled] [--warm] -- what PyTorch reaches
on GPU 0, one JSON line a result.

Peers of our own rows, on the same shapes: device copy and sum (bandwidth), matmul (best shape), GPT-2 XL
decode at batch 1..64 (eager, compiled, CUDA graph), ResNet-50 in bf16, channels last. Weights are random:
time does not depend on them. {"peer":"torch","what":...,"value":...,"unit":...,...} on stdout; a peer that
fails is a line with "error". --how: of the networks only these. --warm: compile one block of GPT-2 XL, so
that what the compiler loads is there, and measure nothing. Times are medians of batches between CUDA
events. Exit 2 without PyTorch or without a GPU.
"""
import argparse
import json
import statistics
import sys
import traceback

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as e:
    print("torch_bench: %s" % e, file=sys.stderr)
    sys.exit(2)


def emit(what, value, unit, **more):
    print(json.dumps({"peer": "torch", "what": what, "value": value, "unit": unit, **more}), flush=True)


def seconds(f, batches=15, target=0.02):
    """Median time of a call: batches of calls between events, each about `target` seconds."""
    for _ in range(3):
        f()
    torch.cuda.synchronize()
    a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def run(n):
        a.record()
        for _ in range(n):
            f()
        b.record()
        b.synchronize()
        return a.elapsed_time(b) * 1e-3 / n

    n = max(1, min(1000, int(target / max(run(3), 1e-7))))
    return statistics.median(run(n) for _ in range(batches))


# ---- bandwidth, products -----------------------------------------------------------------------------
def bandwidth():
    n = 1 << 28
    x, y = torch.randn(n, device="cuda"), torch.empty(n, device="cuda")
    emit("copy", 2 * 4 * n / seconds(lambda: y.copy_(x)), "B/s", bytes=8 * n)
    emit("read", 4 * n / seconds(lambda: x.sum()), "B/s", bytes=4 * n)
    emit("triad", 3 * 4 * n / seconds(lambda: torch.add(x, y, alpha=3.0, out=y)), "B/s", bytes=12 * n)


def matmul(quick):
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        best = (0, 0)
        for n in (4096, 8192) if quick else (1024, 2048, 4096, 6144, 8192, 12288):
            a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))
            best = max(best, (2 * n**3 / seconds(lambda a=a, b=b: a @ b), n))
        emit("matmul", best[0], "flop/s", dtype=str(dtype).split(".")[-1], n=best[1])


# ---- GPT-2 -------------------------------------------------------------------------------------------
class Block(nn.Module):
    def __init__(self, d, heads, cap, batch):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc, self.fcproj = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.register_buffer("kv", torch.zeros(2, batch, heads, cap, d // heads))

    def forward(self, x, past):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        self.kv[0, :, :, past:past + t] = k
        self.kv[1, :, :, past:past + t] = v
        y = F.scaled_dot_product_attention(q, self.kv[0, :, :, :past + t], self.kv[1, :, :, :past + t],
                                           is_causal=past == 0 and t > 1)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.fcproj(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, layers, d, heads, batch, cap, vocab=50257):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, d), nn.Embedding(1024, d)
        self.block = nn.ModuleList(Block(d, heads, cap, batch) for _ in range(layers))
        self.ln = nn.LayerNorm(d)

    def forward(self, tokens, past):
        t = tokens.shape[1]
        x = self.wte(tokens) + self.wpe.weight[past:past + t]
        for b in self.block:
            x = b(x, past)
        return self.ln(x[:, -1]) @ self.wte.weight.T


SIZES = {"small": (12, 768, 12), "medium": (24, 1024, 16), "xl": (48, 1600, 25)}


def graphed(f):
    """f as one CUDA graph."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            f()
    torch.cuda.current_stream().wait_stream(side)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        f()
    return g.replay


HOWS = ("eager", "graph", "compiled")


def network(what, hows, step, model, args, **key):
    """One line for each way of running a step; compilers fail in many ways, the line says so."""
    ways = {"eager": lambda: step, "graph": lambda: graphed(step),
            "compiled": lambda: (lambda fast: lambda: fast(*args))(
                torch.compile(model, mode="reduce-overhead"))}
    with torch.inference_mode():
        for how in hows:
            try:
                emit(what, seconds(ways[how]()), "s", how=how, **key)
            except Exception as e:
                emit(what, None, "s", how=how, error=str(e)[:200], **key)


def warm():
    d, heads = SIZES["xl"][1:]
    block = torch.compile(Block(d, heads, 129, 1).cuda().bfloat16().eval(), mode="reduce-overhead")
    with torch.inference_mode():
        for _ in range(3):
            block(torch.randn(1, 1, d, device="cuda", dtype=torch.bfloat16), 128)
    torch.cuda.synchronize()


def gpt2(quick, hows):
    past = 128
    for size in ("xl",) if quick else ("small", "xl"):
        for batch in (1, 16) if quick else (1, 4, 16, 64):
            model = GPT(*SIZES[size], batch=batch, cap=past + 1).cuda().bfloat16().eval()
            tokens = torch.randint(50257, (batch, 1), device="cuda")
            key = {"size": size, "batch": batch, "tokens": 1, "past": past, "dtype": "bf16"}
            some = [h for h in hows if h != "compiled" or batch == 1 or not quick]
            network("gpt2", some, lambda model=model, tokens=tokens: model(tokens, past), model,
                    (tokens, past), **key)
            del model
            torch.cuda.empty_cache()


# ---- ResNet-50 -----------------------------------------------------------------------------------------
class Bottleneck(nn.Module):
    def __init__(self, c, width, stride):
        super().__init__()
        self.a = nn.Conv2d(c, width, 1)
        self.b = nn.Conv2d(width, width, 3, stride, 1)
        self.c = nn.Conv2d(width, 4 * width, 1)
        self.short = nn.Conv2d(c, 4 * width, 1, stride) if stride != 1 or c != 4 * width else nn.Identity()

    def forward(self, x):
        y = F.relu(self.b(F.relu(self.a(x))))
        return F.relu(self.c(y) + self.short(x))


class ResNet50(nn.Module):
    """v1.5 with batch norms folded into the convolutions, as our table has them."""

    def __init__(self):
        super().__init__()
        layers, c = [], 64
        for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(blocks):
                layers.append(Bottleneck(c, width, stride if i == 0 else 1))
                c = 4 * width
        self.stem = nn.Conv2d(3, 64, 7, 2, 3)
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2048, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        return self.head(self.body(x).mean((2, 3)))


def resnet50(quick, hows):
    model = ResNet50().cuda().bfloat16().eval().to(memory_format=torch.channels_last)
    for batch in (1, 64) if quick else (1, 4, 16, 64, 256):
        x = torch.randn(batch, 3, 224, 224, device="cuda", dtype=torch.bfloat16).to(
            memory_format=torch.channels_last)
        network("resnet50", hows, lambda x=x: model(x), model, (x,), batch=batch, res=224, dtype="bf16")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--only", default="bandwidth,matmul,gpt2,resnet50")
    p.add_argument("--how", default=",".join(HOWS))
    p.add_argument("--warm", action="store_true")
    args = p.parse_args()
    if not torch.cuda.is_available():
        print("torch_bench: PyTorch sees no GPU", file=sys.stderr)
        sys.exit(2)
    if args.warm:
        return warm()
    hows = args.how.split(",")
    emit("device", torch.cuda.get_device_name(0), "", torch=torch.__version__)
    steps = {"bandwidth": bandwidth, "matmul": lambda: matmul(args.quick),
             "gpt2": lambda: gpt2(args.quick, hows), "resnet50": lambda: resnet50(args.quick, hows)}
    failed = 0
    for name in args.only.split(","):
        try:
            steps[name]()
        except Exception as e:  # one peer's failure must not hide the others
            failed += 1
            traceback.print_exc()
            emit(name, None, "", error=str(e)[:200])
        torch.cuda.empty_cache()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
