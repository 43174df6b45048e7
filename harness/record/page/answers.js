// answers.js -- the first screen: the machine, how good the run is, a sentence and a bar per network, what to
// do next; files.
const LIMITS = new Map([
  ["memory", "memory"], ["cache", "a cache"], ["compute", "compute"], ["latency", "launches and waits"],
  ["code", "its own code"], ["mixed", "no single limit"]
]);
const percentOf = (s, k) => percent(s[k]).replace(/\.0 %/, " %");
function heldBy(p) {
  const s = shares(p), limit = LIMITS.get(p.bound);
  if (!limit) return "what holds it back was not judged";
  const text = [`held by ${limit}`];
  if (!s) return text[0];
  const why = {
    memory: `${percentOf(s, "memory")} of its time goes to moving bytes`,
    cache: `${percentOf(s, "memory")} of its time goes to moving bytes within ${p.level || "a cache"}`,
    compute: `${percentOf(s, "compute")} of its time is arithmetic at full rate`,
    latency: `${percentOf(s, "latency")} of its time is waiting`,
    code: `bytes, arithmetic and latency explain ${percent(1 - s.unexplained)} of its time`,
    mixed: shareText(p)
  }[p.bound];
  text.push(why);
  if (s.unexplained >= .1 && !["code", "mixed"].includes(p.bound))
    text.push(`${percentOf(s, "unexplained")} is unexplained`);
  return text.join(": ").replace(/: (?=[\d.]+ % is unexplained)/, ", ");
}
// The fastest library kernel of the same question, when the fastest kernel is our own.
function againstLibrary(group) {
  const lib = group.find(p => has(p, "lib"));
  if (!lib || has(group[0], "lib")) return null;
  return { times: time(lib) / time(group[0]), name: LIBRARIES.get(lib.kernel) || lib.kernel };
}
function sentence(group) {
  const p = group[0], lib = againstLibrary(group);
  return el("li", {}, el("b", {}, netLabel(p)),
    `: ${speed(p)} (${scaled(time(p), "s")}${known(half(p)) ? " " + plusMinus(half(p)) : ", no interval"}), ${
      heldBy(p)}` +
      (lib ? `; ${digits(lib.times)}\u00a0× the speed of ${lib.name}` : "") + ".",
    doubtful(p) ? suspect(p) : null);
}
function suspect(p) {
  const why = doubts(p).filter(f => SUSPECT.includes(f)), wide = half(p) > .1;
  return el(
    "span", { class: "doubt" }, ` ! ${[wide ? "wide interval" : "", ...why].filter(Boolean).join(", ")}`);
}
function strip(groups) {
  const key =
    el("div", { class: "legend" }, TERMS.map(([k, , c]) => el("span", {}, swatch(`var(${c})`, true), k)));
  const head = ["network", "speed", "time", "±", "share of the measured time", "held by"];
  const rows = groups.map(g => {
    const p = g[0];
    return [
      el("td", { class: "t" }, netLabel(p)), speed(p), scaled(time(p), "s"), percent(half(p)),
      el("td", { class: "t wide" }, shareBar(p)), el("td", { class: "t" }, boundCell(p))
    ];
  });
  return [el("div", { class: "strip" }, table(head, rows, [0, 4, 5])), key];
}
const boundCell = p =>
  el("span", { class: "bound " + boundClass(p) }, p.bound || (p.status === "ok" ? "not judged" : p.status));

// ---- what to do next: what the terms of the law would make of a change ----
function changed(p, factor) { // by which factor the time shrinks when a term shrinks
  const s = p.terms_s, T = time(p), sum = (d, c) => shares(p).together ? Math.max(d, c) : d + c;
  const before = sum(s.data, s.compute),
        after = sum(s.data * (factor.data || 1), s.compute * (factor.compute || 1));
  const whole = Math.max(T, before + (s.latency || 0));
  return whole / (whole - before + after);
}
const atMost = x => x < 1.005 ? "changes nothing" : `at most ${x.toFixed(x < 1.095 ? 2 : 1)}\u00a0×`;
function advice(group) {
  const p = group[0], s = shares(p);
  if (!s || !LIMITS.has(p.bound)) return null;
  const memory = s.memory >= s.compute, first = memory ? { data: .5 } : { compute: .5 },
        other = memory ? { compute: .5 } : { data: .5 };
  const words = memory ? ["half the bytes (a narrower type)", "cores twice as fast alone"]
                       : ["half the arithmetic, or cores twice as fast", "twice the bandwidth alone"];
  const text = [];
  if (s.unexplained < .5)
    text.push(`${words[0]}: ${atMost(changed(p, first))}; ${words[1]}: ${atMost(changed(p, other))}`);
  const code = ["ironroof run ", p.workload, " --layers"].join("");
  const li = el("li", {}, el("b", {}, netLabel(p)), ": ", text.join(""));
  if (s.unexplained >= .15)
    li.append(
      `${text.length ? "; u" : "u"}p to ${(1 / (1 - s.unexplained)).toFixed(1)}\u00a0× lies in the code: `,
      el("code", {}, code));
  return text.length || s.unexplained >= .15 ? li : null;
}
function next(m, groups) {
  const list = [], command = (text, what) => list.push(el("li", {}, text, el("code", {}, what)));
  if (m.quality && m.quality.value !== "good")
    command("This run is not good enough to rely on. What disturbs the machine: ", "ironroof doctor");
  list.push(...groups.slice(0, SENTENCES).map(advice).filter(Boolean));
  if (!groups.length && own(m).length) command("No network was measured: ", "ironroof run gpt2 resnet50");
  else if (groups.length && !m.verdicts.some(v => v.question === "prove"))
    command("Prove what holds it back by changing it: ", `ironroof run ${groups[0][0].workload} --prove`);
  const tried = m.verdicts.find(v => v.question === "predicted changes");
  const note = "Gains are what the law's terms give" +
               (tried ? `. Put to the test: ${tried.answer}.` : "; they are not measured.");
  return list.length ? [el("h3", {}, "What to do next"), el("ul", { class: "plain" }, list),
    groups.length ? el("p", { class: "note" }, note) : null] : [];
}

