#!/usr/bin/env bash
# release.sh [-o FOLDER] [--arm64] [--twice] [--dirty] -- everything of a release in one folder (release/):
# source archive, .deb, .tar.gz, SBOM (SPDX), notes from CHANGELOG.md, SHA256SUMS.
#   --arm64   also cross-built for 64-bit Arm (gcc-aarch64-linux-gnu, and libhwloc-dev:arm64 and so on)
#   --twice   build two copies of the tree in two folders and compare: the same bytes, or exit 1
#   --dirty   also from a tree with changes that are not committed
# Version and date come from CMakeLists.txt and CHANGELOG.md; SOURCE_DATE_EPOCH is the commit's time. The
# revision is asked once, and with --twice the tree is copied once, so that neither moves under the build.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
to=$root/release arm='' twice='' dirty=''
while [ $# -gt 0 ]; do
  case $1 in
    -o) to=${2:?-o needs a folder}; shift ;;
    --arm64) arm=1 ;;
    --twice) twice=1 ;;
    --dirty) dirty=1 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) say "release.sh: unknown option '$1' (--help)"; exit 2 ;;
  esac
  shift
done
fail() { say "release.sh: $*"; exit 2; }
for tool in cmake cpack dpkg-deb python3 git gzip sha256sum; do
  have $tool || fail "$tool is not installed"
done
version=$(sed -n 's/^project([a-z]* VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
python3 "$root/tests/check_tree.py" --root "$root" version ||
  fail "CMakeLists.txt, CITATION.cff and CHANGELOG.md disagree"
[ -n "$dirty" ] || [ -z "$(git -C "$root" status --porcelain)" ] ||
  fail "changes that are not committed (--dirty)"
commit=$(git -C "$root" rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct "$commit")
IRONROOF_REVISION=$(git -C "$root" describe --always --dirty --abbrev=12 --exclude='*')
export SOURCE_DATE_EPOCH IRONROOF_REVISION
unset CCACHE_BASEDIR # it rewrites paths before the compiler sees them: __FILE__ would depend on the folder
mkdir -p "$to"
to=$(cd "$to" && pwd)

# pack TREE PRESET BUILD-FOLDER OUTPUT-FOLDER: builds and packs.
pack() {
  local generator=()
  ! have ninja || generator=(-G Ninja)
  (cd "$1" && cmake --preset "$2" ${generator[@]+"${generator[@]}"} -B "$3" >"$3.log" 2>&1 &&
    cmake --build "$3" -j "$jobs" >>"$3.log" 2>&1 &&
    cpack --config "$3/CPackConfig.cmake" -G "DEB;TGZ" -B "$4" >>"$3.log" 2>&1) ||
    { tail -n 30 "$3.log" >&2; fail "$2 was not built"; }
  rm -rf "$4/_CPack_Packages"
}

# Two copies of what git knows, each built in a folder of its own: no path of this machine can matter.
pack_twice() {
  local copy file tree bad=0
  copy=$(mktemp -d)
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null -T - -cf "$copy/tree.tar"
  for tree in "$copy/one/tree" "$copy/other/longer/tree"; do
    mkdir -p "$tree"
    tar -C "$tree" -xf "$copy/tree.tar"
  done
  pack "$copy/one/tree" "$1" "$copy/one/build" "$copy/out"
  pack "$copy/other/longer/tree" "$1" "$copy/other/longer/build" "$copy/out2"
  for file in "$copy"/out/*; do
    cp "$file" "$to"
    if cmp -s "$file" "$copy/out2/${file##*/}"; then
      say "same bytes twice: ${file##*/}"
    else
      say "NOT the same bytes twice: ${file##*/}"
      bad=1
    fi
  done
  if [ $bad = 0 ]; then
    rm -rf "$copy"
  else
    say "kept for a look: $copy"
  fi
  return $bad
}

work=$root/build-release
mkdir -p "$work"
for preset in package ${arm:+package-arm64}; do
  if [ -n "$twice" ]; then
    pack_twice "$preset"
  else
    pack "$root" "$preset" "$work/$preset" "$to"
  fi
done
git -C "$root" archive --format=tar --prefix="ironroof-$version/" "$commit" |
  gzip -9n >"$to/ironroof-$version.tar.gz"
for deb in "$to"/ironroof_"$version"-*.deb; do
  python3 "$root/scripts/sbom.py" "$deb" "$version" -o "${deb%.deb}.spdx.json"
done
awk -v v="$version" '/^## \[/{on = index($0, "[" v "]") > 0; next} on' "$root/CHANGELOG.md" >"$to/NOTES.md"
[ -s "$to/NOTES.md" ] || fail "CHANGELOG.md says nothing of $version"
cd "$to"
rm -f SHA256SUMS
sums=$(find . -maxdepth 1 -type f -printf '%P\0' | sort -z | xargs -0 sha256sum)
printf '%s\n' "$sums" | tee SHA256SUMS
say "release $version: $to"
