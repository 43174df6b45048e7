#!/usr/bin/env python3
"""gpu_ratios.py RECORD... TORCH.jsonl -- our best rows beside PyTorch's with their ratio (above 1: ours is
better), and the figures to reach.

Reads the points and ceilings of our records and the lines of torch_bench.py; a side that is missing is a
dash. Where no ceiling was measured the fastest point that measures the same stands for it. A rate is compared
as ours/theirs, a time as theirs/ours. Files or lines that do not parse are skipped and counted. Standard
library only.
"""

import json
import sys


def lines(paths):
    bad = 0
    for path in paths:
        try:
            with open(path, encoding="utf-8") as f:
                for text in f:
                    try:
                        yield json.loads(text)
                    except ValueError:
                        bad += 1
        except OSError as e:
            print("gpu_ratios: %s" % e, file=sys.stderr)
    if bad:
        print("gpu_ratios: %d lines did not parse" % bad, file=sys.stderr)


def ours_of(points, workload, **want):
    """Fastest ok point of a workload: (seconds, point)."""
    best = None
    for p in points:
        if p.get("status") != "ok" or p.get("workload") != workload or p.get("backend") != "cuda":
            continue
        have = dict(p.get("params") or {}, dtype=p.get("dtype"))
        if any(str(have.get(k)) != str(v) for k, v in want.items()):
            continue
        t = (p.get("time_s") or {}).get("median")
        if t and (best is None or t < best[0]):
            best = (t, p)
    return best


def device_rate(points, op):
    """Best rate of a stream past every cache, bytes/s; None: none was measured."""
    return (
        max(
            [
                p.get("bytes_per_s") or 0
                for p in points
                if p.get("workload") == op
                and p.get("status") == "ok"
                and p.get("backend") == "cuda"
                and (p.get("bytes") or 0) >= 1 << 28
            ],
            default=0,
        )
        or None
    )


def point_rate(points, dtype):
    """Best rate of matrix units in a dtype, FLOP/s; None: none was measured."""
    return (
        max(
            [
                p.get("flops_per_s") or 0
                for p in points
                if p.get("workload") in ("mma", "gemm")
                and p.get("status") == "ok"
                and p.get("backend") == "cuda"
                and p.get("dtype") == dtype
            ],
            default=0,
        )
        or None
    )


def table(records):
    points = [r for r in records if r.get("record") == "point"]
    torch = [r for r in records if r.get("peer") == "torch" and r.get("value") is not None]
    rows = []

    def rate(name, ours, theirs, unit, by):
        rows.append((name, ours, theirs, ours / theirs if ours and theirs else None, unit, by))

    def time(name, ours, theirs, by):
        rows.append((name, ours, theirs, theirs / ours if ours and theirs else None, "s", by))

    for op in ("copy", "read", "triad"):
        theirs = max([t["value"] for t in torch if t["what"] == op], default=None)
        rate(op, device_rate(points, op), theirs, "B/s", "device memory")
    for t in torch:
        if t["what"] == "matmul":
            dtype = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}[t["dtype"]]
            mine = {}
            for c in records:
                if (
                    c.get("record") == "ceiling"
                    and c.get("what") == "flops"
                    and c.get("dtype") == dtype
                    and str(c.get("device", "")).startswith("cuda")
                ):
                    name = "%s %s, ceiling" % (c.get("op"), c.get("kernel"))
                    mine[name] = max(mine.get(name, 0), c.get("value") or 0)
            for p in points:
                if (
                    p.get("workload") == "gemm"
                    and p.get("status") == "ok"
                    and p.get("dtype") == dtype
                    and p.get("backend") == "cuda"
                ):
                    name = "gemm %s" % p["kernel"]
                    mine[name] = max(mine.get(name, 0), p.get("flops_per_s") or 0)
            for kernel, value in sorted(mine.items()):
                rate("%s %s" % (dtype, kernel), value, t["value"], "flop/s", "torch n=%s" % t.get("n"))
        elif t["what"] == "gpt2":
            best = ours_of(
                points,
                "gpt2",
                size=t["size"],
                batch=t["batch"],
                tokens=t["tokens"],
                past=t["past"],
                dtype=t["dtype"],
            )
            time(
                "gpt2 %s batch %s" % (t["size"], t["batch"]),
                best and best[0],
                t["value"],
                "%s, torch %s" % (best[1]["kernel"] if best else "-", t["how"]),
            )
        elif t["what"] == "resnet50":
            best = ours_of(points, "resnet50", batch=t["batch"], res=t["res"], dtype=t["dtype"])
            time(
                "resnet50 batch %s" % t["batch"],
                best and best[0],
                t["value"],
                "%s, torch %s" % (best[1]["kernel"] if best else "-", t["how"]),
            )
    return rows


