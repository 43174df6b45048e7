#!/usr/bin/env python3
"""test_guides.py PROGRAM ROOT [GUIDE...] -- runs the commands of docs/guides/*.md and docs/python.md as they
are written.

A guide's blocks marked `sh` are one script in an empty folder; a command must end with 0, or with a code that
its line names ("# exit code 0 or 3"). `python` blocks of docs/python.md follow its `sh` blocks, where pandas
and matplotlib are installed. Commands that measure and name no backend get a described machine, so that
nothing depends on this one and a guide takes a second; `ab` compares real processes, and its guide allows
every code that a busy machine may give. A guide that changes the source tree (write-a-kernel) runs in a copy
of it, only when it is named. Standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MACHINE = os.path.join(ROOT, "tests", "machines", "epyc_2x64.json")
BY_NAME_ONLY = {"write-a-kernel"}
WRAPPER = """#!/bin/bash
words=" $* "
case ${1-} in
  run | ceilings | "") measures=1 ;;
  claims) case $words in *" --measure "*) measures=1 ;; esac ;;
esac
case $words in *" --backend"*) measures= ;; esac
[ -z "${measures-}" ] || set -- "${@:-run}" --backend "model:$IR_MACHINE"
exec "$IR_PROGRAM" "$@"
"""
failures = []


def blocks(path, language):
    with open(path, encoding="utf-8") as f:
        return re.findall(r"^```%s\n(.*?)^```$" % language, f.read(), flags=re.M | re.S)


def checked(line):
    """A command whose line says which exit codes are fine."""
    m = re.match(r"(.*\S)\s*# exit code ([0-9][0-9, or]*)$", line)
    if not m:
        return line
    codes = "|".join(re.findall(r"[0-9]+", m.group(2)))
    return 'code=0; %s || code=$?\ncase $code in %s) ;; *) echo "exit code $code"; exit 99 ;; esac' % (
        m.group(1),
        codes,
    )


def script_of(path):
    text = "\n".join(blocks(path, "sh")).replace("\\\n", " ")
    return "set -eu -o pipefail\n" + "\n".join(checked(line) for line in text.split("\n")), text


def shell(script, folder, seconds):
    tools = os.path.join(folder, ".tools")
    os.makedirs(tools)
    with open(os.path.join(tools, "ironroof"), "w", encoding="utf-8") as f:
        f.write(WRAPPER)
    os.chmod(os.path.join(tools, "ironroof"), 0o755)
    with open(os.path.join(tools, "python3"), "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nexec "%s" "$@"\n' % sys.executable)
    os.chmod(os.path.join(tools, "python3"), 0o755)
    env = dict(
        os.environ, PATH=tools + os.pathsep + os.environ["PATH"], IR_PROGRAM=PROGRAM, IR_MACHINE=MACHINE
    )
    return subprocess.run(
        ["bash", "-x", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    )


def report(name, ok, detail):
    print("%-18s %s" % (name, "ok" if ok else "FAILED"))
    if not ok:
        failures.append(name)
        print(detail)


def copy_of_tree(folder):
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for path in filter(None, listed):
        left_out = path.startswith(("results/", "tests/fuzz/corpus/"))
        if not left_out and os.path.isfile(os.path.join(ROOT, path)):
            os.makedirs(os.path.join(folder, os.path.dirname(path)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, path), os.path.join(folder, path))
    os.environ.update(CMAKE_GENERATOR="Ninja" if shutil.which("ninja") else "Unix Makefiles")
    if shutil.which("ccache"):
        os.environ.update(CMAKE_C_COMPILER_LAUNCHER="ccache", CCACHE_NOHASHDIR="1", CCACHE_BASEDIR=folder)


def guide(name):
    path = os.path.join(ROOT, "docs", "guides", name + ".md")
    script, text = script_of(path)
    commands = len(re.findall(r"\bironroof ", text))
    if commands < 3:
        report(name, False, "only %d commands of ironroof in it" % commands)
        return
    with tempfile.TemporaryDirectory() as folder:
        if name in BY_NAME_ONLY:
            copy_of_tree(folder)
        done = shell(script, folder, 1800 if name in BY_NAME_ONLY else 120)
        report(
            name,
            done.returncode == 0,
            "exit code %d\n%s\n%s" % (done.returncode, done.stdout[-2000:], done.stderr[-3000:]),
        )


def python_page():
    """docs/python.md: its commands, then its lines in one process."""
    path = os.path.join(ROOT, "docs", "python.md")
    script, _ = script_of(path)
    script = script.replace("/usr/share/ironroof/", os.path.join(ROOT, "scripts") + "/")
    missing = [
        m
        for m in ("pandas", "matplotlib", "pyarrow")
        if subprocess.run([sys.executable, "-c", "import " + m], capture_output=True).returncode
    ]
    if "pyarrow" in missing:
        script = "\n".join(line for line in script.split("\n") if "parquet" not in line)
    with tempfile.TemporaryDirectory() as folder:
        done = shell(script, folder, 120)
        report("python.md", done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:])
        if missing:
            print("python.md: its Python lines are not run: %s not installed" % ", ".join(missing))
            return
        lines = "import matplotlib\nmatplotlib.use('Agg')\n" + "\n".join(blocks(path, "python"))
        run = subprocess.run(
            [sys.executable, "-W", "error::FutureWarning", "-c", lines],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        report(
            "python.md, lines",
            run.returncode == 0 and os.path.getsize(os.path.join(folder, "roof.png")) > 5000,
            run.stdout[-2000:] + run.stderr[-3000:],
        )


def main():
    there = sorted(f[:-3] for f in os.listdir(os.path.join(ROOT, "docs", "guides")) if f.endswith(".md"))
    if len(there) < 6:
        report("guides", False, "only %s" % there)
    for name in sys.argv[3:] or [n for n in there if n not in BY_NAME_ONLY] + ["python.md"]:
        if name == "python.md":
            python_page()
        else:
            guide(name)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
