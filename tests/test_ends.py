#!/usr/bin/env python3
"""test_ends.py PROGRAM -- the program left alone: text that is not ours does nothing to who reads it, an
option changes something or is refused, what hangs is given up, a signal ends a run with what it has. Tables
of situations; no time is asserted. Each line of a table fails without what it tests."""

import csv, io, json, os, re, signal, subprocess, sys, tempfile, time, xml.etree.ElementTree as xml

import default_signals  # noqa: F401

PROGRAM = os.path.abspath(sys.argv[1])
FAST = ["--backend", "ideal", "--budget", "5ms", "--warmup", "1ms"]
SMALL = "copy:bytes=64Ki,streams=1"
LARGE = "triad:bytes=96Ki,streams=1"
LAW = ["copy", "gemv", "gemm", "fma"]
MACHINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "machine_")
DESCRIBED = os.path.join(os.path.dirname(MACHINE), "..", "machines", "raspberry_pi5.json")
failures, done = [], 0


def run(*args, text=True, **keywords):
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([PROGRAM, *args], text=text, timeout=600, **keywords)


def expect(ok, what, r=None):
    global done
    done += 1
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")
        if r is not None:
            print(f"  rc={r.returncode}\n  out={r.stdout[-500:]!r}\n  err={r.stderr[-700:]!r}")


def lines(path):
    return [json.loads(l) for l in open(path)]


# ---- hostile text --------------------------------------------------------------------------------
# What a record, a file name or a device may hold: escapes, C1, direction, separators, markup, formulas.
HOSTILE = ["\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\u202edrawkcab", "\u2066iso\u2069", "\u2028line",
           "a\rb", "\x08\x08", "<script>x", "</td>&\"'", "]]>", "=1+1", "@SUM(A1)", "-2+3", "|`cell",
           "\u200b\ufeff", "\U000e0041tag"]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
                       "\U000e0000-\U000e007f]")
# Where a record has text that is shown.
FIELDS = {"machine": ["name", "driver"], "point": ["kernel", "why", "workload"], "ceiling": ["kernel", "isa"],
          "verdict": ["answer", "question"]}


def tainted(source, path, text):
    """The record with the text in every place that is shown."""
    with open(path, "w") as f:
        for line in lines(source):
            for field in FIELDS.get(line["record"], []):
                if isinstance(line.get(field), str) or field in ("why", "driver"):
                    line[field] = text
            if line["record"] == "point":
                line["key"] = f'{line["backend"]}/{line["workload"]}/{text}:{line["key"].split(":")[1]}'
            if line["record"] == "machine":
                line["env"]["cpu_model"] = text
            f.write(json.dumps(line) + "\n")
    return path


def comparison(path, text):
    head = {"record": "header", "schema": 1, "tool": "ironroof", "version": "0", "cost_model": "1",
            "argv": [text], "started": "2026-01-01T00:00:00Z"}
    line = {"record": "comparison", "kind": "ab", "point": text,
            "verdict": text if len(text) < 12 else "REGRESSED", "confirmed": True,
            "effect": .1, "lo": .05, "hi": .2, "mde": .01, "delta": .02, "time_s": 1e-3, "blocks": 12,
            "n": 12, "d": [], "note": text}
    with open(path, "w") as f:
        f.write(json.dumps(head) + "\n" + json.dumps(line) + "\n")
    return path


def clean(what, r):
    for name, data in (("stdout", r.stdout), ("stderr", r.stderr)):
        try:
            found = FORBIDDEN.search(data.decode())
        except UnicodeDecodeError as e:
            found = e
        expect(not found, f"{what}: {name} is clean: {found}")


