#!/usr/bin/env python3
"""test_model_program.py IRONROOF ROOT -- described machines through the program: measured, refused with
file and path, listed, and scored. Standard library only."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import default_signals  # noqa: F401

ironroof, root = sys.argv[1:3]
failed = 0


def run(*args):
    return subprocess.run([ironroof] + list(args), capture_output=True, text=True, timeout=600)


def expect(ok, what):
    global failed
    if not ok:
        failed += 1
        print("FAILED: " + what)


def measure(folder, machine, *more):
    path = os.path.join(folder, "m.jsonl")
    if os.path.exists(path):
        os.remove(path)
    r = run(
        "run",
        "copy",
        "gemm",
        "gemv",
        "forkjoin",
        "fma",
        "--backend",
        machine,
        "--no-report",
        "--quiet",
        "-o",
        path,
        *more
    )
    expect(r.returncode == 0, "%s %s: %s" % (machine, more, r.stderr))
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return {
        p["key"]: p["time_s"]["median"] for p in lines if p["record"] == "point" and p["status"] == "ok"
    }, lines


with tempfile.TemporaryDirectory() as folder:
    pi = "model:" + os.path.join(root, "tests", "machines", "raspberry_pi5.json")
    first, lines = measure(folder, pi)
    expect(len(first) > 100, "rows of a described machine")
    levels = {x["level"]: x["value"] for x in lines if x["record"] == "ceiling" and x["what"] == "capacity"}
    for level, size in (("L1", 65536), ("L2", 524288), ("L3", 2097152)):
        expect(size / 1.5 <= levels.get(level, 0) <= size, "capacity of %s: %s" % (level, levels.get(level)))
    expect(first == measure(folder, pi)[0], "the same machine twice takes the same times")
    expect(first != measure(folder, pi, "--model", "seed=2")[0], "another seed takes others")
    half = measure(folder, pi, "--model", "s=.5,noise=0")[0]
    gemv = [k for k in half if "gemv" in k and "8192" in k][0]
    expect(
        1.8 < half[gemv] / first[gemv] < 2.3,
        "s=.5 doubles what memory takes: %s" % (half[gemv] / first[gemv]),
    )
    smallest = measure(folder, "model")[0]
    expect(len(smallest) > 50, "without a file the smallest machine is measured")

    bad = os.path.join(folder, "bad.json")
    with open(pi[len("model:") :], encoding="utf-8") as f:
        good = json.load(f)
    for change, says in (
        ({"cores": 0}, ["cores", "from 1 up to 1024"]),
        ({"cores": None}, ["cores", "a number or a text"]),
        ({"colour": 1}, ["colour", "no such figure"]),
        ({"clock": {"one_Hz": 1e9, "all_Hz": 2e9}}, ["clock.all_Hz", "at most"]),
        ({"level": [dict(x, core_Bps=0) for x in good["level"]]}, ["level[0].core_Bps", "above 0"]),
    ):
        with open(bad, "w", encoding="utf-8") as f:
            json.dump(dict(good, **change), f)
        r = run("run", "copy", "--backend", "model:" + bad, "--quiet", "-o", os.path.join(folder, "x.jsonl"))
        expect(
            r.returncode == 2 and all(w in r.stderr for w in says + [bad]),
            "%s: %d %s" % (change, r.returncode, r.stderr),
        )
    # A host's topology may lie beside its machine, as hwloc wrote it; it must be of the same machine.
    fixture = os.path.join(root, "tests", "fixtures", "jetson_orin.xml")
    for name, code in (("jetson_orin_cpu", 0), ("raspberry_pi5", 2)):
        beside = os.path.join(folder, "beside_%s" % name)
        shutil.copy(os.path.join(root, "tests", "machines", name + ".json"), beside + ".json")
        shutil.copy(fixture, beside + ".xml")
        r = run(
            *("run", "forkjoin", "--ceilings", "none", "--quiet", "-o", "-"),
            *("--backend", "model:%s.json" % beside)
        )
        expect(
            r.returncode == code and (code == 0 or beside + ".xml: has 12 cores" in r.stderr),
            "%s with another's topology: %d %s" % (name, r.returncode, r.stderr),
        )
    for args, says in (
        (["--backend", "model:/nowhere.json"], "/nowhere.json"),
        (["--backend", "cpu:x.json"], "takes no file"),
        (["--backend", "model", "--model", "nose=1"], "nose"),
        (["--backend", "model", "--model", "noise=7"], "disturb.noise"),
    ):
        r = run("run", "copy", "--quiet", "-o", os.path.join(folder, "y.jsonl"), *args)
        expect(r.returncode == 2 and says in r.stderr, "%s: %d %s" % (args, r.returncode, r.stderr))

listed = run("list", "model").stdout
expect(
    all(w in listed for w in ("memory.evade", "level[N].size_B", "kernel.CLASS.overlap", "must be given")),
    "list model",
)
table = run("selftest", "machines", pi[len("model:") :], "--seed", "5", "--seeds", "2", "--quiet").stdout
expect(
    "1 machines x 2 variants, seeds 5 to 6" in table and table.count(" of ") >= 20,
    "selftest machines: " + table,
)

# A signal ends all children too, and the scores are of what was measured; so does the parent's death.
def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        return [int(c) for c in f.read().split()]


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
    p = subprocess.Popen(
        [ironroof, "selftest", "machines", pi[len("model:") :], "--seeds", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    wait_for(lambda: len(children(p.pid)) > 0)
    time.sleep(0.8)  # some variants
    born = children(p.pid)
    p.send_signal(number)
    out, err = p.communicate(timeout=60)
    expect(born and wait_for(lambda: not any(alive(c) for c in born)), "%s leaves children" % number)
    if number == signal.SIGKILL:
        continue
    expect(p.returncode == 130 and "interrupted: " in err, "%s: %d %s" % (number, p.returncode, err))
    n = int(err.split("interrupted: ")[1].split()[0])
    expect(n == 0 or "of %d\n" % n in out, "%s: %d variants, scores: %s" % (number, n, out[:200]))

# A virtual clock does not hear of this machine's load: ceilings are the same to the digit.
with tempfile.TemporaryDirectory() as folder:
    seen = []
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        for i in range(2):
            path = os.path.join(folder, "%d.jsonl" % i)
            r = run("ceilings", "--backend", pi, "--quiet", "-o", path)
            expect(r.returncode == 0, "ceilings: %s" % r.stderr)
            with open(path, encoding="utf-8") as f:
                seen.append([line for line in f if '"record":"ceiling"' in line])
            for p in load if i == 0 else []:
                p.kill()
    finally:
        for p in load:
            p.kill()
            p.wait()
    expect(len(seen[0]) > 20 and seen[0] == seen[1], "ceilings of a described machine differ under load")
print("%d failures" % failed)
sys.exit(1 if failed else 0)
