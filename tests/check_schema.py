#!/usr/bin/env python3
"""check_schema.py SCHEMA IRONROOF TEST_RECORD -- real records against docs/record.schema.json.

The records: a run of the program on the ideal device, and the sample of test_record, in which every field is
set, and another in which none is known. Checked twice: as the schema says, and with every field that the
schema does not describe refused. Then lines that are wrong in one way each must be refused. Exit 77 without
the Python package jsonschema (python3-jsonschema)."""
import copy
import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

# kind, what to change in a fine line of it, value (None: the field is removed)
WRONG = [
    ("header", ["schema"], 2), ("header", ["schema"], None), ("header", ["argv"], "ironroof"),
    ("header", ["record"], 1),
    ("machine", ["device"], None), ("machine", ["device"], ""), ("machine", ["cores"], -1),
    ("machine", ["env", "x"], [1]),
    ("machine", ["comparability_key"], "xyz"), ("machine", ["spec_flops", "f32"], "fast"),
    ("machine", ["compared"], [1]),
    ("ceiling", ["what"], None), ("ceiling", ["what"], "speed"), ("ceiling", ["value"], -1),
    ("ceiling", ["dtype"], "f31"),
    ("ceiling", ["unit"], "GB/s"), ("ceiling", ["source"], "guess"),
    ("ceiling", ["certificates"], [{"gain": "much"}]),
    ("capacity", ["level"], "L9"), ("capacity", ["value"], "big"),
    ("point", ["workload"], None), ("point", ["kernel"], ""), ("point", ["status"], "fine"),
    ("point", ["status"], None),
    ("point", ["threads"], 1.5), ("point", ["params", "m"], 1.5), ("point", ["time_s", "median"], "1 s"),
    ("point", ["time_s"], 1), ("point", ["bound"], "disk"), ("point", ["flags"], ["tired"]),
    ("point", ["samples_s"], [-1]),
    ("point", ["throttled_samples"], [-1]), ("point", ["flops"], -1), ("point", ["cache"], "warm"),
    ("fit", ["form"], "magic"), ("fit", ["BW", "how"], None), ("fit", ["draws"], [[1, 2]]),
    ("fit", ["n"], -1),
    ("quality", ["value"], None), ("quality", ["value"], "fine"),
    ("quality", ["causes"], [{"what": 7}]), ("quality", ["causes"], "many"),
    ("verdict", ["question"], None), ("verdict", ["evidence"], "a;b"), ("verdict", ["p"], "likely"),
]


def closed(node):
    """The schema with every undescribed field refused; conditions and the top level describe none."""
    if isinstance(node, list):
        return [closed(x) for x in node]
    if not isinstance(node, dict):
        return node
    out = {k: v if k == "if" else closed(v) for k, v in node.items()}
    if isinstance(node.get("properties"), dict) and "$schema" not in node:
        out.setdefault("additionalProperties", False)
    return out


def lines_of(path):
    with open(path, encoding="utf-8") as f:
        return [(n, json.loads(line)) for n, line in enumerate(f, 1)]


def kind_of(line):
    return "capacity" if line.get("what") == "capacity" else line["record"]


def changed(line, path, value):
    line = copy.deepcopy(line)
    at = line
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return line


def main(schema_path, ironroof, test_record):
    with open(schema_path, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    open_, strict = jsonschema.Draft202012Validator(schema), jsonschema.Draft202012Validator(closed(schema))
    bad, fine, count = 0, {}, 0
    with tempfile.TemporaryDirectory() as tmp:
        records = [os.path.join(tmp, name) for name in ("run.jsonl", "sample.jsonl")]
        run = subprocess.run([ironroof, "run", "--backend", "ideal", "--no-report", "--quiet", "-o",
                              records[0]],
                             capture_output=True, text=True, check=False)
        sample = subprocess.run([test_record, "--sample", records[1]], capture_output=True, text=True,
                                check=False)
        if run.returncode or sample.returncode:
            print("no records: %s%s" % (run.stderr, sample.stderr))
            return 1
        for path in records:
            for n, line in lines_of(path):
                count += 1
                for error in list(open_.iter_errors(line)) + list(strict.iter_errors(line)):
                    print("%s:%d: %s: %s" % (os.path.basename(path), n,
                                             "/".join(map(str, error.absolute_path)), error.message))
                    bad += 1
                if line["record"] != "point" or line["status"] == "ok":
                    fine[kind_of(line)] = line
    for kind, path, value in WRONG:
        if kind not in fine:
            print("no record has a line of kind %s" % kind)
            bad += 1
        elif open_.is_valid(changed(fine[kind], path, value)):
            print("%s with %s = %r is not refused" % (kind, ".".join(path), value))
            bad += 1
    for kind, line in fine.items():
        if strict.is_valid(dict(line, new_field=1)) or not open_.is_valid(dict(line, new_field=1)):
            print("%s: a new field must be fine, and noticed by this test" % kind)
            bad += 1
    print("%d lines of %d kinds checked, %d wrong ones refused" % (count, len(fine), len(WRONG)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
