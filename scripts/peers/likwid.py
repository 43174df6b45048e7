#!/usr/bin/env python3
"""likwid.py -- our streams and FMA chains beside likwid-bench, interleaved in one run.

usage: likwid.py [--ironroof build/ironroof] [--threads 1,2] [--rounds 7] [--only REGEX] [-o FILE.json]

For every operation that both have (read, write, copy, triad; f64 and f32 FMA) and every level asked for, each
round runs likwid-bench's variants and then ours, so that both see the same machine. Compared are the best
variant of each (by median over the rounds), as the median of the rounds' ratios with its range. likwid-bench
has no kernel for scale and add. Needs the package likwid. Exit code 0: measured; 77: likwid-bench is not
here."""
import argparse, json, re, shutil, statistics, subprocess, sys

STREAMS = {"read": ("load", 1), "write": ("store", 1), "copy": ("copy", 2), "triad": ("stream", 3)}
LEVELS = {"L2": None, "DRAM": 192 << 20}  # bytes per thread; of L2, half of it
PEAKS = {"f64": "peakflops", "f32": "peakflops_sp"}


def variants(name):
    every = subprocess.run(["likwid-bench", "-a"], capture_output=True, text=True).stdout
    found = [line.split()[0] for line in every.splitlines()
             if re.match(rf"{name}(_mem)?(_sse|_avx|_avx512)?(_fma)? -", line)]
    flags = open("/proc/cpuinfo").read()
    return [v for v in found if ("avx512" not in v or "avx512f" in flags)
            and ("avx" not in v or " avx2 " in flags)]


def likwid(variant, bytes_all, threads, seconds):
    run = subprocess.run(["likwid-bench", "-t", variant, "-s", str(seconds), "-w",
                          f"S0:{bytes_all}B:{threads}"],
                         capture_output=True, text=True)
    key = "MFlops/s" if variant.startswith("peak") else "MByte/s"
    match = re.search(rf"^{key}:\s+([0-9.]+)", run.stdout, re.M)
    return float(match.group(1)) * 1e6 if match else None


def ours(program, spec, key):
    run = subprocess.run([program, "run", spec, "--no-report", "--quiet", "--ceilings", "none", "-o", "-"],
                         capture_output=True, text=True)
    best = {}
    for line in run.stdout.splitlines():
        row = json.loads(line)
        if row.get("record") == "point" and row.get("status") == "ok" and row["kernel"] != "naive":
            name = row["kernel"] + (f", {row['params']['streams']} streams" if "streams" in row["params"]
                                    else "")
            best[name] = row[key]
    return best


def half_of_l2():
    with open("/sys/devices/system/cpu/cpu0/cache/index2/size") as f:
        return int(f.read().strip().rstrip("K")) << 9


def cell(what, threads, rounds, seconds, their_variants, their_bytes, program, spec, key):
    theirs, mine = {}, {}
    for _ in range(rounds):
        for v in their_variants:
            theirs.setdefault(v, []).append(likwid(v, their_bytes, threads, seconds))
        for kernel, rate in ours(program, spec, key).items():
            mine.setdefault(kernel, []).append(rate)
        if len(their_variants) > 3:  # after the first round only the contenders
            their_variants = sorted(theirs, key=lambda v: -(theirs[v][0] or 0))[:3]
    theirs = {v: r for v, r in theirs.items() if len(r) == rounds and None not in r}
    if not theirs or not mine:
        return None
    best = lambda d: max(d, key=lambda k: statistics.median(d[k]))
    t, m = best(theirs), best(mine)
    ratios = sorted(a / b for a, b in zip(mine[m], theirs[t]))
    row = {"what": what, "threads": threads, "ironroof": m, "likwid": t, "ours": statistics.median(mine[m]),
           "theirs": statistics.median(theirs[t]), "ratio": statistics.median(ratios), "low": ratios[0],
           "high": ratios[-1]}
    print(f"{what:12} {threads} t  {m:24} {row['ours'] / 1e9:8.1f}   {t:22} {row['theirs'] / 1e9:8.1f}   "
          f"{row['ratio']:.3f}  [{row['low']:.3f}, {row['high']:.3f}]", flush=True)
    return row


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--ironroof", default="build/ironroof")
    ask.add_argument("--threads", default="1,2")
    ask.add_argument("--rounds", type=int, default=7)
    ask.add_argument("--seconds", type=float, default=1)
    ask.add_argument("--only", default="")
    ask.add_argument("--l2-kib", type=int, default=0,
                     help="working set per thread of the L2 rows; default half of it")
    ask.add_argument("-o", "--output")
    a = ask.parse_args()
    if not shutil.which("likwid-bench"):
        print("likwid-bench is not installed (package likwid)")
        return 77
    rows = []
    print(f"{'':16} {'ironroof':26} {'G/s':>8}   {'likwid-bench':22} {'G/s':>8}   ratio  [range of "
          f"{a.rounds} rounds]")
    for threads in (int(t) for t in a.threads.split(",")):
        for level, size in {**LEVELS, "L2": a.l2_kib << 10 or half_of_l2()}.items():
            for op, (family, arrays) in STREAMS.items():
                if not re.search(a.only, f"{level} {op}"):
                    continue
                total = size * threads // (arrays * 64 * threads) * arrays * 64 * threads
                spec = f"{op}:bytes={total},threads={threads},streams=1,2,dtype=f64"
                rows.append(cell(f"{level} {op}", threads, a.rounds, a.seconds, variants(family), total,
                                 a.ironroof, spec, "bytes_per_s"))
        for dtype, family in PEAKS.items():
            if re.search(a.only, f"peak {dtype}"):
                spec = f"fma:chains=12,16,iters=16384,dtype={dtype},threads={threads}"
                rows.append(cell(f"peak {dtype}", threads, a.rounds, a.seconds, variants(family),
                                 16384 * threads, a.ironroof, spec, "flops_per_s"))
    rows = [r for r in rows if r]
    if a.output:
        json.dump(rows, open(a.output, "w"), indent=1)
    return 0 if rows else 2


sys.exit(main())
