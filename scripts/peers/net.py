#!/usr/bin/env python3
"""net.py [--rounds N] [--net PROGRAM] [--launcher mpirun] [--netpipe NPopenmpi] [--mca KEY=VALUE]... --
ironroof-net's ping-pong beside NetPIPE's.

Two processes of this machine, each on a core of its own; many short rounds in turn. Both send the same
buffer forth and back and report half a round trip: NetPIPE the best of 7 means, ironroof-net the quickest
tenth of its batches. By size: the least one way time of all rounds of each, and the median of the rounds' own
ratios with its 95 % interval (NetPIPE's time over ours: above 1, ours is faster). A size agrees when the
interval lies within 10 %, differs when it lies outside, and is open between. The package is netpipe-openmpi
(netpipe-mpich2 with --launcher mpirun.mpich --netpipe NPmpich2 and an ironroof-net built with MPICH).
Exit 0: no size differs; 1: one does; 77: something is missing.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = [4**k for k in range(12)]  # what ironroof-net measures: 1 B to 4 MiB
# From, to, round trips of each of NetPIPE's seven trials: some ten milliseconds a size.
SPANS = ((1, 1024, 4000), (4096, 65536, 400), (262144, 4194304, 10))


def launcher_words(a):
    done = subprocess.run([a.launcher, "--version"], capture_output=True, text=True, timeout=30, check=False)
    if "Open MPI" not in done.stdout:
        return [a.launcher, "-bind-to", "core"], "-env", lambda k, v: [k, v]
    words = [a.launcher, "--allow-run-as-root", "--oversubscribe", "--bind-to", "core"]
    for pair in a.mca:
        words += ["--mca", *pair.split("=", 1)]
    return words, "-x", lambda k, v: ["%s=%s" % (k, v)]


def launch(how, *programs):
    """Two processes, each with its words."""
    words, option, value = how
    words = list(words)
    for i, program in enumerate(programs):
        words += ([":"] if i else []) + ["-np", "1", option, *value("IRONROOF_NODE", "node%d" % i), *program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit("net.py: %s: %s" % (programs[0][0], (done.stderr or done.stdout).strip()[-400:]))


def ours(program, how, folder):
    path = os.path.join(folder, "net.jsonl")
    if os.path.exists(path):
        os.remove(path)
    launch(how, *[[program, path, "2", "1", "10", "0", "ladder"]] * 2)
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return {int(x["size_B"]): x["value"] for x in lines if x["what"] == "pingpong"}


def theirs(program, how, folder):
    path = os.path.join(folder, "np.out")
    times = {}
    for lo, hi, reps in SPANS:
        words = [program, "-l", str(lo), "-u", str(hi), "-n", str(reps), "-p", "0", "-o", path]
        launch(how, words, words)
        with open(path, encoding="utf-8") as f:
            rows = [line.split() for line in f]
        times.update((int(r[0]), float(r[2])) for r in rows if len(r) >= 3)
    return times


def options():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=24)
    p.add_argument("--net", default=os.path.join(here, "..", "..", "build", "ironroof-net"))
    p.add_argument("--launcher", default="mpirun")
    p.add_argument("--netpipe", default="NPopenmpi")
    p.add_argument("--mca", action="append", default=[], help="for Open MPI, such as btl=tcp,self")
    return p.parse_args()


def interval(ordered):
    """Order statistics that enclose the median with 95 %."""
    n, below, k = len(ordered), 0.0, 0
    while k < n // 2 and below + math.comb(n, k) / 2**n <= 0.025:
        below += math.comb(n, k) / 2**n
        k += 1
    k = max(k - 1, 0)
    return ordered[k], ordered[n - 1 - k]


def compare(rounds):
    """Prints a line per size; how many differ."""
    print("%9s %12s %12s  %s" % ("bytes", "ironroof us", "NetPIPE us", "median ratio of rounds [95 %]"))
    count = {"agrees": 0, "open": 0, "differs": 0}
    for size in SIZES:
        pairs = [(o[size], t[size]) for o, t in rounds if size in o and t.get(size, 0) > 0]
        if not pairs:
            print("%9d not measured by both" % size)
            count["differs"] += 1
            continue
        mine, other = min(o for o, _ in pairs), min(t for _, t in pairs)
        each = sorted(t / o for o, t in pairs)
        lo, hi = interval(each)
        word = "agrees" if 1 / 1.1 <= lo and hi <= 1.1 else "differs" if hi < 1 / 1.1 or lo > 1.1 else "open"
        count[word] += 1
        print(
            "%9d %12.2f %12.2f  %.3f [%.3f, %.3f] %s"
            % (size, 1e6 * mine, 1e6 * other, statistics.median(each), lo, hi, word)
        )
    print(
        "%d rounds, %d sizes: %s"
        % (len(rounds), len(SIZES), ", ".join("%d %s" % (count[w], w) for w in count))
    )
    return count["differs"]


def main():
    a = options()
    pipe = shutil.which(a.netpipe)
    if not pipe or not shutil.which(a.launcher) or not os.access(a.net, os.X_OK):
        print("not installed: %s (netpipe-openmpi), %s (openmpi-bin) or %s" % (a.netpipe, a.launcher, a.net))
        return 77
    rounds, how = [], launcher_words(a)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(a.rounds):
            rounds.append((ours(a.net, how, folder), theirs(pipe, how, folder)))
    return 1 if compare(rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
