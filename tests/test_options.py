#!/usr/bin/env python3
"""test_options.py PROGRAM -- every option of every command changes something, or is refused by its name.

TABLE has a line for each option that `COMMAND --help` lists; a new option without one fails. A line is what
is added to the command's usual arguments, or a pair: other arguments, and what is added. Both are run in a
folder of their own with the same inputs; exit code, texts or files must differ, or the refusal must name the
option. Every command also runs in 150 MB of addresses. No time is asserted: what is measured runs on devices
with a virtual clock, or is compared by its shape."""

import concurrent.futures, functools, json, os, re, shutil, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
FIX = os.path.join(HERE, "fixtures")
SMALL = "copy:bytes=64Ki,streams=1"
IDEAL = ["--backend", "ideal", "--budget", "5ms", "--warmup", "1ms", "--no-report", "-o", "out.jsonl"]
MODEL = ["--backend", "model", "--no-report", "-o", "out.jsonl"]
CPU = ["--backend", "cpu", "--samples", "2", "--warmup", "0", "--ceilings", "none", "--no-report", "-o",
       "out.jsonl"]
RUN, MRUN, CRUN = ["run", SMALL, *IDEAL], ["run", "copy", *MODEL], ["run", SMALL, *CPU]
DRY = ["run", SMALL, "gpt2:size=small", "--backend", "ideal", "--dry-run"]
CEIL4 = ["ceilings", "--backend", f"model:{HERE}/machines/raspberry_pi5.json", "--no-report", "-o",
         "out.jsonl"]
CEIL = ["ceilings", "--backend", "model", "--no-report", "-o", "out.jsonl"]
GATE = ["gate", "new", "--baseline", "old"]
AB = ["ab", "./child.sh", "./child.sh", SMALL, "--no-reference", "--blocks", "1", "--quiet"]
REAL = ["ab", PROGRAM, PROGRAM, SMALL, "--backend", "ideal", "--blocks", "1", "-o", "ab.jsonl"]
AA = ["selftest", "aa", SMALL, "--backend", "ideal", "--no-reference", "--blocks", "1"]
JUDGE = ["fleet", "judge", "sweep"]
FLEET = ["fleet", "run", "--engine", "local", "--nodes", "2", "-o", "sweep2", "--", "nosuch"]
SEE = ["--quiet", "-o", "out.jsonl"]
HOST = {"isa": (CRUN, ["--isa", "portable"]), "pin": (CRUN, ["--pin", "none"]),
        "pages": (CRUN, ["--pages", "small"])}

def where(*command):
    """A command that measures takes what `run` takes: here it is enough that a wrong value is found out."""
    return {"backend": ([*command], ["--backend", "nosuch"]),
            "device": ([*command, "--backend", "ideal"], ["--device", "nosuch"])}


def child(name, value):
    return (AB, [f"--{name}", value])


