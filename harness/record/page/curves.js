// curves.js -- ladders over the working set, batch curves, layers, residuals of the law, history, two builds
// side by side.

// ---- ladders ----
function steps(points, value) { // the best value of each working set
  const by = new Map();
  for (const p of points) {
    const v = value(p), k = (p.params || {}).bytes;
    if (p.status === "ok" && k > 0 && known(v.rank) && (!by.has(k) || v.rank > by.get(k).v.rank))
      by.set(k, { v, p });
  }
  return [...by.entries()].sort((a, b) => a[0] - b[0]).map(([x,
    q]) => ({ x, y: q.v.y, lo: q.v.lo, hi: q.v.hi, p: q.p }));
}
const rateStep = p => {
  const t = stats(p), at = s => p.bytes_per_s * t.median / s;
  return { rank: p.bytes_per_s, y: p.bytes_per_s, lo: at(t.ci_hi), hi: at(t.ci_lo) };
};
const hopStep = p => (
  { rank: -time(p) / p.hops, y: time(p) / p.hops, lo: stats(p).ci_lo / p.hops, hi: stats(p).ci_hi / p.hops });
const SERIES = ["var(--data)", "var(--comp)", "var(--f2)", "var(--f3)", "var(--f5)"];
function ladderFigure(series, levels, ylabel, unit, caption) {
  const xs = series.flatMap(s => s.points.map(q => q.x)),
        ys = [...series.flatMap(s => s.points.map(q => q.y)), ...levels.map(l => l.value)];
  const off = new Set(), x = [Math.min(...xs) / 1.3, Math.max(...xs) * 1.3],
        y = [Math.min(...ys) / 1.6, Math.max(...ys) * 1.8];
  const fig = figure(width => {
    const f = frame(width, {
      x,
      y,
      xkind: sizeAxis,
      xtext: bytes2,
      ytext: tick(""),
      xlabel: "working set, B",
      ylabel,
      label: caption
    });
    for (const l of levels) { // what was read off: the plateau of each level
      const from = Math.max(x[0], l.from), to = Math.min(x[1], l.to);
      f.body.append(
        svg("line", { class: "plateau", x1: f.x(from), x2: f.x(to), y1: f.y(l.value), y2: f.y(l.value) }));
      const text = `${l.level} ${scaled(l.value, unit)}`, px = f.x(from) + 2;
      label(f, text,
        [[px, f.y(l.value) - 6], [px, f.y(l.value) + 15], [px, f.y(l.value) - 19], [px, f.y(l.value) + 28]],
        {});
    }
    series.forEach((s, i) => {
      if (off.has(s.name)) return;
      f.body.append(svg("path", {
        d: line(s.points.map(q => [f.x(q.x), f.y(q.y)])),
        fill: "none",
        stroke: SERIES[i % 5],
        "stroke-width": 1.8
      }));
      for (const q of s.points) {
        if (known(q.lo) && known(q.hi))
          f.body.append(
            svg("line", { class: "whisker", x1: f.x(q.x), x2: f.x(q.x), y1: f.y(q.lo), y2: f.y(q.hi) }));
        f.body.append(mark(svg("circle", { cx: f.x(q.x), cy: f.y(q.y), r: 3.6, fill: SERIES[i % 5] }),
          `${s.name}\n${bytes2(q.x)}B: ${scaled(q.y, unit)} ${plusMinus(half(q.p))}\n${q.p.kernel}`));
      }
    });
    return f.root;
  }, caption);
  const at = name => series.findIndex(s => s.name === name);
  return [
    series.length > 1
      ? legend("Series", series.map(s => s.name), off, () => fig.redraw(), n => swatch(SERIES[at(n) % 5]))
      : null,
    fig
  ];
}
function plateaus(
  m, value) { // where each level's ceiling holds: from the capacity of the level before to its own
  const size = l => (m.ceilings.find(c => c.what === "capacity" && c.level === l) || {}).value;
  return LEVELS
    .map((level, i) => {
      const v = value(level), from = i ? size(LEVELS[i - 1]) : 0,
            to = level === "DRAM" ? Infinity : size(level);
      return known(v) && (known(from) || i === 0) && to
               ? { level, value: v, from: i ? Math.max(from, 1) : 1, to }
               : null;
    })
    .filter(Boolean);
}
function ladders(m) {
  const out = [], reads = m.points.filter(p => p.workload === "read" && !naive(p));
  const counts = [...new Set(reads.map(p => p.threads))].sort((a, b) => a - b);
  const read = counts
                 .map(t => ({
                   name: t ? `read, ${plural(t, "thread")}` : "read",
                   points: steps(reads.filter(p => p.threads === t), rateStep)
                 }))
                 .filter(s => s.points.length > 2);
  const most_ = counts[counts.length - 1],
        level = l => (
          m.ceilings.find(c => c.what === "bandwidth" && c.level === l && c.op === "read" &&
                               (c.threads || 0) === (most_ || 0)) ||
          {}).value;
  if (read.length)
    out.push(el("h3", {}, "Bandwidth by working set"),
      ...ladderFigure(read, plateaus(m, level), "B/s", "B/s",
        "Levels are read off these plateaus, not off the operating system's " +
          "tables. Dashed: the ceilings at the largest number of threads."));
  const chase = m.points.filter(p => p.workload === "chase" && p.params.chains === 1 && p.hops > 0);
  const kinds = [...new Set(chase.map(p => p.params.pages))]
                  .map(k => ({
                    name: ["default pages", "huge pages", "small pages"][k] || `pages ${k}`,
                    points: steps(chase.filter(p => p.params.pages === k), hopStep)
                  }))
                  .filter(s => s.points.length > 1);
  const latency = l => (
    best(m.ceilings.filter(c => c.what === "latency" && c.level === l && c.op === "chase"), c => -c.value) ||
    {}).value;
  if (kinds.length)
    out.push(el("h3", {}, "Latency of one dependent load"),
      ...ladderFigure(kinds, plateaus(m, latency), "s", "s",
        "A random cycle through the working set: no prefetcher can help. Dashed: the ceilings."));
  return out;
}

