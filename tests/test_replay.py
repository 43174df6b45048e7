#!/usr/bin/env python3
"""test_replay.py IRONROOF ROOT -- `fit` of every committed record of a run gives the law that its text
beside it prints, to the digit. A rule that changes a law must measure the record anew. Standard library
only."""

import glob
import os
import subprocess
import sys

ironroof, root = sys.argv[1:3]
FIRST, LAST = "The Iron Law of ", "condition "


def law(text):
    """The words of the law's table, whatever the width they were wrapped to. (The line that sums a run up is
    worded by the program's version.)"""
    lines = text.split("\n")
    begin = [i for i, line in enumerate(lines) if line.startswith(FIRST)]
    end = [i for i, line in enumerate(lines) if line.startswith(LAST)]
    if len(begin) != 1 or len(end) != 1:
        return None
    return " ".join(lines[begin[0] : end[0] + 1]).split()


def replay(record):
    run = subprocess.run([ironroof, "fit", record], capture_output=True, text=True)
    if run.returncode != 0:
        return "fit failed: " + run.stderr.strip()
    with open(record[: -len(".jsonl")] + ".txt", encoding="utf-8") as f:
        printed = law(f.read())
    again = law(run.stdout)
    if not printed or not again:
        return "no law is printed"
    differ = [i for i in range(max(len(printed), len(again))) if printed[i : i + 1] != again[i : i + 1]]
    return (
        "the law differs: '%s', now '%s'"
        % (" ".join(printed[differ[0] - 3 : differ[0] + 3]), " ".join(again[differ[0] - 3 : differ[0] + 3]))
        if differ
        else None
    )


# The comparison itself sees a digit that changes.
SAMPLE = FIRST + "x\nBW  1.23\n" + LAST + "1.0\nDRAM; additive law: BW 1.23\n"
assert law(SAMPLE) == law(SAMPLE.replace("BW  1.23", "BW 1.23")) and law(SAMPLE) != law(
    SAMPLE.replace("1.23", "1.24", 1)
)
assert law("nothing") is None

records = [
    r
    for r in sorted(glob.glob(os.path.join(root, "results", "*", "*.jsonl")))
    if os.path.exists(r[: -len(".jsonl")] + ".txt")
]
if not records:
    print("no committed record has its text beside it")
    sys.exit(1)
bad = [(r, why) for r in records for why in [replay(r)] if why]
for record, why in bad:
    print("%s: %s" % (os.path.relpath(record, root), why))
print("%d records, %d differ" % (len(records), len(bad)))
sys.exit(1 if bad else 0)
