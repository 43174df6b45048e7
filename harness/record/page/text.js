"use strict";
// text.js -- numbers as text, elements, the way every string of a record is made harmless. Knows no chart and
// no record.
const PREFIXES = [
  [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"],
  [1e-9, "n"], [1e-12, "p"]
];
const known = x => typeof x === "number" && isFinite(x);
function digits(x) {
  const a = Math.abs(x);
  return a === 0      ? "0"
         : a >= 99.95 ? x.toFixed(0)
         : a >= 9.995 ? x.toFixed(1)
         : a >= .9995 ? x.toFixed(2)
                      : x.toPrecision(3);
}
function scaled(x, unit) {
  if (!known(x)) return "–";
  if (x === 0) return "0 " + unit;
  const [f, p] = PREFIXES.find(([f]) => Math.abs(x) >= f * .9995) || PREFIXES[PREFIXES.length - 1];
  return digits(x / f) + " " + p + unit;
}
const num = x => !known(x)                                               ? "–"
                 : Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2)
                                                                         : digits(x);
const bare = text =>
  text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, ""); // "3.00 T" on an axis is "3 T"
const tick = unit => v => bare(scaled(v, unit).trim());
const percent = x => known(x) ? (100 * x).toFixed(Math.abs(x) < .0995 ? 1 : 0) + " %" : "–";
const flopUnit = dtype => dtype === "i8" || dtype === "i4" ? "OP/s" : "FLOP/s";
const bytes2 = v => v >= 2 ** 30   ? v / 2 ** 30 + " Gi"
                    : v >= 2 ** 20 ? v / 2 ** 20 + " Mi"
                    : v >= 1024    ? v / 1024 + " Ki"
                                   : v + "";
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// Control characters and those that turn the direction of text never reach the page: each is shown as U+FFFD.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const clean = text => String(text).replace(/[\t\n\r]+/g, " ").replace(UNSAFE, "\ufffd");

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
  for (const c of children.flat(Infinity))
    if (c != null && c !== false) e.append(c.nodeType ? c : document.createTextNode(c));
  return e;
}
function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attributes)
    if (attributes[k] != null) e.setAttribute(k, attributes[k]);
  if (text != null) e.textContent = text;
  return e;
}
const button = (text, attributes, click) => {
  const b = el("button", { type: "button", ...attributes }, text);
  b.addEventListener("click", click);
  return b;
};

// A group is one stop of the Tab key; the arrow keys move inside it, Home and End to its ends.
const STEP = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1
};
function roving(group, selector) {
  const items = () => [...group.querySelectorAll(selector)];
  const stop = chosen => {
    for (const e of items()) e.setAttribute("tabindex", e === chosen ? "0" : "-1");
  };
  group.addEventListener("keydown", k => {
    const all = items(), at = all.indexOf(document.activeElement);
    if (at < 0 || k.ctrlKey || k.metaKey || k.altKey) return;
    const to = k.key in STEP      ? (at + STEP[k.key] + all.length) % all.length
               : k.key === "Home" ? 0
               : k.key === "End"  ? all.length - 1
                                  : -1;
    if (to < 0) return;
    stop(all[to]);
    all[to].focus();
    k.preventDefault();
  });
  group.addEventListener("focusin", e => {
    if (items().includes(e.target)) stop(e.target);
  });
  group.restop = () => stop(items()[0]); // after its members changed
  group.restop();
  return group;
}

// Offers text or a picture as a file; nothing leaves the page.
function download(name, content) {
  const a = el("a", { download: name });
  a.href =
    URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "text/plain" }));
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}