// ---- batch curves ----
// A verdict names the batch in its answer, "at batch 17 [13, 21]", and the sweep by its first point.
function crossover(m, g) {
  const keys = new Set(g.map(p => p.key)),
        v = m.verdicts.find(v => v.question === "crossover" && (v.evidence || []).some(e => keys.has(e)));
  const found = v && /at batch ([\d.e+]+)(?: \[([\d.e+]+), ([\d.e+]+)\])?/.exec(v.answer || "");
  return found ? { at: +found[1], lo: +found[2], hi: +found[3], answer: v.answer } : null;
}
function drawCrossover(f, c, x) {
  if (!(c.at > x[0] && c.at < x[1])) return;
  if (c.lo > 0 && c.hi > 0) {
    const [a, b] = [Math.max(x[0], c.lo), Math.min(x[1], c.hi)].map(f.x);
    f.body.prepend(svg(
      "rect", { class: "cross", x: a, width: Math.max(1, b - a), y: f.box.t, height: f.floor - f.box.t }));
  }
  const at = f.x(c.at), text = `compute-bound from ${bare(num(c.at))}`;
  f.body.append(
    mark(svg("line", { class: "ridge strong", x1: at, x2: at, y1: f.box.t, y2: f.floor }), c.answer));
  label(f, text, [[at + 4, f.box.t + 24], [at + 4, f.box.t + 38]], {}) ||
    label(f, text, [[at - 4, f.box.t + 24]], { end: true });
}
function batchFigure(m, g, group) {
  const B = g.map(p => p.params.batch), per = g.map(p => time(p) / p.params.batch), cross = crossover(m, g),
        last = B.length - 1;
  const top = Math.max(...per, ...g.map(p => (p.T_law_s || 0) / p.params.batch)) * 1.12,
        x = [B[0] / 1.6, B[last] * 1.6];
  const caption =
    `${pointName(g[0])} ${g[0].kernel} ${g[0].dtype}: time per item. Bars: the law's terms; dots: measured.`;
  return figure(width => {
    const f = frame(width, {
      x,
      y: [0, top],
      ykind: linearAxis,
      noxticks: true,
      ytext: tick("s"),
      xlabel: "batch",
      label: caption,
      height: Math.round(Math.max(220, width * .55))
    });
    const bar = Math.max(7, Math.min(30, (width - 90) / g.length * .55));
    g.forEach((p, i) => {
      let y = 0;
      f.root.append(
        svg("text", { class: "soft", x: f.x(B[i]), y: f.floor + 15, "text-anchor": "middle" }, B[i]));
      for (const [, k, c] of TERMS) {
        const v = k && p.terms_s ? (p.terms_s[k] || 0) / B[i] : 0;
        if (v > 0)
          f.body.append(svg("rect", {
            x: f.x(B[i]) - bar / 2,
            width: bar,
            y: f.y(y + v),
            height: Math.max(0, f.y(y) - f.y(y + v)),
            fill: `var(${c})`,
            opacity: .75
          }));
        y += v;
      }
      const t = stats(p), w = [t.ci_lo, t.ci_hi].map(s => f.y(s / B[i]));
      if (w.every(known))
        f.body.append(svg("line", { class: "whisker", x1: f.x(B[i]), x2: f.x(B[i]), y1: w[0], y2: w[1] }));
      f.body.append(
        mark(svg("circle", { cx: f.x(B[i]), cy: f.y(per[i]), r: 4.5, fill: "var(--ink)" }), describe(p)));
    });
    if (cross) drawCrossover(f, cross, x);
    return f.root;
  }, caption, group);
}
function batches(m, points) {
  const all = sweeps(points.filter(p => !naive(p))).filter(g => g.length > 2);
  if (!all.length) return null;
  const key = el("div", { class: "legend" },
    TERMS.filter(([, k]) => k).map(([n, , c]) => el("span", {}, swatch(`var(${c})`, true), n)));
  const small = roving(el("div", { class: "small", role: "group", "aria-label": "Batch curves" }), ".mark");
  small.append(...all.map(g => batchFigure(m, g, small)));
  return [key, small];
}

