#!/usr/bin/env python3
"""opencl.py -- the OpenCL backend beside its peers, interleaved in one run on one machine.

usage: opencl.py [--ironroof build/ironroof] [--rounds 3] [--bytes 256M] [--only REGEX] [-o FILE.json]

Each round runs, one after the other: copy and triad at DRAM size on OpenCL and on the CPU backend; gemm 1024 f32 blocked,
CLBlast and (CPU) OpenBLAS; the OpenCL read of DRAM, a GPT-2 decode step, that read again. Compared are the fastest kernels
of each side as the median of the rounds' ratios with its range; a decode step against the higher of the two reads around it.
The bounds are those of the project's goals for a CPU runtime. Exit code 0: every bound met; 1: one was missed; 77: no OpenCL device."""
import argparse, json, os, re, statistics, subprocess, sys

GPT = "gpt2:size=small,batch=1,tokens=1,past=128,dtype=%s"


def best(program, backend, spec, key, kernels=".*"):
    """The highest rate over the kernels whose name matches; None where nothing ran. OpenBLAS chooses its own kernels."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    run = subprocess.run([program, "run", spec, "--backend", backend, "--filter", f"/({kernels})$", "--no-report", "--quiet",
                          "--ceilings", "none", "-o", "-"], capture_output=True, text=True, env=env)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    rates = [r[key] for r in rows if r.get("record") == "point" and r.get("status") == "ok"]
    return max(rates, default=None)


def decode(program, size, dtype):
    read = lambda: best(program, "opencl", f"read:bytes={size},streams=1,4,dtype=f32", "bytes_per_s", "narrow|wide")
    before = read()
    step = best(program, "opencl", GPT % dtype, "bytes_per_s", "layers")
    after = read()
    return step, max(filter(None, (before, after)), default=None)


def comparisons(program, size):
    bytes_of = lambda backend, op: best(program, backend, f"{op}:bytes={size}", "bytes_per_s", "narrow|narrow_nt|regular|nt|wide|wide_nt")
    flops_of = lambda backend, kernel: best(program, backend, "gemm:m=1024,n=1024,k=1024,dtype=f32", "flops_per_s", kernel)
    gemm = lambda peer: (flops_of("opencl", "blocked"), flops_of(*peer))
    return [("copy, CPU backend", 0.9, lambda: (bytes_of("opencl", "copy"), bytes_of("cpu", "copy"))),
            ("triad, CPU backend", 0.9, lambda: (bytes_of("opencl", "triad"), bytes_of("cpu", "triad"))),
            ("gemm, CLBlast", 0.5, lambda: gemm(("opencl", "clblast"))),
            ("gemm, OpenBLAS", 0.5, lambda: gemm(("cpu", "openblas"))),
            ("decode f32, read", 0.8, lambda: decode(program, size, "f32")),
            ("decode bf16, read", None, lambda: decode(program, size, "bf16"))]


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--ironroof", default="build/ironroof")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--bytes", default="256M")
    ask.add_argument("--only", default="")
    ask.add_argument("-o", "--output")
    a = ask.parse_args()
    if best(a.ironroof, "opencl", "read:bytes=64k", "bytes_per_s") is None:
        print("no OpenCL device here")
        return 77
    wanted = [c for c in comparisons(a.ironroof, a.bytes) if re.search(a.only, c[0])]
    seen = {name: [] for name, _, _ in wanted}
    for _ in range(a.rounds):
        for name, _, pair in wanted:
            seen[name].append(pair())
    rows = []
    print(f"{'':20} {'OpenCL':>9} {'peer':>9} G/s   ratio  [range of {a.rounds} rounds]  bound")
    for name, bound, _ in wanted:
        pairs = [p for p in seen[name] if None not in p]
        if not pairs:
            print(f"{name:20} not here")
            continue
        ratios = sorted(x / y for x, y in pairs)
        row = {"what": name, "opencl": statistics.median(x for x, _ in pairs), "peer": statistics.median(y for _, y in pairs),
               "ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1], "bound": bound}
        rows.append(row)
        print(f"{name:20} {row['opencl'] / 1e9:9.1f} {row['peer'] / 1e9:9.1f}       {row['ratio']:.3f}  "
              f"[{row['low']:.3f}, {row['high']:.3f}]  {'' if bound is None else '>= %.2f ' % bound + ('met' if row['ratio'] >= bound else 'missed')}",
              flush=True)
    if a.output:
        json.dump(rows, open(a.output, "w"), indent=1)
    return 0 if all(r["bound"] is None or r["ratio"] >= r["bound"] for r in rows) else 1


sys.exit(main())