def hostile_screens(folder):
    source = os.path.join(folder, "source.jsonl")
    r = run("run", SMALL, LARGE, *FAST, "--no-report", "--quiet", "-o", source)
    assert r.returncode == 0, r.stderr
    for at, text in enumerate(HOSTILE):
        path = tainted(source, os.path.join(folder, f"h{at}.jsonl"), text)
        expect(run("validate", path).returncode == 0, f"{text!r} is a text like any other",
               run("validate", path))
        name = os.path.join(folder, "n" + text.replace("/", "") + ".jsonl")
        os.symlink(path, name)
        for args in (["fit", path], ["compare", path, "a100"], ["predict", "gemv", "--device", path],
                     ["validate", path], ["claims", path], ["history", path],
                     ["gate", path, "--baseline", path], ["export", path, "--format", "csv"],
                     ["export", path, "--format", "markdown"], ["export", path, "--format", "openmetrics"],
                     ["export", path, "--format", "gbench"],
                     ["validate", name], ["validate", name + "x"], ["fit", name], ["history", name],
                     ["fit", path, "--color=always"], ["run", text], ["list", text], [text],
                     ["run", "copy", "--filter", text + "("]):
            r = run(*args, text=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
            if "--color=always" in args:
                r.stdout = re.sub(rb"\x1b\[\d*m", b"", r.stdout) if not text.startswith("\x1b") else b""
            clean(f"{' '.join(args)!r}", r)


def hostile_files(folder):
    """Text that a run and a fleet leave for people: the same filter as on the screen."""
    for at, text in enumerate(HOSTILE[:7]):
        machine = os.path.join(folder, "machine.json")
        base = json.load(open(DESCRIBED))
        base["name"] = text
        json.dump(base, open(machine, "w"))
        out = os.path.join(folder, f"described{at}.jsonl")
        run("run", "copy", "--backend", f"model:{machine}", "--samples", "2", "--quiet", "-o", out)
        report = out[:-6] + ".txt"
        expect(os.path.exists(report), f"{text!r}: a report is written")
        if os.path.exists(report):
            expect(not FORBIDDEN.search(open(report).read()), f"{text!r}: the report of a run is clean")
        sweep = os.path.join(folder, f"sweep{at}")
        run("selftest", "fleet", "--nodes", "3", "-o", sweep)
        plan = json.load(open(os.path.join(sweep, "plan.json")))
        for top, _, names in os.walk(os.path.join(sweep, "look1")):
            for name in names:
                digest = json.load(open(os.path.join(top, name)))
                digest.update(status="failed", at=text, why=text)
                json.dump(digest, open(os.path.join(top, name), "w"))
        run("fleet", "judge", sweep)
        for name in ("fleet.txt", "fleet.html"):
            expect(not FORBIDDEN.search(open(os.path.join(sweep, name)).read()), f"{text!r}: {name} is clean")
        plan["nodes"][0] = "n;reboot" + text
        json.dump(plan, open(os.path.join(sweep, "plan.json"), "w"))
        r = run("fleet", "judge", sweep)
        expect(r.returncode == 2 and "name" in r.stderr, f"{text!r}: no name of a node", r)


def hostile_exports(folder):
    source = os.path.join(folder, "source.jsonl")
    for at, text in enumerate(HOSTILE):
        for kind in ("record", "comparison"):
            path = os.path.join(folder, f"e{at}.jsonl")
            (tainted(source, path, text) if kind == "record" else comparison(path, text))
            out = {}
            for form in ("junit", "csv", "markdown"):
                r = run("export", path, "--format", form)
                expect(r.returncode == 0, f"{kind} {text!r} as {form}", r)
                out[form] = r.stdout
                to = os.path.join(folder, "out." + form)
                if os.path.exists(to):
                    os.unlink(to)
                run("export", path, "--format", form, "-o", to)
                expect(not FORBIDDEN.search(open(to).read()), f"{kind} {text!r} as {form}: the file is clean")
            try:
                xml.fromstring(out["junit"])
                fine = True
            except xml.ParseError as e:
                fine = print("  " + str(e))
            expect(fine, f"{kind} {text!r}: JUnit is XML")
            rows = list(csv.reader(io.StringIO(out["csv"])))
            expect(len({len(row) for row in rows}) == 1, f"{kind} {text!r}: CSV has one width")
            for cell in sum(rows, []):
                number = re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", cell)
                expect(number or not cell[:1] or cell[0] not in "=+-@",
                       f"{kind} {text!r}: cell {cell!r} computes")
            expect(not re.search(r"<(?!\d)[a-z/]", out["markdown"]), f"{kind} {text!r}: Markdown has no tag")
            for row in out["markdown"].splitlines()[4:]:
                if row.startswith("|"):
                    expect(len(re.findall(r"(?<!\\)\|", row)) == 5, f"{kind} {text!r}: Markdown row {row!r}")


# ---- options -------------------------------------------------------------------------------------
IDLE = [ # each would change nothing, and is refused by its name
    (["run", SMALL, "--samples", "3", "--budget", "1s"], "budget"),
    (["run", SMALL, "--samples", "3", "--precision", "1%"], "precision"),
    (["run", SMALL, "--backend", "ideal", "--isa", "avx2"], "isa"),
    (["run", SMALL, "--ceilings", "none", "--prove"], "prove"),
    (["run", SMALL, "--model", "BW=1e9"], "model"), (["ab", "a", "b", "--model", "BW=1e9"], "model"),
    (["selftest", "ideal", "--model", "BW=1e9"], "model"),
    (["selftest", "machines", "--budget", "1s"], "budget"),
    (["selftest", "machines", "--rounds", "2"], "rounds"), (["selftest", "aa", "--seeds", "2"], "seeds"),
    (["selftest", "ideal", "--nodes", "3"], "nodes"), (["selftest", "fleet", "--budget", "1s"], "budget"),
    (["ab", "a", "b", "--seeds", "2"], "seeds"),
    (["dump", "gemv:m=8,k=8", "-o", "d", "--model", "x=1"], "model"),
    (["run", SMALL, "--device", "4294967296"], "device"), (["run", SMALL, "--device", "-1"], "device"),
    (["run", SMALL, "--device", "0x0"], "0x0"), (["ceilings", "--device", "99999999999999999999"], "device"),
    (["dump", "gemv:m=8,k=8", "-o", "d", "--device", "4294967296"], "device"),
    *((["list", what, *option], option[0][2:])
      for what in ("workloads", "kernels", "backends", "devices", "claims")
      for option in (["--dtype", "f32"], ["--batch", "2"], ["--threads", "1"], ["--profile", "full"])),
    (["list", "workloads", "--filter", "x"], "filter"), (["list", "points", "--filter", "x"], "filter"),
    *((["claims", "--check", *option], option[0][2:]) for option in
      (["--budget", "1s"], ["--precision", "1%"], ["--seed", "1"], ["--samples", "3"], ["--inject", "1%"],
       ["--warmup", "1s"], ["--isa", "avx2"], ["--pin", "none"], ["--pages", "huge"], ["--threads", "1"],
       ["--filter", "x"], ["--profile", "full"], ["--backend", "cpu"], ["--device", "0"])),
    (["claims", "--dtype", "f32"], "dtype"), (["claims", "--cold"], "cold"),
    (["claims", "--batch", "2"], "batch"),
    *((["selftest", "ideal", *option], option[0][2:]) for option in
      (["--threads", "1"], ["--isa", "avx2"], ["--budget", "1s"], ["--output", "x"], ["--blocks", "9"],
       ["--filter", "x"], ["--backend", "cpu"], ["--cold"], ["--strict"])),
    (["selftest", "kernels", "--budget", "1s"], "budget"),
    (["selftest", "kernels", "--rounds", "2"], "rounds"),
    (["selftest", "kernels", "--dtype", "f32"], "dtype"), (["selftest", "aa", "--inject", "2%"], "inject"),
    (["selftest", "aa", "--plan", "2%"], "plan"), (["selftest", "aa", "--as-is"], "as-is"),
    (["ab", "a", "b", "--rounds", "2"], "rounds"), (["ab", "a", "b", "--as-is", "--budget", "1s"], "budget"),
    (["ab", "a", "b", "--as-is", "--isa", "avx2"], "isa"),
    (["ab", "a", "b", "--as-is", "--inject", "1%"], "inject"),
    (["ab", "a", "b", "--plan", "2%", "--strict"], "strict"),
    (["ab", "a", "b", "--plan", "2%", "--no-more"], "no-more"),
    (["ab", "a", "b", "--samples", "9", "--budget", "1s"], "budget"),
    (["gate", "x", "--baseline", "b", "--update", "--delta", "3%"], "delta"),
    (["gate", "x", "--baseline", "b", "--update", "-o", "y"], "output"),
    (["history", "x", "--recent", "3"], "recent"),
    (["predict", "gemv", "--device", "a100", "--filter", "x"], "filter"),
    (["compare", "a100", "h100", "--batch", "2"], "batch"),
    (["compare", "a100", "h100", "--profile", "full"], "profile"),
    (["export", "x", "--format", "csv", "--color"], "color"), (["report", "x", "--color"], "color"),
    (["report", "x", "--screen", "-o", "y"], "output"),
]
EFFECT = [ # with the option the text is another one
    (["list", "points"], ["--profile", "full"]), (["list", "points"], ["--dtype", "f32"]),
    (["list", "points"], ["--batch", "3"]), (["list", "points"], ["--threads", "1,2"]),
    (["list", "kernels"], ["--filter", "gemm"]),
    (["predict", "gpt2", "--device", "a100"], ["--dtype", "f16"]),
    (["predict", "gpt2", "--device", "a100"], ["--batch", "3"]),
    (["predict", "gemv", "--device", "a100"], ["--profile", "full"]),
    (["predict", "gemv", "--device", "a100"], ["--set", "BW=2x"]),
    (["predict", "gemv", "--device", "a100"], ["--device", "h100"]),
    (["predict", "gemv", "--device", "a100"], ["--threads", "1,2"]),
    (["predict", "gemv", "--device", "a100"], ["--color"]), (["compare", "a100", "h100"], ["--color"]),
    (["compare", "a100", "h100"], ["--dtype", "f64"]),
    (["compare", MACHINE + "a.jsonl", MACHINE + "b.jsonl"], ["--strict"]),
    (["claims", "--check"], ["--explain"]), (["claims", "--check"], ["--color"]),
    (["claims"], ["--ledger", "/dev/null"]),
    *((["run", SMALL, "gpt2:size=small", *FAST, "--dry-run"], option) for option in
      (["--dtype", "f32"], ["--batch", "3"], ["--threads", "1,2"], ["--filter", "copy"], ["--backend", "cpu"],
       ["--device", "nosuch"], ["--device", "1"], ["--layers", "99"])),
]
REACH = [ # what a child of `ab` is given
    ["--budget", "0.25"], ["--precision", "0.125"], ["--inject", "0.5"], ["--profile", "full"],
    ["--samples", "7"], ["--warmup", "0.5"], ["--seed", "9"], ["--isa", "avx2"], ["--pin", "none"],
    ["--pages", "huge"], ["--cold"], ["--filter", "copy/regular"], ["--device", "0"], ["--backend", "cpu"],
    ["--dtype", "f32"], ["--threads", "1"], ["--backend", "model:" + "long/" * 20 + "x.txt"],
    ["--backend", "model", "--model", "BW=1e9"],
]


def recorded(folder, *args):
    path = os.path.join(folder, "one.jsonl")
    if os.path.exists(path):
        os.unlink(path)
    r = run("run", SMALL, *FAST, "--no-report", "--quiet", "--ceilings", "none", "-o", path, *args)
    assert r.returncode == 0, r.stderr
    return r, [l for l in lines(path) if l["record"] == "point"]


def options(folder):
    for args, name in IDLE:
        r = run(*args, cwd=folder)
        expect(r.returncode == 2 and name in r.stderr, f"{' '.join(args)}: refused by name", r)
    for args, more in EFFECT:
        a, b = run(*args, cwd=folder), run(*args, *more, cwd=folder)
        expect((a.returncode, a.stdout, a.stderr) != (b.returncode, b.stdout, b.stderr),
               f"{' '.join(args)}: {' '.join(more)} changes something", b)
    log = os.path.join(folder, "child.log")
    child = os.path.join(folder, "child.sh")
    with open(child, "w") as f:
        f.write(f'#!/bin/sh\necho "$*" >> "{log}"\nexit 3\n')
    os.chmod(child, 0o755)
    for option in REACH:
        open(log, "w").close()
        run("ab", child, child, SMALL, *option, "--no-reference", "--blocks", "1", "--quiet")
        seen = open(log).read()
        want = {"--dtype": "dtype=f32", "--threads": "threads=1"}.get(option[0], " ".join(option))
        expect(want in seen, f"ab {' '.join(option)} reaches the children: {seen[:300]!r}")


# ---- what hangs ----------------------------------------------------------------------------------
EXPLODING = ["((a{1,99}){1,99}){1,99}", "(x+x+)+\\1y", "a{30000}", "(((a{9}){9}){9}){9}",
             "(" * 900 + "a" + ")" * 900, "a" * 5000, "(a|b{200}){200}", "[[:alpha:]]{255}{255}"]
HARMLESS = ["^ideal/copy/", "cop(y|ies){1,3}", "[(){}]*copy", "(copy|triad)/.*$", "c.{2}y", "\\{*copy"]


def hangs(folder):
    limits = os.path.join(folder, "thresholds.txt")
    for text in EXPLODING:
        for args in (["run", "copy", "--backend", "ideal", "--dry-run", "--filter", text],
                     ["history", "x", "--filter", text]):
            r = run(*args)
            expect(r.returncode == 2 and "filter" in r.stderr, f"{args[0]}: {text[:40]} is refused", r)
        open(limits, "w").write(f"{text} 2%\n")
        source = os.path.join(folder, "source.jsonl")
        r = run("gate", source, "--baseline", source, "--thresholds", limits)
        expect(r.returncode == 2 and "thresholds.txt:1" in r.stderr, f"thresholds: {text[:40]} is refused", r)
    for text in HARMLESS:
        r = run("run", "copy", "--backend", "ideal", "--dry-run", "--filter", text)
        expect(r.returncode == 0 and "copy" in r.stdout, f"{text} is a filter", r)
    for args in (["list"], ["list", "kernels"], ["list", "points"], ["--version"], ["selftest", "ideal"],
                 ["claims", "--check"], ["predict", "gemv", "--device", "a100"],
                 ["validate", os.path.join(folder, "source.jsonl")],
                 ["run", "gemv:m=64,k=64", SMALL, "--backend", "cpu", "--samples", "2", "--warmup", "0",
                  "--ceilings", "none", "--no-report", "-o", os.path.join(folder, "small.jsonl")]):
        r = subprocess.run(["bash", "-c", 'ulimit -v 150000; exec "$0" "$@"', PROGRAM, *args],
                           capture_output=True, text=True, timeout=600)
        expect(r.returncode == 0, f"{' '.join(args)} in 150 MB of addresses", r)
    maps = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout
    expect("openblas" not in maps, "OpenBLAS is not loaded with the program")
    for to in ("late.jsonl", "-"):
        path = os.path.join(folder, to) if to != "-" else to
        r = run("run", "gemm:m=4096,n=4096,k=4096", SMALL, "--backend", "cpu",
                "--filter", "gemm/naive|copy/regular", "--samples", "2", "--warmup", "0",
                "--ceilings", "none", "--no-report", "--timeout", "500ms", "-o", path)
        rows = [json.loads(l) for l in (r.stdout.splitlines() if to == "-" else open(path))]
        state = {p["workload"]: p["status"] for p in rows if p["record"] == "point"}
        expect(state.get("gemm") == "error" and "timed out" in r.stderr and r.returncode == 2,
               f"a late point to {to}", r)
        if to != "-":
            expect(state.get("copy") == "ok", "the run goes on behind a late point", r)
            expect(run("validate", path).returncode == 0, "its record is valid", r)
            late = [p for p in rows if p["record"] == "point" and p["status"] == "error"]
            expect(len(late) == 1 and "timed out" in late[0]["why"] and late[0]["device"] == "cpu0",
                   "its row says that it timed out")


# ---- signals -------------------------------------------------------------------------------------
LONG = ["run", "copy:bytes=64Ki-64Mi*2,streams=1", "--filter", "naive", "--backend", "cpu", "--samples",
        "400", "--warmup", "0", "--no-report", "--ceilings", "none"]


def started(path, *args):
    p = subprocess.Popen([PROGRAM, *LONG, "-o", path, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, start_new_session=True)
    for _ in range(1200):
        if os.path.exists(path) and sum(l["record"] == "point" for l in lines_so_far(path)) >= 1:
            break
        time.sleep(.05)
    return p


def lines_so_far(path):
    text = open(path).read()
    return [json.loads(l) for l in text[:text.rfind("\n") + 1].splitlines()]


def signals(folder):
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        path = os.path.join(folder, f"{sig.name}.jsonl")
        p = started(path)
        before = len(lines_so_far(path))
        p.send_signal(sig)
        out, err = p.communicate(timeout=600)
        expect(p.returncode > 0 and "interrupted" in err,
               f"{sig.name} ends the run in its own way: {p.returncode} {err}")
        expect(len(lines(path)) >= before and run("validate", path).returncode == 0,
               f"{sig.name}: the record is valid")
    path = os.path.join(folder, "nohup.jsonl")
    p = subprocess.Popen(["nohup", PROGRAM, "run", SMALL, *FAST, "--no-report", "-o", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(20):
        p.send_signal(signal.SIGHUP) if (p.poll() is None and
                                         open(f"/proc/{p.pid}/comm").read() == "ironroof\n") else None
        time.sleep(.01)
    p.communicate(timeout=600)
    expect(p.returncode == 0, "nohup: SIGHUP stays ignored")
    for what, line in (("a reader that is gone", '"$0" "$@" | true'),
                       ("a tee that dies", '"$0" "$@" | head -c 1 >/dev/null')):
        path = os.path.join(folder, "pipe.jsonl")
        if os.path.exists(path):
            os.unlink(path)
        subprocess.run(["bash", "-c", line, PROGRAM, "run", *LAW, *FAST, "--no-report", "-o", path],
                       capture_output=True, timeout=600)
        kinds = [l["record"] for l in lines(path)]
        expect(kinds.count("point") > 9 and "fit" in kinds and run("validate", path).returncode == 0,
               f"{what}: the record is whole, with its law: {kinds.count('point')} points")
    path = os.path.join(folder, "limit.jsonl")
    r = subprocess.run(["bash", "-c", 'ulimit -f 4; exec "$0" "$@"', PROGRAM, "run", "copy", "triad", *FAST,
                        "--no-report", "-o", path], capture_output=True, text=True, timeout=600)
    expect(r.returncode == 2 and "File too large" in r.stderr,
           "a limit of files is said and does not kill", r)


def children(folder):
    """What ends ab, ends its children."""
    mark = os.path.join(folder, "child.pid")
    child = os.path.join(folder, "sleeper.sh")
    with open(child, "w") as f:
        f.write(f'#!/bin/sh\necho $$ > "{mark}"\nexec sleep 300\n')
    os.chmod(child, 0o755)
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if os.path.exists(mark):
            os.unlink(mark)
        p = subprocess.Popen([PROGRAM, "ab", child, child, SMALL, "--no-reference", "--quiet"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1200):
            if os.path.exists(mark) and open(mark).read().strip():
                break
            time.sleep(.05)
        pid = int(open(mark).read())
        p.send_signal(sig)
        p.wait(timeout=600)
        alive = True
        for _ in range(400):
            try:
                alive = open(f"/proc/{pid}/stat").read().split()[2] != "Z"
            except OSError:
                alive = False
            if not alive:
                break
            time.sleep(.05)
        expect(not alive, f"{sig.name} to ab ends its child")
        if alive:
            os.kill(pid, signal.SIGKILL)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for part in (hostile_screens, hostile_files, hostile_exports, options, hangs, signals, children):
            if len(sys.argv) > 2 and part.__name__ not in sys.argv[2:] and part is not hostile_screens:
                continue
            part(folder)
    print(f"{done} checks, {len(failures)} failed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
