#!/usr/bin/env python3
"""cpu_worker.py LIBRARY WORK [key=value ...] -- one library at one piece of work, for cpu.py.

Prints 'ready {"name", "version", "runs"}' once the work is set up, was done once and gave numbers, then for
every line on stdin the seconds of one call (the median of calls that fill half a second), and ends with its
stdin. A library that is not here is "missing REASON". The work is that of our own rows: same shapes, same
element types, random weights, `threads` threads."""
import importlib
import json
import math
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import libraries  # noqa: E402

CALLS_S = 0.5
# Library: its module in libraries/ and the function there, which takes what is asked.
LIBRARIES = {"onnxruntime": ("runtimes", "onnxruntime"), "openvino": ("runtimes", "openvino"),
             "litert": ("litert", "litert"), "torch": ("pytorch", "torch"), "llama": ("llama", "llama"),
             "openblas": ("blas", "gemm"), "openblas-new": ("blas", "gemm"), "blis": ("blas", "gemm")}


def seconds(call, after=None, least=3):
    each, spent = [], 0
    while spent < CALLS_S or len(each) < least:
        t = time.perf_counter()
        call()
        each.append(time.perf_counter() - t)
        spent += each[-1]
        if after:
            after()
    return statistics.median(each)


def flat(values):
    """The numbers of an array of any shape, or of a list."""
    return values.ravel().tolist() if hasattr(values, "ravel") else list(values)


def refuse_nonsense(work):
    """Random weights give finite outputs that are not all alike zero; anything else was not computed."""
    values = flat(work.output()) if work.output else [1.0]
    if not values or not all(map(math.isfinite, values)):
        raise RuntimeError("the library's output is not finite")
    if not any(values):
        raise RuntimeError("the library's output is all zeros")


def set_up(library, work, words):
    module, function = LIBRARIES[library]
    make = getattr(importlib.import_module("libraries." + module), function)
    asked = libraries.Asked(work, words)
    done = make(library, asked) if module == "blas" else make(asked)
    done.call()
    refuse_nonsense(done)
    if done.after:
        done.after()
    seconds(done.call, done.after, 1)
    return done


def main():
    library, work = sys.argv[1:3]
    try:
        done = set_up(library, work, sys.argv[3:])
    except libraries.Missing as e:
        print("missing", " ".join(str(e).split()), flush=True)
        return 0
    print("ready", json.dumps({"name": library, "version": done.version, "runs": done.runs}), flush=True)
    for _ in sys.stdin:
        print(seconds(done.call, done.after), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
