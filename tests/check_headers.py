#!/usr/bin/env python3
"""check_headers.py [--root DIR] CC [CXX] -- every header of harness/, kernels/ and bench/ compiles alone.

As C11 by CC and, where there is one, as C++17 by CXX; warnings are errors.
Left out: X lists (table.h of a backend), bodies that a
source includes once per type (*_body.h), what is C++ only, and headers whose vendor is not installed (named).
Prints HEADER: LANGUAGE: first error; exit 0 clean, 1 errors, 2 usage.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

FOLDERS = ("harness", "kernels", "bench")
FLAGS = ["-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I."]


def headers(root):
    for folder in FOLDERS:
        for here, dirs, files in os.walk(os.path.join(root, folder)):
            dirs.sort()
            for name in sorted(files):
                path = os.path.relpath(os.path.join(here, name), root)
                if name.endswith(".h") and not name.endswith("_body.h"):
                    with open(os.path.join(root, path), encoding="utf-8") as f:
                        text = f.read()
                    cxx_only = re.search(r"^#\s*include <(algorithm|functional|vector)>", text, flags=re.M)
                    if not cxx_only and not re.search(r"^X\(\w+\)$", text, flags=re.M):
                        yield path


def compile_alone(root, compiler, language, path):
    """None, or the first error; a missing vendor header is no error but the text after '?'."""
    flags = ["-x", "c", "-std=c11"] if language == "C11" else ["-x", "c++", "-std=c++17"]
    done = subprocess.run([compiler] + flags + FLAGS + ["-"], cwd=root, capture_output=True, text=True,
                          check=False, input='#include "%s"\nextern int header_alone;\n' % path)
    missing = re.search(r"fatal error: '?([\w./]+)'?(: No such file| file not found)", done.stderr)
    if missing and not missing.group(1).startswith(FOLDERS):
        return "?%s" % missing.group(1)
    first = re.search(r".*error: .*", done.stderr)
    return None if done.returncode == 0 else first.group() if first else done.stderr


def main(argv):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if argv[:1] == ["--root"]:
        root, argv = argv[1], argv[2:]
    if len(argv) not in (1, 2):
        sys.stderr.write(__doc__)
        return 2
    jobs = [(path, language, compiler) for path in headers(root)
            for language, compiler in zip(("C11", "C++17"), argv)]
    bad, left = 0, set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, language, _), error in zip(jobs, pool.map(
                lambda j: compile_alone(root, j[2], j[1], j[0]), jobs)):
            if error and error[0] == "?":
                left.add("%s (%s is not here)" % (path, error[1:]))
            elif error:
                bad += 1
                print("%s: %s: %s" % (path, language, error))
    for path in sorted(left):
        print("left out: " + path)
    alone = len(jobs) // len(argv) - len(left)
    print("%d errors" % bad if bad else "%d headers compile alone with %s" % (alone, " and ".join(argv)))
    return 1 if bad or not jobs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
