#!/usr/bin/env python3
"""test_gpu_ratios.py RATIOS -- the table of a GPU run, from records made up here: every figure to reach is
found, the right side is above 1 when ours is better, what is missing is a dash, and a line that does not
parse is counted."""

import json
import os
import subprocess
import sys
import tempfile

ratios = os.path.abspath(sys.argv[1])
XL = {"size": "xl", "batch": 1, "tokens": 1, "past": 128}


def point(workload, kernel, T, dtype="bf16", **more):
    return dict(
        {
            "record": "point",
            "status": "ok",
            "backend": "cuda",
            "workload": workload,
            "kernel": kernel,
            "dtype": dtype,
            "params": {},
            "time_s": {"median": T},
        },
        **more
    )


def torch(what, value, **more):
    return dict({"peer": "torch", "what": what, "value": value, "unit": "?"}, **more)


def ceiling(what, value, **more):
    return dict({"record": "ceiling", "device": "cuda0", "what": what, "value": value}, **more)


records = [
    {"record": "machine", "backend": "cuda", "device": "cuda0", "spec_Bps": 5e12},
    point("copy", "wide", 1e-3, bytes=4e9, bytes_per_s=4.4e12),
    point("read", "wide", 1e-3, bytes=4e9, bytes_per_s=4.5e12),
    point(
        "copy", "small", 1e-6, bytes=1e6, bytes_per_s=9e12
    ),  # a working set in cache is no memory bandwidth
    torch("copy", 4e12),
    torch("matmul", 800e12, dtype="bfloat16", n=8192),
    ceiling("flops", 880e12, dtype="bf16", op="gemm", kernel="cublaslt"),
    ceiling("bandwidth", 5e12, op="read", level="DRAM"),
    point("gemm", "mma", 1, params={"m": 8192, "n": 8192, "k": 8192}, flops_per_s=600e12),
    point("gemm", "cublas", 1, params={"m": 8192, "n": 8192, "k": 8192}, flops_per_s=750e12),
    point("gpt2", "graph", 2e-3, params=XL, bytes_per_s=2e12),
    point("gpt2", "resident", 1e-3, params=XL, bytes_per_s=4e12),
    point("gpt2", "launches", 0.5e-3, params=XL, bytes_per_s=8e12),
    torch("gpt2", 1.5e-3, how="compiled", dtype="bf16", **XL),
    point("resnet50", "graph", 2e-3, params={"batch": 1, "res": 224}),
    torch("resnet50", 3e-3, how="compiled", dtype="bf16", batch=1, res=224),
    point("forkjoin", "queue", 2e-6),
    {"peer": "bare", "what": "queue", "value": 1.9e-6, "unit": "s"},
]
WANT = {
    "copy / PyTorch copy": "1.100",
    "copy / datasheet": "0.880",
    "read / datasheet": "0.900",
    "bf16 ceiling / torch.matmul": "1.100",
    "own gemm bf16 8192 / cuBLAS": "0.800",
    "GPT-2 XL decode / read ceiling": "0.800",
    "GPT-2 XL decode / torch compiled": "1.500",
    "ResNet-50 batch 1 / torch.compile": "1.500",
    "ResNet-50 batch 64 / torch.compile": "-",
    "launch queue / bare loop": "0.950",
    "launch graph / bare loop": "-",
}

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "r.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(json.dumps(r) + "\n" for r in records) + '{"record": "poi')
    r = subprocess.run(
        [sys.executable, ratios, path, os.path.join(folder, "none.jsonl")],
        capture_output=True,
        text=True,
        timeout=600,
    )
    bad = []
    for name, want in WANT.items():
        line = next((x for x in r.stdout.splitlines() if x.startswith(name)), "")
        if want not in line.split():
            bad.append("%s: %s expected in '%s'" % (name, want, line))
    if r.returncode or "1 lines did not parse" not in r.stderr or "none.jsonl" not in r.stderr:
        bad.append("exit code %d: %s" % (r.returncode, r.stderr))
    lines = r.stdout.splitlines()
    bounds = {
        x[:34].strip(): x.split()[-1] for x in lines if x.startswith(("copy / datasheet", "read / datasheet"))
    }
    if bounds != {"copy / datasheet": "none", "read / datasheet": "0.93"}:
        bad.append("only what reads is held against the datasheet: %s" % bounds)
    with open(path, "w", encoding="utf-8") as f:  # the same without ceilings: the points stand for them
        f.write("".join(json.dumps(r) + "\n" for r in records if r.get("record") != "ceiling"))
    bare = subprocess.run([sys.executable, ratios, path], capture_output=True, text=True, timeout=600)
    for name, want in {
        "bf16 ceiling / torch.matmul": "0.938",
        "GPT-2 XL decode / read ceiling": "0.889",
    }.items():
        line = next((x for x in bare.stdout.splitlines() if x.startswith(name)), "")
        if want not in line.split():
            bad.append("without ceilings %s: %s expected in '%s'" % (name, want, line))
    empty = subprocess.run([sys.executable, ratios, os.devnull], capture_output=True, text=True, timeout=600)
    if empty.stdout.count(" - ") < 10:
        bad.append("without records everything is a dash: %s" % empty.stdout)
print("\n".join(bad) or "all as expected\n")
sys.exit(1 if bad else 0)
