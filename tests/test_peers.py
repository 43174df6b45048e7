#!/usr/bin/env python3
"""test_peers.py SCRIPTS/PEERS -- cpu.py with a program and a library made up here: rounds take turns, the
ratio is ours over theirs with its range, the fastest kernel counts, a library that is missing or dies or
does other work is a row with its reason, and mistyped options are refused; the tables of rows and networks
name what is there, and decoders have the parameters that are published."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import types

peers = os.path.abspath(sys.argv[1])
sys.path.insert(0, peers)
sys.dont_write_bytecode = True
import cpu  # noqa: E402
import cpu_rows  # noqa: E402
import cpu_worker  # noqa: E402
import libraries  # noqa: E402
from libraries import gguf_files, graphs, litert, pytorch  # noqa: E402

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
got = cpu.compare(lambda: ("lib", 1.0), iter([{"a (avx512)": 1}, {"a (avx2)": 2}]).__next__, 2)
expect("a kernel in two instruction sets is one", (got["kernel"], got["ours"]) == ("a (avx2, avx512)", 1.5))
try:
    cpu.compare(lambda: ("lib", 1.0), iter([{"a": 1}, {"b": 1}]).__next__, 2)
    expect("no kernel in every round is refused", False)
except RuntimeError:
    pass
calls = []
cpu_worker.CALLS_S = 0
expect("three calls at least", cpu_worker.seconds(lambda: calls.append(1)) >= 0 and len(calls) == 3)


def refused(f, *words):
    try:
        f(*words)
    except RuntimeError as e:
        return str(e)
    return ""


# ---- is it the same work, and an answer? --------------------------------------------------------------
point = {"flops": 10, "bytes_other_models": {"weights": 6.9999999}}
expect("the same work", not refused(cpu.same_work, {"flops": 10, "weights_B": 7}, point))
expect("nothing said, nothing held", not refused(cpu.same_work, {}, point))
expect("other arithmetic", "11 FLOP, ours 10" in refused(cpu.same_work, {"flops": 11}, point))
expect("other parameters", "8 bytes of parameters" in refused(cpu.same_work, {"weights_B": 8}, point))
expect("ours says nothing", "ours None" in refused(cpu.same_work, {"flops": 10}, {}))
answer = lambda *v: libraries.Work(lambda: None, "1", lambda: list(v))
expect("numbers", not refused(cpu_worker.refuse_nonsense, answer(0.0, 1.0)))
expect("NaN", "not finite" in refused(cpu_worker.refuse_nonsense, answer(1.0, float("nan"))))
expect("nothing computed", "zeros" in refused(cpu_worker.refuse_nonsense, answer(0.0, 0.0)))
expect("no output", refused(cpu_worker.refuse_nonsense, answer()))

# ---- the tables ---------------------------------------------------------------------------------------
few, many = list(cpu_rows.pieces(False)), list(cpu_rows.pieces(True))
names = [p.what for p in many]
expect("a name a row", len(set(names)) == len(names) and all(len(n) <= 30 for n in names))
expect("some rows are long", 20 < len(few) < len(many))
built = {"onnxruntime": graphs.NETWORKS, "openvino": graphs.NETWORKS, "litert": litert.NETWORKS,
         "torch": pytorch.NETWORKS, "llama": {k.split()[0] for k in gguf_files.DECODERS},
         **{k: {"gemm"} for k in cpu_rows.BLAS}}
for p in few + many:
    spec = dict(w.split("=") for w in p.spec.partition(":")[2].split(","))
    expect(p.what + ": asked of both sides alike", all(spec[k] == str(v) for k, v in p.asked.items()))
    expect(p.what + ": the same network", p.spec.partition(":")[0] == p.work)
    for library in p.libraries:
        expect("%s: %s" % (p.what, library), library in cpu_rows.IN_TREE or (
            library in cpu_worker.LIBRARIES and p.work in built[library]))
    if "llama" in p.libraries:
        expect(p.what + ": a decoder", "%s %s" % (p.work, p.asked["size"]) in gguf_files.DECODERS)

# Parameters as published, FLOP of decoding one token after 128, bytes in Q4_0 with norms in f32.
for name, parameters, flops, size in (("gpt2 medium", 354823168, 719587328, None),
                                      ("llama 1b", 1235814400, 2488401920, 695377920),
                                      ("llama qwen-0.5b", 494032768, 999018496, 278139392),
                                      ("mixtral mini", 1582385152, 923959296, None)):
    t, norms = gguf_files.Tensors("i4"), gguf_files.Tensors("i4")
    norms.matrix = norms.table = lambda *a, **k: None
    got = gguf_files.step(t, gguf_files.DECODERS[name], 1, 128)
    gguf_files.step(norms, gguf_files.DECODERS[name], 1, 128)
    expect(name + ": its counts", (t.parameters, got) == (parameters, flops))
    expect(name + ": its size", size is None or
           t.bytes_of(t.parameters - norms.parameters) + 4 * norms.parameters == size)
    expect(name + ": what a step leaves", (t.idle_B > 0) == ("mixtral" in name))

node = lambda op, *inputs: types.SimpleNamespace(op_type=op, input=list(inputs), output=["y"])
shape = {"x": (2, 5, 4), "turned": (2, 4, 5), "w": (8, 1, 3, 3), "y": (2, 5, 5)}
turn = {"turned": node("Transpose", "x")}
expect("a product", graphs.products(node("MatMul", "x", "turned"), shape, {}) == 2 * 5 * 5 * 4)
expect("pairs once", graphs.products(node("MatMul", "x", "turned"), shape, turn) == 2 * 10 * 4)
expect("a convolution", graphs.products(node("Conv", "x", "w"), {**shape, "y": (2, 8, 7, 6)}, {}) ==
       2 * 8 * 7 * 6 * 9)
expect("others multiply nothing", graphs.products(node("Softmax", "x"), shape, {}) == 0)

# ---- the whole script with a program that is not ours -------------------------------------------------
with tempfile.TemporaryDirectory() as folder:
    program, out = os.path.join(folder, "ironroof"), os.path.join(folder, "o.json")
    with open(program, "w") as f:
        f.write("#!%s\nimport json\nfor k, t in ('direct', 2e-3), ('naive', 1e-9), ('onednn', 4e-3):\n"
                "    print(json.dumps({'record': 'point', 'status': 'ok', 'kernel': k, 'isa': 'avx2',"
                " 'flops': 8178368512, 'bytes_other_models': {'weights': 4}, 'time_s': {'median': t}}))\n"
                % sys.executable)
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
    # An interpreter that answers as a library would, with another number of parameters.
    liar = os.path.join(folder, "liar")
    with open(liar, "w") as f:
        f.write("#!/bin/sh\necho 'ready {\"name\": \"x\", \"version\": \"9\", \"runs\": "
                "{\"flops\": 8178368512, \"weights_B\": '$PARAMETERS'}}'\n"
                "while read -r again; do echo 0.004; done\n")
    os.chmod(liar, 0o755)
    for parameters, ok in (("4", True), ("5", False)):
        os.environ["PARAMETERS"] = parameters
        r = run("--python", liar, "--only", "resnet50 batch 1 openvino", "-o", out)
        row = json.load(open(out))["rows"][0] if os.path.exists(out) else {}
        expect("%s parameters" % parameters, r.returncode == (0 if ok else 2) and
               (row.get("ratio") == 2 if ok else "not the same work" in row.get("missing", "")))
    expect("nothing matches", run("--only", "nosuchthing").returncode == 2)
    expect("no program", subprocess.run([sys.executable, "-B", os.path.join(peers, "cpu.py"), "--ironroof",
                                         "/nonexistent"], capture_output=True).returncode == 2)
    for words in (["--rounds", "0"], ["--only", "("], ["--round"], ["--threads", "x"]):
        expect("refused: %s" % words, run(*words).returncode == 2)
    listed = run("--list", "--full")
    expect("the list", listed.returncode == 0 and "llama" in listed.stdout and "blis" in listed.stdout)
    expect("what is long is left out", run("--list").stdout.count("\n") < listed.stdout.count("\n"))

for what in bad:
    print("test_peers: " + what)
sys.exit(1 if bad else 0)
