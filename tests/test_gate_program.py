#!/usr/bin/env python3
"""test_gate_program.py PROGRAM -- the regression gate as a pipeline meets it: every exit code is reached,
every way in which a child, a baseline or a disk can fail is no pass, and every export is what its format
says. Children are played by a script that prints records with the times it was told, so no verdict depends on
this machine's noise. No time is asserted."""
import csv, io, json, os, random, re, shutil, subprocess, sys, tempfile, xml.etree.ElementTree as ET

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
FIX, GOLDEN = os.path.join(HERE, "fixtures", "gate"), os.path.join(HERE, "golden", "export")
failures, skipped = [], []

# The n-th child of a comparison prints the n-th record of its side's folder, or does what n.sh says there.
PLAYER = """n=0
[ ! -f "$GATE_COUNT" ] || read -r n < "$GATE_COUNT"
echo $((n + 1)) > "$GATE_COUNT"
[ ! -f "$1/$n.sh" ] || . "$1/$n.sh"
exec cat "$1/$((n % 100)).jsonl"
"""
HOW = {"kill": 'head -c 40 "$1/0.jsonl"; kill -9 $$', "hang": "exec sleep 600", "silent": "exit 0",
       "garbage": "echo Segmentation fault; exit 0"}


def altered(lines, side, n):
    """What child n of a side prints: the lines with the times, the environment and the faults it was told."""
    g = random.Random(n + 17)
    for l in lines:
        if l["record"] == "machine":
            l["env"].update(side.get("env", {}))
        if l["record"] == "point":
            if l["workload"] == side.get("drop"):
                continue
            if l["workload"] == side.get("wrong"):
                l["status"], l["why"], l["time_s"] = "incorrect", "the output is wrong", None
            else:
                f = side.get("slow", 1) * g.gauss(1, side.get("noise", 0.002)) * side.get("sign", 1)
                for k in ("q25", "median", "min"):
                    l["time_s"][k] = l["time_s"][k] * f
        yield json.dumps(l)


def side_folder(path, side):
    template = open(os.path.join(FIX, "run1.jsonl")).read().splitlines()
    os.mkdir(path)
    for n in range(100):
        with open(os.path.join(path, f"{n}.jsonl"), "w") as f:
            f.writelines(l + "\n" for l in altered([json.loads(l) for l in template], side, n))
    if "at" in side:
        with open(os.path.join(path, f"{side['at'] - 1}.sh"), "w") as f:
            f.write(HOW[side["how"]] + "\n")
    return path


def run(*args, **keywords):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600, **keywords)


def expect(ok, what, result=None):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")
        if result is not None:
            print(f"  rc={result.returncode}\n  out={result.stdout[-900:]}\n  err={result.stderr[-600:]}")


def ends(code, words, *args, env=None):
    r = run(*args, env=env)
    expect(r.returncode == code, f"{' '.join(args)[:160]}: exit code {code}, not {r.returncode}", r)
    text = r.stdout + r.stderr
    for w in words:
        expect(w in text, f"{' '.join(args)[:160]}: says '{w}'", r)
    return r


