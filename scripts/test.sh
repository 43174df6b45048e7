#!/usr/bin/env bash
# test.sh [--quick] [--stage NAME]... [-j N] -- install what is missing, build and run every test.
# Prints one line a stage, the total in ctest's words, and fails when any stage failed. Stages are presets
# of CMakePresets.json; builds and logs are kept in build-test/. No stage asserts a time. Builds, and stages
# that want nothing but processors, run at a lower priority behind those that wait for what they started.
#   --quick       gcc release and repository checks only
#   --stage NAME  only this one; --list names them, those on demand last
#   -j N          parallel jobs (default: all processors)
# IRONROOF_NO_INSTALL=1: never install. IRONROOF_FUZZ_S: seconds per fuzz target (default 5).
# IRONROOF_FUZZ_RUNS: so many executions per target instead.
set -u -o pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=(release asan fuzz tsan minimal aarch64 checks busy cluster)
behind=(tsan minimal aarch64 checks) # neither wait for anything nor look at what else runs
alone=(busy cluster)                 # look at what else runs
on_demand=(without coverage tidy packages)
out=$root/build-test
gcc=gcc
have gcc || gcc=${CC:-cc}

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
stages=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) stages+=(release checks) ;;
    --stage) stages+=("${2:?--stage needs a name}"); shift ;;
    -j) jobs=${2:?-j needs a number}; shift ;;
    --list) printf '%s\n' "${all[@]}" "${on_demand[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${all[@]}")
in_list() { local word=$1; shift; [[ " $* " = *" $word "* ]]; }
known=("${all[@]}" "${on_demand[@]}")
for stage in "${stages[@]}"; do
  in_list "$stage" "${known[@]}" || { say "no stage '$stage' (${known[*]})"; exit 2; }
done
selected() { local s; for s in "${stages[@]}"; do in_list "$s" "$@" && return 0; done; return 1; }

