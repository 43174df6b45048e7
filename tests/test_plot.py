#!/usr/bin/env python3
"""test_plot.py PROGRAM PLOT -- a run of the ideal device with --prove says what it must, and every kind of
figure is drawn from its record. Exit 77 without matplotlib, after the rest has passed."""

import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

program, plot = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, timeout=600)


def expect(ok, what, result=None):
    if not ok:
        sys.exit("FAILED: %s\n%s" % (what, (result.stdout[-800:] + result.stderr[-800:]) if result else ""))


def load_plot():
    spec = importlib.util.spec_from_file_location("plot", plot)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(module, *args):
    """What plot.py prints and returns, in a fork: loading matplotlib takes longer than most pictures."""
    with tempfile.TemporaryFile("w+") as told:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            out, err, code = io.StringIO(), io.StringIO(), 1
            try:
                sys.argv = [plot, *args]
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    module.main()
                code = 0
            except SystemExit as e:
                code = e.code or 0
            except BaseException:
                traceback.print_exc(file=err)
            json.dump([code, out.getvalue(), err.getvalue()], told)
            told.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        told.seek(0)
        return subprocess.CompletedProcess(args, *json.loads(told.read()))


def proofs(record):
    r = run(
        program,
        "run",
        "--backend",
        "ideal",
        "copy",
        "gemv",
        "gemm",
        "batchmm",
        "fma",
        "read:bytes=1Mi-64Mi*4,streams=1",
        "--prove",
        "--no-report",
        "-o",
        record,
    )
    expect(
        r.returncode == 0 and "Proof by intervention" in r.stdout and " 0 contradicted" in r.stdout,
        "a run with --prove",
        r,
    )
    rows = [json.loads(line) for line in open(record)]
    verdicts = [v for v in rows if v["record"] == "verdict" and v["question"] == "prove"]
    expect(len(verdicts) >= 6, "a verdict per proved point")
    for v in verdicts:  # of a read, bytes and additions change only together
        expect(
            v["verdict"] == ("undecided" if "/read/" in v["answer"] else "confirmed"),
            "an honest device's label is confirmed: %s" % v,
        )
    keys = {p["key"]: p for p in rows if p["record"] == "point"}
    for v in verdicts:
        expect(keys[v["evidence"][0]]["proof"] == v["verdict"], "the point carries its verdict")
    expect(
        any(v["record"] == "verdict" and v["question"] == "prove twin" for v in rows), "a verdict per twin"
    )
    told = [v for v in rows if v["record"] == "verdict" and v["question"] == "predicted changes"]
    expect(len(told) == 1 and told[0]["verdict"] == "within 10 %", "the law foretold the changes: %s" % told)
    expect(told and told[0]["answer"] in " ".join(r.stdout.split()), "and the screen says how well", r)
    both = [v for v in rows if v.get("T_ratio_foretold")]
    expect(
        len(both) >= 6 and all(v["T_ratio_foretold"]["lo"] <= v["T_ratio_foretold"]["hi"] for v in both),
        "each twin has what was foretold beside what was measured: %s" % both[:1],
    )
    r = run(
        program,
        "run",
        "--backend",
        "ideal",
        "copy",
        "gemv",
        "fma",
        "--prove=gemv.*f64",
        "--no-report",
        "-o",
        record + ".one",
    )
    expect(
        r.returncode == 0 and "gemv/ideal:m=4096" in r.stdout and r.stdout.count(" elasticity of T") == 1,
        "--prove=REGEX picks",
        r,
    )
    r = run(program, "run", "--backend", "ideal", "copy", "--prove=(", "-o", record + ".none")
    expect(r.returncode == 2 and "regular expression" in r.stderr, "a bad expression is refused", r)
    r = run(
        program,
        "run",
        "--backend",
        "ideal",
        "copy",
        "--ceilings",
        "none",
        "--prove",
        "--no-report",
        "-o",
        record + ".none",
    )
    expect("without ceilings there are no labels to prove" in r.stderr, "no ceilings, no labels", r)


def words_of(svg):
    """Texts of an SVG whose letters stayed letters."""
    return set(re.findall(r"<!-- (.*?) -->", open(svg, encoding="utf-8").read()))


def size_in(svg):
    head = re.search(r"<svg [^>]*>", open(svg, encoding="utf-8").read(), re.S).group()
    return [
        float(re.search(r'\b%s="([0-9.]+)pt"' % side, head).group(1)) / 72 for side in ("width", "height")
    ]


