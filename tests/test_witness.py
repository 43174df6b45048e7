#!/usr/bin/env python3
"""test_witness.py IRONROOF ROOT [STAND_IN] -- energy, counters and sustained runs through the program: a
described machine whose joules are known, sources over recorded trees, counters that are not here, a stand-in
for likwid, and as root a quota that falls on a running process. Standard library only."""

import json
import os
import subprocess
import sys
import tempfile
import time

ironroof, root = sys.argv[1:3]
stand_in = sys.argv[3] if len(sys.argv) > 3 else None
failed = 0


def run(*args, **more):
    return subprocess.run([ironroof] + list(args), capture_output=True, text=True, timeout=600, **more)


def expect(ok, what, shown=""):
    global failed
    if not ok:
        failed += 1
        print("FAILED: " + what, shown)


def lines_of(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def tree(name, folder):
    """Unpack a recorded tree: '== PATH' lines, each followed by the file's text."""
    with open(os.path.join(root, "tests", "fixtures", "doctor", name + ".tree"), encoding="utf-8") as f:
        text = f.read()
    path, body = None, []
    for line in text.split("\n") + ["== /end"]:
        if line.startswith("== ") or line.startswith("=== "):
            if path:
                full = folder + path
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as out:
                    out.write("\n".join(body))
            path, body = line.split()[1], []
        else:
            body.append(line)


JOULES = "energy.base_W=12,energy.move_JpB=1e-10,energy.comp_JpF=2e-11,energy.tick_s=0.001"


def joules(folder):
    path = os.path.join(folder, "joules.jsonl")
    r = run(
        "run",
        "read",
        "copy",
        "triad",
        "fma",
        "gemm:m=512,n=512,k=512,dtype=f32",
        "--backend",
        "model",
        "--model",
        JOULES,
        "--energy",
        "on",
        "--no-report",
        "-o",
        path,
    )
    expect(r.returncode == 0, "a described machine's joules", r.stderr)
    lines = lines_of(path)
    fit = [x for x in lines if x["record"] == "energy-fit"]
    expect(len(fit) == 1 and fit[0]["spin"] == 6, "one fit with rows that wait", fit)
    for key, truth in (("J_per_byte", 1e-10), ("J_per_flop", 2e-11), ("base_W", 12)):
        got = fit[0][key]
        expect(got["known"] and abs(got["value"] / truth - 1) < 0.05, "%s is given back" % key, got)
    expect(all(abs(fit[0][k] / 12 - 1) < 0.02 for k in ("idle_W", "idle_after_W")), "idle power", fit[0])
    rows = [x for x in lines if x["record"] == "point" and not x["for_ceiling"] and x["status"] == "ok"]
    expect(
        rows and all(x["energy"]["J"] > 0 and x["energy_J"] == x["energy"]["J"] for x in rows),
        "joules of every row",
    )
    expect(
        all(0 < x["energy"]["above_idle_J"] < x["energy"]["J"] for x in rows if x["workload"] != "clock"),
        "joules without those of doing nothing",
    )
    expect(
        "pJ" in r.stdout and "Energy (device, counter)" in r.stdout, "the screen says it", r.stdout[-600:]
    )
    expect(run("validate", path).returncode == 0, "the record reads back")
    r = run(
        "claims", path, "energy-move-vs-compute", "mobilenet-energy", "dram-vs-fp16-energy", "--explain"
    )
    expect(r.returncode == 0 and "refuted" in r.stdout, "claims about energy are put to it", r.stdout)
    without = os.path.join(folder, "without.jsonl")
    run(
        "run",
        "read",
        "--backend",
        "model",
        "--model",
        JOULES,
        "--energy",
        "off",
        "--no-report",
        "--quiet",
        "-o",
        without,
    )
    expect(
        not any("energy" in x for x in lines_of(without) if x["record"] == "point"),
        "--energy off reads none",
    )


def nothing_inside_a_sample(folder):
    """On the virtual clock a sample takes as long with a witness behind it as without."""
    path, times = os.path.join(folder, "w.jsonl"), []
    for energy in ("off", "on"):
        words = ["read:bytes=64Mi", "fma:dtype=f32", "--backend", "model", "--model", JOULES]
        words += ["--ceilings", "none", "--no-report", "--force", "-o", path]
        r = run("run", *words, "--energy", energy, "--counters")
        rows = [x for x in lines_of(path) if x["record"] == "point" and x["status"] == "ok"]
        told = [x["energy_J"] is not None for x in rows]
        expect(rows and set(told) == {energy == "on"}, "joules of a stretch", r.stderr)
        times.append([x["time_s"]["median"] for x in rows])
    expect(all(abs(a / b - 1) < 1e-9 for a, b in zip(*times)), "the same medians with and without", times)


def say_what_to_do(text):
    to_do = ("sudo ", "run ", "only ", "measure ", "build it", "apt-get", "later", "end ", "it takes ")
    for line in text.splitlines():
        expect(len(line.split(None, 2)) == 3, "each source says why", line)
        expect(" no " not in line[:18] or any(x in line for x in to_do), "and what to do", line)


def sources(folder):
    r = run("list", "counters")
    expect(r.returncode == 0 and len(r.stdout.splitlines()) >= 10, "every source has a line", r.stdout)
    say_what_to_do(r.stdout)
    for name in ("server", "laptop", "jetson", "container", "bare", "ready"):
        at = os.path.join(folder, name)
        os.makedirs(at)
        tree(name, at)
        r = run("list", "counters", "--root", at)
        expect(
            r.returncode == 0 and len(r.stdout.splitlines()) >= 11,
            "sources of " + name,
            r.stdout + r.stderr,
        )
        say_what_to_do(r.stdout)
    at = os.path.join(folder, "rapl", "sys", "class", "powercap", "intel-rapl:0")
    os.makedirs(at)
    for file, text in (
        ("name", "package-0"),
        ("energy_uj", "1000"),
        ("max_energy_range_uj", "262143328850"),
    ):
        with open(os.path.join(at, file), "w", encoding="utf-8") as f:
            f.write(text + "\n")
    r = run("list", "counters", "--root", os.path.join(folder, "rapl"))
    expect(
        any(x.startswith("powercap") and " yes " in x for x in r.stdout.splitlines()),
        "powercap is found",
        r.stdout,
    )
    expect(run("list", "counters", "--root", "/nonexistent").returncode == 2, "a root that is none")
    expect(run("list", "kernels", "--root", folder).returncode == 2, "--root is of 'list counters'")


POINT = ["gemv:m=512,k=512,dtype=f32", "--ceilings", "none", "--no-report"]


def not_here(folder):
    """Counted or not: one line at most, the same exit code, and null in the record."""
    path = os.path.join(folder, "c.jsonl")
    r = run(
        "run", *POINT, "--backend", "cpu", "--filter", "stream", "--counters", "--energy=on", "-o", path
    )
    expect(r.returncode == 0, "counters that are not here change no exit code", r.stderr)
    said = [x for x in r.stderr.splitlines() if "counters:" in x]
    env = [x for x in lines_of(path) if x["record"] == "machine"][0]["env"]
    expect(len(said) == ("counters_why" in json.dumps(env)), "exactly one line", r.stderr)
    rows = [x for x in lines_of(path) if x["record"] == "point"]
    if said:
        expect(all(x["counted_B"] is None for x in rows), "null in the record")
    r = run(
        "run", *POINT, "--backend", "cpu", "--filter", "stream", "--counters=NOSUCH", "-o", path, "--force"
    )
    expect(
        r.returncode == 0 and sum("counters:" in x for x in r.stderr.splitlines()) == 1,
        "an unknown group",
        r.stderr,
    )
    expect(run("run", *POINT, "--energy", "sometimes").returncode == 2, "a mistyped word of --energy")
    expect(run("run", "--sustain", "10s", "--dry-run").returncode == 2, "--sustain needs points")
    expect(run("run", *POINT, "--sustain", "1s").returncode == 2, "--sustain of a second")


def stood_in(folder):
    """The program with a likwid that lies, one that dies, and one that lacks a part of what is asked for."""
    if not stand_in:
        print("no stand-in for likwid: built without it")
        return
    there = os.path.join(folder, "lib")
    os.makedirs(there)
    os.symlink(os.path.abspath(stand_in), os.path.join(there, "liblikwid.so.5.5"))
    path = os.path.join(folder, "l.jsonl")
    gemv = [*POINT, "--filter", "stream"]
    read = ["read:bytes=64Mi", "--ceilings", "none", "--no-report", "--filter", "regular"]
    gone = "counters: likwid ended its helper (signal 6)"
    for mode, point, kinds, line, certificate, why in (
        ("growing", read, "--counters=dram", None, "not trusted: counts ", ""),
        ("zero", read, "--counters=dram", None, "not trusted: counted nothing of a known read", ""),
        ("ok", gemv, "--counters=dram", None, "no known read was measured", ""),
        ("crash", gemv, "--counters=dram", "helper (signal 6)", "", gone),
        ("taken", gemv, "--counters=dram", "in use by another?", "", "counters: likwid cannot start"),
        ("unknown", gemv, "--counters=dram", None, "", ""),
        ("ok", gemv, "--counters", "l3: likwid has no group for it", "no known read", ""),
        ("ok", gemv, "--counters=FLOPS_SP", None, "", ""),
    ):
        env = dict(os.environ, LD_LIBRARY_PATH=there, STAND_IN=mode)
        words = [*point, "--backend", "cpu", "--budget", "20ms", "--warmup", "0"]
        r = run("run", *words, kinds, "--force", "-o", path, env=env)
        if mode == "unknown":  # whether this machine's kernel counts in its place is its own affair
            line = [x for x in r.stderr.splitlines() if "counters:" in x]
            expect(r.returncode == 0 and len(line) <= 1, "an unknown processor", r.stderr)
            continue
        expect(r.returncode == 0, "likwid that is %s changes no exit code" % mode, r.stderr)
        said = [x for x in r.stderr.splitlines() if "counters:" in x]
        expect(len(said) == (line is not None) and (not line or line in said[0]), mode, r.stderr)
        rows = [x for x in lines_of(path) if x["record"] == "point" and x["status"] == "ok"]
        counts = [x["counters"] for x in rows]
        expect(rows and all(x["counted_B"] is None for x in rows), "nothing is believed: " + mode, counts)
        expect(all((c["certificate"] or "").startswith(certificate) for c in counts), mode,
               [c["certificate"] for c in counts])
        expect(any((c["why"] or "").startswith(why) for c in counts), mode + ": why", counts)


def joules_by_counters(folder):
    """Joules of a library that counts, where nothing else reads them; the version stands on the screen."""
    if not stand_in:
        return
    path = os.path.join(folder, "e.jsonl")
    env = dict(os.environ, LD_LIBRARY_PATH=os.path.join(folder, "lib"), STAND_IN="ok")
    words = [*POINT, "--backend", "cpu", "--filter", "stream", "--budget", "20ms", "--warmup", "0"]
    r = run("run", *words, "--counters=energy", "--energy", "off", "--force", "-o", path, env=env)
    rows = [x for x in lines_of(path) if x["record"] == "point" and x["status"] == "ok"]
    expect(r.returncode == 0 and rows, "joules by counters", r.stderr)
    expect("(GPL-3, separate process)" in r.stdout, "whose counters", r.stdout[-400:])
    for x in rows:
        e = x["energy"]
        expect(e["source"] == "likwid" and e["domains_J"] == {"packages": 20, "dram": 5}, "its domains", e)
        expect(abs(e["J"] * e["calls"] - 20) < 1e-6 and e["lo"] is None, "J of a call, no interval", e)


def side_by_side(folder):
    """Joules are compared where they are of the same scope and source, and nowhere else."""
    here, other = os.path.join(folder, "joules.jsonl"), os.path.join(folder, "other.jsonl")
    with open(here, encoding="utf-8") as f:
        lines = f.read().splitlines()
    with open(other, "w", encoding="utf-8") as f:
        for line in lines:
            x = json.loads(line)
            if x["record"] == "energy-fit":
                x["scope"], x["source"] = "packages", "powercap"
            f.write(json.dumps(x) + "\n")
    for file, unlike in ((here, None), (other, "energy scope")):
        r = run("compare", here, file, "--quiet", "-o", "-")
        rows = [json.loads(x) for x in r.stdout.splitlines() if "energy of a byte" in x]
        expect(r.returncode == 0 and len(rows) == 2, "joules side by side", r.stderr)
        got = [x for x in rows if x is not rows[0]]
        expect(all(x["unlike"] == unlike for x in got), "whose joules", rows)
        expect(all((x["ratio"] is None) == (unlike is not None) for x in got), "their ratio", rows)


def kept_up(folder):
    path = os.path.join(folder, "s.jsonl")
    for throttle, drops in (("", False), (",throttle=0.8,disturb.throttle_s=15", True)):
        r = run(
            "run",
            "fma",
            "--dtype",
            "f32",
            "--backend",
            "model",
            "--model",
            "noise=0.01" + throttle,
            "--ceilings",
            "none",
            "--sustain",
            "60s",
            "--no-report",
            "--force",
            "-o",
            path,
        )
        series = [x for x in lines_of(path) if x["record"] == "series"]
        expect(r.returncode == 0 and series, "kept up on a virtual clock", r.stderr)
        x = series[0]
        expect(x["known"] and len(x["call_s"]) >= 55, "a window a second", len(x["call_s"]))
        expect((x["drop_s"] is not None) == drops, "a drop where there is one", x["drop_s"])
        if drops:
            expect(
                x["cause"] == "device" and abs(x["sustained_per_s"] / x["peak_per_s"] - 0.8) < 0.02,
                "its cause",
                x["cause"],
            )
    expect(run("validate", path).returncode == 0, "series read back")


def with_a_quota():
    """A control group that allows 1 ms of CPU in 20, by version 1 or 2; None where none can be made."""
    for group, files in (
        ("/sys/fs/cgroup/cpu/", (("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "1000"))),
        ("/sys/fs/cgroup/", (("cpu.max", "1000 20000"),)),
    ):
        group += "ironroof-sustain-%d" % os.getpid()
        try:
            os.mkdir(group)
        except OSError as e:
            print("no control group here: %s" % e)
            continue
        try:
            for file, text in files:
                with open(os.path.join(group, file), "w", encoding="utf-8") as f:
                    f.write(text)
            return group
        except OSError as e:
            print("no quota can be set here: %s" % e)
            os.rmdir(group)
    return None


def under_a_quota(folder):
    group = with_a_quota()
    if not group:
        return
    path = os.path.join(folder, "q.jsonl")
    p = subprocess.Popen(
        [
            ironroof,
            "run",
            *POINT,
            "--backend",
            "cpu",
            "--filter",
            "stream",
            "--sustain",
            "9s",
            "-o",
            path,
            "--quiet",
        ]
    )
    try:
        while p.poll() is None and not (os.path.exists(path) and '"record":"point"' in open(path).read()):
            time.sleep(0.1)
        time.sleep(1.5)  # the point is measured: it is being kept up
        with open(os.path.join(group, "cgroup.procs"), "w", encoding="utf-8") as f:
            f.write(str(p.pid))
        p.wait(timeout=600)
        series = [x for x in lines_of(path) if x["record"] == "series"]
        expect(
            series and series[0]["drop_s"] is not None, "a quota is a drop", series and series[0]["drop_s"]
        )
        expect(
            series and series[0]["cause"] == "cpu quota",
            "and its cause",
            series and (series[0]["cause"], series[0]["evidence"]),
        )
    finally:
        p.kill()
        p.wait()
        time.sleep(0.2)
        os.rmdir(group)


with tempfile.TemporaryDirectory() as folder:
    joules(folder)
    nothing_inside_a_sample(folder)
    sources(folder)
    not_here(folder)
    stood_in(folder)
    joules_by_counters(folder)
    side_by_side(folder)
    kept_up(folder)
    under_a_quota(folder)
sys.exit(failed > 0)
