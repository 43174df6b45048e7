// charts.js -- SVG by hand: axes, frames, marks with tooltips, labels that keep apart, legends. No chart
// knows what it shows.
const tip = document.getElementById("tip");
function show(text, at) {
  tip.textContent = text;
  tip.style.display = "block";
  const w = tip.offsetWidth, h = tip.offsetHeight, below = at.clientY + 16;
  tip.style.left = Math.max(4, Math.min(at.clientX + 14, innerWidth - w - 4)) + "px";
  tip.style.top = Math.max(4, below + h > innerHeight ? at.clientY - h - 10 : below) + "px";
}
const hide = () => { tip.style.display = "none"; };
addEventListener("scroll", hide, { passive: true });
addEventListener("beforeprint", hide);

// A mark says what it is to the pointer, to the keyboard and to a screen reader; `click` makes it a button.
function mark(e, text, click) {
  e.classList.add("mark");
  e.setAttribute("role", click ? "button" : "img");
  e.setAttribute("aria-label", text.replace(/\n/g, "; "));
  e.addEventListener("mousemove", m => show(text, m));
  e.addEventListener("mouseleave", hide);
  e.addEventListener("focus", () => {
    const b = e.getBoundingClientRect();
    show(text, { clientX: b.right, clientY: b.bottom });
  });
  e.addEventListener("blur", hide);
  if (click) {
    e.classList.add("link");
    e.addEventListener("click", click);
    e.addEventListener("keydown", k => {
      if (k.key === "Enter" || k.key === " ") {
        k.preventDefault();
        click();
      }
    });
  }
  return e;
}

// Shapes tell machines apart, colours families.
const SHAPES = [
  (x, y, r) => ["circle", { cx: x, cy: y, r }],
  (x, y, r) => ["rect", { x: x - .9 * r, y: y - .9 * r, width: 1.8 * r, height: 1.8 * r }],
  (x, y, r) => ["path", { d: polygon(x, y, 1.3 * r, 4, 0) }],
  (x, y, r) => ["path", { d: polygon(x, y, 1.3 * r, 3, -90) }],
  (x, y, r) => ["path", { d: polygon(x, y, 1.3 * r, 3, 90) }],
  (x, y, r) => ["path", { d: polygon(x, y, 1.15 * r, 6, 0) }]
];
const DASHES = ["none", "7 4", "2 3", "9 3 2 3", "4 2", "1 4"];
function polygon(x, y, r, n, turn) {
  const at = i => {
    const a = (turn + i * 360 / n) * Math.PI / 180;
    return [x + r * Math.cos(a), y + r * Math.sin(a)];
  };
  return line([...Array(n).keys()].map(at)) + "Z";
}
function marker(shape, x, y, r, attributes) {
  const [tag, where] = SHAPES[shape % SHAPES.length](x, y, r);
  return svg(tag, {...where, ...attributes });
}
const line = points =>
  points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");

// ---- axes: a function from a value to pixels, with .ticks and .invert ----
function logAxis(lo, hi, from, to) {
  const a = Math.log10(lo), b = Math.log10(hi), f = v => from + (Math.log10(v) - a) / (b - a) * (to - from);
  const steps = b - a > 3.5   ? [1]
                : b - a > 1.6 ? [1, 3]
                : b - a > .8  ? [1, 2, 5]
                : b - a > .3  ? [1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8]
                              : [1, 1.05, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 9.5];
  const every = Math.ceil((b - a) / (Math.abs(to - from) / 42));
  f.ticks = [];
  for (let d = Math.floor(a); d <= Math.ceil(b); d++)
    for (const s of steps) {
      const v = s * 10 ** d;
      if (v >= lo * .999 && v <= hi * 1.001 && (steps.length > 1 || d % every === 0)) f.ticks.push(v);
    }
  f.ticks = f.ticks.filter((v, i) => i === 0 || Math.abs(f(v) - f(f.ticks[i - 1])) > 14);
  f.invert = p => 10 ** (a + (p - from) / (to - from) * (b - a));
  return f;
}
function sizeAxis(lo, hi, from, to) { // powers of two in bytes
  const f = logAxis(lo, hi, from, to), room = Math.abs(to - from) / 46;
  const step = Math.max(1, Math.ceil(Math.log2(hi / lo) / room));
  f.ticks = [];
  for (let p = Math.ceil(Math.log2(lo)); p <= Math.log2(hi) + .01; p += step) f.ticks.push(2 ** p);
  return f;
}
function linearAxis(lo, hi, from, to) {
  const f = v => from + (v - lo) / (hi - lo) * (to - from);
  const raw = (hi - lo) / 5, m = 10 ** Math.floor(Math.log10(raw)),
        step = [1, 2, 5, 10].map(s => s * m).find(s => s >= raw);
  f.ticks = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-6; i++) f.ticks.push(i * step);
  f.invert = p => lo + (p - from) / (to - from) * (hi - lo);
  return f;
}

