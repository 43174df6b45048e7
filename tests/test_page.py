#!/usr/bin/env python3
"""test_page.py PROGRAM RECORD [FOLDER] -- the report's page in headless Chromium: drawn, hovered, filtered,
zoomed, printed and saved at 1280, 768 and 390 px, light and dark, over records of many kinds; hostile text
stays text; axe-core finds nothing serious.

RECORD is a real record of a run with networks. FOLDER: screenshots are left there. Exit 77 where Chromium
or chromedriver is missing; without axe-core (PyPI axe-playwright-python, or IRONROOF_AXE=folder of
axe.min.js) the rest runs and says so. Asserts no time.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page_records as records  # noqa: E402
from browser import Browser, axe_source, find  # noqa: E402

PROGRAM, RECORD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PICTURES = sys.argv[3] if len(sys.argv) > 3 else None
MAX_STOPS, MAX_BYTES = 40, 1000000
# Where axe-core reads a page: it takes seconds. (width, dark)
AXE_AT = {
    "plain": ((1280, False), (1280, True), (390, False)),
    "layers": ((768, True),),
    "new": ((1280, False),),
    "sheet": ((768, False), (390, True)),
    "sheets": ((768, True),),
    "days": ((1280, False),),
    "ab": ((390, False), (768, True)),
    "evil": ((1280, False),),
}
WHOLE = ("plain", 1280, False)
failures = []

# ---- what is asked of every page; each script returns complaints ---------------------------------
CHECKS = {
    "the strip of networks shows what holds each": """return [...document.querySelectorAll('.strip *')]
        .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')
        .map(e => e.className + ' ' + e.scrollWidth + '>' + e.clientWidth)""",
    "no wider than the window": """
        const w = document.documentElement.scrollWidth;
        return w > innerWidth ? ['page is ' + w + ' px in a window of ' + innerWidth] : [];""",
    "every mark has a name": """
        return [...document.querySelectorAll('.mark')]
          .filter(m => !(m.getAttribute('aria-label') || '').trim() || !m.getAttribute('role'))
          .map(m => m.outerHTML.slice(0, 200));""",
    "numbers are numbers": """
        const bad = [...document.querySelectorAll('svg *')].flatMap(e => [...e.attributes]
          .filter(a => /NaN|Infinity|undefined/.test(a.value))
          .map(a => e.tagName + ' ' + a.name + '=' + a.value.slice(0, 60)));
        const words = document.body.innerText
          .match(/.{0,30}(NaN|undefined|\\[object|Infinity|null).{0,30}/g) || [];
        return bad.concat(words);""",
    "labels of roofs are apart": """
        const quad = t => { const b = t.getBBox(), m = t.getScreenCTM(),
            at = (x, y) => { const p = new DOMPoint(x, y).matrixTransform(m); return [p.x, p.y]; };
          const d = 1.5; // the box of a text has room above and below its letters
          return [at(b.x, b.y + d), at(b.x + b.width, b.y + d),
            at(b.x + b.width, b.y + b.height - d), at(b.x, b.y + b.height - d)]; };
        const parted = (p, q) => [p, q].some(r => r.some(([x, y], i) => {
          const [u, v] = r[(i + 1) % 4], n = [v - y, x - u];
          const a = p.map(c => c[0] * n[0] + c[1] * n[1]), b = q.map(c => c[0] * n[0] + c[1] * n[1]);
          return Math.max(...a) <= Math.min(...b) || Math.max(...b) <= Math.min(...a); }));
        const out = [];
        for (const s of document.querySelectorAll('figure svg')) {
          const all = [...s.querySelectorAll('text.roof')].map(t => [t.textContent, quad(t)]);
          all.forEach(([a, p], i) => all.slice(i + 1).forEach(([b, q]) => {
            if (!parted(p, q)) out.push(a + ' / ' + b); }));
        }
        return out;""",
    "one colour a family": """
        const colors = new Map(), out = [];
        for (const b of document.querySelectorAll('.legend[aria-label=Families] button')) {
          const c = getComputedStyle(b.querySelector('.swatch')).backgroundColor, n = b.textContent;
          if (colors.has(n) && colors.get(n) !== c) out.push(n + ': ' + colors.get(n) + ' and ' + c);
          colors.set(n, c);
        }
        return out;""",
    "bars are whole": """
        return [...document.querySelectorAll('.bar')]
          .map(b => [...b.children].reduce((s, i) => s + parseFloat(i.style.width), 0))
          .filter(s => Math.abs(s - 100) > .5).map(s => 'a bar of ' + s + ' %');""",
    "swatches are round or square": """
        return [...document.querySelectorAll('.swatch')]
          .filter(s => s.offsetParent && s.offsetWidth < 8).map(s => s.outerHTML);""",
    "no markup from a record": """
        const out = [...document
          .querySelectorAll('img,iframe,object,embed,link,base,form,a:not([href^="#"])')]
          .map(e => e.outerHTML.slice(0, 120));
        if (window.HACKED) out.push('a record ran a script');
        if (document.querySelectorAll('script:not(.record)').length !== 1)
          out.push('more than one script');
        for (const e of document.querySelectorAll('main *, header *'))
          for (const a of e.attributes) if (/^on/.test(a.name)) out.push(e.outerHTML.slice(0, 120));
        return out;""",
    "no character that turns the text": """
        const seen = document.querySelector('main').textContent +
          document.querySelector('header').textContent +
          [...document.querySelectorAll('[aria-label],[title]')]
            .map(e => (e.getAttribute('aria-label') || '') + (e.title || '')).join();
        return /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]/
          .test(seen) ? ['a control character'] : [];""",
}
STOPS = """
    const hidden = e => {
      for (let d = e.closest('details:not([open])'); d; d = d.parentElement.closest('details:not([open])'))
        if (!(e.tagName === 'SUMMARY' && e.parentElement === d)) return true;
      return !e.getClientRects().length; };
    return [...document.querySelectorAll('a[href],button,input,select,summary,[tabindex]')]
      .filter(e => e.tabIndex >= 0 && !hidden(e)).length;"""
# All of it at once: each call of the browser takes its time.
EVERYTHING = "return [{%s}, arguments[0].filter(i => !document.getElementById(i)), (() => {%s})()];" % (
    ", ".join("%s: (() => {%s})()" % (json.dumps(k), v) for k, v in CHECKS.items()),
    STOPS,
)
# Rows of a table and marks of a chart are made by one function: past a dozen, axe-core learns nothing new and
# takes three times as long. WHOLE is read whole.
FEWER = """
    document.querySelectorAll('tbody tr:nth-child(n + 13)').forEach(e => e.remove());
    for (const s of document.querySelectorAll('figure svg'))
      [...s.querySelectorAll('.mark')].slice(12).forEach(e => e.remove());"""
AXE = """
    const done = arguments[arguments.length - 1];
    axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations
      .filter(v => ['serious', 'critical'].includes(v.impact))
      .map(v => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3)
        .map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ').slice(0, 600))),
      e => done([String(e)]));"""


def expect(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED: %s" % what)


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600)


def report(folder, name, *sources):
    page = os.path.join(folder, name + ".html")
    r = run("report", *sources, "-o", page)
    expect(r.returncode == 0, "report %s: %s" % (name, r.stderr[-300:]))
    return page


def knows_code(folder):
    """Does this program read the bound `code`?"""
    return (
        run(
            "validate",
            records.save(folder, "code.jsonl", records.with_new_fields(records.load(RECORD), True)),
        ).returncode
        == 0
    )


def make_pages(folder, code):
    """{name: (page, ids of sections that must be there)}."""
    real = records.load(RECORD)
    save = lambda name, lines: records.save(folder, name, lines)  # noqa: E731
    plain = shutil.copy(RECORD, os.path.join(folder, "plain.jsonl"))  # with its raw samples
    layered = save("layers.jsonl", records.with_layers(real))
    days = [save("day%d.jsonl" % i, records.another_run(real, i, 1 + 0.1 * i)) for i in (1, 2, 3)]
    usual = ["answers", "roofline", "cards", "batch", "ladders", "law", "points", "environment"]
    evil_name = save("evil \"><img src=x onerror=window.HACKED=1> \u202e'.jsonl", records.hostile(real, code))
    pages = {
        "plain": (report(folder, "plain", plain), usual),
        "layers": (report(folder, "layers", layered), usual + ["layers"]),
        "new": (report(folder, "new", save("new.jsonl", records.with_new_fields(real, code))), usual),
        "sheet": (report(folder, "sheet", plain, "a100", "jetson-orin"), usual),
        "sheets": (report(folder, "sheets", "a100", "h100"), ["answers", "roofline", "cards"]),
        "devices": (report(folder, "devices", save("devices.jsonl", records.two_devices(real))), usual),
        "ceilings": (
            report(
                folder,
                "ceilings",
                save("ceilings.jsonl", [r for r in real if r["record"] in ("header", "machine", "ceiling")]),
            ),
            ["answers", "roofline", "cards"],
        ),
        "days": (report(folder, "days", *days), usual + ["history"]),
        "ab": (report(folder, "ab", save("ab.jsonl", records.comparisons(real))), ["comparison"]),
        "evil": (report(folder, "evil", evil_name), usual + ["layers", "comparison"]),
    }
    for seed in range(3):
        pages["holes%d" % seed] = (
            report(folder, "holes%d" % seed, save("holes%d.jsonl" % seed, records.holes(real, seed))),
            ["points"],
        )
    return pages


def open_page(b, page):
    b.open(page)
    b.wait(
        "return document.querySelector('main section') && "
        "(!document.querySelector('#answers') || document.querySelector('#environment'))",
        os.path.basename(page) + " is drawn",
    )
    b.run("redrawAll()")


def check_page(b, name, page, ids, width, dark):
    what = "%s at %d%s" % (name, width, " dark" if dark else "")
    b.shape(width, dark=dark)
    open_page(b, page)
    expect(not b.errors(), "%s: no error in the browser" % what)
    seen, missing, stops = b.run(EVERYTHING, ids)
    for check, bad in seen.items():
        expect(not bad, "%s: %s: %s" % (what, check, bad[:4]))
    expect(not missing, "%s: sections %s" % (what, missing))
    expect(stops < MAX_STOPS, "%s: %d tab stops" % (what, stops))
    if PICTURES:
        b.picture(os.path.join(PICTURES, "%s-%d%s.png" % (name, width, "-dark" if dark else "")))


def check_access(b, axe, name, whole):
    if not whole:
        b.run(FEWER)
    b.run(axe)
    bad = b.run_async(AXE)
    expect(not bad, "%s: axe-core: %s" % (name, bad))


# ---- what a reader does --------------------------------------------------------------------------
def settle(b):
    """Until what scrolling and drawing set off has happened."""
    b.run_async(
        "const done = arguments[0]; "
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)))"
    )


def centre(b, selector):
    b.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
    settle(b)
    return b.run(
        "const r = document.querySelector(arguments[0]).getBoundingClientRect(); "
        "return [r.x + r.width / 2, r.y + r.height / 2]",
        selector,
    )


def count(b, selector):
    return b.run("return document.querySelectorAll(arguments[0]).length", selector)


def press(b, text, under):
    """Click the button of that text below `under`."""
    b.run(
        "[...document.querySelectorAll(arguments[1] + ' button')]"
        ".find(x => x.textContent === arguments[0]).click();",
        text,
        under,
    )


def check_hover(b):
    mark = "#roofline .mark"
    x, y = centre(b, mark)
    b.mouse("mouseMoved", x, y)
    tip = b.run("return getComputedStyle(tip).display === 'none' ? '' : tip.textContent")
    names = b.run(
        "return [...document.querySelectorAll('#roofline .mark')]"
        ".map(m => m.getAttribute('aria-label').split('; ')[0])"
    )
    expect(tip.split("\n")[0] in names, "a mark under the pointer says what it is: %r" % tip[:80])
    expect("held by" in tip and "±" in tip, "with bound and interval: %r" % tip)
    b.mouse("mouseMoved", 2, 2)
    expect(
        b.run("return getComputedStyle(tip).display") == "none", "and the note goes when the pointer leaves"
    )
    b.run("document.querySelector('#roofline .mark[tabindex=\"0\"]').focus()")
    first = b.run("return document.activeElement.getAttribute('aria-label')")
    b.key("ArrowRight")
    second = b.run("return document.activeElement.getAttribute('aria-label')")
    expect(first and second and first != second, "arrow keys go from mark to mark")
    expect(b.run("return getComputedStyle(tip).display") == "block", "a focused mark shows its note")


def check_switches(b):
    marks = lambda: count(b, "#roofline .mark")  # noqa: E731
    start = marks()
    press(b, "Operators", "#roofline")
    more = marks()
    expect(more > start > 0, "networks first, operators on request: %d then %d" % (start, more))
    family = b.run(
        "return document.querySelector('#roofline .legend[aria-label=Families] button').textContent"
    )
    press(b, family, "#roofline .legend[aria-label=Families]")
    expect(marks() < more, "a family can be switched off")
    press(b, family, "#roofline .legend[aria-label=Families]")
    press(b, "Naive", "#roofline")
    expect(marks() > more, "naive kernels on request")
    choose = """const s = document.querySelector('#roofline select');
        s.value = arguments[0]; s.dispatchEvent(new Event('change'));
        return [...document.querySelectorAll('#roofline text.roof')].map(t => t.textContent).join()"""
    every, one = b.run(choose, "all"), b.run(choose, "f64")
    expect("f32 " in every and "f64 " in one and "f32 " not in one, "one dtype: its roof alone: %s" % one)
    b.run(choose, "all")
    for kind in (".whisker", ".gap"):
        expect(count(b, "#roofline " + kind) > 0, "the roofline has %s" % kind)


def check_zoom(b):
    ticks = "return [...document.querySelectorAll('#roofline svg text.soft')].map(t => t.textContent).join()"
    centre(b, "#roofline figure svg")
    x, y, w, h = b.run(
        """const s = document.querySelector('#roofline figure svg'), r = s.getBoundingClientRect();
        return [r.x, r.y, r.width, r.height]"""
    )
    settle(b)
    before = b.run(ticks)
    b.drag(x + 0.3 * w, y + 0.3 * h, x + 0.6 * w, y + 0.6 * h)
    zoomed = b.run(ticks)
    expect(before != zoomed, "dragging zooms")
    expect(not b.run(CHECKS["numbers are numbers"]), "a zoomed chart has whole numbers")
    press(b, "Reset zoom", "#roofline")
    expect(b.run(ticks) == before, "and Reset goes back")


def check_table(b):
    places = b.run(
        """const box = document.querySelector('#points .scroll').getBoundingClientRect();
        return [...document.querySelectorAll('#points th')].map(h =>
          [h.textContent.trim(), h.getBoundingClientRect().right, Math.min(box.right, innerWidth)])"""
    )
    for head in ("rate", "bound"):
        at = next((p for p in places if p[0].startswith(head)), None)
        expect(at and at[1] <= at[2], "%s is on screen: %s" % (head, at))
    rows = lambda: count(b, "#points tbody tr")  # noqa: E731
    everything = rows()
    find_ = """const i = document.querySelector('#points input[type=search]');
        i.value = arguments[0]; i.dispatchEvent(new Event('input'));
        return [...document.querySelectorAll('#points tbody tr')].map(r => r.textContent.toLowerCase())"""
    some = b.run(find_, "gpt decode")
    expect(
        0 < len(some) < everything and all("gpt" in t and "decode" in t for t in some),
        "words filter: %d of %d" % (len(some), everything),
    )
    expect(not b.run(find_, "zzz"), "words that match nothing leave nothing")
    b.run(find_, "")
    expect(rows() == everything, "and all come back")
    column = """const at = [...document.querySelectorAll('#points th')]
          .findIndex(h => h.textContent.trim().startsWith(arguments[0]));
        return [...document.querySelectorAll('#points tbody tr')]
          .map(r => parseFloat(r.cells[at].textContent)).filter(v => !isNaN(v))"""
    for head in ("MFU", "MBU", "memory"):
        press(b, head, "#points thead")
        down = b.run(column, head)
        expect(
            down == sorted(down, reverse=True) and len(set(down)) > 1,
            "sorted by %s, largest first: %s" % (head, down[:6]),
        )
        expect(
            b.run("return document.querySelector('#points th[aria-sort]').getAttribute('aria-sort')")
            == "descending",
            "and says so",
        )
        press(b, head + "", "#points thead")
        up = b.run(column, head)
        expect(up == sorted(up), "and the other way: %s" % up[:6])


def check_batch(b):
    marks = b.run(
        "return [...document.querySelectorAll('#batch .ridge.strong')].map(m => m.getAttribute('aria-label'))"
    )
    said = [
        v["answer"]
        for v in records.load(RECORD)
        if v.get("question") == "crossover" and "naive" not in v["answer"]
    ]
    expect(
        marks and set(marks) <= set(said), "the crossover is marked where a verdict says it is: %s" % marks
    )
    expect(count(b, "#ladders .plateau") >= 2, "ladders show the plateaus of their levels")


def check_layers(b):
    label = b.run(
        "const m = document.querySelector('#roofline .mark.link'); m.focus(); "
        "return m.getAttribute('aria-label')"
    )
    b.key("Enter")
    at = b.run("return [document.activeElement.id, document.activeElement.textContent]")
    expect(
        at[0] == "layers-of" and at[1].split(",")[0] == label.split(" · ")[0],
        "a network leads to its layers: %s from %s" % (at, label[:60]),
    )
    expect(count(b, "#layers figure .mark") > 3, "layers are drawn")


def check_files(b, folder, machines, name):
    saved = os.path.join(folder, "saved-" + name)
    os.mkdir(saved)
    b.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=saved)
    for kind, count_ in (("Save Record", 1), ("Save CSV", 2), ("Save PNG", 3)):
        press(b, kind, "#links")
        for _ in range(200):
            done = [f for f in os.listdir(saved) if not f.endswith(".crdownload") and not f.startswith(".")]
            if len(done) >= count_:
                break
            b.run_async("setTimeout(arguments[arguments.length - 1], 50)")
    files = {os.path.splitext(f)[1]: os.path.join(saved, f) for f in os.listdir(saved)}
    expect(set(files) == {".jsonl", ".csv", ".png"}, "%s: three files: %s" % (name, sorted(files)))
    if len(files) < 3:
        return
    own = [p for m in machines for p in records.points(m) if not p.get("for_ceiling")]
    expect(
        len([p for p in records.points(records.load(files[".jsonl"])) if not p.get("for_ceiling")])
        == len(own),
        "%s: the record has every point" % name,
    )
    r = run("validate", files[".jsonl"])
    expect(r.returncode == 0, "%s: the record is valid: %s" % (name, r.stderr))
    with open(files[".csv"], encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    expect(
        len(rows) == len(own) + 1 and len({len(r) for r in rows}) == 1,
        "%s: a row a point in the CSV: %d of %d" % (name, len(rows) - 1, len(own)),
    )
    expect(
        not any(c[:1] in "=+@" for r in rows for c in r if c),
        "%s: no cell that a spreadsheet would run" % name,
    )
    with open(files[".png"], "rb") as f:
        data = f.read()
    expect(
        data.startswith(b"\x89PNG") and len(data) > 5000,
        "%s: the picture is one: %d bytes" % (name, len(data)),
    )


def check_print(b, page):
    for dark in (False, True):
        b.shape(794, dark=dark, media="print")
        open_page(b, page)
        got = b.run(
            """const c = e => getComputedStyle(e), s = document.querySelector('.swatch'),
              box = document.querySelector('#points .scroll');
            return [c(s).printColorAdjust, c(document.querySelector('.bar i')).printColorAdjust,
              c(document.querySelector('nav')).display, c(document.body).backgroundColor,
              c(document.body).color, box.scrollHeight - box.clientHeight]"""
        )
        expect(got[0] == got[1] == "exact", "print keeps swatches and bars: %s" % got)
        expect(
            got[2] == "none" and got[3] == "rgb(255, 255, 255)" and got[4] == "rgb(29, 33, 38)",
            "dark ink on white paper: %s" % got,
        )
        expect(got[5] <= 1, "the table is printed whole")
    b.shape(1280)
    open_page(b, page)
    expect(b.pdf().startswith(b"%PDF"), "a PDF comes out")
    expect(count(b, "figure svg") >= 4, "with every chart drawn")


def check_words(b, pages, code):
    """What the first screen says, with and without what later records carry."""
    open_page(b, pages["plain"][0])
    text = b.run("return document.getElementById('answers').innerText")
    for words in ("tokens/s", "images/s", "held by", "What to do next"):
        expect(words in text, "the first section says %r" % words)
    expect("quality" not in text.lower(), "no quality where the record has none")
    rates = [p for p in records.points(records.load(RECORD), workload="resnet50", status="ok")]
    fastest = min(rates, key=lambda p: p["time_s"]["median"])
    expect(
        "%.3g images/s" % (fastest["params"]["batch"] / fastest["time_s"]["median"]) in text,
        "the fastest kernel's rate stands there",
    )
    open_page(b, pages["new"][0])
    text = b.run("return document.getElementById('answers').innerText")
    for words in ("Run quality: noisy", "31 %", "12346", "widgets/s", "Put to the test: 6 changes"):
        expect(
            words in text or words.replace("12346", "12300") in text, "a newer record's %r is shown" % words
        )
    whole = b.run("return document.querySelector('main').textContent")
    expect("bf16 for f32" in whole and "foretold" in whole, "a twin stands beside what the law foretold")
    expect("[0.55, 0.59]" in whole, "and the prediction has its interval")
    expect(not code or count(b, "#points .bound.code") > 0, "the bound `code` is shown")
    expect(
        b.run(
            "const q = document.querySelector('#answers .quality'); "
            "return !!q && q.getBoundingClientRect().bottom < innerHeight"
        ),
        "quality on the first screen",
    )


def check_together(b, pages):
    open_page(b, pages["sheet"][0])
    names = b.run(
        "return [...document.querySelectorAll('#roofline .legend[aria-label=Machines] button')]"
        ".map(e => e.textContent)"
    )
    expect(
        len(names) == 3 and any("A100" in n for n in names),
        "a record and two datasheets in one legend: %s" % names,
    )
    roofs = lambda: count(b, "#roofline .roofline")  # noqa: E731
    before = roofs()
    press(b, next(n for n in names if "A100" in n), "#roofline .legend[aria-label=Machines]")
    expect(roofs() < before, "a machine can be switched off")
    b.run(
        "const s = document.querySelector('.which select'); "
        "s.value = [...s.options].find(o => o.value.includes('A100')).value; "
        "s.dispatchEvent(new Event('change'))"
    )
    expect(
        "2.04 TB/s" in b.run("return document.getElementById('cards').innerText"),
        "details of the datasheet on request",
    )
    open_page(b, pages["ab"][0])
    text = b.run("return document.getElementById('comparison').innerText")
    expect(all(w in text for w in ("REGRESSED", "IMPROVED", "INCONCLUSIVE")), "verdicts are named")
    labels = b.run(
        "return [...document.querySelectorAll('#comparison .mark')].map(m => m.getAttribute('aria-label'))"
    )
    expect(
        len(labels) == 4 and any("+11.0 %" in t and "+8.0 %" in t for t in labels),
        "a mark with its interval per point that has one: %s" % labels,
    )


def main():
    why = find()[2]
    with tempfile.TemporaryDirectory() as folder:
        code = knows_code(folder)
        pages = make_pages(folder, code)
        for name, (page, _) in pages.items():
            size = os.path.getsize(page) if os.path.exists(page) else 0
            expect(0 < size < MAX_BYTES, "%s is under 1 MB: %d bytes" % (name, size))
        expect(not [f for f in os.listdir(folder) if f.endswith(".tmp")], "no file of a datasheet is left")
        if why:
            print("skipped: %s: the pages were made, none was opened" % why)
            return 1 if failures else 77
        axe = axe_source()
        if not axe:
            print("skipped: axe-core: no Python package here ships axe.min.js (PyPI axe-playwright-python)")
        with Browser() as b:
            for name, (page, ids) in pages.items():
                shapes = [(1280, False), (768, True), (390, False)]
                if name in ("plain", "sheet"):
                    shapes = [(w, d) for w in (1280, 768, 390) for d in (False, True)]
                if name.startswith("holes") or name in ("devices", "ceilings"):
                    shapes = [(768, name == "devices")]
                for width, dark in shapes:
                    check_page(b, name, page, ids, width, dark)
                    if axe and (width, dark) in AXE_AT.get(name, ()):
                        what = "%s at %d%s" % (name, width, " dark" if dark else "")
                        check_access(b, axe, what, (name, width, dark) == WHOLE)
            b.shape(1280)
            open_page(b, pages["layers"][0])
            for check in (check_hover, check_zoom, check_switches, check_table, check_batch, check_layers):
                check(b)
            open_page(b, pages["plain"][0])
            check_files(b, folder, [records.load(RECORD)], "plain")
            open_page(b, pages["evil"][0])
            check_files(b, folder, [records.hostile(records.load(RECORD), code)], "evil")
            check_print(b, pages["plain"][0])
            check_words(b, pages, code)
            check_together(b, pages)
            expect(not b.errors(), "no error in the browser after all of it")
    print("all as expected" if not failures else "%d failed" % len(failures))
    return 1 if failures else 0


sys.exit(main())
