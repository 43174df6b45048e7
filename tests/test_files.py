#!/usr/bin/env python3
"""test_files.py PROGRAM -- what is in files stays there: links, devices, modes and what is not ours are
respected, nothing is lost by a second run, a continued one, a full disk, a closed stream or an input that can
be read once. Tables of situations; no time is asserted. Each line of a table fails without what it tests."""

import concurrent.futures, gzip, json, os, re, shutil, signal, stat, subprocess, sys, tempfile, time

import default_signals  # noqa: F401

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
FIX = os.path.join(HERE, "fixtures", "gate")
FAST = ["--backend", "ideal", "--budget", "5ms", "--warmup", "1ms"]
SMALL = "copy:bytes=64Ki,streams=1"
OTHER = "triad:bytes=96Ki,streams=1"
failures, done = [], 0


def run(*args, **keywords):
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([PROGRAM, *args], text=True, timeout=600, **keywords)


def shell(line, **keywords):
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "P": PROGRAM},
        **keywords,
    )


def expect(ok, what, r=None):
    global done
    done += 1
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")
        if r is not None:
            print(
                f"  rc={r.returncode}\n  out={(r.stdout or '')[-500:]!r}\n  err={(r.stderr or '')[-500:]!r}"
            )


def lines(path):
    return [json.loads(l) for l in open(path, encoding="utf-8-sig")]


def keys(path):
    return [l["key"] for l in lines(path) if l["record"] == "point" and not l["for_ceiling"]]


