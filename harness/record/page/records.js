// records.js -- the records of the page as machines, and what a point is: its group, name, colour, shares and
// rate.
function readRecords() {
  const machines = [], reviver = (key, v) => typeof v === "string" ? clean(v) : v;
  for (const s of document.querySelectorAll("script.record")) {
    const file = clean(s.dataset.name),
          lines = s.textContent.trim().split("\n").filter(Boolean).map(t => JSON.parse(t, reviver));
    const head = lines.find(l => l.record === "header") || {},
          quality = lines.filter(l => l.record === "quality").pop() || null;
    const of = id => {
      let m = machines.find(m => m.file === file && m.id === id);
      if (!m)
        machines.push(m = {
          file,
          id,
          header: head,
          quality,
          lines,
          info: {},
          env: {},
          ceilings: [],
          points: [],
          fits: [],
          verdicts: [],
          comparisons: [],
          joules: [],
          series: []
        });
      return m;
    };
    const first = (lines.find(l => l.record === "machine") || {}).device || "";
    const lists = {
      fit: "fits",
      verdict: "verdicts",
      comparison: "comparisons",
      "energy-fit": "joules",
      series: "series"
    };
    for (const l of lines) {
      if (l.record === "machine") Object.assign(of(l.device), { info: l, env: l.env || {} });
      else if (l.record === "ceiling")
        of(l.device || first)
          .ceilings.push({...l, dtype: l.dtype || (l.what === "flops" ? "any type" : null) });
      else if (l.record === "point")
        of(l.device || first).points.push({
          ...l,
          params: l.params || {},
          family: l.family || l.workload || "?",
          dtype: l.dtype || "no type",
          workload: l.workload || "?",
          kernel: l.kernel || "?",
          key: l.key || keyOf(l)
        });
      else if (Object.hasOwn(lists, l.record))
        of(l.device || first)[lists[l.record]].push(l);
    }
  }
  const used =
    machines.filter(m => m.points.length || m.ceilings.length || m.verdicts.length || m.comparisons.length);
  used.forEach((m, i) => {
    m.index = i;
    m.title = titleOf(m, used);
  });
  return used;
}
// The name by which verdicts refer to a point; the page leaves it out of the points to stay small.
const keyOf = p => `${p.id}:` + [
  ...Object.keys(p.params || {}).map(k => `${k}=${word(p, k)}`), `dtype=${p.dtype}`, `threads=${p.threads}`,
  `cache=${p.cache}`
].join(",");
// Short and unlike every other machine's of the page.
function titleOf(m, all) {
  const name = m.info.name || m.id || m.file,
        twin = all.some(o => o !== m && (o.info.name || o.id || o.file) === name);
  return !twin                                         ? name
         : all.some(o => o !== m && o.file === m.file) ? `${name}, ${m.id} (${m.file})`
                                                       : `${name} (${m.file})`;
}
const started = m => m.header.started || "";
const datasheet = m => m.ceilings.length > 0 && m.ceilings.every(c => c.source === "datasheet");

// ---- ceilings ----
const LEVELS = ["L1", "L2", "L3", "L4", "DRAM"];
const best = (list, value) => list.reduce((a, b) => !a || value(b) > value(a) ? b : a, null);
const most = m => Math.max(0, ...m.ceilings.map(c => c.threads || 0));
const full = m => m.ceilings.filter(c => (c.threads || 0) === most(m) && known(c.value));
function bandwidth(m, level) { // what a read of the level gives at the full thread count
  const all = full(m).filter(c => c.what === "bandwidth" && c.level === level && known(c.read_frac));
  return all.find(c => c.op === "read") || best(all, c => c.value);
}
const peaks = m => { // one a dtype, the fastest first
  const by = new Map();
  for (const c of full(m))
    if (c.what === "flops" && !(by.has(c.dtype) && by.get(c.dtype).value >= c.value)) by.set(c.dtype, c);
  return [...by.values()].sort((a, b) => b.value - a.value);
};
const ceilingUnit = c => c.what === "bandwidth"  ? "B/s"
                         : c.what === "flops"    ? flopUnit(c.dtype)
                         : c.what === "clock"    ? "Hz"
                         : c.what === "overlap"  ? ""
                         : c.what === "capacity" ? "B"
                         : c.op === "mlp"        ? "lines"
                                                 : "s";

