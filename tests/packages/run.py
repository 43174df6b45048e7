#!/usr/bin/env python3
"""run.py PROGRAM ROOT WORK [NAME...] -- packages and exports, each tried with the tool it is for.

WORK keeps what is made (packages, a virtual environment, a chroot). A tool that cannot be had is a skip with
its reason; the last line counts in ctest's words. Every test is a function of tests/packages/*.py that takes
the `Place` and returns, or raises Skip or AssertionError.
"""

import os
import shutil
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Skip(Exception):
    pass


class Place:
    """Where things are, and how to call them."""

    def __init__(self, program, root, work):
        self.program, self.root, self.work = (os.path.abspath(p) for p in (program, root, work))
        self.machine = "model:" + os.path.join(self.root, "tests", "machines", "epyc_2x64.json")
        os.makedirs(self.work, exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def fresh(self, name):
        folder = self.path(name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        return folder

    def tool(self, *names):
        for name in names:
            if shutil.which(name):
                return shutil.which(name)
        raise Skip("%s is not installed" % names[0])

    def call(self, *words, code=0, seconds=600, **more):
        done = subprocess.run(
            [str(w) for w in words],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            **more
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                "%s: exit code %d\n%s\n%s"
                % (" ".join(map(str, words))[:300], done.returncode, done.stdout[-3000:], done.stderr[-3000:])
            )
        return done

    def ironroof(self, *words, **more):
        return self.call(self.program, *words, **more)

    def python(self, *packages):
        """A Python with these packages from PyPI, in a virtual environment of this place."""
        python = self.path("venv", "bin", "python")
        if not os.path.exists(python):
            self.call(sys.executable, "-m", "venv", self.path("venv"))
        wanted = [
            p
            for p in packages
            if self.call(
                python, "-c", "import importlib.metadata as m; m.version('%s')" % p.split("=")[0], code=None
            ).returncode
        ]
        if wanted:
            if os.environ.get("IRONROOF_NO_INSTALL"):
                raise Skip("%s: not installed (IRONROOF_NO_INSTALL)" % ", ".join(wanted))
            done = self.call(python, "-m", "pip", "install", "-q", *wanted, code=None, seconds=900)
            if done.returncode:
                raise Skip("pip cannot install %s: %s" % (", ".join(wanted), done.stderr.strip()[-160:]))
        return python

    def record(self):
        """A record of a described machine."""
        path = self.path("model.jsonl")
        if not os.path.exists(path):
            self.ironroof(
                "run",
                "copy",
                "gemm",
                "gemv",
                "gpt2:batch=1,4,tokens=1",
                "resnet50:batch=1",
                "--backend",
                self.machine,
                "--no-report",
                "--quiet",
                "-o",
                path,
            )
        return path


def tests():
    import chroot
    import debian
    import recipes
    import shells
    import tools

    out = []
    for module in (shells, tools, recipes, debian, chroot):
        out += [(name[5:], f) for name, f in vars(module).items() if name.startswith("test_")]
    return out


def main():
    place = Place(*sys.argv[1:4])
    wanted, passed, failed, skipped = sys.argv[4:], 0, 0, 0
    for name, test in tests():
        if wanted and name not in wanted:
            continue
        since = time.time()
        try:
            test(place)
            state, why = "ok", ""
            passed += 1
        except Skip as e:
            state, why = "skipped", str(e)
            skipped += 1
        except Exception as e:  # a test of its own kind of failure: any is one
            state, why = "FAILED", str(e) or traceback.format_exc()
            failed += 1
        print("%-18s %-8s %4d s  %s" % (name, state, time.time() - since, why), flush=True)
    ran = passed + failed
    print("%d skipped" % skipped)
    print("%d%% tests passed, %d tests failed out of %d" % (100 * passed // ran if ran else 0, failed, ran))
    if not ran:
        print("no tool is installed")
        sys.exit(77)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]
    main()