// ---- the machine and the quality of its run ----
function machineLine(m) {
  const facts = [
    m.info.cores && plural(m.info.cores, "core"), m.info.driver, m.env.os,
    m.env.virtualised && m.env.virtualised !== "no" && `virtualised: ${m.env.virtualised}`,
    datasheet(m) && "datasheet figures: nothing was measured"
  ].filter(Boolean);
  return el("p", { class: "lead" }, el("b", {}, m.title), facts.length ? " · " + facts.join(" · ") : "");
}
function qualityLine(m) {
  const q = m.quality;
  if (!q) return null;
  const value = String(q.value), kind = ["good", "noisy", "unusable"].includes(value) ? value : "noisy";
  const causes = (Array.isArray(q.causes) ? q.causes : [])
                   .map(c => String(c && c.text !== undefined ? c.text : c).replace(/\+-/g, "±"));
  return el("p", { class: "quality " + kind }, el("b", {}, `Run quality: ${value}`),
    causes.length ? `: ${causes.join("; ")}` : "");
}
const SENTENCES = 12; // more networks than that are read in the strip
function answers(m) {
  const groups = networks(m), summary = m.verdicts.find(v => v.question === "summary");
  const failed = own(m).filter(p => p.status !== "ok" && p.status !== "skip").length;
  return [
    machineLine(m), qualityLine(m),
    groups.length ? [el("ul", { class: "plain" }, groups.slice(0, SENTENCES).map(sentence)), strip(groups)]
    : summary     ? el("p", {}, summary.answer)
                  : null,
    failed ? el("p", { class: "bad" }, `${plural(failed, "point")} failed: see the table of points.`) : null,
    next(m, groups)
  ];
}

// ---- files ----
const COLUMNS = [
  ["machine", (p, m) => m.title], ["id", p => p.id], ["workload", p => p.workload], ["kernel", p => p.kernel],
  ["dtype", p => p.dtype], ["threads", p => p.threads], ["cache", p => p.cache], ["params", params],
  ["status", p => p.status], ["time_s", time], ["ci_lo_s", p => stats(p).ci_lo],
  ["ci_hi_s", p => stats(p).ci_hi], ["items_per_s", p => (items(p) || {}).rate],
  ["item_unit", p => (items(p) || {}).unit], ["flops_per_s", p => p.flops_per_s],
  ["bytes_per_s", p => p.bytes_per_s], ["intensity", p => p.intensity], ["bound", p => p.bound],
  ["bound_p", p => p.bound_p], ...TERMS.map(([k]) => ["share_" + k, p => (shares(p) || {})[k]]),
  ["mfu", p => p.mfu], ["mbu", p => p.mbu], ["eta", p => p.eta], ["flags", p => doubts(p).join(" ")],
  ["why", p => p.why]
];
function csvCell(v) { // a spreadsheet runs what starts with = + - @: such text gets a quote in front
  if (typeof v === "number") return isFinite(v) ? String(v) : "";
  const text = v == null ? "" : /^[=+\-@]/.test(v) ? "'" + v : String(v);
  return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}
const csv = machines => [COLUMNS.map(([n]) => n),
                          ...machines.flatMap(m => own(m).map(p => COLUMNS.map(([, v]) => v(p, m))))]
                          .map(r => r.map(csvCell).join(","))
                          .join("\n") +
                        "\n";
// What the page leaves out of a point because its id says it is put back, so that the record is a valid one.
const whole = l => l.record === "point"
                     ? {...l, backend: l.backend || String(l.id || "").split("/")[0], key: l.key || keyOf(l) }
                     : l;
const records =
  machines => [...new Set(machines.map(m => m.lines))].flat().map(l => JSON.stringify(whole(l))).join("\n") +
              "\n";

// The picture of a chart as it is on the screen: every computed style goes into a copy that needs no style
// sheet.
const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font", "text-anchor",
  "paint-order"
];
function picture(chart, done) {
  const copy = chart.cloneNode(true), from = [chart, ...chart.querySelectorAll("*")],
        to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((e, i) => {
    for (const s of STYLES) to[i].style.setProperty(s, getComputedStyle(e).getPropertyValue(s));
  });
  const { width, height } = chart.viewBox.baseVal, image = new Image(),
                        canvas = el("canvas", { width: 2 * width, height: 2 * height });
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  image.onload = () => {
    const c = canvas.getContext("2d");
    c.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--card");
    c.fillRect(0, 0, canvas.width, canvas.height);
    c.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/png");
  };
  const text = encodeURIComponent(new XMLSerializer().serializeToString(copy));
  image.src = `data:image/svg+xml;charset=utf-8,${text}`;
}
function links(machines) {
  const stem = (machines[0] ? machines[0].file : "ironroof").replace(/\.jsonl$/, "");
  const row = [
    [
      "Record", "the lines of this page, without raw samples",
      () => download(stem + ".page.jsonl", records(machines))
    ],
    ["CSV", "one row a point", () => download(stem + ".csv", csv(machines))],
    [
      "PNG", "the first chart",
      () => {
        const chart = document.querySelector("figure svg");
        if (chart) picture(chart, blob => blob && download(stem + ".png", blob));
      }
    ]
  ];
  return roving(el("span", { role: "toolbar", "aria-label": "Save as a file" },
                  row.map(([n, title, f]) => button("Save " + n, { class: "link", title }, f))),
    "button");
}
