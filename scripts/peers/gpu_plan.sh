# shellcheck shell=bash disable=SC2154
# gpu_plan.sh -- the plan of `gpu.sh --within SECONDS`: one call on a borrowed GPU that proves, measures,
# compares and brings back what is needed to mend the rest elsewhere. Sourced by gpu.sh, which sets program,
# records, python, within, small.
#
# A step ends at its share of the time, whatever it has not begun is named, and what it leaves goes to the
# next. Every process runs under `timeout -k 5`; what fails goes to faults.txt: the command, how it ended,
# its first error, its last lines. The records are packed after every step. Times below are of 570 seconds
# and scale with --within.

plan_s=570
tiny=gpt:layers=1,width=32,heads=2,vocab=31,context=8,batch=1,tokens=1,past=3 # of --small
faults=$records/faults.txt
undone=()
until_s=$within

# step SECONDS NAME: the step that follows ends then.
step() {
  until_s=$(($1 * within / plan_s))
  [ "$until_s" -ge 6 ] || until_s=6 # starting the tools takes its time, however little there is
  step_name=$2
  printf '%4d s  %s (until %d s)\n' "$SECONDS" "$2" "$until_s"
}

# fault NAME LOG HOW COMMAND...: what is known of a process that failed.
fault() {
  local name=$1 log=$2 how=$3
  shift 3
  {
    printf '== %s: %s\n   %s\n' "$name" "$how" "$*"
    grep -m 3 -iE 'FAIL|error|incorrect|illegal|misaligned|invalid|Traceback' "$log" |
      cut -c1-300 | sed 's/^/   /'
    printf '   ...\n'
    tail -n 6 "$log" | cut -c1-300 | sed 's/^/   /'
  } >>"$faults"
}