// ---- layers ----
const BOUND_COLOR = new Map([["compute", "var(--comp)"], ["memory", "var(--data)"], ["cache", "var(--f5)"]]);
const boundColor = p => BOUND_COLOR.get(p.bound) || "var(--lat)";
function layerFigure(m, g, name, total) {
  const flops = g.filter(p => p.intensity > 0 && p.flops_per_s > 0),
        bounds = [...new Set(g.map(p => p.bound).filter(Boolean))];
  const o = {...extent(flops.map(p => ({ p })), [m], g[0].dtype), several: false, dtype: g[0].dtype };
  const size = p => 3 + 12 * Math.sqrt(time(p) / total),
        key = bounds.map(b => el("span", {}, swatch(boundColor({ bound: b })), b));
  return [
    el("div", { class: "legend" }, key),
    figure(
      width => {
        const f = frame(width, {
          ...o,
          xlabel: "arithmetic intensity, FLOP/B",
          ylabel: "FLOP/s",
          ytext: tick(""),
          label: `Layers of ${name}`
        });
        f.later = [];
        roofs(f, [m], o);
        for (const p of flops)
          f.body.append(mark(svg("circle", {
            cx: f.x(p.intensity),
            cy: f.y(p.flops_per_s),
            r: size(p),
            fill: boundColor(p),
            "fill-opacity": .55
          }),
            `${word(p, "layer")}: ${percent(time(p) / total)} of the step\n` + describe(p)));
        for (const put of f.later) put();
        return f.root;
      },
      `${plural(g.length, "layer")}; area: share of the step's time; colour: what holds it.`)
  ];
}
function layerGroup(m, g) {
  const total = g.reduce((s, p) => s + time(p), 0),
        heavy = [...g].sort((a, b) => time(b) - time(a)).slice(0, 12);
  const name = layerName(g);
  const rows = heavy.map(
    p => [String(word(p, "layer")), scaled(time(p), "s"), percent(time(p) / total), rateOf(p),
      el("td", { class: "t" }, boundCell(p)), el("td", { class: "t" }, shareBar(p)), num(p.intensity)]);
  return [
    el("h3", { id: "layers-of", tabindex: "-1" }, name),
    g.some(p => p.intensity > 0 && p.flops_per_s > 0) && peaks(m).length ? layerFigure(m, g, name, total)
                                                                         : null,
    el("details", {}, el("summary", {}, "The layers that take longest"),
      table(
        ["layer", "T", "share of the step", "rate", "held by", "share of its time", "I"], rows, [0, 4, 5]))
  ];
}
const layerName = g => `${netLabel(g[0])} · ${g[0].kernel}`;
// One network at a time; m.showLayers(key) shows another and returns its heading.
function layers(m) {
  const groups = layerGroups(m), keys = [...groups.keys()];
  if (!keys.length) return null;
  const names = keys.map(
    (k, i) => layerName(groups.get(k)) +
              (i && layerName(groups.get(keys[i - 1])) === layerName(groups.get(k)) ? ` (${i})` : ""));
  const holder = el("div"),
        pick = chooser("Network", names, names[0], v => m.showLayers(keys[names.indexOf(v)]));
  m.showLayers = key => {
    holder.replaceChildren(...layerGroup(m, groups.get(key)).flat(Infinity).filter(Boolean));
    pick.querySelector("select").value = names[keys.indexOf(key)];
    return holder.querySelector("#layers-of");
  };
  m.showLayers(keys[0]);
  return [keys.length > 1 ? el("div", { class: "controls" }, pick) : null, holder];
}