TABLE = {
    "run": (RUN, {
        "profile": (["run", "gemv", "--backend", "ideal", "--dry-run"], ["--profile", "full"]),
        "dtype": (DRY, ["--dtype", "f32"]), "batch": (DRY, ["--batch", "3"]),
        "threads": (DRY, ["--threads", "1,2"]), "filter": (DRY, ["--filter", "copy"]),
        "backend": (DRY, ["--backend", "cpu"]), "model": (MRUN, ["--model", "BW=1e9"]),
        "device": (DRY, ["--device", "1"]), **HOST,
        "precision": (MRUN + ["--model", "noise=.05"], ["--precision", "0.0001"]),
        "budget": (MRUN, ["--budget", "1ms"]),
        "warmup": (MRUN, ["--warmup", "1"]), "hot": (["run", SMALL, *IDEAL, "--cold"], ["--hot"]),
        "cold": ["--cold"], "seed": (MRUN, ["--seed", "9"]), "samples": (MRUN, ["--samples", "7"]),
        "inject": ["--inject", "50%"], "wait-idle": ["--wait-idle", "1ms"],
        "ceilings": ["--ceilings", "none"],
        "timeout": (["run", "gemm:m=256,n=256,k=256", "--filter", "naive", *CPU], ["--timeout", "1ms"]),
        "resume": ["--resume", "prior.jsonl"], "no-report": (["run", SMALL, *IDEAL[:6], "-o", "o.jsonl"],
                                                            ["--no-report"]),
        "counters": (DRY, ["--counters=nosuch"]), "energy": (DRY, ["--energy=nosuch"]),
        "sustain": (["run", "--backend", "ideal", "--dry-run"], ["--sustain", "9"]),
        "memory-node": ["--memory-node", "1"],
        "detail": ["--detail"], "dry-run": ["--dry-run"], "layers": (DRY, ["--layers", "99"]),
        "prove": (["run", "copy", "gemv", "gemm", *IDEAL], ["--prove"]),
        "counters": ["--counters"], "energy": ["--energy", "on"], "sustain": ["--sustain", "4s"],
        "output": (RUN[:-2] + ["-o", "x.jsonl"], ["-o", "y.jsonl"]),
        "force": (["run", SMALL, *IDEAL[:-1], "prior.jsonl"], ["--force"]), "quiet": ["--quiet"],
        "color": ["--color"]}),
    "ceilings": (CEIL, {
        "profile": ["--profile", "full"], "threads": (CEIL4, ["--threads", "1"]),
        "filter": ["--filter", "copy"],
        **where("ceilings", "--filter", "nothing"), "model": ["--model", "BW=1e9"],
        "isa": (["ceilings", "--backend", "cpu", "--filter", "nothing"], ["--isa", "nosuch"]),
        "pin": ["--pin", "none"], "pages": ["--pages", "small"],
        "precision": (CEIL + ["--model", "noise=.05"], ["--precision", "0.0001"]),
        "budget": ["--budget", "1ms"], "warmup": ["--warmup", "1"], "seed": ["--seed", "9"],
        "samples": ["--samples", "7"], "inject": ["--inject", "50%"], "wait-idle": ["--wait-idle", "1ms"],
        "timeout": ["--timeout", "1ms"], "resume": ["--resume", "prior.jsonl"],
        "no-report": (["ceilings", "--backend", "model", "-o", "o.jsonl"], ["--no-report"]),
        "output": (CEIL[:-2] + ["-o", "x.jsonl"], ["-o", "y.jsonl"]),
        "force": (CEIL[:-1] + ["prior.jsonl"], ["--force"]), "quiet": ["--quiet"], "color": ["--color"]}),
    "list": (["list", "points"], {
        "profile": ["--profile", "full"], "dtype": ["--dtype", "f32"], "batch": ["--batch", "3"],
        "threads": ["--threads", "1,2"], "filter": (["list", "kernels"], ["--filter", "gemm"]),
        "root": (["list", "counters"], ["--root", "nosuch"])}),
    "fit": (["fit", "prior.jsonl"], {"quiet": (["fit", "cut.jsonl"], ["--quiet"]), "color": ["--color"]}),
    "predict": (["predict", "gpt2", "--device", "a100"], {
        "device": ["--device", "h100"], "set": ["--set", "BW=2x"],
        "nodes": (["predict", "gpt2", "--device", "a100", "--set", "BW_net=1G", "--set", "L_net=1e-6"],
                  ["--nodes", "4"]),
        "net": (["predict", "gpt2", "--device", "a100", "--nodes", "2"], ["--net", "nosuch"]),
        "profile": (["predict", "gemv", "--device", "a100"], ["--profile", "full"]),
        "dtype": ["--dtype", "f32"], "batch": ["--batch", "3"],
        "threads": (["predict", "gemv", "--device", "a100"], ["--threads", "1,2"]),
        "output": ["-o", "p.jsonl"], "force": (["predict", "gemv", "--device", "a100", "-o", "prior.jsonl"],
                                             ["--force"]),
        "quiet": (["predict", "gemv", "--device", "a100", "-o", "p.jsonl"], ["--quiet"]),
        "color": ["--color"]}),
    "compare": (["compare", "a100", "h100"], {
        "strict": (["compare", "a.jsonl", "b.jsonl"], ["--strict"]),
        "across": (["compare", "a.jsonl", "b.jsonl", "--strict"], ["--across"]),
        "ceilings": ["--ceilings"], "dtype": ["--dtype", "f64"], "output": ["-o", "c.jsonl"],
        "force": (["compare", "a100", "h100", "-o", "prior.jsonl"], ["--force"]),
        "quiet": (["compare", "a100", "h100", "-o", "c.jsonl"], ["--quiet"]), "color": ["--color"]}),
    "claims": (["claims"], {
        "check": (["claims", "prior.jsonl"], ["--check"]),
        "measure": (["claims", "--backend", "nosuch"], ["--measure"]),
        "ceilings": (["claims", "--measure", "--backend", "ideal"], ["--ceilings", "nosuch"]),
        "explain": ["--explain"], "ledger": ["--ledger", "/dev/null"],
        "strict": (["claims", "prior.jsonl"], ["--strict"]), "model": ["--model", "BW=1e9"],
        "device": (["claims", "prior.jsonl"], ["--device", "nosuch"]),
        **{name: [f"--{name}", value] for name, value in (
            ("profile", "full"), ("threads", "1"), ("filter", "x"), ("backend", "cpu"), ("isa", "avx2"),
            ("pin", "none"), ("pages", "huge"), ("precision", "1%"), ("budget", "1s"), ("warmup", "1s"),
            ("seed", "1"), ("samples", "3"), ("inject", "1%"), ("wait-idle", "1ms"))},
        "output": ["-o", "c.jsonl"], "force": (["claims", "-o", "prior.jsonl"], ["--force"]),
        "quiet": (["claims", "-o", "c.jsonl"], ["--quiet"]), "color": ["--color"]}),
    "report": (["report", "prior.jsonl"], {
        "screen": ["--screen"], "detail": ["--detail"], "output": ["-o", "r.html"],
        "force": (["report", "a.jsonl", "-o", "prior.jsonl"], ["--force"]), "quiet": ["--quiet"],
        "color": (["report", "prior.jsonl", "--screen"], ["--color"])}),
    "validate": (["validate", "prior.jsonl"], {}),
    "dump": (["dump", "gemv:m=8,k=8", "-o", "d"], {
        "seed": ["--seed", "9"], "profile": (["dump", "gemv", "-o", "d"], ["--profile", "full"]),
        "dtype": ["--dtype", "bf16"], "batch": (["dump", "batchmm:n=8,k=8", "-o", "d"], ["--batch", "3"]),
        "threads": ["--threads", "1,2"], "filter": ["--filter", "nosuch"],
        "backend": ["--backend", "nosuch"], "model": ["--model", "BW=1"], "device": ["--device", "7"],
        "isa": ["--isa", "nosuch"], "pin": (["dump", "gemv:m=8,k=8", "-o", "d", "--backend", "ideal"],
                                            ["--pin", "none"]),
        "pages": (["dump", "gemv:m=8,k=8", "-o", "d", "--backend", "ideal"], ["--pages", "small"]),
        "output": (["dump", "gemv:m=8,k=8"], ["-o", "e"]),
        "force": (["dump", "gemv:m=8,k=8", "-o", "foreign"], ["--force"])}),
    "selftest": (AA, {
        **{name: (["selftest", *of], [f"--{name}", *value]) for of, name, *value in (
            (["ideal"], "timeout", "1"), (["ideal"], "max-minutes", "1"), (["ideal"], "no-more"),
            (["ideal"], "no-reference"), (["ideal"], "blocks", "9"), (["ideal"], "delta", "9%"),
            (["ideal"], "rounds", "2"), (["ideal"], "profile", "full"), (["ideal"], "dtype", "f32"),
            (["ideal"], "batch", "2"), (["ideal"], "threads", "1"), (["ideal"], "isa", "avx2"),
            (["ideal"], "pin", "none"), (["ideal"], "pages", "huge"), (["ideal"], "precision", "1%"),
            (["ideal"], "budget", "1s"), (["ideal"], "warmup", "1s"), (["ideal"], "hot"),
            (["ideal"], "cold"), (["ideal"], "seed", "1"), (["ideal"], "samples", "1"),
            (["ideal"], "inject", "1%"), (["ideal"], "wait-idle", "1ms"), (["ideal"], "output", "x"),
            (["ideal"], "force"), (["ideal"], "quiet"), (["ideal"], "color"), (["ideal"], "backend", "cpu"),
            (["ideal"], "device", "0"), (["ideal"], "model", "BW=1"), (["ideal"], "seeds", "2"),
            (["ideal"], "nodes", "3"), (["ideal"], "filter", "x"))},
        "plan": ["--plan", "2%"], "from": ["--from", "x"], "proof": ["--proof", "x"], "strict": ["--strict"],
        "as-is": ["--as-is"], "as-is-gbench": ["--as-is-gbench"], "time": ["--time"],
        "silent": ["--silent"]}),
    "ab": (AB, {
        "blocks": (REAL, ["--blocks", "2"]),
        "delta": (AB, ["--delta", "0"]), "max-minutes": (AB, ["--max-minutes", "0"]),
        "timeout": (["ab", "sleep 9", "sleep 9", "--as-is", "--timeout", "10ms"], ["--timeout", "20ms"]),
        "no-more": (["ab", "a", "b", "--plan", "2%"], ["--no-more"]),
        "plan": (["ab", "a", "b", "--strict"], ["--plan", "2%"]),
        "from": (["ab", "--plan", "2%"], ["--from", "verdicts.jsonl"]),
        "proof": (AB, ["--proof", "nosuch"]), "strict": (["ab", "a", "b", "--plan", "2%"], ["--strict"]),
        "as-is": (["ab", "./say.sh", "./say.sh", SMALL, "--quiet", "--blocks", "1", "--no-reference"],
                  ["--as-is"]),
        "as-is-gbench": (AB, ["--as-is-gbench"]), "time": (["ab", "./say.sh", "./say.sh"], ["--time"]),
        "silent": (["ab", "true", "true", "--time", "--blocks", "1"], ["--silent"]),
        "no-reference": (["ab", "--plan", "2%", "--from", "verdicts.jsonl"], ["--no-reference"]),
        "seeds": ["--seeds", "2"], "rounds": ["--rounds", "2"],
        **{name: child(name, value) for name, value in (
            ("budget", "0.25"), ("precision", "0.125"), ("inject", "0.5"), ("profile", "full"),
            ("samples", "7"), ("warmup", "0.5"), ("seed", "9"), ("isa", "avx2"), ("pin", "none"),
            ("pages", "huge"), ("filter", "copy/regular"), ("device", "0"), ("backend", "ideal"),
            ("dtype", "f32"), ("threads", "1"))},
        "batch": (["ab", "./child.sh", "./child.sh", "gpt2:size=small", *AB[4:]], ["--batch", "3"]),
        "cold": (AB, ["--cold"]), "hot": (AB + ["--cold"], ["--hot"]),
        "model": (AB + ["--backend", "model"], ["--model", "BW=1e9"]),
        "wait-idle": (AB, ["--wait-idle", "1ms"]), "output": (AB, ["-o", "dir"]),
        "force": (AB + ["-o", "prior.jsonl"], ["--force"]),
        "quiet": (REAL, ["--quiet"]), "color": (REAL, ["--color"])}),
    "gate": (GATE, {
        "baseline": ["--baseline", "new"], "delta": ["--delta", "90%"],
        "thresholds": ["--thresholds", "nosuch"], "update": (["gate", "run1.jsonl", "--baseline", "new"],
                                                           ["--update"]),
        "across": (["gate", "a.jsonl", "--baseline", "b.jsonl"], ["--across"]),
        "proof": ["--proof", "nosuch"], "strict": (GATE + ["--delta", "20%"], ["--strict"]),
        "output": ["-o", "g.jsonl"],
        "force": (GATE + ["-o", "prior.jsonl"], ["--force"]), "quiet": ["--quiet"], "color": ["--color"]}),
    "history": (["history", "runs"], {
        "delta": ["--delta", "90%"], "alpha": ["--alpha", "0.0001"], "reference": ["--reference", "nosuch"],
        "filter": ["--filter", "nosuch"], "across": (["history", "a.jsonl", "b.jsonl"], ["--across"]),
        "strict": ["--strict"], "recent": (["history", "runs", "--strict"], ["--recent", "1"]),
        "output": ["-o", "h.jsonl"], "force": (["history", "runs", "-o", "prior.jsonl"], ["--force"]),
        "quiet": (["history", "mixed"], ["--quiet"]), "color": ["--color"]}),
    "export": (["export", "prior.jsonl", "--format", "csv"], {
        "format": ["--format", "bmf"], "annotations": (["export", "bad.jsonl", "--format", "csv"],
                                                       ["--annotations"]),
        "output": ["-o", "x.csv"], "force": (["export", "prior.jsonl", "--format", "csv", "-o", "a.jsonl"],
                                           ["--force"]),
        "quiet": (["export", "mixed", "--format", "csv"], ["--quiet"])}),
    "completion": (["completion", "bash"], {}),
    "manual": (["manual", "run"], {"date": ["--date", "2001-02-03"]}),
    "version": (["version"], {"json": ["--json"]}),
    "doctor": (["doctor", "--root", "tree"], {
        "root": ["--root", "nosuch"], "quiet": ["--quiet"], "color": ["--color"]}),
    "fleet": (JUDGE, {
        "nodes": (FLEET, ["--nodes", "3"]), "engine": (FLEET, ["--engine", "nosuch"]),
        "engine-args": (FLEET, ["--engine-args=-p x"]), "rounds": (FLEET, ["--rounds", "1"]),
        "delta": (FLEET, ["--delta", "9%"]), "alpha": (FLEET, ["--alpha", "9%"]),
        "timeout": (FLEET, ["--timeout", "9"]), "at-once": (FLEET, ["--at-once", "1"]),
        "no-net": (FLEET, ["--no-net"]), "pairs": (FLEET, ["--pairs", "all"]),
        "no-shared": (FLEET, ["--no-shared"]), "step": (FLEET, ["--step", "gpt2"]),
        "baseline": ["--baseline", "nosuch"],
        "against": (["fleet", "check"], ["--against", "nosuch"]), "output": ["-o", "f.json"],
        "force": ["--force"], "quiet": ["--quiet"], "color": ["--color"]}),
}
# Refused where they would change nothing although the command has them.
IDLE = [
    *((JUDGE, o) for o in (["--nodes", "2"], ["--engine", "local"], ["--engine-args=x"], ["--rounds", "1"],
                           ["--delta", "9%"], ["--alpha", "9%"], ["--timeout", "9"], ["--at-once", "1"],
                           ["--no-net"], ["--against", "x"], ["--force"])),
    *((["fleet", "check", "--against", "x"], o) for o in (
        ["--nodes", "2"], ["--rounds", "1"], ["--timeout", "9"], ["--baseline", "x"], ["-o", "x"],
        ["--color"])),
    (["fleet", "agent", "x"], ["--quiet"]), (FLEET, ["--against", "x"]),
    *((command, ["--force"]) for command in (
        ["run", SMALL, "--dry-run"], ["ceilings", "--backend", "ideal"], ["claims"],
        ["compare", "a100", "h100"], ["predict", "gemv", "--device", "a100"], GATE, ["history", "runs"], AB,
        ["export", "a.jsonl", "--format", "csv"], ["report", "a.jsonl", "--screen"])),
    *((command, [f"--{name}", value]) for name, value in (("isa", "avx2"), ("pin", "none"), ("pages", "huge"))
      for command in (["run", SMALL, "--backend", "ideal"], ["ceilings", "--backend", "model"],
                      ["dump", "gemv:m=8,k=8", "-o", "d", "--backend", "ideal"],
                      ["claims", "--measure", "--backend", "ideal"])),
    (["compare", "a100", "h100"], ["--across"]), (["predict", "gemv", "--device", "a100"], ["--net", "x"]),
    (["selftest", "kernels"], ["--color"]), (["selftest", "fleet"], ["--quiet"]),
    (["selftest", "fleet"], ["-o", "x"]),
    (["selftest", "fleet", "--nodes", "2", "-o", "x"], ["--samples", "1"]),
    (["report", "a.jsonl", "--screen"], ["--quiet"]),
]
# Beside the usual arguments of every command: what else runs in few addresses.
LIMITED = [["list"], *(["list", w] for w in ("workloads", "kernels", "backends", "devices", "claims", "model",
                                             "counters")),
           ["selftest", "ideal"], ["selftest", "kernels", "--filter", "cpu/copy"],
           ["selftest", "fleet", "--nodes", "3", "-o", "f"], ["claims", "--check"], CRUN, MRUN,
           ["run", "gemm:m=64,n=64,k=64", *CPU], ["report", "prior.jsonl", "--screen"],
           ["fleet", "check", "--against", "nosuch"], FLEET, ["run", "--help"], ["completion", "zsh"],
           ["export", "prior.jsonl", "--format", "tidy"], ["compare", "a.jsonl", "b.jsonl"]]
