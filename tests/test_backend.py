#!/usr/bin/env python3
"""test_backend.py PROGRAM -- a backend that is one folder and one line is listed and measures.

PROGRAM is ironroof with a copy of the ideal device under the name "mirror", see CMakeLists.txt. Its
points take the very times of the ideal device's. Nothing is timed: the clock is virtual.
"""
import json
import subprocess
import sys

program = sys.argv[1]


def run(*args):
    done = subprocess.run([program] + list(args), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("%s: exit %d: %s" % (" ".join(args), done.returncode, done.stderr))
    return done.stdout


def points(backend):
    text = run("run", "gemm:m=64,n=64,k=64", "triad", "--backend", backend, "--ceilings", "none", "-o", "-")
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [r for r in records if r["record"] == "point"]


def main():
    for line in run("list", "backends").splitlines():
        if line.split()[:1] == ["mirror"]:
            break
    else:
        sys.exit("list backends does not name mirror")
    mirror, ideal = points("mirror"), points("ideal")
    if not mirror or len(mirror) != len(ideal):
        sys.exit("%d points on mirror, %d on ideal" % (len(mirror), len(ideal)))
    for m, i in zip(mirror, ideal):
        if m["status"] != "ok" or abs(m["time_s"]["median"] / i["time_s"]["median"] - 1) > 1e-9:
            sys.exit("%s: %s on mirror, %s on ideal" % (m["workload"], m["time_s"], i["time_s"]))
    return 0


sys.exit(main())
