#!/usr/bin/env bash
# run.sh [ironroof arguments] -- install what is missing, build a release in build/, run it.
# Without arguments: ironroof run. A second call installs and rebuilds nothing.
# IRONROOF_NO_INSTALL=1: never install.
set -u -o pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

needs build_needs || exit 1
mkdir -p "$root/build" || exit 1
log=$root/build/build.log
[ -x "$root/build/ironroof" ] || say "Building ironroof in $root/build ..."
# CUDA is compiled for the GPU that is here, and not at all where there is none.
gpus() {
  have nvidia-smi && nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
    tr -d . | sort -u | sed 's/^90$/90a/' | paste -sd ';'
}
cuda=(-DIRONROOF_CUDA=OFF)
archs=$(gpus) || archs=
[ -z "$archs" ] || cuda=(-DIRONROOF_CUDA=AUTO -DIRONROOF_CUDA_ARCHS="$archs")
built() { configure "$root/build" -DCMAKE_BUILD_TYPE=Release "${cuda[@]}" && build "$root/build" ironroof; }
if ! built >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  say "The build failed; all of its output is in $log"
  exit 1
fi
if [ "$root/build/summary.txt" -nt "$root/build/.summary-shown" ]; then
  cat "$root/build/summary.txt" >&2
  touch "$root/build/.summary-shown"
fi
[ $# -gt 0 ] || set -- run
exec "$root/build/ironroof" "$@"
