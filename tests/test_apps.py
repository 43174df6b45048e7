#!/usr/bin/env python3
"""test_apps.py PROGRAM -- predict, compare and claims as a user meets them: exit codes, messages, lines; the
devices compiled in are those of bench/devices/devices.json. Nothing is measured. Exit 77 where a build cannot
read records: what needs none has passed by then."""

import json, os, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "bench")
A, B = (os.path.join(HERE, "fixtures", "machine_%s.jsonl" % x) for x in "ab")
failures = []


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=600)


def expect(ok, what, r=None):
    if not ok:
        failures.append(what)
        print("FAILED: " + what)
        if r is not None:
            print("  rc=%d\n  out=%s\n  err=%s" % (r.returncode, r.stdout[-800:], r.stderr[-800:]))


def check(args, code, out=(), err=()):
    r = run(*args)
    expect(r.returncode == code, "%s: exit code %d" % (" ".join(args), code), r)
    for word in out:
        expect(word in r.stdout, "%s: prints '%s'" % (" ".join(args), word), r)
    for word in err:
        expect(word in r.stderr, "%s: says '%s'" % (" ".join(args), word), r)
    if code:
        expect(
            all(line.startswith("ironroof: ") for line in r.stderr.splitlines()),
            "%s: clear lines" % " ".join(args),
            r,
        )
    return r


def lines(*args):
    r = run(*args, "-o", "-", "--quiet")
    try:
        return [json.loads(line) for line in r.stdout.splitlines()]
    except ValueError as e:
        expect(False, "%s: %s" % (" ".join(args), e), r)
        return []


def devices():
    """Every figure of the JSON comes out of a prediction unchanged."""
    listed = run("list", "devices").stdout
    with open(os.path.join(DATA, "devices", "devices.json"), encoding="utf-8") as f:
        sheets = json.load(f)
    for d in sheets:
        flat = " ".join(listed.split())
        expect(d["name"] in flat and d["aliases"][0] in flat, "list devices has " + d["name"])
        expect(
            " ".join(d["provenance"].split())[:60] in flat, "list devices has the provenance of " + d["name"]
        )
        types = [t for t in ("f64", "f32", "tf32", "f16", "bf16", "f8", "i8", "i4") if t in d["peaks_flops"]]
        if d["bandwidth_Bps"] is None or not types:
            continue
        got = lines(
            "predict", "gemm:m=64,n=64,k=64", "--dtype", ",".join(types), "--device", d["aliases"][0]
        )[1:]
        expect([g["R_peak"] for g in got] == [d["peaks_flops"][t] for t in types], "peaks of " + d["name"])
        expect(
            all(g["BW"] == d["bandwidth_Bps"] and g["capacity_B"] == d["capacity_B"] for g in got),
            "bandwidth of " + d["name"],
        )


