#!/usr/bin/env python3
"""test_faults.py PROGRAM LIBRARY [--all] [--kills N] -- the n-th call of each kind (memory, threads, files:
the table of support/faults.c) of a command fails; runs are killed, at random moments and before every call
that touches a file, and continued. What holds each time: no crash, no hang, exit code 0 only with the same
output and files as without the fault, an error is one that says something, nothing is left beside a file, a
finished point is never lost.
By default some hundred faults over all commands; --all: every one, and the commands that start processes
or measure for long; --every N: of these faults each N-th; --ways N: by every way through the program to a
call the first, the last and N more. LIBRARY: support/faults.c."""

import argparse, collections, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

import default_signals  # noqa: F401
from fault_server import Server

HERE = os.path.dirname(os.path.abspath(__file__))
# Every process of these tests has them: they are among what makes runs comparable.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", OCL_ICD_VENDORS="/nonexistent")
FIX = os.path.join(HERE, "fixtures", "gate")
# Of each command, where not --all.
PER_COMMAND = {"malloc": 4, "map": 1, "thread": 1, "fork": 1, "open": 2, "read": 1, "write": 2,
               "fsync": 1, "close": 1, "rename": 1, "link": 1, "unlink": 1, "truncate": 1, "lock": 1,
               "stat": 2, "mkdir": 1, "resolve": 1}
MEASURE = ("run", "ceilings", "claims --measure")
# A member of a folder, or a source of counts, that cannot be had is named, and the rest is whole.
NAMED = {"list counters": ("fork", "resolve"), "export": ("open", "stat", "read"),
         "history": ("open", "stat", "read"), "gate": ("open", "stat", "read"), "fleet": None}
JUDGES_ITSELF = {"selftest machines": (2,)} # a score below what it shall reach
MEASURED = '"record":"(point|ceiling)"|was not written'
TIMED = ("ab", "ab --as-is-gbench", "selftest aa") # their file holds blocks that were measured
VERDICT = "FAIL|LOST|UNSTABLE|SLOW|BAD|INCORRECT" # is a word
FAST = ["--backend", "ideal", "--budget", "2ms", "--warmup", "0", "--no-report"]
SMALL = "copy:bytes=64Ki,streams=1"
TIMES = re.compile(
    r'"(started|ended|run)":"[^"]*"|"argv":\[[^\]]*\]|"env":\{[^}]*\}|"quality".*'
    r'|· (\d+ (h|min) )*\S+ (ms|s|min)\b'
    r'|"(steal|cpu_share|preemptions|clock_Hz|clock_cost_s)":[^,}]*|; load [0-9.]+'
)


def plain(r, texts):
    """Exit code, and what it prints and makes without what differs each time."""
    return (r.returncode, TIMES.sub("", r.stdout), *(None if t is None else TIMES.sub("", t) for t in texts))


def first(good, now):
    """The first lines that differ, without a fault and with it."""
    for a, b in zip(good[1:], now[1:]):
        a, b = (a or "").split("\n"), (b or "").split("\n")
        for i in range(max(len(a), len(b))):
            if a[i:i + 1] != b[i:i + 1]:
                a, b = "".join(a[i:i + 1]), "".join(b[i:i + 1])
                at = max(0, len(os.path.commonprefix([a, b])) - 100)
                return [f"whole: {a[at:at + 400]!r}", f"now:   {b[at:at + 400]!r}"]
    return []


def is_named(name, fault, r):
    """Does it say what it did without? A fleet's verdict tells of a node whose file could not be read."""
    if name == "list counters" and re.search("likwid ended its helper|helper cannot be started", r.stdout):
        return True  # a process of its own, which died of its own fault or could not be started
    lost = "^BELOW +variants that could not be measured"
    if name == "selftest machines" and re.search(lost, r.stdout, re.M):
        return True  # and at the end, why
    for head, kinds in NAMED.items():
        if name.startswith(head) and (kinds is None or fault.startswith(kinds)):
            return head in ("fleet", "list counters") or "passed over" in r.stderr
    return False


