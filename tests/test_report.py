#!/usr/bin/env python3
"""test_report.py PROGRAM -- `report`: the page is self-contained, under 1 MB, true to its records and safe
against what they say; what cannot be on it is refused by name. What a browser makes of the page is
test_page.py's."""

import json, os, re, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
failures = []


def expect(ok, what):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600)


def page_of(folder, name, lines):
    record, page = os.path.join(folder, name + ".jsonl"), os.path.join(folder, name + ".html")
    open(record, "w").write("\n".join(json.dumps(l) for l in lines) + "\n")
    r = run("report", record, "-o", page)
    expect(r.returncode == 0, f"report {name}: {r.stderr[-300:]}")
    return open(page).read() if os.path.exists(page) else "", page


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "ideal.jsonl")
    r = run(
        "run", "copy", "triad", "gemm", "gemv", "batchmm", "fma", "forkjoin", "--backend", "ideal", "-o", path
    )
    expect(r.returncode == 0, f"a run of the ideal device: {r.stderr[-300:]}")
    expect(os.path.exists(path.replace(".jsonl", ".html")), "a run leaves its page")
    lines = [json.loads(l) for l in open(path)]
    text, page = page_of(folder, "plain", lines)
    expect(len(text) < 1_000_000, f"under 1 MB, not {len(text)}")
    expect(
        not re.search(r"(src|href)\s*=\s*[\"'](?!#)", text.split("@@")[0])
        and "@import" not in text
        and "fetch(" not in text,
        "loads nothing",
    )
    expect("@@" not in text, "every part is in its place")
    data = re.search(r'<script type="application/x-ndjson"[^>]*>\n(.*?)</script>', text, re.S).group(1)
    kept = [json.loads(l) for l in data.splitlines()]
    ok = lambda rows: {
        p["id"] + str(p["params"]) for p in rows if p["record"] == "point" and p["status"] == "ok"
    }
    expect(ok(kept) == ok(lines), "every point is on the page")
    evil = "</script><script>document.title='ERROR evil'</script>"
    for l in lines:
        if l["record"] == "machine":
            l["name"] = evil[:90]
            l["env"]["os"] = evil
    text, evil_page = page_of(folder, "evil", lines)
    expect(evil not in text and "\\u003c/script>" in text, "text of a record cannot end the script")
    later = []
    for i in range(3):
        for l in lines:
            if l["record"] == "header":
                l["started"] = f"2026-01-0{i + 1}T00:00:00Z"
        later.append(os.path.join(folder, f"day{i}.jsonl"))
        open(later[-1], "w").write("\n".join(json.dumps(l) for l in lines) + "\n")
    r = run("report", *later, "-o", os.path.join(folder, "days.html"))
    expect(r.returncode == 0, "three runs of one device on one page")
    two = run("report", path, os.path.join(folder, "plain.jsonl"), "-o", os.path.join(folder, "two.html"))
    expect(two.returncode == 0, "two records on one page")
    broken = os.path.join(folder, "broken.jsonl")
    open(broken, "w").write("{}\n")
    bad = run("report", broken, "-o", os.path.join(folder, "broken.html"))
    expect(bad.returncode == 2 and "broken.jsonl:1" in bad.stderr, "a broken record is refused by line")
    expect(
        not os.path.exists(os.path.join(folder, "broken.html"))
        and not os.path.exists(os.path.join(folder, "broken.html.tmp")),
        "and leaves nothing",
    )
    expect(run("report", path, "-o", "/nonexistent/x.html").returncode == 2, "an unwritable page is an error")
    # A datasheet may stand beside records, in any order; a name is a datasheet first, then a file.
    head = lambda page: re.findall(r'class="record" data-name="([^"]*)"', open(page).read())
    for args, names in (
        ([path, "a100"], ["ideal.jsonl", "a100"]),
        (["A100", path], ["A100", "ideal.jsonl"]),
        (["a100", "h100"], ["a100", "h100"]),
        ([path, "laptop"], ["ideal.jsonl", "laptop"]),
    ):
        out = os.path.join(folder, "sheets.html")
        r = run("report", *args, "-o", out)
        expect(
            r.returncode == 0 and head(out) == names,
            f"report {args}: {r.stderr} {r.returncode == 0 and head(out)}",
        )
        lines = [json.loads(l) for l in re.findall(r"^{.*}$", open(out).read(), re.M)]
        sheets = {l["device"]: l for l in lines if l["record"] == "machine" and l["backend"] == "datasheet"}
        expect(
            set(sheets) == {a for a in args if a != path},
            f"report {args}: a machine a datasheet: {sorted(sheets)}",
        )
        expect(
            all(
                c["source"] == "datasheet"
                for c in lines
                if c["record"] == "ceiling" and c["device"] in sheets
            ),
            "and its ceilings say so",
        )
    r = run("report", "a100", path)
    expect(
        r.returncode == 0 and r.stdout.split()[-1] == path.replace(".jsonl", ".html"),
        f"without -o beside the first record: {r.stdout}",
    )
    expect(not [f for f in os.listdir(folder) if ".tmp" in f], "no file of a datasheet is left")
    for args, words in (
        (["a1oo"], "did you mean 'a100'"),
        ([path, "zzzz"], "no device and no file 'zzzz'"),
        ([broken, "a100"], "broken.jsonl:1"),
    ):
        r = run("report", *args, "-o", os.path.join(folder, "none.html"))
        expect(r.returncode == 2 and words in r.stderr, f"report {args}: {r.stderr}")
        expect(
            not [f for f in os.listdir(folder) if f.startswith("none.html")], f"report {args} leaves nothing"
        )
print("all as expected" if not failures else f"{len(failures)} failed")
sys.exit(1 if failures else 0)
