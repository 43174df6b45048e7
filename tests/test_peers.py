#!/usr/bin/env python3
"""test_peers.py SCRIPTS/PEERS -- cpu.py with a program and a library made up here: rounds take turns, the
ratio is ours over theirs with its range, the fastest kernel counts, a library that is missing or dies is a
row with its reason, and mistyped options are refused."""
import json
import os
import stat
import subprocess
import sys
import tempfile

peers = os.path.abspath(sys.argv[1])
sys.path.insert(0, peers)
sys.dont_write_bytecode = True
import cpu  # noqa: E402
import cpu_worker  # noqa: E402

bad = []


def expect(what, ok):
    if not ok:
        bad.append(what)


# ---- comparing ---------------------------------------------------------------------------------------
order, theirs, mine = [], [100.0, 200.0, 100.0], [(90, 150.0), (300, 100.0), (80, 110.0)]


def peer():
    order.append("peer")
    return "lib 1", theirs[order.count("peer") - 1]


def ours():
    order.append("ours")
    slow, fast = mine[order.count("ours") - 1]
    return {"slow": slow, "fast": fast, **({"once": 1e9} if len(order) < 3 else {})}


got = cpu.compare(peer, ours, 3)
expect("the sides take turns", order == ["peer", "ours"] * 3)
expect("the best kernel by its median", got["kernel"] == "fast" and got["ours"] == 110)
expect("ratio and range", (got["ratio"], got["low"], got["high"]) == (1.1, 0.5, 1.5))
try:
    cpu.compare(lambda: ("lib", 1.0), iter([{"a": 1}, {"b": 1}]).__next__, 2)
    expect("no kernel in every round is refused", False)
except RuntimeError:
    pass
calls = []
cpu_worker.CALLS_S = 0
expect("three calls at least", cpu_worker.seconds(lambda: calls.append(1)) >= 0 and len(calls) == 3)

# ---- the whole script with a program that is not ours -------------------------------------------------
with tempfile.TemporaryDirectory() as folder:
    program, out = os.path.join(folder, "ironroof"), os.path.join(folder, "o.json")
    with open(program, "w") as f:
        f.write("#!%s\nimport json\nfor k, t in ('direct', 2e-3), ('naive', 1e-9), ('onednn', 4e-3):\n"
                "    print(json.dumps({'record': 'point', 'status': 'ok', 'kernel': k, 'isa': 'avx2',"
                " 'time_s': {'median': t}}))\n" % sys.executable)
    os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
    # An interpreter without anyone's packages: every library in Python is missing.
    bare = os.path.join(folder, "bare")
    with open(bare, "w") as f:
        f.write("#!/bin/sh\nexec %s -S -E \"$@\"\n" % sys.executable)
    os.chmod(bare, 0o755)

    def run(*words):
        return subprocess.run([sys.executable, "-B", os.path.join(peers, "cpu.py"), "--ironroof", program,
                               "--python", bare, "--threads", "1", *words], capture_output=True, text=True)

    r = run("--only", "resnet50 batch 1 (onednn|onnx|torch)", "--rounds", "2", "-o", out)
    expect("it compares: " + r.stderr, r.returncode == 0)
    rows = {x["peer"]: x for x in json.load(open(out))["rows"]} if r.returncode == 0 else {}
    expect("three rows", sorted(rows) == ["onednn", "onnxruntime", "torch"])
    if rows:
        # points() takes the first row of the made-up program for the library: the same 2 ms.
        expect("our library kernel", rows["onednn"]["ratio"] == 1 and rows["onednn"]["rounds"] == 2)
        expect("a missing package is named", "onnxruntime" in rows["onnxruntime"].get("missing", ""))
        expect("torch is missing", "package torch" in rows["torch"].get("missing", ""))
        expect("the table says so too", "not compared: package torch" in r.stdout)
    expect("nothing matches", run("--only", "nosuchthing").returncode == 2)
    expect("no program", subprocess.run([sys.executable, "-B", os.path.join(peers, "cpu.py"), "--ironroof",
                                         "/nonexistent"], capture_output=True).returncode == 2)
    for words in (["--rounds", "0"], ["--only", "("], ["--round"], ["--threads", "x"]):
        expect("refused: %s" % words, run(*words).returncode == 2)
    listed = run("--list", "--full")
    expect("the list", listed.returncode == 0 and "llama" in listed.stdout and "blis" in listed.stdout)

for what in bad:
    print("test_peers: " + what)
sys.exit(1 if bad else 0)