# ---- ab ----------------------------------------------------------------------------------------------------
def ab_tests(folder):
    player, out = os.path.join(folder, "player.sh"), os.path.join(folder, "ab.jsonl")
    with open(player, "w") as f:
        f.write(PLAYER)
    folders = {}

    def played(side):
        name = json.dumps(side)
        if name not in folders:
            folders[name] = side_folder(os.path.join(folder, f"side{len(folders)}"), side)
        return f"sh {player} {folders[name]}"

    def ab(code, words, a, b, *more):
        count = os.path.join(folder, "count")
        if os.path.exists(count):
            os.remove(count)
        env = dict(os.environ, GATE_COUNT=count)
        return ends(code, words, "ab", played(a), played(b), "--as-is", "--no-reference", "--blocks", "8",
                    *more, env=env)

    ab(0, ["SAME"], {}, {}, "--no-more", "-o", out)
    expect(run("validate", out).returncode == 0, "ab: what it writes is valid")
    lines = [json.loads(l) for l in open(out)]
    cmp = [l for l in lines if l["record"] == "comparison"]
    expect(len(cmp) == 3 and all(len(c["d"]) == 8 and len(c["blocks_s"]) == 8 for c in cmp),
           "ab: one line per point with its blocks")
    def schema():
        import jsonschema
        check = jsonschema.Draft202012Validator(json.load(open(os.path.join(HERE, "..", "docs",
                                                                            "record.schema.json"))))
        for l in lines:
            for e in check.iter_errors(l):
                expect(False, f"ab: {l['record']}: {e.message}")
        expect(not check.is_valid({**cmp[0], "verdict": "FINE"})
               and not check.is_valid({**cmp[0], "point": None}), "schema: refuses a wrong verdict")

    consumer("jsonschema", schema)
    expect(all(c["detectable"] > 0 and c["lo"] <= c["effect"] <= c["hi"] for c in cmp),
           "ab: effect within its interval")
    ab(1, ["REGRESSED (confirmed)"], {}, {"slow": 1.1}, "--no-more")
    ab(0, ["IMPROVED (confirmed)"], {}, {"slow": 0.9}, "--no-more")
    ab(0, ["INCONCLUSIVE"], {"noise": 0.2}, {"noise": 0.2}, "--no-more")
    ab(3, ["INCONCLUSIVE"], {"noise": 0.2}, {"noise": 0.2}, "--no-more", "--strict")
    ab(3, ["TOO FEW BLOCKS"], {}, {"slow": 2}, "--no-more", "--blocks", "7")
    ab(2, ["MISSING", "signal 9"], {}, {"at": 9, "how": "kill"}, "--no-more")
    ab(2, ["MISSING", "still running"], {"at": 3, "how": "hang"}, {"at": 3, "how": "hang"}, "--no-more",
       "--timeout", "1")
    ab(2, ["no record"], {"at": 1, "how": "silent"}, {"at": 1, "how": "silent"})
    ab(2, ["output of build"], {"at": 2, "how": "garbage"}, {"at": 2, "how": "garbage"})
    ab(2, ["MISSING"], {}, {"drop": "gemm"}, "--no-more")
    ab(2, ["INCORRECT", "the output is wrong"], {}, {"wrong": "gemm"}, "--no-more")
    ab(2, [], {}, {"sign": -1}, "--no-more")  # a clock that ran backwards
    ab(4, ["not comparable", "governor"], {}, {"env": {"governor": "powersave"}})
    ab(0, [], {}, {"env": {"compiler": "another 1.0", "compiler_flags": "-O1"}}, "--no-more")
    ab(2, ["No space left"], {}, {}, "--no-more", "-o", "/dev/full")
    ab(0, ["blocks", "minutes"], {"noise": 0.01}, {"noise": 0.01}, "--plan", "10%")
    ends(0, ["12"], "ab", "--plan", "10%", "--from", out)
    ends(2, ["needs two commands"], "ab", PROGRAM)
    ends(2, ["quote"], "ab", "'x", PROGRAM)
    ends(2, ["did you mean 'copy'"], "ab", PROGRAM, PROGRAM, "cpoy")
    ends(2, ["127"], "ab", "/no/such/program", PROGRAM, "copy:bytes=64Ki")
    return out


PROGRAMS = ("--no-reference", "--blocks", "8", "--no-more", "--budget", "1ms")
def gbench_text(scale, how):
    """What a program of Google Benchmark prints: three runs of one, their mean, and one with an aggregate."""
    g = random.Random(scale)

    def entry(name, t, **more):
        return dict(name=name, run_name=name, run_type="iteration", real_time=t, time_unit="us", **more)

    v = [entry("BM_copy/4096", 10 * scale * g.gauss(1, .001), repetition_index=i) for i in range(3)]
    v.append({"name": "BM_copy/4096_mean", "run_name": "BM_copy/4096", "run_type": "aggregate",
              "aggregate_name": "mean", "real_time": 5e9, "time_unit": "ns"})
    v.append({"name": "BM_sum_median", "run_name": "BM_sum", "run_type": "aggregate",
              "aggregate_name": "median", "real_time": 3, "time_unit": "ms"})
    if how == "error":
        v.append(entry("BM_file", 0, error_occurred=True, error_message="no such file"))
    if how == "unit":
        v.append(dict(entry("BM_odd", 1), time_unit="fortnight"))
    v = [] if how == "none" else v
    return "Run on 2 CPUs" if how == "text" else json.dumps({"context": {}, "benchmarks": v})