// ---- frames ----
let clips = 0;
// frame(width, {x: [lo, hi], y: [lo, hi], ...}): axes with their grid; .body is clipped to the box.
function frame(width, o) {
  const height = o.height || Math.round(Math.max(250, Math.min(460, width * .56)));
  const box = { l: o.left || (width < 480 ? 52 : 62), r: o.right || 12, t: 10, b: 40 },
        floor = height - box.b, edge = width - box.r;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": o.label || "" });
  const x = (o.xkind || logAxis)(o.x[0], o.x[1], box.l, edge),
        y = (o.ykind || logAxis)(o.y[0], o.y[1], floor, box.t);
  const put = (tag, attributes, text) => root.append(svg(tag, attributes, text));
  if (!o.noxticks)
    for (const v of x.ticks) {
      put("line", { class: "grid", x1: x(v), x2: x(v), y1: box.t, y2: floor });
      put("text", { class: "soft", x: x(v), y: floor + 15, "text-anchor": "middle" },
        (o.xtext || (v => bare(num(v))))(v));
    }
  if (!o.noyticks)
    for (const v of y.ticks) {
      put("line", { class: "grid", x1: box.l, x2: edge, y1: y(v), y2: y(v) });
      put("text", { class: "soft", x: box.l - 6, y: y(v) + 4, "text-anchor": "end" },
        (o.ytext || (v => bare(num(v))))(v));
    }
  put("line", { class: "axis", x1: box.l, x2: edge, y1: floor, y2: floor });
  put("line", { class: "axis", x1: box.l, x2: box.l, y1: box.t, y2: floor });
  put(
    "text", { class: "soft", x: (box.l + edge) / 2, y: height - 6, "text-anchor": "middle" }, o.xlabel || "");
  if (o.ylabel) put("text", { class: "soft", x: box.l + 5, y: box.t + 9 }, o.ylabel);
  const id = "clip" + ++clips, clip = svg("clipPath", { id }),
        body = svg("g", { "clip-path": `url(#${id})` });
  clip.append(svg("rect", { x: box.l, y: box.t - 6, width: edge - box.l, height: floor - box.t + 6 }));
  root.append(clip, body);
  return { root, body, x, y, box, width, height, floor, edge, labels: [], said: [] };
}

