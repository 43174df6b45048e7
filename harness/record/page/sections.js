// sections.js -- from records to sections of the page. A section without data is left out, never empty.
function readRecords() {
  const machines = [];
  for (const s of document.querySelectorAll("script.record")) {
    const lines = s.textContent.trim().split("\n").map(t => JSON.parse(t)), head = lines.find(l => l.record === "header") || {};
    const of = id => {
      let m = machines.find(m => m.file === s.dataset.name && m.id === id);
      if (!m) machines.push(m = { file: s.dataset.name, id, header: head, info: {}, env: {}, ceilings: [], points: [], fits: [], verdicts: [] });
      return m;
    };
    for (const l of lines) {
      if (l.record === "machine") Object.assign(of(l.device), { info: l, env: l.env || {} });
      else if (l.record === "ceiling") of(l.device).ceilings.push(l);
      else if (l.record === "point") of(l.device).points.push(l);
      else if (l.record === "fit") of(l.device).fits.push(l);
      else if (l.record === "verdict") of(l.device || (machines[0] || {}).id || "").verdicts.push(l);
    }
  }
  return machines.filter(m => m.points.length || m.ceilings.length || m.verdicts.length);
}

const LEVELS = ["L1", "L2", "L3", "DRAM"], LATENCY_OPS = ["chase"];
const time = p => p.status === "ok" ? ((p.dev_time_s || p.time_s || {}).median) : NaN;
const own = m => m.points.filter(p => !p.for_ceiling);
const best = (list, value) => list.reduce((a, b) => !a || value(b) > value(a) ? b : a, null);
const most = m => Math.max(0, ...m.ceilings.map(c => c.threads || 0));
function bandwidth(m, level) { // what a read of the level gives at the full thread count
  const all = m.ceilings.filter(c => c.what === "bandwidth" && c.level === level && c.threads === most(m) && c.read_frac !== null);
  return all.find(c => c.op === "read") || best(all, c => c.value);
}
const peaks = m => m.ceilings.filter(c => c.what === "flops" && c.threads === most(m));
const word = (p, k) => (p.param_words && p.param_words[k]) || p.params[k];
const params = p => Object.keys(p.params || {}).map(k => `${k}=${word(p, k)}`).join(" ");
const rateOf = p => p.flops > 0 && p.intensity > 1 ? scaled(p.flops_per_s, p.dtype === "i8" ? "OP/s" : "FLOP/s") : p.bytes > 0 ? scaled(p.bytes_per_s, "B/s") : p.flops > 0 ? scaled(p.flops_per_s, "FLOP/s") : "–";
function describe(p) {
  const t = p.dev_time_s || p.time_s || {}, s = p.terms_s || {}, T = time(p), share = x => known(x) ? percent(x / T) : "–";
  return `${p.id}\n${params(p)}\n${p.dtype}, ${p.threads || "device"} thread${p.threads === 1 ? "" : "s"}, ${p.cache}\n` +
    `T ${scaled(T, "s")} [${scaled(t.ci_lo, "s")}, ${scaled(t.ci_hi, "s")}]\n${rateOf(p)}, I ${num(p.intensity)} FLOP/B` + (p.level ? `, ${p.level}` : "") +
    `\nbound: ${p.bound || "–"}` + (known(p.bound_p) ? ` (P ${p.bound_p.toFixed(2)})` : "") + `\ndata ${share(s.data)}, compute ${share(s.compute)}, latency ${share(s.latency)}` +
    `\nMFU ${percent(p.mfu)}, MBU ${percent(p.mbu)}, eta ${num(p.eta)}` + (p.flags && p.flags.length ? `\nflags: ${p.flags.join(", ")}` : "") + (p.why ? `\n${p.why}` : "");
}

const sections = [];
function section(id, title, ...body) {
  sections.push([id, title]);
  return el("section", { id }, el("h2", {}, title), ...body);
}

