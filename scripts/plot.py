#!/usr/bin/env python3
"""plot.py FILE... --what roofline|ladder|batch [-o OUT] -- figures for papers from ironroof's records.

roofline  roofs of every level and the points of the run, one panel a device
ladder    measured bandwidth over the working set, a line per kernel and thread count
batch     time over batch with the law's terms stacked, a panel per workload, kernel and dtype

OUT ends in .png, .svg or .pdf (WHAT.png). Several files are drawn side by side (roofline, batch) or over each
other (ladder). Needs matplotlib (python3-matplotlib); without it it says so and ends with 77. Exit 2: a file
that is no record, or nothing to draw.
"""
import argparse
import json
import os
import sys

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    sys.stderr.write("plot.py: matplotlib is not installed (python3-matplotlib): no figure was drawn\n")
    sys.exit(77)

COLORS = {"data": "#2563a8", "compute": "#c2571a", "latency": "#6b7280"}
MARKERS = "osD^v<>Ph*X"
BATCH = {"linear": "rows", "conv": "n"}


def fail(text):
    sys.stderr.write("plot.py: %s\n" % text)
    sys.exit(2)


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
                if kind == "ceiling":
                    of(row["device"])["ceilings"].append(row)
                elif kind == "point" and row.get("status") == "ok":
                    of(row["device"])["points"].append(row)
    except OSError as e:
        fail("%s: %s" % (path, e.strerror))
    label = os.path.splitext(os.path.basename(path))[0]
    for d in devices.values():
        d["title"] = "%s (%s)" % (d["name"], label)
    return list(devices.values())


def time_of(p):
    t = p.get("dev_time_s") or p.get("time_s") or {}
    return t.get("median")


def plain(device):
    return [p for p in device["points"] if not p.get("for_ceiling") and p["family"] != "layer" and time_of(p)]


def best(ceilings, what, **keys):
    """The largest ceiling of a kind, of the most threads there are; None without one."""
    found = [c for c in ceilings if c.get("what") == what and c.get("value")
             and all(c.get(k) == v for k, v in keys.items())]
    most = max((c.get("threads") or 0 for c in found), default=0)
    return max((c["value"] for c in found if (c.get("threads") or 0) == most), default=None)


def panels(n, width=5.2, height=4.2):
    figure, axes = plt.subplots(1, n, figsize=(width * n, height), squeeze=False, layout="constrained")
    return figure, axes[0]


def roofline(devices):
    devices = [d for d in devices if any(p.get("intensity") for p in plain(d))]
    if not devices:
        fail("no point with arithmetic: nothing to draw on a roofline")
    figure, axes = panels(len(devices))
    for axis, d in zip(axes, devices):
        points = [p for p in plain(d) if p.get("intensity") and p.get("flops_per_s")]
        xs = [p["intensity"] for p in points]
        lo, hi = min(xs) / 4, max(xs) * 4
        peak = best(d["ceilings"], "flops", dtype="f32") or best(d["ceilings"], "flops")
        for level, style in (("DRAM", "-"), ("L3", "--"), ("L2", "-."), ("L1", ":")):
            bw = best(d["ceilings"], "bandwidth", level=level, op="read")
            if bw and peak:
                knee = min(max(peak / bw, lo), hi)
                axis.plot([lo, knee, hi], [min(peak, bw * lo), min(peak, bw * knee), min(peak, bw * hi)],
                          "k" + style, lw=1,
                          label="%s %.3g GB/s" % (level, bw / 1e9))
        families = sorted({p["family"] for p in points})
        for i, family in enumerate(families):
            own = [p for p in points if p["family"] == family]
            axis.plot([p["intensity"] for p in own], [p["flops_per_s"] for p in own],
                      MARKERS[i % len(MARKERS)], ms=5, mfc="none",
                      label=family)
        wrong = [p for p in points if p.get("proof") == "contradicted"]
        if wrong:
            axis.plot([p["intensity"] for p in wrong], [p["flops_per_s"] for p in wrong], "rx", ms=9,
                      label="label contradicted")
        axis.set(xscale="log", yscale="log", xlabel="FLOP/B", ylabel="FLOP/s", title=d["title"])
        axis.legend(fontsize=7)
    return figure


def ladder(devices):
    figure, (axis,) = panels(1, 6.5)
    drawn = 0
    for d in devices:
        lines = {}
        for p in d["points"]:
            if p["workload"] == "read" and p.get("bytes_per_s"):
                lines.setdefault((p["kernel"], p.get("threads")), {}).setdefault(p["params"]["bytes"],
                                                                                 []).append(p["bytes_per_s"])
        for (kernel, threads), steps in sorted(lines.items(), key=str):
            if len(steps) < 3:
                continue
            xs = sorted(steps)
            axis.plot(xs, [max(steps[x]) / 1e9 for x in xs], ".-", lw=1,
                      label="%s %s, %s threads" % (d["title"], kernel, threads))
            drawn += 1
    if not drawn:
        fail("no read over three working sets or more: nothing to draw as a ladder")
    axis.set(xscale="log", yscale="log", xlabel="working set, B", ylabel="GB/s", title="read bandwidth")
    axis.legend(fontsize=7)
    return figure


def batch_of(p):
    return p["params"].get("batch", p["params"].get(BATCH.get(p["family"], "")))


def batch(devices):
    sweeps = {}
    for d in devices:
        for p in plain(d):
            if batch_of(p) is not None:
                rest = tuple((k, v) for k,
                             v in p["params"].items() if k not in ("batch", BATCH.get(p["family"])))
                key = (d["title"], p["workload"], p["kernel"], p["dtype"], p.get("threads"), p.get("cache"),
                       rest)
                sweeps.setdefault(key, {})[batch_of(p)] = p
    sweeps = {k: v for k, v in sweeps.items() if len(v) >= 3}
    if not sweeps:
        fail("no workload at three batches or more: nothing to draw over the batch")
    figure, axes = panels(len(sweeps), 4.2, 3.8)
    for axis, (key, points) in zip(axes, sorted(sweeps.items(), key=str)):
        xs = sorted(points)
        at = range(len(xs))
        floor = [0.0] * len(xs)
        for term in ("latency", "data", "compute"):
            v = [((points[x].get("terms_s") or {}).get(term) or 0) * 1e3 for x in xs]
            axis.bar(at, v, bottom=floor, color=COLORS[term], label=term)
            floor = [a + b for a, b in zip(floor, v)]
        axis.plot(at, [time_of(points[x]) * 1e3 for x in xs], "ko", ms=4, label="measured")
        axis.set_xticks(list(at), [str(x) for x in xs])
        axis.set(xlabel="batch", ylabel="ms", title="%s %s %s\n%s" % (key[1], key[2], key[3], key[0]))
        axis.title.set_fontsize(8)
        axis.legend(fontsize=7)
    return figure


def main():
    draw = {"roofline": roofline, "ladder": ladder, "batch": batch}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="a record (.jsonl)")
    parser.add_argument("--what", choices=sorted(draw), default="roofline")
    parser.add_argument("-o", "--output", help="picture: .png, .svg or .pdf (WHAT.png)")
    args = parser.parse_args()
    out = args.output or args.what + ".png"
    if not out.endswith((".png", ".svg", ".pdf")):
        fail("%s: a name that ends in .png, .svg or .pdf" % out)
    figure = draw[args.what]([d for path in args.file for d in read(path)])
    try:
        figure.savefig(out, dpi=160)
    except OSError as e:
        fail("%s: %s" % (out, e.strerror))
    print(out)


if __name__ == "__main__":
    main()
