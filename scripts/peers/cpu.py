#!/usr/bin/env python3
"""cpu.py -- our CPU kernels beside the best libraries, interleaved in one run on one machine.

usage: cpu.py [--install] [--only REGEX] [--rounds 3] [--full] [--ironroof build/ironroof] [-o FILE.json]

A row is one piece of work and one library. Each round measures the library and then ours, so that both see
the same machine; compared is our fastest kernel (by median over the rounds), as the median of the rounds'
ratios with its range; above 1 ours is faster. A library that is not here, or that fails, is a row with its
reason.
--only: rows whose name and library contain a match, as "gpt2.*llama". --full: more shapes. --list: the rows.
--install: install what is missing by package name, with pip into build/peers and, as root, with apt-get.
docs/peers.md says how each library is called. Exit code 0: something was compared; 2: nothing was."""
import argparse, json, os, platform, re, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import cpu_rows  # noqa: E402

PIP = [["onnx"], ["onnxruntime"], ["openvino"], ["gguf"], ["scipy-openblas32"], ["ai-edge-litert"],
       ["torch"], ["--no-binary", "llama-cpp-python", "llama-cpp-python"]]
APT = ["likwid", "libopenblas0-pthread", "libblis4-pthread", "libdnnl-dev"]
CHOSEN_FOR_IT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # a library chooses its own kernels


def environment(threads):
    env = {k: v for k, v in os.environ.items() if k not in CHOSEN_FOR_IT}
    env.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), BLIS_NUM_THREADS=str(threads))
    return env