def whole_lines(text):
    try:
        return all(json.loads(line) for line in text.split("\n")[:-1])
    except ValueError:
        return False


def commands(record, runs, sweep):
    """Name, arguments, and the files it makes where that is not OUT (a file or a folder of one's own)."""
    run1 = os.path.join(runs, "run1.jsonl")
    verdicts = os.path.join(FIX, "verdicts.jsonl")
    judged = [os.path.join(sweep, n) for n in ("fleet.json", "fleet.txt", "fleet.html")]
    return [
        ("list", ["list"]),
        *((f"list {w}", ["list", w])
          for w in ("points", "kernels", "backends", "devices", "counters", "claims", "model")),
        ("run", ["run", SMALL, "gemv:m=64,k=64", "--ceilings", "none", *FAST, "-o", "OUT"]),
        ("run with ceilings", ["run", "copy", "gemv", "gemm", "--ceilings", record, *FAST, "-o", "OUT"]),
        ("run of a model", ["run", SMALL, "--backend", "model", "--ceilings", "none", "--samples", "2",
                            "--no-report", "-o", "OUT"]),
        ("run of a machine", ["run", SMALL, "--backend", "model:" + os.path.join(HERE, "machines", "t4.json"),
                              "--ceilings", "none", "--samples", "2", "--no-report", "-o", "OUT"]),
        ("run --resume", ["run", SMALL, *FAST, "--resume", record, "-o", "OUT"]),
        ("run -o -", ["run", SMALL, "--ceilings", "none", *FAST, "-o", "-"]),
        ("run with a page", ["run", SMALL, "--ceilings", "none", *FAST[:-1], "-o", "OUT"],
         ["OUT", "OUT.txt", "OUT.html"]),
        ("run --dry-run", ["run", "copy", "gemv", *FAST, "--dry-run"]),
        ("run --filter", ["run", "copy", "gemv", *FAST, "--filter", "/c.*y/", "--dry-run"]),
        ("ceilings", ["ceilings", "--backend", "model", "--samples", "2", "--no-report", "-o", "OUT"]),
        ("worker", ["worker", "gemv:m=64,k=64", "--backend", "ideal"]),
        ("complete", ["complete", "--", "run", "co"]),
        ("fleet judge", ["fleet", "judge", sweep], judged),
        ("fleet judge -o", ["fleet", "judge", sweep, "-o", "-"], judged),
        ("export trace of a fleet", ["export", sweep, "--format", "trace", "-o", "OUT"]),
        ("manual", ["manual", "run"]),
        ("completion", ["completion", "bash"]),
        ("version", ["version", "--json"]),
        ("completion zsh", ["completion", "zsh"]),
        ("completion fish", ["completion", "fish"]),
        ("help of all", ["--help"]),
        ("doctor", ["doctor", "--root", os.path.join(HERE, "fixtures", "doctor")]),
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
        ("claims --measure", ["claims", "batch1", "--measure", *FAST[:-1], "-o", "OUT"]),
        (
            "claims --ledger",
            ["claims", "--check", "--ledger", os.path.join(HERE, "..", "bench", "claims", "claims.json")],
        ),
        ("report", ["report", record, "-o", "OUT"]),
        ("report of two", ["report", record, run1, "-o", "OUT"]),
        ("report --screen", ["report", record, "--screen", "--detail"]),
        ("gate", ["gate", runs, "--baseline", runs, "-o", "OUT"]),
        ("gate --update", ["gate", run1, "--baseline", "OUT", "--update"], ["OUT/run-001.jsonl"]),
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
        ("dump", ["dump", "gemv:m=8,k=8", "--backend", "ideal", "-o", "OUT"],
         [f"OUT/{n}" for n in ("layout.json", "W.bin", "x.bin", "y.bin")]),
        ("ab --plan", ["ab", "--plan", "2%", "--from", verdicts]),
        ("selftest fleet -o", ["selftest", "fleet", "--nodes", "3", "-o", "OUT"],
         ["OUT/plan.json", "OUT/look2.json",
          *(f"OUT/look{i}/r000-n0000{n}.json" for i in (1, 2) for n in range(3))]),
    ]


