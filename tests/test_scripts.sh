#!/usr/bin/env bash
# test_scripts.sh -- scripts/run.sh and scripts/test.sh on machines that lack things, simulated: a tiny
# project beside a copy of the scripts, and a PATH of chosen tools with a recording apt-get among them.
# Needs a C compiler, cmake and ninja or make; exits 77 without them.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree" "$work/bin"
cp -r "$here/scripts" "$work/tree/"

cat >"$work/tree/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(ironroof C)
add_executable(ironroof main.c)
file(WRITE ${CMAKE_BINARY_DIR}/summary.txt "what was found\n")
CMAKE
cat >"$work/tree/main.c" <<'C'
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) printf("[%s]", argv[i]);
    return 7;
}
C

# tools NAME...: a PATH with these programs and the ones every case needs.
tools() {
  local name path
  rm -rf "${work:?}/bin"
  mkdir "$work/bin"
  for name in bash env sh cat cp grep mkdir rm touch tail sed dirname nproc uname cut head mktemp "$@"; do
    path=$(type -P "$name") || continue
    ln -sf "$(readlink -f "$path")" "$work/bin/$name" # shims in front of a tool would need more tools
  done
}
fake() { # fake NAME <script on stdin>
  { printf '#!%s\n' "$(type -P bash)"; cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
run() { # run ARGUMENTS...: sets out, err, rc
  out=$(PATH=$work/bin IRONROOF_NO_INSTALL=${no_install:-} CC="" bash "$work/tree/scripts/run.sh" "$@" \
    2>"$work/err" </dev/null)
  rc=$?
  err=$(cat "$work/err")
}
failures=0 n=0
check() { # check WHAT COMMAND...
  local what=$1
  shift
  n=$((n + 1))
  "$@" && return
  failures=$((failures + 1))
  printf 'FAILED: %s\n  rc=%s out=%s\n  err=%s\n' "$what" "$rc" "$out" "$err"
}
says() { grep -qF -- "$1" <<<"$err"; }
silent() { ! says "$1"; }

builder=(cmake ninja make ld as ar ranlib)
compiler=$(type -P gcc || type -P clang || type -P cc)
if [ -z "$compiler" ] || ! type -P cmake >/dev/null || ! { type -P ninja || type -P make; } >/dev/null; then
  echo "no compiler, cmake or build tool to simulate with"
  exit 77
fi
cc() { ln -sf "$compiler" "$work/bin/gcc"; ln -sf "$compiler" "$work/bin/cc"; }
nothing_installed() { fake dpkg-query </dev/null; fake pkg-config <<<'exit 1'; }

# Nothing at all: it names what it needs and fails.
tools
run
check "no tools: fails" [ "$rc" -ne 0 ]
check "no tools: names cmake" says "cmake"
check "no tools: says it cannot build" says "Cannot build without: a C compiler, cmake, ninja or make"

# No apt-get, no libraries: it names them and carries on.
tools "${builder[@]}"; cc; nothing_installed
run --a "b c"
check "no apt: names the missing package" says "libhwloc-dev"
check "no apt: says why nothing is installed" says "there is no apt-get here"
check "no apt: runs the program with its arguments" [ "$out" = "[--a][b c]" ]
check "no apt: hands on the exit code" [ "$rc" = 7 ]
check "no apt: shows the summary" says "what was found"

# Again: nothing is rebuilt, and without arguments the command is run.
before=$(stat -c %Y.%i "$work/tree/build/ironroof")
run
check "second call: run is the default" [ "$out" = "[run]" ]
check "second call: not rebuilt" [ "$before" = "$(stat -c %Y.%i "$work/tree/build/ironroof")" ]
check "second call: summary shown once" silent "what was found"

# A changed source is rebuilt.
sed -i 's/return 7/return 8/' "$work/tree/main.c"
run
check "changed source: rebuilt" [ "$rc" = 8 ]

# Not root, no sudo; then a sudo that would ask.
fake apt-get <<<"echo \"\$*\" >>$work/apt.log"
fake id <<<'echo 1000'
run
check "not root: says so" says "not root, and there is no sudo"
fake sudo <<<'exit 1'
run
check "sudo would ask: says so" says "sudo would ask for a password"
check "not root: apt-get was not called" [ ! -e "$work/apt.log" ]

# Root, but told not to.
fake id <<<'echo 0'
no_install=1 run
check "IRONROOF_NO_INSTALL: says so" says "IRONROOF_NO_INSTALL is set"
check "IRONROOF_NO_INSTALL: apt-get was not called" [ ! -e "$work/apt.log" ]

# Root, a mirror that fails: one line, no retry at the next call, and the program still runs.
failed="E: Failed to fetch http://mirror/x  No route"
fake apt-get <<<"echo \"\$*\" >>$work/apt.log; echo '$failed' >&2; exit 100"
run
check "mirror down: one clear line" \
  says "apt-get update failed, trying with the package lists at hand: E: Failed"
check "mirror down: still runs" [ "$rc" = 8 ]
check "mirror down: one update" [ "$(grep -c update "$work/apt.log")" = 1 ]
rm "$work/apt.log"
run
check "mirror down, again: not tried" [ ! -e "$work/apt.log" ]
check "mirror down, again: says what is missing" says "Still missing: "

# Root, a working apt-get: installs by name, once.
rm -f "$work/tree/build/.not-installed"
fake apt-get <<<"echo \"\$*\" >>$work/apt.log; [[ \" \$* \" != *' install '* ]] || touch $work/done"
fake dpkg-query <<<"[ ! -e $work/done ] || printf installed"
run
check "apt: libraries are asked for by name" \
  grep -q "install -y .*libhwloc-dev libjansson-dev libopenblas-dev" "$work/apt.log"
check "apt: says it installed" says "Installed."
check "apt: runs" [ "$rc" = 8 ]
rm "$work/apt.log"
run
check "all there: apt-get is not called" [ ! -e "$work/apt.log" ]
check "all there: nothing to say" [ -z "$err" ]

# A build that fails shows the compiler's words and where the log is.
echo 'int main(void) { return undeclared; }' >"$work/tree/main.c"
run
check "broken source: fails" [ "$rc" = 1 ]
check "broken source: shows the error" says "undeclared"
check "broken source: names the log" says "build/build.log"

# test.sh refuses what it does not know.
out=$(bash "$work/tree/scripts/test.sh" --stage nonsense 2>&1)
rc=$?
check "test.sh: unknown stage" [ "$rc" = 2 ]

printf '%d checks, %d failed\n' $n $failures
[ $failures = 0 ]
