#!/usr/bin/env python3
"""test_gpu_plan.py GPU_SH PROGRAM -- the plan for a borrowed GPU to its end, on the stand-in device whose
stream kernel faults, with vendors' tools that only pretend: all steps are reached, the fault is named and
its family run again under memcheck, other families are proven, what comes back is packed, nothing outlives
the plan. Times are caps here, not results."""

import os
import re
import subprocess
import sys
import tarfile
import tempfile

gpu_sh, program = (os.path.abspath(p) for p in sys.argv[1:3])
TOOLS = {
    "nvidia-smi": 'case "$*" in *-lms*) exec sleep 1000 ;; *) echo "Stand-in H100" ;; esac',
    "compute-sanitizer": 'echo "========= Invalid __global__ read of size 4 bytes"; exit 9',
    "ncu": 'echo "==PROF== one kernel"',
    "nvcc": 'echo "no nvcc here" >&2; exit 1',
}
STEPS = ["survey", "selftest", "kernels", "torch", "networks", "compiled torch", "profiles", "ceilings"]
bad = []


def want(what, text):
    if not re.search(what, text, re.M):
        bad.append("'%s' is not in:\n%s" % (what, text))


# The proofs it calls: only the kernels that match, and what follows a fault is no skip.
r = subprocess.run(
    [program, "selftest", "kernels", "--backend", "cuda", "--filter", "^cuda/(chase|gather)/"],
    capture_output=True,
    text=True,
    timeout=600,
)
ran = {
    line.split()[1].split("/")[1] for line in r.stdout.splitlines() if re.match(r"(ok|FAIL|skip) +\w+/", line)
}
if ran != {"chase", "gather"} or r.returncode:
    bad.append("selftest --filter ran %s\n%s" % (sorted(ran), r.stdout))
r = subprocess.run(
    [program, "selftest", "kernels", "--backend", "cuda", "--filter", "^cuda/gather/"],
    capture_output=True,
    text=True,
    timeout=600,
    env=dict(os.environ, IRONROOF_STAND_IN_FAULT="gather_kernel"),
)
want(r"the device failed", r.stdout)
want(r"^FAIL cuda/gather/wide: .*: the device failed before", r.stdout)
want(r", 0 skipped|, \d+ failed", r.stdout)

with tempfile.TemporaryDirectory() as folder:
    tools, out, work = (os.path.join(folder, x) for x in ("tools", "out", "work"))
    os.mkdir(tools)
    for name, body in TOOLS.items():
        path = os.path.join(tools, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n%s\n" % body)
        os.chmod(path, 0o755)
    env = dict(
        os.environ,
        PATH=tools + os.pathsep + os.environ["PATH"],
        OUT=out,
        IRONROOF_GPU_DIR=work,
        IRONROOF_PROGRAM=program,
        IRONROOF_STAND_IN_FAULT="naive_kernel",
        IRONROOF_PYTHON=sys.executable,
    )
    r = subprocess.run(
        ["bash", gpu_sh, "--within", "120", "--small"], env=env, capture_output=True, text=True, timeout=600
    )
    for step in STEPS:
        want(r"^ *\d+ s  %s \(until" % step, r.stdout)
    want(r"faults: [1-9]", r.stdout)
    want(r"to reach", r.stdout)
    if r.returncode != 1:
        bad.append("exit code %d with a fault\n%s" % (r.returncode, r.stderr))
    with tarfile.open(os.path.join(out, "records.tar.gz")) as t:
        packed = set(t.getnames())
        faults = t.extractfile("records/faults.txt").read().decode()
    for name in (
        "faults.txt",
        "devices.txt",
        "clocks.csv",
        "nvidia-smi.log",
        "table1.txt",
        "table2.txt",
        "table3.txt",
    ):
        if "records/" + name not in packed:
            bad.append("%s was not packed: %s" % (name, sorted(packed)))
    # On a machine that is busy the first family may run out of its seconds; another one has the fault too.
    want(r"^== selftest-(\S+): exit code 2\n(.*\n)*== memcheck-\1: exit code 9", faults)
    want(r"cudaErrorIllegalAddress", faults)
    want(r"Invalid __global__ read", faults)
    if not os.path.exists(os.path.join(out, "table.txt")):
        bad.append("no table.txt")
    left = subprocess.run(["pgrep", "-f", tools + "/"], capture_output=True, text=True).stdout.split()
    if left:
        bad.append("processes outlive the plan: %s" % left)
    # A program that does not run, and nothing to build one with: said at once, packed all the same.
    env.update(
        IRONROOF_PROGRAM=os.path.join(folder, "none"),
        IRONROOF_GPU_DIR=os.path.join(folder, "again"),
        OUT=os.path.join(folder, "out2"),
    )
    r = subprocess.run(
        ["bash", gpu_sh, "--within", "60", "--small"], env=env, capture_output=True, text=True, timeout=600
    )
    if r.returncode != 1 or not os.path.exists(os.path.join(folder, "out2", "records.tar.gz")):
        bad.append("without a program: exit code %d\n%s%s" % (r.returncode, r.stdout, r.stderr))
print("\n".join(bad) or "all as expected")
sys.exit(1 if bad else 0)