def long_commands(program, folder):
    """Those that start processes or measure for long."""
    took = json.dumps({"context": {}, "benchmarks": [
        {"name": "BM", "run_name": "BM", "run_type": "iteration", "real_time": 10, "time_unit": "us"}]})
    printed = os.path.join(folder, "gbench.json")
    with open(printed, "w") as f:
        f.write(took)
    once = ["--blocks", "1", "--no-more", "--no-reference"]
    return [
        ("ab --as-is-gbench", ["ab", "--as-is-gbench", *[f"cat {printed}"] * 2, *once, "-o", "OUT"]),
        ("ab", ["ab", program, program, SMALL, *FAST[:-1], *once, "-o", "OUT"]),
        ("selftest aa", ["selftest", "aa", SMALL, *FAST[:-1], *once, "-o", "OUT"]),
        ("selftest kernels", ["selftest", "kernels", "--backend", "cpu", "--filter", "/copy/",
                              "--threads", "1"]),
        ("selftest machines", ["selftest", "machines", os.path.join(HERE, "machines", "t4.json")]),
    ]


class Fault:
    def __init__(self, program, library, folder, o):
        self.program, self.library, self.folder, self.o = program, library, folder, o
        self.failures, self.n, self.absorbed = [], collections.Counter(), 0
        self.here = os.path.join(folder, "out")
        self.out = os.path.join(self.here, "out")

    def run(self, server, products, fault="none:0"):
        """(result or None on a hang, texts of what it makes, what else is beside it)"""
        shutil.rmtree(self.here, ignore_errors=True)
        os.makedirs(self.here)
        for path in products:
            if os.path.exists(path):
                os.unlink(path)
        r = server.run(fault)
        texts = [open(p, errors="replace").read() if os.path.exists(p) else None for p in products]
        there = [os.path.join(top, n) for top, _, names in os.walk(self.here) for n in names]
        return r, texts, [os.path.relpath(n, self.here) for n in there if n not in products]

    def fail(self, what, r=None, lines=()):
        self.failures.append(what)
        command = what.split(":")[0]
        if sum(f.startswith(command + ":") for f in self.failures) <= 12:
            print("\n  ".join([f"FAILED: {what}", *lines]))
            if r is not None:
                print(f"  rc={r.returncode} err={r.stderr[-300:]!r}", flush=True)

    def one(self, server, name, products, fault, good):
        r, texts, beside = self.run(server, products, fault)
        what = f"{name}: {fault}"
        self.n[fault.split(":")[0]] += 1
        if r is None:
            return self.fail(f"{what}: it hangs")
        if r.returncode < 0 or r.returncode > 4:
            return self.fail(f"{what}: it crashes", r)
        if beside and not fault.startswith("unlink"):
            self.fail(f"{what}: {beside} is left", r)
        measures = name.startswith(MEASURE)
        if measures and texts[0] is not None and not whole_lines(texts[0]):
            self.fail(f"{what}: a line of the journal is broken", r)
        elif measures and r.returncode == 2 and texts[0] and not re.search(MEASURED, texts[0] + r.stderr):
            self.fail(f"{what}: a record of nothing is left", r)
        now = plain(r, texts)
        if r.returncode == good[0] and not (good[0] == 2 and r.stderr.strip()):
            self.absorbed += 1
            if now != good and not is_named(name, fault, r):
                self.fail(f"{what}: exit code {r.returncode} and not the whole output", r, first(good, now))
        elif not r.stderr.strip() and not re.search(VERDICT, r.stdout):
            self.fail(f"{what}: exit code {r.returncode} and no word", r)
        elif not measures and name not in TIMED and not is_named(name, fault, r) and any(
                t is not None and t != g for t, g in zip(now[2:], good[2:])):
            self.fail(f"{what}: half a file is left", r)

    def ways(self, server, products):
        self.run(server, products, "sites:0")
        return server.sites()

    def command(self, name, args, products, rng):
        args, products = ([self.out + a[3:] if a.startswith("OUT") else a for a in words]
                          for words in (args, products or ["OUT"]))
        with Server(self.program, self.library, args, self.folder) as server:
            first, second = (self.run(server, products)[:2] for _ in range(2))
            fine = (0, 1, 3, *JUDGES_ITSELF.get(name, ()))
            if first[0] is None or second[0] is None or first[0].returncode not in fine:
                return self.fail(f"{name}: fails without a fault", first[0])
            good = plain(*first)
            if plain(*second) != good:
                return self.fail(f"{name}: does not say the same twice")
            total, before = server.counts(), sum(self.n.values())
            ways = self.ways(server, products) if self.o.ways else {}
            for kind, k in PER_COMMAND.items():
                every = range(1, total[kind] + 1, self.o.every)
                if ways:
                    every = sorted(n for way in ways.get(kind, ())
                                   for n in {way[0], way[-1], *rng.sample(way, min(self.o.ways, len(way)))})
                elif not self.o.all and total[kind] > k:
                    every = sorted({1, total[kind], *rng.sample(every, k)})
                for i, n in enumerate(every):
                    self.one(server, name, products, f"{kind}:{n}", good)
                    if i % 7 == 0:
                        self.one(server, name, products, f"{kind}:{n}:more", good)
        if self.o.all:
            print(f"{name}: {sum(self.n.values()) - before} faults, {len(self.failures)} failed", flush=True)


