#!/usr/bin/env python3
"""coverage.py BUILD -- the share of source lines that ran, from gcov data of a build of the preset coverage.

A line counts once, however often its file was compiled (per instruction set, per target): it ran when any
of the objects ran it. Objects that no test executed count with all their lines. Files outside harness/,
kernels/ and bench/ are not counted. Prints one line a folder and the total; exit 2 without data.
"""
import collections
import json
import os
import subprocess
import sys

COUNTED = ("harness/", "kernels/", "bench/")


def notes(build):
    """Every object's notes file, in order."""
    for here, dirs, files in os.walk(build):
        dirs.sort()
        for name in sorted(files):
            if name.endswith(".gcno"):
                yield os.path.join(here, name)


def gcov(paths, build):
    """One parsed JSON document an object."""
    for i in range(0, len(paths), 50):
        done = subprocess.run(["gcov", "--json-format", "--stdout"] + paths[i:i + 50], cwd=build,
                              capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def lines(build, root):
    """{file: {line: ran}} of the project's own sources."""
    found = collections.defaultdict(dict)
    for document in gcov(list(notes(build)), build):
        for source in document["files"]:
            path = os.path.join(document["current_working_directory"], source["file"])
            path = os.path.relpath(os.path.realpath(path), root).replace(os.sep, "/")
            if path.startswith(COUNTED):
                for line in source["lines"]:
                    ran = found[path].get(line["line_number"], False)
                    found[path][line["line_number"]] = ran or line["count"] > 0
    return found


def main(argv):
    if len(argv) != 1 or argv[0].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    build = os.path.abspath(argv[0])
    folders = collections.defaultdict(lambda: [0, 0])
    for path, ran in lines(build, root).items():
        for name in (os.path.dirname(path), ""):
            folders[name][0] += sum(ran.values())
            folders[name][1] += len(ran)
    if not folders:
        sys.stderr.write("coverage.py: %s holds no gcov data: cmake --preset coverage, build, test\n" % build)
        return 2
    for name in sorted(folders, key=lambda n: (n == "", n)):
        ran, all_lines = folders[name]
        share = 100 * ran / all_lines
        print("%-24s %6d of %6d lines  %5.1f %%" % (name or "line coverage", ran, all_lines, share))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
