#!/usr/bin/env python3
"""test_fleet_program.py PROGRAM -- `ironroof fleet` as a user meets it on one machine: exit codes,
messages, files. Nodes are the ideal device; nothing depends on how fast this machine is."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = ""
POINTS = [
    "--",
    "copy:bytes=64Mi",
    "gemm:m=256,n=256,k=256,dtype=f32",
    "forkjoin",
    "fma:dtype=f32",
    "--backend",
    "ideal",
    "--samples",
    "12",
]
failures = []


def expect(ok, what, detail=""):
    if not ok:
        failures.append(what)
        print("FAIL %s: %s" % (what, detail))


def call(*words, env=None):
    return subprocess.run(
        [PROGRAM] + list(words),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=dict(os.environ, **(env or {})),
    )


def check(words, code, out=(), err=(), env=None):
    done = call(*words, env=env)
    what = " ".join(words[:4])
    expect(
        done.returncode == code,
        "%s: exit %d" % (what, code),
        "%d %s %s" % (done.returncode, done.stdout[-400:], done.stderr[-400:]),
    )
    for text in out:
        expect(text in done.stdout, "%s says '%s'" % (what, text), done.stdout[-800:])
    for text in err:
        expect(text in done.stderr, "%s complains '%s'" % (what, text), done.stderr[-800:])
    return done


def outliers(folder):
    with open(folder + "/fleet.json", encoding="utf-8") as f:
        return {o["node"]: o for o in json.load(f)["outliers"]}


def usage(tmp):
    check(["fleet"], 2, err=["fleet"])
    check(["fleet", "jugde", tmp], 2, err=["did you mean 'judge'"])
    check(["fleet", "judge"], 2, err=["one DIR"])
    check(["fleet", "judge", tmp + "/none"], 2, err=["plan.json"])
    check(["fleet", "run", "--engine", "local", "--nodes", "3"], 2, err=["-o DIR"])
    check(["fleet", "run", "--engine", "local", "--nodes", "0", "-o", tmp + "/x"], 2, err=["--nodes 0"])
    check(["fleet", "run", "--engine", "pdsh", "-o", tmp + "/x"], 2, err=["pdsh"])
    check(["fleet", "run", "-o", tmp + "/x"], 2, err=["no engine here"], env={"PATH": "/nonexistent"})
    check(["fleet", "check"], 2, err=["--against"])
    check(["fleet", "check", "--against", tmp + "/none"], 2, err=["none"])
    check(["fleet", "agent", tmp, "7"], 2, err=["look"])
    check(["fleet", "agent", tmp + "/none"], 0, err=["plan.json"])


def healthy(tmp):
    folder = tmp + "/healthy"
    env = {"IRONROOF_IDEAL": "noise=.003"}
    check(
        ["fleet", "run", "--engine", "local", "--nodes", "5", "-o", folder] + POINTS,
        0,
        out=["5 nodes, none slow", "detectable"],
        env=env,
    )
    expect(not outliers(folder), "no outlier among equal nodes")
    for name in ("fleet.txt", "fleet.html", "plan.json", "look1/local3.json"):
        expect(os.path.getsize(os.path.join(folder, name)) > 0, "%s is there" % name)
    expect(
        max(os.path.getsize("%s/look1/local%d.json" % (folder, i)) for i in range(1, 6)) < 5000,
        "a digest stays below 5 kB",
    )
    check(
        ["fleet", "run", "--engine", "local", "--nodes", "2", "-o", folder] + POINTS,
        2,
        err=["holds a sweep already"],
    )
    for values, code, text in (
        ("noise=.003", 0, "ok: as 5 peers"),
        ("s=.7", 1, "slow: BW"),
        ("eta=.7", 1, "slow: eta"),
        ("L_lat=1.5", 1, "slow: L_lat"),
    ):
        check(
            ["fleet", "check", "--against", folder + "/fleet.json"],
            code,
            out=[text],
            env={"IRONROOF_IDEAL": values},
        )


def schema(tmp):
    """What a sweep leaves is as docs/record.schema.json says."""
    try:
        import jsonschema
    except ImportError:
        return
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "docs", "record.schema.json"), encoding="utf-8") as f:
        valid = jsonschema.Draft202012Validator(json.load(f))
    for name in ("fleet.json", "look1/local1.json", "look1/local5.json"):
        with open(tmp + "/healthy/" + name, encoding="utf-8") as f:
            wrong = [e.message for e in valid.iter_errors(json.load(f))]
        expect(not wrong, "%s fits the schema" % name, wrong[:3])


def damaged(tmp):
    """What happens to files afterwards is named by node, and judged."""
    folder = tmp + "/healthy"
    kept = open(folder + "/look1/local2.json", encoding="utf-8").read()
    for what, text in (("empty", ""), ("garbage", "\x00\x01\x02"), ("cut", kept[:200])):
        with open(folder + "/look1/local2.json", "w", encoding="utf-8") as f:
            f.write(text)
        check(["fleet", "judge", folder], 2, out=["local2", "LOST"])
        expect(set(outliers(folder)) == {"local2"}, "%s: the other nodes are OK" % what, outliers(folder))
    os.remove(folder + "/look1/local2.json")
    check(["fleet", "judge", folder], 2, out=["left no file"])
    with open(folder + "/look1/local2.json", "w", encoding="utf-8") as f:
        f.write(kept.replace('"run":"', '"run":"other'))
    check(["fleet", "judge", folder], 2, err=["another fleet"])


def broken(tmp):
    """Runs that end badly are their node's, and name what they were at."""
    check(
        [
            "fleet",
            "run",
            "--engine",
            "local",
            "--nodes",
            "3",
            "-o",
            tmp + "/bad",
            "--",
            "copy",
            "--backend",
            "nonsense",
        ],
        2,
        out=["local1", "nonsense"],
    )
    expect(
        {o["verdict"] for o in outliers(tmp + "/bad").values()} == {"INCORRECT"},
        "a run that fails",
        outliers(tmp + "/bad"),
    )
    check(
        [
            "fleet",
            "run",
            "--engine",
            "local",
            "--nodes",
            "1",
            "--timeout",
            "1",
            "-o",
            tmp + "/hung",
            "--",
            "forkjoin",
            "--backend",
            "cpu",
            "--ceilings",
            "none",
            "--warmup",
            "30",
        ],
        2,
        out=["HUNG"],
    )
    expect(
        "round 1" in outliers(tmp + "/hung")["local1"]["why"],
        "it says at what it hung",
        outliers(tmp + "/hung"),
    )
    check(
        ["fleet", "run", "--engine", "local", "--nodes", "2", "-o", tmp + "/two"] + POINTS,
        3,
        out=["TOO FEW", "the two differ"],
        env={"IRONROOF_IDEAL": "noise=.003"},
    )


