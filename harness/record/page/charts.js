"use strict";
// charts.js -- numbers as text, SVG by hand, log and linear axes, tooltips, legends. No chart knows what it shows.
const UNIT_UP = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
const known = x => typeof x === "number" && isFinite(x);
function digits(x) { const a = Math.abs(x); return a === 0 ? "0" : a >= 99.95 ? x.toFixed(0) : a >= 9.995 ? x.toFixed(1) : a >= .9995 ? x.toFixed(2) : x.toPrecision(3); }
function scaled(x, unit) {
  if (!known(x)) return "–";
  if (x === 0) return "0 " + unit;
  const [f, p] = UNIT_UP.find(([f]) => Math.abs(x) >= f * .9995) || UNIT_UP[UNIT_UP.length - 1];
  return digits(x / f) + " " + p + unit;
}
const num = x => known(x) ? (Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2) : digits(x)) : "–";
const bare = text => text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, ""); // "3.00 T" on an axis is "3 T"
const tick = unit => v => bare(scaled(v, unit).trim());
const percent = x => known(x) ? (100 * x).toFixed(Math.abs(x) < .0995 ? 1 : 0) + " %" : "–";
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const k in attributes || {}) k === "class" ? e.className = attributes[k] : e.setAttribute(k, attributes[k]);
  for (const c of children.flat()) if (c != null) e.append(c.nodeType ? c : document.createTextNode(c));
  return e;
}
function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text != null) e.textContent = text;
  return e;
}
// Ten colours; the next ten names are squares.
const marker = (i, x, y, r, o) => i % 20 < 10 ? svg("circle", { cx: x, cy: y, r, ...o }) : svg("rect", { x: x - .9 * r, y: y - .9 * r, width: 1.8 * r, height: 1.8 * r, ...o });
const color = i => `var(--c${i % 10})`;

const tip = document.getElementById("tip");
function show(text, at) {
  tip.textContent = text;
  tip.style.display = "block";
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(4, Math.min(at.clientX + 14, innerWidth - w - 4)) + "px";
  tip.style.top = Math.max(4, at.clientY + 16 + h > innerHeight ? at.clientY - h - 10 : at.clientY + 16) + "px";
}
const hide = () => { tip.style.display = "none"; };
function hover(e, text) {
  e.classList.add("mark");
  e.setAttribute("tabindex", "0");
  e.addEventListener("mousemove", m => show(text, m));
  e.addEventListener("mouseleave", hide);
  e.addEventListener("focus", () => { const b = e.getBoundingClientRect(); show(text, { clientX: b.right, clientY: b.bottom }); });
  e.addEventListener("blur", hide);
  return e;
}
addEventListener("scroll", hide, { passive: true });

// An axis maps values to pixels. ticks: decades (with 2 and 5 when there are few) or a linear ladder.
function logAxis(lo, hi, from, to) {
  const a = Math.log10(lo), b = Math.log10(hi), f = v => from + (Math.log10(v) - a) / (b - a) * (to - from);
  const steps = b - a > 3.5 ? [1] : b - a > 1.6 ? [1, 3] : [1, 2, 5], ticks = [], every = Math.ceil((b - a) / (Math.abs(to - from) / 42));
  for (let d = Math.floor(a); d <= Math.ceil(b); d++)
    for (const s of steps) { const v = s * 10 ** d; if (v >= lo * .999 && v <= hi * 1.001 && (steps.length > 1 || d % every === 0)) ticks.push(v); }
  f.ticks = ticks;
  return f;
}
function sizeAxis(lo, hi, from, to) { // powers of two in bytes
  const f = logAxis(lo, hi, from, to), room = Math.abs(to - from) / 46, n = Math.log2(hi / lo), step = Math.max(1, Math.ceil(n / room));
  f.ticks = [];
  for (let p = Math.ceil(Math.log2(lo)); p <= Math.log2(hi) + .01; p += step) f.ticks.push(2 ** p);
  return f;
}
function linearAxis(lo, hi, from, to) {
  const f = v => from + (v - lo) / (hi - lo) * (to - from), raw = (hi - lo) / 5, m = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(s => s * m).find(s => s >= raw);
  f.ticks = [];
  for (let v = Math.ceil(lo / step) * step; v <= hi * 1.0001; v += step) f.ticks.push(v);
  return f;
}
const bytes2 = v => v >= 2 ** 30 ? v / 2 ** 30 + " Gi" : v >= 2 ** 20 ? v / 2 ** 20 + " Mi" : v >= 1024 ? v / 1024 + " Ki" : v + "";