BY_THE_MOMENT = ("argv", "started", "ended", "run", "steal", "cpu_share", "preemptions", "clock_Hz",
                 "mem_clock_Hz", "power_W", "temp_C", "slowed", "energy_J", "counted_B")
KEPT = ("threads", "pin", "isa", "pages") # of the environment: the rest may change from run to run
failures, done = [], 0


def shape(line, timed):
    """Of a line of a record what is the same in each run."""
    try:
        o = json.loads(line)
    except ValueError:
        return line
    if not isinstance(o, dict) or "record" not in o:
        return o
    for name in BY_THE_MOMENT:
        o.pop(name, None)
    if o["record"] == "machine":
        return {"env": {k: v for k, v in o["env"].items() if k in KEPT}}
    if o["record"] == "quality" or (timed and o["record"] != "point"):
        return o["record"]
    return {k: v for k, v in o.items() if k in ("key", "status", "n", "isa")} if timed else o


def in_few_addresses(args, source, usual):
    """The same in 150 MB of addresses, or a refusal that says so. Nothing waits for ever."""
    shell = ["bash", "-c", 'ulimit -v 150000; exec "$@"', "x", PROGRAM, *args]
    limited = outcome(shell, source, True, "env")[2]
    told = limited.returncode == 2 and re.search("memory|addresses", limited.stderr)
    expect(limited.returncode == usual.returncode or told, f"{' '.join(args)}: in 150 MB of addresses", usual,
           limited)


