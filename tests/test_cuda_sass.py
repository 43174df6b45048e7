#!/usr/bin/env python3
"""test_cuda_sass.py FILE... [--archs 80,86,90a,120] -- what nvcc made of the kernels: read from cubins,
objects or libraries with the toolkit's cuobjdump (or that of the wheels nvidia-cuda-cuobjdump and
nvidia-cuda-nvdisasm; IRONROOF_CUDA_BIN: a folder that has both).

Of every kernel: no local memory, no stack, less than 64 kB of code, its static shared memory no more than
tests/cuda/static_smem.h says. Of some, what their comments claim: asynchronous and 128-bit copies, matrix
instructions, registers that let as many blocks live as planned, loads that are on their way before the
first is used. Before, every kind of finding is found on text made up here.
Exit 0: as claimed; 1: not; 77: no cuobjdump, or nothing for these capabilities.
"""

import argparse
import glob
import os
import re
import shutil
import site
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CODE_B = 64 << 10
ANY = ("80", "86", "90a", "120")
# kernel (a regular expression on its demangled name), capabilities, what must hold.
# most: registers; has, lacks: operations; ahead: (load, n, use): somewhere n loads come with no such use
# between them.
CLAIMS = [
    (r"mma_kernel<unit_(f16|bf16|tf32)", ANY, {"has": ["LDGSTS.E.BYPASS.128|LDGSTS.E.*128", "LDSM", "HMMA"]}),
    (r"mma_kernel<.*128, 128, .*false, (true|false)>", ("90a",), {"most": 128}),
    (r"vector_kernel", ANY, {"most": 128, "has": ["FFMA", "LDS.128"]}),
    (
        r"wide_kernel",
        ("90a",),
        {"has": ["HGMMA.64x256x16", "LDGSTS.E.*128", "FENCE.VIEW.ASYNC"], "most": 255},
    ),
    (
        r"tma_kernel",
        ("90a",),
        {
            "has": ["HGMMA.64x256x16", "UTMALDG.2D", "UTMALDG.2D.MULTICAST", "SYNCS", "USETMAXREG"],
            "most": 168,
        },
    ),
    (r"mma_kernel<.*128, 256, ", ("80", "86"), {"most": 255, "has": ["LDGSTS.E.*128", "LDSM", "HMMA"]}),
    (r"few_kernel<w_\w+, [124], 4, true, \w+>", ANY, {"has": ["LDG.E.*128"], "most": 128}),
    (r"groups_kernel<[48], [12], 4>", ANY, {"has": ["LDG.E.*128"], "most": 128}),
    (r"few_kernel<w_bf16, 1, 4, true, \w+>", ANY, {"ahead": ("LDG.E.*128", 4, "FFMA")}),
    (r"(phase|resident)_kernel<w_\w+, [124]>", ANY, {"most": 128, "has": ["LDG.E.*128"]}),
    (
        r"(phase|resident)_kernel<w_bf16, [124]>",
        ANY,
        {"ahead": ("LDG.E(?!.*(64|128|U16)).*CONSTANT", 16, "FFMA|FMUL")},
    ),
    (r"(phase|resident)_kernel<w_bf16, 1>", ANY, {"ahead": ("LDG.E.*128", 4, "FFMA")}),
    (
        r"attention_kernel<__(half|nv_bfloat16)>",
        ANY,
        {"has": ["LDG.E.*128"], "ahead": ("LDG.E.*128", 4, "FFMA|HADD2")},
    ),
    (r"flash_kernel", ANY, {"has": ["LDGSTS.E.*128", "LDSM", "HMMA", "MUFU.EX2"]}),
    (r"stream_kernel<float", ANY, {"has": ["LDG.E.*128|STG.E.*128"]}),
    (r"wgmma_kernel", ("90a",), {"has": ["[HIQ]GMMA"]}),
]


def tool():
    places = [os.environ.get("IRONROOF_CUDA_BIN", ""), "/usr/local/cuda/bin"]
    for p in dict.fromkeys(site.getsitepackages() + sys.path):
        places += sorted(glob.glob(os.path.join(p or ".", "nvidia", "*", "bin")))
    path = os.pathsep.join([p for p in places if p] + [os.environ.get("PATH", "")])
    return shutil.which("cuobjdump", path=path), path


def run(path, *args):
    r = subprocess.run(args, capture_output=True, text=True, env=dict(os.environ, PATH=path), timeout=1200)
    return r.stdout


def demangled(names):
    if not shutil.which("c++filt"):
        return {n: n for n in names}
    out = subprocess.run(
        ["c++filt"], input="\n".join(names), capture_output=True, text=True
    ).stdout.splitlines()
    return dict(zip(names, out))


def code(text):
    """Mangled name: operations in order, without predicates and operands' decoration."""
    kernels, now = {}, None
    for line in text.splitlines():
        m = re.match(r"\s*Function : (\S+)", line)
        if m:
            now = kernels.setdefault(m.group(1), [])
            continue
        m = re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", line)
        if m and now is not None:
            now.append(m.group(1))
    return kernels


