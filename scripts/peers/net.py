#!/usr/bin/env python3
"""net.py [--rounds N] [--net PROGRAM] [--mca KEY=VALUE]... -- ironroof-net's ping-pong beside NetPIPE's.

Two processes of this machine, rounds in turn; one way times by size and their ratio (NetPIPE's over ours:
above 1, ours is faster). NetPIPE is the package netpipe-openmpi. Exit 0: within 10 % at every size; 1:
not; 77: something is not installed.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = [4**k for k in range(12)]  # what ironroof-net measures: 1 B to 4 MiB


def mpirun(mca, *programs):
    """Two processes, each with its words."""
    words = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
    for pair in mca:
        words += ["--mca", *pair.split("=", 1)]
    for i, program in enumerate(programs):
        words += ([":"] if i else []) + ["-np", "1", "-x", "IRONROOF_NODE=node%d" % i, *program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit("net.py: %s: %s" % (programs[0][0], (done.stderr or done.stdout).strip()[-400:]))


def ours(program, mca, folder):
    path = os.path.join(folder, "net.jsonl")
    if os.path.exists(path):
        os.remove(path)
    mpirun(mca, *[[program, path, "2", "1", "10", "0"]] * 2)
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return {int(x["size_B"]): x["value"] for x in lines if x["what"] == "pingpong"}


def theirs(program, mca, folder):
    path = os.path.join(folder, "np.out")
    mpirun(mca, *[[program, "-l", "1", "-u", str(SIZES[-1]), "-p", "0", "-o", path]] * 2)
    with open(path, encoding="utf-8") as f:
        rows = [line.split() for line in f]
    return {int(r[0]): float(r[2]) for r in rows if len(r) >= 3}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--net", default=os.path.join(here, "..", "..", "build", "ironroof-net"))
    p.add_argument("--mca", action="append", default=[])
    a = p.parse_args()
    pipe = shutil.which("NPopenmpi") or shutil.which("NPmpi")
    if not pipe or not shutil.which("mpirun") or not os.access(a.net, os.X_OK):
        print("not installed: NetPIPE (netpipe-openmpi), mpirun (openmpi-bin) or %s" % a.net)
        return 77
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(a.rounds):
            rounds.append((ours(a.net, a.mca, folder), theirs(pipe, a.mca, folder)))
    print("%9s %12s %12s %7s  %s" % ("bytes", "ironroof us", "NetPIPE us", "ratio", "range over rounds"))
    off = 0
    for size in SIZES:
        pairs = [(o[size], t[size]) for o, t in rounds if size in o and size in t]
        if not pairs:
            continue
        ratio = [t / o for o, t in pairs]
        middle = statistics.median(ratio)
        off += not 1 / 1.1 <= middle <= 1.1
        print(
            "%9d %12.2f %12.2f %7.3f  %.3f to %.3f"
            % (
                size,
                1e6 * statistics.median(o for o, _ in pairs),
                1e6 * statistics.median(t for _, t in pairs),
                middle,
                min(ratio),
                max(ratio),
            )
        )
    print("%d of %d sizes differ by more than 10 %%" % (off, len(SIZES)))
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