// ---- residuals of the law ----
function residuals(points) {
  const in_ =
          points.filter(p => p.status === "ok" && known(p.T_law_s) && p.family !== "layer" && time(p) > 0),
        off = new Set();
  if (in_.length < 3) return [];
  const families = [...new Set(in_.map(p => p.family))], T = in_.map(time),
        error = p => p.T_law_s / time(p) - 1;
  const limit = Math.min(3, Math.max(.3, ...in_.map(p => Math.abs(error(p))))) * 1.08;
  const fig = figure(
    width => {
      const f = frame(width, {
        x: [Math.min(...T) / 1.5, Math.max(...T) * 1.5],
        y: [-Math.min(1.05, limit), limit],
        ykind: linearAxis,
        ytext: percent,
        xtext: tick("s"),
        xlabel: "measured T",
        ylabel: "law / measured − 1",
        label: "Residuals of the law"
      });
      f.body.append(svg("line", { class: "zero", x1: f.box.l, x2: f.edge, y1: f.y(0), y2: f.y(0) }));
      for (const p of in_)
        if (!off.has(p.family))
          f.body.append(mark(marker(0, f.x(time(p)), f.y(Math.max(-1, Math.min(limit, error(p)))), 3.8, {
            fill: naive(p) ? "var(--card)" : color(p.family),
            stroke: color(p.family),
            "fill-opacity": .8
          }),
            describe(p)));
      return f.root;
    },
    "Residuals of every point, slow kernels included: the law predicts what a " +
      "good kernel takes, so naive ones (rings) lie below the line.");
  return [legend("Families", families, off, () => fig.redraw(), n => swatch(color(n))), fig];
}

// ---- history: the same points over at least three runs of one device ----
function runsOf(machines) {
  const devices = new Map(), key = m => JSON.stringify([m.id, m.info.name]);
  for (const m of machines)
    if (!datasheet(m)) (devices.get(key(m)) || devices.set(key(m), []).get(key(m))).push(m);
  return [...devices.values()]
    .filter(r => r.length > 2)
    .map(r => [...r].sort((a, b) => started(a) < started(b) ? -1 : 1));
}
function historySeries(runs) {
  const series = new Map();
  runs.forEach((m, i) => own(m).forEach(p => {
    const key = [p.id, params(p), p.dtype, p.threads, p.cache].join(" ");
    if (p.status === "ok" && !naive(p) && time(p) > 0)
      (series.get(key) || series.set(key, []).get(key)).push({ i, p, m });
  }));
  return [...series.entries()].filter(([, s]) => s.length > 2).map(([key, s]) => {
    const sorted = s.map(x => time(x.p)).sort((a, b) => a - b),
          middle = sorted[Math.floor(sorted.length / 2)];
    return { key, family: s[0].p.family, s: s.map(x => ({...x, y: time(x.p) / middle })) };
  });
}
function history(machines) {
  return runsOf(machines).flatMap(runs => {
    const drawn = historySeries(runs), families = [...new Set(drawn.map(d => d.family))], off = new Set();
    if (!drawn.length) return [];
    const ys = drawn.flatMap(d => d.s.map(x => x.y)),
          unlike = new Set(runs.map(m => m.info.comparability_key)).size > 1;
    const fig = figure(
      width => {
        const f = frame(width, {
          x: [-.2, runs.length - .8],
          y: [Math.min(.9, ...ys) / 1.03, Math.max(1.1, ...ys) * 1.03],
          xkind: linearAxis,
          xtext: v => Number.isInteger(v) && runs[v] ? String(v + 1) : "",
          ytext: v => bare(v.toFixed(2)),
          xlabel: "run, in order of time",
          ylabel: "T / median over the runs",
          label: "History"
        });
        f.body.append(svg("line", { class: "zero", x1: f.box.l, x2: f.edge, y1: f.y(1), y2: f.y(1) }));
        for (const d of drawn.filter(d => !off.has(d.family))) {
          f.body.append(svg("path", {
            d: line(d.s.map(x => [f.x(x.i), f.y(x.y)])),
            fill: "none",
            stroke: color(d.family),
            "stroke-width": 1.2,
            opacity: .6
          }));
          for (const x of d.s)
            f.body.append(mark(marker(0, f.x(x.i), f.y(x.y), 3.2, { fill: color(d.family) }),
              `${d.key}\n` +
                `${scaled(time(x.p), "s")}: ${percent(x.y - 1)} against the median\n${
                  x.m.header.started || ""} ${x.m.env.git_revision || ""} (${x.m.file})`));
        }
        return f.root;
      },
      `${plural(drawn.length, "point")} over ${plural(runs.length, "run")}` +
        (unlike ? "; the runs are not all comparable: their machines or " +
                    "builds differ"
                : "") +
        ". Change points and their causes: ironroof history.");
    return [
      el("h3", {}, runs[0].info.name || runs[0].id),
      legend("Families", families, off, () => fig.redraw(), n => swatch(color(n))), fig
    ];
  });
}