def wanted(records):
    """The figures the CUDA backend is to reach: (what, ours, theirs, ratio, bound, unit). The ratio is
    ours/theirs or theirs/ours, so that above 1 is better. A side that was not measured is None."""
    points = [r for r in records if r.get("record") == "point"]
    ceilings = [
        c for c in records if c.get("record") == "ceiling" and str(c.get("device", "")).startswith("cuda")
    ]

    def peer(who, what, **want):
        return [
            r["value"]
            for r in records
            if r.get("peer") == who
            and r.get("what") == what
            and r.get("value")
            and all(str(r.get(k)) == str(v) for k, v in want.items())
        ]

    def ratio(a, b):
        return a / b if a and b else None

    rows = []
    # Published for an H200 of 4.8 TB/s: copy 4.01, triad 4.18, dot 4.57. A copy turns the bus around: only
    # what reads comes near the datasheet.
    spec = (
        max(
            [
                r.get("spec_Bps") or 0
                for r in records
                if r.get("record") == "machine" and r.get("backend") == "cuda"
            ],
            default=0,
        )
        or None
    )
    for op in ("copy", "read"):
        theirs = max(peer("torch", "copy"), default=None)
        rows.append(
            (
                op + " / PyTorch copy",
                device_rate(points, op),
                theirs,
                ratio(device_rate(points, op), theirs),
                ">= 1.00",
                "B/s",
            )
        )
        rows.append(
            (
                op + " / datasheet",
                device_rate(points, op),
                spec,
                ratio(device_rate(points, op), spec),
                ">= 0.93" if op == "read" else "none",
                "B/s",
            )
        )
    top = max(
        [c.get("value") or 0 for c in ceilings if c.get("what") == "flops" and c.get("dtype") == "bf16"],
        default=0,
    ) or point_rate(points, "bf16")
    mm = max(peer("torch", "matmul", dtype="bfloat16"), default=None)
    rows.append(("bf16 ceiling / torch.matmul", top, mm, ratio(top, mm), ">= 1.00", "flop/s"))
    gemm = {}
    for p in points:
        q = p.get("params") or {}
        if (
            p.get("workload") == "gemm"
            and p.get("status") == "ok"
            and p.get("dtype") == "bf16"
            and [q.get(k) for k in "mnk"] == [8192] * 3
        ):
            gemm[p["kernel"]] = max(gemm.get(p["kernel"], 0), p.get("flops_per_s") or 0)
    own = max([v for k, v in gemm.items() if not k.startswith("cublas")], default=None)
    lib = max([v for k, v in gemm.items() if k.startswith("cublas")], default=None)
    rows.append(("own gemm bf16 8192 / cuBLAS", own, lib, ratio(own, lib), ">= 0.75", "flop/s"))
    shape = {"size": "xl", "batch": 1, "tokens": 1, "past": 128, "dtype": "bf16"}
    replay = [p for p in points if "graph" in p.get("kernel", "") or p.get("kernel") == "resident"]
    best = ours_of(replay, "gpt2", **shape)
    reads = max(
        [
            c.get("value") or 0
            for c in ceilings
            if c.get("what") == "bandwidth" and c.get("op") == "read" and c.get("level") == "DRAM"
        ],
        default=0,
    ) or device_rate(points, "read")
    got = best[1].get("bytes_per_s") if best else None
    rows.append(("GPT-2 XL decode / read ceiling", got, reads, ratio(got, reads), ">= 0.85", "B/s"))
    torch = min(peer("torch", "gpt2", how="compiled", **shape), default=None)
    rows.append(
        (
            "GPT-2 XL decode / torch compiled",
            best and best[0],
            torch,
            ratio(torch, best and best[0]),
            "> 1",
            "s",
        )
    )
    for batch in (1, 64):
        key = {"batch": batch, "res": 224, "dtype": "bf16"}
        best = ours_of(points, "resnet50", **key)
        torch = min(peer("torch", "resnet50", how="compiled", **key), default=None)
        rows.append(
            (
                "ResNet-50 batch %d / torch.compile" % batch,
                best and best[0],
                torch,
                ratio(torch, best and best[0]),
                "> 1",
                "s",
            )
        )
    for kernel in ("queue", "sync", "graph"):
        best = ours_of([p for p in points if p.get("kernel") == kernel], "forkjoin")
        bare = min(peer("bare", kernel), default=None)
        rows.append(
            (
                "launch %s / bare loop" % kernel,
                best and best[0],
                bare,
                ratio(bare, best and best[0]),
                ">= 0.91",
                "s",
            )
        )
    return rows


def text(v, unit):
    if not v:
        return "-"
    if unit == "s":
        return "%.3f ms" % (1e3 * v) if v >= 1e-4 else "%.3f us" % (1e6 * v)
    return "%.4g %s" % (v / 1e12, "TB/s" if unit == "B/s" else "TFLOP/s")


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    records = list(lines(sys.argv[1:]))
    rows = table(records)
    print("%-28s %14s %14s %7s  %s" % ("what", "ironroof", "torch", "ratio", "by"))
    for name, ours, theirs, ratio, unit, by in rows:
        print(
            "%-28s %14s %14s %7s  %s"
            % (name, text(ours, unit), text(theirs, unit), "%.3f" % ratio if ratio else "-", by)
        )
    print(
        "\n%-34s %14s %14s %7s  %s"
        % ("to reach (above 1: ours better)", "ironroof", "other", "ratio", "bound")
    )
    for name, ours, theirs, ratio, bound, unit in wanted(records):
        print(
            "%-34s %14s %14s %7s  %s"
            % (name, text(ours, unit), text(theirs, unit), "%.3f" % ratio if ratio else "-", bound)
        )
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
