#!/usr/bin/env bash
# gpu.sh [--stage NAME]... [--quick] [--all-archs] [--carry] | --within SECONDS [--small] -- build for the
#   GPUs here and run everything that needs one.
# Needs nvcc, CMake and a C++ compiler only, and fetches nothing; what else is there (PyTorch, cuBLAS,
# cuDNN, compute-sanitizer, nvidia-smi) is used. Stages, in order, each logged and each under 9 minutes; a
# stage that fails does not stop the next:
#   build      for this GPU's capability; --all-archs: for every one, with what ptxas says of registers and
#              spills; --carry: for sm_90a and with no library that another machine may lack, to be brought
#              there
#   selftest   every kernel against its oracle
#   sanitizer  compute-sanitizer memcheck and racecheck over one small shape of each family
#   ceilings   bandwidth, peaks, latencies, launch cost, transfers, overlap
#   sweep      operators, launch cost; gemm  products
#   nets       decode and prefill at batch 1, every executor and weight type; batches  both networks over 1
#              to 256
#   barecost   a loop of empty kernels without the program: what its launch cost is held against
#   torch      PyTorch on the same shapes
#   table      ratios, ours over PyTorch's
#   emulate    only where named, and needs no GPU: every kernel emulated on the host under sanitizers, for a
#              nightly run
# What is not built is built first.
# --within: instead of the stages a plan for one call on a borrowed GPU (scripts/peers/gpu_plan.sh), made
# for 570 seconds, scaled to what is given: survey, proofs by family, kernels, PyTorch, networks, profiles,
# ceilings; tables and faults.txt. --small: its shapes tiny, to try the plan. It brings its program along:
# IRONROOF_PROGRAM, else build-gpu/ironroof; only one that does not run is built there.
# Records and logs go to build-gpu/records (IRONROOF_GPU_DIR: another folder than build-gpu). OUT, where
# set: a folder that gets records.tar.gz, renewed after every stage, and table.txt: two files, for places
# that take few. IRONROOF_PYTHON: a Python that has PyTorch (default: python3).
# Exit 0: all ran, or there is no GPU, which is said; 1: a stage failed.
set -u -o pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=(build selftest sanitizer ceilings sweep gemm nets batches barecost torch table)
python=${IRONROOF_PYTHON:-python3}
dir=${IRONROOF_GPU_DIR:-$root/build-gpu}
records=$dir/records
program=${IRONROOF_PROGRAM:-$dir/ironroof}
limit=${IRONROOF_STAGE_S:-530} # seconds a stage
within=0
quick='' archs='' small='' carry=''
stages=()
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
while [ $# -gt 0 ]; do
  case $1 in
    --stage) stages+=("${2:?--stage needs a name}"); shift ;;
    --quick) quick=1 ;;
    --all-archs) archs=all ;;
    --within) within=${2:?--within needs seconds}; shift ;;
    --carry) carry=1 ;;
    --small) small=1 ;;
    --list) printf '%s\n' "${all[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${all[@]}")
for stage in "${stages[@]}"; do
  [[ " ${all[*]} emulate " = *" $stage "* ]] || { say "no stage '$stage' (${all[*]})"; exit 2; }
done
[[ $within =~ ^[0-9]+$ ]] || { say "--within $within: give seconds"; exit 2; }
[ "$within" = 0 ] || [ "$within" -ge 30 ] || { say "--within $within: give 30 seconds or more"; exit 2; }
mkdir -p "$records" || exit 1
[ -z "${OUT:-}" ] || mkdir -p "$OUT" || exit 1
[ ! -d /usr/local/cuda/bin ] || PATH=$PATH:/usr/local/cuda/bin