@functools.lru_cache(maxsize=None)
def given(path):
    """An input as it was before any command ran."""
    return open(path, "rb").read()


def outcome(args, source, timed, program=None):
    """Exit code, texts and files that a command leaves; of an input that it left alone, that it is there."""
    folder = tempfile.mkdtemp(dir=source + ".work")
    shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)
    r = subprocess.run([program or PROGRAM, *args], capture_output=True, text=True, timeout=600, cwd=folder,
                       stdin=subprocess.DEVNULL, env={**os.environ, "OCL_ICD_VENDORS": "/nonexistent"})
    files = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            short = os.path.relpath(path, folder)
            data, before = open(path, "rb").read(), os.path.join(source, short)
            if os.path.exists(before) and given(before) == data:
                files[short] = "as it was"
                continue
            text = data.decode(errors="replace")
            if name.endswith((".txt", ".html")) and timed:
                text = ""
            shapes = [shape(l, timed) for l in text.splitlines()]
            files[short] = [s for s in shapes if s != "quality"]  # how busy we are
    shutil.rmtree(folder)
    text = re.sub(r"· [\d.]+ (ms|s|min)\b|\d{4}-\d\d-\d\dT\d\d:\d\d\S*", "T", r.stdout)
    text = re.sub(r"(! )?quality: .*?\n(?=\n|WHAT|HOW|DID|Ceilings|  )", "", text, flags=re.S)
    return (r.returncode, "" if timed else text.replace(folder, ""), r.stderr.replace(folder, "")), files, r