# ---- any two programs --------------------------------------------------------------------------------------
def programs(folder):
    out = os.path.join(folder, "time.jsonl")

    def timed(code, words, a, b, *more):
        return ends(code, words, "ab", "--time", a, b, *PROGRAMS, *more)

    r = timed(1, ["wall time", "REGRESSED (confirmed)", "fresh blocks alone", "A: CPU time", "B: CPU time"],
              "sh -c 'echo x'", "sh -c 'sleep 0.1; echo x'", "-o", out)
    expect("print different" not in r.stdout, "ab --time: the same is printed", r)
    expect(run("validate", out).returncode == 0, "ab --time: what it writes is valid")
    c = [l for l in map(json.loads, open(out)) if l["record"] == "comparison"]
    expect(len(c) == 1 and c[0]["again_blocks"] == 8 and c[0]["again_lo"] > 1
           and c[0]["new_s"] > c[0]["old_s"],
           f"ab --time: both estimates are in the record: {c}")
    timed(3, ["first in line 2"], "sh -c 'echo x; echo y'", "sh -c 'echo x; echo z'", "--blocks", "1")
    timed(2, ["B: it prints nothing"], "echo x", "true")
    timed(3, ["TOO FEW"], "true", "true", "--silent", "--blocks", "1")
    timed(2, ["A ends with exit code 0 and B with 3", "sorry"], "echo x", "sh -c 'echo sorry >&2; exit 3'")
    timed(2, ["A: exit code 3", "sorry"], *2 * ["sh -c 'echo sorry >&2; exit 3'"])
    timed(2, ["B: exit code 127", "/no/such/program"], "echo x", "/no/such/program")
    timed(2, ["A: killed by signal 9"], "sh -c 'kill -9 $$'", "echo x")
    timed(2, ["A: still running after 0.2 s"], "sh -c 'echo x; sleep 60'", "echo x", "--timeout", "200ms")
    count = os.path.join(folder, "count")
    late = f"sh -c 'echo x >> {count}; test $(wc -l < {count}) -lt 9 && echo x'"
    timed(2, ["MISSING", "build A: exit code 1"], late, "echo x")
    timed(2, ["no part of A or B"], "echo x", "echo x", "echo")
    for wrong in ("--as-is", "--samples 3", "--filter x"):
        timed(2, ["would change nothing"], "echo x", "echo x", *wrong.split())
    ends(2, ["--silent", "--time"], "ab", "echo x", "echo x", "--silent")

    def printed(scale, how):
        path = os.path.join(folder, f"{scale}-{how}.json")
        with open(path, "w") as f:
            f.write(gbench_text(scale, how))
        return "cat " + path

    def gbench(code, words, *sides, blocks="8"):
        return ends(code, words, "ab", "--as-is-gbench", *(printed(*s) for s in sides),
                    *PROGRAMS[:-2], "--blocks", blocks)

    r = gbench(1, ["REGRESSED (confirmed)  BM_copy/4096", "BM_sum", " us -> 1", "1 SAME"], (1, ""),
               (1.2, ""))
    expect("BM_copy/4096_mean" not in r.stdout, "ab --as-is-gbench: aggregates beside runs do not count", r)
    gbench(2, ["INCORRECT", "BM_file", "no such file"], (1, ""), (1, "error"), blocks="1")
    gbench(2, ["BM_odd", "time_unit"], (1, "unit"), (1, ""))
    gbench(2, ["no benchmark was run"], (1, "none"), (1, ""))
    gbench(2, ["--benchmark_format=json"], (1, "text"), (1, ""))


