// roofline.js -- every machine of the page on one roofline: groups, families, dtypes and machines as
// switches; drag to zoom.
const MARGIN = 1.6;
const dtypesOf = (machines, points) => [...new Set([
  ...machines.flatMap(m => peaks(m).map(c => c.dtype)), ...points.map(q => q.p.dtype)
])].filter(Boolean);
const ridge = (m, peak) => {
  const b = bandwidth(m, "DRAM");
  return b ? peak.value / b.value : NaN;
};
// The peaks that are drawn: those of the chosen dtype; a machine that has none keeps its fastest.
function shownPeaks(m, dtype) {
  const all = peaks(m), some = all.filter(c => dtype === "all" || c.dtype === dtype);
  return some.length ? some : all.slice(0, 1);
}
function extent(points, machines, dtype) {
  const I = points.map(q => q.p.intensity).filter(v => v > 0),
        F = points.map(q => q.p.flops_per_s).filter(v => v > 0);
  const tops = machines.flatMap(m => shownPeaks(m, dtype).map(c => c.value)),
        rates = machines.map(m => bandwidth(m, "DRAM")).filter(Boolean);
  const ridges = machines.flatMap(m => shownPeaks(m, dtype).map(c => ridge(m, c))).filter(known);
  const x = [Math.min(.25, ...I) / MARGIN, Math.max(...ridges.map(r => r * 4), ...I, 4) * MARGIN];
  const low = Math.min(...F, ...rates.map(b => b.value * x[0] * 2));
  return { x, y: [low / MARGIN, Math.max(...F, ...tops) * 2.4] };
}
// ---- roofs ----
function memoryRoof(f, m, level, top, o) {
  const b = bandwidth(m, level), [x0, x1] = o.x;
  if (!b || !top) return;
  const from = Math.max(x0, o.y[0] / b.value), end = Math.min(x1, top.value / b.value);
  if (!(end > from)) return;
  const dram = level === "DRAM", dash = o.several ? DASHES[m.index % DASHES.length] : dram ? "none" : "5 4";
  const at = v => [f.x(v), f.y(b.value * v)], [a, z] = [at(from), at(end)],
        angle = Math.atan2(z[1] - a[1], z[0] - a[0]);
  f.body.append(svg("path", {
    d: line([a, z]),
    fill: "none",
    class: "roofline",
    stroke: o.several ? "var(--ink)" : "var(--data)",
    "stroke-width": dram ? 2 : 1.2,
    "stroke-dasharray": dash
  }));
  const text =
    o.several ? `${shortTitle(m)} ${scaled(b.value, "B/s")}` : `${level} ${scaled(b.value, "B/s")}`;
  const along = [.05, .15, .25, .35, .45, .55, .65].map(share => {
    const [x, y] = at(from * (end / from) ** share);
    return [x + 4 * Math.sin(angle), y - 4 * Math.cos(angle), angle];
  });
  f.later.push(() => label(f, text, along, {}));
}
function peakRoof(f, m, c, o) {
  const fastest =
    Math.max(0, ...(o.several ? ["DRAM"] : LEVELS).map(l => (bandwidth(m, l) || { value: 0 }).value));
  const from = fastest ? Math.max(o.x[0], c.value / fastest) : o.x[0], y = f.y(c.value),
        unit = flopUnit(c.dtype);
  if (from >= o.x[1]) return;
  f.body.append(svg("path", {
    d: line([[f.x(from), y], [f.x(o.x[1]), y]]),
    class: "roofline",
    fill: "none",
    stroke: o.several ? "var(--ink)" : "var(--comp)",
    "stroke-width": c.dtype === "f32" ? 2 : 1.2,
    "stroke-dasharray": o.several ? DASHES[m.index % DASHES.length] : "none"
  }));
  const text = `${o.several ? shortTitle(m) + " " : ""}${c.dtype} ${scaled(c.value, unit)}`, end = f.edge - 3;
  f.later.unshift(() => label(f, text, [[end, y - 4], [end, y + 14], [end - 130, y - 4], [end - 130, y + 14]],
                    { end: true }));
}
function shortTitle(m) { // machines of one name are told apart by their files
  const own_ = /\((.*)\)$/.exec(m.title), name = (own_ ? own_[1] : m.title).replace(/\.jsonl$/, "");
  return name.length > 20 ? name.slice(0, 19) + "…" : name;
}
function ridges(f, machines, o) { // where memory gives way to arithmetic, one a dtype
  for (const m of machines)
    for (const c of shownPeaks(m, o.dtype)) {
      const r = ridge(m, c);
      if (!(r > o.x[0] && r < o.x[1]) || c.value < o.y[0] || c.value > o.y[1]) continue;
      f.body.append(svg("line", { class: "ridge", x1: f.x(r), x2: f.x(r), y1: f.y(c.value), y2: f.floor }));
      const text = `ridge ${c.dtype} ${num(r)}`, x = f.x(r) + 4;
      f.later.push(
        () => label(f, text, [1, 2, 3, 4].map(i => [x, f.floor - 6 - 13 * (i - 1), 0]), { class: "soft" }));
    }
}
function roofs(f, machines, o) {
  for (const m of machines) {
    const shown = shownPeaks(m, o.dtype), top = shown[0];
    for (const level of o.several ? ["DRAM"] : LEVELS) memoryRoof(f, m, level, top, o);
    for (const c of shown) peakRoof(f, m, c, o);
  }
  ridges(f, machines, o);
}
// ---- marks ----
// What the law cannot explain of a point: from what was measured up to what its terms alone would give.
function gap(f, x, p) {
  const s = shares(p);
  if (!s || s.unexplained < .02 || s.unexplained > .995) return;
  const top = f.y(p.flops_per_s / (1 - s.unexplained)), bottom = f.y(p.flops_per_s);
  f.body.append(svg("rect", { class: "gap", x: x - 4, width: 8, y: top, height: Math.max(0, bottom - top) }));
}
function whisker(f, x, p) {
  const t = stats(p);
  if (!known(t.ci_lo) || !known(t.ci_hi) || !(t.ci_lo > 0)) return;
  const y = [t.ci_hi, t.ci_lo].map(s => f.y(p.flops_per_s * t.median / s)), cap = 3.5,
        put = (x1, y1, x2, y2) => f.body.append(svg("line", { class: "whisker", x1, y1, x2, y2 }));
  put(x, y[0], x, y[1]);
  for (const v of y) put(x - cap, v, x + cap, v);
}
function nameMark(f, x, y, text) {
  f.later.push(
    () => label(f, text, [[x + 9, y + 4, 0], [x + 9, y + 17, 0], [x + 9, y - 9, 0]], {}) ||
          label(f, text, [[x - 9, y + 4, 0], [x - 9, y + 17, 0], [x - 9, y - 9, 0], [x - 9, y + 30, 0]],
            { end: true }));
}
function drawPoint(f, q, o) {
  const { p, m, best } = q, x = p.intensity > 0 ? f.x(p.intensity) : f.edge - 6, y = f.y(p.flops_per_s),
                     c = color(p.family);
  const net = groupOf(p) === "Networks", layers = net && o.layers(m, p);
  if (net && !naive(p)) gap(f, x, p);
  if (!naive(p)) whisker(f, x, p);
  const text = describe(p, o.several ? m : null) + (layers ? "\nclick: its layers"
                                                     : net ? `\nlayers: ironroof run ${p.workload} --layers`
                                                           : "");
  f.body.append(mark(marker(m.index, x, y,
                       naive(p) ? 3
                       : net    ? 5.2
                                : 4,
                       {
                         fill: naive(p) ? "var(--card)" : c,
                         stroke: c,
                         "stroke-width": 1.4,
                         "fill-opacity": naive(p) ? 1 : .85
                       }),
    text, layers || null));
  if (best && f.width >= 480) nameMark(f, x, y, netName(p) + (o.several ? "" : ` ${p.dtype}`));
}
// ---- zoom ----
function zoomable(f, done) {
  let from = null, box = null;
  const at = e => {
    const r = f.root.getBoundingClientRect(), s = f.width / r.width,
          clamp = (v, a, b) => Math.max(a, Math.min(b, v));
    return [
      clamp((e.clientX - r.left) * s, f.box.l, f.edge), clamp((e.clientY - r.top) * s, f.box.t, f.floor)
    ];
  };
  f.root.addEventListener("pointerdown", e => {
    if (e.button === 0 && e.pointerType !== "touch") from = at(e);
  });
  f.root.addEventListener("pointermove", e => {
    if (!from) return;
    const to = at(e), w = Math.abs(to[0] - from[0]), h = Math.abs(to[1] - from[1]);
    if (!box && w < 8 && h < 8) return;
    if (!box) {
      f.root.setPointerCapture(e.pointerId);
      f.root.append(box = svg("rect", { class: "zoom" }));
      hide();
    }
    const r = { x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]), width: w, height: h };
    for (const k in r) box.setAttribute(k, r[k]);
  });
  const end = e => {
    if (box && from && e.type === "pointerup") {
      const to = at(e), xs = [from[0], to[0]].sort((a, b) => a - b),
            ys = [from[1], to[1]].sort((a, b) => b - a);
      if (xs[1] - xs[0] > 8 && ys[0] - ys[1] > 8) done({ x: xs.map(f.x.invert), y: ys.map(f.y.invert) });
    }
    if (box) box.remove();
    from = box = null;
  };
  f.root.addEventListener("pointerup", end);
  f.root.addEventListener("pointercancel", end);
  f.root.addEventListener("dblclick", () => done(null));
}
const scaleRange = ([a, b], s) => { // about its middle, on a logarithmic axis
  const mid = Math.sqrt(a * b), r = (b / a) ** (s / 2);
  return [mid / r, mid * r];
};
// ---- the section ----
function rooflinePoints(machines) {
  const out = [];
  for (const m of machines) {
    const first = new Set(networks(m).map(g => g[0]));
    for (const p of own(m))
      if (p.status === "ok" && p.family !== "layer" && p.flops_per_s > 0)
        out.push({ m, p, best: first.has(p) });
  }
  return out;
}
function roofline(all, layersOf) {
  const machines = all.filter(m => peaks(m).length && bandwidth(m, "DRAM")),
        points = rooflinePoints(machines);
  if (!machines.length) return null;
  const several = machines.length > 1, counted = g => points.filter(q => groupOf(q.p) === g).length;
  const groups = GROUPS.filter(counted), off = new Set(groups.slice(1)), familyOff = new Set(),
        machineOff = new Set(), switches = [...groups];
  if (points.some(q => naive(q.p))) {
    switches.push("Naive");
    off.add("Naive");
  }
  const dtypes = dtypesOf(machines, points);
  let dtype = several && machines.every(m => peaks(m).some(c => c.dtype === "f32")) ? "f32" : "all",
      zoom = null;
  const here = () => machines.filter(m => !machineOff.has(m.title));
  const inGroup = q => !off.has(groupOf(q.p)) && !(naive(q.p) && off.has("Naive"));
  const chosen = () =>
    points.filter(q => inGroup(q) && !machineOff.has(q.m.title) && (dtype === "all" || q.p.dtype === dtype));
  const draw = width => {
    const shown = chosen().filter(q => !familyOff.has(q.p.family)),
          o = {...(zoom || extent(chosen(), here(), dtype)), several, dtype, layers: layersOf };
    const f = frame(width, {
      ...o,
      label: "Roofline",
      xlabel: "arithmetic intensity, FLOP/B",
      ylabel: "FLOP/s",
      ytext: tick(""),
      height: Math.round(Math.max(320, Math.min(560, width * .56)))
    });
    f.later = []; // labels come last: those of roofs first, then names of points
    roofs(f, here(), o);
    for (const g of here().flatMap(m => sweeps(shown.filter(q => q.m === m).map(q => q.p))))
      f.body.append(svg("path", {
        d: line(g.filter(p => p.intensity > 0).map(p => [f.x(p.intensity), f.y(p.flops_per_s)])),
        fill: "none",
        stroke: color(g[0].family),
        "stroke-width": 1.3,
        opacity: .7
      }));
    for (const q of shown) drawPoint(f, q, o);
    for (const put of f.later) put();
    zoomable(f, z => {
      zoom = z;
      fig.redraw();
    });
    return f.root;
  };
  const fig = figure(
    draw, `${
            several ? "Shape and dash: the machine. "
                    : "Solid roof: DRAM; dashed: caches. "}Colour: the family; rings: naive kernels; ` +
            "whiskers: 95 % interval; shaded: what bytes, arithmetic and latency " +
            "do not explain. Drag to zoom, double-click to reset.");
  const families = el("div", {});
  const relist = () => {
    const names = [...new Set(chosen().map(q => q.p.family))];
    families.replaceChildren(...(
      names.length ? [legend("Families", names, familyOff, () => fig.redraw(), n => swatch(color(n)))] : []));
  };
  const again = () => {
    relist();
    fig.redraw();
  };
  const rescale = s => {
    const o = zoom || extent(chosen(), here(), dtype);
    zoom = { x: scaleRange(o.x, s), y: scaleRange(o.y, s) };
    fig.redraw();
  };
  const zoomBar = roving(el("span", { class: "zoombar", role: "toolbar", "aria-label": "Zoom" },
                           button("+", { "aria-label": "Zoom in" }, () => rescale(.7)),
                           button("−", { "aria-label": "Zoom out" }, () => rescale(1 / .7)),
                           button("Reset zoom", {},
                             () => {
                               zoom = null;
                               fig.redraw();
                             })),
    "button");
  relist();
  return [
    el("div", { class: "controls" }, switches.length > 1 ? legend("Show", switches, off, again) : null,
      dtypes.length > 1 ? chooser("Type", ["all", ...dtypes], dtype,
                            v => {
                              dtype = v;
                              zoom = null;
                              again();
                            })
                        : null,
      zoomBar),
    several ? legend("Machines", machines.map(m => m.title), machineOff, again,
                n => shapeSwatch(machines.find(m => m.title === n).index))
            : null,
    families, fig
  ];
}