def points(path):
    """Keys of the whole point lines of a journal, which may end in a piece of one."""
    found = set()
    for l in open(path, errors="replace").read().split("\n")[:-1]:
        o = json.loads(l)
        if o["record"] == "point":
            found.add((o["key"], o["for_ceiling"]))
    return found


RUN = ["run", "copy:bytes=64Ki-128Ki*2,streams=1,2,4", "gemv:m=64,k=64,128", *FAST]


class Kills:
    """A run is killed and continued: recorded points stay, and in the end it is whole."""

    def __init__(self, program, library, folder):
        self.program, self.library, self.folder = program, library, folder
        self.path, self.other = (os.path.join(folder, n) for n in ("killed.jsonl", "other.jsonl"))
        self.n, self.killed, self.failures = 0, 0, []
        began = time.time()
        subprocess.run([program, *RUN, "--quiet", "-o", self.path], check=True, capture_output=True)
        self.whole, self.length_s = points(self.path), time.time() - began

    def expect(self, ok, what):
        if not ok:
            self.failures.append(what)
            print(f"FAILED: {what}", flush=True)

    def look(self, path, had, what):
        """What was recorded is still there."""
        try:
            now = points(path) if os.path.exists(path) else set()
        except ValueError as e:
            return self.expect(False, f"{what}: a broken line: {e}")
        self.expect(had <= now, f"{what}: {len(had - now)} recorded points are lost")
        for name in os.listdir(self.folder):
            if name.startswith(".ironroof"):  # the instant between a file's name and its place
                os.unlink(os.path.join(self.folder, name))

    def ends(self, path, what):
        r = subprocess.run([self.program, *RUN, "--resume", path], capture_output=True, text=True)
        valid = subprocess.run([self.program, "validate", path], capture_output=True).returncode == 0
        self.expect(r.returncode == 0 and valid and points(path) == self.whole,
                    f"{what}: it does not end whole: {r.returncode} {r.stderr[-200:]}")

    def at_random(self, rng):
        path, i = self.path, self.n
        self.n += 1
        if i % 4 == 0 and os.path.exists(path):
            os.unlink(path)
        had = points(path) if os.path.exists(path) else set()
        how = ["--resume", path] if os.path.exists(path) else ["-o", path]
        if i % 5 == 4 and os.path.exists(path):  # into another file
            how = ["--resume", path, "-o", self.other, "--force"]
        p = subprocess.Popen([self.program, *RUN, *how], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0, 1.1 * self.length_s))
        sig = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        p.send_signal(sig)
        try:
            err = p.communicate(timeout=600)[1]
        except subprocess.TimeoutExpired:
            p.kill()
            return self.expect(False, f"kill {i}: it hangs after signal {sig}")
        self.killed += p.returncode < 0 or p.returncode == 130
        self.expect(p.returncode in (0, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT),
                    f"kill {i} ({how[0]}): exit code {p.returncode}: {err[-200:]}")
        self.look(path, had, f"kill {i} ({how[0]})")

    def at_calls(self, how, begin, step):
        """Before every step-th call: a new run, one that is continued, one that is continued elsewhere."""
        with Server(self.program, self.library, [*RUN, *how], self.folder) as server:
            begin()
            server.run()
            total = server.counts()["kill"]
            for k in range(1, total + 1, step):
                had = begin()
                r = server.run(f"kill:{k}")
                self.n += 1
                what = f"killed before call {k} of {how[0]}"
                self.expect(r is not None and r.returncode == -signal.SIGKILL, f"{what}: {r}")
                self.killed += 1
                self.look(self.path, had, what)
                if os.path.exists(self.path) and (step > 1 or k % 5 == 0 or k > total - 20):
                    self.ends(self.path, what)

    def everywhere(self, most):
        """About `most` kills over three ways to run."""
        half = self.path + ".half"
        text = open(self.path).read().split("\n")
        with open(half, "w") as f:
            f.write("\n".join(text[:len(text) // 2]) + "\n")

        def nothing():
            for path in (self.path, self.other):
                if os.path.exists(path):
                    os.unlink(path)
            return set()

        def a_half():
            nothing()
            shutil.copy(half, self.path)
            return points(self.path)

        with Server(self.program, self.library, [*RUN, "-o", self.path], self.folder) as server:
            nothing()
            server.run()
            step = max(1, 3 * server.counts()["kill"] // most)
        self.at_calls(["-o", self.path], nothing, step)
        self.at_calls(["--resume", self.path], a_half, step)
        self.at_calls(["--resume", self.path, "-o", self.other, "--force"], a_half, step)


def kills(program, library, folder, n, rng):
    """Half of them at random moments."""
    k = Kills(program, library, folder)
    k.everywhere(n // 2)
    while k.n < n:
        k.at_random(rng)
    for path in (k.path, k.other):
        if os.path.exists(path):
            k.ends(path, "after all kills")
    return k


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("program")
    ap.add_argument("library")
    ap.add_argument("--all", action="store_true", help="every fault of every command")
    ap.add_argument("--every", type=int, default=1, help="with --all: only each N-th fault")
    ap.add_argument("--ways", type=int, default=0,
                    help="with --all: of the calls that come the same way, the first, the last, N more")
    ap.add_argument("--kills", type=int, help="40, with --only none")
    ap.add_argument("--only", default="", help="commands whose name matches this")
    ap.add_argument("--seed", type=int, default=1)
    o = ap.parse_args()
    program, library = os.path.abspath(o.program), os.path.abspath(o.library)
    if b"__asan_init" in open(program, "rb").read() or not os.path.exists(library):
        print("skipped: a sanitizer has a malloc of its own, or there is no library")
        return 77
    folder = tempfile.mkdtemp(prefix="ironroof-faults-")
    rng = random.Random(o.seed)
    try:
        os.environ["LD_PRELOAD"] = os.path.abspath(o.library)
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
        sweep = os.path.join(folder, "sweep")
        subprocess.run([program, "selftest", "fleet", "--nodes", "12", "-o", sweep],
                       check=True, capture_output=True)
        f = Fault(program, library, folder, o)
        table = commands(record, runs, sweep) + (long_commands(program, folder) if o.all else [])
        for name, args, *products in table:
            if re.search(o.only, name):
                f.command(name, args, *(products or [None]), rng)
        print(
            f"{sum(f.n.values())} faults ({', '.join(f'{k} {n}' for k, n in f.n.items())}), "
            f"{f.absorbed} without an effect, {len(f.failures)} failed"
        )
        n = o.kills if o.kills is not None else 0 if o.only else 40
        if not n:
            return 1 if f.failures else 0
        k = kills(program, library, folder, n, rng)
        print(f"{k.n} kills, {k.killed} while it ran, {len(k.failures)} failed")
        return 1 if f.failures or k.failures else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
