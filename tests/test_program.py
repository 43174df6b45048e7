#!/usr/bin/env python3
"""test_program.py PROGRAM -- the program as a user meets it: every refusal is one clear line and the right
exit code, a run that is interrupted, killed or out of disk keeps what it measured, and what it wrote can be
read again; memory stays near what is computed. No time is asserted."""
import json, os, re, signal, subprocess, sys, tempfile, time

import default_signals  # noqa: F401

PROGRAM = os.path.abspath(sys.argv[1])
FAST = ["--ceilings", "none", "--no-report", "--budget", "20ms", "--warmup", "1ms"]
SMALL = "copy:bytes=64Ki,streams=1"
failures = []


def run(*args, **keywords):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600, **keywords)


def expect(ok, what, result=None):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")
        if result is not None:
            print(f"  rc={result.returncode}\n  out={result.stdout[-600:]}\n  err={result.stderr[-600:]}")


def refused(args, words, code=2):
    r = run(*args)
    line = r.stderr.strip().splitlines()
    expect(r.returncode == code, f"{' '.join(args)}: exit code {code}", r)
    expect(line and all(w in r.stderr for w in words), f"{' '.join(args)}: says {words}", r)
    expect(len(line) <= 2 and all(l.startswith("ironroof: ") for l in line),
           f"{' '.join(args)}: one clear line", r)


def refusals():
    for args, words in [
            (["frob"], ["unknown command 'frob'"]), (["rum"], ["did you mean 'run'"]),
            (["run", "cpoy"], ["did you mean 'copy'"]), (["run", "gemm:m=0"], ["m=0"]),
            (["run", "gemm:q=3"], ["'q'", "m n k"]),
            (["run", "gemm:m"], ["key=value"]), (["run", "copy", "--dtype", "f31"], ["did you mean 'f32'"]),
            (["run", "gemm", "--dtype", "i4"], ["i4"]),
            (["run", "copy", "--device", "7"], ["index 0 (not 7)"]),
            (["run", "copy", "--device", "nosuch"], ["no device 'nosuch'"]),
            (["run", "copy", "--threads", "99999"], ["99999"]),
            (["run", "copy", "--threads", "0"], ["threads"]), (["run", "copy:bytes=1e30"], ["too large"]),
            (["run", "copy:bytes=8E"], ["bytes"]),
            (["run", "copy", "--backend", "cudda"], ["unknown backend 'cudda'"]),
            (["run", "copy", "--isa", "sse9"], ["instruction set"]),
            (["run", "copy", "--filter", "("], ["filter"]),
            (["run", "copy", "--profile", "slow"], ["quick"]),
            (["run", "copy", "--budget", "0.5parsec"], ["budget"]),
            (["run", SMALL, *FAST, "-o", "/nonexistent/x.jsonl"], ["/nonexistent/x.jsonl", "No such file"]),
            (["run", SMALL, *FAST, "--resume", "/nonexistent/y.jsonl"], ["/nonexistent/y.jsonl"]),
            (["validate", "/nonexistent/z.jsonl"], ["/nonexistent/z.jsonl"]),
            (["validate"], ["needs an argument"]),
            (["fit", "/nonexistent/z.jsonl"], ["/nonexistent/z.jsonl"]),
            (["list", "poits"], ["did you mean 'points'"]),
            (["selftest", "idael"], ["did you mean 'ideal'"])]:
        refused(args, words)


def full_disk():
    if not os.path.exists("/dev/full"):
        return
    r = run("run", SMALL, *FAST, "-o", "/dev/full")
    expect(r.returncode == 2 and "No space left" in r.stderr, "a full disk is an error", r)


def help_and_lists():
    for args in (["--help"], ["--version"], ["run", "--help"], ["list"], ["list", "kernels"],
                 ["list", "backends"], ["list", "points"]):
        r = run(*args)
        expect(r.returncode == 0 and r.stdout.strip() and r.stdout.endswith("\n"),
               f"{' '.join(args)} prints something", r)
    for args, there in ((["gemv_twice"], True), (["gemv"], False), ([], False)):
        r = run("run", *args, "--backend", "cpu", "--dry-run")
        expect(r.returncode == 0 and ("gemv_twice:" in r.stdout) == there,
               f"run {args}: a twin is measured when named only", r)
    r = run("run", "gemm", "--dry-run")
    expect(r.returncode == 0 and "gemm:m=" in r.stdout, "--dry-run prints the points", r)