# ---- real processes ----------------------------------------------------------------------------------------
def real(folder):
    out = os.path.join(folder, "aa.jsonl")
    r = run("selftest", "aa", "copy:bytes=64Ki", "--filter", "/regular$", "--blocks", "1", "--no-more",
            "--samples", "3", "-o", out)
    expect(r.returncode == 0 and "WARNING" in r.stdout,
           "selftest aa runs real processes and says what one verdict is worth", r)
    proof = [json.loads(l) for l in open(out) if '"gate-proof"' in l]
    expect(len(proof) == 1 and proof[0]["n"] == 1, "selftest aa: a proof line", r)
    r = run("selftest", "inject", "300", "copy:bytes=64Ki,dtype=f64", "--filter", "/regular$", "--blocks",
            "8", "--no-more", "--samples", "3")
    expect(r.returncode == 2 and "per cent" in r.stderr, "selftest inject: at most 100 %", r)
    slow = [run("run", "gemm:m=64,n=64,k=64", "--filter", "/blocked$", "--ceilings", "none", "--no-report",
                "--samples", "5", "-o", "-", *more)
            for more in ([], ["--inject", "50%"])]
    env = [json.loads(s.stdout.splitlines()[1]) for s in slow]
    expect("injected_slowdown" in env[1]["compared"] and "injected_slowdown" not in env[0]["env"],
           "--inject is part of the comparability key")
    point = json.loads(slow[0].stdout.splitlines()[2])
    expect(point["n"] == 5 and point["stop"] == "fixed", "--samples: exactly so many", slow[0])
    r = run("ab", PROGRAM, PROGRAM, "copy:bytes=64Ki,dtype=f64", "--filter", "/regular$", "--blocks", "1",
            "--no-more", "--samples", "3", "--proof", out)
    expect(r.returncode == 3 and "WARNING" in r.stderr and "above 1 %" in r.stderr,
           "a gate that may alarm falsely says so loudly", r)
    ends(2, ["no result of 'selftest aa'"], "ab", PROGRAM, PROGRAM, "copy:bytes=64Ki", "--proof",
         os.path.join(FIX, "run1.jsonl"))


# ---- gate --------------------------------------------------------------------------------------------------
def records(folder, name, n, factor=1.0, noise=0.003, env=None, edit=None, seed=1, start=0, bw=1.0):
    """n runs made from the fixture, in folder/name/."""
    path, g = os.path.join(folder, name), random.Random(seed)
    os.makedirs(path)
    for i in range(n):
        lines = [json.loads(l) for l in open(os.path.join(FIX, "run1.jsonl"))]
        for l in lines:
            if l["record"] == "header":
                l["started"] = f"2026-01-{1 + (start + i) // 24:02d}T{(start + i) % 24:02d}:00:00Z"
            if l["record"] == "machine":
                l["env"].update(env or {})
            if l["record"] == "fit":
                l["BW"]["value"] *= bw
            if l["record"] == "point":
                f = factor * g.gauss(1, noise)
                for k in ("q25", "median", "min"):
                    l["time_s"][k] *= f
            if edit:
                edit(i, l)
        with open(os.path.join(path, f"{i:03d}.jsonl"), "w") as f:
            f.write("".join(json.dumps(l) + "\n" for l in lines if l))
    return path


MUTATIONS = {"cpu_model": "Another CPU", "cores": 64, "governor": "powersave", "boost": "off", "smt": "on",
             "isa": "avx2", "thp": "never",
             "compiler": "cc 0.1", "compiler_flags": "-O0", "seed": 77, "pin": "none", "openblas": "another",
             "page_B": 65536,
             "power_mode": "low", "cgroup_cpu_quota": 1.5}