# process NAME MOST COMMAND...: at most MOST seconds of the step's, output in NAME.log; 124 where there was
# no time left to begin.
process() {
  local name=$1 most=$2 left=$((until_s - SECONDS)) rc how since=$SECONDS
  shift 2
  [ "$most" -le "$left" ] || most=$left
  if [ "$most" -lt 2 ]; then
    undone+=("$name")
    printf '        %-26s not begun\n' "$name"
    return 124
  fi
  timeout -k 5 "$most" "$@" >"$records/$name.log" 2>&1 </dev/null
  rc=$?
  case $rc in
    0) how=ok ;;
    77) how=skipped ;;
    124 | 137) how="out of time ($most s)" ;;
    *) how="exit code $rc" ;;
  esac
  printf '        %-26s %-20s %3d s  %s\n' "$name" "$how" $((SECONDS - since)) \
    "$(tail -n 1 "$records/$name.log" | cut -c1-70)"
  [ $rc = 0 ] || [ $rc = 77 ] || fault "$name" "$records/$name.log" "$how" "$@"
  return $rc
}
# points NAME MOST ARGUMENT...: measured without ceilings, rows to NAME.jsonl.
points() {
  local name=$1 most=$2 each=(--budget 300ms --warmup 50ms)
  shift 2
  [ -z "$small" ] || each=(--samples 2 --warmup 0)
  process "$name" "$most" "$program" run "$@" --ceilings none --backend cuda --quiet --no-report \
    "${each[@]}" -o "$records/$name.jsonl"
}
missing_tool() { printf '        %-26s skipped: no %s\n' "$step_name" "$1"; }
has_torch() { "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' 2>/dev/null; }
bench_torch() { # bench_torch NAME MOST ARGUMENT...
  local name=$1 most=$2
  shift 2
  # shellcheck disable=SC2016
  process "$name" "$most" bash -c '"$0" "$1" "${@:3}" >"$2"' "$python" \
    "$root/scripts/peers/torch_bench.py" "$records/$name.jsonl" --quick "$@"
}

# The program that was brought; one is built where it does not run.
plan_survey() {
  ! have nvidia-smi || process nvidia-smi 8 nvidia-smi -q
  ! have nvidia-smi || {
    nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu \
      --format=csv -lms 200 >"$records/clocks.csv" 2>&1 &
    background+=($!)
  }
  if ! "$program" list devices >"$records/devices.txt" 2>&1; then
    until_s=$((within / 2))
    program=$dir/ironroof
    # The stage ends its own processes, which are in a group of their own.
    IRONROOF_STAGE_S=$((within / 2 - 10)) \
      process build $((within / 2)) bash "$root/scripts/gpu.sh" --stage build || return 1
    "$program" list devices >"$records/devices.txt" 2>&1
  fi
  printf '%s\n' "${LD_LIBRARY_PATH:-}" >"$records/libraries.txt"
  gpu_here || return 1
  ! has_torch || {
    timeout -k 5 120 "$python" "$root/scripts/peers/torch_bench.py" --warm >"$records/torch-warm.log" 2>&1 &
    background+=($!)
  }
}

# Families, each in a process of its own: a fault takes the device from one only. Networks are the longest
# and come last.
plan_selftest() {
  local family left families=("read|write|copy|scale|add|triad" "chase|gather" "fma|mma" "forkjoin|local"
    "transfer|overlap" "gemm" "batchmm|gemv" "conv" "linear" "norm|softmax|act|residual|embed" "attention"
    "resnet50|mobilenetv2" "gpt2|gpt")
  left=${#families[@]}
  for family in "${families[@]}"; do
    local name=selftest-${family//|/-} rc
    local share=$((3 * (until_s - SECONDS) / left)) # of which most take a part
    left=$((left - 1))
    process "$name" $((share < 20 ? share : 20)) "$program" selftest kernels --backend cuda \
      --filter "^cuda/($family)/"
    rc=$?
    if [ $rc = 0 ] || [ $rc = 124 ] || ! have compute-sanitizer; then continue; fi
    # Its launches wait for their kernels; the program must know, or it holds them back for a start that
    # does not come.
    CUDA_LAUNCH_BLOCKING=1 process "memcheck-${family//|/-}" 20 compute-sanitizer --tool memcheck \
      --error-exitcode 9 "$program" selftest kernels --backend cuda --filter "^cuda/($family)/"
  done
}

plan_kernels() {
  local t n=(4096 8192) gib=1073741824 wide=16384
  [ -z "$small" ] || n=(64) gib=65536 wide=256
  points streams 20 "read:bytes=$gib,dtype=f32" "copy:bytes=$gib,dtype=f32" \
    "write:bytes=$gib,dtype=f32" "triad:bytes=$gib,dtype=f32"
  for t in bf16 tf32 f16 f8 i8 f32; do
    local at=()
    for m in "${n[@]}"; do [ "$t" = f32 ] && [ "$m" = 8192 ] || at+=("gemm:m=$m,n=$m,k=$m,dtype=$t"); done
    points "gemm-$t" 12 "${at[@]}" --filter '/(mma|wgmma|tma|blocked|cublas|cublaslt)$'
  done
  points mma 10 "mma:chains=8${small:+,iters=32,teams=8}" "mma:chains=32${small:+,iters=32,teams=8}"
  points gemv 8 "gemv:m=$wide,k=$wide,dtype=bf16" "gemv:m=$wide,k=$wide,dtype=f32" \
    --filter '/(stream|cublas)$'
  points launches 8 forkjoin
  points transfers 10 "transfer:bytes=$((gib / 16)),direction=to" \
    "transfer:bytes=$((gib / 16)),direction=from" "local:bytes=49152${small:+,passes=2,groups=2}"
}

plan_bare() {
  if have nvcc; then
    process bare-build 20 nvcc -O2 -arch=native -Wno-deprecated-gpu-targets -o "$dir/bare_launch" \
      "$root/scripts/peers/bare_launch.cu"
  fi
  [ -x "$dir/bare_launch" ] || { missing_tool "bare_launch and no nvcc to build it"; return; }
  # shellcheck disable=SC2016
  process bare 10 bash -c '"$0" >"$1"' "$dir/bare_launch" "$records/bare.jsonl"
}
plan_torch() {
  plan_bare
  has_torch || { missing_tool "PyTorch with a GPU in $python"; return; }
  bench_torch torch 30 --how eager,graph
}
plan_compiled() {
  has_torch || { missing_tool "PyTorch with a GPU in $python"; return; }
  bench_torch torch-compiled 60 --only gpt2,resnet50 --how compiled
}

plan_nets() {
  local t type=bf16 most=20 xl="gpt2:size=xl,batch=1,tokens=1,past=128" res=224 batch=64 \
    attention="attention:batch=1,heads=25,dh=64,tokens=1024,past=0"
  [ -z "$small" ] || xl=$tiny res=32 batch=1 type=f32 most=4 \
    attention="attention:batch=1,heads=1,dh=64,tokens=64,past=0"
  points xl-bf16 45 "$xl,dtype=bf16" --layers --filter '/(few_graph|early_graph|resident|graph)$'
  for t in i8 f8; do points "xl-$t" 20 "$xl,dtype=$t" --filter '/(few_graph|early_graph|resident)$'; done
  points resnet-1 "$most" "resnet50:batch=1,res=$res,dtype=$type" --filter '/graph$'
  points resnet-64 "$most" "resnet50:batch=$batch,res=$res,dtype=$type" --filter '/graph$'
  points attention 15 "$attention,dtype=bf16" --filter '/(flash|split)$'
}

# One profile of each kernel that decides a row. Counters may be closed to us: one small kernel tells.
plan_ncu() {
  local kernel point gemm=4096 wide=16384 xl=gpt2:size=xl,batch=1,tokens=1,past=128
  [ -z "$small" ] || gemm=64 wide=256 xl=$tiny
  have ncu || { missing_tool ncu; return; }
  local one=(ncu --clock-control none --target-processes all -c 1 --set detailed)
  CUDA_LAUNCH_BLOCKING=1 process ncu-probe 20 "${one[@]}" "$program" run copy:bytes=65536,dtype=f32 \
    --ceilings none --backend cuda --quiet --no-report --samples 1 -o - || return
  while read -r kernel point; do
    CUDA_LAUNCH_BLOCKING=1 process "ncu-$kernel" 25 "${one[@]}" -k "regex:$kernel" "$program" run "$point" \
      --ceilings none --backend cuda --quiet --no-report --samples 1 -o -
  done <<END
wide_kernel gemm:m=$gemm,n=$gemm,k=$gemm,dtype=bf16
tma_kernel gemm:m=$gemm,n=$gemm,k=$gemm,dtype=bf16
mma_kernel gemm:m=$gemm,n=$gemm,k=$gemm,dtype=tf32
few_kernel gemv:m=$wide,k=$wide,dtype=bf16
phase_kernel $xl,dtype=bf16
resident_kernel $xl,dtype=bf16
flash_kernel attention:batch=1,heads=2,dh=64,tokens=64,past=0,dtype=bf16
attention_kernel attention:batch=1,heads=2,dh=64,tokens=1,past=200,dtype=bf16
END
}

plan_ceilings() {
  local most=$plan_s
  [ -z "$small" ] || most=6 # they take tiny shapes from nobody
  process ceilings "$most" "$program" ceilings --profile quick --backend cuda --quiet --no-report \
    -o "$records/ceilings.jsonl"
}

plan_table() { # plan_table NAME: with what there is
  local f files=()
  for f in "$records"/*.jsonl; do [ ! -s "$f" ] || files+=("$f"); done
  [ ${#files[@]} -gt 0 ] || return
  timeout -k 5 10 "$python" "$root/scripts/peers/gpu_ratios.py" "${files[@]}" >"$records/table.log" 2>&1
  cp "$records/table.log" "$records/$1.txt"
}

# All steps. 0: nothing failed and nothing was left undone.
run_plan() {
  local background=()
  trap '[ ${#background[@]} = 0 ] || kill "${background[@]}" 2>/dev/null' RETURN
  rm -f "$records"/*.jsonl "$records"/*.log "$faults"
  : >"$faults"
  step 10 survey
  plan_survey || { pack; return 1; }
  step 80 selftest
  plan_selftest
  pack
  step 170 kernels
  plan_kernels
  pack
  step 205 torch
  plan_torch
  plan_table table1
  pack
  step 330 networks
  plan_nets
  pack
  step 390 "compiled torch"
  plan_compiled
  plan_table table2
  pack
  step 470 profiles
  plan_ncu
  pack
  step 540 ceilings
  plan_ceilings
  plan_table table3
  pack
  cat "$records/table.log"
  [ ${#undone[@]} = 0 ] || printf 'not begun: %s\n' "${undone[*]}" | tee -a "$faults"
  printf '%d s of %d; records: %s; faults: %d\n' "$SECONDS" "$within" "$records" "$(grep -c '^== ' "$faults")"
  pack
  [ ${#undone[@]} = 0 ] && [ ! -s "$faults" ]
}