def resources(text):
    """Mangled name: registers, stack, local and static shared memory."""
    out, now = {}, None
    for line in text.splitlines():
        m = re.match(r"\s*Function (\S+?):", line)
        if m:
            now = m.group(1)
        m = re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line)
        if m and now:
            out[now] = tuple(int(x) for x in m.groups())
    return out


def static_smem():
    text = open(os.path.join(HERE, "cuda", "static_smem.h"), encoding="utf-8").read()
    return {m[1]: int(m[2]) for m in re.finditer(r"^X\((\w+), (\d+)\)", text, re.M)}


def most_ahead(ops, load, use):
    best = n = 0
    for op in ops:
        if re.match(load, op):
            n += 1
            best = max(best, n)
        elif re.match(use, op):
            n = 0
    return best


def findings(name, arch, ops, res, static):
    """What of a kernel is not as claimed."""
    base = re.match(r"(?:void )?(\w+)", name)[1]
    registers, stack, shared, local = res
    if stack or local or any(re.match(r"(LDL|STL)\b", op) for op in ops):
        yield "keeps values in local memory (stack %d B)" % stack
    if 16 * len(ops) >= CODE_B:
        yield "%d B of code" % (16 * len(ops))
    if shared > static.get(base, 0):
        yield "%d B of static shared memory, static_smem.h has %d" % (shared, static.get(base, 0))
    for pattern, archs, want in CLAIMS:
        if arch not in archs or not re.search(pattern, name):
            continue
        for op in want.get("has", []):
            if not any(re.match(op, x) for x in ops):
                yield "no %s" % op
        if registers > want.get("most", 255):
            yield "%d registers, %d were planned" % (registers, want["most"])
        if "ahead" in want:
            load, n, use = want["ahead"]
            got = most_ahead(ops, load, use)
            if got < n:
                yield "%d of %s before the first use, %d were planned" % (got, load, n)


def self_check():
    """Every kind of finding is found."""
    ok = ["LDG.E.128.CONSTANT"] * 4 + ["FFMA"]
    good = (100, 0, 512, 0)
    name = "void few_kernel<w_bf16, 1, 4, true, float>(pr_args)"
    cases = [
        ("as claimed", ok, good, 0),
        ("spilled", ok + ["STL.64"], good, 1),
        ("stack", ok, (100, 8, 512, 0), 1),
        ("large", ok + ["NOP"] * 4096, good, 1),
        ("shared", ok, (100, 0, 4096, 0), 1),
        ("scalar", ["LDG.E"] * 4 + ["FFMA"], good, 2),
        ("one by one", ["LDG.E.128.CONSTANT", "FFMA"] * 4, good, 1),
        ("registers", ok, (168, 0, 512, 0), 1),
    ]
    bad = [
        what
        for what, ops, res, n in cases
        if len(list(findings(name, "90a", ops, res, {"few_kernel": 512}))) != n
    ]
    text = (
        "\t\tFunction : _Z1fv\n"
        "        /*0000*/              @!P0 LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;   /* 0x0 */\n"
        "        /*0010*/   EXIT ;\n"
    )
    if code(text) != {"_Z1fv": ["LDG.E.128.CONSTANT", "EXIT"]}:
        bad.append("text of cuobjdump: %s" % code(text))
    return bad


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="*")
    p.add_argument("--archs", default=",".join(ANY))
    a = p.parse_args()
    bad = ["self check: " + b for b in self_check()]
    dump, path = tool()
    if not dump or not a.files:
        print("\n".join(bad) or "no cuobjdump, or no file: only this program was checked")
        return 1 if bad else 77
    static, seen = static_smem(), 0
    for arch in a.archs.split(","):
        kernels, res = {}, {}
        for f in a.files:
            kernels.update(code(run(path, dump, "-arch", "sm_" + arch, "-sass", f)))
            res.update(resources(run(path, dump, "-arch", "sm_" + arch, "-res-usage", f)))
        names = demangled(sorted(kernels))
        seen += len(kernels)
        reserved = 0 if arch == "75" else 1024  # what later capabilities keep of every block for themselves
        res = {k: (r[0], r[1], max(0, r[2] - reserved), r[3]) for k, r in res.items()}
        for k, ops in sorted(kernels.items()):
            for what in findings(names[k], arch, ops, res.get(k, (0, 0, 0, 0)), static):
                bad.append("sm_%s %s: %s" % (arch, names[k], what))
        print(
            "sm_%s: %d kernels, most code %d B"
            % (arch, len(kernels), 16 * max([len(o) for o in kernels.values()], default=0))
        )
    print("\n".join(bad) or "all as claimed")
    return 1 if bad else 0 if seen else 77


if __name__ == "__main__":
    sys.exit(main())