def gate_tests(folder):
    base, same = records(folder, "base", 8), records(folder, "same", 6, seed=2)
    slow = records(folder, "slow", 6, factor=1.1, seed=3, bw=0.85)
    ends(0, ["SAME"], "gate", same, "--baseline", base)
    ends(1, ["REGRESSED", "BW fell by 15"], "gate", slow, "--baseline", base)
    ends(0, ["IMPROVED"], "gate", base, "--baseline", slow)
    for field, value in MUTATIONS.items():
        other = records(folder, "env-" + field, 4, env={field: value})
        ends(4, ["not comparable", field], "gate", other, "--baseline", base)
    ends(0, ["no verdict"], "gate", os.path.join(folder, "env-boost"), "--baseline", base, "--across")
    r = ends(3, ["1 run against 8", "4 against 4"], "gate", os.path.join(same, "000.jsonl"), "--baseline",
             base)
    expect(not r.stdout and len(r.stderr.splitlines()) == 1, "gate: too few runs are one line", r)
    noisy = records(folder, "noisy", 6, noise=0.1, seed=4)
    ends(0, ["INCONCLUSIVE"], "gate", noisy, "--baseline", base)
    ends(3, ["INCONCLUSIVE"], "gate", noisy, "--baseline", base, "--strict")

    def drop(i, l):
        if i == 2 and l.get("workload") == "gemm":
            l.clear()

    def empty(i, l):
        if l.get("workload") == "gemm":
            l.update(samples_s=[], n=0, time_s=None)

    def broken(i, l):
        if l.get("workload") == "gemm":
            l.update(status="incorrect", why="wrong", time_s=None)

    def renamed(i, l):
        if l.get("workload") == "gemm":
            l["kernel"] = "other"

    def not_a_number(i, l):
        if l.get("workload") == "gemm":
            l["time_s"].update(q25=None, median=None)

    for name, edit, word in (("drop", drop, "MISSING"), ("empty", empty, "MISSING"),
                             ("broken", broken, "INCORRECT"),
                             ("renamed", renamed, "MISSING"), ("nan", not_a_number, "MISSING")):
        ends(2, [word], "gate", records(folder, name, 6, edit=edit), "--baseline", base)
    hollow = os.path.join(folder, "hollow.jsonl")
    open(hollow, "w").close()
    ends(2, ["hollow.jsonl", "empty"], "gate", hollow, "--baseline", base)
    ends(2, ["hollow.jsonl"], "gate", same, "--baseline", hollow)
    ends(2, ["/no/such"], "gate", same, "--baseline", "/no/such")
    ends(2, ["--baseline"], "gate", same)
    ends(2, ["No space left"], "gate", same, "--baseline", base, "-o", "/dev/full")
    nothing = os.path.join(folder, "nothing")
    os.makedirs(nothing)
    ends(2, ["nothing"], "gate", nothing, "--baseline", base)
    # thresholds live with the baseline and survive its renewal; the old runs are kept
    open(os.path.join(base, "thresholds.txt"), "w").write("/(copy|gemm|forkjoin)/ 20%\n")
    ends(0, ["SAME"], "gate", slow, "--baseline", base)
    ends(0, ["6 runs"], "gate", slow, "--baseline", base, "--update")
    expect(len([n for n in os.listdir(base) if n.endswith(".jsonl")]) == 6
           and os.path.exists(os.path.join(base, "thresholds.txt")),
           "gate --update: the new runs, the old thresholds")
    old = [os.path.join(base + ".history", d) for d in os.listdir(base + ".history")]
    expect(len(old) == 1 and len(os.listdir(old[0])) == 9, "gate --update keeps what was there")
    ends(2, [], "gate", slow, "--baseline", os.path.join(folder, "no", "such", "place"), "--update")
    mixed = records(folder, "mixed", 4, edit=lambda i,
                    l: l["env"].update(boost=f"state {i}") if l["record"] == "machine" else None)
    ends(4, ["boost"], "gate", mixed, "--baseline", os.path.join(folder, "new"), "--update")