// ---- points ----
const stats = p => p.dev_time_s || p.time_s || {};
const time = p => p.status === "ok" ? stats(p).median : NaN;
const own = m => m.points.filter(p => !p.for_ceiling);
const has = (p, flag) => (p.kflags || []).includes(flag);
const naive = p => has(p, "naive");
// The longer side of an interval beside its value, as everywhere on the screen.
const halfOf = (v, lo, hi) => known(lo) && known(hi) && v > 0 ? Math.max(hi - v, v - lo) / v : NaN;
const half = p => halfOf(stats(p).median, stats(p).ci_lo, stats(p).ci_hi);
const plusMinus = share => known(share) ? "±" + percent(share) : "±?";
const word = (p, k) => p.param_words && Object.hasOwn(p.param_words, k) ? p.param_words[k] : p.params[k];
const params = p => Object.keys(p.params || {}).map(k => `${k}=${word(p, k)}`).join(" ");
const SUSPECT = ["suspect", "throttled", "preempted", "cache-resident"];
const doubts = p => (p.flags || []).filter(f => f !== "within-run");
const doubtful = p => half(p) > .1 || doubts(p).some(f => SUSPECT.includes(f));

// What a family is: networks come first, operators next, then what measures the machine itself.
const NETWORK = new Set(
  ["gpt", "cnn", "encoder", "mixtral", "dlrm", "llm", "unet", "diffusion", "speech", "rnn", "network"]);
const STREAM =
  new Set(["stream", "peak", "chase", "gather", "launch", "clock", "overlap", "transfer", "local", "mma"]);
const OPERATOR = new Set([
  "gemm", "gemv", "gemv_twice", "linear", "conv", "attention", "norm", "softmax", "act", "add", "embed",
  "chain", "layer", "moe", "bag"
]);
const GROUPS = ["Networks", "Operators", "Streams"];
function groupOf(p) {
  if (NETWORK.has(p.family)) return "Networks";
  if (STREAM.has(p.family)) return "Streams";
  if (OPERATOR.has(p.family)) return "Operators";
  return ["token", "image", "sequence", "sample", "step"].includes(p.item_unit) &&
             known((p.params || {}).batch)
           ? "Networks"
           : "Operators";
}
// One colour a family, on every chart of every page; a family that is not listed takes one by its name.
const FAMILIES = [
  "gpt", "cnn", "gemm", "gemv", "conv", "linear", "attention", "norm", "softmax", "act", "add", "embed",
  "chain", "stream", "peak", "gather", "chase", "launch", "layer", "clock", "overlap", "transfer"
];
const OTHERS = 6;
function color(family) {
  let at = FAMILIES.indexOf(family);
  if (at < 0)
    at =
      FAMILIES.length + [...String(family)].reduce((h, c) => (h * 31 + c.codePointAt(0)) % 9973, 7) % OTHERS;
  return `var(--f${at})`;
}
const BOUNDS = ["memory", "cache", "compute", "latency", "code", "mixed"];
const boundClass = p => BOUNDS.includes(p.bound) ? p.bound : "";

