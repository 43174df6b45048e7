// energy.js -- joules and counts beside the points that have them, the fit of joules, and what was kept up
// for minutes.
function joule(c, unit, scale) {
  return c && c.known && known(c.value)
           ? `${num(c.value * scale)} ${unit} [${num(c.lo * scale)}, ${num(c.hi * scale)}]`
           : "not identified";
}
function idlePower(f) {
  if (!known(f.idle_W)) return "unknown";
  const moved = known(f.idle_after_W) && Math.abs(f.idle_after_W - f.idle_W) > .05 * f.idle_W;
  return `${num(f.idle_W)} W` + (moved ? `, ${num(f.idle_after_W)} W after: it moved` : "");
}
function energyFits(m) {
  return m.joules.map(
    f => [table(["energy of", `${f.scope || ""}, ${f.source || ""}, ${plural(f.threads || 0, "thread")}`],
            [
              ["a byte from memory", joule(f.J_per_byte, "pJ", 1e12)],
              ["a FLOP", joule(f.J_per_flop, "pJ", 1e12)], ["power besides", joule(f.base_W, "W", 1)],
              ["idle", idlePower(f)], ["points", String(f.n ?? "–")]
            ],
            [0]),
      f.why ? el("p", { class: "note" }, f.why) : null]);
}
function countedCause(p, ratio) {
  const bytes = p.read_B + p.write_B, extra = (bytes + (p.wa_B || 0)) / bytes,
        regular = p.wa_B > 0 && !(p.kflags || []).includes("nt");
  if (ratio < .95) return "a cache served a part";
  if (regular && Math.abs(ratio / extra - 1) < .05) return "write-allocates";
  if (regular && ratio > 1.05 && ratio < extra) return "write-allocates, partly evaded";
  if (p.scattered && ratio > 1.05) return "whole lines for single elements";
  return ratio <= 1.05 ? "as modelled" : "more than modelled";
}
function witnessRows(points) {
  const seen = points.filter(p => known(p.energy_J) || known(p.counted_B));
  if (!seen.length) return null;
  const ratio = p => p.counted_B / (p.read_B + p.write_B);
  return table(["point", "kernel", "a call", "above idle", "power", "counted/model", "because"],
    seen.map(
      p => [pointName(p) + " " + params(p), p.kernel,
        known(p.energy_J) ? `${scaled(p.energy_J, "J")} [${scaled((p.energy || {}).lo, "J")}, ${
                              scaled((p.energy || {}).hi, "J")}]`
                          : "–",
        known((p.energy || {}).above_idle_J) ? scaled(p.energy.above_idle_J, "J") : "–",
        known((p.energy || {}).W) ? `${num(p.energy.W)} W` : "–",
        known(p.counted_B) ? ratio(p).toFixed(2) : "–", known(p.counted_B) ? countedCause(p, ratio(p)) : ""]),
    [0, 1, 6]);
}
function keptUp(m) {
  if (!m.series.length) return null;
  return [
    el("h3", {}, "Kept up"),
    table(["point", "left of its peak", "slower from", "cause", "evidence"],
      m.series.map(s => [s.key,
                     s.known ? percent(s.sustained_per_s / s.peak_per_s) + (s.settled ? "" : ", not settled")
                             : "too short to tell",
                     known(s.drop_s) ? `${num(s.drop_s)} s` : "no drop", s.cause || "",
                     el("td", { class: "w" }, s.evidence || "")]),
      [0, 2, 3, 4])
  ];
}
function witnesses(m, plain) {
  const first = plain.find(p => p.counters && p.counters.certificate);
  return [
    energyFits(m),
    first ? el("p", { class: "note" },
              `Counted by ${first.counters.version || first.counters.source}: ${first.counters.certificate}.`)
          : null,
    witnessRows(plain), keptUp(m)
  ];
}