def put(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def valid(path):
    return run("validate", path).returncode == 0


# ---- one record, made once -----------------------------------------------------------------------
def make(folder, name="a.jsonl", *points):
    path = os.path.join(folder, name)
    r = run("run", *(points or (SMALL,)), *FAST, "--no-report", "--quiet", "-o", path)
    assert r.returncode == 0, r.stderr
    return path


# ---- where a file goes ---------------------------------------------------------------------------
# What writes a file with -o: arguments without it, and what an earlier file of the command is renewed with.
COMMANDS = {
    "run": (["run", SMALL, *FAST, "--no-report"], ["--force"]),
    "predict": (["predict", "gemv", "--device", "a100"], ["--force"]),
    "compare": (["compare", "a100", "h100"], ["--force"]),
    "claims": (["claims", "--check"], ["--force"]),
    "gate": (["gate", "RUNS", "--baseline", "RUNS"], ["--force"]),
    "history": (["history", "RUNS"], ["--force"]),
    "report": (["report", "RUN"], []),
    **{
        "export " + f: (["export", "RUN", "--format", f], [])
        for f in ("csv", "gbench", "bmf", "gha", "junit", "openmetrics", "otava", "markdown", "tidy", "trace")
    },
}


def places(folder, runs):
    """Every command that writes, to every kind of place."""
    for name, (args, again) in COMMANDS.items():
        here = os.path.join(folder, "places-" + name.replace(" ", "-"))
        os.makedirs(here)
        args = [runs if a == "RUNS" else os.path.join(runs, "000.jsonl") if a == "RUN" else a for a in args]
        fine = (0, 3) if name == "gate" else (0,)
        go = lambda out, *more, **k: run(*args, "-o", out, *more, **k)
        plain = os.path.join(here, "plain")
        r = go(plain)
        expect(r.returncode in fine and os.path.getsize(plain) > 0, f"{name}: writes a file", r)
        expect(os.listdir(here) == ["plain"], f"{name}: and nothing beside it: {os.listdir(here)}")
        os.chmod(plain, 0o640)
        r = go(plain, *again)
        expect(
            r.returncode in fine and stat.S_IMODE(os.stat(plain).st_mode) == 0o640,
            f"{name}: again, the mode stays",
            r,
        )
        if again:
            before = open(plain, "rb").read()
            r = go(plain)
            expect(
                r.returncode == 2 and "--force" in r.stderr and open(plain, "rb").read() == before,
                f"{name}: a record is kept without --force",
                r,
            )
        link = os.path.join(here, "link")
        os.symlink("plain", link)
        r = go(link, *again)
        expect(
            r.returncode in fine and os.path.islink(link) and os.path.getsize(plain) > 0,
            f"{name}: a link stays a link",
            r,
        )
        os.symlink("nowhere", os.path.join(here, "dangling"))
        r = go(os.path.join(here, "dangling"))
        expect(
            r.returncode in fine
            and os.path.islink(os.path.join(here, "dangling"))
            and os.path.getsize(os.path.join(here, "nowhere")) > 0,
            f"{name}: a link to nothing makes what it names",
            r,
        )
        os.link(plain, os.path.join(here, "second"))
        r = go(plain, *again)
        expect(
            r.returncode in fine
            and os.path.samefile(plain, os.path.join(here, "second"))
            and os.stat(plain).st_nlink == 2,
            f"{name}: a second name of the file stays one",
            r,
        )
        for out, want in (
            ("/dev/null", fine),
            ("/dev/full", (2,)),
            (os.path.join(here, "no", "such"), (2,)),
            (here, (2,)),
            ("x" * 300, (2,)),
        ):
            kind = os.stat(out).st_mode if os.path.exists(out) else None
            r = go(out, cwd=here)
            expect(
                r.returncode in want and (want != (2,) or "ironroof: " in r.stderr),
                f"{name} -o {out[:40]}: exit code {want}",
                r,
            )
            expect(kind is None or os.stat(out).st_mode == kind, f"{name}: {out} is what it was")
        fifo = os.path.join(here, "fifo")
        os.mkfifo(fifo)
        with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
            r = go(fifo)
            got = reader.communicate(timeout=600)[0]
        expect(
            r.returncode in fine and got and stat.S_ISFIFO(os.stat(fifo).st_mode),
            f"{name}: a FIFO gets it",
            r,
        )
        notes = put(os.path.join(here, "notes.md"), "# my notes\nnot to be lost\n")
        for more in ([], ["--force"]):
            r = go(notes, *more)
            expect(
                r.returncode == 2 and "not of this program" in r.stderr and "lost" in open(notes).read(),
                f"{name} {more}: what is not ours stays",
                r,
            )
        for target in (
            plain + ".tmp",
            os.path.join(here, ".ironroof-XXXXXX"),
        ):  # what others could have laid there
            os.symlink(notes, target)
        r = go(plain, *again)
        expect(
            r.returncode in fine and "lost" in open(notes).read() and os.path.islink(plain + ".tmp"),
            f"{name}: no name that others know is used",
            r,
        )
        left = [n for n in os.listdir(here) if n.startswith(".ironroof-") and n != ".ironroof-XXXXXX"]
        expect(not left, f"{name}: no temporary file is left: {left}")
        bare = [n for n in os.listdir("/dev") if n.startswith(("null.", "full."))]
        expect(not bare, f"{name}: nothing beside a device: {bare}")


def mounted(folder, runs):
    """A file that is a mount of its own cannot be replaced: its content is."""
    here = os.path.join(folder, "mounted")
    os.makedirs(here)
    script = """mount --bind {h}/real {h}/seen &&
for i in 1 2; do "$P" {args} -o {h}/seen {more} || exit 9; done
test $(stat -c %i {h}/real) = $(stat -c %i {h}/seen)"""
    for name, (args, more) in COMMANDS.items():
        if name == "gate":
            continue
        args = [
            runs if a == "RUNS" else os.path.join(runs, "000.jsonl") if a == "RUN" else f"'{a}'" for a in args
        ]
        for n in ("real", "seen"):
            put(os.path.join(here, n), "")
        r = subprocess.run(
            ["unshare", "-rm", "bash", "-c", script.format(h=here, args=" ".join(args), more=" ".join(more))],
            capture_output=True,
            text=True,
            env={**os.environ, "P": PROGRAM},
            timeout=600,
        )
        if "unshare failed" in r.stderr or "mount:" in r.stderr:
            print("skipped: mounted files (no mount namespace here)")
            return
        expect(
            r.returncode == 0 and os.path.getsize(os.path.join(here, "real")) > 0,
            f"{name}: a mounted file gets the content",
            r,
        )


def inputs_stay(folder, runs):
    """Input = output."""
    a = shutil.copy(os.path.join(runs, "000.jsonl"), os.path.join(folder, "same.jsonl"))
    b = make(folder, "machine.jsonl")
    proof = put(os.path.join(folder, "proof.jsonl"), open(os.path.join(FIX, "verdicts.jsonl")).readline())
    for args, out in (
        (["report", a], a),
        (["export", a, "--format", "csv"], a),
        (["export", a, "--format", "junit"], a),
        (["gate", a, "--baseline", runs], a),
        (["gate", runs, "--baseline", a], a),
        (["gate", runs, "--baseline", runs, "--proof", proof], proof),
        (["history", a], a),
        (["predict", "gemv", "--device", b], b),
        (["compare", b, "a100"], b),
        (["claims", b], b),
        (["ab", "x", "y", "--proof", proof], proof),
        (["run", SMALL, *FAST, "--ceilings", b], b),
    ):
        link = out + ".link"
        if not os.path.exists(link):
            os.symlink(os.path.basename(out), link)
        for o in (out, link):
            before = open(out, "rb").read()
            r = run(*args, "-o", o, "--force")
            expect(
                r.returncode == 2 and open(out, "rb").read() == before,
                f"{args[0]}: the input {'by a link ' if o == link else ''}is not overwritten",
                r,
            )
    here = os.path.join(folder, "stdout.jsonl")
    r = shell(f'cd {folder}; "$P" run {SMALL} {" ".join(FAST)} -o stdout.jsonl > stdout.jsonl')
    expect(
        r.returncode == 2 and "goes there too" in r.stderr and os.path.getsize(here) == 0,
        "-o FILE > FILE is refused",
        r,
    )


# ---- runs ----------------------------------------------------------------------------------------
def refused_runs(folder):
    """A run that is refused changes nothing and leaves nothing."""
    a = make(folder, "kept.jsonl", SMALL, OTHER)
    other = os.path.join(folder, "other-machine.jsonl")
    with open(other, "w") as f:
        for l in lines(a):
            if l["record"] == "machine":
                l["env"]["cpu_model"] = "Another CPU"
            f.write(json.dumps(l) + "\n")
    new = os.path.join(folder, "never.jsonl")
    for more in (["--ceilings", other], ["--ceilings", "/no/such"], ["--device", "7"], ["--filter", "("]):
        before = open(a, "rb").read()
        r = run("run", SMALL, *FAST, *more, "-o", a, "--force")
        expect(
            r.returncode == 2 and open(a, "rb").read() == before,
            f"run {more[0]} refused: the old record is whole",
            r,
        )
        r = run("run", SMALL, *FAST, *more, "-o", new)
        expect(r.returncode == 2 and not os.path.exists(new), f"run {more[0]} refused: no file is left", r)
    put(os.path.join(folder, "mine.txt"), "my notes\n")
    r = run("run", SMALL, *FAST, "-o", os.path.join(folder, "mine.jsonl"))
    expect(
        r.returncode == 2
        and open(os.path.join(folder, "mine.txt")).read() == "my notes\n"
        and not os.path.exists(os.path.join(folder, "mine.jsonl")),
        "a report does not overwrite what is not ours",
        r,
    )


def many_runs(folder):
    here = os.path.join(folder, "many")
    os.makedirs(here)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        all_r = list(pool.map(lambda _: run("run", SMALL, *FAST, "--no-report", cwd=here), range(4)))
    said = {re.search(r"Results: (\S+)", r.stdout).group(1) for r in all_r if "Results:" in r.stdout}
    expect(
        all(r.returncode == 0 for r in all_r) and len(said) == 4 and said == set(os.listdir(here)),
        f"four runs at once: four files ({said})",
    )
    expect(all(valid(os.path.join(here, f)) for f in os.listdir(here)), "four runs at once: each is whole")
    one = os.path.join(folder, "one.jsonl")
    long = [
        "run",
        "copy:bytes=64Ki,streams=1,2,4",
        "--backend",
        "cpu",
        "--filter",
        "naive",
        "--ceilings",
        "none",
        "--no-report",
        "--precision",
        "1e-5",
        "--budget",
        "1s",
        "-o",
        one,
    ]
    first = subprocess.Popen([PROGRAM, *long], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for _ in range(3000):
        if os.path.exists(one) and os.path.getsize(one):
            break
        time.sleep(0.02)
    for more in (["-o", one, "--force"], ["--resume", one]):
        r = run("run", SMALL, *FAST, *more)
        expect(
            r.returncode == 2 and "another run is writing" in r.stderr,
            f"{more}: a second run on one file is refused",
            r,
        )
    first.wait(timeout=600)
    expect(first.returncode == 0 and valid(one) and len(keys(one)) == 3, "and the first one is whole")
    # with --force the record goes only once something is measured
    r = run("run", OTHER, *FAST, "--no-report", "-o", one, "--force")
    expect(r.returncode == 0 and all("triad" in k for k in keys(one)), "--force replaces a record", r)


# ---- --resume only adds --------------------------------------------------------------------------
def copy(a, folder, name):
    return shutil.copy(a, os.path.join(folder, name))


def resume(folder):
    a = make(folder, "r0.jsonl", SMALL, OTHER)
    had = keys(a)
    none = ["--ceilings", "none"]
    for name, args in (
        ("another workload", ["gemv:m=64,k=64"]),
        ("the same", [SMALL]),
        ("another backend", [SMALL, "--backend", "cpu", *none]),
        ("without ceilings", ["gemv:m=64,k=64", *none]),
    ):
        p = copy(a, folder, "r1.jsonl")
        before = {json.dumps(l) for l in lines(p) if l["record"] in ("header",)}
        fast = FAST[2:] if "--backend" in args else FAST
        r = run("run", *args, *fast, "--no-report", "--resume", p)
        now = lines(p)
        expect(
            r.returncode == 0 and set(had) <= set(keys(p)) and valid(p),
            f"--resume with {name}: every point stays",
            r,
        )
        expect(len(keys(p)) == len(set(keys(p))), f"--resume with {name}: none is there twice")
        expect(before <= {json.dumps(l) for l in now}, f"--resume with {name}: the old header stays")
        for kind in ("machine", "ceiling", "fit", "verdict"):
            of = lambda rows: {
                (
                    l.get("device"),
                    l.get("what"),
                    l.get("level"),
                    l.get("op"),
                    l.get("question"),
                    l.get("form"),
                )
                for l in rows
                if l["record"] == kind
            }
            expect(of(lines(a)) <= of(now), f"--resume with {name}: every {kind} line stays")
    # what no version knows stays, too
    p = copy(a, folder, "r2.jsonl")
    with open(p, "a") as f:
        f.write('{"record":"from a later version","x":1}\n')
    r = run("run", "gemv:m=64,k=64", *FAST, "--no-report", "--resume", p)
    expect(
        r.returncode == 0 and any(l["record"] == "from a later version" for l in lines(p)),
        "--resume: lines of a later version stay",
        r,
    )
    # another device of the same backend
    p = copy(a, folder, "r3.jsonl")
    text = open(p).read().replace('"ideal0"', '"ideal7"')
    put(p, text)
    r = run("run", SMALL, *FAST, "--no-report", "--resume", p)
    by = {
        d: [
            l["key"] for l in lines(p) if l["record"] == "point" and l["device"] == d and not l["for_ceiling"]
        ]
        for d in ("ideal0", "ideal7")
    }
    expect(
        r.returncode == 0 and set(by["ideal7"]) == set(had) and by["ideal0"],
        f"--resume: another device's points are its own: {by}",
        r,
    )
    # --resume A -o B
    p, b = copy(a, folder, "r4.jsonl"), os.path.join(folder, "r4b.jsonl")
    before = open(p, "rb").read()
    r = run("run", "gemv:m=64,k=64", *FAST, "--no-report", "--resume", p, "-o", b)
    expect(
        r.returncode == 0 and open(p, "rb").read() == before and set(had) < set(keys(b)) and valid(b),
        "--resume A -o B writes B and leaves A",
        r,
    )
    r = run("run", SMALL, *FAST, "--no-report", "--resume", p, "-o", b)
    expect(r.returncode == 2 and "--force" in r.stderr, "--resume A -o B: B is kept without --force", r)
    r = run("run", SMALL, *FAST, "--no-report", "--resume", p, "-o", b, "--force")
    expect(r.returncode == 0 and set(keys(b)) == set(had), "--resume A -o B --force", r)
    # begun and not begun
    whole = open(a).read()
    header = whole[: whole.index("\n") + 1]
    for name, text in (
        ("empty", ""),
        ("one byte", "{"),
        ("half a header", header[:60]),
        ("a header without its end", header[:-1]),
        ("a header alone", header),
        ("header and machine, cut", "".join(whole.splitlines(True)[:2])[:-40]),
    ):
        p = put(os.path.join(folder, "r5.jsonl"), text)
        r = run("run", SMALL, *FAST, "--no-report", "--resume", p)
        expect(r.returncode == 0 and valid(p) and len(keys(p)) >= 1, f"--resume of {name}", r)
    for name, text in (
        ("no record", "hello\n"),
        ("no record without an end", "hello"),
        ("another object", '{"a":1}\n'),
        ("a list", "[1]\n"),
    ):
        p = put(os.path.join(folder, "r6.jsonl"), text)
        r = run("run", SMALL, *FAST, "--no-report", "--resume", p)
        expect(r.returncode == 2 and open(p).read() == text, f"--resume of {name} is refused", r)
    for p in ("/dev/null", "-", folder):
        r = run("run", SMALL, *FAST, "--no-report", "--resume", p, stdin=subprocess.DEVNULL)
        expect(r.returncode == 2 and "no regular file" in r.stderr, f"--resume {p} is refused", r)
    # Ctrl-C in a continued run
    p = copy(a, folder, "r7.jsonl")
    child = subprocess.Popen(
        [
            PROGRAM,
            "run",
            "copy:bytes=1Mi,streams=1,2,4,8",
            "--backend",
            "cpu",
            "--ceilings",
            "none",
            "--no-report",
            "--budget",
            "30s",
            "--precision",
            "1e-5",
            "--filter",
            "naive",
            "--resume",
            p,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(3000):
        if '"cpu0"' in open(p).read():
            break
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    err = child.communicate(timeout=600)[1]
    expect(
        child.returncode == 130 and set(had) <= set(keys(p)) and valid(p),
        f"Ctrl-C in a continued run: every recorded point stays: {err[-200:]}",
    )


# ---- inputs --------------------------------------------------------------------------------------
def read_once(folder, runs):
    """Each reader, from a pipe, from standard input and from a FIFO: the same as from the file."""
    a = make(folder, "once.jsonl", SMALL, OTHER)
    run1 = os.path.join(runs, "000.jsonl")
    fifo = os.path.join(folder, "once.fifo")
    os.mkfifo(fifo)
    page = lambda x: x + f" -o {folder}/once.html && cat {folder}/once.html"
    for name, line, file in (
        ("validate", '"$P" validate {}', a),
        ("fit", '"$P" fit {}', a),
        ("export", '"$P" export {} --format csv', run1),
        ("export", '"$P" export {} --format gbench', run1),
        ("history", f'"$P" history {{}} {runs}', run1),
        ("gate", f'"$P" gate {{}} {runs}/00[123].jsonl --baseline {runs}', run1),
        ("gate --baseline", f'"$P" gate {runs} --baseline {{}} 2>&1', run1),
        ("report", page('"$P" report {}'), a),
        ("compare", '"$P" compare {} a100', a),
        ("claims", '"$P" claims {}', a),
        ("claims batch1", '"$P" claims {} gemv-intensity-f32', a),
        ("predict", '"$P" predict gemv --device {}', a),
        (
            "ledger",
            '"$P" claims --check --ledger {}',
            os.path.join(HERE, "..", "bench", "claims", "claims.json"),
        ),
        (
            "ceilings",
            f'"$P" run {SMALL} {" ".join(FAST)} --ceilings {{}} --no-report -o - | grep -c ceiling',
            a,
        ),
    ):
        plain = shell(line.format(file))
        clean = lambda r: re.sub(
            r"(/dev/fd/\d+|\S*once\.fifo|\S*once\.jsonl|standard input|fd/\d+|\d+ \(once.fifo\))|\b(63|62)\b",
            "X",
            r.stdout.replace(file, "X").replace(os.path.basename(file), "X"),
        )
        for how, text in (
            ("a process substitution", line.format(f"<(cat {file})")),
            ("standard input", line.format("-") if False else f"cat {file} | ({line.format('-')})"),
            ("a FIFO", f"cat {file} > {fifo} & " + line.format(fifo)),
        ):
            r = shell(text)
            same = (
                len(clean(r)) > 0 and abs(len(clean(r)) - len(clean(plain))) <= 40 + len(plain.stdout) // 20
            )
            expect(
                r.returncode == plain.returncode and same,
                f"{name}: {how} is read as the file is ({len(plain.stdout)} and {len(r.stdout)} bytes)",
                r,
            )
    base = os.path.join(folder, "pipe-base")
    r = shell(f'"$P" gate <(cat {run1}) --baseline {base} --update')
    kept = os.path.join(base, "run-001.jsonl")
    expect(
        r.returncode == 0 and open(kept).read() == open(run1).read(),
        "gate --update keeps what came through a pipe",
        r,
    )


def encodings(folder, runs):
    a = make(folder, "plain.jsonl")
    text = open(a).read()
    bom = os.path.join(folder, "bommm.jsonl")
    put(bom, "\ufeff" + text)
    packed = os.path.join(folder, "packed.jsonl")
    with gzip.open(packed, "wt") as f:
        f.write(text)
    wide = os.path.join(folder, "wide.jsonl")
    with open(wide, "w", encoding="utf-16") as f:
        f.write(text)
    for args in (
        ["validate"],
        ["fit"],
        ["export", "--format", "csv"],
        ["history"],
        ["report", "-o", os.path.join(folder, "bom.html")],
        ["compare", "a100"],
        ["claims"],
        ["predict", "gemv", "--device"],
    ):
        r, plain = run(*args, bom), run(*args, a)
        expect(
            r.returncode == plain.returncode and len(r.stdout) == len(plain.stdout.replace(a, bom)),
            f"{args[0]}: a byte order mark is passed over",
            r,
        )
        for path, word in ((packed, "gzip"), (wide, "UTF-16")):
            r = run(*args, path)
            expect(r.returncode == 2 and word in r.stderr, f"{args[0]}: {word} is named", r)
    b = put(os.path.join(folder, "two.jsonl"), text + text.replace('"cpu_model":"', '"cpu_model":"Another '))
    expect(json.loads(text.splitlines()[1])["env"].get("cpu_model"), "the record names its CPU")
    for args in (["validate"], ["fit"], ["export", "--format", "csv"], ["history"], ["compare", "a100"]):
        r = run(*args, b)
        expect(
            r.returncode == 2 and "another machine" in r.stderr,
            f"{args[0]}: records of two machines in one file are refused",
            r,
        )
    expect(
        run("validate", put(os.path.join(folder, "twice.jsonl"), text + text)).returncode == 0,
        "two of one machine are read",
    )


def folders(folder, runs):
    here = shutil.copytree(runs, os.path.join(folder, "folder"))
    bad = {
        "empty": "",
        "header": open(os.path.join(runs, "000.jsonl")).readline(),
        "half": '{"record":"hea',
        "garbage": "\x00\x01hello",
        "list": "[1,2]\n",
        "future": '{"record":"header","schema":99}\n',
    }
    for n, text in bad.items():
        put(os.path.join(here, f"bad-{n}.jsonl"), text)
    for args in (
        ["history", here],
        ["gate", here, "--baseline", runs],
        ["gate", runs, "--baseline", here],
        ["export", here, "--format", "csv"],
    ):
        good = run(*[runs if a == here else a for a in args])
        r = run(*args)
        expect(
            r.returncode == good.returncode and r.stdout.replace(here, runs) == good.stdout,
            f"{args[0]}: the good records of a folder are used",
            r,
        )
        expect(
            all(f"bad-{n}.jsonl" in r.stderr for n in bad) and r.stderr.count("passed over") == len(bad),
            f"{args[0]}: each bad one is named",
            r,
        )
    only = os.path.join(folder, "only-bad")
    os.makedirs(only)
    for n, text in bad.items():
        put(os.path.join(only, f"{n}.jsonl"), text)
    one = os.path.join(runs, "000.jsonl")
    for args in (
        ["history", only],
        ["gate", only, "--baseline", runs],
        ["gate", runs, "--baseline", only],
        ["export", only, "--format", "csv"],
    ):
        r = run(*args)
        expect(r.returncode == 2, f"{args[0]}: a folder of nothing but bad ones fails", r)
    for n in ("empty", "header"):
        for args in (
            ["history", os.path.join(only, n + ".jsonl"), one],
            ["gate", os.path.join(only, n + ".jsonl"), one, "--baseline", runs],
            ["export", os.path.join(only, n + ".jsonl"), one, "--format", "csv"],
        ):
            r = run(*args)
            expect(
                r.returncode in (0, 3) and f"{n}.jsonl" in r.stderr,
                f"{args[0]}: what a run left {n} is named and passed over",
                r,
            )
    r = run("history", os.path.join(only, "list.jsonl"), one)
    expect(r.returncode == 2, "a bad file that is named by itself is an error", r)
    # renewing a baseline through a link, and one with a slash behind it
    base, link = shutil.copytree(runs, os.path.join(folder, "base")), os.path.join(folder, "base-link")
    os.symlink("base", link)
    for name in (link, base + "/"):
        r = run("gate", runs, "--baseline", name, "--update")
        expect(
            r.returncode == 0 and os.path.islink(link) and len(os.listdir(base)) == len(os.listdir(runs)),
            f"gate --update {os.path.basename(name)}: the folder is renewed",
            r,
        )
    strange = [n for n in os.listdir(folder) if ".new-" in n]
    expect(not strange and os.path.isdir(base + ".history"), f"gate --update leaves nothing: {strange}")


def many_points(folder, n=8000, runs=3):
    """Look-ups by key do not go through all keys: with them 8000 points took minutes."""
    here = os.path.join(folder, "large")
    os.makedirs(here)
    template = lines(os.path.join(FIX, "run1.jsonl"))
    point = next(l for l in template if l["record"] == "point")
    point["samples_s"] = point["samples_s"][:1]
    for i in range(runs):
        with open(os.path.join(here, f"{i}.jsonl"), "w") as f:
            for l in template:
                if l["record"] == "header":
                    l["started"] = f"2026-01-{i + 1:02d}T00:00:00Z"
                if l["record"] != "point":
                    f.write(json.dumps(l) + "\n")
            for k in range(n):
                point["params"] = {**point["params"], "m": k + 1}
                f.write(json.dumps(point) + "\n")
    for args in (
        ["history", here],
        ["gate", here, "--baseline", here],
        ["export", here, "--format", "gbench"],
        ["export", here, "--format", "otava"],
        ["export", os.path.join(here, "0.jsonl"), "--format", "junit"],
    ):
        r = subprocess.run(
            ["bash", "-c", 'ulimit -t 60; exec "$@"', "x", PROGRAM, *args], capture_output=True, text=True
        )
        expect(r.returncode in (0, 3), f"{args[0]} {args[-1]} of {n} points ends in a minute of CPU time", r)


# ---- ends ----------------------------------------------------------------------------------------
def ends(folder, runs):
    a = make(folder, "ends.jsonl")
    one = os.path.join(runs, "000.jsonl")
    printing = [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "kernels"],
        ["list", "claims"],
        ["list", "devices"],
        ["list", "points"],
        ["list", "backends"],
        ["list", "workloads"],
        ["run", "--help"],
        ["run", SMALL, "--dry-run"],
        ["run", SMALL, *FAST, "--no-report", "-o", "/dev/null"],
        ["ceilings", "--backend", "ideal", "--no-report", "-o", "/dev/null"],
        ["fit", a],
        ["predict", "gemv", "--device", "a100"],
        ["compare", "a100", "h100"],
        ["claims"],
        ["claims", "--check"],
        ["claims", "gemv-intensity-f32", "--explain"],
        ["claims", a],
        ["validate", a],
        ["gate", runs, "--baseline", runs],
        ["history", runs],
        ["export", one, "--format", "csv"],
        ["export", one, "--format", "junit"],
        ["export", one, "--format", "markdown"],
        ["report", a, "-o", os.path.join(folder, "ends.html")],
        ["selftest", "ideal"],
        ["predict", "gemv", "--device", "a100", "-o", "-"],
        ["run", SMALL, *FAST, "--no-report", "-o", "-"],
    ]
    with open("/dev/full", "w") as full:
        for args in printing:
            if run(*args).returncode not in (0, 3):
                continue
            r = run(*args, stdout=full)
            expect(
                r.returncode == 2 and "No space left" in r.stderr,
                f"{' '.join(args[:3])} > /dev/full: exit code 2 and why",
                r,
            )
    for closed in ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"):
        for args in (
            ["run", SMALL, *FAST, "--no-report"],
            ["predict", "gemv", "--device", "a100"],
            ["export", one, "--format", "csv"],
            ["gate", runs, "--baseline", runs],
        ):
            out = os.path.join(folder, "closed.out")
            if os.path.exists(out):
                os.unlink(out)
            r = shell(f"\"$P\" {' '.join(args)} -o {out} {closed}")
            text = open(out).read() if os.path.exists(out) else ""
            whole = text.endswith("\n") and (
                args[0] == "export"
                and text.startswith("started,")
                or all(l.startswith("{") for l in text.splitlines())
            )
            expect(
                bool(text) and whole, f"{args[0]} {closed}: nothing but data in the file ({text[:60]!r})", r
            )
            expect(
                r.returncode in (0, 2, 3)
                and (">&-" not in closed.replace("2>&-", "") or args[0] == "export" or r.returncode == 2),
                f"{args[0]} {closed}: text that is lost is no success",
                r,
            )
    r = shell(f'"$P" list >&-')
    expect(r.returncode == 2, "list >&-: exit code 2", r)


def disk_full(folder):
    """A file system with hardly any room: what was there stays."""
    here = os.path.join(folder, "tiny")
    os.makedirs(here)
    a = make(folder, "big.jsonl", SMALL, OTHER)
    script = f"""mount -t tmpfs -o size=64k tmpfs {here} &&
cp {FIX}/run1.jsonl {here}/a.csv.jsonl && cd {here} && "$P" export a.csv.jsonl --format csv -o a.csv &&
cp a.csv old.csv && head -c 60000 /dev/zero > fill; "$P" report {a} -o page.html && exit 9
"$P" export {a} --format gbench -o b.json && ls -l && exit 8
cmp a.csv old.csv || exit 7; ls -A | grep -q '^.ironroof-' && exit 6; test -e page.html && exit 5; exit 0"""
    r = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "P": PROGRAM},
        timeout=600,
    )
    if "unshare failed" in r.stderr or "mount:" in r.stderr:
        print("skipped: a full disk (no mount namespace here)")
        return
    expect(
        r.returncode in (0, 8) and "No space left" in r.stderr,
        f"a full disk: nothing half is left ({r.returncode})",
        r,
    )


def main():
    folder = tempfile.mkdtemp(prefix="ironroof-files-")
    try:
        runs = os.path.join(folder, "runs")
        os.makedirs(runs)
        for i in range(4):
            with open(os.path.join(runs, f"{i:03d}.jsonl"), "w") as f:
                for l in lines(os.path.join(FIX, "run1.jsonl")):
                    if l["record"] == "header":
                        l["started"] = f"2026-01-0{i + 1}T00:00:00Z"
                    f.write(json.dumps(l) + "\n")
        for part in (
            lambda: places(folder, runs),
            lambda: mounted(folder, runs),
            lambda: inputs_stay(folder, runs),
            lambda: refused_runs(folder),
            lambda: many_runs(folder),
            lambda: resume(folder),
            lambda: read_once(folder, runs),
            lambda: encodings(folder, runs),
            lambda: folders(folder, runs),
            lambda: many_points(folder),
            lambda: ends(folder, runs),
            lambda: disk_full(folder),
        ):
            part()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{done} situations, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
