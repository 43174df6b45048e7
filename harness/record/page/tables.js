// tables.js -- cards, the law's coefficients, ceilings, verdicts, proofs, the environment, and the table of
// points. A box that scrolls is a stop of the Tab key only while there is something to scroll.
function scroller(name, content) {
  const box = el("div", { class: name, role: "group", "aria-label": "Table" }, content);
  new ResizeObserver(() => {
    if (box.scrollWidth > box.clientWidth + 1 && !box.querySelector("button"))
      box.setAttribute("tabindex", "0");
    else
      box.removeAttribute("tabindex");
  }).observe(box);
  return box;
}
function table(heads, rows, textual) {
  const kind = i => textual && textual.includes(i) ? { class: "t" } : {};
  const cell = (c, i) => c && c.nodeType && c.tagName === "TD" ? c : el("td", kind(i), c);
  return scroller("scroll",
    el("table", {}, el("thead", {}, el("tr", {}, heads.map((h, i) => el(h ? "th" : "td", kind(i), h)))),
      el("tbody", {}, rows.map(r => el("tr", {}, r.map(cell))))));
}

// ---- cards ----
function card(c, unit, what) { // a number never stands without its interval and its doubts
  if (!c || !known(c.value)) return null;
  const wide = halfOf(c.value, c.lo, c.hi), flags = doubts(c).filter(f => SUSPECT.includes(f));
  const sheet = c.source === "datasheet" || c.source === "theory";
  const mark_ =
    wide > .1 || flags.length
      ? el("span", { class: "doubt" }, ` ! ${[wide > .1 ? "wide" : "", ...flags].filter(Boolean).join(", ")}`)
      : null;
  return el("div", { class: "card" },
    el("b", {}, scaled(c.value, unit), " ",
      el("small", {},
        sheet         ? c.source
        : known(wide) ? plusMinus(wide)
                      : ""),
      mark_),
    el("span", {}, what));
}
function ratio(a, b) { // of two ceilings, with the interval that both give
  const wide = c => halfOf(c.value, c.lo, c.hi) || 0, w = Math.hypot(wide(a), wide(b)),
        value = a.value / b.value;
  const some = wide(a) || wide(b);
  return {
    value,
    lo: some ? value * (1 - w) : null,
    hi: some ? value * (1 + w) : null,
    source: datasheet({ ceilings: [a, b] }) ? "datasheet" : ""
  };
}
function cards(m) {
  const n = most(m), b = bandwidth(m, "DRAM"), suffix = n ? `, ${plural(n, "thread")}` : "";
  const find = (what, f) => m.ceilings.filter(c => c.what === what).find(f);
  const copy = find("bandwidth", c => c.level === "DRAM" && c.op === "copy" && c.threads === n),
        sheet = c => c.source === "datasheet";
  const theory = c => known(c.theory) ? `, ${percent(c.value / c.theory)} of clock × width × ports` : "";
  return el("div", { class: "cards" }, card(b, "B/s", "DRAM read" + suffix),
    card(copy, "B/s", "DRAM copy" + suffix),
    LEVELS.slice(0, 3).map(l => card(bandwidth(m, l), "B/s", `${l} read` + suffix)),
    peaks(m).map(c => card(c, flopUnit(c.dtype), `${sheet(c) ? "peak" : "reached"} ${c.dtype}` + theory(c))),
    b ? peaks(m).map(c => card(ratio(c, b), c.dtype === "i8" || c.dtype === "i4" ? "OP/B" : "FLOP/B",
                       `ridge ${c.dtype}`))
      : null,
    card(find("latency", c => c.level === "DRAM" && c.op === "chase"), "s", "DRAM latency"),
    card(find("launch", c => c.threads === n), "s", "launch"),
    card(find("clock", () => true), "Hz", "running clock"));
}
function ceilingTable(m) {
  const axis = x => `${x.axis} ${x.known === false ? "?" : x.saturated ? "✓" : "↑" + percent(x.gain)}`;
  const heads = [
    "what", "level", "op", "dtype", "threads", "value", "95 %", "kernel", "last doubling", "source", "flags"
  ];
  return table(heads,
    m.ceilings.map(c => [c.what, c.level || "", c.op || "", c.dtype || "", String(c.threads || ""),
                     scaled(c.value, ceilingUnit(c)),
                     known(c.lo) ? `${scaled(c.lo, ceilingUnit(c))} .. ${scaled(c.hi, ceilingUnit(c))}` : "–",
                     c.kernel || "", (c.certificates || []).map(axis).join(", "),
                     el("td", { class: "w" }, c.why || c.source || ""), doubts(c).join(" ")]),
    [0, 1, 2, 3, 7, 8, 9, 10]);
}