def predict():
    check(["predict", "gemm", "--device", "a100"], 0, out=["NVIDIA A100 80GB SXM", "datasheet", "assumed"])
    check(["predict", "gemm"], 2, err=["--device"])
    check(["predict", "gemm", "--device", "a10"], 2, err=["did you mean 'a100'"])
    check(["predict", "gmm", "--device", "a100"], 2, err=["did you mean"])
    check(["predict", "gemm", "--device", "coral", "--dtype", "i8"], 2, err=["coral has no bandwidth"])
    check(
        ["predict", "gemm", "--device", "t4", "--dtype", "bf16"],
        2,
        err=["t4 has no bf16 peak (it has f32 f16 i8 i4)"],
    )
    for setting in ("BW=0", "BW=-2x", "eta=0", "eta=2", "L_lat=-1", "frob=1", "BW"):
        check(["predict", "gemm", "--device", "a100", "--set", setting], 2, err=["--set"])
    check(["predict", "gemm", "--device", "a100", "--set", "L_lat=0"], 0, out=["launch 0 s"])
    check(
        ["predict", "gpt2:size=xl,batch=1", "--device", "esp32,pi5"],
        2,
        out=["pi5"],
        err=["esp32 has no bandwidth"],
    )
    check(
        ["predict", "gpt2:size=xl,batch=64,past=1023", "--device", "orin-nano"],
        0,
        out=["does not fit on orin-nano", "cache"],
    )
    one, two = (
        lines("predict", "gemv:m=8192,k=8192,dtype=f32", "--device", "a100", *more)[1]
        for more in ([], ["--set", "BW=2x"])
    )
    expect(
        abs(one["terms_s"]["data"] / two["terms_s"]["data"] - 2) < 1e-12,
        "twice the bandwidth, half the data term",
    )
    expect(
        one["source"] == "datasheet" and one["eta_how"] == "assumed" and one["L_lat"] is None,
        "what is unknown is null",
    )
    check(["predict", "resnet50", "--device", "a100", "--nodes", "4"], 2, err=["--net", "BW_net"])
    check(
        ["predict", "fma", "--device", "a100", "--nodes", "4", "--set", "BW_net=1G", "--set", "L_net=0"],
        2,
        err=["no weights"],
    )
    check(
        ["predict", "resnet50", "--device", "a100", "--nodes", "4", "--set", "BW_net=2x"],
        2,
        err=["no network to multiply"],
    )
    for bw, bound in (("1G", "network"), ("100T", "compute")):
        got = lines(
            "predict",
            "resnet50:dtype=f32",
            "--device",
            "a100",
            "--nodes",
            "4",
            "--set",
            "BW_net=" + bw,
            "--set",
            "L_net=0",
        )
        one, many = (
            next(x for x in got if x["record"] == kind) for kind in ("prediction", "prediction-nodes")
        )
        step = one["T_%s_s" % one["form"]]["value"] + 1.5 * many["summed_B"] / many["BW_net"]
        expect(
            many["bound"] == bound and abs(many["step_s"] / step - 1) < 1e-9,
            "a step on 4 nodes of %s B/s" % bw,
        )


def compare():
    check(
        ["compare", "a100", "laptop", "jetson-orin"],
        0,
        out=["NVIDIA Jetson AGX Orin 64GB", "predicted", "explains the gap", "data"],
    )
    check(["compare", "a100"], 2, err=["two machines"])
    check(["compare", "a100", "nonesuch"], 2, err=["nonesuch"])
    check(["compare", "a100", "v100", "--strict"], 4, err=["unlike machines", "datasheet"])
    check(["compare", "a100", "v100", "--strict", "--across"], 0, out=["unlike machines"])
    got = lines("compare", "a100", "v100", "--dtype", "f16")
    gemm = [g for g in got if g.get("quantity") == "time" and "gemm" in g["point"] and g["machine"] == "v100"]
    expect(
        len(gemm) == 1 and gemm[0]["explained_by"] == "compute" and gemm[0]["source"] == "predicted",
        "compute explains GEMM's gap",
    )
    expect(gemm and abs(sum(gemm[0]["gap_share"].values()) - 1) < 1e-12, "shares of the gap add up")


def ledger(claim, **changes):
    base = {
        "id": "one",
        "topic": "t",
        "statement": "s",
        "kind": "analytic",
        "inputs": {"x": 6, "y": 2},
        "formula": "z = x/y",
        "stated": {"values": {"z": 3}, "units": {"z": "1"}},
        "recomputed": {"values": {"z": 3}, "units": {"z": "1"}},
        "tolerance_rel": 0.01,
        "verdict_expected": "reproduced",
        "why": None,
        "measure": None,
        "book_line": 1,
    }
    base.update(claim, **changes)
    f = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    json.dump([base], f)
    f.close()
    return f.name


def claims():
    check(
        ["claims", "--check"],
        0,
        out=["63 claims", "21 reproduced, 19 contradicted, 17 inconsistent", "0 errors"],
    )
    check(["claims", "--check", "--strict"], 1)
    check(["claims", "--check", "--strict", "decode-intensity-f16"], 0)
    check(["claims", "ridge-a100-f16", "--explain"], 0, out=["R_peak/BW", "book, line 42652", "met"])
    check(["claims", "ridge-a100"], 2, err=["did you mean 'ridge-a100-f16'"])
    check(["claims", "batch1"], 2, err=["needs a record"])
    check(["claims", "--check", "--measure"], 2, err=["offline"])
    got = lines("claims", "--check")
    with open(os.path.join(DATA, "claims", "claims.json"), encoding="utf-8") as f:
        want = json.load(f)
    expect(len(got) == 64 and [g["id"] for g in got[1:]] == [w["id"] for w in want], "a line per claim")
    for g, w in zip(got[1:], want):
        expect(g["record"] == "verdict" and g["analytic"] == w["verdict_expected"], "verdict of " + w["id"])
        for name, value in (w["recomputed"] or {"values": {}})["values"].items():
            have = g["recomputed"].get(name)
            if isinstance(value, str):
                same = have == value
            else:
                same = have is not None and abs(have - value) <= 1e-5 * abs(value)
            expect(same, "%s.%s: %s, not %s" % (w["id"], name, have, value))