def history_tests(folder, ab_file):
    def step(i, l):
        if i >= 20 and l["record"] == "machine":
            l["env"]["kernel"] = "9.9.9"
        if i >= 20 and l.get("workload") == "gemm":
            for k in ("q25", "median", "min"):
                l["time_s"][k] *= 1.06

    flat, stepped = records(folder, "flat", 30, seed=5), records(folder, "step", 28, seed=6, edit=step)
    ends(0, ["30 runs", "0 with a change"], "history", flat, "--reference", "none", "--strict")
    r = ends(1, ["slower +", "from run 21", "kernel 6.1 -> 9.9.9"], "history", stepped, "--reference", "none",
             "--strict", "--recent", "10")
    expect(r.stdout == run("history", stepped, "--reference", "none", "--strict").stdout,
           "history says the same again")
    expect(r.stdout.count("slower +") == 1, "history: the other points did not change", r)
    head = r.stdout.splitlines()[:2]
    expect("28 runs, 20" in head[0] and " to 20" in head[0] and "newest" in head[1] and "change" in head[1],
           "history: a header with the dates", r)
    for columns in (60, 80, 132):
        env = dict(os.environ, COLUMNS=str(columns), LC_ALL="C")
        for args in (["history", stepped], ["gate", stepped, "--baseline", flat],
                     ["ab", "--plan", "3%", "--from", ab_file]):
            w = run(*args, env=env)
            long = [l for l in w.stdout.splitlines() if len(l) > columns]
            expect(w.returncode in (0, 1) and not long,
                   f"{args[0]}: {columns} columns are kept: {long[:2]}", w)
    out = os.path.join(folder, "history.jsonl")
    ends(0, ["slower +"], "history", stepped, "--reference", "cpu/copy/", "-o", out)
    expect(any('"history"' in l and "9.9.9" in l for l in open(out)), "history -o: the change and its cause")
    ends(4, ["cpu_model"], "history", flat, os.path.join(folder, "env-cpu_model"))
    ends(0, [], "history", flat, os.path.join(folder, "env-cpu_model"), "--across")
    ends(2, ["no point"], "history", flat, "--filter", "nosuch")
    ends(2, ["divide by"], "history", flat, "--reference", "cpu/nosuch")
    ends(2, ["No space left"], "history", stepped, "-o", "/dev/full")


# ---- export ------------------------------------------------------------------------------------------------
def golden(name, text):
    path = os.path.join(GOLDEN, name)
    if os.environ.get("UPDATE_GOLDEN"):
        open(path, "w").write(text)
    expect(os.path.exists(path) and open(path).read() == text,
           f"export: {name} as in tests/golden/export (UPDATE_GOLDEN=1 renews it)")


def consumer(name, use):
    try:
        use()
    except ImportError as e:
        skipped.append(f"{name} ({e.name} is not installed)")
    except Exception as e:  # whatever a foreign parser throws is a refusal
        expect(False, f"{name} refuses the export: {e!r}")