// ---- names and rates of networks ----
const NAMES = new Map([
  ["gpt2", "GPT-2"], ["gpt", "GPT"], ["resnet50", "ResNet-50"], ["mobilenetv2", "MobileNetV2"],
  ["bert", "BERT"], ["vit", "ViT"], ["llama", "Llama"], ["dscnn", "DS-CNN"], ["dlrm", "DLRM"],
  ["mixtral", "Mixtral"], ["resnet50_shared", "ResNet-50 shared"], ["gpt2_shared", "GPT-2 shared"],
  ["efficientnet", "EfficientNet"], ["unet", "U-Net"]
]);
// Parameters that a name says only where they are not the usual: [parameter, usual, words around it].
const UNUSUAL = [
  ["res", ["224"], "", " px"], ["width", ["1.0"], "width ", ""], ["rows", ["0"], "rows ", ""],
  ["zipf", ["0"], "zipf ", ""], ["format", ["auto", "none", "row"], "", ""],
  ["kv", ["auto", "f32"], "kv ", ""], ["past", ["0", "128"], "after ", ""]
];
const LIBRARIES = new Map([
  ["openblas", "OpenBLAS"], ["onednn", "oneDNN"], ["cublas", "cuBLAS"], ["cudnn", "cuDNN"],
  ["clblast", "CLBlast"], ["mkl", "MKL"]
]);
function netName(p) { // "GPT-2 small decode": two shapes of one network are two
  const q = p.params || {}, size = p.param_words && p.param_words.size,
        name = [NAMES.get(p.workload) || p.workload];
  if (size) name.push(size);
  else if (known(q.layers) && known(q.width))
    name.push(`${q.layers}×${q.width}`);
  if (known(q.tokens))
    name.push(!known(q.past) ? `${q.tokens} tokens` : q.tokens === 1 ? "decode" : `prefill ${q.tokens}`);
  for (const [k, usual, before, after] of UNUSUAL) {
    if (q[k] == null || (k === "width" && known(q.layers)) || word(p, k) === p.dtype) continue;
    if (!usual.includes(String(word(p, k)))) name.push(before + word(p, k) + after);
  }
  return name.join(" ");
}
const pointName = p => groupOf(p) === "Networks" ? netName(p) : p.workload;
const netLabel = p =>
  `${netName(p)}, ${p.dtype}` + (known(p.params.batch) ? `, batch ${p.params.batch}` : "");
// Items a second as the record says; of a known network the batch counts them; of anything else nothing is
// made up.
function items(p) {
  if (known(p.items_per_s)) return { rate: p.items_per_s, unit: p.item_unit || "item" };
  const q = p.params || {}, T = time(p);
  if (!(T > 0) || !known(q.batch)) return null;
  if (p.family === "gpt" && known(q.tokens)) return { rate: q.batch * q.tokens / T, unit: "token" };
  return p.family === "cnn" ? { rate: q.batch / T, unit: "image" } : null;
}
const countText = x => x >= 999.5 && x < 99950 ? String(Math.round(+x.toPrecision(3))) : scaled(x, "").trim();
const speed = p => {
  const i = items(p);
  return i ? `${countText(i.rate)} ${i.unit}s/s` : rateOf(p);
};
const rateOf = p => p.flops > 0 && p.intensity > 1 ? scaled(p.flops_per_s, flopUnit(p.dtype))
                    : p.bytes > 0                  ? scaled(p.bytes_per_s, "B/s")
                    : p.flops > 0                  ? scaled(p.flops_per_s, flopUnit(p.dtype))
                                                   : "–";
// The number behind a rate, to sort by.
const rateValue = p => items(p)                         ? items(p).rate
                       : p.flops > 0 && p.intensity > 1 ? p.flops_per_s
                       : p.bytes > 0                    ? p.bytes_per_s
                                                        : p.flops_per_s;