def choices(module, record, folder):
    """--only, --dtype and --width: what is on the picture, and how wide it is."""
    out = os.path.join(folder, "choice.svg")
    for args, there, gone in (
        ([], {"copy", "GPT-2 small decode"}, set()),
        (["--only", "networks"], {"gpt", "GPT-2 small decode"}, {"stream", "gemm"}),
        (["--only", "gpt2"], {"GPT-2 small prefill 128"}, {"stream"}),
        (["--only", "gemm,gemv"], {"gemm", "gemv"}, {"gpt"}),
        (["--dtype", "f64"], {"stream"}, {"GPT-2 small decode"}),
        (["--dtype", "f32"], {"GPT-2 small decode"}, {"stream"}),
    ):
        r = drawn(module, record, *args, "-o", out)
        expect(r.returncode == 0, "plot %s" % args, r)
        words = words_of(out)
        there = {"stream" if w == "copy" else w for w in there}
        expect(
            there <= words and not gone & words,
            "%s shows %s and not %s: %s" % (args, there, gone, sorted(words)),
        )
    for what, width, inches in (
        ("roofline", "3.3in", 3.3),
        ("ladder", "84mm", 84 / 25.4),
        ("batch", "8.4cm", 8.4 / 2.54),
        ("roofline", "240pt", 240 / 72.27),
    ):
        r = drawn(module, record, "--what", what, "--width", width, "-o", out)
        expect(
            r.returncode == 0 and abs(size_in(out)[0] - inches) < 0.02,
            "%s of %s is as wide as that: %s" % (what, width, size_in(out)),
            r,
        )
    for args, words in (
        (["--width", "3.3"], "3.3in, 84mm or 240pt"),
        (["--width", "0.1in"], "1 to 60 inches"),
        (["--only", "zzz"], "nothing to draw"),
        (["--dtype", "i4"], "nothing to draw"),
    ):
        r = drawn(module, record, *args, "-o", out)
        expect(r.returncode == 2 and words in r.stderr, "%s is refused" % args, r)


def same_colors():
    """One colour a family, on the page and on paper."""
    root = os.path.dirname(os.path.dirname(plot))
    page = os.path.join(root, "harness", "record", "page")
    listed = re.search(
        r"const FAMILIES = \[(.*?)\]", open(os.path.join(page, "records.js"), encoding="utf-8").read(), re.S
    ).group(1)
    colors = dict(
        re.findall(
            r"--f(\d+): (#[0-9a-f]{6})",
            open(os.path.join(page, "style.css"), encoding="utf-8").read().split("@media")[0],
        )
    )
    at_page = {name: colors[str(i)] for i, name in enumerate(re.findall(r'"(\w+)"', listed))}
    expect(len(set(at_page.values())) == len(at_page), "no two families of the page share a colour")
    text = open(plot, encoding="utf-8").read()
    on_paper = dict(
        re.findall(r'"(\w+)": "(#[0-9a-f]{6})"', re.search(r"FAMILY_COLORS = \{(.*?)\}", text, re.S).group(1))
    )
    wrong = {f: (c, at_page.get(f)) for f, c in on_paper.items() if at_page.get(f) != c}
    expect(on_paper and not wrong, "colours differ between the page and plot.py: %s" % wrong)


def figures(record, folder):
    r = run(sys.executable, plot, record)
    if r.returncode == 77:
        expect("matplotlib is not installed" in r.stderr, "what is missing is said", r)
        print("skipped: matplotlib is not installed")
        return 77
    module = load_plot()
    for what in ("roofline", "ladder", "batch"):
        for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            out = os.path.join(folder, "%s.%s" % (what, kind))
            r = drawn(module, record, record, "--what", what, "-o", out)
            expect(
                r.returncode == 0 and open(out, "rb").read(5).startswith(magic), "%s as %s" % (what, kind), r
            )
    bad = os.path.join(folder, "bad.jsonl")
    with open(bad, "w") as f:
        f.write("no json\n")
    for args, words in (
        ([bad], "bad.jsonl:1"),
        (["/nonexistent"], "No such file"),
        ([record, "-o", "x.doc"], ".png, .svg or .pdf"),
        ([record + ".one", "--what", "batch"], "nothing to draw"),
    ):
        r = drawn(module, *args)
        expect(r.returncode == 2 and words in r.stderr, "%s is refused" % args, r)
    nets = os.path.join(folder, "nets.jsonl")
    r = run(
        program,
        "run",
        "--backend",
        "ideal",
        "copy",
        "gemm",
        "gemv",
        "batchmm",
        "gpt2",
        "read:bytes=1Mi-64Mi*4,streams=1",
        "--no-report",
        "-o",
        nets,
    )
    expect(r.returncode == 0, "a run with networks", r)
    choices(module, nets, folder)
    return 0


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    same_colors()
    proofs(os.path.join(folder, "ideal.jsonl"))
    sys.exit(figures(os.path.join(folder, "ideal.jsonl"), folder))
