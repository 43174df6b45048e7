#!/usr/bin/env bash
# spills.sh [--archs "75 80 ..."] [--table FILE] [FILE.cu]... -- compile the CUDA kernels for every
# capability, one at a time, and say what ptxas made of them: kernels, most registers, and which kernels
# keep values in local memory (spills, or a stack frame). Needs nvcc and no GPU. --table: also every
# kernel's own line: file, capability, registers, bytes of spill stores and loads, of stack, name. Exit 0:
# no kernel does; 1: one does, or one does not compile, warns, or has its warp-group products serialized,
# which ptxas calls a potential performance loss and no warning; 2: used wrongly; 77: no nvcc.
set -u -o pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

archs="75 80 86 87 89 90a 100 110 120"
table='' files=()
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
while [ $# -gt 0 ]; do
  case $1 in
    --archs) archs=${2:?--archs needs a list}; shift ;;
    --table) table=${2:?--table needs a file}; shift ;;
    -h | --help) usage; exit 0 ;;
    *.cu) files+=("$1") ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ ${#files[@]} -gt 0 ] || files=("$root"/kernels/cuda/*.cu)
have nvcc || [ ! -x /usr/local/cuda/bin/nvcc ] || PATH=$PATH:/usr/local/cuda/bin
have nvcc || { say "no nvcc"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The lines of ptxas -v on stdin as: file, capability, registers, store bytes, load bytes, name.
rows() {
  awk -v file="$1" -v arch="$2" '
    /Function properties for/ { name = $NF }
    /bytes spill stores/ {
      split($0, a, ","); split(a[2], s, " "); split(a[3], l, " ")
      stack[name] = $1; stores[name] = s[1]; loads[name] = l[1]
    }
    /Compiling entry function/ { split($0, q, "\047"); entry = q[2] }
    /Used [0-9]+ registers/ {
      match($0, /Used [0-9]+/)
      print file, arch, substr($0, RSTART + 5, RLENGTH - 5), stores[entry] + 0, loads[entry] + 0,
        stack[entry] + 0, entry
    }
  '
}

bad=0
: >"$work/all"
printf '%-14s %-6s %8s %10s %8s\n' file sm kernels registers spilling
for file in "${files[@]}"; do
  name=$(basename "$file")
  for arch in $archs; do
    warn=()
    [ "$arch" = 90a ] && warn=(-DIR_CUDA_SM90A=1)
    if ! nvcc -cubin -o "$work/out" -gencode "arch=compute_$arch,code=sm_$arch" -O3 -std=c++20 \
      --expt-relaxed-constexpr -I"$root" -Wno-deprecated-gpu-targets -Werror=all-warnings \
      ${warn[@]+"${warn[@]}"} -Xptxas -v "$file" >"$work/log" 2>&1; then
      printf '%-14s %-6s does not compile:\n' "$name" "sm_$arch"
      grep -iE 'error|warning' "$work/log" | head -n 5 | sed 's/^/    /'
      bad=1
      continue
    fi
    if grep -iqE 'warning|performance loss' "$work/log"; then
      printf '%-14s %-6s warns:\n' "$name" "sm_$arch"
      grep -iE 'warning|performance loss' "$work/log" | head -n 5 | sed 's/^/    /'
      bad=1
    fi
    rows "$name" "$arch" <"$work/log" >"$work/rows"
    cat "$work/rows" >>"$work/all"
    awk -v file="$name" -v arch="sm_$arch" '
      { n++; if ($3 > most) most = $3; if ($4 + $5 + $6 > 0) spill++ }
      END { printf "%-14s %-6s %8d %10d %8d\n", file, arch, n, most, spill }' "$work/rows"
    awk '$4 + $5 + $6 > 0 { print $4, $5, $6, $7 }' "$work/rows" | while read -r stores loads stack fn; do
      printf '    spills: %s B stored, %s B loaded, %s B of stack: %s\n' "$stores" "$loads" "$stack" \
        "$(c++filt "$fn" 2>/dev/null || echo "$fn")"
    done
    awk '$4 + $5 + $6 > 0 { found = 1 } END { exit !found }' "$work/rows" && bad=1
  done
done
[ -z "$table" ] || cp "$work/all" "$table" || exit 1
awk '{ n++; if ($4 + $5 + $6 > 0) s++ } END { printf "%d kernels compiled, %d spill\n", n, s }' "$work/all"
exit $bad
