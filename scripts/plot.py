#!/usr/bin/env python3
"""plot.py FILE... --what roofline|ladder|batch [-o OUT] -- figures for papers from ironroof's records.

roofline  roofs of every level and the points of the run, one panel a device; networks are named beside
          their marks
ladder    measured bandwidth over the working set, a line per thread count, named at its end
batch     time over batch with the law's terms stacked, a panel per workload, kernel and dtype

--only picks what is drawn: networks, operators, streams, or names of workloads or kernels (gpt2,resnet50).
--dtype f32,bf16 picks types.
--width 3.3in is the width of the whole figure: a column of a paper; cm, mm and pt are units too.
The legend is outside the axes.
OUT ends in .png, .svg or .pdf (WHAT.png). Several files are drawn side by side (roofline, batch) or over
each other (ladder).
Needs matplotlib (python3-matplotlib); without it it says so and ends with 77. Exit 2: a file that is no
record, or nothing to draw.
"""

import argparse
import json
import math
import os
import re
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    sys.stderr.write("plot.py: matplotlib is not installed (python3-matplotlib): no figure was drawn\n")
    sys.exit(77)

COLORS = {"data": "#2563a8", "compute": "#b54e14", "latency": "#6b7280"}
TERM_NAMES = {"data": "memory", "compute": "compute", "latency": "latency"}
# One colour a family, the page's (harness/record/page/style.css); shapes tell them apart without colour.
FAMILY_COLORS = {
    "gpt": "#1f6feb",
    "cnn": "#c2410c",
    "gemm": "#15803d",
    "gemv": "#7c3aed",
    "conv": "#b45309",
    "linear": "#0e7490",
    "attention": "#be185d",
    "norm": "#4d7c0f",
    "softmax": "#475569",
    "act": "#9f1239",
    "add": "#0f766e",
    "embed": "#a21caf",
    "chain": "#6b4f1d",
    "stream": "#64748b",
    "peak": "#92702a",
    "gather": "#3f6212",
    "chase": "#5b21b6",
    "launch": "#dc5f8b",
    "layer": "#0369a1",
}
MARKERS = "osD^v<>Ph*X"
GROUPS = {
    "networks": {
        "gpt",
        "cnn",
        "encoder",
        "bert",
        "vit",
        "llm",
        "llama",
        "mixtral",
        "unet",
        "diffusion",
        "dlrm",
        "speech",
        "rnn",
        "network",
    },
    "streams": {
        "stream",
        "peak",
        "chase",
        "gather",
        "launch",
        "clock",
        "overlap",
        "transfer",
        "local",
        "mma",
    },
}
NAMES = {
    "gpt2": "GPT-2",
    "gpt": "GPT",
    "resnet50": "ResNet-50",
    "mobilenetv2": "MobileNetV2",
    "dscnn": "DS-CNN",
    "bert": "BERT",
    "vit": "ViT",
    "llama": "Llama",
    "dlrm": "DLRM",
    "mixtral": "Mixtral",
    "resnet50_shared": "ResNet-50 shared",
    "gpt2_shared": "GPT-2 shared",
}
BATCH = {"linear": "rows", "conv": "n"}
UNITS = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}
PAPER = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.4}
LEADER = {"arrowstyle": "-", "lw": 0.5, "color": "#6b7280", "shrinkA": 0, "shrinkB": 3}
NARROW_IN, PANEL_IN = 4.5, 5.2


def fail(text):
    sys.stderr.write("plot.py: %s\n" % text)
    sys.exit(2)


