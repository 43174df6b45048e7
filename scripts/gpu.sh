#!/usr/bin/env bash
# gpu.sh [--stage NAME]... [--quick] [--all-archs] -- build for the GPUs here and run everything that needs one.
# Needs nvcc and CMake only; what else is there (PyTorch, compute-sanitizer, nvidia-smi) is used. Stages, in order, each
# logged to $OUT/NAME.log and each under 9 minutes; a stage that fails does not stop the next:
#   build      for this GPU's capability; --all-archs: for every one, with what ptxas says of registers and spills
#   selftest   every kernel against its oracle
#   sanitizer  compute-sanitizer memcheck and racecheck over one small shape of each family
#   ceilings   bandwidth, peaks, latencies, launch cost, transfers
#   sweep      operators; gemm  products; nets  networks over batch sizes
#   torch      PyTorch on the same shapes
#   table      ratios, ours over PyTorch's
# OUT: folder of the records (default: build-gpu/records). IRONROOF_PYTHON: a Python that has PyTorch (default: python3).
# Exit 0: all ran; 1: a stage failed; 2: built, but there is no GPU.
set -u -o pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=(build selftest sanitizer ceilings sweep gemm nets torch table)
OUT=${OUT:-$root/build-gpu/records}
python=${IRONROOF_PYTHON:-python3}
dir=$root/build-gpu
program=$dir/ironroof
limit=530 # seconds a stage
quick='' archs=''
stages=()
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
while [ $# -gt 0 ]; do
  case $1 in
    --stage) stages+=("${2:?--stage needs a name}"); shift ;;
    --quick) quick=1 ;;
    --all-archs) archs=all ;;
    --list) printf '%s\n' "${all[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${all[@]}")
for stage in "${stages[@]}"; do
  [[ " ${all[*]} " = *" $stage "* ]] || { say "no stage '$stage' (${all[*]})"; exit 2; }
done
mkdir -p "$OUT" || exit 1

# Capabilities of the GPUs here, as nvcc names them: 90a where there is one of 9.0; empty without a driver.
capabilities() {
  have nvidia-smi || return 0
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d '. ' | grep -E '^[0-9]+$' | sort -u |
    sed 's/^90$/90a/' | paste -sd';' -
}

bounded() { timeout --kill-after=10 "$limit" "$@"; }
run() { bounded "$program" "$@" --backend cuda --quiet --no-report; }
skip() { printf 'skipped: %s\n' "$*"; return 77; }