// ---- law ----
function coefficient(c, unit) {
  if (!c || c.how === "unidentified" || !known(c.value)) return "unidentified";
  const text = v => unit ? scaled(v, unit) : num(v);
  return `${text(c.value)} [${text(c.lo)}, ${text(c.hi)}]`;
}
const LAW = [
  ["BW (DRAM reads)", f => coefficient(f.BW, "B/s")], ["eta", f => coefficient(f.eta, "")],
  ["L_lat", f => coefficient(f.L_lat, "s")], ["R_peak", f => scaled(f.R_peak, "FLOP/s")],
  ["error of its points", f => `${percent(f.err_median)} median, ${percent(f.err_p90)} p90`],
  ["families left out", f => `${percent(f.lofo_median)} median, ${percent(f.lofo_p90)} p90`],
  [
    "classic roofline",
    f => known(f.roof_median) ? `${percent(f.roof_median)} median, ${percent(f.roof_p90)} p90` : "unknown"
  ],
  ["condition", f => num(f.cond)], ["points, families", f => `${f.n ?? "–"}, ${f.families ?? "–"}`]
];
function law(m, points) {
  if (!m.fits.length) return null;
  const better = [...m.fits].sort((a, b) => (a.lofo_median ?? 9) - (b.lofo_median ?? 9))[0];
  const heads = ["", ...m.fits.map(f => f.form + (f === better && m.fits.length > 1 ? " (better)" : ""))];
  return [
    el("p", { class: "lead" },
      `Predicts families it has not seen within ${percent(better.lofo_median)}` +
        (known(better.roof_median) ? ` (the roofline alone: ${percent(better.roof_median)})` : "") +
        ` in the median, ${better.form} form.`),
    table(heads, LAW.map(([n, v]) => [n, ...m.fits.map(v)]), [0]),
    el("p", { class: "note" },
      "additive: T = D_vol/BW + O/(R_peak·eta) + L_lat; " +
        "overlapped: T = max(D_vol/BW, O/(R_peak·eta)) + L_lat. Intervals: 95 %. Better: " +
        "predicts families that it has not seen with the smaller error."),
    ...residuals(points)
  ];
}

