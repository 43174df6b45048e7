#!/usr/bin/env python3
"""test_report.py PROGRAM -- the report's page: self-contained, under 1 MB, true to its records, safe against what a record says;
opened in headless Chromium where that is installed, at desktop and phone width: the script runs and nothing is wider than the window."""
import json, os, re, shutil, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
failures = []


def expect(ok, what):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=300)


def page_of(folder, name, lines):
    record, page = os.path.join(folder, name + ".jsonl"), os.path.join(folder, name + ".html")
    open(record, "w").write("\n".join(json.dumps(l) for l in lines) + "\n")
    r = run("report", record, "-o", page)
    expect(r.returncode == 0, f"report {name}: {r.stderr[-300:]}")
    return open(page).read() if os.path.exists(page) else "", page


def probe(browser, page, width):
    """The page with a line of script that reports what the browser made of it."""
    text = open(page).read()
    check = page.replace(".html", f".{width}.html")
    script = ("<script>addEventListener('error', e => document.title = 'ERROR ' + e.message); setTimeout(() => { if (!document.title.startsWith('ERROR')) document.title = "
              "'W' + document.documentElement.scrollWidth + (document.getElementById('history') ? 'H' : '') + ' S' + document.querySelectorAll('section').length + ' C' + document.querySelectorAll('svg').length; }, 2500);</script>")
    open(check, "w").write(text.replace("<head>", "<head>" + script))
    out = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},3000", "--virtual-time-budget=6000", "--dump-dom",
                          "file://" + check], capture_output=True, text=True, timeout=120).stdout
    title = re.search(r"<title>(.*?)</title>", out)
    return title.group(1) if title else "no page"


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "ideal.jsonl")
    r = run("run", "copy", "triad", "gemm", "gemv", "batchmm", "fma", "forkjoin", "--backend", "ideal", "-o", path)
    expect(r.returncode == 0, f"a run of the ideal device: {r.stderr[-300:]}")
    expect(os.path.exists(path.replace(".jsonl", ".html")), "a run leaves its page")
    lines = [json.loads(l) for l in open(path)]
    text, page = page_of(folder, "plain", lines)
    expect(len(text) < 1_000_000, f"under 1 MB, not {len(text)}")
    expect(not re.search(r"(src|href)\s*=\s*[\"'](?!#)", text.split("@@")[0]) and "@import" not in text and "fetch(" not in text, "loads nothing")
    expect("@@" not in text, "every part is in its place")
    data = re.search(r'<script type="application/x-ndjson"[^>]*>\n(.*?)</script>', text, re.S).group(1)
    kept = [json.loads(l) for l in data.splitlines()]
    ok = lambda rows: {p["id"] + str(p["params"]) for p in rows if p["record"] == "point" and p["status"] == "ok"}
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
    expect(not os.path.exists(os.path.join(folder, "broken.html")) and not os.path.exists(os.path.join(folder, "broken.html.tmp")), "and leaves nothing")
    expect(run("report", path, "-o", "/nonexistent/x.html").returncode == 2, "an unwritable page is an error")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        print("skipped: no Chromium here to open the page in")
    for width in (1280, 500) if browser else ():
        for name in (page, evil_page, os.path.join(folder, "two.html"), os.path.join(folder, "days.html")):
            title = probe(browser, name, width)
            m = re.match(r"W(\d+)H? S(\d+) C(\d+)", title)
            expect(title.split()[0].endswith("H") == name.endswith("days.html"), f"{os.path.basename(name)}: a history where there is one: {title}")
            expect(m and int(m[1]) <= width and int(m[2]) >= 7 and int(m[3]) >= 3, f"{os.path.basename(name)} at {width}: {title}")
print("all as expected" if not failures else f"{len(failures)} failed")
sys.exit(1 if failures else 0)
