"""page_records.py -- records for the tests of the page: made from a real one, each shows one situation."""

import copy
import json
import os
import random

EVIL = [
    "</script><script>window.HACKED=1</script>",
    "<img src=x onerror=window.HACKED=1>",
    '"><svg onload=window.HACKED=1>',
    "' onmouseover='window.HACKED=1",
    "<!--<script>window.HACKED=1",
    "${window.HACKED=1}",
    "\u202egnp.exe\u2066 \u200b\u0007\u009b",
    "javascript:window.HACKED=1",
    "__proto__",
    '=HYPERLINK("x")',
    "&lt;b&gt; & \\u003c \\ ' \" `",
]
OPTIONAL = (
    "time_s",
    "flops",
    "bytes",
    "intensity",
    "flops_per_s",
    "bytes_per_s",
    "terms_s",
    "T_law_s",
    "bound",
    "bound_p",
    "mfu",
    "mbu",
    "eta",
    "level",
    "flags",
    "kflags",
    "why",
    "family",
    "threads",
    "cache",
    "params",
    "param_words",
    "ridge",
    "hops",
    "dtype",
)


def load(path):
    """The lines of a record without raw samples: a page has none of them, and they are most of it."""
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    for line in lines:
        line.pop("samples_s", None)
    return lines


def save(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(line) + "\n" for line in lines)
    return path


def points(lines, **keys):
    return [p for p in lines if p["record"] == "point" and all(p.get(k) == v for k, v in keys.items())]


def with_layers(lines):
    """Every network's fastest kernel gets four layers."""
    lines = copy.deepcopy(lines)
    for p in points(lines, status="ok"):
        if p["family"] not in ("cnn", "gpt") or "naive" in p["kflags"]:
            continue
        for i, name in enumerate(("stem", "body", "<b>head</b>", "logits")):
            q = copy.deepcopy(p)
            q["family"] = "layer"
            q["params"]["layer"] = i
            q["param_words"] = dict(p.get("param_words") or {}, layer=name)
            q["key"] = p["key"] + ",layer=%d" % i
            for k in ("median", "ci_lo", "ci_hi"):
                if q["time_s"].get(k):
                    q["time_s"][k] *= (0.1, 0.5, 0.3, 0.1)[i]
            q["intensity"] = (p["intensity"] or 1) * (1 + i)
            lines.append(q)
    return lines


def with_new_fields(lines, code):
    """What later versions say: quality, items, and with `code` that bound."""
    lines = copy.deepcopy(lines)
    lines.append(
        {
            "record": "quality",
            "value": "noisy",
            "causes": [
                {"what": "others", "text": "other processes used 31 % of the processors"},
                {"what": "reads", "text": "DRAM reads drifted 12 %"},
            ],
        }
    )
    key = next(p["key"] for p in points(lines, status="ok") if p["family"] == "gpt")
    span = {"value": 0.61, "lo": 0.58, "hi": 0.64}
    prove = {"record": "verdict", "device": lines[1].get("device"), "p": 0.999, "evidence": [key]}
    known = {"verdict": "confirmed", "label": "memory", "elasticity": {"data": span}}
    lines.append({**prove, "question": "prove", **known})
    answer = "6 changes by --prove: T within 4 % of what the law foretold (median), at most 9 % (cold)"
    lines.append(
        {**prove, "question": "predicted changes", "verdict": "within 10 %", "answer": answer, "p": None}
    )
    lines.append(
        {
            **prove,
            "question": "prove twin",
            "verdict": "agrees",
            "twin": "bf16 for f32",
            "terms_ratio": {"data": 0.5, "compute": 1, "latency": 1},
            "T_ratio": span,
            "T_ratio_foretold": {"value": 0.57, "lo": 0.55, "hi": 0.59},
        }
    )
    for p in points(lines, status="ok"):
        if p["family"] in ("cnn", "gpt"):
            p.update(items=7, item_unit="widget", items_per_s=12345.678)
        if code and p.get("bound") == "mixed":
            p["bound"] = "code"
    return lines


def another_run(lines, day, factor):
    lines = copy.deepcopy(lines)
    for line in lines:
        if line["record"] == "header":
            line["started"] = "2026-01-0%dT00:00:00Z" % day
        if line["record"] == "point" and line.get("time_s"):
            for k, v in line["time_s"].items():
                if isinstance(v, float) and k not in ("autocorr", "sd"):
                    line["time_s"][k] = v * factor
    return lines