# ---- records -------------------------------------------------------------------------------------
def read(path):
    """{device: {name, ceilings, points}} of one record."""
    devices = {}

    def of(name):
        return devices.setdefault(name, {"name": name, "ceilings": [], "points": []})

    try:
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                try:
                    row = json.loads(line)
                    kind = row.get("record")
                except (ValueError, AttributeError):
                    fail("%s:%d: no line of a record" % (path, n))
                if kind == "machine":
                    of(row["device"])["name"] = row.get("name") or row["device"]
                elif kind == "ceiling":
                    of(row["device"])["ceilings"].append(row)
                elif kind == "point" and row.get("status") == "ok":
                    of(row["device"])["points"].append(row)
    except OSError as e:
        fail("%s: %s" % (path, e.strerror))
    label = os.path.splitext(os.path.basename(path))[0]
    for d in devices.values():
        d["title"] = "%s (%s)" % (text_of(d["name"]), label)
    return list(devices.values())


def text_of(s):
    """A record's text as matplotlib may show it: no formula begins."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "?", str(s)).replace(
        "$", r"\$"
    )


def time_of(p):
    t = p.get("dev_time_s") or p.get("time_s") or {}
    return t.get("median")


def group_of(p):
    return next((g for g, families in GROUPS.items() if p.get("family") in families), "operators")


def is_naive(p):
    return "naive" in (p.get("kflags") or [])


def net_name(p):
    """GPT-2 small decode: two shapes of one network are two."""
    q, words = p.get("params") or {}, p.get("param_words") or {}
    name = [NAMES.get(p["workload"], p["workload"])]
    if words.get("size"):
        name.append(words["size"])
    if q.get("tokens"):
        name.append("decode" if q["tokens"] == 1 else "prefill %d" % q["tokens"])
    if (q.get("batch") or 1) != 1:
        name.append("b%d" % q["batch"])
    return text_of(" ".join(name))


class Choice:
    """What --only, --dtype and --naive let through."""

    def __init__(self, only, dtype, naive):
        self.only = [w for w in only.split(",") if w] if only else []
        self.dtypes = [w for w in dtype.split(",") if w] if dtype else []
        self.naive = naive

    def takes_dtype(self, name):
        return not self.dtypes or name in self.dtypes

    def takes(self, p):
        words = (group_of(p), p.get("workload"), p.get("kernel"), p.get("family"))
        return (
            self.takes_dtype(p.get("dtype"))
            and (self.naive or not is_naive(p))
            and (not self.only or any(w in self.only for w in words))
        )


def plain(device, choice):
    return [
        p
        for p in device["points"]
        if not p.get("for_ceiling") and p.get("family") != "layer" and time_of(p) and choice.takes(p)
    ]


def ceiling(device, what, **keys):
    """The largest ceiling of a kind, of the most threads there are; None without one."""
    found = [
        c
        for c in device["ceilings"]
        if c.get("what") == what and c.get("value") and all(c.get(k) == v for k, v in keys.items())
    ]
    most = max((c.get("threads") or 0 for c in found), default=0)
    return max((c["value"] for c in found if (c.get("threads") or 0) == most), default=None)


def scaled(v, unit):
    step = min(5, max(0, int(math.log10(v) // 3))) if v > 0 else 0
    return "%.3g %s%s" % (v / 1000**step, ["", "k", "M", "G", "T", "P"][step], unit)


# ---- figures -------------------------------------------------------------------------------------
class Sheet:
    """A figure of n panels as wide as asked; on a narrow one type is smaller and the legend is below."""

    def __init__(self, n, width, panel=PANEL_IN, ratio=0.78):
        self.width = width or panel * n
        self.narrow = self.width / n < NARROW_IN
        self.size = 6.5 if self.narrow else 8
        plt.rcParams.update(
            {
                "font.size": self.size + 0.5,
                "axes.titlesize": self.size + 0.5,
                "axes.labelsize": self.size + 0.5,
                "xtick.labelsize": self.size,
                "ytick.labelsize": self.size,
                "legend.fontsize": self.size,
                "svg.hashsalt": "ironroof",
            }
        )
        rows = (
            n if width and self.narrow and n > 1 and self.width / n < 2.4 else 1
        )  # too narrow beside each other: below each other
        columns = 1 if rows > 1 else n
        height = self.width / columns * ratio * rows + (0.45 if self.narrow else 0.3)
        self.figure, axes = plt.subplots(
            rows, columns, figsize=(self.width, height), squeeze=False, layout="constrained"
        )
        self.axes = list(axes.flat)

    def legend(self):
        """One entry a name, outside the axes."""
        entries = {}
        for axis in self.axes:
            for handle, name in zip(*axis.get_legend_handles_labels()):
                entries.setdefault(name, handle)
        if entries:
            columns = max(1, min(len(entries), int(self.width / (0.95 if self.narrow else 1.2))))
            self.figure.legend(
                list(entries.values()),
                list(entries),
                loc="outside lower center",
                ncols=columns,
                frameon=False,
                handlelength=1.4,
                columnspacing=1,
                handletextpad=0.4,
            )


def apart(p, q):
    """Two convex polygons: is there a line between them?"""
    for poly in (p, q):
        for (x0, y0), (x1, y1) in zip(poly, poly[1:] + poly[:1]):
            n = (y1 - y0, x0 - x1)
            a, b = [x * n[0] + y * n[1] for x, y in p], [x * n[0] + y * n[1] for x, y in q]
            if max(a) < min(b) or max(b) < min(a):
                return True
    return False


class Labels:
    """Texts of one panel that keep apart and off the marks.

    Each takes the first of its places that is free, or is left out."""

    def __init__(self, axis, size, marks=()):
        self.axis, self.size, self.boxes = axis, size, []
        axis.figure.canvas.draw()
        self.renderer = axis.figure.canvas.get_renderer()
        self.dot = axis.figure.dpi / 72
        for x, y in (axis.transData.transform(m) for m in marks):
            r = 2.6 * self.dot
            self.boxes.append([(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)])

    def _corners(self, text, xy, offset, rotation):
        """Of the text turned about the middle of its left or right end."""
        dx, dy, ha = offset
        t = self.axis.text(0, 0, text, fontsize=self.size)
        box = t.get_window_extent(self.renderer)
        t.remove()
        x, y = self.axis.transData.transform(xy)
        left, c, s = (
            {"left": 0, "right": -box.width, "center": -box.width / 2}[ha],
            math.cos(rotation),
            math.sin(rotation),
        )
        half = box.height * 0.5
        return [
            (x + dx * self.dot + a * c - b * s, y + dy * self.dot + a * s + b * c)
            for a, b in ((left, -half), (left + box.width, -half), (left + box.width, half), (left, half))
        ]

    def put(self, text, places, rotation=0, leader=False, **style):
        """places: (point, (dx, dy, side)) in points of type. True: the text found a place."""
        frame = self.axis.get_window_extent(self.renderer)
        for xy, (dx, dy, ha) in places:
            box = self._corners(text, xy, (dx, dy, ha), rotation)
            inside = all(frame.x0 <= x <= frame.x1 and frame.y0 <= y <= frame.y1 for x, y in box)
            if inside and all(apart(box, b) for b in self.boxes):
                self.boxes.append(box)
                far = math.hypot(dx, dy) > LEADER_PT
                self.axis.annotate(
                    text,
                    xy,
                    (dx, dy),
                    textcoords="offset points",
                    ha=ha,
                    va="center_baseline" if rotation else "center",
                    fontsize=self.size,
                    rotation=math.degrees(rotation),
                    rotation_mode="anchor",
                    bbox=PAPER,
                    arrowprops=LEADER if far and leader else None,
                    **style
                )
                return True
        return False


BESIDE = [
    (6, 0, "left"),
    (6, 6, "left"),
    (6, -6, "left"),
    (-6, 0, "right"),
    (-6, 6, "right"),
    (-6, -6, "right"),
    (0, 9, "center"),
    (0, -9, "center"),
    (6, -12, "left"),
    (-6, -12, "right"),
    (6, 12, "left"),
    (-6, 12, "right"),
]
FAR = [
    (24 * c, d, ("center", "left", "right")[c]) for d in (-22, -34, 22, -48, 34, -64) for c in (0, 1, -1)
]  # with a line to the mark
LEADER_PT = 18


def draw_roofs(axis, device, choice, span):
    """Lines only; returns what to write on them once the axes are laid out."""
    lo, hi = span
    peaks = {
        c["dtype"]: ceiling(device, "flops", dtype=c["dtype"])
        for c in device["ceilings"]
        if c.get("what") == "flops" and c.get("dtype")
    }
    chosen = {t: v for t, v in peaks.items() if v and choice.takes_dtype(t)}
    words = []
    if not choice.dtypes and chosen:  # the roof that most points are under; --dtype asks for others
        chosen = (
            {"f32": chosen["f32"]} if "f32" in chosen else dict([max(chosen.items(), key=lambda i: i[1])])
        )
    top = max(chosen.values(), default=None)
    bandwidths = {
        level: ceiling(device, "bandwidth", level=level, op="read")
        for level in ("DRAM", "L4", "L3", "L2", "L1")
    }
    for (level, bw), style in zip(bandwidths.items(), ("-", (0, (6, 2)), "--", "-.", ":")):
        if bw and top and top / bw > lo:
            axis.plot([lo, min(top / bw, hi)], [bw * lo, bw * min(top / bw, hi)], color="k", ls=style, lw=1)
            words.append(("%s %s" % (level, scaled(bw, "B/s")), lo, bw, True))
    fastest = max((bw for bw in bandwidths.values() if bw), default=None)
    for dtype, peak in chosen.items():
        axis.plot([max(lo, peak / fastest) if fastest else lo, hi], [peak, peak], "k-", lw=1)
        words.append(
            ("%s %s" % (dtype, scaled(peak, "OP/s" if dtype in ("i8", "i4") else "FLOP/s")), hi, peak, False)
        )
    return words


def write_roofs(labels, words):
    axis = labels.axis
    for text, x, y, slope in sorted(words, key=lambda w: w[3]):
        if not slope:
            labels.put(
                text,
                [
                    ((x, y), o)
                    for o in (
                        (-2, 6, "right"),
                        (-2, -6, "right"),
                        (-60, 6, "right"),
                        (-110, 6, "right"),
                        (-160, 6, "right"),
                    )
                ],
            )
            continue
        a, b = axis.transData.transform([(x, y * x), (2 * x, y * 2 * x)])
        angle = math.atan2(b[1] - a[1], b[0] - a[0])
        up = (-5 * math.sin(angle), 5 * math.cos(angle), "left")
        labels.put(
            text, [((x * along, y * x * along), up) for along in (1.1, 1.35, 1.7, 2.2, 3, 4)], rotation=angle
        )


def draw_family(axis, points, family, shape):
    color = FAMILY_COLORS.get(family, "#78716c")
    for naive in (False, True):
        own = [p for p in points if p["family"] == family and is_naive(p) == naive]
        if not own:
            continue
        xs, ys, whiskers = [p["intensity"] for p in own], [p["flops_per_s"] for p in own], [[], []]
        for p, y in zip(own, ys):
            t = p.get("dev_time_s") or p.get("time_s")
            lo, hi = t.get("ci_lo"), t.get("ci_hi")
            whiskers[0].append(y - y * t["median"] / hi if hi else 0)
            whiskers[1].append(y * t["median"] / lo - y if lo else 0)
        axis.errorbar(
            xs,
            ys,
            whiskers,
            fmt=shape,
            ms=3 if naive else 4.5,
            mfc="none" if naive else color,
            mec=color,
            ecolor=color,
            mew=0.8,
            elinewidth=0.8,
            label=family + (" (naive)" if naive else ""),
        )


def name_networks(labels, points):
    """The fastest kernel of each network, once."""
    best = {}
    for p in points:
        key = (p["workload"], p["dtype"], json.dumps(p["params"], sort_keys=True))
        if group_of(p) == "networks" and (key not in best or time_of(p) < time_of(best[key])):
            best[key] = p
    several = len({p["dtype"] for p in best.values()}) > 1
    for p in sorted(best.values(), key=lambda p: -p["flops_per_s"]):
        at = (p["intensity"], p["flops_per_s"])
        labels.put(
            net_name(p) + (" " + p["dtype"] if several else ""), [(at, o) for o in BESIDE + FAR], leader=True
        )


def roofline(devices, choice, width):
    drawn = [
        (d, [p for p in plain(d, choice) if p.get("intensity") and p.get("flops_per_s")]) for d in devices
    ]
    drawn = [(d, points) for d, points in drawn if points]
    if not drawn:
        fail("no point with arithmetic: nothing to draw on a roofline")
    sheet = Sheet(len(drawn), width)
    families = list(dict.fromkeys(p["family"] for _, points in drawn for p in points))
    texts = []
    for axis, (d, points) in zip(sheet.axes, drawn):
        xs = [p["intensity"] for p in points]
        texts.append(draw_roofs(axis, d, choice, (min(xs) / 4, max(xs) * 4)))
        for i, family in enumerate(families):
            draw_family(axis, points, family, MARKERS[i % len(MARKERS)])
        wrong = [p for p in points if p.get("proof") == "contradicted"]
        if wrong:
            axis.plot(
                [p["intensity"] for p in wrong],
                [p["flops_per_s"] for p in wrong],
                "rx",
                ms=8,
                label="label contradicted",
            )
        axis.set(
            xscale="log",
            yscale="log",
            xlabel="FLOP/B",
            ylabel="FLOP/s",
            title=d["title"],
            xlim=(min(xs) / 4, max(xs) * 4),
        )
        axis.margins(y=0.1)
    sheet.legend()
    for axis, (_, points), words in zip(sheet.axes, drawn, texts):
        labels = Labels(axis, sheet.size, [(p["intensity"], p["flops_per_s"]) for p in points])
        write_roofs(labels, words)
        name_networks(labels, points)
    return sheet.figure


def ladder(devices, choice, width):
    sheet = Sheet(1, width, 6.5, 0.62)
    axis, ends = sheet.axes[0], []
    for d in devices:
        lines = {}
        for p in d["points"]:
            if p["workload"] == "read" and p.get("bytes_per_s") and not is_naive(p):
                lines.setdefault(p.get("threads"), {}).setdefault(p["params"]["bytes"], []).append(
                    p["bytes_per_s"]
                )
        for threads, steps in sorted(lines.items(), key=lambda i: i[0] or 0):
            if len(steps) < 3:
                continue
            xs = sorted(steps)
            ys = [max(steps[x]) / 1e9 for x in xs]
            name = "%s thread%s" % (threads, "" if threads == 1 else "s") if threads else "device"
            (line,) = axis.plot(
                xs, ys, ".-", lw=1, label="%s, %s" % (d["title"], name) if len(devices) > 1 else None
            )
            ends.append((name, (xs[0], ys[0]), line.get_color()))
    if not ends:
        fail("no read over three working sets or more: nothing to draw as a ladder")
    axis.set_xscale("log", base=2)
    axis.set(
        yscale="log",
        xlabel="working set, B",
        ylabel="read bandwidth, GB/s",
        title="" if len(devices) > 1 else devices[0]["title"],
    )
    axis.xaxis.set_major_formatter(
        lambda v, _: "%g %s"
        % next((v / s, u) for s, u in ((2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki"), (1, "")) if v >= s)
    )
    axis.margins(y=0.14)
    sheet.legend()
    labels = Labels(axis, sheet.size)
    for name, xy, color in ends:
        labels.put(name, [(xy, o) for o in ((2, 9, "left"), (2, -9, "left"), (2, 16, "left"))], color=color)
    return sheet.figure


def batch_of(p):
    return p["params"].get("batch", p["params"].get(BATCH.get(p["family"], "")))


def sweeps_of(devices, choice):
    sweeps = {}
    for d in devices:
        for p in plain(d, choice):
            if batch_of(p) is not None:
                rest = tuple(
                    (k, v) for k, v in p["params"].items() if k not in ("batch", BATCH.get(p["family"]))
                )
                key = (
                    d["title"],
                    p["workload"],
                    p["kernel"],
                    p["dtype"],
                    p.get("threads"),
                    p.get("cache"),
                    rest,
                )
                sweeps.setdefault(key, {})[batch_of(p)] = p
    return {k: v for k, v in sweeps.items() if len(v) >= 3}


def batch(devices, choice, width):
    sweeps = sweeps_of(devices, choice)
    if not sweeps:
        fail("no workload at three batches or more: nothing to draw over the batch")
    sheet = Sheet(len(sweeps), width, 3.6, 0.85)
    for axis, (key, points) in zip(sheet.axes, sorted(sweeps.items(), key=str)):
        xs = sorted(points)
        at, floor = range(len(xs)), [0.0] * len(xs)
        for term in ("data", "compute", "latency"):
            v = [((points[x].get("terms_s") or {}).get(term) or 0) * 1e3 for x in xs]
            axis.bar(at, v, bottom=floor, color=COLORS[term], label=TERM_NAMES[term])
            floor = [a + b for a, b in zip(floor, v)]
        measured = [time_of(points[x]) * 1e3 for x in xs]
        axis.plot(at, measured, "ko", ms=3.5, label="measured")
        axis.set_ylim(0, 1.08 * max(floor + measured))
        axis.set_xticks(list(at), [str(x) for x in xs])
        axis.set(
            xlabel="batch",
            ylabel="ms",
            title="%s %s %s\n%s" % (NAMES.get(key[1], key[1]), key[2], key[3], key[0]),
        )
    sheet.legend()
    return sheet.figure


# ---- the command line ----------------------------------------------------------------------------
def width_of(text):
    """Inches of 3.3in, 84mm, 8.4cm, 240pt."""
    m = re.fullmatch(r"([0-9]*\.?[0-9]+)(in|cm|mm|pt)", text)
    inches = float(m.group(1)) * UNITS[m.group(2)] if m else 0
    if not 1 <= inches <= 60:
        raise argparse.ArgumentTypeError(
            "'%s': a width of 1 to 60 inches, such as 3.3in, 84mm or 240pt" % text
        )
    return inches


def main():
    draw = {"roofline": roofline, "ladder": ladder, "batch": batch}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="+", help="a record (.jsonl)")
    parser.add_argument("--what", choices=sorted(draw), default="roofline")
    parser.add_argument(
        "--only",
        metavar="LIST",
        help="networks, operators, streams, or names of workloads, kernels and families",
    )
    parser.add_argument(
        "--dtype", metavar="LIST", help="element types, f32,bf16; of a roofline also the roofs"
    )
    parser.add_argument(
        "--width", type=width_of, metavar="SIZE", help="of the whole figure: 3.3in, 84mm, 240pt"
    )
    parser.add_argument("--naive", action="store_true", help="naive kernels too")
    parser.add_argument("-o", "--output", help="picture: .png, .svg or .pdf (WHAT.png)")
    args = parser.parse_args()
    out = args.output or args.what + ".png"
    if not out.endswith((".png", ".svg", ".pdf")):
        fail("%s: a name that ends in .png, .svg or .pdf" % out)
    choice = Choice(args.only, args.dtype, args.naive)
    figure = draw[args.what]([d for path in args.file for d in read(path)], choice, args.width)
    try:
        figure.savefig(out, dpi=300 if args.width else 160)
    except OSError as e:
        fail("%s: %s" % (out, e.strerror))
    print(out)


if __name__ == "__main__":
    main()