// ---- labels that keep apart ----
const ruler = document.createElement("canvas").getContext("2d");
function textWidth(text, size) {
  ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(text).width;
}
function fit(text, size, room) { // the text, or as much of it as there is room for
  let n = text.length;
  while (n > 1 && textWidth(text.slice(0, n) + (n < text.length ? "…" : ""), size) > room) n--;
  return n < text.length ? text.slice(0, n) + "…" : text;
}
function corners(x, y, w, h, angle, end) { // of a text whose baseline starts (end: ends) at x, y
  const c = Math.cos(angle), s = Math.sin(angle), l = end ? -w : 0;
  return [[l, 3], [l + w, 3], [l + w, -h], [l, -h]].map(([a, b]) => [x + a * c - b * s, y + a * s + b * c]);
}
function apart(p, q) { // two convex polygons: is there an axis that separates them?
  for (const poly of [p, q])
    for (let i = 0; i < poly.length; i++) {
      const [x0, y0] = poly[i], [x1, y1] = poly[(i + 1) % poly.length], n = [y1 - y0, x0 - x1];
      const a = p.map(([x, y]) => x * n[0] + y * n[1]), b = q.map(([x, y]) => x * n[0] + y * n[1]);
      if (Math.max(...a) < Math.min(...b) || Math.max(...b) < Math.min(...a)) return true;
    }
  return false;
}
// The first place of `places` [x, y, angle] that touches no label so far takes the text; without one the
// label is left out.
function label(f, text, places, o) {
  const near = places[0] && f.said.some(s => s.text === text && Math.abs(s.x - places[0][0]) < 120 &&
                                             Math.abs(s.y - places[0][1]) < 60);
  if (near) return true; // the same words stand beside it
  const size = f.width < 480 ? 10 : 12, w = textWidth(text, size), end = o && o.end;
  for (const [x, y, angle] of places) {
    const box = corners(x, y, w, size, angle || 0, end);
    const inside =
      box.every(([a, b]) => a >= f.box.l - 1 && a <= f.edge + 1 && b >= f.box.t - 8 && b <= f.floor);
    if (!inside || !f.labels.every(other => apart(box, other))) continue;
    f.labels.push(box);
    const turn = angle ? ` rotate(${(angle * 180 / Math.PI).toFixed(1)})` : "";
    f.root.append(svg("text", {
      class: "roof " + ((o && o.class) || ""),
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})${turn}`,
      "text-anchor": end ? "end" : null,
      style: `font-size:${size}px`
    },
      text));
    f.said.push({ text, x, y });
    return true;
  }
  return false;
}

// ---- figures and legends ----
// A figure draws itself for the width it has, when it comes near the window, and again whenever that width
// changes.
const figures = [];
function figure(draw, caption, group) { // group: figures that are one stop of the Tab key together
  const holder = el("div", { class: "holder" }),
        f = el("figure", {}, holder, caption ? el("figcaption", {}, caption) : null);
  let last = 0, near = false;
  const redraw = () => {
    const w = Math.round(holder.clientWidth || 640);
    if (w === last || w < 50 || !near) return;
    last = w;
    holder.replaceChildren(group ? draw(w) : roving(draw(w), ".mark"));
    if (group) group.restop();
  };
  f.redraw = () => {
    last = 0;
    near = true;
    redraw();
  };
  new ResizeObserver(() => requestAnimationFrame(redraw))
    .observe(holder); // a chart changes the height that is observed
  const watch = new IntersectionObserver(seen => {
    if (seen.some(s => s.isIntersecting)) {
      watch.disconnect();
      f.redraw();
    }
  }, { rootMargin: "600px" });
  watch.observe(f);
  figures.push(f);
  return f;
}
const redrawAll = () => {
  for (const f of figures)
    if (f.isConnected) f.redraw();
};
addEventListener("beforeprint", redrawAll);

// One row of switches; `off` holds the names that are switched off. swatch(name): the mark in front of a
// name.
function legend(title, names, off, changed, swatch) {
  return roving(el("div", { class: "legend", role: "toolbar", "aria-label": title },
                  el("span", { class: "lead" }, title), names.map(name => {
                    const b = button([swatch ? swatch(name) : null, name],
                      { "aria-pressed": String(!off.has(name)) }, () => {
                        off.has(name) ? off.delete(name) : off.add(name);
                        b.setAttribute("aria-pressed", String(!off.has(name)));
                        changed();
                      });
                    return b;
                  })),
    "button");
}
const swatch = (color, square) =>
  el("span", { class: "swatch" + (square ? " square" : ""), style: `background:${color}` });
function shapeSwatch(i) { // the mark and the dash of one machine
  const s =
    svg("svg", { class: "shape", viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" });
  s.append(svg("line", {
    x1: 0,
    x2: 34,
    y1: 7,
    y2: 7,
    stroke: "var(--ink)",
    "stroke-width": 1.6,
    "stroke-dasharray": DASHES[i % DASHES.length]
  }),
    marker(i, 17, 7, 4, { fill: "var(--ink)" }));
  return s;
}
function chooser(title, choices, chosen, changed) {
  const s = el("select", {}, choices.map(c => el("option", c === chosen ? { selected: "" } : {}, c)));
  s.addEventListener("change", () => changed(s.value));
  return el("label", { class: "chooser" }, title + " ", s);
}
