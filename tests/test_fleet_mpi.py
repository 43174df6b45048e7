#!/usr/bin/env python3
"""test_fleet_mpi.py IRONROOF-NET IRONROOF MPIRUN [WRONG] -- ironroof-net as processes of this machine: sums
of every size are right, a wrong one is named (WRONG: a library that spoils one), lone processes are refused,
a step computes and sums, and a worker that fails is named. No test asserts a time."""

import json
import os
import subprocess
import sys
import tempfile

NET, PROGRAM, MPIRUN = sys.argv[1:4]
WRONG = sys.argv[4] if len(sys.argv) > 4 else None
failures = []


def expect(ok, what, detail=""):
    print("%-4s %s%s" % ("ok" if ok else "FAIL", what, "" if ok else ": " + str(detail)), flush=True)
    if not ok:
        failures.append(what)


# An MPI leaves what it leaves; a preloaded library comes before a sanitizer's own.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0:verify_asan_link_order=0"


def open_mpi():
    done = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, check=False)
    return "Open MPI" in done.stdout or "OpenRTE" in done.stdout


def job(n, path, *what, expected=None, env=()):
    """n nodes, one process each."""
    here = open_mpi()
    words = [MPIRUN] + (["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"] if here else [])
    if here:
        words += ["--mca", "mpi_yield_when_idle", "1"]
    for i in range(n):
        give = [("IRONROOF_NODE", "node%d" % i)] + list(env)
        words += [":"] if i else []
        words += ["-n", "1"]
        for key, value in give:
            words += ["-x", "%s=%s" % (key, value)] if here else ["-env", key, value]
        words += [NET, path, str(expected or n), "1", "20", "0", *what]
    return subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def sums(tmp):
    """Every power of two, over 2 and over 3 processes; each element is held against what it must be."""
    path, most = tmp + "/sums", 1 << 16
    done = job(3, path, "sums:%d" % most)
    expect(done.returncode == 0, "sums end well", done.stderr[-400:])
    got = {(x["nodes"], x["size_B"]) for x in lines(path) if x["what"] == "allreduce"}
    sizes = [2**k for k in range(3, 17)]
    expect(got == {(n, s) for n in (2, 3) for s in sizes}, "each size over 2 and 3 processes", sorted(got))
    if WRONG:
        done = job(2, tmp + "/wrong", "sums:4096", env=[("LD_PRELOAD", WRONG)])
        expect(
            done.returncode != 0 and "the sum is wrong" in done.stderr and "node1" in done.stderr,
            "a wrong sum is named, with its node",
            done.stderr[-400:],
        )


def frames(tmp):
    done = job(2, "-", "ladder")
    marks = [x for x in done.stdout.splitlines() if "ironroof-frame node0 net0000" in x]
    fine = done.returncode == 0 and len(marks) == 2 * 12
    expect(fine, "without a file: frames, each twice", done.stdout[:400])
    expect(not os.path.exists(os.path.join(tmp, "-")), "and no file of that name")


def lone(tmp):
    done = job(2, tmp + "/lone", expected=3)
    expect(
        done.returncode != 0 and all(w in done.stderr for w in ("3 processes expected", "sees 2", "--mpi=")),
        "another number of processes is refused by name",
        done.stderr[-400:],
    )
    done = job(1, tmp + "/lone", expected=2)
    expect("MPI sees 1" in done.stderr, "so is a lone process", done.stderr[-400:])
    said = subprocess.run([NET, "--mpi"], capture_output=True, text=True, check=False).stdout.strip()
    expect(said == ("pmix" if open_mpi() else "pmi2"), "it knows the protocol of its MPI", said)


def step(tmp):
    path = tmp + "/step"
    point = "gemm:m=32,n=256,k=256,dtype=f32,threads=1"
    done = job(2, path, "step", PROGRAM, "worker", point, "--filter", "/blocked$")
    got = lines(path) if os.path.exists(path) else []
    expect(done.returncode == 0 and len(got) == 1, "a step is timed", done.stderr[-400:])
    for x in got:
        expect(
            x["nodes"] == 2 and x["size_B"] == 4 * 256 * 256 and "gemm" in x["point"],
            "its weights are summed",
            x,
        )
        expect(0 < x["compute_s"] and 0 < x["step_s"], "its times are there", x)
    for words, why in (
        (["worker", point, "--filter", "none_of_that_name"], "passes the filter"),
        (["worker", "triad:bytes=1Mi,dtype=f32,threads=1", "--filter", "/plain$"], "has no weights"),
    ):
        done = job(2, tmp + "/bad", "step", PROGRAM, *words)
        expect(
            done.returncode != 0 and "ironroof worker failed there" in done.stderr and why in done.stderr,
            "a step that cannot be: %s" % why,
            done.stderr[-400:],
        )


def main():
    with tempfile.TemporaryDirectory() as tmp:
        for part in (sums, frames, lone, step):
            part(tmp)
    print("%d failed" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