stage_build() {
  local nvcc=() list=${archs:+default} more=()
  have nvcc || [ ! -x /usr/local/cuda/bin/nvcc ] || PATH=$PATH:/usr/local/cuda/bin
  have nvcc && nvcc=(-DCMAKE_CUDA_COMPILER="$(command -v nvcc)")
  if [ -n "$list" ]; then
    more=(-DIRONROOF_CUDA_VERBOSE=ON)
  else
    list=$(capabilities)
    more=(-DIRONROOF_CUDA_ARCHS="${list:-80;90a}")
  fi
  configure "$dir" -DCMAKE_BUILD_TYPE=Release -DIRONROOF_CUDA=ON -DIRONROOF_CUDA_EMULATE=OFF -DBUILD_TESTING=OFF \
    ${nvcc[@]+"${nvcc[@]}"} "${more[@]}" && build "$dir" ironroof || return 1
  if [ -n "$archs" ]; then
    printf 'kernels that spill:\n'
    grep -B2 -E '[1-9][0-9]* bytes spill' "$OUT/build.log" | grep -oE "function '[^']*'|[0-9]+ bytes spill [a-z]+" | head -n 40
  fi
}
stage_selftest() { bounded "$program" selftest kernels --backend cuda; }
stage_sanitizer() {
  have compute-sanitizer || { skip "no compute-sanitizer"; return; }
  local tool bad=0 small=("copy:bytes=65536,dtype=f32" "gemm:m=130,n=264,k=72,dtype=bf16" "gemm:m=100,n=72,k=96,dtype=f32"
    "linear:rows=5,c=100,k=31,dtype=bf16" "attention:batch=1,heads=2,dh=64,tokens=3,past=200,dtype=bf16" "norm:rows=9,c=100"
    "gpt2:size=small,batch=1,tokens=1,past=3,dtype=bf16")
  for tool in memcheck racecheck; do
    timeout 250 compute-sanitizer --tool "$tool" --error-exitcode 9 "$program" run "${small[@]}" --ceilings none --backend cuda \
      --quiet --no-report --budget 0.01 -o "$OUT/sanitizer-$tool.jsonl" || bad=1
  done
  return $bad
}
stage_ceilings() { run ceilings ${quick:+--profile quick} -o "$OUT/ceilings.jsonl"; }
stage_sweep() {
  run run copy:bytes=4294967296,dtype=f32 read:bytes=4294967296,dtype=f32 write:bytes=4294967296,dtype=f32 triad:bytes=4294967296,dtype=f32 \
    forkjoin gather transfer gemv conv linear norm softmax act add embed attention -o "$OUT/sweep.jsonl"
}
stage_gemm() {
  local n points=()
  for n in 1024 2048 4096 8192; do points+=("gemm:m=$n,n=$n,k=$n,dtype=bf16"); done
  run run "${points[@]}" gemm:m=4096,n=4096,k=4096,dtype=f32 batchmm --dtype bf16,f32 -o "$OUT/gemm.jsonl"
}
stage_nets() {
  local b points=() batches=(1 2 4 8 16 32 64 128 256)
  [ -z "$quick" ] || batches=(1 16 64)
  for b in "${batches[@]}"; do
    points+=("resnet50:batch=$b,res=224,dtype=bf16" "gpt2:size=xl,batch=$b,tokens=1,past=128,dtype=bf16"
      "gpt2:size=small,batch=$b,tokens=1,past=128,dtype=bf16")
  done
  run run "${points[@]}" gpt2:size=xl,batch=1,tokens=1,past=128,dtype=i8 gpt2:size=xl,batch=1,tokens=512,past=0,dtype=bf16 \
    resnet50:batch=1,res=224,dtype=tf32 -o "$OUT/nets.jsonl"
}
stage_torch() {
  "$python" -c 'import torch' 2>/dev/null || { skip "no PyTorch in $python"; return; }
  bounded "$python" "$root/scripts/peers/torch_bench.py" ${quick:+--quick} >"$OUT/torch.jsonl"
}
stage_table() {
  local f files=()
  for f in ceilings sweep gemm nets torch; do [ ! -s "$OUT/$f.jsonl" ] || files+=("$OUT/$f.jsonl"); done
  [ ${#files[@]} -gt 0 ] || { skip "there are no records in $OUT"; return; }
  "$python" "$root/scripts/peers/gpu_ratios.py" "${files[@]}"
}

bad=() gpu=unknown
for stage in "${stages[@]}"; do
  log=$OUT/$stage.log since=$SECONDS
  if [ "$stage" != build ] && [ "$gpu" = unknown ]; then
    [ -x "$program" ] || { say "$program is not built (stage build)"; exit 1; }
    line=$("$program" list devices 2>/dev/null | grep '^cuda') || line="cuda none: this build has no CUDA backend"
    if grep -q '^cuda[0-9]' <<<"$line"; then gpu=yes; else
      say "No GPU: ${line#*: }"
      [ ${#bad[@]} = 0 ] || exit 1
      exit 2
    fi
  fi
  ("stage_$stage") >"$log" 2>&1 </dev/null
  rc=$?
  case $rc in
    0) word=ok ;;
    77) word=skipped ;;
    124 | 137) word="out of time" bad+=("$stage") ;;
    *) word="failed ($rc)" bad+=("$stage") ;;
  esac
  printf '%-10s %-12s %4d s  %s\n' "$stage" "$word" $((SECONDS - since)) "$(tail -n 1 "$log" | cut -c1-90)"
  [ "$rc" = 0 ] || [ "$rc" = 77 ] || tail -n 20 "$log" | sed 's/^/    /'
  [ "$stage" != table ] || cat "$log"
done
printf 'records and logs: %s\n' "$OUT"
[ ${#bad[@]} = 0 ] || { printf 'failed stages: %s\n' "${bad[*]}"; exit 1; }