def ledgers():
    """Files of the same form; needs the reader."""
    check(["claims", "--ledger", ledger({})], 0, out=["reproduced"])
    check(
        ["claims", "--ledger", ledger({}, formula="z = x/(y - 2)")],
        2,
        err=["claim one: column 6", "division by zero"],
    )
    check(
        ["claims", "--ledger", ledger({}, formula="z = x/w")],
        2,
        err=["claim one: column 7", "unknown name 'w'"],
    )
    check(["claims", "--ledger", ledger({}, formula="z = (x/y")], 2, err=["claim one: column 9"])
    check(["claims", "--ledger", ledger({}, inputs={"x": 6})], 2, err=["claim one", "unknown name 'y'"])
    check(
        ["claims", "--ledger", ledger({}, inputs={"x": "six"})], 2, err=["claim 'one'", "input is a number"]
    )
    check(
        ["claims", "--ledger", ledger({}, recomputed={"values": {"z": 4}})],
        2,
        out=["reproduced"],
        err=["z is 3", "recomputed value is 4"],
    )
    check(["claims", "--ledger", ledger({}, formula="w = x/y")], 2, err=["does not compute the stated 'z'"])
    check(["claims", "--ledger", ledger({}, formula=None)], 2, err=["formula"])
    check(["claims", "--ledger", ledger({}, tolerance_rel="much")], 2, err=["tolerance_rel"])
    check(
        [
            "claims",
            "--ledger",
            ledger(
                {},
                conflicts=[{"values": {"z": 9}, "book_line": 2, "note": "n"}],
                verdict_expected="inconsistent",
            ),
        ],
        0,
        out=["inconsistent"],
    )
    check(
        [
            "claims",
            "--ledger",
            ledger({}, stated={"values": {"z": [None, 2]}}, verdict_expected="contradicted"),
        ],
        0,
        out=["contradicted"],
    )
    check(["claims", "--ledger", "/nonexistent.json"], 2, err=["/nonexistent.json"])
    check(["claims", "--ledger", A], 2, err=[A])


def records():
    check(["compare", A, B], 0, out=["measured", "unlike machines: cpu_model", "compute"])
    check(["compare", A, A, "--strict"], 0, out=["comparable", "no gap"])
    check(["compare", A, B, "--strict"], 4, err=["cpu_model differs"])
    check(["compare", "a100", "laptop", "jetson-orin", A], 0, out=["cpuA", "measured", "predicted"])
    check(["predict", "resnet50", "--device", A], 0, out=["fitted", "cpuA"])
    got = lines("predict", "gemv:m=8192,k=8192,dtype=f32", "--device", A)[1]
    T = got["T_additive_s"]
    expect(got["eta_how"] == "fitted" and T["lo"] < T["value"] < T["hi"], "an interval")
    check(["claims", A], 0, out=["Put to this machine", "Not testable here", "Not measured"])
    check(
        ["claims", A, "gemm-4096-intensity-f16", "--explain"],
        0,
        out=["bound = compute", "evidence", "confirmed"],
    )
    check(["claims", A, "gemm-4096-100us", "--strict"], 1, out=["refuted"])
    check(["claims", A, "batch1"], 2, err=["no judged row of resnet50 or gpt2"])
    check(["claims", A, B], 2, err=["two records"])
    check(["claims", A, "--measure"], 2, err=["not both"])
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "c.jsonl")
        check(["claims", A, "-o", path], 0)
        check(["validate", path], 0, out=["63 verdicts"])


def main():
    for part in (devices, predict, compare, claims):
        part()
    without = "jansson" in run("claims", "--ledger", A).stderr
    if not without:
        ledgers()
        records()
    print("%d failures" % len(failures))
    sys.exit(1 if failures else 77 if without else 0)


main()
