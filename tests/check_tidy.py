#!/usr/bin/env python3
"""check_tidy.py BUILD [-j N] [--since COMMIT] [FILE...] -- clang-tidy 14 with the committed .clang-tidy.

BUILD holds compile_commands.json (preset tidy). A source that is compiled once per instruction set is read
once. --since: only C sources that changed after COMMIT. FILE: only these. Prints findings and, last, the
count in ctest's words; exit 0 clean, 1 findings, 2 usage, 77 without clang-tidy 14.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def tidy_14():
    """The path of clang-tidy 14, or None."""
    for name in ("clang-tidy-14", "clang-tidy"):
        path = shutil.which(name)
        if path and re.search(r"version 14\.",
                              subprocess.run([path, "--version"], capture_output=True, text=True,
                                                              check=False).stdout):
            return path
    return None


def commands(build):
    """{source: compile command} of the project's C sources; of several the widest instruction set's."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.realpath(entry["file"]), ROOT)
        if path.endswith(".c") and not path.startswith(("..", "build")):
            found[path] = entry
    return found


def changed(since):
    done = subprocess.run(["git", "diff", "--name-only", "--diff-filter=d", since], cwd=ROOT,
                          capture_output=True,
                          text=True, check=False)
    if done.returncode:
        sys.exit("check_tidy.py: --since %s: %s" % (since, done.stderr.strip()))
    return set(done.stdout.split())


def read(tidy, database, path):
    done = subprocess.run([tidy, "-p", database, "--quiet", "--warnings-as-errors=*", path], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    return path, done.returncode, done.stdout + ("" if done.returncode in (0, 1) else done.stderr)


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("build")
    options.add_argument("-j", type=int, default=1)
    options.add_argument("--since")
    options.add_argument("files", nargs="*")
    args = options.parse_intermixed_args()
    tidy = tidy_14()
    if not tidy:
        print("clang-tidy 14 is not installed")
        return 77
    found = commands(args.build)
    only = set(args.files) or set(found)
    only &= changed(args.since) if args.since else only
    chosen = sorted(set(found) & only)
    failed = 0
    with tempfile.TemporaryDirectory() as database, concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        with open(os.path.join(database, "compile_commands.json"), "w", encoding="utf-8") as f:
            json.dump([found[path] for path in chosen], f)
        for path, rc, text in pool.map(lambda p: read(tidy, database, p), chosen):
            if rc:
                failed += 1
                print(text or "%s: clang-tidy: exit %d" % (path, rc), flush=True)
    total = len(chosen)
    print("%d%% tests passed, %d tests failed out of %d"
          % (100 * (total - failed) // max(total, 1), failed, total))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
