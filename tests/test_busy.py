#!/usr/bin/env python3
"""test_busy.py PROGRAM -- a machine that is not quiet must not produce confident nonsense: beside our own
spinners, under a quota, after a stop, with variables that bind threads and pages that are not granted, a
run says so in words and flags. No time is asserted."""

import ctypes, json, os, signal, subprocess, sys, tempfile, time

PROGRAM = os.path.abspath(sys.argv[1])
POINTS = ["copy:bytes=64Ki,streams=1", "gemm:m=128,n=128,k=128", "forkjoin"]
FAST = [
    "--no-report",
    "--backend",
    "cpu",
    "--budget",
    "250ms",
    "--warmup",
    "5ms",
    "--filter",
    "/(regular|blocked|pool)$",
]
CPUS = len(os.sched_getaffinity(0))
failures = []


def expect(ok, what, seen=""):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}\n  {seen}")


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def run(*args, **keywords):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600, **keywords)


def measured(*args, **keywords):
    """Lines of a run's record by kind, and what it printed."""
    r = run("run", *args, "-o", "-", **keywords)
    expect(r.returncode == 0, f"{args}: exit code {r.returncode}", r.stderr[-600:])
    lines = records(r.stdout)
    kinds = {k: [o for o in lines if o["record"] == k] for k in ("machine", "point", "quality")}
    return kinds, r.stderr


class Spinners:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        self.child = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(self.n)]
        return self

    def __exit__(self, *_):
        for c in self.child:
            c.kill()
            c.wait()


# ---- beside spinners -------------------------------------------------------------------------------------
def rates_of(kinds):
    """What each term's own point got: 10 % below these ceilings it is bound by that term."""
    t = {p["workload"]: p for p in kinds["point"] if p["status"] == "ok" and not p["for_ceiling"]}
    rate = lambda w, what: 1.1 * t[w][what] / t[w]["time_s"]["median"]  # noqa: E731
    return rate("copy", "bytes"), rate("gemm", "flops"), t["forkjoin"]["time_s"]["median"] / 1.1


def ceilings_of(machine, path, rates=(1e12, 1e13, 1e-6)):
    """A record of this very machine with ceilings that every point stays below: nothing is suspect,
    everything is judged. rates: B/s, flop/s, s a launch."""
    common = {
        "record": "ceiling",
        "device": machine["device"],
        "threads": machine["threads"],
        "source": "measured",
    }
    lines = [
        {
            "record": "header",
            "schema": 1,
            "version": "test",
            "cost_model": machine["env"]["cost_model"],
            "argv": [],
            "started": None,
        },
        machine,
    ]
    for level, size in (("L1", 16384), ("DRAM", 1 << 28)):
        lines.append(
            {
                **common,
                "what": "bandwidth",
                "level": level,
                "op": "read",
                "kernel": "regular",
                "value": rates[0],
                "size_B": size,
                "read_frac": 1,
                "unit": "B/s",
            }
        )
    for dtype in ("f32", "f64"):
        lines.append(
            {**common, "what": "flops", "op": "fma", "dtype": dtype, "value": rates[1], "unit": "flop/s"}
        )
    lines.append({**common, "what": "launch", "op": "forkjoin", "value": rates[2], "unit": "s"})
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(x) + "\n" for x in lines)