// ---- roofline ---------------------------------------------------------------------------------------------
function roofs(f, m, opts) {
  const top = best(peaks(m), c => c.value), [x0, x1] = opts.x, used = [];
  const label = (x, y, text, o) => { // a label keeps away from those before it
    while (used.some(([a, b]) => Math.abs(a - x) < 90 && Math.abs(b - y) < 13)) y -= 13;
    used.push([x, y]);
    f.root.append(svg("text", { class: "roof", x, y, ...o }, text));
  };
  for (const level of LEVELS) {
    const b = bandwidth(m, level);
    if (!b || !top) continue;
    const ridge = Math.min(x1, top.value / b.value), end = Math.max(x0, ridge), from = Math.max(x0, opts.y[0] / b.value);
    f.root.append(svg("path", { d: path([[f.x(from), f.y(b.value * from)], [f.x(end), f.y(b.value * end)]]), fill: "none", stroke: "var(--data)", "stroke-width": level === "DRAM" ? 2 : 1.2, "stroke-dasharray": level === "DRAM" ? "none" : "5 4" }));
    if (opts.bare) continue; // along its roof, staggered so that neighbours do not touch
    const at = from * Math.pow(end / from, .12 + .13 * LEVELS.indexOf(level)), px = f.x(at), py = f.y(b.value * at);
    const angle = Math.atan2(f.y(b.value * end) - f.y(b.value * from), f.x(end) - f.x(from)) * 180 / Math.PI;
    f.root.append(svg("text", { class: "roof", transform: `translate(${px.toFixed(1)} ${(py - 4).toFixed(1)}) rotate(${angle.toFixed(1)})`, style: f.width < 480 ? "font-size:10px" : "" }, `${level} ${scaled(b.value, "B/s")}`));
  }
  const mem = bandwidth(m, "DRAM");
  for (const c of peaks(m).sort((a, b) => b.value - a.value)) {
    const fastest = LEVELS.map(l => bandwidth(m, l)).filter(Boolean).reduce((a, b) => Math.max(a, b.value), 0);
    const from = fastest ? Math.max(x0, c.value / fastest) : x0;
    f.root.append(svg("path", { d: path([[f.x(from), f.y(c.value)], [f.x(x1), f.y(c.value)]]), stroke: "var(--comp)", "stroke-width": c.dtype === "f32" ? 2 : 1.2 }));
    label(f.width - f.box.r - 3, f.y(c.value) - 4, `${c.dtype} ${scaled(c.value, c.dtype === "i8" ? "OP/s" : "FLOP/s")}`, { "text-anchor": "end" });
  }
  return mem;
}
function span(points, m) {
  const I = points.map(p => p.intensity).filter(v => v > 0), F = points.map(p => p.flops_per_s).filter(v => v > 0), pk = peaks(m).map(c => c.value), b = bandwidth(m, "DRAM");
  const ridge = b && pk.length ? Math.max(...pk) / b.value : 10;
  const x = [Math.min(.1, ...I) / 1.5, Math.max(ridge * 4, ...I) * 1.5];
  return { x, y: [Math.min(...F, ...(b ? [b.value * x[0] * 1.5] : [])) / 1.6, Math.max(...F, ...pk) * 2.2] };
}
function trajectories(points) { // same question, growing batch
  const groups = new Map();
  for (const p of points) {
    if (!known(p.params.batch) || p.params.batch < 1) continue;
    const key = [p.id, p.dtype, p.threads, p.cache, ...Object.keys(p.params).filter(k => k !== "batch").map(k => k + p.params[k])].join("|");
    (groups.get(key) || groups.set(key, []).get(key)).push(p);
  }
  return [...groups.values()].map(g => g.sort((a, b) => a.params.batch - b.params.batch)).filter(g => g.length > 1);
}
function roofline(m, points, naive) {
  const families = [...new Set(points.map(p => p.family))], off = new Set(), withBytes = points.filter(p => p.intensity > 0), o = span(withBytes, m);
  const draw = width => {
    const f = frame(width, { ...o, label: "Roofline", xlabel: "arithmetic intensity, FLOP/B", ylabel: "FLOP/s", ytext: tick(""), height: Math.round(Math.max(300, Math.min(520, width * .6))) });
    roofs(f, m, o);
    for (const g of trajectories(withBytes)) {
      if (off.has(g[0].family)) continue;
      f.root.append(svg("path", { d: path(g.map(p => [f.x(p.intensity), f.y(p.flops_per_s)])), fill: "none", stroke: color(families.indexOf(g[0].family)), "stroke-width": 1.3, opacity: .7 }));
    }
    for (const p of points) {
      if (off.has(p.family) || !(p.flops_per_s > 0)) continue;
      const i = families.indexOf(p.family), low = (p.kflags || []).includes("naive"), px = p.intensity > 0 ? f.x(p.intensity) : f.width - f.box.r;
      f.root.append(hover(marker(i, px, f.y(p.flops_per_s), low ? 3 : 4.6, { fill: low ? "none" : color(i), stroke: color(i), "stroke-width": 1.4, "fill-opacity": .8 }), describe(p)));
    }
    return f.root;
  };
  const fig = figure(draw, "Filled: contenders; rings: naive rungs of the ladder. Lines join one kernel's growing batch; points on the right edge move no counted bytes. Solid roof: DRAM; dashed: caches.");
  return [legend(families, off, () => fig.redraw()), fig];
}

