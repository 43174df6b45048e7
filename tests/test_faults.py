#!/usr/bin/env python3
"""test_faults.py PROGRAM LIBRARY [--all] [--kills N] -- the n-th malloc, open, write, fsync, rename or
link of a command fails; runs are killed at random moments and continued. What holds each time: no crash, no
hang, exit code 0 only with the same output and files as without the fault, an error is one that says
something, nothing is left beside a file, a finished point is never lost.
By default some hundred faults over all commands; --all: every one. LIBRARY: support/faults.c."""

import argparse, collections, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
FIX = os.path.join(HERE, "fixtures", "gate")
KINDS = ("malloc", "open", "write", "fsync", "rename", "link")
PER_COMMAND = {
    "malloc": 10,
    "open": 4,
    "write": 4,
    "fsync": 3,
    "rename": 2,
    "link": 2,
}  # of each command, where not --all
FAST = ["--backend", "ideal", "--budget", "2ms", "--warmup", "0", "--no-report"]
SMALL = "copy:bytes=64Ki,streams=1"
TIMES = re.compile(
    r'"(started|ended|run)":"[^"]*"|"argv":\[[^\]]*\]|"env":\{[^}]*\}|"quality".*|· \S+ (ms|s)\b'
    r'|"(steal|cpu_share|preemptions|clock_Hz|clock_cost_s)":[^,}]*'
)


def commands(record, runs):
    """Name, arguments, and whether the text is the same each time."""
    run1 = os.path.join(runs, "run1.jsonl")
    verdicts = os.path.join(FIX, "verdicts.jsonl")
    return [
        ("list", ["list"]),
        ("list points", ["list", "points"]),
        ("help", ["run", "--help"]),
        ("validate", ["validate", record]),
        ("fit", ["fit", record]),
        ("predict", ["predict", "gemv", "gpt2", "--device", "a100"]),
        ("predict -o", ["predict", "gemv", "--device", record, "-o", "OUT"]),
        ("compare", ["compare", record, "a100"]),
        ("compare -o", ["compare", "h100", "a100", "-o", "OUT"]),
        ("claims", ["claims"]),
        ("claims record", ["claims", record]),
        ("claims -o", ["claims", "--check", "-o", "OUT"]),
        (
            "claims --ledger",
            ["claims", "--check", "--ledger", os.path.join(HERE, "..", "bench", "claims", "claims.json")],
        ),
        ("report", ["report", record, "-o", "OUT"]),
        ("report of two", ["report", record, run1, "-o", "OUT"]),
        ("gate", ["gate", runs, "--baseline", runs, "-o", "OUT"]),
        ("history", ["history", runs]),
        ("history -o", ["history", runs, "-o", "OUT"]),
        ("export verdicts", ["export", verdicts, "--format", "markdown"]),
        *(
            (f"export {f}", ["export", runs, "--format", f, *o])
            for f in ("csv", "gbench", "bmf", "gha", "junit", "openmetrics", "otava", "markdown", "tidy",
                      "trace")
            for o in ([], ["-o", "OUT"])
        ),
        ("selftest ideal", ["selftest", "ideal"]),
        ("report of a sheet", ["report", "a100", record, "-o", "OUT"]),
        ("dump", ["dump", "gemv:m=8,k=8", "--backend", "ideal", "-o", os.path.join(runs, "..", "d")]),
        ("ab --plan", ["ab", "--plan", "2%", "--from", verdicts]),
    ]  # nothing that loads hwloc or a driver: they crash by themselves without memory