def expect(ok, what, *results):
    global done
    done += 1
    if ok:
        return
    failures.append(what)
    print(f"FAILED: {what}")
    for r in results:
        print(f"  rc={r.returncode}\n  out={r.stdout[-300:]!r}\n  err={r.stderr[-400:]!r}")


def refused(r, option):
    return r.returncode == 2 and option.lstrip("-").split("=")[0] in r.stderr


def inputs(folder):
    for name, source in (("a", "machine_a"), ("b", "machine_b"), ("run1", "gate/run1"), ("run2", "gate/run2"),
                         ("verdicts", "gate/verdicts")):
        shutil.copy(os.path.join(FIX, source + ".jsonl"), os.path.join(folder, name + ".jsonl"))
    subprocess.run([PROGRAM, "run", "copy:bytes=64Ki-128Ki*2,streams=1", "gemv", "gemm", *IDEAL[:-1],
                    "prior.jsonl", "--quiet"], cwd=folder, check=True, capture_output=True)
    prior = open(os.path.join(folder, "prior.jsonl")).read()
    with open(os.path.join(folder, "cut.jsonl"), "w") as f:
        f.write(prior[:-20])
    with open(os.path.join(folder, "bad.jsonl"), "w") as f:
        f.write(prior.replace('"status":"ok"', '"status":"error"'))
    for name in ("runs", "mixed", "dir", "foreign", "old", "new"):
        os.mkdir(os.path.join(folder, name))
    open(os.path.join(folder, "foreign", "W.bin"), "w").write("mine\n")
    for i in range(12): # a step in the middle
        text = open(os.path.join(folder, f"run{1 + i // 6}.jsonl")).read()
        text = re.sub(r'"started": "2\d\d\d-\d\d-\d\d', f'"started": "2026-01-{i + 10}', text)
        factor = 1 + (i > 5) / 5 + i * 7 % 5 / 100
        text = re.sub(r'(?<="samples_s": )\[[^]]*\]|(?<=": )[\d.]+e-0\d', lambda m: json.dumps(
            [s * factor for s in json.loads(m[0])] if m[0][0] == "[" else float(m[0]) * factor), text)
        for name in ("runs", "new" if i > 5 else "old"):
            open(os.path.join(folder, name, f"{i:02}.jsonl"), "w").write(text)
    shutil.copy(os.path.join(folder, "run1.jsonl"), os.path.join(folder, "mixed"))
    open(os.path.join(folder, "mixed", "empty.jsonl"), "w").close()
    for name, text in (("child.sh", 'echo "$*" >> children\nexit 3'), ("say.sh", 'echo "$#" >&2; exit 3')):
        path = os.path.join(folder, name)
        open(path, "w").write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
    subprocess.run([PROGRAM, "selftest", "fleet", "--nodes", "5", "-o", "sweep"], cwd=folder, check=True,
                   capture_output=True)
    os.makedirs(os.path.join(folder, "tree", "proc"))
    os.makedirs(os.path.join(folder, "tree", "sys", "devices", "system", "clocksource", "clocksource0"))
    open(os.path.join(folder, "tree", "sys", "devices", "system", "clocksource", "clocksource0",
                      "current_clocksource"), "w").write("hpet\n")


