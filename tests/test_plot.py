#!/usr/bin/env python3
"""test_plot.py PROGRAM PLOT -- a run of the ideal device with --prove says what it must, and every kind of
figure is drawn from its record. Exit 77 without matplotlib, after the rest has passed."""
import json
import os
import subprocess
import sys
import tempfile

program, plot = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, timeout=120)


def expect(ok, what, result=None):
    if not ok:
        sys.exit("FAILED: %s\n%s" % (what, (result.stdout[-800:] + result.stderr[-800:]) if result else ""))


def proofs(record):
    r = run(program, "run", "--backend", "ideal", "copy", "gemv", "gemm", "batchmm", "fma",
            "read:bytes=1Mi-64Mi*4,streams=1", "--prove",
            "--no-report", "-o", record)
    expect(r.returncode == 0 and "Proof by intervention" in r.stdout and " 0 contradicted" in r.stdout,
           "a run with --prove", r)
    rows = [json.loads(line) for line in open(record)]
    verdicts = [v for v in rows if v["record"] == "verdict" and v["question"] == "prove"]
    expect(len(verdicts) >= 6, "a verdict per proved point")
    for v in verdicts:  # of a read, bytes and additions change only together
        expect(v["verdict"] == ("undecided" if "/read/" in v["answer"] else "confirmed"),
               "an honest device's label is confirmed: %s" % v)
    keys = {p["key"]: p for p in rows if p["record"] == "point"}
    for v in verdicts:
        expect(keys[v["evidence"][0]]["proof"] == v["verdict"], "the point carries its verdict")
    expect(any(v["record"] == "verdict" and v["question"] == "prove twin" for v in rows),
           "a verdict per twin")
    r = run(program, "run", "--backend", "ideal", "copy", "gemv", "fma", "--prove=gemv.*f64", "--no-report",
            "-o", record + ".one")
    expect(r.returncode == 0 and "gemv/ideal:m=4096" in r.stdout and r.stdout.count(" elasticity of T") == 1,
           "--prove=REGEX picks", r)
    r = run(program, "run", "--backend", "ideal", "copy", "--prove=(", "-o", record + ".none")
    expect(r.returncode == 2 and "regular expression" in r.stderr, "a bad expression is refused", r)
    r = run(program, "run", "--backend", "ideal", "copy", "--ceilings", "none", "--prove", "--no-report",
            "-o", record + ".none")
    expect("nothing to prove" in r.stderr, "no ceilings, no labels", r)


def figures(record, folder):
    r = run(sys.executable, plot, record)
    if r.returncode == 77:
        expect("matplotlib is not installed" in r.stderr, "what is missing is said", r)
        return 77
    for what in ("roofline", "ladder", "batch"):
        for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            out = os.path.join(folder, "%s.%s" % (what, kind))
            r = run(sys.executable, plot, record, record, "--what", what, "-o", out)
            expect(r.returncode == 0 and open(out, "rb").read(5).startswith(magic), "%s as %s" % (what, kind),
                   r)
    bad = os.path.join(folder, "bad.jsonl")
    with open(bad, "w") as f:
        f.write("no json\n")
    for args, words in (([bad], "bad.jsonl:1"), (["/nonexistent"], "No such file"),
                        ([record, "-o", "x.doc"], ".png, .svg or .pdf"),
                        ([record + ".one", "--what", "batch"], "nothing to draw")):
        r = run(sys.executable, plot, *args)
        expect(r.returncode == 2 and words in r.stderr, "%s is refused" % args, r)
    return 0


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    proofs(os.path.join(folder, "ideal.jsonl"))
    sys.exit(figures(os.path.join(folder, "ideal.jsonl"), folder))