// ---- ladders ---------------------------------------------------------------------------------------------------
function ladder(points, value, threads) {
  const by = new Map();
  for (const p of points) {
    if (p.status !== "ok" || (threads && p.threads !== threads) || !(p.params.bytes > 0)) continue;
    const v = value(p), k = p.params.bytes;
    if (known(v) && (!by.has(k) || v > by.get(k).v)) by.set(k, { v, p });
  }
  return [...by.entries()].sort((a, b) => a[0] - b[0]);
}
function ladderFigure(series, ylabel, unit, caption) {
  const xs = series.flatMap(s => s.points.map(([x]) => x)), ys = series.flatMap(s => s.points.map(([, q]) => q.v));
  const fig = figure(width => {
    const f = frame(width, { x: [Math.min(...xs) / 1.2, Math.max(...xs) * 1.2], y: [Math.min(...ys) / 1.5, Math.max(...ys) * 1.6], xkind: sizeAxis, xtext: bytes2, ytext: tick(""), xlabel: "working set, B", ylabel, label: caption });
    series.forEach((s, i) => {
      f.root.append(svg("path", { d: path(s.points.map(([x, q]) => [f.x(x), f.y(q.v)])), fill: "none", stroke: color(i), "stroke-width": 1.8 }));
      for (const [x, q] of s.points) f.root.append(hover(svg("circle", { cx: f.x(x), cy: f.y(q.v), r: 3.6, fill: color(i) }), `${s.name}\n${bytes2(x)}B: ${scaled(q.v, unit)}\n${q.p.kernel}`));
    });
    return f.root;
  }, caption);
  return [legend(series.map(s => s.name), new Set(), () => 0), fig];
}
function ladders(m) {
  const out = [], reads = m.points.filter(p => p.workload === "read" && !(p.kflags || []).includes("naive")), counts = [...new Set(reads.map(p => p.threads))].sort((a, b) => a - b);
  const read = counts.map(t => ({ name: t ? `read, ${t} thread${t > 1 ? "s" : ""}` : "read", points: ladder(reads, p => p.bytes_per_s, t) })).filter(s => s.points.length > 2);
  if (read.length) out.push(el("h3", {}, "Bandwidth by working set"), ...ladderFigure(read, "B/s", "B/s", "Levels are read off these plateaus, not off the operating system's tables."));
  const chase = m.points.filter(p => p.workload === "chase" && p.params.chains === 1 && p.hops > 0);
  const kinds = [...new Set(chase.map(p => p.params.pages))].map(k => ({ name: ["default pages", "huge pages", "small pages"][k] || `pages ${k}`, points: ladder(chase.filter(p => p.params.pages === k), p => time(p) / p.hops) })).filter(s => s.points.length > 1);
  if (kinds.length) out.push(el("h3", {}, "Latency of one dependent load"), ...ladderFigure(kinds, "s", "s", "A random cycle through the working set: no prefetcher can help."));
  return out;
}

