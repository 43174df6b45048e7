#!/usr/bin/env bash
# release.sh [-o FOLDER] [--arm64] [--twice] [--dirty] -- everything of a release in one folder (release/):
# source archive, .deb, .tar.gz, SBOM (SPDX), notes from CHANGELOG.md, SHA256SUMS.
#   --arm64   also cross-built for 64-bit Arm (gcc-aarch64-linux-gnu, and libhwloc-dev:arm64 and so on)
#   --twice   build once more in another folder and compare: the same bytes, or exit 1
#   --dirty   also from a tree with changes that are not committed
# Version and date come from CMakeLists.txt and CHANGELOG.md; SOURCE_DATE_EPOCH is the commit's time.
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
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
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

# The same tree elsewhere: a copy of what git knows, so that no path of this one can matter.
pack_again() {
  local copy file bad=0
  copy=$(mktemp -d)
  mkdir "$copy/tree"
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null -T - -cf - | tar -C "$copy/tree" -xf -
  cp -r "$root/.git" "$copy/tree/.git"
  pack "$copy/tree" "$1" "$copy/build" "$copy/out"
  for file in "$copy"/out/*; do
    if cmp -s "$file" "$to/${file##*/}"; then
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
pack "$root" package "$work/package" "$to"
[ -z "$twice" ] || pack_again package
if [ -n "$arm" ]; then
  pack "$root" package-arm64 "$work/package-arm64" "$to"
  [ -z "$twice" ] || pack_again package-arm64
fi
git -C "$root" archive --format=tar --prefix="ironroof-$version/" HEAD |
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
