// main.js -- the page: what all machines share, then the sections of one machine. A section without data is
// left out.
function section(out, id, title, body) {
  if (body && [].concat(body).flat(Infinity).some(Boolean))
    out.push(
      el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), body));
}
function machineSections(m) {
  const points = own(m), plain = points.filter(p => p.status === "ok" && p.family !== "layer"), out = [];
  const intervals = `${plural(m.ceilings.length, "ceiling")} with intervals and saturation`,
        table = () => el("details", {}, el("summary", {}, intervals), ceilingTable(m));
  section(out, "cards", "How fast it can go", m.ceilings.length ? [cards(m), table()] : null);
  section(out, "layers", "Layers", layers(m));
  section(out, "batch", "Batch", batches(m, plain));
  section(out, "ladders", "Ladders", ladders(m));
  section(out, "law", "The Iron Law", law(m, plain));
  section(out, "witness", "Energy, counters, kept up", witnesses(m, plain));
  section(out, "proof", "Proof by intervention", proofs(m));
  section(out, "points", "Points", points.length ? pointTable(points) : null);
  section(out, "verdicts", "Verdicts and claims", verdicts(m, plain));
  section(out, "environment", "Environment", environment(m));
  return out;
}
const machines = readRecords(), main = document.getElementById("main"), detail = el("div");
const nav = roving(document.getElementById("contents"), "a"); // many sections: one stop of the Tab key
// Measured machines before datasheets, the latest run first: its details are the ones shown at the start.
const order = [...machines].sort(
  (a, b) => datasheet(a) - datasheet(b) || (started(b) > started(a)) - (started(b) < started(a)));
let shown = null;
function contents() {
  const all = [...main.querySelectorAll("section")];
  nav.replaceChildren(...all.map(s => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  nav.restop();
}
function showDetails(m) {
  if (shown === m) return;
  shown = m;
  detail.replaceChildren(...machineSections(m));
  contents();
  redrawNear();
}
const redrawNear = () => {
  for (const f of figures)
    if (!f.isConnected) figures.splice(figures.indexOf(f), 1);
};
// The layers of a network's point, if its machine has them: a function that goes there.
function layersOf(m, p) {
  const key = layerKey(p);
  if (!layerGroups(m).has(key)) return null;
  return () => {
    showDetails(m);
    const at = m.showLayers(key);
    at.scrollIntoView();
    at.focus();
  };
}
function answerBlocks() {
  const old = m => runsOf(machines).some(
    runs => runs.indexOf(m) >= 0 && runs.indexOf(m) < runs.length - 1); // of a history the latest
  const some =
    order.filter(m => (m.points.length || m.quality || m.ceilings.length && !datasheet(m)) && !old(m))
      .slice(0, 4);
  return (some.length ? some : order.slice(0, 1))
    .map((m, i) => i ? el("div", { class: "another" }, answers(m)) : answers(m));
}
function build() {
  const top = [], comparisons = machines.flatMap(m => m.comparisons);
  if (machines.some(m => m.points.length || m.ceilings.length || m.quality))
    section(top, "answers", machines.some(m => networks(m).length) ? "What holds it back" : "Machine",
      answerBlocks());
  section(top, "comparison", "Old build and new build", comparisons.length ? forest(comparisons) : null);
  section(top, "roofline", machines.length > 1 ? "Rooflines side by side" : "Roofline",
    roofline(machines, layersOf));
  section(top, "history", "History", history(machines));
  main.replaceChildren(...top);
  const rest = order.filter(m => m.points.length || m.ceilings.length || m.verdicts.length);
  if (rest.length > 1)
    main.append(el("div", { class: "controls which" },
      chooser("Details of", rest.map(m => m.title), rest[0].title,
        v => showDetails(rest.find(m => m.title === v)))));
  main.append(detail);
  contents();
  if (rest.length)
    requestAnimationFrame(
      () => setTimeout(() => showDetails(rest[0]))); // what is on the first screen is painted first
  const when = order.length ? started(order[0]) : "";
  document.getElementById("subtitle").textContent =
    [...new Set(machines.map(m => m.info.name || m.id || m.file))].join(" · ") +
    (when ? " · " + when.replace("T", " ").replace("Z", " UTC") : "");
  document.getElementById("links").replaceChildren(links(machines));
}
build();
