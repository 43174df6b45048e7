#!/usr/bin/env python3
"""test_screen.py PROGRAM -- what a user reads first: the last screen of a run against golden text
(IR_UPDATE_GOLDEN=1 rewrites it), the questions it must answer, @last, the run before, and items per second
in every format. Nothing here is a matter of time.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
RUN = os.path.join(HERE, "fixtures", "run.jsonl")
failures = 0


def expect(ok, what, got=""):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", what, "\n" + str(got))


def run(*args, cwd=None, columns=100, utf8=False):
    env = dict(os.environ, COLUMNS=str(columns), LC_ALL="C.UTF-8" if utf8 else "C", NO_COLOR="1")
    return subprocess.run(
        [PROGRAM, *args], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )


def records(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def write(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.writelines(json.dumps(line) + "\n" for line in lines)


def screen(cwd, columns=80, utf8=False, file="run.jsonl"):
    r = run("report", file, "--screen", cwd=cwd, columns=columns, utf8=utf8)
    expect(r.returncode == 0, "the screen of a record is printed", r.stderr)
    return r.stdout


def golden(folder):
    shutil.copy(RUN, os.path.join(folder, "run.jsonl"))
    for columns in (80, 100):
        for utf8 in (True, False):
            text = screen(folder, columns, utf8)
            name = "screen_%s_%d.txt" % ("utf8" if utf8 else "ascii", columns)
            path = os.path.join(HERE, "golden", name)
            if os.environ.get("IR_UPDATE_GOLDEN"):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            with open(path, encoding="utf-8") as f:
                want = f.read()
            expect(text == want, name + " is as it was", text)
            expect(utf8 or text.isascii(), name + " is plain ASCII", text)
            expect(all(len(line) <= columns for line in text.splitlines()), name + " fits its width", text)
            expect(columns > 80 or len(text.splitlines()) <= 30, name + " has at most 30 lines", text)


def line_with(text, *words):
    return next((line for line in text.splitlines() if all(w in line for w in words)), "")


def questions(folder):
    """Each question of a user has its line."""
    text = screen(folder)
    for what, words in {
        "tokens per second?": ["GPT-2 decode", "tok/s"],
        "what holds ResNet-50?": ["ResNet-50", "img/s", "COMPUTE"],
        "is the bandwidth trustworthy?": ["DRAM read", "+-11%!"],
        "what would double GPT-2?": ["GPT-2 decode", "182 ["],
        "did it get slower?": ["DID IT GET SLOWER", "no earlier run"],
    }.items():
        expect(line_with(text, *words), what, text)
    expect("--prove" in text and "--detail" in text, "it says what to type next", text)


def marked(folder):
    """A suspect or wide number never stands bare; what is certain stays so;
    a bound nothing explains is `code`."""
    lines = records(RUN)
    for line in lines:
        if line["record"] == "ceiling" and (line.get("level"), line.get("op"), line.get("threads")) == (
            "DRAM",
            "read",
            2,
        ):
            line.update(flags=["suspect"], why="1.33 x its lines in flight")
        if (
            line["record"] == "point"
            and line["key"].startswith("cpu/gpt2/stream")
            and line["params"]["tokens"] == 1
        ):
            line.update(flags=["suspect"], why="beyond its ceiling", bound_p=0.97)
        if line["record"] == "point" and line["workload"] == "mobilenetv2" and line["status"] == "ok":
            line.update(
                bound="code",
                bound_p=0.999,
                terms_s={"data": 1e-5, "compute": 2e-5, "latency": 1e-6},
                T_law_s=3.1e-5,
            )
    write(os.path.join(folder, "marked.jsonl"), lines)
    text = screen(folder, file="marked.jsonl")
    for words in (
        ["1.33 x its lines in flight"],
        ["GPT-2 decode", "!"],
        ["beyond its ceiling", "P 0.97"],
        ["MobileNetV2", "CODE"],
    ):
        expect(line_with(text, *words), "marked: %s" % words, text)
    expect("P 1.00" not in text and "0.999" not in text, "P is shown below .99 only", text)
    detail = run("report", "marked.jsonl", "--detail", cwd=folder, columns=110).stdout
    row = line_with(detail, "mobilenetv2/tuned")
    expect("code" in row and "/98" in row, "the table has the share that is unexplained", row)


def slower(folder):
    """The newest earlier run with the same key is found, in results/ too;
    another key or a later run is not."""
    lines = records(RUN)

    def variant(path, started, factor=1, key=None):
        copy = json.loads(json.dumps(lines))
        for line in copy:
            if line["record"] == "header":
                line["started"] = started
            if line["record"] == "machine" and key:
                line["comparability_key"] = key
            if (
                line["record"] == "point"
                and line["workload"] == "gemv"
                or line["record"] == "point"
                and line["family"] == "gemm"
            ):
                for field in ("median", "ci_lo", "ci_hi", "q25", "q75", "min", "max"):
                    if line["time_s"]:
                        line["time_s"][field] = line["time_s"][field] and line["time_s"][field] / factor
        write(path, copy)

    results = os.path.join(folder, "results", "box")
    variant(os.path.join(results, "a.jsonl"), "2026-11-20T00:00:00Z")
    variant(os.path.join(results, "b.jsonl"), "2026-11-24T00:00:00Z", factor=1.5)
    variant(os.path.join(results, "other.jsonl"), "2026-11-25T00:00:00Z", key="0123456789abcdef")
    variant(os.path.join(results, "later.jsonl"), "2026-11-27T00:00:00Z")
    text = " ".join(screen(folder).split())
    expect(
        "against 2026-11-24T00:00" in text and "slower beyond both intervals: gemm" in text,
        "the run before is named, and what got slower",
        text,
    )
    expect("'gate' judges" in text, "one run against one is no verdict", text)
    expect(
        run("report", "run.jsonl", "--screen", cwd=folder).returncode == 0,
        "slower is information, not an exit code",
    )
    half = json.loads(json.dumps(lines))
    for line in half:
        if line["record"] == "point" and line["family"] in ("gemm", "gemv"):
            line["for_ceiling"] = True
    write(os.path.join(folder, "half.jsonl"), half)
    text = " ".join(screen(folder, file="half.jsonl").split())
    expect(
        "against 2026-11-24T00:00" in text and "none slower" in text,
        "rows that came with recalled ceilings are not compared",
        text,
    )
    os.remove(os.path.join(folder, "half.jsonl"))
    os.remove(os.path.join(results, "b.jsonl"))
    text = " ".join(screen(folder).split())
    expect(
        "against 2026-11-20T00:00" in text and "none slower" in text,
        "an equal run is not called slower",
        text,
    )


def last(folder):
    empty = os.path.join(folder, "empty")
    os.makedirs(empty)
    r = run("validate", "@last", cwd=empty)
    expect(
        r.returncode == 2 and "@last: no record" in r.stderr and "ironroof run" in r.stderr,
        "@last without a record",
        r,
    )
    with open(os.path.join(folder, "results", "box", "newest.jsonl"), "w") as f:
        f.write(
            '{"record":"header","schema":1,"started":"2027-01-01T00:00:00Z"}\n'
        )  # no run: it has no machine
    for words in (
        ["validate", "@last"],
        ["report", "@last", "--screen"],
        ["predict", "gpt2", "--device", "a100,@last"],
        ["run", "copy", "--ceilings=@last", "--dry-run"],
    ):
        r = run(*words, cwd=folder)
        expect(r.returncode == 0, "@last: %s" % words, r.stderr)
    expect(
        "later.jsonl: valid" in run("validate", "@last", cwd=folder).stdout,
        "the run that started last is the last",
    )
    run("predict", "gpt2", "--device", "a100", "-o", "@last", cwd=folder)
    expect(os.path.exists(os.path.join(folder, "@last")), "an output of that name is a file of that name")


def recalled(folder):
    """A workload under recalled ceilings: few lines, the law of the file, rows as they finish."""
    r = run("run", "--backend", "ideal", "-o", "full.jsonl", "--no-report", cwd=folder)
    expect(r.returncode == 0 and "WHAT HOLDS IT BACK" in r.stdout, "a run ends with the screen", r.stderr)
    r = run(
        "run",
        "gpt2:batch=1,tokens=1",
        "--backend",
        "ideal",
        "--ceilings",
        "full.jsonl",
        "-o",
        "one.jsonl",
        cwd=folder,
        columns=80,
    )
    expect(r.returncode == 0 and len(r.stdout.splitlines()) < 15, "one workload, under 15 lines", r.stdout)
    flat = " ".join(r.stdout.split())
    expect("Ceilings and law of full.jsonl" in flat, "it says whose ceilings and law these are", r.stdout)
    expect("GPT-2 decode" in r.stdout.splitlines()[0], "the row is there before the screen", r.stdout)
    fits = [line for line in records(os.path.join(folder, "one.jsonl")) if line["record"] == "fit"]
    expect(len(fits) == 2, "the record keeps the law that judged it", fits)
    head = records(os.path.join(folder, "full.jsonl"))[0]
    expect(head["started"] <= head["ended"], "a record says when it began and ended", head)
    lines = records(os.path.join(folder, "full.jsonl"))
    device = next(line["device"] for line in lines if line["record"] == "machine")
    causes = [{"what": "pair", "text": "two threads ran 0.57 x one"}]
    lines.append({"record": "quality", "device": device, "value": "unusable", "causes": causes})
    write(os.path.join(folder, "bad.jsonl"), lines)
    args = ["run", "gpt2:batch=1,tokens=1", "--backend", "ideal", "--ceilings", "bad.jsonl", "--no-report"]
    r = run(*args, "-o", "two.jsonl", cwd=folder)
    rows = [x for x in records(os.path.join(folder, "two.jsonl")) if x["record"] == "point"]
    rows = [x for x in rows if x["status"] == "ok" and not x["for_ceiling"]]
    expect(
        rows and all(x["bound"] is None and "unusable" in x["withheld"] for x in rows),
        "ceilings of an unusable run carry no bound",
        rows,
    )
    for words in (["predict", "gpt2", "--device", "bad.jsonl"], ["compare", "bad.jsonl", "a100"]):
        r = run(*words, cwd=folder)
        expect("! that run was unusable" in r.stdout, words[0] + " says how good the run was", r.stdout)
    r = run(
        "run",
        "gpt2:batch=1,tokens=1",
        "--backend",
        "ideal",
        "--detail",
        "-o",
        "detail.jsonl",
        "--no-report",
        cwd=folder,
    )
    expect(
        "eta: efficiency" in r.stdout and "WHAT HOLDS IT BACK" in r.stdout,
        "--detail prints the tables and the screen",
        r.stdout,
    )


def refused(folder):
    for words, said in (
        (["run", "copy", "--filter", "zzz"], "matches no kernel"),
        (["selftest", "kernels", "--filter", "zzz"], "matches no kernel"),
        (["run", "copi"], "did you mean 'copy'"),
    ):
        r = run(*words, cwd=folder)
        expect(
            r.returncode == 2 and said in r.stderr and len(r.stderr) < 400,
            "%s is refused in few words" % words,
            r.stderr,
        )
    r = run("selftest", "kernels", "--filter", "/forkjoin/", cwd=folder)
    expect(
        r.returncode == 0
        and all("forkjoin" in line for line in r.stdout.splitlines()[:-1] if not line.startswith("skip ")),
        "selftest kernels --filter",
        r.stdout,
    )
    expect(run("-V").stdout == run("--version").stdout != "", "-V")
    a, b = (
        run(*w, cwd=folder).stdout
        for w in (
            [
                "--color",
                "never",
                "run",
                "gemm:m=1..4,n=8,k=8",
                "--dtype",
                "fp32",
                "--dry-run",
                "--backend",
                "cpu",
            ],
            [
                "run",
                "gemm:m=1,2,3,4,n=8,k=8",
                "--dtype",
                "f32",
                "--dry-run",
                "--backend",
                "cpu",
                "--color=never",
            ],
        )
    )
    expect(a == b != "", "options before the command, ranges with dots, fp32", a + b)
    for command in (
        "run",
        "predict",
        "compare",
        "report",
        "export",
        "fit",
        "selftest",
        "ab",
        "gate",
        "history",
    ):
        lines = run(command, "--help").stdout.splitlines()
        expect(lines[0].startswith("  ironroof " + command), "examples come first: " + command, lines[0])
        expect(all(len(x) <= 80 for x in lines), "help fits 80 columns: " + command, max(lines, key=len))


def items(folder):
    """Tokens and images per second are the same number everywhere, and never FLOP/s."""
    point = next(
        line
        for line in records(RUN)
        if line["record"] == "point"
        and line["key"].startswith("cpu/gpt2/stream")
        and line["params"]["tokens"] == 128
    )
    rate, key = 128 / point["time_s"]["median"], point["key"]
    near = lambda x: abs(x / rate - 1) < 1e-6
    out = {
        f: run("export", RUN, "--format", f).stdout
        for f in ("csv", "gbench", "bmf", "gha", "openmetrics", "markdown")
    }
    head, *rows = out["csv"].splitlines()
    row = next(r for r in rows if key in r)
    cells = dict(zip(reversed(head.split(",")), reversed(row.split(","))))
    expect(
        near(float(cells["items_per_s"])) and cells["item_unit"] == "token" and cells["items"] == "128",
        "csv",
        cells,
    )
    bench = next(b for b in json.loads(out["gbench"])["benchmarks"] if b["name"] == key)
    expect(near(bench["items_per_second"]) and bench["label"] == "tokens", "gbench", bench)
    expect(near(json.loads(out["bmf"])[key]["items_per_second"]["value"]), "bmf", "")
    expect(
        "%.6g tokens/s" % rate in next(g["extra"] for g in json.loads(out["gha"]) if g["name"] == key),
        "gha",
        "",
    )
    expect(
        near(
            float(
                next(
                    m
                    for m in out["openmetrics"].splitlines()
                    if m.startswith("ironroof_items_per_second") and key in m
                ).split()[-1]
            )
        ),
        "openmetrics",
        "",
    )
    expect(
        "%.4g tokens/s" % rate in next(m for m in out["markdown"].splitlines() if key in m), "markdown", ""
    )


def networks(folder):
    """Every network has its name and its unit on screen and page, whatever its family, and two shapes of one
    have two names."""
    listed = run("list", "workloads").stdout.splitlines()
    families = {w[0]: w[1] for w in map(str.split, listed) if len(w) > 2}
    nets = [n for n, f in families.items() if f in ("cnn", "gpt", "encoder", "mixtral", "dlrm")]
    expect({"dscnn", "dlrm", "bert", "vit", "mixtral", "llama"} <= set(nets), "networks are listed", nets)
    lines = records(RUN)
    point = next(x for x in lines if x["record"] == "point" and x["key"].startswith("cpu/gpt2/stream"))
    rest = [x for x in lines if x["record"] in ("header", "machine", "ceiling")]
    path = os.path.join(folder, "net.jsonl")

    def named(workload, **params):
        words = {k: v for k, v in params.items() if isinstance(v, str)}
        p = dict(point, workload=workload, family=families[workload], param_words=words)
        p["params"] = {k: 0 if k in words else v for k, v in params.items()}
        p["key"] = p["id"] = "cpu/%s/stream" % workload
        write(path, rest + [p])
        return screen(folder, file="net.jsonl")

    for net in nets:
        text = named(net, batch=2, tokens=1, past=128)
        shown = text.split("WOULD")[0].split("HOLDS")[1]
        expect(not any("  " + n in shown for n in nets), net + " is called by its name", text)
        expect(any(u in text for u in (" img/s", " tok/s", " seq/s", " sample/s")), net + "'s unit", text)
    for name, params in {
        "DLRM f32 b1 ": ("dlrm", {"size": "small", "batch": 1, "rows": 0, "zipf": 0}),
        "DLRM rm1 rows 9 f32 b1 ": ("dlrm", {"size": "rm1", "batch": 1, "rows": 9, "zipf": 0}),
        "BERT 128 tokens f32 ": ("bert", {"size": "base", "batch": 1, "tokens": 128}),
        "MobileNetV2 f32 b1 ": ("mobilenetv2", {"batch": 1, "res": 224, "width": "1.0"}),
        "MobileNetV2 width 0.5 f32 b1": ("mobilenetv2", {"batch": 1, "res": 224, "width": "0.5"}),
        "GPT-2 decode after 900 f32 ": ("gpt2", {"size": "small", "batch": 1, "tokens": 1, "past": 900}),
    }.items():
        text = named(params[0], **params[1])
        expect("  " + name.strip() in text, "a shape has its name: " + name, text)
    r = run("report", "net.jsonl", "-o", "net.html", cwd=folder)
    with open(os.path.join(folder, "net.html"), encoding="utf-8") as f:
        page = f.read()
    with open(os.path.join(HERE, "..", "scripts", "plot.py"), encoding="utf-8") as f:
        plot = f.read()
    for net in nets:
        expect('["%s", "' % net in page, net + " has its name on the page", r.stderr)
        expect('"%s": "' % net in plot, net + " has its name in plot.py", "")


def floors():
    """A datasheet is a floor: what eager launches and one graph make of it lies above, in this order."""
    with tempfile.TemporaryDirectory() as folder:
        for device, dtype in (("a100", "bf16"), ("t4", "f16"), ("pi5", None)):
            r = run("predict", "gpt2:batch=1", "--device", device, "-o", "-", cwd=folder)
            q = [json.loads(line) for line in r.stdout.splitlines()][1]
            expect(
                q["floor"]
                and q["T_additive_s"]["value"] < q["T_graph_lo_s"] <= q["T_eager_lo_s"] <= q["T_eager_hi_s"]
                and q["T_graph_hi_s"] <= q["T_eager_hi_s"],
                device + ": floor, graph, eager",
                q,
            )
            expect(dtype in (None, q["dtype"]), device + " is used with " + str(dtype), q["dtype"])
        keyed = run("predict", "gpt2:batch=1,dtype=f32", "--device", "a100", "-o", "-").stdout.splitlines()[1]
        expect(json.loads(keyed)["dtype"] == "f32", "a named dtype stays", keyed)
        lines = records(RUN)
        for line in lines:
            if line["record"] == "machine":
                line["name"] = "NVIDIA A100-SXM4-80GB"
        write(os.path.join(folder, "results", "gpu", "x.jsonl"), lines)
        text = run("predict", "gpt2:batch=1", "--device", "a100", cwd=folder).stdout
        expect(
            "fitted" in text and "x.jsonl" in text, "a record of the device stands beside its datasheet", text
        )


with tempfile.TemporaryDirectory() as where:
    for part in (golden, questions, marked, slower, last, recalled, refused, items, networks):
        part(where)
floors()
print("%d failures" % failures)
sys.exit(failures > 0)