// ---- batch curves ----------------------------------------------------------------------------------------------
function batchFigure(g) {
  const B = g.map(p => p.params.batch), per = g.map(p => time(p) / p.params.batch), top = Math.max(...per, ...g.map(p => (p.T_law_s || 0) / p.params.batch)) * 1.12, w = g[0];
  const caption = `${w.id} ${w.dtype}: time per item. Bars: the law's terms; dots: measured.`;
  return figure(width => {
    const f = frame(width, { x: [Math.min(...B) / 1.6, Math.max(...B) * 1.6], y: [0, top], ykind: linearAxis, ytext: tick("s"), xlabel: "batch", height: Math.round(Math.max(200, width * .55)), label: caption });
    f.root.querySelectorAll("text.soft").forEach(t => { if (+t.getAttribute("y") === f.height - f.box.b + 15) t.remove(); });
    f.root.querySelectorAll("line.grid").forEach(l => { if (l.getAttribute("x1") === l.getAttribute("x2")) l.remove(); });
    const bar = Math.max(7, Math.min(30, (width - 90) / g.length * .55));
    g.forEach((p, i) => {
      let y = 0;
      f.root.append(svg("text", { class: "soft", x: f.x(B[i]), y: f.height - f.box.b + 15, "text-anchor": "middle" }, B[i]));
      for (const [k, c] of [["data", "--data"], ["compute", "--comp"], ["latency", "--lat"]]) {
        const v = ((p.terms_s || {})[k] || 0) / B[i];
        if (v > 0) f.root.append(svg("rect", { x: f.x(B[i]) - bar / 2, width: bar, y: f.y(y + v), height: Math.max(0, f.y(y) - f.y(y + v)), fill: `var(${c})`, opacity: .75 }));
        y += v;
      }
      f.root.append(hover(svg("circle", { cx: f.x(B[i]), cy: f.y(per[i]), r: 4.5, fill: "var(--ink)" }), describe(p)));
    });
    return f.root;
  }, caption);
}
function batches(points) {
  const all = trajectories(points.filter(p => !(p.kflags || []).includes("naive"))).filter(g => g.length > 2);
  if (!all.length) return null;
  const key = el("div", { class: "legend" }, [["data", "--data"], ["compute", "--comp"], ["latency", "--lat"]].map(([n, c]) => el("span", {}, el("span", { class: "swatch square", style: `background:var(${c})` }), " " + n)));
  return [key, el("div", { class: "small" }, all.map(batchFigure))];
}

// ---- layers -------------------------------------------------------------------------------------------------------
function layers(m, points) {
  const groups = new Map(), out = [];
  for (const p of points.filter(p => p.family === "layer" && p.status === "ok")) {
    const key = [p.id, p.dtype, p.threads, ...Object.keys(p.params).filter(k => k !== "layer").map(k => `${k}=${word(p, k)}`)].join(" ");
    (groups.get(key) || groups.set(key, []).get(key)).push(p);
  }
  for (const [name, g] of groups) {
    const flops = g.filter(p => p.intensity > 0 && p.flops_per_s > 0), total = g.reduce((s, p) => s + time(p), 0), bounds = [...new Set(g.map(p => p.bound))];
    if (!flops.length) continue;
    const o = span(flops, m);
    out.push(el("h3", {}, name), figure(width => {
      const f = frame(width, { ...o, xlabel: "arithmetic intensity, FLOP/B", ylabel: "FLOP/s", ytext: tick(""), label: `Layers of ${name}` });
      roofs(f, m, { ...o, bare: width < 480 });
      for (const p of flops) f.root.append(hover(svg("circle", { cx: f.x(p.intensity), cy: f.y(p.flops_per_s), r: 3 + 12 * Math.sqrt(time(p) / total), fill: p.bound === "compute" ? "var(--comp)" : p.bound === "latency" || p.bound === "mixed" ? "var(--lat)" : "var(--data)", "fill-opacity": .55 }), `${word(p, "layer")}: ${percent(time(p) / total)} of the step\n` + describe(p)));
      return f.root;
    }, `${g.length} layers; area: share of the step's time; colour: bound (${bounds.join(", ")}).`));
    const heavy = [...g].sort((a, b) => time(b) - time(a)).slice(0, 12);
    out.push(el("details", {}, el("summary", {}, "The layers that take longest"), table(["layer", "T", "share", "rate", "I", "bound", "MFU", "MBU"], heavy.map(p => [String(word(p, "layer")), scaled(time(p), "s"), percent(time(p) / total), rateOf(p), num(p.intensity), p.bound, percent(p.mfu), percent(p.mbu)]), [0])));
  }
  return out;
}