def documented():
    """Every option of every command line in the README and in docs/ is one that this command takes, and the
    command exists."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    pages = ["README.md"] + [os.path.join("docs", d) for d in sorted(os.listdir(os.path.join(root, "docs")))
                             if d.endswith(".md")]
    seen, takes = 0, {}
    for page in pages:
        text = open(os.path.join(root, page), encoding="utf-8").read()
        for line in re.findall(r"^(?:\$ )?ironroof ([^#\n]+)", text, re.M) + re.findall(r"`ironroof ([^`]+)`",
                                                                                        text):
            words = line.split()
            command = words[0].split("|")[0] if words else ""
            if not re.fullmatch(r"[a-z]+", command):
                continue
            if command not in takes:
                r = run(command, "--help")
                expect(r.returncode == 0, f"{page}: there is a command '{command}'", r)
                takes[command] = set(re.findall(r"--[a-z-]+", r.stdout)) | {"--help"}
            # what is quoted is another program's
            for option in re.findall(r"--[a-z][a-z-]*", re.sub(r'"[^"]*"', "", line)):
                seen += 1
                expect(option in takes[command], f"{page}: '{line.strip()}': {command} takes {option}")
    expect(seen > 10, f"the pages show options ({seen})")


def records(folder):
    path = os.path.join(folder, "run.jsonl")
    r = run("run", SMALL, *FAST, "-o", path)
    expect(r.returncode == 0 and "Results:" in r.stdout, "a run says where its results are", r)
    expect(run("validate", path).returncode == 0, "what a run writes is valid")
    lines = open(path).read().splitlines()
    kinds = [json.loads(l)["record"] for l in lines]
    expect(kinds[:2] == ["header", "machine"] and "point" in kinds, "header, machine, points")
    r = run("run", SMALL, *FAST, "-o", "-")
    expect(r.returncode == 0 and all(json.loads(l) for l in r.stdout.splitlines()),
           "-o -: records alone on standard output", r)
    cut = os.path.join(folder, "cut.jsonl")
    open(cut, "w").write("\n".join(lines)[:-30])
    refused(["validate", cut], [f"cut.jsonl:{len(lines)}"])
    garbled = os.path.join(folder, "garbled.jsonl")
    open(garbled, "w").write("\n".join([lines[0], lines[1].replace('"device":', '"device":7,"x":')]
                                       + lines[2:]) + "\n")
    refused(["validate", garbled], ["garbled.jsonl:2", "device"])
    future = os.path.join(folder, "future.jsonl")
    open(future, "w").write("\n".join([lines[0].replace('"schema":1', '"schema":99')] + lines[1:]) + "\n")
    refused(["validate", future], ["schema", "99"])
    empty = os.path.join(folder, "empty.jsonl")
    open(empty, "w").close()
    refused(["validate", empty], ["empty"])
    n = sum(k == "point" for k in kinds)
    r = run("run", SMALL, "triad:bytes=96Ki,streams=1", *FAST, "--resume", path)
    after = [json.loads(l) for l in open(path)]
    expect(r.returncode == 0 and sum(l["record"] == "point" for l in after) > n,
           "--resume adds the missing points", r)


CEILING = {"record": "ceiling", "device": "cpu0", "level": "DRAM", "op": "read", "threads": 1, "value": 2e10,
           "lo": 1.9e10, "hi": 2.1e10,
           "what": "bandwidth", "kernel": "avx2", "read_frac": 1, "size_B": 1e8, "source": "measured"}


def saved_ceilings(folder):
    """--ceilings FILE with several devices: each is held against its own machine line, and what the file
    lacks is measured."""
    one, two, again = (os.path.join(folder, f"ceilings{i}.jsonl") for i in range(3))
    fast = ["--no-report", "--budget", "20ms", "--warmup", "1ms"]
    run("run", SMALL, *FAST, "--backend", "cpu", "-o", one)
    with open(one, "a") as f:
        for op, frac in (("read", 1), ("copy", 0.5)):
            f.write(json.dumps(dict(CEILING, op=op, read_frac=frac)) + "\n")
        f.write(json.dumps({"record": "ceiling", "device": "cpu0", "what": "capacity", "level": "L1",
                            "value": 12345}) + "\n")
    r = run("run", SMALL, *fast, "--backend", "cpu,ideal", "--ceilings", one, "-o", two)
    expect(r.returncode == 0 and "no ceilings of ideal0: they are measured now" in r.stderr,
           "what the file lacks is measured", r)
    lines = [json.loads(l) for l in open(two)]
    expect({l["device"] for l in lines if l["record"] == "ceiling"} == {"cpu0", "ideal0"},
           "both devices have ceilings")
    r = run("run", SMALL, *fast, "--backend", "cpu,ideal", "--ceilings", two, "-o", again)
    expect(r.returncode == 0 and "measured now" not in r.stderr, "a file of two devices serves both", r)
    of = lambda rows, device: [(l["what"], l.get("level"), l["value"]) for l in rows
                               if l["record"] == "ceiling" and l["device"] == device]
    for device in ("cpu0", "ideal0"):
        expect(of(lines, device) == of([json.loads(l) for l in open(again)], device),
               f"{device}: ceilings and levels come back")
    expect(("capacity", "L1", 12345) in of(lines, "cpu0"), "the first device's levels are its own")
    r = run("run", SMALL, *fast, "--backend", "cpu,ideal", "--ceilings", one, "--resume", two)
    expect(r.returncode == 0, "a run of two devices can be resumed", r)
    ideal = os.path.join(folder, "ideal.jsonl")
    r = run("ceilings", "--backend", "ideal", "--no-report", "-o", ideal)
    expect(r.returncode == 0 and "nothing was measured" not in r.stderr, "a device may tell its ceilings", r)
    refused(["run", SMALL, *fast, "--backend", "cpu", "--ceilings", ideal],
            ["ideal.jsonl", "no ceilings of cpu0"])
    refused(["run", SMALL, *fast, "--backend", "cpu", "--pin", "none", "--ceilings", two],
            ["ceilings1.jsonl", "cpu0", "pin differs"])
    refused(["run", SMALL, *fast, "--backend", "cpu", "--ceilings", "/nonexistent/c.jsonl"],
            ["/nonexistent/c.jsonl"])
    refused(["claims", "gemv-intensity-f32", "--ceilings", two], ["--measure"])
    refused(["claims", "gemv-intensity-f32", "--measure", "--backend", "ideal", "--ceilings", one],
            ["no ceilings of ideal0"])
    r = run("claims", "gemm-4096-intensity-f16", "--measure", "--backend", "ideal", "--ceilings", two, "-o",
            again, "--force")
    expect(r.returncode == 0 and of([json.loads(l) for l in open(again)], "ideal0") == of(lines, "ideal0"),
           "claims take them too", r)


def redirected(folder):
    """`ironroof run -o run.jsonl > run.txt`: the text report would go to the very file that stdout goes
    to."""
    path = os.path.join(folder, "redirected.txt")
    with open(path, "w") as f:
        subprocess.run([PROGRAM, "run", SMALL, *(a for a in FAST if a != "--no-report"), "-o",
                        path[:-3] + "jsonl"], stdout=f, check=True)
    text = open(path, encoding="utf-8").read()
    expect(text.count("probability of the bound") == 1 and "redirected.jsonl" in text,
           f"stdout and the report do not overwrite each other: {text}")


def earlier_run(folder):
    """A run is held against the newest that measured the same points, not against whatever came between."""
    place, last = os.path.join(folder, "earlier"), ""
    os.mkdir(place)
    for i, point in enumerate(("copy", "gemm", "copy")):
        time.sleep(1.01 if i else 0)  # records are named and ordered by seconds
        done = subprocess.run([PROGRAM, "run", point, "--backend", "ideal", "--budget", "20ms"], cwd=place,
                              capture_output=True, text=True, check=True)
        last = done.stdout[done.stdout.index("DID IT GET SLOWER"):]
    expect("1 point, median" in " ".join(last.split()), f"the run before the last is found: {last}")


def interrupted(folder):
    path = os.path.join(folder, "stopped.jsonl")
    p = subprocess.Popen([PROGRAM, "run", "copy:bytes=1Mi,streams=1,2,4,8", "--ceilings", "none",
                          "--no-report", "--budget", "30s",
                          "--precision", "1e-5", "--filter", "naive", "-o", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    for _ in range(3000):  # a minute: others may keep the machine busy
        if os.path.exists(path) and '"machine"' in open(path).read():
            break
        time.sleep(0.02)
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=600)
    expect(p.returncode == 130, f"Ctrl-C: exit code 130, not {p.returncode}: {err[-300:]}")
    expect("interrupted" in err and path in err, f"Ctrl-C: says where the points are: {err[-300:]}")
    expect(run("validate", path).returncode == 0, "Ctrl-C: the journal is valid")


def killed(folder):
    path = os.path.join(folder, "killed.jsonl")
    p = subprocess.Popen([PROGRAM, "run", SMALL, "triad:bytes=96Ki,streams=1,2,4,8", "--ceilings", "none",
                          "--no-report", "--budget",
                          "200ms", "-o", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(3000):  # a minute: others may keep the machine busy
        if os.path.exists(path) and open(path).read().count('"point"') > 2:
            break
        time.sleep(0.02)
    p.kill()
    p.wait()
    lines = open(path).read().split("\n")
    expect(sum('"record":"point"' in l for l in lines[:-1]) > 2 and all(json.loads(l) for l in lines[:-1]),
           "kill -9: whole lines remain")
    r = run("run", SMALL, *FAST, "--resume", path)
    expect(r.returncode == 0 and run("validate", path).returncode == 0, "kill -9: the journal can be resumed",
           r)


def anonymous(pid):
    """Bytes of memory that are a process's own and no file's, now."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next(1024 * int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    except (OSError, StopIteration):  # it has ended
        return 0