# cuBLAS and cuDNN where the loader does not look by itself: the toolkit's folder, and PyTorch's wheels.
vendor_libraries() {
  local found
  found=$("$python" -c 'import glob, site, sys
roots = [p for p in dict.fromkeys(site.getsitepackages() + sys.path) if p]
print(":".join(d for p in roots for d in sorted(glob.glob(p + "/nvidia/*/lib"))))' 2>/dev/null)
  [ ! -d /usr/local/cuda/lib64 ] || found=/usr/local/cuda/lib64${found:+:$found}
  [ -z "$found" ] || export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$found"
}
vendor_libraries

# Their headers from the same wheels, as CMake's arguments, where the toolkit has none.
vendor_headers() {
  "$python" -c 'import glob, os, site, sys
roots = [p for p in dict.fromkeys(site.getsitepackages() + sys.path) if p]
for name, variable in (("cublasLt.h", "CUBLAS_HEADERS"), ("cudnn.h", "CUDNN_HEADERS")):
    found = [os.path.dirname(f) for p in roots for f in sorted(glob.glob(p + "/nvidia/*/include/" + name))]
    if found and not os.path.exists("/usr/local/cuda/include/" + name):
        print("-D%s=%s" % (variable, found[0]))' 2>/dev/null
}

# Renew what a caller that takes few files gets.
pack() {
  [ -n "${OUT:-}" ] || return 0
  tar -czf "$OUT/records.tar.gz.new" -C "$dir" records && mv "$OUT/records.tar.gz.new" "$OUT/records.tar.gz"
  [ ! -s "$records/table.log" ] || cp "$records/table.log" "$OUT/table.txt"
}

# Capabilities of the GPUs here, as nvcc names them: 90a where there is one of 9.0; empty without a driver.
capabilities() {
  have nvidia-smi || return 0
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
    tr -d '. ' | grep -E '^[0-9]+$' | sort -u |
    sed 's/^90$/90a/' | paste -sd';' -
}

bounded() { timeout --kill-after=10 "$limit" "$@"; }
# Points are judged by the ceilings of an earlier stage, where there are some, and measure none of their own.
run() {
  local ceilings=none
  [ ! -s "$records/ceilings.jsonl" ] || ceilings=$records/ceilings.jsonl
  bounded "$program" "$@" --ceilings "$ceilings" --backend cuda --quiet --no-report --force
}
bounded_build() { bounded cmake --build "$dir" -j "$jobs" --target ironroof; }
skip() { printf 'skipped: %s\n' "$*"; return 77; }

stage_build() {
  local nvcc=() list=${archs:+default} more=()
  have nvcc && nvcc=(-DCMAKE_CUDA_COMPILER="$(command -v nvcc)")
  if [ -n "$list" ]; then
    more=(-DIRONROOF_CUDA_VERBOSE=ON)
  elif [ -n "$carry" ]; then
    more=(-DIRONROOF_CUDA_ARCHS=90a -DCMAKE_EXE_LINKER_FLAGS="-static-libgcc -static-libstdc++")
    local o
    for o in HWLOC JANSSON OPENBLAS OPENCL CLBLAST ONEDNN; do more+=("-DIRONROOF_$o=OFF"); done
  else
    list=$(capabilities)
    more=(-DIRONROOF_CUDA_ARCHS="${list:-80;90a}")
  fi
  local header
  while read -r header; do more+=("$header"); done < <(vendor_headers)
  have nvcc || { say "no nvcc on the PATH nor in /usr/local/cuda/bin"; return 1; }
  configure "$dir" -DCMAKE_BUILD_TYPE=Release -DIRONROOF_CUDA=ON -DIRONROOF_CUDA_EMULATE=OFF \
    -DBUILD_TESTING=OFF \
    ${nvcc[@]+"${nvcc[@]}"} "${more[@]}" && bounded_build || return 1
  if [ -n "$archs" ]; then
    printf 'kernels that spill:\n'
    grep -B2 -E '[1-9][0-9]* bytes spill' "$records/build.log" |
      grep -oE "function '[^']*'|[0-9]+ bytes spill [a-z]+" | head -n 40
  fi
}
stage_emulate() {
  limit=1800 # this one is no part of a call on a GPU
  configure "$dir/emulate" -DCMAKE_BUILD_TYPE=Release -DIRONROOF_CUDA=OFF -DIRONROOF_CUDA_CHECK=ON &&
    bounded cmake --build "$dir/emulate" -j "$jobs" \
      --target test_cuda_kernels test_cuda_planted test_cuda_host test_cuda_faults &&
    bounded ctest --test-dir "$dir/emulate" -j "$jobs" --output-on-failure --no-tests=error \
      -R "^cuda_(kernels|planted|host|faults)"
}
stage_selftest() { bounded "$program" selftest kernels --backend cuda; }
stage_sanitizer() {
  have compute-sanitizer || { skip "no compute-sanitizer"; return; }
  local tool bad=0 most=$((limit > 40 ? limit / 2 - 10 : 10)) small=(
    "copy:bytes=65536,dtype=f32" "gemm:m=130,n=264,k=72,dtype=bf16" "gemm:m=100,n=72,k=96,dtype=f32"
    "linear:rows=5,c=100,k=31,dtype=bf16" "attention:batch=1,heads=2,dh=64,tokens=3,past=200,dtype=bf16"
    "norm:rows=9,c=100" "gpt2:size=small,batch=1,tokens=1,past=3,dtype=bf16")
  for tool in memcheck racecheck; do
    # Its launches wait for their kernels; the program must know, or it holds them back for a start that
    # does not come.
    CUDA_LAUNCH_BLOCKING=1 timeout --kill-after=10 $most \
      compute-sanitizer --tool "$tool" --error-exitcode 9 "$program" run "${small[@]}" --ceilings none \
      --backend cuda --quiet --no-report --force --budget 0.01 -o "$records/sanitizer-$tool.jsonl" || bad=1
  done
  return $bad
}
stage_ceilings() {
  bounded "$program" ceilings --backend cuda --quiet --no-report ${quick:+--profile quick} \
    -o "$records/ceilings.jsonl"
}
stage_sweep() {
  local op points=()
  for op in copy read write triad; do points+=("$op:bytes=4294967296,dtype=f32"); done
  run run "${points[@]}" forkjoin gather transfer overlap gemv conv linear norm softmax act add embed \
    attention -o "$records/sweep.jsonl"
}
stage_gemm() {
  local n points=()
  for n in 1024 2048 4096 8192; do points+=("gemm:m=$n,n=$n,k=$n,dtype=bf16"); done
  for n in tf32 f16 f8 i8; do points+=("gemm:m=8192,n=8192,k=8192,dtype=$n"); done
  run run "${points[@]}" gemm:m=4096,n=4096,k=4096,dtype=f32 batchmm --dtype bf16,f32 -o "$records/gemm.jsonl"
}
# Kernels are not named: every executor of a network runs (launches, graph, few, few_graph, resident), or says
# why not.
stage_nets() {
  local t points=("resnet50:batch=1,res=224,dtype=bf16" "resnet50:batch=64,res=224,dtype=bf16")
  points+=("resnet50:batch=1,res=224,dtype=tf32")
  for t in bf16 f8 i8; do points+=("gpt2:size=xl,batch=1,tokens=1,past=128,dtype=$t"); done
  for t in bf16 f8; do points+=("gpt2:size=small,batch=1,tokens=1,past=128,dtype=$t"); done
  points+=("gpt2:size=xl,batch=1,tokens=512,past=0,dtype=bf16")
  points+=("attention:batch=1,heads=25,dh=64,tokens=1024,past=0,dtype=bf16")
  run run "${points[@]}" -o "$records/nets.jsonl"
}
stage_batches() {
  local b points=() batches=(1 2 4 8 16 32 64 128 256)
  [ -z "$quick" ] || batches=(1 16 64)
  for b in "${batches[@]}"; do
    points+=("resnet50:batch=$b,res=224,dtype=bf16" "gpt2:size=xl,batch=$b,tokens=1,past=128,dtype=bf16")
  done
  run run "${points[@]}" -o "$records/batches.jsonl"
}
stage_barecost() {
  have nvcc || { skip "no nvcc"; return; }
  nvcc -O2 -arch=native -Wno-deprecated-gpu-targets -o "$dir/bare_launch" \
    "$root/scripts/peers/bare_launch.cu" && bounded "$dir/bare_launch" >"$records/bare.jsonl"
}
stage_torch() {
  "$python" -c 'import torch' 2>/dev/null || { skip "no PyTorch in $python"; return; }
  bounded "$python" "$root/scripts/peers/torch_bench.py" ${quick:+--quick} >"$records/torch.jsonl"
}
stage_table() {
  local f files=()
  for f in ceilings sweep gemm nets batches bare torch; do
    [ ! -s "$records/$f.jsonl" ] || files+=("$records/$f.jsonl")
  done
  [ ${#files[@]} -gt 0 ] || { skip "there are no records in $records"; return; }
  "$python" "$root/scripts/peers/gpu_ratios.py" "${files[@]}"
}

# The GPU as the program sees it, or why it sees none.
gpu_here() {
  local line
  line=$("$program" list devices 2>/dev/null | grep '^cuda') ||
    line="cuda none: this build has no CUDA backend"
  grep -q '^cuda[0-9]' <<<"$line" || { say "No GPU, nothing to run: ${line#*: }"; return 1; }
  say "$(head -n 1 <<<"$line")"
}

if [ "$within" -gt 0 ]; then
  # shellcheck source=scripts/peers/gpu_plan.sh
  . "$root/scripts/peers/gpu_plan.sh"
  run_plan
  exit
fi

[ "${stages[0]}" = build ] || [ "${stages[*]}" = emulate ] || [ -x "$program" ] ||
  stages=(build "${stages[@]}")
bad=() checked=
for stage in "${stages[@]}"; do
  log=$records/$stage.log since=$SECONDS
  if [ "$stage" != build ] && [ "$stage" != emulate ] && [ -z "$checked" ]; then
    [ -x "$program" ] || { say "$program was not built"; pack; exit 1; }
    checked=yes
    if ! gpu_here; then
      pack
      [ ${#bad[@]} = 0 ]
      exit
    fi
  fi
  [ "$limit" -gt 0 ] || limit=1 # 0 is no limit to timeout
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
  pack
done
printf 'records and logs: %s\n' "$records"
[ ${#bad[@]} = 0 ] || { printf 'failed stages: %s\n' "${bad[*]}"; exit 1; }