def beside_spinners(folder):
    kinds, _ = measured(*POINTS, *FAST, "--ceilings", "none")
    path = os.path.join(folder, "ceilings.jsonl")
    ceilings_of(kinds["machine"][0], path, rates_of(kinds))
    alone, _ = measured(*POINTS, *FAST, "--ceilings", path)
    quiet = {p["key"]: p["bound"] for p in alone["point"] if p["bound"]}
    if alone["quality"][0]["value"] != "good":
        quiet = {}
        print(f"no quiet run to hold bounds against: {json.dumps(alone['quality'][0]['causes'])[:300]}")
    for n in (1, 2, 8):
        with Spinners(n):
            kinds, text = measured(*POINTS, *FAST, "--ceilings", path)
        asked = [p for p in kinds["point"] if p["status"] == "ok" and not p["for_ceiling"]]
        expect(
            len(asked) >= 3 and len(kinds["quality"]) == 1,
            f"{n} spinners: all points and one line of quality",
            len(asked),
        )
        quality = kinds["quality"][0]
        causes = {c["what"]: c["text"] for c in quality["causes"]}
        seen = json.dumps(quality)
        if n * 10 >= CPUS:
            expect(
                quality["value"] != "good" and "others" in causes,
                f"{n} spinners: other processes are a cause",
                seen,
            )
            expect("(pid " in causes.get("others", ""), f"{n} spinners: who is busy is named", seen)
            expect(
                f"quality: {quality['value'].upper()}" in text
                and "ironroof doctor" in " ".join(text.split()),
                f"{n} spinners: the screen says so",
                text[:400],
            )
        if n >= CPUS:
            expect(
                any("preempted" in p["flags"] for p in asked),
                f"{n} spinners: a row is preempted",
                [p["cpu_share"] for p in asked],
            )
        if n >= 4 * CPUS:
            expect(
                quality["value"] == "unusable" and "preempted" in causes,
                f"{n} spinners: the run is unusable",
                seen,
            )
            words = " ".join(text.split())
            expect(
                "nothing is concluded from an unusable run" in words and "predicted" not in words,
                f"{n} spinners: the screen foretells nothing",
                text,
            )
        for p in asked:
            expect(p["cpu_share"] is None or 0 <= p["cpu_share"] <= 1, "a share is a share", p["cpu_share"])
            if "preempted" in p["flags"]:
                expect(p["cpu_share"] < 0.9, f"{p['key']}: preempted below 90 %", p["cpu_share"])
                expect(
                    p["bound"] is None and p["withheld"],
                    f"{p['key']}: a preempted row carries no bound, and says why",
                    p["bound"],
                )
            if p["bound"] is not None:
                expect(
                    p["bound"] in (quiet.get(p["key"], p["bound"]), "mixed"),
                    f"{n} spinners: {p['key']}: the quiet run does not contradict its bound",
                    (p["bound"], quiet.get(p["key"]), p["cpu_share"]),
                )
                expect(not p["withheld"], f"{p['key']}: a bound is not withheld", p["withheld"])


def wait_for_idle():
    with Spinners(CPUS):
        for args in (
            ["run", POINTS[0], *FAST, "--ceilings", "none", "-o", "-"],
            ["ceilings", "--no-report"],
            ["claims", "batch1", "--measure"],
            ["ab", PROGRAM, PROGRAM, POINTS[0]],
            ["selftest", "aa", POINTS[0]],
        ):
            r = run(*args, "--wait-idle", "10ms")
            expect(r.returncode == 3, f"{args[0]} --wait-idle: exit code {r.returncode}, not 3", r.stderr)
            expect(
                "still busy" in r.stderr and "(pid " in r.stderr,
                f"{args[0]} --wait-idle: says who is busy",
                r.stderr,
            )
            expect(not r.stdout.strip(), f"{args[0]} --wait-idle: nothing was measured", r.stdout[:200])
    for args in (
        ["run", POINTS[0], "--wait-idle", "soon"],
        ["run", POINTS[0], "--wait-idle", "-1"],
        ["selftest", "ideal", "--wait-idle", "1"],
    ):
        r = run(*args)
        expect(r.returncode == 2 and "wait-idle" in r.stderr, f"{args}: refused", r.stderr)