// ---- shares of the measured time ----
const TERMS = [
  ["memory", "data", "--data"], ["compute", "compute", "--comp"], ["latency", "latency", "--lat"],
  ["unexplained", "", "--rest"]
];
// Terms that together exceed the time ran at the same time: they then share it, and nothing is unexplained.
function shares(p) {
  const s = p.terms_s, T = time(p);
  if (!s || !(T > 0) || !known(s.data) || !known(s.compute)) return null;
  const sum = s.data + s.compute + (s.latency || 0), whole = Math.max(T, sum);
  return {
    memory: s.data / whole,
    compute: s.compute / whole,
    latency: (s.latency || 0) / whole,
    unexplained: Math.max(0, 1 - sum / whole),
    together: sum > T * 1.02
  };
}
function shareText(p) {
  const s = shares(p);
  if (!s) return "no law was fitted";
  return TERMS.filter(([k]) => k === "memory" || k === "compute" || s[k] >= .005)
           .map(([k]) => `${k} ${percent(s[k])}`)
           .join(", ") +
         (s.together ? " (terms overlap)" : "");
}
function shareBar(p) {
  const s = shares(p);
  if (!s) return el("span", { class: "soft" }, "–");
  return el("span", { class: "bar", role: "img", "aria-label": shareText(p) },
    TERMS.filter(([k]) => s[k] > 0).map(([k, ,
      c]) => el("i", { style: `width:${(100 * s[k]).toFixed(2)}%;background:var(${c})`, class: k })));
}
function describe(p, m) {
  const t = stats(p), more = [];
  if (items(p)) more.push(speed(p));
  if (groupOf(p) === "Networks" || p.flops > 0 || p.bytes > 0) more.push(rateOf(p));
  if (known(p.intensity)) more.push(`${num(p.intensity)} FLOP/B`);
  if (p.level) more.push(p.level);
  const eff = [["MFU", p.mfu], ["MBU", p.mbu]]
                .filter(([, v]) => known(v))
                .map(([n, v]) => `${n} ${percent(v)}`)
                .join(", ");
  return [
    `${pointName(p)} · ${p.kernel}` + (m && m.title ? ` · ${m.title}` : ""), params(p),
    `${p.dtype}, ${p.threads ? plural(p.threads, "thread") : "device"}, ${p.cache || "hot"}`,
    `T ${scaled(time(p), "s")} ${plusMinus(half(p))} [${scaled(t.ci_lo, "s")}, ${scaled(t.ci_hi, "s")}]`,
    more.join(", "),
    `held by: ${p.bound || "not judged"}` +
      (known(p.bound_p) && p.bound_p < .99 ? ` (P ${p.bound_p.toFixed(2)})` : ""),
    shareText(p),
    eff + (p.mfu > 1.02 && ["conv", "cnn", "layer"].includes(p.family) ? " (counts direct-convolution FLOP)"
                                                                       : ""),
    doubts(p).length ? `flags: ${doubts(p).join(", ")}` : "", p.why || ""
  ].filter(Boolean)
    .join("\n");
}

// ---- questions asked of many points ----
const sameQuestion = p => [p.workload, p.dtype, p.threads, p.cache, params(p)].join("|");
// Networks of a machine: one entry a question, the fastest kernel first.
function networks(m) {
  const by = new Map();
  for (const p of own(m)) {
    if (p.status !== "ok" || p.family === "layer" || naive(p) || groupOf(p) !== "Networks" || !(time(p) > 0))
      continue;
    const k = sameQuestion(p);
    (by.get(k) || by.set(k, []).get(k)).push(p);
  }
  return [...by.values()].map(g => g.sort((a, b) => time(a) - time(b)));
}
function sweeps(points) { // the same question at a growing batch
  const groups = new Map();
  for (const p of points) {
    if (!known(p.params.batch) || p.params.batch < 1) continue;
    const key = [
      p.id, p.dtype, p.threads, p.cache,
      ...Object.keys(p.params).filter(k => k !== "batch").map(k => k + p.params[k])
    ].join("|");
    (groups.get(key) || groups.set(key, []).get(key)).push(p);
  }
  return [...groups.values()]
    .map(g => g.sort((a, b) => a.params.batch - b.params.batch))
    .filter(g => g.length > 1);
}
const layerKey = p => [p.id, p.dtype, p.threads,
  ...Object.keys(p.params).filter(k => k !== "layer").map(k => `${k}=${word(p, k)}`)]
                        .join(" ");
function layerGroups(m) {
  const groups = new Map();
  for (const p of own(m).filter(p => p.family === "layer" && p.status === "ok"))
    (groups.get(layerKey(p)) || groups.set(layerKey(p), []).get(layerKey(p))).push(p);
  return groups;
}