// ---- law ------------------------------------------------------------------------------------------------------------
function coefficient(c, unit) {
  if (!c || c.how === "unidentified" || !known(c.value)) return "unidentified";
  return `${unit ? scaled(c.value, unit) : num(c.value)} [${unit ? scaled(c.lo, unit) : num(c.lo)}, ${unit ? scaled(c.hi, unit) : num(c.hi)}]`;
}
function law(m, points) {
  if (!m.fits.length) return null;
  const better = [...m.fits].sort((a, b) => (a.lofo_median ?? 9) - (b.lofo_median ?? 9))[0], in_ = points.filter(p => p.status === "ok" && known(p.T_law_s) && p.family !== "layer");
  const rows = [["BW (DRAM reads)", f => coefficient(f.BW, "B/s")], ["eta", f => coefficient(f.eta, "")], ["L_lat", f => coefficient(f.L_lat, "s")], ["R_peak", f => scaled(f.R_peak, "FLOP/s")],
    ["error of its points", f => `${percent(f.err_median)} median, ${percent(f.err_p90)} p90`], ["families left out", f => `${percent(f.lofo_median)} median, ${percent(f.lofo_p90)} p90`], ["classic roofline", f => known(f.roof_median) ? `${percent(f.roof_median)} median, ${percent(f.roof_p90)} p90` : "unknown"], ["condition", f => num(f.cond)], ["points, families", f => `${f.n}, ${f.families}`]];
  const out = [table(["", ...m.fits.map(f => f.form + (f === better ? " (better)" : ""))], rows.map(([n, v]) => [n, ...m.fits.map(v)]), [0]), el("p", { class: "note" }, "additive: T = D_vol/BW + O/(R_peak·eta) + L_lat; overlapped: T = max(D_vol/BW, O/(R_peak·eta)) + L_lat. Intervals: 95 %. Better: predicts families that it has not seen with the smaller error, median and p90 together.")];
  if (in_.length < 3) return out;
  const families = [...new Set(in_.map(p => p.family))], off = new Set(), T = in_.map(time), limit = Math.min(3, Math.max(.3, ...in_.map(p => Math.abs(p.T_law_s / time(p) - 1)))) * 1.08;
  const fig = figure(width => {
    const f = frame(width, { x: [Math.min(...T) / 1.5, Math.max(...T) * 1.5], y: [-Math.min(1, limit), limit], ykind: linearAxis, ytext: percent, xtext: tick("s"), xlabel: "measured T", ylabel: "law / measured − 1", label: "Residuals" });
    f.root.append(svg("line", { class: "axis", x1: f.box.l, x2: f.width - f.box.r, y1: f.y(0), y2: f.y(0), "stroke-width": 2 }));
    for (const p of in_) if (!off.has(p.family)) f.root.append(hover(marker(families.indexOf(p.family), f.x(time(p)), f.y(Math.max(-1, Math.min(limit, p.T_law_s / time(p) - 1))), 3.8, { fill: color(families.indexOf(p.family)), "fill-opacity": .75 }), describe(p)));
    return f.root;
  }, "Residuals of every point, slow kernels included: the law predicts what a good kernel takes, so naive ones lie below the line.");
  return [...out, legend(families, off, () => fig.redraw()), fig];
}