def full_disk(tmp):
    """A folder that fills up is the fault, and no node is."""
    place = tmp + "/small"
    os.mkdir(place)
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        return
    try:
        with open(place + "/fill", "wb") as f:
            f.write(bytes(60 << 10))
        done = call("fleet", "run", "--engine", "local", "--nodes", "3", "-o", place + "/d", *POINTS)
        expect(done.returncode == 2, "a full folder: exit code 2", done)
        expect(all(w in done.stderr for w in ("No space left", "local2")), "the folder is named", done.stderr)
        expect("scontrol" not in done.stdout, "no node is to be drained for it", done.stdout)
    finally:
        subprocess.run(["umount", place], check=False)


def by_pdsh(tmp):
    """pdsh that runs its commands here: four names, one machine."""
    if not shutil.which("pdsh"):
        return
    check(
        [
            "fleet",
            "run",
            "--engine",
            "pdsh",
            "--engine-args=-R exec",
            "--nodes",
            "h[1-4]",
            "-o",
            tmp + "/pdsh",
        ]
        + POINTS,
        0,
        out=["4 nodes, none slow"],
        env={"IRONROOF_IDEAL": "noise=.003"},
    )


def main():
    with tempfile.TemporaryDirectory() as tmp:
        for part in (usage, healthy, schema, damaged, broken, full_disk, by_pdsh):
            part(tmp)
    print("%d failures" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv[1])
    sys.exit(main())