def peak_memory(folder, point, kernel, *more):
    """Peak bytes of memory of a run of one kernel on one point: seen every few milliseconds, files' pages
    aside; and of all pages. Third the bytes that its cost says it needs; 0 where a library is not there. How
    many pages of a library's file are mapped depends on what the kernel has cached, not on the program."""
    path = os.path.join(folder, "peak.jsonl")
    if os.path.exists(path):
        os.unlink(path)
    p = subprocess.Popen([PROGRAM, "run", point, *FAST, "--backend", "cpu", "--filter", f"{kernel}$", "-o",
                          path, *more],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    own, ended = 0, 0
    while not ended:
        own = max(own, anonymous(p.pid))
        ended, status, usage = os.wait4(p.pid, os.WNOHANG)
        time.sleep(0.005)
    p.returncode = os.waitstatus_to_exitcode(status)
    points = [json.loads(l) for l in open(path) if '"record":"point"' in l]
    if kernel.endswith(("onednn", "openblas")) and points and points[0]["status"] == "skip":
        print(f"skipped: memory of {point} {kernel}: {points[0]['why']}")
        return 0, 0, 0
    expect(p.returncode == 0 and len(points) == 1 and points[0]["status"] == "ok",
           f"{point} {kernel}: one point, measured: {points}")
    return own, usage.ru_maxrss * 1024, points[0]["footprint_B"] if points else 0


# Each is verified first: the oracle is what takes the time. A copy of the weights is more than the bound
# allows at any batch and size of image, activations of every layer at once are from two images or 128 tokens
# on.
NETWORKS = [("resnet50:batch=1,res=112", "resnet50/tuned"), ("resnet50:batch=2", "resnet50/direct"),
            ("resnet50:batch=2", "resnet50/onednn"),
            ("resnet50:batch=1,res=112", "resnet50/openblas"),
            ("gpt2:size=small,past=128", "gpt2/stream", "--dtype", "bf16"),
            ("gpt2:size=small,past=128", "gpt2/openblas"),
            ("gpt2:size=small,tokens=128,past=0", "gpt2/stream", "--dtype", "i8"),
            ("gpt2:size=medium,tokens=8,past=0", "gpt2/stream", "--dtype", "i8"),
            ("llama:size=qwen-0.5b,layers=4,past=500,dtype=i4,kv=i8", "llama/stream")]


def memory(folder):
    """Peak memory is at most 1.3 times weights, activations and cache, the program's own included; what a
    library takes for the least of calls is not held against it. What is too short to be seen is in the peak
    of all pages. Two threads at most: libraries have buffers for each. One instruction set: of several that
    are tried the plan of one may have more weights (Winograd's) than the one that is taken."""
    if b"__asan_init" in open(PROGRAM, "rb").read():
        print("skipped: memory (a sanitizer's own would be measured)")
        return
    bare, pages, _ = peak_memory(folder, SMALL, "copy/naive")
    expect(pages < 40e6, f"the program itself takes {pages / 1e6:.0f} MB")
    with open(os.path.join(folder, "peak.jsonl"), encoding="utf-8") as f:
        isa = next(json.loads(line)["isa"] for line in f if '"record":"machine"' in line)
    threads = str(min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                      else os.cpu_count()))
    for point, kernel, *more in NETWORKS:
        small = "conv:n=1,h=8,w=8,c=8,k=8,r=3,s=3,stride=1,pad=1,groups=1"
        own = peak_memory(folder, small, "conv/onednn")[0] if kernel.endswith("onednn") else 0
        peak, pages, needs = peak_memory(folder, point, kernel, "--threads", threads, "--isa", isa, *more)
        expect(peak <= 1.3 * needs + max(0, own - bare) and pages <= 1.3 * needs + 40e6,
               f"{point} {kernel} {more}: peak {peak / 1e6:.0f} MB, all pages {pages / 1e6:.0f}, "
               f"computed {needs / 1e6:.0f}, own {own / 1e6:.0f}")


home = os.getcwd()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)  # a record that names no place goes into results/ of a tree
    refusals()
    help_and_lists()
    documented()
    full_disk()
    records(folder)
    saved_ceilings(folder)
    redirected(folder)
    earlier_run(folder)
    interrupted(folder)
    killed(folder)
    memory(folder)
    os.chdir(home)
print("all as expected" if not failures else f"{len(failures)} failed")
sys.exit(1 if failures else 0)