def listed(command):
    text = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True).stdout
    return set(re.findall(r"^ +(?:-\w, )?--([a-z][a-z-]*)", text, re.M))


def joined(base, more):
    at = base.index("--") if "--" in base else len(base)
    return base[:at] + more + base[at:]


def main():
    folder = tempfile.mkdtemp(prefix="ironroof-options-")
    source, only = os.path.join(folder, "in"), sys.argv[2:]
    os.mkdir(source)
    os.mkdir(source + ".work")
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    known = {}

    def later(args):
        if str(args) not in known:
            known[str(args)] = pool.submit(outcome, args, source, "cpu" in args and "run" in args)
        return known[str(args)]

    def wanted(args):
        return not only or args[0] in only

    try:
        inputs(source)
        text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True).stdout
        commands = set(re.findall(r"^  ([a-z]+) ", text, re.M)) - {"ironroof"} | {"version"}
        expect(commands == set(TABLE), f"a table for each command: {commands ^ set(TABLE)}")
        pairs = []
        for command, (usual, table) in TABLE.items():
            if not wanted([command]):
                continue
            missing = listed(command) ^ set(table)
            expect(not missing, f"{command}: a line for each option: {missing}")
            pairs += [line if isinstance(line, tuple) else (usual, line) for line in table.values()]
        pairs = [(base, more, later(base), later(joined(base, more))) for base, more in pairs]
        idle = [(base, more, later(joined(base, more))) for base, more in IDLE if wanted(base)]
        # What is not twice the same shows nothing above. (What CEIL visits again depends on the load.)
        twice = [(args, later(args), pool.submit(outcome, args, source, args is CRUN))
                 for args in (RUN, MRUN, CRUN, GATE, JUDGE, ["history", "runs"]) if wanted(args)]
        for base, more, a, b in pairs:
            a, b = a.result(), b.result()
            expect(refused(b[2], more[0]) or a[:2] != b[:2],
                   f"{' '.join(base)}: {' '.join(more)} changes something, or is refused", a[2], b[2])
        for base, more, b in idle:
            expect(refused(b.result()[2], {"-o": "output"}.get(more[0], more[0])),
                   f"{' '.join(base)}: {' '.join(more)} is refused by its name", b.result()[2])
        usual = [args for args in [u for u, _ in TABLE.values()] + LIMITED if wanted(args)]
        limited = [pool.submit(in_few_addresses, args, source, later(args).result()[2]) for args in usual]
        for one in limited:
            one.result()
        for args, a, b in twice:
            a, b = a.result(), b.result()
            expect(a[:2] == b[:2], f"{' '.join(args)}: twice the same", a[2], b[2])
    finally:
        pool.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{done} checks, {len(failures)} failed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
