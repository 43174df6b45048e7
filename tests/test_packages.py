#!/usr/bin/env python3
"""test_packages.py PROGRAM ROOT BUILD -- what a package and other people's tools get from the program: its
version as JSON, manual pages, completions, an installed tree, tidy data, traces, metrics.

Each is held against the tool it is for where that is installed (bash, mandoc, groff); what is not there is
named as skipped. Real shells, Debian packages, Prometheus and the rest: tests/packages/. Standard library.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM, ROOT, BUILD = (os.path.abspath(a) for a in sys.argv[1:4])
MACHINE = "model:" + os.path.join(ROOT, "tests", "machines", "epyc_2x64.json")
failures, skipped = [], []


def expect(ok, what, detail=""):
    if not ok:
        failures.append(what)
        print("FAIL %s: %s" % (what, str(detail)[-1500:]))


def run(*words, **more):
    return subprocess.run(
        [PROGRAM] + list(words), capture_output=True, text=True, timeout=600, check=False, **more
    )


def commands():
    """Those that --help lists."""
    listed = run("--help").stdout.split("\nCommands\n")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z]+)", listed, flags=re.M)


# ---- version ---------------------------------------------------------------------------------------
def version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as f:
        stated = re.search(r"^project\(ironroof VERSION ([0-9.]+)", f.read(), flags=re.M).group(1)
    for words in (["--version"], ["-V"], ["version"]):
        expect(run(*words).stdout == "ironroof %s\n" % stated, "%s" % words, run(*words))
    said = json.loads(run("--version", "--json").stdout)
    expect(said["version"] == stated and said["tool"] == "ironroof", "--version --json: version", said)
    expect(
        isinstance(said["schema"], int) and said["compiler"] and "cpu" in said["backends"],
        "--version --json: schema, compiler, backends",
        said,
    )
    expect(run("--version", "--jsn").returncode == 2, "--version --jsn is refused")
    expect("complete" not in commands() and "completion" in commands(), "hidden commands are not listed")


# ---- manual pages ----------------------------------------------------------------------------------
def manual(folder):
    pages = {"ironroof": run("manual", "--date", "2026-01-31")}
    for name in commands():
        pages["ironroof-" + name] = run("manual", name, "--date", "2026-01-31")
    for name, done in pages.items():
        expect(
            done.returncode == 0
            and done.stdout.startswith('.TH %s 1 "2026-01-31"' % name.upper().replace("-", "\\-")),
            name,
            done,
        )
        path = os.path.join(folder, name + ".1")
        with open(path, "w", encoding="utf-8") as f:
            f.write(done.stdout)
        if shutil.which("mandoc"):
            lint = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True, check=False)
            said = [
                line
                for line in (lint.stdout + lint.stderr).split("\n")
                if line and "referenced manual not found" not in line
            ]
            expect(not said, "mandoc on %s" % name, "\n".join(said))
        if shutil.which("groff"):
            lint = subprocess.run(
                ["groff", "-man", "-ww", "-z", "-rCHECKSTYLE=3", path],
                capture_output=True,
                text=True,
                check=False,
            )
            expect(lint.returncode == 0 and not lint.stderr, "groff on %s" % name, lint.stderr)
    skipped.extend(
        "manual pages by %s: not installed" % t for t in ("mandoc", "groff") if not shutil.which(t)
    )
    text = pages["ironroof-run"].stdout
    for option in re.findall(r"--([a-z-]+)", run("run", "--help").stdout.split("\nusage:")[1]):
        expect("\\-\\-" + option.replace("-", "\\-") in text, "the manual of run has --%s" % option)
    expect(run("manual", "rnu").returncode == 2, "manual of an unknown command is refused")


# ---- completions -----------------------------------------------------------------------------------
def offered(*words):
    done = run("complete", "--", *words)
    expect(done.returncode == 0 and not done.stderr, "complete %s" % (words,), done)
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def candidates():
    expect(set(commands()) == set(offered("")), "commands", offered(""))
    workloads = [line.split()[0] for line in run("list", "workloads").stdout.splitlines() if line[0] != " "]
    expect(set(offered("run", "")) == set(workloads), "workloads", offered("run", ""))
    expect({"gemm", "gemv"} <= set(offered("run", "ge")), "a beginning", offered("run", "ge"))
    expect({"gemm:m=", "gemm:dtype=", "gemm:threads="} <= set(offered("run", "gemm:")), "keys")
    expect("gemm:m=1,n=" in offered("run", "gemm:m=1,"), "the next key", offered("run", "gemm:m=1,"))
    expect("gpt2:size=medium" in offered("run", "gpt2:size="), "words of a key", offered("run", "gpt2:size="))
    expect("gpt2:size=small,medium" in offered("run", "gpt2:size=small,"), "a list of words")
    expect("gemv:dtype=bf16" in offered("run", "gemv:dtype=b"), "types of a workload")
    expect({"--dtype", "--backend", "--help"} <= set(offered("run", "--")), "options of run")
    expect(
        "--format" in offered("export", "x.jsonl", "--f") and "--format" not in offered("run", "--f"),
        "options belong to commands",
    )
    expect("tidy" in offered("export", "x.jsonl", "--format", ""), "choices")
    expect(
        "--format=tidy" in offered("export", "--format=t"),
        "choices behind =",
        offered("export", "--format=t"),
    )
    expect("f32,bf16" in offered("run", "--dtype", "f32,b"), "a list of types")
    expect({"cpu", "model:"} <= set(offered("run", "--backend", "")), "backends")
    expect(
        "0"
        in offered(
            "run",
            "gemm",
            "--device",
            "",
        ),
        "devices that are here",
    )
    expect({"a100", "jetson-orin"} <= set(offered("predict", "gpt2", "--device", "")), "datasheets")
    expect(
        "a100,h100" in offered("predict", "gpt2", "--device", "a100,h"),
        "a list of datasheets",
        offered("predict", "gpt2", "--device", "a100,h"),
    )
    expect(
        {"a100", "@last", ":files"} <= set(offered("compare", "")),
        "devices and files",
        offered("compare", ""),
    )
    expect(
        {"workloads", "claims"} <= set(offered("list", "")) and offered("list", "claims", "") == [],
        "words for themselves, once",
    )
    expect({"batch1", "@last"} <= set(offered("claims", "")), "claims", offered("claims", ""))
    expect({"run", "judge", "check"} <= set(offered("fleet", "")), "what fleet does", offered("fleet", ""))
    expect(offered("help", "expo") == ["export"], "help COMMAND", offered("help", "expo"))
    expect(offered("rnu", "") == [] and offered("run", "zzz") == [], "nothing fits")


def bash(folder):
    """The function that readline calls, for the line as typed."""
    path = os.path.join(folder, "ironroof.bash")
    with open(path, "w", encoding="utf-8") as f:
        f.write(run("completion", "bash").stdout)
    asked = [
        ("ironroof ru", "run"),
        ("ironroof run gem", "gemm"),
        ("ironroof run gemm:", "m="),
        ("ironroof run gpt2:size=m", "medium"),
        ("ironroof export x --format=ti", "tidy"),
        ("ironroof predict gpt2 --device jetson-o", "jetson-orin"),
        ("ironroof run --dtype f32,b", "f32,bf16"),
    ]
    script = ['source "%s"' % path, 'PATH="%s:$PATH"' % os.path.dirname(PROGRAM)]
    for line, _ in asked:
        script.append("COMP_LINE='%s' COMP_POINT=%d; _ironroof; echo \"${COMPREPLY[*]}\"" % (line, len(line)))
    done = subprocess.run(["bash", "-c", "\n".join(script)], capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    expect(len(said) == len(asked) and not done.stderr, "bash", done)
    for (line, want), got in zip(asked, said):
        expect(want in got.split(), "bash: %s<Tab> offers %s" % (line, want), got)
    for shell in ("bash", "zsh", "fish"):
        expect(
            "ironroof" in run("completion", shell).stdout and run("completion", shell).returncode == 0, shell
        )
    expect(run("completion", "csh").returncode == 2, "a shell that has none is refused")


# ---- the installed tree ----------------------------------------------------------------------------
def installed(folder):
    if not os.path.exists(os.path.join(BUILD, "cmake_install.cmake")) or not shutil.which("cmake"):
        skipped.append("the installed tree: no cmake")
        return
    done = subprocess.run(
        ["cmake", "--install", BUILD, "--prefix", folder + "/usr"],
        capture_output=True,
        text=True,
        check=False,
    )
    expect(done.returncode == 0, "cmake --install", done)
    want = [
        "bin/ironroof",
        "share/bash-completion/completions/ironroof",
        "share/zsh/site-functions/_ironroof",
        "share/fish/vendor_completions.d/ironroof.fish",
        "share/ironroof/record.schema.json",
        "share/ironroof/plot.py",
        "share/ironroof/parquet.py",
        "share/ironroof/ci/nightly.sh",
        "share/ironroof/grafana/ironroof.json",
        "share/ironroof/reframe/ironroof_check.py",
    ]
    if os.path.exists(os.path.join(BUILD, "man", "ironroof.1")):
        want += ["share/man/man1/ironroof.1"] + ["share/man/man1/ironroof-%s.1" % c for c in commands()]
    found = {
        os.path.relpath(os.path.join(h, n), folder + "/usr")
        for h, _, names in os.walk(folder + "/usr")
        for n in names
    }
    for path in want:
        expect(path in found, "%s is installed" % path, sorted(found))
    expect(any(p.endswith("ironroof/LICENSE") for p in found), "the licence is installed")
    expect(not [p for p in found if "__pycache__" in p], "nothing else is installed")


def recipes():
    """Recipes are at least Python, and name options that the build has."""
    spack = "scripts/spack/spack_repo/ironroof/packages/ironroof/package.py"
    with open(os.path.join(ROOT, spack), encoding="utf-8") as f:
        text = f.read()
    compile(text, "package.py", "exec")
    with open(os.path.join(ROOT, "CMakePresets.json"), encoding="utf-8") as f:
        known = set(re.findall(r"IRONROOF_[A-Z]+", f.read()))
    for path in (spack, "scripts/conda/recipe.yaml", "Dockerfile.cuda"):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            asked = set(re.findall(r"IRONROOF_[A-Z]+", f.read()))
        expect(asked <= known, "%s asks for options that exist" % path, asked - known)


# ---- exports ---------------------------------------------------------------------------------------
def parameters():
    """Names of all parameters of all workloads."""
    text = run("list", "workloads").stdout
    return set(re.findall(r"(\w+)=", " ".join(re.findall(r"default: (.*)", text))))


def tidy(folder):
    record = os.path.join(folder, "run.jsonl")
    done = run(
        "run",
        "gemm:m=1,16,n=64,k=64",
        "copy:bytes=64Ki",
        "gpt2:batch=1,tokens=1",
        "resnet50:batch=1",
        "--backend",
        MACHINE,
        "--no-report",
        "--quiet",
        "-o",
        record,
    )
    expect(done.returncode == 0, "a run on a described machine", done)
    text = run("export", record, "--format", "tidy").stdout
    head = text.split("\n")[0].split(",")
    rows = list(csv.DictReader(io.StringIO(text)))
    points = [json.loads(line) for line in open(record, encoding="utf-8")]
    points = [p for p in points if p["record"] == "point" and not p.get("for_ceiling")]
    expect(len(rows) == len(points) and len(rows) > 5, "a row a point", (len(rows), len(points)))
    fixed = [h for h in head if h not in parameters()]
    expect(len(set(head)) == len(head) and len(fixed) > 40, "no two columns of one name", head)
    clash = set(fixed) & parameters()
    expect(not clash, "no parameter has the name of another column", clash)
    expect({"m", "n", "k", "bytes", "batch", "size"} <= set(head), "a column a parameter", head)
    gemm = [r for r in rows if r["workload"] == "gemm" and r["status"] == "ok"]
    expect(
        gemm and all(float(r["flops"]) == 2 * int(r["m"]) * int(r["n"]) * int(r["k"]) for r in gemm), "flops"
    )
    expect(all(r["bytes"] == "" for r in gemm), "a parameter that a point has not is an empty cell")
    net = [r for r in rows if r["workload"] == "gpt2" and r["status"] == "ok"]
    expect(net and all(r["item_unit"] == "token" and float(r["items_per_s"]) > 0 for r in net), "items")
    expect(all(float(r["mfu"]) > 0 for r in gemm), "mfu", gemm[:1])
    expect(all(r["status"] == "ok" or r["time_s"] == "" for r in rows), "no time without a measurement")
    expect(
        run("export", record, "--format", "tidy", "-o", folder + "/t.csv").returncode == 0
        and run("export", record, "--format", "tidy", "-o", folder + "/t.csv").returncode == 0,
        "written again",
    )
    metrics(record)


def metrics(record):
    text = run("export", record, "--format", "openmetrics").stdout
    for label in ('workload="gemm"', 'kernel="', 'dtype="f32"', 'batch="1"', 'machine="'):
        expect(label in text, "metrics carry " + label)
    info = re.findall(r"^ironroof_info\{(.*)\} 1$", text, flags=re.M)
    expect(len(info) == 1 and 'version="' in info[0] and 'cpu_model="' in info[0], "ironroof_info", info)
    expect(
        "\n# EOF\n" in text and "nan" not in text.lower().replace("nano", ""), "ends in # EOF, holds no NaN"
    )
    with open(os.path.join(ROOT, "scripts", "grafana", "ironroof.json"), encoding="utf-8") as f:
        asked = set(re.findall(r"\bironroof_[a-z0-9_]+", f.read()))
    known = set(re.findall(r"^# HELP (\w+)", text, flags=re.M))
    expect(asked <= known and len(asked) > 5, "the dashboard asks for metrics that exist", asked - known)


def slices(text):
    events = json.loads(text)["traceEvents"]
    return [e for e in events if e["ph"] == "X"], [e for e in events if e["ph"] == "M"]


def nested(events):
    """Slices of a track lie in each other or behind each other."""
    tracks = {}
    for e in events:
        tracks.setdefault((e["pid"], e["tid"]), []).append((round(1000 * e["ts"]), -round(1000 * e["dur"])))
    for track in tracks.values():
        ends = []
        for at, minus in sorted(track):
            while ends and ends[-1] <= at:
                ends.pop()
            if ends and at - minus > ends[-1]:
                return False
            ends.append(at - minus)
    return True


def trace(folder):
    """ResNet-50 layer by layer, on this machine's CPU: small images, the same layers."""
    record = os.path.join(folder, "layers.jsonl")
    done = run(
        "run",
        "resnet50:batch=1,res=32",
        "--layers",
        "--backend",
        "cpu",
        "--filter",
        "cpu/resnet50/direct",
        "--ceilings",
        "none",
        "--budget",
        "1ms",
        "--warmup",
        "0",
        "--no-report",
        "--quiet",
        "-o",
        record,
    )
    expect(done.returncode == 0, "a run with layers", done)
    boxes, names = slices(run("export", record, "--format", "trace").stdout)
    layers = [e for e in boxes if e["cat"] == "layer"]
    network = [e for e in boxes if e["cat"] == "network"]
    weighted = [e for e in layers if "pool" not in e["name"]]
    expect(
        len(weighted) == 54 and len(layers) == 56 and len(network) == 1,
        "54 layers with weights and two pools of one network",
        (len(layers), len(network)),
    )
    expect(nested(boxes) and all(e["dur"] > 0 for e in boxes), "slices nest")
    expect(abs(sum(e["dur"] for e in layers) - network[0]["dur"]) < 1e-3, "the layers fill the network")
    expect({"process_name", "thread_name"} == {e["name"] for e in names}, "tracks have names")
    fleet = os.path.join(folder, "fleet")
    expect(run("selftest", "fleet", "--nodes", "8", "-o", fleet).returncode == 0, "a synthetic fleet")
    boxes, names = slices(run("export", fleet, "--format", "trace").stdout)
    expect(
        len({e["pid"] for e in boxes}) == 8
        and nested(boxes)
        and {e["cat"] for e in boxes} == {"round", "point"},
        "a process a node, rounds and points",
    )
    expect(run("export", fleet, "--format", "csv").returncode == 2, "a fleet as csv is refused")


def main():
    with tempfile.TemporaryDirectory() as folder:
        version()
        manual(folder)
        candidates()
        bash(folder)
        installed(folder)
        recipes()
        tidy(folder)
        trace(folder)
    for what in skipped:
        print("skipped: " + what)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