# ---- one side ------------------------------------------------------------------------------------------
class Worker:
    """A library in a process of its own that waits between the rounds."""

    def __init__(self, python, threads, library, work, **asked):
        words = [f"{k}={v}" for k, v in {**asked, "threads": threads}.items()]
        self.p = subprocess.Popen([python, os.path.join(HERE, "cpu_worker.py"), library, work, *words],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, env=environment(threads))
        state, _, rest = self.p.stdout.readline().partition(" ")
        if state != "ready":
            lines = (rest if state else self.p.stderr.read()).strip().splitlines()
            self.close()
            raise RuntimeError(lines[-1] if lines else "it ended without a word")
        said = json.loads(rest)
        self.version, self.runs = said["version"], said["runs"]

    def __call__(self):
        self.p.stdin.write("again\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError((self.p.stderr.read().strip().splitlines() or ["it ended"])[-1])
        return self.version, 1 / float(line)

    def close(self):
        self.p.stdin.close()
        self.p.stdout.close()
        self.p.wait()
        self.p.stderr.close()


def points(program, spec, kernels, threads):
    run = subprocess.run([program, "run", spec, "--filter", f"/({kernels})$", "--backend", "cpu",
                          "--no-report", "--quiet", "--ceilings", "none", "-o", "-"],
                         capture_output=True, text=True, env=environment(threads))
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    found = [r for r in rows if r.get("record") == "point" and r.get("status") == "ok"
             and r["kernel"] != "naive"]
    if not found:
        why = [r.get("why") for r in rows if r.get("record") == "point" and r.get("why")]
        raise RuntimeError(f"ours: {(why or run.stderr.strip().splitlines() or ['no point'])[-1]}")
    return found


def same_work(runs, point):
    """What a library says it runs must be what our point counts: arithmetic, bytes of parameters read."""
    mine = {"flops": point.get("flops"), "weights_B": (point.get("bytes_other_models") or {}).get("weights")}
    for key, unit in (("flops", "FLOP"), ("weights_B", "bytes of parameters")):
        if key in runs and (mine[key] is None or round(mine[key]) != runs[key]):
            raise RuntimeError(f"not the same work: the library's has {runs[key]} {unit}, ours {mine[key]}")


def ours(program, spec, key, kernels, threads, runs):
    """{kernel and instruction set: speed}; runs: what the library says it does."""
    of = {}
    for r in points(program, spec, kernels, threads):
        same_work(runs, r)
        streams = r.get("params", {}).get("streams")
        name = r["kernel"] + (f", {streams} streams" if streams else "") + f" ({r['isa']})"
        of[name] = 1 / r["time_s"]["median"] if key == "time_s" else r[key]
    return of


class InTree:
    """A library that is a kernel of ours: measured by the program itself, in a run of its own."""

    def __init__(self, program, spec, kernel, threads):
        self.of = lambda: points(program, spec, kernel, threads)[0]
        self.of()

    def __call__(self):
        return "the one this program loads", 1 / self.of()["time_s"]["median"]

    def close(self):
        pass


# ---- comparing -------------------------------------------------------------------------------------------
def compare(peer, mine, rounds):
    """peer() is (name, speed), mine() {"name (instruction set)": speed}; what came of them, as part of a row.
    Which instruction set a kernel takes is its own affair, and may differ from round to round."""
    theirs, own, sets, name = [], {}, {}, ""
    for _ in range(rounds):
        name, speed = peer()
        theirs.append(speed)
        for named, speed in mine().items():
            kernel, _, isa = named.rpartition(" (")
            own.setdefault(kernel or named, []).append(speed)
            sets.setdefault(kernel or named, set()).add(isa.rstrip(")") if kernel else "")
    own = {k: v for k, v in own.items() if len(v) == rounds}
    if not own:
        raise RuntimeError("ours: another kernel in every round")
    best = max(own, key=lambda k: statistics.median(own[k]))
    ratios = sorted(o / t for o, t in zip(own[best], theirs))
    form = ", ".join(sorted(sets[best]))
    kernel = f"{best} ({form})" if form else best
    return {"ours": statistics.median(own[best]), "kernel": kernel, "theirs": statistics.median(theirs),
            "with": name, "ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1],
            "rounds": rounds}


def speed_text(row, speed):
    if row.key == "bytes_per_s":
        return f"{speed / 1e9:.1f} GB/s"
    if row.key == "flops_per_s":
        return f"{speed / 1e9:.0f} Gflop/s"
    return f"{1e3 / speed:.3g} ms"


def measure(row, a):
    head = {"what": row.what, "peer": row.peer, "unit": "1/s" if row.key == "time_s" else row.key}
    peer = None
    try:
        peer = row.make()
        runs = getattr(peer, "runs", {})
        mine = lambda: ours(a.ironroof, row.spec, row.key, row.kernels, a.threads, runs)
        out = {**head, **compare(peer, mine, a.rounds), "checked": sorted(runs)}
        line = (f"{speed_text(row, out['ours']):>14} {speed_text(row, out['theirs']):>14}   "
                f"{out['ratio']:.3f}  [{out['low']:.3f}, {out['high']:.3f}]  {out['kernel']}")
    except (RuntimeError, OSError, ValueError) as e:
        out = {**head, "missing": str(e)}
        line = f"not compared: {e}"
    finally:
        if peer:
            peer.close()
    print(f"{row.what:30} {row.peer:13} {line}", flush=True)
    return out


# ---- the machine, and what is installed on it ------------------------------------------------------------
def machine(threads):
    with open("/proc/cpuinfo") as f:
        text = f.read()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    family = re.search(r"^cpu family\s*:\s*(\d+)\nmodel\s*:\s*(\d+)", text, re.M)
    return {"processor": model.group(1) if model else platform.machine(),
            "family": [int(g) for g in family.groups()] if family else None, "threads": threads}


def install(venv):
    failed = []
    step = lambda words: (subprocess.run(words, stdin=subprocess.DEVNULL).returncode == 0
                          or failed.append(words))
    if not os.path.exists(os.path.join(venv, "bin", "python")):
        step([sys.executable, "-m", "venv", venv])
    for words in PIP:
        step([os.path.join(venv, "bin", "python"), "-m", "pip", "install", "-q", *words])
    if os.geteuid() == 0:
        for package in APT:
            step(["apt-get", "-q", "install", "-y", "--no-install-recommends", package])
    else:
        print("not root: apt-get install", *APT, file=sys.stderr)
    for words in failed:
        print("failed:", *words, file=sys.stderr)


def expression(text):
    try:
        return re.compile(text)
    except re.error as e:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {e}") from None


def arguments(argv):
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                  allow_abbrev=False)
    ask.add_argument("--ironroof", default=os.path.join(ROOT, "build", "ironroof"))
    ask.add_argument("--only", default=expression(""), type=expression)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    ask.add_argument("--full", action="store_true")
    ask.add_argument("--list", action="store_true")
    ask.add_argument("--install", action="store_true")
    ask.add_argument("--python", help="the interpreter that has the libraries (build/peers, else this one)")
    ask.add_argument("-o", "--output")
    a = ask.parse_args(argv)
    if a.rounds < 1 or a.threads < 1:
        ask.error("--rounds and --threads are at least 1")
    venv = os.path.join(ROOT, "build", "peers")
    if a.install:
        install(venv)
    own = os.path.join(venv, "bin", "python")
    a.python = a.python or (own if os.path.exists(own) else sys.executable)
    return a


def main(argv=None):
    a = arguments(argv)
    every = cpu_rows.rows(a, lambda *w, **k: Worker(a.python, a.threads, *w, **k),
                          lambda spec, kernel: InTree(a.ironroof, spec, kernel, a.threads))
    wanted = [r for r in every if a.only.search(f"{r.what} {r.peer}")]
    if a.list:
        for r in wanted:
            print(f"{r.what:30} {r.peer:13} {r.spec}")
        return 0
    if not os.access(a.ironroof, os.X_OK):
        print(f"cpu.py: {a.ironroof} is not a program: build it, or say --ironroof FILE", file=sys.stderr)
        return 2
    print(f"{'work':30} {'library':13} {'ours':>14} {'theirs':>14}   ratio  [range of {a.rounds} rounds]")
    out = [measure(r, a) for r in wanted]
    if a.output:
        with open(a.output, "w") as f:
            json.dump({"machine": machine(a.threads), "rows": out}, f, indent=1)
            f.write("\n")
    return 0 if any("ratio" in r for r in out) else 2


if __name__ == "__main__":
    sys.exit(main())
