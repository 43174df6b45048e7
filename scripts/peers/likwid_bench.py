"""likwid_bench.py -- rows of cpu.py: our streams and FMA chains beside likwid-bench (package likwid).

For read, write, copy and triad in L2 and in DRAM, and FMA in f64 and f32: each round runs likwid-bench's
variants and then ours on the same bytes and threads; the best variant of each counts. likwid-bench has no
kernel for scale and add."""
import re, shutil, subprocess

STREAMS = {"read": ("load", 1), "write": ("store", 1), "copy": ("copy", 2), "triad": ("stream", 3)}
PEAKS = {"f64": "peakflops", "f32": "peakflops_sp"}
DRAM_B = 192 << 20  # bytes per thread
CONTENDERS = 3      # variants that stay after the first round
SECONDS = 1


def missing():
    return None if shutil.which("likwid-bench") else "likwid-bench is not installed (package likwid)"


def variants(name):
    every = subprocess.run(["likwid-bench", "-a"], capture_output=True, text=True).stdout
    found = [line.split()[0] for line in every.splitlines()
             if re.match(rf"{name}(_mem)?(_sse|_avx|_avx512)?(_fma)? -", line)]
    flags = open("/proc/cpuinfo").read()
    return [v for v in found if ("avx512" not in v or "avx512f" in flags)
            and ("avx" not in v or " avx2 " in flags)]


def rate(variant, total, threads):
    run = subprocess.run(["likwid-bench", "-t", variant, "-s", str(SECONDS), "-w", f"S0:{total}B:{threads}"],
                         capture_output=True, text=True)
    key = "MFlops/s" if variant.startswith("peak") else "MByte/s"
    match = re.search(rf"^{key}:\s+([0-9.]+)", run.stdout, re.M)
    if not match:
        lines = (run.stderr or run.stdout).strip().splitlines()
        raise RuntimeError(f"likwid-bench {variant}: {lines[-1] if lines else 'no answer'}")
    return float(match.group(1)) * 1e6


class Best:
    """All variants in the first round, then the contenders. Says a name and a rate."""

    def __init__(self, family, total, threads):
        self.variants, self.total, self.threads = variants(family), total, threads
        if not self.variants:
            raise RuntimeError(f"likwid-bench has no {family} for this processor")

    def __call__(self):
        seen = {v: rate(v, self.total, self.threads) for v in self.variants}
        order = sorted(seen, key=seen.get, reverse=True)
        self.variants = order[:CONTENDERS]
        return order[0], seen[order[0]]

    def close(self):
        pass


def half_of_l2():
    with open("/sys/devices/system/cpu/cpu0/cache/index2/size") as f:
        return int(f.read().strip().rstrip("K")) << 9


def rows(threads):
    """(what, our points, our figure, what makes the peer)"""
    for t in sorted({1, threads}):
        for level, size in (("L2", half_of_l2()), ("DRAM", DRAM_B)):
            for op, (family, arrays) in STREAMS.items():
                total = size * t // (arrays * 64 * t) * arrays * 64 * t
                yield (f"{level} {op} {t}t", f"{op}:bytes={total},threads={t},streams=1,2,dtype=f64",
                       "bytes_per_s", lambda f=family, n=total, t=t: Best(f, n, t))
        for dtype, family in PEAKS.items():
            yield (f"peak {dtype} {t}t", f"fma:chains=12,16,iters=16384,dtype={dtype},threads={t}",
                   "flops_per_s", lambda f=family, t=t: Best(f, 16384 * t, t))
