#!/usr/bin/env bash
# nightly.sh -- one recorded run a night, the history over all of them, and what the collectors want.
# usage: scripts/ci/nightly.sh PROGRAM FOLDER [WORKLOAD...]
# FOLDER/runs/ collects one record a night; FOLDER/ironroof.prom is for node_exporter's textfile collector;
# FOLDER/proof.jsonl is renewed every Sunday by `selftest aa`. Exit code: that of `ironroof history --strict`.
set -euo pipefail
program=${1:?usage: nightly.sh PROGRAM FOLDER [WORKLOAD...]}
folder=${2:?usage: nightly.sh PROGRAM FOLDER [WORKLOAD...]}
shift 2
mkdir -p "$folder/runs"
run="$folder/runs/$(date -u +%Y%m%dT%H%M%SZ).jsonl"
# A record appears among the runs only when it is whole.
"$program" run "$@" --no-report --quiet -o "$run.part"
mv "$run.part" "$run"
"$program" export "$run" --format openmetrics -o "$folder/ironroof.prom"
if [ "$(date -u +%u)" = 7 ]; then
  "$program" selftest aa --rounds 20 --no-more --quiet --force -o "$folder/proof.jsonl" \
    > "$folder/proof.txt" ||
    echo "selftest aa: exit code $?: see $folder/proof.txt" >&2
fi
code=0
"$program" history "$folder/runs" --strict --force -o "$folder/history.jsonl" \
  > "$folder/history.txt" || code=$?
cat "$folder/history.txt"
exit "$code"
