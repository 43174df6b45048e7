#!/usr/bin/env python3
"""opencl.py -- the OpenCL backend beside its peers, interleaved in one run on one machine.

usage: opencl.py [--ironroof build/ironroof] [--rounds 3] [--bytes 256M] [--only REGEX] [--ceilings FILE] [-o
FILE.json]

Each round runs, one after the other: copy and triad at DRAM size on OpenCL and on the CPU backend; gemm 1024
f32 blocked, CLBlast and (CPU) OpenBLAS; GPT-2 decode steps with the read of DRAM between them. Compared are
the fastest kernels of each side as the median of the rounds' ratios with its range; a decode step against the
read ceiling times what the reads between its samples had of it (bandwidth_now). The ceilings are measured
first, unless a record of this device is given. The bounds are those of the project's goals for a CPU runtime.
Exit code 0: every bound met; 1: one was missed; 77: no OpenCL device."""
import argparse, json, os, re, statistics, subprocess, sys, tempfile

GPT = "gpt2:size=medium,batch=%d,tokens=1,past=128,dtype=%s"


def records(program, spec, backend, kernels, ceilings="none"):
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    run = subprocess.run([program, "run", spec, "--backend", backend, "--filter", f"/({kernels})$",
                          "--no-report", "--quiet",
                          "--ceilings", ceilings, "-o", "-"], capture_output=True, text=True, env=env)
    return [json.loads(line) for line in run.stdout.splitlines()]


def best(program, backend, spec, key, kernels=".*"):
    """The highest rate over the kernels whose name matches; None where nothing ran. OpenBLAS chooses its own
    kernels."""
    rates = [r[key] for r in records(program, spec, backend, kernels) if r.get("record") == "point"
             and r.get("status") == "ok"]
    return max(rates, default=None)


def decode(program, ceilings, batch, dtype):
    """The step's rate, and what the memory gave reads in the same seconds."""
    read, step, now = None, None, None
    for r in records(program, GPT % (batch, dtype), "opencl", "layers", ceilings):
        if r.get("record") == "ceiling" and (r["what"], r.get("level"), r.get("op")) == ("bandwidth", "DRAM",
                                                                                         "read"):
            read = r["value"]
        if r.get("record") == "point" and r["workload"] == "gpt2" and r["status"] == "ok":
            step, now = r["bytes_per_s"], r["bandwidth_now"]
    return step, read * now if read and now else None


def comparisons(program, size, ceilings):
    bytes_of = lambda backend, op: best(program, backend, f"{op}:bytes={size}", "bytes_per_s",
                                        "narrow|narrow_nt|regular|nt|wide|wide_nt")
    flops_of = lambda backend, kernel: best(program, backend, "gemm:m=1024,n=1024,k=1024,dtype=f32",
                                            "flops_per_s", kernel)
    gemm = lambda peer: (flops_of("opencl", "blocked"), flops_of(*peer))
    return [("copy, CPU backend", 0.9, lambda: (bytes_of("opencl", "copy"), bytes_of("cpu", "copy"))),
            ("triad, CPU backend", 0.9, lambda: (bytes_of("opencl", "triad"), bytes_of("cpu", "triad"))),
            ("gemm, CLBlast", 0.5, lambda: gemm(("opencl", "clblast"))),
            ("gemm, OpenBLAS", 0.5, lambda: gemm(("cpu", "openblas"))),
            ("decode f32, read", 0.8, lambda: decode(program, ceilings, 1, "f32")),
            ("decode f32 x 4, read", None, lambda: decode(program, ceilings, 4, "f32")),
            ("decode bf16, read", None, lambda: decode(program, ceilings, 1, "bf16")),
            ("decode i8, read", None, lambda: decode(program, ceilings, 1, "i8"))]


def measured(program, folder):
    path = os.path.join(folder, "ceilings.jsonl")
    subprocess.run([program, "ceilings", "--backend", "opencl", "--quiet", "--no-report", "--force",
                    "-o", path],
                   stdout=subprocess.DEVNULL, check=True)
    return path


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--ironroof", default="build/ironroof")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--bytes", default="256M")
    ask.add_argument("--only", default="")
    ask.add_argument("--ceilings")
    ask.add_argument("-o", "--output")
    a = ask.parse_args()
    if best(a.ironroof, "opencl", "read:bytes=64k", "bytes_per_s") is None:
        print("no OpenCL device here")
        return 77
    folder = tempfile.TemporaryDirectory()
    needed = any(re.search(a.only, c[0]) for c in comparisons("", "", "") if c[0].startswith("decode"))
    ceilings = a.ceilings or (measured(a.ironroof, folder.name) if needed else "none")
    wanted = [c for c in comparisons(a.ironroof, a.bytes, ceilings) if re.search(a.only, c[0])]
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
        row = {"what": name, "opencl": statistics.median(x for x, _ in pairs),
               "peer": statistics.median(y for _, y in pairs),
               "ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1], "bound": bound}
        rows.append(row)
        print(f"{name:20} {row['opencl'] / 1e9:9.1f} {row['peer'] / 1e9:9.1f}       {row['ratio']:.3f}  "
              f"[{row['low']:.3f}, {row['high']:.3f}]  "
              + ("" if bound is None else
                 ">= %.2f %s" % (bound, "met" if row["ratio"] >= bound else "missed")),
              flush=True)
    if a.output:
        json.dump(rows, open(a.output, "w"), indent=1)
    return 0 if all(r["bound"] is None or r["ratio"] >= r["bound"] for r in rows) else 1


sys.exit(main())