def export_tests(folder, ab_file):
    runs, cmp = ["run1.jsonl", "run2.jsonl"], ["verdicts.jsonl"]
    text = {}
    for fmt in ("csv", "gbench", "bmf", "gha", "junit", "openmetrics", "otava", "markdown", "tidy", "trace"):
        r = run("export", *runs, "--format", fmt, cwd=FIX)
        expect(r.returncode == 0, f"export {fmt}", r)
        text[fmt] = r.stdout
        golden(fmt + ".txt", r.stdout)
    for fmt in ("csv", "junit", "markdown"):
        r = run("export", *cmp, "--format", fmt, cwd=FIX)
        expect(r.returncode == 0, f"export verdicts as {fmt}", r)
        text["verdicts-" + fmt] = r.stdout
        golden(f"verdicts-{fmt}.txt", r.stdout)
    rows = list(csv.DictReader(io.StringIO(text["csv"])))
    expect(len(rows) == 6 and all(float(r["median_s"]) > 0 for r in rows), "csv: a row per point and run")
    bench = json.loads(text["gbench"])
    expect(len(bench["benchmarks"]) == 6 and all(b["real_time"] > 0 and b["repetitions"] == 2
                                                 for b in bench["benchmarks"]),
                                                 "gbench: runs are repetitions")
    expect(all(v["latency"]["value"] > 0 for v in json.loads(text["bmf"]).values()),
           "bmf: latency of every point")
    expect(all({"name", "unit", "value"} <= set(e) for e in json.loads(text["gha"])),
           "gha: name, unit, value")
    suite = ET.fromstring(text["verdicts-junit"]).find("testsuite")
    kinds = {c.find("*").tag if len(c) else "pass" for c in suite}
    expect(kinds == {"failure", "error", "skipped", "pass"} and int(suite.get("tests")) == len(suite),
           "junit: failure, error, skipped, pass")
    expect(text["openmetrics"].endswith("# EOF\n"), "openmetrics: ends in # EOF")
    expect(len(text["otava"].splitlines()) == 3, "otava: a row per run")
    many = os.path.join(folder, "many.jsonl")
    line = json.loads([l for l in open(os.path.join(FIX, "verdicts.jsonl")) if '"REGRESSED"' in l][0])
    with open(many, "w") as f:
        f.write(open(os.path.join(FIX, "verdicts.jsonl")).readline())
        for i in range(9000):
            line["point"], line["effect"] = f"cpu/x/k:n={i}" + "y" * 60, 0.1 + i / 1e5
            f.write(json.dumps(line) + "\n")
    md = os.path.join(folder, "summary.md")
    r = run("export", many, "-f", "markdown", "--annotations", "-o", md)
    expect(r.returncode == 0 and os.path.getsize(md) < 1 << 20 and "more rows" in open(md).read()[-60:],
           "markdown: under 1 MiB, and says so", r)
    notes = r.stdout.splitlines()
    expect(len(notes) == 10 and all(n.startswith("::error ") for n in notes) and "n=8999" in notes[0],
           "annotations: at most 10, worst first", r)
    for fmt in ("gbench", "bmf", "gha", "otava", "openmetrics"):
        ends(2, ["no place for verdicts"], "export", ab_file, "--format", fmt)
    ends(2, ["--format"], "export", os.path.join(FIX, "run1.jsonl"))
    ends(2, ["No space left"], "export", os.path.join(FIX, "run1.jsonl"), "--format", "csv", "-o",
         "/dev/full")
    ends(2, ["empty"], "export", os.path.join(folder, "hollow.jsonl"), "--format", "csv")

    def prometheus():
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
        from prometheus_client.parser import text_string_to_metric_families as textfile
        for parse in (openmetrics, textfile):
            found = {s.name: s for m in parse(text["openmetrics"]) for s in m.samples}
            expect("ironroof_time_seconds" in found,
                   f"prometheus_client reads the export with {parse.__module__}")

    def junit():
        import junitparser
        xml = junitparser.JUnitXml.fromstring(text["verdicts-junit"])
        expect(xml.failures == 1 and xml.errors == 2, "junitparser counts failures and errors")

    def otava():
        import datetime
        from otava import data_selector as selector, importer, test_config as config
        path = os.path.join(folder, "otava.csv")
        open(path, "w").write(text["otava"])
        columns = text["otava"].splitlines()[0].split(",")[2:]
        test = config.CsvTestConfig("ironroof", path, metrics=[config.CsvMetric(c, -1, 1, c)
                                                               for c in columns], attributes=["commit"])
        when = [datetime.datetime(y, 1, 1, tzinfo=datetime.timezone.utc) for y in (2025, 2027)]
        between = selector.DataSelector()
        between.since_time, between.until_time = when
        series = importer.CsvImporter().fetch_data(test, between)
        expect(len(series.time) == 2 and len(series.data) == len(columns), "Apache Otava reads the export")

    def compare():
        tool = os.environ.get("GBENCH_COMPARE") or shutil.which("google-benchmark-compare")
        tool = tool or "/usr/share/benchmark/compare.py"
        if not os.path.exists(tool):
            raise ImportError(name="compare.py of libbenchmark-tools")
        path = os.path.join(folder, "gbench.json")
        open(path, "w").write(text["gbench"])
        r = subprocess.run([sys.executable, tool, "benchmarks", path, path], capture_output=True, text=True)
        lacks = re.search(r"ModuleNotFoundError: No module named '(\w+)'", r.stderr)
        if lacks:
            raise ImportError(name=f"{lacks[1]}, which compare.py needs")
        expect(r.returncode == 0 and "cpu/gemm" in r.stdout, "Google Benchmark's compare.py reads the export",
               r)

    for name, use in (("prometheus_client", prometheus), ("junitparser", junit), ("Apache Otava", otava),
                      ("compare.py", compare)):
        consumer(name, use)


with tempfile.TemporaryDirectory() as tmp:
    ab_record = ab_tests(tmp)
    if os.environ.get("IRONROOF_TEST_THIN", "1") == "1":  # dozens of processes, each in the release as well
        programs(tmp)
        real(tmp)
    gate_tests(tmp)
    history_tests(tmp, ab_record)
    export_tests(tmp, ab_record)
for s in skipped:
    print("skipped:", s)
print("all as expected" if not failures else f"{len(failures)} failed")
sys.exit(1 if failures else 0)