def two_devices(lines):
    """A second device in the same file, which has no threads: a GPU measured on its own clock."""
    out = copy.deepcopy(lines)
    for line in copy.deepcopy(lines):
        if line.get("device") is None:
            continue
        line["device"] = "gpu0"
        if line["record"] == "machine":
            line.update(name="A GPU", backend="cuda", threads=0)
        if line.get("threads"):
            if line["threads"] == 1:
                continue
            line["threads"] = 0
        if line["record"] == "point" and line.get("time_s"):
            line["dev_time_s"] = line["time_s"]
            line["id"], line["key"] = line["id"].replace("cpu/", "cuda/"), line["key"].replace(
                "cpu/", "cuda/"
            )
        out.append(line)
    return out


def comparisons(lines):
    """An `ab` record: every verdict, one without an interval."""
    head = next(line for line in lines if line["record"] == "header")
    table = [
        ("REGRESSED", 0.11, 0.08, 0.14, True),
        ("IMPROVED", -0.06, -0.08, -0.04, True),
        ("SAME", 0.001, -0.004, 0.006, False),
        ("INCONCLUSIVE", 0.03, -0.02, 0.09, False),
        ("MISSING", None, None, None, False),
    ]
    keys = [p["key"] for p in points(lines, status="ok") if p["family"] in ("cnn", "gpt", "gemm")]
    out = [head]
    for i, (verdict, effect, lo, hi, confirmed) in enumerate(table):
        out.append(
            {
                "record": "comparison",
                "kind": "ab",
                "point": keys[i % len(keys)],
                "verdict": verdict,
                "confirmed": confirmed,
                "note": EVIL[0],
                "effect": effect,
                "lo": lo,
                "hi": hi,
                "confidence": 0.98,
                "detectable": 0.03,
                "threshold": 0.02,
                "old_s": 0.01,
                "blocks": 16,
                "d": [0.1] * 16,
                "blocks_s": [[1, 1, 1, 1]] * 16,
            }
        )
    out.append(
        {"record": "verdict", "question": "ab", "answer": "1 of 5 points REGRESSED", "verdict": "REGRESSED"}
    )
    return out


def hostile(lines, code):
    """Every text of a record that a reader accepts, replaced by attempts to become markup."""
    lines = with_layers(with_new_fields(lines, code))
    at = 0

    def evil(limit=90):
        nonlocal at
        at += 1
        return EVIL[at % len(EVIL)].encode()[:limit].decode(errors="ignore")  # a record's words are short

    for line in lines:
        kind = line["record"]
        if kind == "header":
            line["argv"] = list(EVIL)
            line["tool"] = evil()
        elif kind == "machine":
            line["name"] = EVIL[0]
            line["driver"] = evil()
            line["env"].update(os=EVIL[1], git_revision=evil(), virtualised=EVIL[6])
        elif kind == "point":
            line["why"] = evil()
            if line["family"] == "layer":
                line["param_words"] = {k: evil(15) for k in line["params"]}
        elif kind == "ceiling" and "kernel" in line:
            line["why"] = evil()
        elif kind == "verdict":
            line["answer"] = " ".join(EVIL)
        elif kind == "quality":
            line["causes"] = [{"what": "others", "text": t} for t in EVIL]
    for p in points(lines, status="ok")[-40:]:
        p["family"] = evil(30)
        p["workload"] = evil(30)
        p["kernel"] = evil(30)
        p["item_unit"] = evil(20)
    return lines + comparisons(lines)[1:]


def holes(lines, seed):
    """Points of which a third of the optional fields are null or gone."""
    lines, dice = copy.deepcopy(lines), random.Random(seed)
    for p in points(lines):
        for k in OPTIONAL:
            if dice.random() < 0.33:
                p[k] = None
    for line in lines:
        if line["record"] in ("ceiling", "fit", "verdict"):
            for k in list(line):
                if (
                    k
                    not in (
                        "record",
                        "what",
                        "device",
                        "level",
                        "form",
                        "question",
                        "answer",
                        "verdict",
                        "source",
                    )
                    and dice.random() < 0.2
                ):
                    line[k] = None
    return lines