// ---- words and tables ------------------------------------------------------------------------------------------------
function card(value, what) { return known(value[0]) ? el("div", { class: "card" }, el("b", {}, scaled(...value)), el("span", {}, what)) : null; }
function cards(m) {
  const n = most(m), b = bandwidth(m, "DRAM"), c = (what, f) => m.ceilings.filter(x => x.what === what).find(f) || {}, suffix = n ? `, ${n} thread${n > 1 ? "s" : ""}` : "";
  const copy = c("bandwidth", x => x.level === "DRAM" && x.op === "copy" && x.threads === n), f32 = peaks(m).find(x => x.dtype === "f32") || {}, lat = c("latency", x => x.level === "DRAM" && LATENCY_OPS.includes(x.op));
  return el("div", { class: "cards" }, card([b && b.value, "B/s"], "DRAM read" + suffix), card([copy.value, "B/s"], "DRAM copy" + suffix), ...peaks(m).map(x => card([x.value, x.dtype === "i8" ? "OP/s" : "FLOP/s"], `peak ${x.dtype}` + (known(x.theory) ? `, ${percent(x.value / x.theory)} of clock × width × ports` : ""))),
    card([b && f32.value / b.value, "FLOP/B"], "ridge, f32"), card([lat.value, "s"], "DRAM latency"), card([c("launch", x => x.threads === n).value, "s"], "launch"), card([c("clock", () => true).value, "Hz"], "running clock"));
}
function ceilingRows(m) {
  const cert = c => (c.certificates || []).map(x => `${x.axis} ${x.known === false ? "?" : x.saturated ? "✓" : "↑" + percent(x.gain)}`).join(", ");
  const unit = c => c.what === "bandwidth" ? "B/s" : c.what === "flops" ? (c.dtype === "i8" ? "OP/s" : "FLOP/s") : c.what === "clock" ? "Hz" : c.what === "overlap" ? "" : c.op === "mlp" ? "lines" : "s";
  return m.ceilings.map(c => [c.what, c.level || "", c.op || "", c.dtype || "", String(c.threads || ""), scaled(c.value, unit(c)), known(c.lo) ? `${scaled(c.lo, unit(c))} .. ${scaled(c.hi, unit(c))}` : "–", c.kernel || "", cert(c), c.why || c.source]);
}
function verdictCounts(points) {
  const kinds = ["memory", "cache", "compute", "latency", "mixed"], families = [...new Set(points.map(p => p.family))];
  const rows = families.map(f => [f, ...kinds.map(k => points.filter(p => p.family === f && p.bound === k && p.status === "ok").length || "")]).filter(r => r.slice(1).some(Boolean));
  return table(["family", ...kinds], rows.map(r => r.map(String)), [0]);
}
function pointTable(points) {
  const cell = p => el("td", { class: "t" }, el("span", { class: "bound " + (p.bound || "") }, p.bound || p.status), p.proof ? el("span", { class: "proof " + p.proof, title: "by intervention: " + p.proof }, p.proof === "contradicted" || p.proof === "corrected" ? " " + p.proof : p.proof === "confirmed" ? " ✓" : " ?") : null);
  return table(["point", "shape", "dtype", "threads", "T", "95 %", "rate", "I", "bound", "P", "eta", "MFU", "MBU", "flags"], points.map(p => {
    const t = p.dev_time_s || p.time_s || {}, half = known(t.ci_hi) ? .5 * (t.ci_hi - t.ci_lo) / t.median : NaN;
    return p.status === "ok" ? [p.id, params(p), p.dtype, String(p.threads || ""), scaled(time(p), "s"), known(half) ? "±" + percent(half) : "–", rateOf(p), num(p.intensity), cell(p), known(p.bound_p) ? p.bound_p.toFixed(2) : "–", num(p.eta), percent(p.mfu), percent(p.mbu), (p.flags || []).filter(f => f !== "within-run").join(" ")]
      : [p.id, params(p), p.dtype, String(p.threads || ""), el("td", { class: "w", colspan: 10 }, `${p.status}: ${p.why || ""}`)];
  }), [0, 1, 8, 13]);
}
function proofs(m) {
  const all = m.verdicts.filter(v => v.question === "prove"), twins = m.verdicts.filter(v => v.question === "prove twin");
  if (!all.length) return null;
  const span = x => `${x.value.toFixed(2)} [${[x.lo, x.hi].map(v => known(v) ? v.toFixed(2) : "–").join(", ")}]`;
  const e = x => !x ? "–" : x.how === "nil" ? "0: too small" : x.how === "tangled" ? "not told apart" : known(x.value) ? span(x) : "not changed";
  const key = v => (v.evidence || [])[0] || "", mark = { confirmed: "✓ ", contradicted: "✗ ", agrees: "✓ ", disagrees: "✗ " };
  const word = v => (mark[v.verdict] || "? ") + v.verdict, x = v => known(v) ? "×" + v.toFixed(2) : "–", list = all.flatMap(v => {
    const c = v.elasticity || {}, head = [el("b", {}, key(v)), `${v.label || ""}${known(v.p) ? ` (P ${v.p.toFixed(2)})` : ""}`, word(v) + (v.corrected ? `, now ${v.corrected}` : ""), e(c.data), e(c.compute), e(c.latency), ""];
    return [head, ...twins.filter(w => key(w) === key(v)).map(w => { const r = w.terms_ratio || {}, own = Object.entries(w.elasticity || {})[0]; return ["· " + (w.twin || ""), w.T_ratio ? (own ? `dlnT/dln(${own[0]}) ${span(own[1])}` : "") : el("td", { class: "w" }, w.answer || ""), word(w), x(r.data), x(r.compute), x(r.latency), w.T_ratio ? span(w.T_ratio) : "–"]; })];
  });
  return [el("p", {}, "A point in bold: its label, and the elasticity of its time to each term of the law, with 95 % interval. Under it the twins: by how much each changes the terms, what the time did, and the elasticity to the term it changes most."),
    table(["point or twin", "label", "outcome", "data", "compute", "latency", "T"], list, [0, 1, 2])];
}
function environment(m) {
  const shown = Object.entries(m.env).filter(([, v]) => v !== null && v !== "");
  const quote = a => /^[\w@%+=:,./-]+$/.test(a) ? a : "'" + a.replace(/'/g, "'\\''") + "'";
  return [el("p", {}, "Measured with"), el("pre", {}, (m.header.argv || []).map((a, i) => i ? quote(a) : a.replace(/.*\//, "")).join(" ")), el("p", { class: "note" }, `${m.header.tool || ""} ${m.header.version || ""}, started ${m.header.started || "?"}, cost model ${m.header.cost_model || "?"}, comparability key ${m.info.comparability_key || "?"}`),
    el("details", {}, el("summary", {}, `${shown.length} facts about the machine and the build`), table(["field", "value"], shown.map(([k, v]) => [k, el("td", { class: "w" }, String(v))]), [0, 1]))];
}

function machineSections(m, prefix, name) {
  const points = own(m), plain = points.filter(p => p.status === "ok" && p.family !== "layer"), bad = points.filter(p => p.status !== "ok" && p.status !== "skip"), summary = m.verdicts.find(v => v.question === "summary"), t = s => name ? `${s}: ${name}` : s, out = [];
  out.push(section(prefix + "machine", t("Machine"), el("p", { class: "lead" }, el("b", {}, m.info.name || m.id), ` · ${[m.info.cores && `${m.info.cores} cores`, m.env.os, m.env.kernel, m.env.virtualised && m.env.virtualised !== "no" && `virtualised: ${m.env.virtualised}`, m.info.driver].filter(Boolean).join(" · ")}`),
    summary ? el("p", { class: "lead" }, summary.answer) : null, cards(m), bad.length ? el("p", { class: "bad" }, `${bad.length} point${bad.length > 1 ? "s" : ""} failed: see the table of points.`) : null));
  const drawn = plain.filter(p => p.flops_per_s > 0);
  if (drawn.length && peaks(m).length && bandwidth(m, "DRAM")) out.push(section(prefix + "roofline", t("Roofline"), ...roofline(m, drawn)));
  const lad = ladders(m);
  if (lad.length) out.push(section(prefix + "ladders", t("Ladders"), ...lad));
  const bat = batches(plain);
  if (bat) out.push(section(prefix + "batch", t("Batch sweeps"), ...bat));
  const lay = layers(m, points);
  if (lay.length) out.push(section(prefix + "layers", t("Layers"), ...lay));
  const l = law(m, plain);
  if (l) out.push(section(prefix + "law", t("The Iron Law"), ...l));
  const proof = proofs(m);
  if (proof) out.push(section(prefix + "proof", t("Proof by intervention"), ...proof));
  const answers = m.verdicts.filter(v => !["summary", "prove", "prove twin"].includes(v.question));
  if (plain.length || answers.length) out.push(section(prefix + "verdicts", t("Verdicts and claims"), plain.length ? verdictCounts(plain) : null, answers.length ? table(["question", "verdict", "P", "answer"], answers.map(v => [v.question, v.verdict || "", known(v.p) ? v.p.toFixed(2) : "–", el("td", { class: "w" }, v.answer || "")]), [0, 1, 3]) : null));
  if (m.ceilings.length) out.push(section(prefix + "ceilings", t("Ceilings"), el("details", {}, el("summary", {}, `${m.ceilings.length} ceilings with intervals and saturation`), table(["what", "level", "op", "dtype", "threads", "value", "95 %", "kernel", "last doubling", "source"], ceilingRows(m), [0, 1, 2, 3, 7, 8, 9]))));
  if (points.length) out.push(section(prefix + "points", t("Points"), el("details", {}, el("summary", {}, `All ${points.length} points`), pointTable(points))));
  out.push(section(prefix + "environment", t("Environment"), ...environment(m)));
  return out;
}
function overlay(machines) {
  const named = machines.map(m => m.info.name ? `${m.info.name} (${m.file})` : m.file), off = new Set(), with_ = machines.filter(m => peaks(m).length && bandwidth(m, "DRAM"));
  if (with_.length < 2) return null;
  const P = m => (peaks(m).find(c => c.dtype === "f32") || best(peaks(m), c => c.value)).value, B = m => bandwidth(m, "DRAM").value, x = [.05, Math.max(...with_.map(m => P(m) / B(m))) * 8];
  const fig = figure(width => {
    const f = frame(width, { x, y: [Math.min(...with_.map(m => B(m) * x[0])), Math.max(...with_.map(P)) * 2], xlabel: "arithmetic intensity, FLOP/B", ylabel: "FLOP/s", ytext: tick(""), label: "Rooflines overlaid" });
    machines.forEach((m, i) => {
      if (off.has(named[i]) || !with_.includes(m)) return;
      const r = P(m) / B(m);
      f.root.append(hover(svg("path", { d: path([[f.x(x[0]), f.y(B(m) * x[0])], [f.x(r), f.y(P(m))], [f.x(x[1]), f.y(P(m))]]), fill: "none", stroke: color(i), "stroke-width": 2.4 }), `${named[i]}\nDRAM ${scaled(B(m), "B/s")}, peak ${scaled(P(m), "FLOP/s")}, ridge ${num(r)} FLOP/B`));
    });
    return f.root;
  }, "f32 peak and DRAM reads of each machine.");
  return section("overlay", "Machines side by side", legend(named, off, () => fig.redraw(), true), fig);
}

// ---- history: the same points over at least three runs of one device ----------------------------------------------
function history(machines) {
  const devices = new Map(), out = [];
  for (const m of machines) (devices.get(m.id + m.info.name) || devices.set(m.id + m.info.name, []).get(m.id + m.info.name)).push(m);
  for (const runs of devices.values()) {
    if (runs.length < 3) continue;
    runs.sort((a, b) => (a.header.started || "") < (b.header.started || "") ? -1 : 1);
    const series = new Map();
    runs.forEach((m, i) => own(m).forEach(p => {
      const key = [p.id, params(p), p.dtype, p.threads, p.cache].join(" ");
      if (p.status === "ok" && !(p.kflags || []).includes("naive")) (series.get(key) || series.set(key, []).get(key)).push({ i, p, m });
    }));
    const drawn = [...series.entries()].filter(([, s]) => s.length > 2).map(([key, s]) => {
      const sorted = s.map(x => time(x.p)).sort((a, b) => a - b), middle = sorted[Math.floor(sorted.length / 2)];
      return { key, family: s[0].p.family, s: s.map(x => ({ ...x, y: time(x.p) / middle })) };
    });
    if (!drawn.length) continue;
    const families = [...new Set(drawn.map(d => d.family))], off = new Set(), ys = drawn.flatMap(d => d.s.map(x => x.y)), fields = [...new Set(runs.map(m => m.info.comparability_key))];
    const fig = figure(width => {
      const f = frame(width, { x: [-.2, runs.length - .8], y: [Math.min(.9, ...ys) / 1.03, Math.max(1.1, ...ys) * 1.03], xkind: linearAxis, xtext: v => Number.isInteger(v) && runs[v] ? String(v + 1) : "", ytext: v => bare(v.toFixed(2)), xlabel: "run, in order of time", ylabel: "T / median over the runs", label: "History" });
      f.root.append(svg("line", { class: "axis", x1: f.box.l, x2: f.width - f.box.r, y1: f.y(1), y2: f.y(1), "stroke-width": 1.5 }));
      for (const d of drawn) {
        if (off.has(d.family)) continue;
        f.root.append(svg("path", { d: path(d.s.map(x => [f.x(x.i), f.y(x.y)])), fill: "none", stroke: color(families.indexOf(d.family)), "stroke-width": 1.2, opacity: .6 }));
        for (const x of d.s) f.root.append(hover(marker(families.indexOf(d.family), f.x(x.i), f.y(x.y), 3.2, { fill: color(families.indexOf(d.family)) }), `${d.key}\n${scaled(time(x.p), "s")}: ${percent(x.y - 1)} against the median\n${x.m.header.started || ""} ${x.m.env.git_revision || ""} (${x.m.file})`));
      }
      return f.root;
    }, `${drawn.length} points over ${runs.length} runs` + (fields.length > 1 ? "; the runs are not all comparable: their machines or builds differ" : "") + ". Change points and their causes: ironroof history.");
    out.push(el("h3", {}, runs[0].info.name || runs[0].id), legend(families, off, () => fig.redraw()), fig);
  }
  return out.length ? section("history", "History", ...out) : null;
}

// Of a device with a history only the latest run has sections of its own.
function latest(machines) {
  const same = m => machines.filter(o => o.id === m.id && o.info.name === m.info.name);
  return machines.filter(m => same(m).length < 3 || !same(m).some(o => (o.header.started || "") > (m.header.started || "")));
}

const machines = readRecords(), main = document.getElementById("main");
main.replaceChildren(...[machines.length > 1 ? overlay(machines) : null, history(machines), ...latest(machines).flatMap((m, i) => machineSections(m, machines.length > 1 ? `m${i}-` : "", machines.length > 1 ? (m.info.name ? m.id + ", " + m.file : m.file) : ""))].filter(Boolean));
document.getElementById("contents").append(...sections.map(([id, title]) => el("a", { href: "#" + id }, title)));
document.getElementById("subtitle").textContent = [...new Set(machines.map(m => m.info.name || m.id))].join(" · ") + (machines[0] && machines[0].header.started ? " · " + machines[0].header.started.replace("T", " ").replace("Z", " UTC") : "");
for (const f of figures) f.redraw();