# ---- what the stages need ------------------------------------------------------------------------
clang_runtime() {
  printf 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p && n > 1 ? 0 : 0; }\n' |
    clang -x c - -fsanitize=fuzzer,address -o /dev/null 2>/dev/null
}
has_module() { have python3 && python3 -c "import $1" 2>/dev/null; }
# A Python that is not the distribution's does not see its packages: it gets wheels, in python_wheels.
module_or_wheel() { has_module "$1" || ! python3 -c 'import sys; sys.exit(sys.prefix != "/usr")'; }
cross_compiles() { have aarch64-linux-gnu-gcc && compiles aarch64-linux-gnu-gcc; }
opencl_platform() { compgen -G '/etc/OpenCL/vendors/*.icd' >/dev/null || [ -n "${OCL_ICD_VENDORS:-}" ]; }
test_needs() {
  build_needs
  need libcmocka-dev "test framework (optional: a stand-in exists)" library libcmocka-dev cmocka
  need python3 "repository checks" have python3
  need pocl-opencl-icd "an OpenCL device in every machine, for the opencl tests (optional)" opencl_platform
  need python3-jsonschema "records against their schema" has_module jsonschema
  if selected checks; then need python3-numpy "redoes the networks (optional)" module_or_wheel numpy; fi
  if selected release; then
    need python3-matplotlib "draws the figures of plot.py (optional)" module_or_wheel matplotlib
    need chromium "opens the page (optional)" any_command chromium chromium-browser google-chrome
    need chromium-driver "drives it (optional)" have chromedriver
  fi
  ! selected packages || packages_needs
  if selected cluster && [ "$(id -u)" = 0 ]; then cluster_needs; fi
  if selected asan fuzz; then
    need clang "second compiler, sanitizers, fuzzing" have clang
    ! have clang || need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" \
      "clang's sanitizers and libFuzzer" clang_runtime
  fi
  ! selected tidy || need clang-tidy-14 "reads the sources for mistakes" have clang-tidy-14
  if selected aarch64 && [ "$(uname -m)" != aarch64 ]; then
    need gcc-aarch64-linux-gnu "cross compiler for Arm" have aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross "C library for Arm" cross_compiles
    need qemu-user "runs the Arm tests" any_command qemu-aarch64 qemu-aarch64-static
  fi
}
wheels() { # wheels FOLDER PACKAGE...: by pip, into the builds' folder
  "${IRONROOF_PYTHON:-python3}" -m pip install -q --disable-pip-version-check --root-user-action=ignore \
    --target "$out/$1" "${@:2}" >"$out/$1.log" 2>&1 ||
    say "  ${*:2}: not installed: $(tail -n 1 "$out/$1.log")"
}
python_wheels() {
  local module lacking=()
  export PYTHONPATH=$out/python${PYTHONPATH:+:$PYTHONPATH}
  for module in numpy matplotlib; do has_module $module || lacking+=("$module"); done
  if [ ${#lacking[@]} -gt 0 ] && [ -z "${IRONROOF_NO_INSTALL:-}" ] && has_module pip; then
    wheels python "${lacking[@]}"
  fi
}
# What reads compiled CUDA kernels, where nvcc is without it: two small wheels, into the builds' folder.
cuda_tools() {
  local python=${IRONROOF_PYTHON:-python3} into=$out/cuda-tools nvcc=nvcc bin
  have nvcc || nvcc=/usr/local/cuda/bin/nvcc
  { have "$nvcc" && have "$python"; } || return 0
  { have cuobjdump && have nvdisasm; } || [ -x "$(dirname "$(command -v "$nvcc")")/cuobjdump" ] && return 0
  bin=$(compgen -G "$into/nvidia/*/bin" | tail -n 1)
  if [ -z "$bin" ] && [ -z "${IRONROOF_NO_INSTALL:-}" ]; then
    wheels cuda-tools nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm
    bin=$(compgen -G "$into/nvidia/*/bin" | tail -n 1)
  fi
  [ -z "$bin" ] || export IRONROOF_CUDA_BIN=${IRONROOF_CUDA_BIN:-$bin}
}
packages_needs() {
  need mandoc "judges the manual pages (optional)" have mandoc
  need groff "judges them too (optional)" installed groff
  need man-db "shows them (optional)" have man
  need zsh "completions in it (optional)" have zsh
  need fish "completions in it (optional)" have fish
  need lintian "judges the Debian package (optional)" have lintian
  need debootstrap "a fresh system to install it in (optional)" have debootstrap
  need fakeroot "lintian's and dpkg's helper (optional)" have fakeroot
  need libbenchmark-tools "Google Benchmark's compare.py (optional)" installed libbenchmark-tools
  need buildah "builds the Dockerfile where no engine answers (optional)" any_command buildah
  need qemu-user-static "runs the package for Arm (optional)" have qemu-aarch64-static
  [ ! -d /run/systemd/system ] || return 0 # there, installing a server starts it: that is the user's choice
  need prometheus "scrapes the exported metrics (optional)" have prometheus
  need prometheus-node-exporter "serves them to it (optional)" have prometheus-node-exporter
}
cluster_needs() {
  need munge "authentication of the test cluster (optional)" have munged
  need slurmctld "controller of the test cluster (optional)" have slurmctld
  need slurmd "its nodes (optional)" have slurmd
  need slurm-client "srun (optional)" have srun
  need libopenmpi-dev "ironroof-net (optional)" have mpicc
  need libmpich-dev "the other MPI (optional)" have mpicc.mpich
  need pdsh "an engine without Slurm (optional)" have pdsh
  need faketime "a clock that lies (optional)" have faketime
}
skip() { printf 'skipped: %s\n' "$*"; return 77; }

# ---- stages: each runs in a subshell, output in its log; 77 means skipped, last line says why ------
under=() # words in front of ctest
with_gcc=()
[ "$gcc" = gcc ] || with_gcc=(-DCMAKE_C_COMPILER="$gcc")
test_preset() { # test_preset NAME ctest-arguments...
  local name=$1
  shift
  # more than there are processors: some tests wait for what they started
  (cd "$root" && ${under[@]+"${under[@]}"} ctest --preset "$name" -j $((jobs + 2)) \
    --output-junit "$out/$name.xml" "$@")
}
# What a stage's tests left out, from ctest's report: a skipped test says why in its output.
not_run() {
  [ -e "$out/$1.xml" ] || return 0
  awk -F'"' '/<testcase / { name = $2; left = /status="notrun"/; why = "" }
    left && /skipped: / { sub(/.*skipped: /, ": "); sub(/<.*/, ""); why = $0 }
    left && /<\/testcase>/ { print "    not run: " name why }' \
    "$out/$1.xml"
}
build_preset() { (cd "$root" && cmake --build --preset "$1" -j "$jobs"); }
gcc_preset() { configure_preset "$1" ${with_gcc[@]+"${with_gcc[@]}"} "${@:2}"; }

configure_release() { # an architecture takes minutes: one is the default
  gcc_preset release ${IRONROOF_CUDA_ARCHS:+-DIRONROOF_CUDA_ARCHS="$IRONROOF_CUDA_ARCHS"}
}

make_preset() { # make_preset PRESET CONFIGURE...: once, however many stages it serves
  [ -e "$lane/$1.made" ] || { "${@:2}" && build_preset "$1" && : >"$lane/$1.made"; }
}

build_release() { make_preset release configure_release; }
stage_release() { test_preset release; }

build_checks() { # the rules are looked at even if it does not build
  build_release || [ -e "$out/release/CTestTestfile.cmake" ]
}
stage_checks() { test_preset checks; }

build_busy() { build_release; }
stage_busy() { test_preset busy; }

build_asan() {
  clang_runtime || { skip "clang with its sanitizers is not installed"; return; }
  make_preset asan configure_preset asan
}
stage_asan() { test_preset asan; }

# ThreadSanitizer's shadow memory does not fit every address layout; without randomisation it does.
fixed_addresses() { ! setarch -R true 2>/dev/null || under=(setarch -R); }
build_tsan() {
  fixed_addresses
  if ! printf 'int main(void) { return 0; }\n' | "$gcc" -x c - -fsanitize=thread -o "$out/tsan-probe" ||
     ! ${under[@]+"${under[@]}"} "$out/tsan-probe"; then
    skip "ThreadSanitizer does not run here"
    return
  fi
  make_preset tsan gcc_preset tsan
}
stage_tsan() { fixed_addresses; test_preset tsan; }

build_minimal() { make_preset minimal gcc_preset minimal; }
stage_minimal() { test_preset minimal; }

# On demand, minutes: without each optional library by itself the program builds, starts and measures.
stage_without() {
  local option other settings n=0 passed=0 program=$out/without/ironroof
  local options=(OPENBLAS HWLOC JANSSON ONEDNN OPENCL CLBLAST)
  for option in "${options[@]}"; do
    settings=()
    for other in "${options[@]}"; do settings+=("-DIRONROOF_$other=AUTO"); done
    n=$((n + 1))
    printf -- '---- without %s\n' "$option"
    gcc_preset without "${settings[@]}" "-DIRONROOF_$option=OFF" && build_preset without &&
      "$program" list backends && "$program" version && "$program" selftest ideal &&
      "$program" run copy:bytes=64Ki,streams=1 --filter ^cpu --backend cpu --ceilings none --samples 2 \
        --no-report --quiet --force -o "$out/without/run.jsonl" && passed=$((passed + 1))
  done
  totals $passed $n
  [ $passed = $n ]
}

build_aarch64() {
  [ "$(uname -m)" != aarch64 ] || { skip "this machine is one; stage release covers it"; return; }
  cross_compiles || { skip "no cross compiler for Arm"; return; }
  any_command qemu-aarch64 qemu-aarch64-static || { skip "no qemu-user"; return; }
  make_preset aarch64 configure_preset aarch64
}
stage_aarch64() { test_preset aarch64; }

fuzz_target() { # fuzz_target PROGRAM NAME: leaves NAME.log, and NAME.failed where it found something
  local limit=("-max_total_time=${IRONROOF_FUZZ_S:-5}")
  [ -z "${IRONROOF_FUZZ_RUNS:-}" ] || limit=("-runs=$IRONROOF_FUZZ_RUNS")
  mkdir -p "$out/fuzz/corpus/$2"
  "$1" "${limit[@]}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$out/fuzz/$2-" \
    "$out/fuzz/corpus/$2" "$root/tests/fuzz/corpus/$2" >"$out/fuzz/$2.log" 2>&1 || : >"$out/fuzz/$2.failed"
}
build_fuzz() {
  clang_runtime || { skip "clang with libFuzzer is not installed"; return; }
  [ -e "$lane/asan.made" ] || make_preset fuzz configure_preset asan
}
stage_fuzz() {
  mkdir -p "$out/fuzz"
  local program targets=() failed
  for program in "$out"/asan/tests/fuzz_*; do [ ! -x "$program" ] || targets+=("$program"); done
  [ ${#targets[@]} -gt 0 ] || { skip "there are no fuzz targets"; return; }
  rm -f "$out"/fuzz/*.log "$out"/fuzz/*.failed
  for program in "${targets[@]}"; do
    [ "$(jobs -rp | wc -l)" -lt "$jobs" ] || wait -n
    fuzz_target "$program" "${program##*/fuzz_}" &
  done
  wait
  cat "$out"/fuzz/*.log
  failed=$(compgen -G "$out/fuzz/*.failed" | wc -l)
  awk '/number_of_executed_units/ { n += $2 } END { print n + 0 " executions" }' "$out"/fuzz/*.log
  totals $((${#targets[@]} - failed)) ${#targets[@]}
  [ "$failed" = 0 ]
}

# On demand: prints the share of lines that the tests run.
stage_coverage() {
  if ! have python3 || ! have gcov; then
    skip "gcov or python3 is not installed"
    return
  fi
  gcc_preset coverage && build_preset coverage || return
  find "$out/coverage" -name '*.gcda' -delete
  test_preset coverage
  local rc=$?
  python3 "$root/scripts/coverage.py" "$out/coverage" | tee "$out/coverage.txt" && return $rc
}

# On demand, minutes: clang-tidy over every C source.
stage_tidy() {
  configure_preset tidy && python3 "$root/tests/check_tidy.py" "$out/tidy" -j "$jobs"
}

# On demand, minutes: packages built twice, installed in fresh systems, exports in the tools they are for.
stage_packages() {
  have python3 || { skip "python3 is not installed"; return; }
  build_release && python3 "$root/tests/packages/run.py" "$out/release/ironroof" "$root" "$out/packages"
}

# A real Slurm cluster of four network namespaces on this machine; root only.
build_cluster() {
  [ "$(id -u)" = 0 ] || { skip "a cluster of network namespaces needs root"; return; }
  { have slurmctld && have munged; } || [ -x /usr/sbin/slurmctld ] ||
    { skip "munge and Slurm are not installed"; return; }
  build_release
}
stage_cluster() {
  local rc=0
  python3 "$root/tests/cluster/test_cluster.py" "$out/release/ironroof" || rc=$?
  [ $rc = 77 ] && return 77
  local other=0
  other_mpi || other=$?
  totals $(((rc == 0) + (other == 0))) 2
  return $((rc ? rc : other))
}

# ironroof-net with MPICH beside the one that was found first.
other_mpi() {
  have mpicc.mpich || { echo "no MPICH here: ironroof-net was tried with one MPI"; return 0; }
  mkdir -p "$out/mpich" &&
    (cd "$root" && mpicc.mpich -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I. \
      bench/fleet/net/*.c harness/record/frame.c -lm -o "$out/mpich/ironroof-net") &&
    python3 "$root/tests/test_fleet_mpi.py" "$out/mpich/ironroof-net" "$out/release/ironroof" mpiexec.mpich
}

# ---- running them --------------------------------------------------------------------------------
totals() { # PASSED ALL, in ctest's words
  printf '%d%% tests passed, %d tests failed out of %d\n' $(($2 ? 100 * $1 / $2 : 0)) $(($2 - $1)) "$2"
}

built() { # built STAGE: what it needs; a stage on demand builds for itself
  ! declare -F "build_$1" >/dev/null || "build_$1"
}
write() { echo "$2" >"$lane/$1.new" && mv "$lane/$1.new" "$lane/$1"; } # whole or not at all

# The lane behind: every build in the order of the stages, then the stages that are content with it. Leaves
# STAGE.built and STAGE.tested with exit codes, and STAGE.took with seconds, in $lane.
run_behind() {
  local stage since rc
  for stage in "${ahead[@]}"; do
    (built "$stage") >"$out/$stage.log" 2>&1
    write "$stage.built" $?
    renice -n 5 "$BASHPID" >/dev/null 2>&1 # tests run from now on
  done
  for stage in "${apart[@]}"; do
    since=$SECONDS
    (built "$stage" && "stage_$stage") >"$out/$stage.log" 2>&1
    rc=$?
    write "$stage.took" $((SECONDS - since))
    write "$stage.tested" $rc
  done
}
answer() { # answer FILE: waits for an exit code of the lane; 1 when the lane ended without it
  until [ -e "$lane/$1" ]; do
    kill -0 "$lane_pid" 2>/dev/null || [ -e "$lane/$1" ] || return 1
    sleep 0.2
  done
  return "$(cat "$lane/$1")"
}
run_stage() { # run_stage STAGE: its exit code
  if in_list "$1" "${apart[@]}"; then
    answer "$1.tested"
    return
  fi
  answer "$1.built" || return
  in_group "stage_$1" >>"$out/$1.log" 2>&1
  wait "${groups[-1]}"
}
in_group() { # in_group COMMAND...: behind, in a process group of its own, which can be ended as one
  set -m
  "$@" </dev/null &
  groups+=($!)
  set +m
}
end_groups() {
  local pid
  for pid in ${groups[@]+"${groups[@]}"}; do kill -- "-$pid"; done 2>/dev/null
  rm -rf "$lane"
}

needs test_needs || exit 1
mkdir -p "$out" || exit 1
rm -f "$out"/*.xml
! selected release || cuda_tools
! selected release checks || python_wheels
ahead=() apart=() last=() order=()
for stage in "${stages[@]}"; do
  if in_list "$stage" "${behind[@]}"; then apart+=("$stage"); continue; fi
  ahead+=("$stage")
  if in_list "$stage" "${alone[@]}"; then last+=("$stage"); else order+=("$stage"); fi
done
order+=(${apart[@]+"${apart[@]}"} ${last[@]+"${last[@]}"})
lane=$(mktemp -d) || exit 1
groups=()
trap end_groups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
in_group run_behind
lane_pid=$!
bad=() sum=0 passed=0 began=$SECONDS
for stage in "${order[@]}"; do
  log=$out/$stage.log
  since=$SECONDS
  run_stage "$stage"
  rc=$?
  took=$((SECONDS - since))
  [ ! -e "$lane/$stage.took" ] || took=$(cat "$lane/$stage.took")
  line=$(grep -E '^[0-9]+% tests passed' "$log" | tail -n 1)
  case $rc in
    0) word=passed ;;
    77) word=skipped line=$(tail -n 1 "$log") ;;
    *) word=FAILED bad+=("$stage") ;;
  esac
  if [[ $rc != 77 && $line =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    sum=$((sum + BASH_REMATCH[2]))
    passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
  elif [ $rc != 0 ] && [ $rc != 77 ]; then
    sum=$((sum + 1)) # a build that failed counts as one failed test
    line="no tests ran"
  fi
  printf '%-8s %-7s %4d s  %s\n' "$stage" "$word" "$took" "$line"
  not_run "$stage"
  [ "$stage" != coverage ] || grep '^line coverage' "$log"
  [ "$stage" != packages ] || sed -nE 's/^([a-z_0-9]+) +skipped +[0-9]+ s +/    not tried: \1: /p' "$log"
  if [ "$word" = FAILED ]; then
    tail -n 100 "$log" | sed 's/^/    /'
    printf '    (all of it: %s)\n' "$log"
  fi
done
printf 'total    %-7s %4d s\n' "$([ ${#bad[@]} = 0 ] && echo passed || echo FAILED)" $((SECONDS - began))
[ ${#bad[@]} = 0 ] || printf 'failed stages: %s\n' "${bad[*]}"
totals "$passed" "$sum"
[ ${#bad[@]} = 0 ]