// frame({x:[lo,hi], y:[lo,hi], ...}): an SVG with axes; returns {g, x, y, box} and lets `draw` redraw on resize.
function frame(width, o) {
  const narrow = width < 480, h = o.height || Math.round(Math.max(250, Math.min(460, width * .56)));
  const box = { l: narrow ? 52 : 62, r: o.right || 12, t: 10, b: 40 };
  const root = svg("svg", { viewBox: `0 0 ${width} ${h}`, role: "img", "aria-label": o.label || "" });
  const x = (o.xkind || logAxis)(o.x[0], o.x[1], box.l, width - box.r), y = (o.ykind || logAxis)(o.y[0], o.y[1], h - box.b, box.t);
  for (const v of x.ticks) {
    root.append(svg("line", { class: "grid", x1: x(v), x2: x(v), y1: box.t, y2: h - box.b }));
    root.append(svg("text", { class: "soft", x: x(v), y: h - box.b + 15, "text-anchor": "middle" }, (o.xtext || (v => bare(num(v))))(v)));
  }
  for (const v of y.ticks) {
    root.append(svg("line", { class: "grid", x1: box.l, x2: width - box.r, y1: y(v), y2: y(v) }));
    root.append(svg("text", { class: "soft", x: box.l - 6, y: y(v) + 4, "text-anchor": "end" }, (o.ytext || (v => bare(num(v))))(v)));
  }
  root.append(svg("line", { class: "axis", x1: box.l, x2: width - box.r, y1: h - box.b, y2: h - box.b }));
  root.append(svg("line", { class: "axis", x1: box.l, x2: box.l, y1: box.t, y2: h - box.b }));
  root.append(svg("text", { class: "soft", x: (box.l + width - box.r) / 2, y: h - 6, "text-anchor": "middle" }, o.xlabel || ""));
  if (o.ylabel) root.append(svg("text", { class: "soft", x: box.l + 5, y: box.t + 9 }, o.ylabel));
  return { root, x, y, box, width, height: h };
}
// A figure that draws itself for the width it has, again whenever that changes.
const figures = [];
function figure(draw, caption) {
  const holder = el("div"), f = el("figure", {}, holder, caption ? el("figcaption", {}, caption) : null);
  let last = 0;
  const redraw = () => {
    const w = Math.round(holder.clientWidth || 640);
    if (w === last || w < 50) return;
    last = w;
    holder.replaceChildren(draw(w));
  };
  f.redraw = () => { last = 0; redraw(); };
  new ResizeObserver(() => requestAnimationFrame(redraw)).observe(holder); // a chart changes the height that is being observed
  addEventListener("beforeprint", f.redraw);
  figures.push(f);
  return f;
}
function legend(names, state, changed, square) {
  return el("div", { class: "legend" }, names.map((name, i) => {
    const b = el("button", { type: "button", "aria-pressed": String(!state.has(name)) }, el("span", { class: "swatch" + (square || i % 20 >= 10 ? " square" : ""), style: `background:${color(i)}` }), name);
    b.addEventListener("click", () => { state.has(name) ? state.delete(name) : state.add(name); b.setAttribute("aria-pressed", String(!state.has(name))); changed(); });
    return b;
  }));
}
function table(heads, rows, textual) {
  const kind = i => textual && textual.includes(i) ? { class: "t" } : {};
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((h, i) => el("th", kind(i), h)))),
    el("tbody", {}, rows.map(r => el("tr", {}, r.map((c, i) => c && c.nodeType && c.tagName === "TD" ? c : el("td", kind(i), c)))))));
}
const path = points => points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