// ---- two builds: a forest plot ----
const VERDICT_COLOR = new Map([
  ["REGRESSED", "var(--bad)"], ["IMPROVED", "var(--good)"], ["SAME", "var(--ink)"],
  ["NOT SLOWER", "var(--ink)"]
]);
const change = v => known(v) ? (v > 0 ? "+" : v < 0 ? "−" : "") + (100 * Math.abs(v)).toFixed(1) + " %" : "–";
function forestText(c) {
  return [
    c.point, `${c.verdict}${c.confirmed ? ", confirmed in fresh blocks" : ""}`,
    `change ${change(c.effect)} [${change(c.lo)}, ${change(c.hi)}]`,
    known(c.detectable) ? `detectable: ${percent(c.detectable)}` : "",
    known(c.old_s) ? `old build: ${scaled(c.old_s, "s")}` : "",
    known(c.blocks) ? plural(c.blocks, "block") : "", c.note || ""
  ].filter(Boolean)
    .join("\n");
}
function drawForest(rows, width, delta) {
  const ends = rows.flatMap(c => [c.lo, c.hi, c.effect]).filter(known),
        pad = Math.max(delta * 1.5, ...ends.map(Math.abs)) * 1.1, rowHeight = 34;
  const f = frame(width, {
    x: [-pad, pad],
    y: [0, 1],
    xkind: linearAxis,
    ykind: linearAxis,
    noyticks: true,
    xtext: change,
    left: 12,
    right: 12,
    xlabel: "change of the time, new against old",
    height: rows.length * rowHeight + 60,
    label: "Change of each point, with its interval"
  });
  f.body.append(svg("rect", {
    class: "cross",
    x: f.x(-delta),
    width: f.x(delta) - f.x(-delta),
    y: f.box.t,
    height: f.floor - f.box.t
  }),
    svg("line", { class: "zero", x1: f.x(0), x2: f.x(0), y1: f.box.t, y2: f.floor }));
  rows.forEach((c, i) => {
    const y = f.box.t + (i + .72) * rowHeight, ink = VERDICT_COLOR.get(c.verdict) || "var(--soft)";
    const name = fit(c.point, 12, f.edge - 40 - 1.15 * textWidth(c.verdict, 12));
    f.root.append(svg("text", { class: "roof", x: 16, y: y - 9 }, name),
      svg("text", { class: "roof", x: f.edge - 4, y: y - 9, "text-anchor": "end", style: "font-weight:600" },
        c.verdict));
    if (!known(c.effect)) return;
    const put = (x1, y1, x2, y2) =>
      f.body.append(svg("line", { x1, y1, x2, y2, stroke: ink, "stroke-width": 2 }));
    if (known(c.lo) && known(c.hi)) {
      put(f.x(c.lo), y, f.x(c.hi), y);
      for (const v of [c.lo, c.hi]) put(f.x(v), y - 4, f.x(v), y + 4);
    }
    f.body.append(mark(marker(1, f.x(c.effect), y, 5, { fill: ink }), forestText(c)));
  });
  return f.root;
}
function forest(comparisons) {
  const rows =
    comparisons.filter(c => typeof c.point === "string").sort((a, b) => (b.effect ?? -9) - (a.effect ?? -9));
  const some = rows.slice(0, 60), delta = Math.max(0, ...rows.map(c => c.threshold).filter(known)),
        counts = new Map();
  for (const c of rows) counts.set(c.verdict, (counts.get(c.verdict) || 0) + 1);
  return [
    el("p", { class: "lead" }, [...counts].map(([v, n]) => `${n} ${v}`).join(" · ")),
    figure(width => drawForest(some, width, delta),
      `Each line: the interval of a point's change; right of the shaded zone (±${
        percent(delta)}) is slower.` +
        (rows.length > some.length
            ? ` The ${some.length} largest of ${rows.length} changes; all are in the table.`
            : "")),
    el("details", {}, el("summary", {}, `All ${plural(rows.length, "comparison")}`),
      table(["point", "verdict", "change", "interval", "old", "blocks", "note"],
        rows.map(c => [c.point, c.verdict, change(c.effect), `${change(c.lo)} .. ${change(c.hi)}`,
                   scaled(c.old_s, "s"), String(c.blocks ?? ""), el("td", { class: "w" }, c.note || "")]),
        [0, 1, 6]))
  ];
}