// ---- verdicts, proofs, environment ----
function verdictCounts(points) {
  const families = [...new Set(points.map(p => p.family))],
        count = (f, k) => points.filter(p => p.family === f && p.bound === k && p.status === "ok").length;
  const kinds = BOUNDS.filter(k => families.some(f => count(f, k)));
  const rows = families.map(
    f => [el("td", { class: "t" }, swatch(color(f)), " " + f), ...kinds.map(k => String(count(f, k) || ""))]);
  return table(["family", ...kinds], rows.filter((r, i) => kinds.some(k => count(families[i], k))), [0]);
}
function verdicts(m, plain) {
  const answers_ = m.verdicts.filter(v => !["summary", "prove", "prove twin"].includes(v.question)),
        judged = plain.some(p => p.bound);
  if (!answers_.length && !judged) return null;
  return [
    answers_.length
      ? table(["question", "verdict", "P", "answer"],
          answers_.map(v => [v.question, v.verdict || "", known(v.p) && v.p < .99 ? v.p.toFixed(2) : "",
                         el("td", { class: "w" }, v.answer || "")]),
          [0, 1, 3])
      : null,
    judged ? [el("h3", {}, "What holds each family"), verdictCounts(plain)] : null
  ];
}
function proofs(m) {
  const all = m.verdicts.filter(v => v.question === "prove"),
        twins = m.verdicts.filter(v => v.question === "prove twin");
  if (!all.length) return null;
  const span = x => `${num(x.value)} [${[x.lo, x.hi].map(v => known(v) ? v.toFixed(2) : "–").join(", ")}]`;
  const effect = x => !x                    ? "–"
                      : x.how === "nil"     ? "0: too small"
                      : x.how === "tangled" ? "not told apart"
                      : known(x.value)      ? span(x)
                                            : "not changed";
  const key = v => (v.evidence || [])[0] || "",
        marks = new Map([["confirmed", "✓ "], ["contradicted", "✗ "], ["agrees", "✓ "], ["disagrees", "✗ "]]);
  const outcome = v => (marks.get(v.verdict) || "? ") + v.verdict,
        times = v => known(v) ? "×" + v.toFixed(2) : "–";
  const twin = w => {
    const r = w.terms_ratio || {}, own_ = Object.entries(w.elasticity || {})[0],
          mid = own_ ? `dlnT/dln(${own_[0]}) ${span(own_[1])}` : "";
    return [
      "· " + (w.twin || ""), w.T_ratio ? mid : el("td", { class: "w" }, w.answer || ""), outcome(w),
      times(r.data), times(r.compute), times(r.latency), w.T_ratio ? span(w.T_ratio) : "–",
      w.T_ratio_foretold ? span(w.T_ratio_foretold) : "–"
    ];
  };
  const rows = all.flatMap(v => {
    const c = v.elasticity || {},
          label_ = `${v.label || ""}${known(v.p) && v.p < .99 ? ` (P ${v.p.toFixed(2)})` : ""}`;
    return [
      [
        el("b", {}, key(v)), label_, outcome(v) + (v.corrected ? `, now ${v.corrected}` : ""), effect(c.data),
        effect(c.compute), effect(c.latency), "", ""
      ],
      ...twins.filter(w => key(w) === key(v)).map(twin)
    ];
  });
  return [
    el("p", {},
      "A point in bold: its label, and the elasticity of its time to each term " +
        "of the law, with 95 % interval. Under it the twins: " +
        "by how much each changes the terms, what the time did, what the law had " +
        "foretold, and the elasticity to the term it changes most."),
    table(
      ["point or twin", "label", "outcome", "data", "compute", "latency", "T", "foretold"], rows, [0, 1, 2])
  ];
}
function environment(m) {
  const shown = Object.entries(m.env).filter(([, v]) => v !== null && v !== "");
  const quote = a => /^[\w@%+=:,./-]+$/.test(a) ? a : "'" + a.replace(/'/g, "'\\''") + "'";
  const argv = (m.header.argv || []).map((a, i) => i ? quote(a) : a.replace(/.*\//, "")).join(" ");
  return [
    argv ? [el("p", {}, "Measured with"), el("pre", {}, argv)] : null,
    el("p", { class: "note" },
      `${m.header.tool || ""} ${m.header.version || ""}, started ${m.header.started || "?"}` +
        (m.header.ended ? `, ended ${m.header.ended}` : "") +
        `, cost model ${m.header.cost_model || "?"}, comparability key ${m.info.comparability_key || "?"}`),
    shown.length
      ? el("details", {},
          el("summary", {}, `${plural(shown.length, "fact")} about the machine and the build`),
          table(["field", "value"], shown.map(([k, v]) => [k, el("td", { class: "w" }, String(v))]), [0, 1]))
      : null
  ];
}

// ---- the table of points: sorted by a click on a head, filtered by words, by group and by what holds a
// point ----
const share = k => p => (shares(p) || {})[k] ?? NaN;
const PROOF_MARKS =
  new Map([["confirmed", " ✓"], ["contradicted", " contradicted"], ["corrected", " corrected"]]);
function proofMark(p) {
  return p.proof ? el("span",
                     { title: "by intervention: " + p.proof, class: p.proof === "contradicted" ? "bad" : "" },
                     PROOF_MARKS.get(p.proof) || " ?")
                 : null;
}
const POINT_COLUMNS = [
  {
    head: "point",
    text: true,
    key: p => pointName(p),
    cell: p => el("td", { class: "t name" }, swatch(color(p.family)), el("b", {}, " " + pointName(p)),
      ` ${p.kernel}`, el("br"), el("span", { class: "soft" }, params(p)))
  },
  { head: "type", text: true, key: p => p.dtype, cell: p => p.dtype },
  { head: "rate", key: p => rateValue(p), cell: p => speed(p) },
  { head: "T", key: time, cell: p => scaled(time(p), "s") }, {
    head: "±",
    key: half,
    cell: p => el("td", doubtful(p) ? { class: "doubt" } : {}, (doubtful(p) ? "! " : "") + percent(half(p)))
  },
  {
    head: "bound",
    text: true,
    key: p => p.bound || "",
    cell: p => el("td", { class: "t" }, boundCell(p),
      known(p.bound_p) && p.bound_p < .99 ? ` P ${p.bound_p.toFixed(2)}` : "", proofMark(p))
  },
  ...TERMS.map(([k]) => ({ head: k, screen: true, key: share(k), cell: p => percent(share(k)(p)) })),
  { head: "I", key: p => p.intensity, cell: p => num(p.intensity) }, {
    head: "MFU",
    key: p => p.mfu,
    cell: p => p.mfu > 1.02 && ["conv", "cnn", "layer"].includes(p.family)
                 ? el("td", { title: "counts direct-convolution FLOP" }, percent(p.mfu) + "*")
                 : percent(p.mfu)
  },
  { head: "MBU", key: p => p.mbu, cell: p => percent(p.mbu) },
  { head: "thr.", key: p => p.threads, cell: p => String(p.threads || "") }, {
    head: "flags",
    text: true,
    key: p => doubts(p).join(" "),
    cell: p => el("td", { class: "t w2" }, doubts(p).join(" "))
  }
];
function pointRow(p) {
  const cells =
    POINT_COLUMNS.map(c => c.cell(p))
      .map(
        (c, i) =>
          c && c.nodeType && c.tagName === "TD"
            ? c
            : el("td",
                { class: `${POINT_COLUMNS[i].text ? "t" : ""}${POINT_COLUMNS[i].screen ? " screen" : ""}` },
                c));
  if (p.status === "ok") return el("tr", {}, cells);
  return el("tr", {}, cells.slice(0, 2),
    el("td", { class: "t", colspan: POINT_COLUMNS.length - 2 }, `${p.status}: ${p.why || ""}`));
}
function compareBy(column, down) { // unknown values last, whichever way
  const side = down ? -1 : 1;
  return (a, b) => {
    const x = column.key(a), y = column.key(b), ux = x == null || x === "" || Number.isNaN(x),
          uy = y == null || y === "" || Number.isNaN(y);
    if (ux || uy) return ux - uy;
    return column.text ? side * String(x).localeCompare(String(y)) : side * (x - y);
  };
}
function pointTable(points) {
  const
    state = { column: null, down: false, words: [], group: "all", bound: "all", naive: false, skips: false };
  const rows = new Map(), body = el("tbody"), count = el("span", { class: "soft", role: "status" }),
        row = p => rows.get(p) || rows.set(p, pointRow(p)).get(p);
  const text = p => `${p.id} ${pointName(p)} ${params(p)} ${p.dtype} ${p.bound} ${p.status} ${
    doubts(p).join(
      " ")}`.toLowerCase();
  const keep = p => (state.group === "all" || groupOf(p) === state.group) &&
                    (state.bound === "all" || p.bound === state.bound) && (state.naive || !naive(p)) &&
                    (state.skips || p.status !== "skip") && state.words.every(w => text(p).includes(w));
  const update = () => {
    const shown = points.filter(keep);
    if (state.column) shown.sort(compareBy(state.column, state.down));
    else
      shown.sort((a, b) => GROUPS.indexOf(groupOf(a)) - GROUPS.indexOf(groupOf(b)));
    body.replaceChildren(...shown.map(row));
    count.textContent = `${shown.length} of ${plural(points.length, "point")}`;
  };
  const heads = POINT_COLUMNS.map(c => {
    const th = el("th", { class: `${c.text ? "t" : ""}${c.screen ? " screen" : ""}` }),
          b = button(c.head, {}, () => {
            state.down = state.column === c ? !state.down : !c.text;
            state.column = c;
            for (const h of heads) h.removeAttribute("aria-sort");
            th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
            update();
          });
    th.append(b);
    return th;
  });
  const find = el("input", { type: "search", placeholder: "gemm f32 memory", size: 18 });
  find.addEventListener("input", () => {
    state.words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    update();
  });
  const tick_ = (name, key) => {
    const box = el("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      state[key] = box.checked;
      update();
    });
    return el("label", {}, box, " " + name);
  };
  const bounds = BOUNDS.filter(b => points.some(p => p.bound === b)),
        groups = GROUPS.filter(g => points.some(p => groupOf(p) === g));
  update();
  return [
    el("div", { class: "controls" }, el("label", {}, "Filter ", find),
      chooser("Group", ["all", ...groups], "all",
        v => {
          state.group = v;
          update();
        }),
      chooser("Bound", ["all", ...bounds], "all",
        v => {
          state.bound = v;
          update();
        }),
      points.some(naive) ? tick_("naive", "naive") : null,
      points.some(p => p.status === "skip") ? tick_("skipped", "skips") : null, count),
    scroller("scroll tall",
      el("table", { class: "points" }, el("thead", {}, roving(el("tr", {}, heads), "button")), body))
  ];
}