# ---- quota, stop -------------------------------------------------------------------------------------------
def under_a_quota():
    """As root with a cgroup that may be written: a real quota, really throttled."""
    for base, files in (
        ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "8000"}),
        ("/sys/fs/cgroup", {"cpu.max": "8000 20000"}),
    ):
        group = os.path.join(base, f"ironroof-test-{os.getpid()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            for name, value in files.items():
                with open(os.path.join(group, name), "w", encoding="utf-8") as f:
                    f.write(value)

            def enter():
                with open(os.path.join(group, "cgroup.procs"), "w", encoding="utf-8") as f:
                    f.write(str(os.getpid()))

            kinds, text = measured(*POINTS, *FAST, "--ceilings", "none", preexec_fn=enter)
        except (OSError, subprocess.SubprocessError) as e:
            print(f"no quota can be set here: {e}")
            continue
        finally:
            os.rmdir(group)
        quality = kinds["quality"][0]
        env = kinds["machine"][0]
        expect(
            any(c["what"] == "quota" and "0.4 CPUs" in c["text"] for c in quality["causes"]),
            "a quota that stops us is a cause",
            quality,
        )
        expect(quality["value"] != "good", "a run under a quota is not good", quality)
        expect(
            env["env"]["cgroup_cpu_quota"] == 0.4 and "cgroup_cpu_quota" in env["compared"],
            "the quota is in the key",
            env["env"],
        )
        return
    print("no control group can be made here")


def after_a_stop(folder):
    path = os.path.join(folder, "stopped.jsonl")
    args = [
        PROGRAM,
        "run",
        POINTS[0],
        "--ceilings",
        "none",
        "--no-report",
        "--backend",
        "cpu",
        "--threads",
        "1",
        "--filter",
        "/regular$",
        "--budget",
        "6",
        "--precision",
        "1e-5",
        "-o",
        path,
    ]
    with subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        while not os.path.exists(path) or not os.path.getsize(path):
            time.sleep(0.02)
        time.sleep(2)
        p.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        p.send_signal(signal.SIGCONT)
        expect(p.wait(600) == 0, "a stopped run goes on", p.returncode)
    with open(path, encoding="utf-8") as f:
        quality = [o for o in records(f.read()) if o["record"] == "quality"]
    expect(
        quality and any(c["what"] == "stall" and "stood still" in c["text"] for c in quality[0]["causes"]),
        "one sample of a second among short ones is said",
        quality,
    )


# ---- state that is easily overlooked -----------------------------------------------------------------------
def env_of(env=None, args=(), **keywords):
    r = run(
        "run",
        POINTS[0],
        *FAST,
        "--ceilings",
        "none",
        "-o",
        "-",
        *args,
        env={**os.environ, **(env or {})},
        **keywords,
    )
    expect(r.returncode == 0, f"{env}: exit code {r.returncode}", r.stderr)
    return next((o for o in records(r.stdout) if o["record"] == "machine"), None), r.stderr


def variables(folder):
    plain, _ = env_of()
    report = os.path.join(folder, "variables")
    expect(
        plain["env"]["variables"] is None and plain["env"]["affinity_taken_by"] is None,
        "nothing is said where nothing is set",
        plain["env"],
    )
    for name, value in (("OMP_NUM_THREADS", "1"), ("OPENBLAS_CORETYPE", "Haswell"), ("GOMP_SPINCOUNT", "7")):
        m, _ = env_of({name: value})
        expect(
            m["env"]["variables"] == f"{name}={value}" and "variables" in m["compared"],
            f"{name} is recorded and compared",
            m["env"]["variables"],
        )
        expect(m["comparability_key"] != plain["comparability_key"], f"{name} changes the key")
    r = run(
        "run",
        POINTS[0],
        "--backend",
        "cpu",
        "--samples",
        "2",
        "--ceilings",
        "none",
        "-o",
        report + ".jsonl",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with open(report + ".txt", encoding="utf-8") as f:
        text = f.read()
    expect(
        r.returncode == 0 and "variables: OMP_NUM_THREADS=1" in " ".join(text.split()),
        "variables are in the state line",
        text[:600],
    )


def threads_that_were_bound():
    """libgomp's start-up code binds the first thread: the program has all its CPUs back,
    and names the variable."""
    if CPUS < 2:
        return
    probe = subprocess.run(
        [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"],
        capture_output=True,
        text=True,
        env={**os.environ, "LD_PRELOAD": "libgomp.so.1", "OMP_PROC_BIND": "true", "OMP_PLACES": "{0}"},
        timeout=600,
    )
    if probe.stdout.strip() != "1":
        print("libgomp binds nothing here")
        return
    plain, _ = env_of()
    for extra in ({"OMP_PROC_BIND": "true", "OMP_PLACES": "{0}"}, {"GOMP_CPU_AFFINITY": "0"}):
        m, _ = env_of({"LD_PRELOAD": "libgomp.so.1", **extra})
        expect(
            m["threads"] == plain["threads"], f"{extra}: all CPUs that the process was given", m["threads"]
        )
        expect(
            m["env"]["affinity_taken_by"] == "{}={}".format(*next(iter(extra.items()))),
            f"{extra}: the variable is named",
            m["env"]["affinity_taken_by"],
        )
    m, _ = env_of(
        {"LD_PRELOAD": "libgomp.so.1", "OMP_PROC_BIND": "true"},
        preexec_fn=lambda: os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[-1]]),
    )
    expect(m["threads"] == 1, "no more than the process was given", m["threads"])


def pages():
    def no_huge_pages():
        ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE, kept over exec

    m, _ = env_of(args=["--pages", "huge"], preexec_fn=no_huge_pages)
    expect(m["env"]["pages"] != "huge", "pages that were not granted are not called huge", m["env"]["pages"])
    m, _ = env_of(args=["--pages", "small"])
    expect(m["env"]["pages"] == "small", "small pages are", m["env"]["pages"])


with tempfile.TemporaryDirectory() as where:
    beside_spinners(where)
    wait_for_idle()
    under_a_quota()
    after_a_stop(where)
    variables(where)
    threads_that_were_bound()
    pages()
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