class Fault:
    def __init__(self, program, library, folder):
        self.program, self.library, self.folder = program, library, folder
        self.failures, self.n, self.absorbed = [], collections.Counter(), 0
        self.here = os.path.join(folder, "out")

    def run(self, args, fault="", stdin=None):
        """(result or None on a hang, the new file's text or None, what is beside it)"""
        shutil.rmtree(self.here, ignore_errors=True)
        os.makedirs(self.here)
        out = os.path.join(self.here, "out")
        count = os.path.join(self.folder, "count")
        env = {
            **os.environ,
            "LD_PRELOAD": self.library,
            "IR_FAULT": fault,
            "IR_FAULT_COUNT": count,
            "OCL_ICD_VENDORS": "/nonexistent",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        try:
            r = subprocess.run(
                [self.program, *(out if a == "OUT" else a for a in args)],
                capture_output=True,
                text=True,
                timeout=600,
                env=env,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            return None, None, []
        text = open(out, errors="replace").read() if os.path.exists(out) else None
        return r, text, [n for n in os.listdir(self.here) if n != "out"]

    def counts(self):
        with open(os.path.join(self.folder, "count")) as f:
            return {l.split()[0]: int(l.split()[1]) for l in f}

    def fail(self, what, r=None):
        self.failures.append(what)
        if len(self.failures) <= 40:
            print(f"FAILED: {what}")
            if r is not None:
                print(f"  rc={r.returncode} err={r.stderr[-300:]!r}")

    def one(self, name, args, kind, n, good, more=""):
        r, text, beside = self.run(args, f"{kind}:{n}{more}")
        what = f"{name}: {kind} {n}{more}"
        self.n[kind] += 1
        if r is None:
            return self.fail(f"{what}: it hangs")
        if r.returncode < 0 or r.returncode > 4:
            return self.fail(f"{what}: it crashes", r)
        if beside:
            self.fail(f"{what}: {beside} is left", r)
        same = (
            TIMES.sub("", r.stdout) == good[0] and (None if text is None else TIMES.sub("", text)) == good[1]
        )
        if r.returncode == good[2]:
            self.absorbed += 1
            if not same and not (args[0] == "run" and kind == "open"):  # what the system says of itself
                self.fail(f"{what}: exit code {r.returncode} and not the whole output", r)
        elif not r.stderr.strip() and not re.search("FAIL|LOST", r.stdout):  # a verdict is a word
            self.fail(f"{what}: exit code {r.returncode} and no word", r)
        elif args[0] != "run" and text is not None and TIMES.sub("", text) != good[1]:
            self.fail(f"{what}: half a file is left", r)

    def command(self, name, args, everything, rng):
        r, text, _ = self.run(args)
        r2, text2, _ = self.run(args)
        if r is None or r2 is None or r.returncode not in (0, 1, 3):
            return self.fail(f"{name}: fails without a fault", r)
        good = (TIMES.sub("", r.stdout), None if text is None else TIMES.sub("", text), r.returncode)
        if TIMES.sub("", r2.stdout) != good[0]:
            return self.fail(f"{name}: does not say the same twice")
        total = self.counts()
        for kind in KINDS:
            k = PER_COMMAND[kind]
            some = (
                range(1, total[kind] + 1)
                if everything or total[kind] <= k
                else sorted({1, total[kind], *rng.sample(range(1, total[kind] + 1), k)})
            )
            for n in some:
                self.one(name, args, kind, n, good)
                if n % 7 == 1:
                    self.one(name, args, kind, n, good, ":more")


def points(path):
    """Keys of the whole point lines of a journal, which may end in a piece of one."""
    found = set()
    for l in open(path, errors="replace").read().split("\n")[:-1]:
        o = json.loads(l)
        if o["record"] == "point":
            found.add((o["key"], o["for_ceiling"]))
    return found


def kills(program, folder, n, rng):
    """A run is killed at a random moment and continued, again and again: recorded points stay."""
    args = ["run", "copy:bytes=64Ki-128Ki*2,streams=1,2,4", "gemv:m=64,k=64,128", *FAST]
    path, other, bad, killed = (
        os.path.join(folder, "killed.jsonl"),
        os.path.join(folder, "other.jsonl"),
        [],
        0,
    )
    t0 = time.time()
    subprocess.run([program, *args, "--quiet", "-o", path], check=True, capture_output=True)
    whole, length = points(path), time.time() - t0
    for i in range(n):
        had, stage = set(), 0
        if i % 4 == 0 and os.path.exists(path):
            os.unlink(path)
        if os.path.exists(path):
            had = points(path)
        how = ["--resume", path] if os.path.exists(path) else ["-o", path]
        if i % 5 == 4 and os.path.exists(path):  # into another file
            how = ["--resume", path, "-o", other, "--force"]
        p = subprocess.Popen([program, *args, *how], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0, 1.1 * length))
        sig = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        p.send_signal(sig)
        try:
            err = p.communicate(timeout=600)[1]
        except subprocess.TimeoutExpired:
            p.kill()
            bad.append(f"kill {i}: it hangs after signal {sig}")
            continue
        killed += p.returncode < 0 or p.returncode == 130
        if p.returncode not in (0, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT):
            bad.append(f"kill {i} ({how[0]}): exit code {p.returncode}: {err[-200:]}")
        try:
            now = points(path) if os.path.exists(path) else set()
        except ValueError as e:
            bad.append(f"kill {i}: a broken line: {e}")
            continue
        if not had <= now:
            bad.append(f"kill {i} ({how}): {len(had - now)} recorded points are lost")
        left = [f for f in os.listdir(folder) if f.startswith(".ironroof")]
        for f in left:  # the instant between a file's name and its place
            stage += 1
            os.unlink(os.path.join(folder, f))
    for path in (path, other):
        if not os.path.exists(path):
            continue
        r = subprocess.run([program, *args, "--resume", path], capture_output=True, text=True)
        if (
            r.returncode != 0
            or points(path) != whole
            or subprocess.run([program, "validate", path], capture_output=True).returncode
        ):
            bad.append(
                f"the run that was killed does not end: {r.returncode} {len(points(path))} {r.stderr[-200:]}"
            )
    return killed, bad


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("program")
    ap.add_argument("library")
    ap.add_argument("--all", action="store_true", help="every fault of every command")
    ap.add_argument("--kills", type=int, default=40)
    ap.add_argument("--only", default="", help="commands whose name contains this")
    ap.add_argument("--seed", type=int, default=1)
    o = ap.parse_args()
    program, library = os.path.abspath(o.program), os.path.abspath(o.library)
    if b"__asan_init" in open(program, "rb").read() or not os.path.exists(library):
        print("skipped: a sanitizer has a malloc of its own, or there is no library")
        return 77
    folder = tempfile.mkdtemp(prefix="ironroof-faults-")
    rng = random.Random(o.seed)
    try:
        record, runs = os.path.join(folder, "record.jsonl"), os.path.join(folder, "runs")
        os.makedirs(runs)
        for i in range(1, 5):
            shutil.copy(os.path.join(FIX, f"run{1 + i % 2}.jsonl"), os.path.join(runs, f"run{i}.jsonl"))
        subprocess.run(
            [
                program,
                "run",
                SMALL,
                "triad:bytes=96Ki",
                "gemm:m=64,n=64,k=64",
                "gemv:m=64,k=64",
                *FAST,
                "--quiet",
                "-o",
                record,
            ],
            check=True,
            capture_output=True,
        )
        subprocess.run([program, "selftest", "fleet", "--nodes", "3", "-o", os.path.join(folder, "sweep")],
                       check=True, capture_output=True)
        f = Fault(program, library, folder)
        for name, args in commands(record, runs):
            if o.only in name:
                f.command(name, args, o.all, rng)
        print(
            f"{sum(f.n.values())} faults ({', '.join(f'{k} {n}' for k, n in f.n.items())}), "
            f"{f.absorbed} without an effect, {len(f.failures)} failed"
        )
        killed, bad = kills(program, folder, o.kills, rng) if o.kills and not o.only else (0, [])
        for b in bad:
            print(f"FAILED: {b}")
        print(f"{o.kills} kills, {killed} while it ran, {len(bad)} failed")
        return 1 if f.failures or bad else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
