# shellcheck shell=bash
# lib.sh -- what run.sh and test.sh share: finding and installing packages, configuring and building.
# Sourced by bash. Messages go to stderr, because the program's results may go to stdout.
# A probe decides whether something is there, so that a compiler or cmake that did not come from a
# package counts; only what no probe finds is installed. IRONROOF_NO_INSTALL=1 never installs.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)
say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- packages ------------------------------------------------------------------------------------
missing=() # packages that no probe found, in order
declare -A reason=()

# need PACKAGE WHY PROBE...: note PACKAGE as missing unless the probe command succeeds.
need() {
  local package=$1 why=$2
  shift 2
  "$@" && return 0
  [ -n "${reason[$package]+x}" ] || missing+=("$package")
  reason[$package]=$why
}

any_command() { local c; for c; do have "$c" && return 0; done; return 1; }
# A library's development files: its package, or (another distribution, a private prefix) pkg-config.
library() { installed "$1" || { have pkg-config && pkg-config --exists "$2" 2>/dev/null; }; }
installed() {
  have dpkg-query && [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
compiles() {
  printf '#include <stdio.h>\nint main(void) { return 0; }\n' | "$1" -x c -fsyntax-only - 2>/dev/null
}
c_library() {
  local c
  installed libc6-dev && return
  for c in "${CC:-cc}" gcc clang; do have "$c" && { compiles "$c"; return; }; done
  return 1
}

build_needs() {
  need gcc "C compiler" any_command "${CC:-cc}" gcc clang
  need libc6-dev "C library headers" c_library
  need cmake "configures the build" have cmake
  need ninja-build "builds" any_command ninja make
  need pkg-config "finds libraries and their versions" have pkg-config
  need libhwloc-dev "topology: caches, cores, NUMA nodes (optional)" library libhwloc-dev hwloc
  need libjansson-dev "reads records back (optional)" library libjansson-dev jansson
  need libopenblas-dev "the openblas kernels (optional)" library libopenblas-dev openblas
  need ocl-icd-opencl-dev "the opencl backend (optional)" library ocl-icd-opencl-dev OpenCL
  need opencl-headers "the opencl backend (optional)" library opencl-headers OpenCL-Headers
  need libclblast-dev "CLBlast, a reference for the opencl backend (optional)" library libclblast-dev clblast
}

# Sets `as_root` to the words that make a command run as root; else says why not in `no_root`.
may_install() {
  as_root=()
  no_root=
  if [ -n "${IRONROOF_NO_INSTALL:-}" ]; then
    no_root="IRONROOF_NO_INSTALL is set"
  elif ! have apt-get; then
    no_root="there is no apt-get here"
  elif [ "$(id -u)" = 0 ]; then
    :
  elif ! have sudo; then
    no_root="not root, and there is no sudo"
  elif [ -t 0 ] || sudo -n true 2>/dev/null; then
    as_root=(sudo)
  else
    no_root="not root, and sudo would ask for a password"
  fi
  [ -z "$no_root" ]
}

apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -q -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@" </dev/null
}

# apt-get update at most once a call of the script; a failed mirror is one line, not a page.
apt_update() {
  local log
  [ -z "${updated:-}" ] || return 0
  updated=1
  log=$(apt update 2>&1) && ! grep -q '^[EW]: Failed to fetch' <<<"$log" && return 0
  say "  apt-get update failed, trying with the package lists at hand: $(grep -m1 '^[EW]:' <<<"$log")"
}

# Install "$@"; when one package spoils the whole list, the others are tried one by one.
apt_install() {
  local log package
  apt_update
  log=$(apt install -y --no-install-recommends "$@" 2>&1) && return 0
  [ $# -gt 1 ] || { say "  $1 was not installed: $(grep -m1 '^E:' <<<"$log")"; return 1; }
  for package; do apt_install "$package" || true; done
}

# install_missing FUNCTION: try to install what is missing (FUNCTION probes again), once: a list that could
# not be installed is remembered in build/ and not tried again until it changes or the file is removed.
install_missing() {
  local package tried="$root/build/.not-installed"
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(cat "$tried" 2>/dev/null)" = "${missing[*]}" ]; then
    say "Still missing: ${missing[*]} (remove build/.not-installed to try to install again)"
    return 0
  fi
  say "Missing here:"
  for package in "${missing[@]}"; do say "$(printf '  %-22s %s' "$package" "${reason[$package]}")"; done
  if ! may_install; then
    say "Not installing: $no_root. To install: apt-get install ${missing[*]}"
    return 0
  fi
  say "Installing with apt-get${as_root[*]:+ (${as_root[*]})} ..."
  local before=" "
  while [ ${#missing[@]} -gt 0 ] && [[ "$before" != *" ${missing[*]} "* ]]; do
    before+="${missing[*]} " # a second round: what only the first made known (clang's runtime)
    apt_install "${missing[@]}" || true
    hash -r
    missing=()
    reason=()
    "$1"
  done
  reconfigure=1
  [ ${#missing[@]} -gt 0 ] || { say "Installed."; return 0; }
  mkdir -p "$root/build" && printf '%s\n' "${missing[*]}" >"$tried"
  say "Still missing: ${missing[*]}"
}

# needs FUNCTION: probe with FUNCTION, install, and stop only where nothing at all can be built.
needs() {
  "$1"
  install_missing "$1"
  local lacking=()
  any_command "${CC:-cc}" gcc clang || lacking+=("a C compiler")
  have cmake || lacking+=(cmake)
  any_command ninja make || lacking+=("ninja or make")
  [ ${#lacking[@]} -eq 0 ] && return 0
  printf -v lacking '%s, ' "${lacking[@]}"
  say "Cannot build without: ${lacking%, }"
  return 1
}

# ---- building ------------------------------------------------------------------------------------
# configure DIR cmake-arguments...: only when the arguments changed, packages were installed or the
# tree was moved; otherwise the build itself notices what changed.
configure() {
  local dir=$1
  shift
  configure_with "$dir" "$*" -S "$root" -B "$dir" "$@"
}

# configure_preset NAME cmake-arguments...: the same for a preset of CMakePresets.json, in build-test/NAME.
configure_preset() {
  local name=$1
  shift
  configure_with "$root/build-test/$name" "$* $(cksum <"$root/CMakePresets.json")" --preset "$name" "$@"
}

# configure_with DIR KEY cmake-arguments...: configure once a KEY.
configure_with() {
  local dir=$1 key=$2 generator=() cache
  shift 2
  cache=$dir/CMakeCache.txt
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "$cache" "$dir/CMakeFiles"
  fi
  if [ -f "$dir/summary.txt" ] && [ -f "$cache" ] && [ -z "${reconfigure:-}" ] &&
     [ "$(cat "$dir/.arguments" 2>/dev/null)" = "$key" ]; then
    return 0
  fi
  [ -f "$cache" ] || ! have ninja || generator=(-G Ninja)
  (cd "$root" && cmake ${generator[@]+"${generator[@]}"} "$@") && printf '%s' "$key" >"$dir/.arguments"
}

build() { # build DIR TARGET...
  local dir=$1
  shift
  cmake --build "$dir" -j "$jobs" --target "$@"
}
