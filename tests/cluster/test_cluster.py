#!/usr/bin/env python3
"""test_cluster.py IRONROOF -- `ironroof fleet` on a real Slurm cluster of four network namespaces. Nodes
run the ideal device; one of them is made slow, killed, or given a clock that runs fast. Exit 77 with the
reason where such a cluster cannot be. No test asserts a speed; deadlines are the program's own promises.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import BRIDGE, Cluster, quietly  # noqa: E402

POINTS = [
    "--",
    "copy:bytes=64Mi",
    "triad:bytes=64Mi",
    "gemv:m=4096,k=4096,dtype=f32",
    "fma:dtype=f32",
    "gemm:m=1024,n=1024,k=1024,dtype=f32",
    "forkjoin",
    "gemm:m=64,n=64,k=64,dtype=f32",
    "--backend",
    "ideal",
    "--samples",
    "12",
]
failures = []


def expect(ok, what, detail=""):
    print("%-4s %s%s" % ("ok" if ok else "FAIL", what, "" if ok else ": " + str(detail)), flush=True)
    if not ok:
        failures.append(what)


class Sweep:
    """One `fleet run`: exit code, output, fleet.json and a folder of its own."""

    count = 0

    def __init__(self, cluster, program, *options, env=None, points=None, timeout=60, place="."):
        Sweep.count += 1
        self.dir = os.path.normpath("%s/%s/sweep%d" % (cluster.dir, place, Sweep.count))
        words = (
            [program, "fleet", "run", "--engine", "slurm", "-o", self.dir]
            + list(options)
            + (points or POINTS)
        )
        began = time.monotonic()
        done = cluster.run(words, timeout=timeout, env=env)
        self.wall_s = time.monotonic() - began
        self.code, self.text, self.error = done.returncode, done.stdout, done.stderr
        try:
            with open(self.dir + "/fleet.json", encoding="utf-8") as f:
                self.json = json.load(f)
        except OSError:
            self.json = {"outliers": [], "sentence": self.error, "counts": {}}
        self.verdict = {o["node"]: (o["verdict"], o["term"]) for o in self.json["outliers"]}

    def __str__(self):
        return "exit %d, %s, %s | %s" % (self.code, self.verdict, self.text[-900:], self.error[-300:])


def give(cluster, slow=None, **values):
    """Every node some noise of its own; `slow` also these values."""
    for i in range(1, cluster.n + 1):
        node = "n%d" % i
        text = "noise=.003,seed=%d" % (17 * i + Sweep.count)
        if node == slow:
            text += "".join(",%s=%s" % pair for pair in values.items())
        cluster.set_env(node, IRONROOF_IDEAL=text)


def slow_terms(cluster, program):
    for node, key, value, term in (
        ("n3", "s", 0.85, "BW"),
        ("n2", "eta", 0.85, "eta"),
        ("n4", "L_lat", 1 / 0.85, "L_lat"),
    ):
        give(cluster, node, **{key: value})
        s = Sweep(cluster, program, "--no-net", "--nodes", "all", "--timeout", "30")
        expect(
            s.code == 1 and s.verdict == {node: ("SLOW", term)},
            "%s with .85 of its %s is named, the others are OK" % (node, term),
            s,
        )
        expect(
            node in s.json["sentence"] and term in s.json["sentence"],
            "the sentence says so",
            s.json["sentence"],
        )
    give(cluster)


def healthy_and_repeated(cluster, program):
    s = Sweep(cluster, program, "--no-net", "--nodes", "n[1-4]", "--timeout", "30")
    expect(s.code == 0 and not s.verdict, "four healthy nodes are OK", s)
    before = open(s.dir + "/fleet.json", "rb").read()
    again = cluster.run([program, "fleet", "judge", s.dir])
    expect(
        again.returncode == 0 and open(s.dir + "/fleet.json", "rb").read() == before,
        "judged again: the same bytes",
        again.stderr,
    )


def checked(cluster, program):
    """`fleet check` on nodes, against what healthy_and_repeated() left."""
    words = ["srun", "-w", "n2", program, "fleet", "check", "--against", cluster.dir + "/sweep1/fleet.json"]
    for values, code, text in (({}, 0, "ok: as 4 peers"), ({"s": 0.75}, 1, "slow: BW")):
        give(cluster, "n2", **values)
        done = cluster.run(words)
        expect(
            done.returncode == code and text in done.stdout,
            "fleet check %s gives %d" % (values, code),
            done.stdout + done.stderr,
        )
    give(cluster)


def refused(cluster, program):
    for options, words in (
        (["--nodes", "n1,n9"], "n9"),
        (["--nodes", "n1,n1"], "named twice"),
        (["--nodes", "n[1-"], "brackets"),
        (["--nodes", "all", "--engine-args", "'x"], "quote"),
    ):
        s = Sweep(cluster, program, "--no-net", *options)
        expect(s.code == 2 and words in s.error, "refused: %s" % " ".join(options), s)


def without_program(cluster, program):
    """Half of the nodes have no program at the same path: each is named, the others are judged."""
    give(cluster)
    hide = ["--mount=/proc/%d/ns/mnt", "mount", "--bind", "/dev/null", os.path.realpath(program)]
    for node in ("n2", "n4"):
        slurmd = cluster.node[node].pid
        done = quietly("nsenter", hide[0] % slurmd, *hide[1:])
        if done.returncode != 0:
            print("skip a missing program: %s" % done.stderr.strip())
            return
    s = Sweep(cluster, program, "--no-net", "--nodes", "n[1-4]", "--timeout", "20")
    for node in ("n2", "n4"):
        quietly("nsenter", hide[0] % cluster.node[node].pid, "umount", os.path.realpath(program))
    lost = {n for n, v in s.verdict.items() if v[0] == "LOST"}
    expect(s.code == 2 and lost == {"n2", "n4"}, "nodes without the program are LOST, by name", s)
    expect("ermission denied" in s.error or "xec" in s.error, "and what the engine said is shown", s)


# Real arithmetic of this machine, so that a step takes real time.
STEP = "gemm:m=64,n=512,k=512,dtype=f32,threads=1 --backend cpu --filter /blocked$"


def no_shared_folder(cluster, program):
    """Nodes that do not see the folder: said so without --no-shared, judged with it."""
    place = "private"
    os.mkdir("%s/%s" % (cluster.dir, place))
    for node, slurmd in cluster.node.items():
        inside = ["nsenter", "--mount=/proc/%d/ns/mnt" % slurmd.pid]
        words = ["mount", "-t", "tmpfs", "tmpfs", "%s/%s" % (cluster.dir, place)]
        if quietly(*inside, *words).returncode != 0:
            print("skip nodes without the folder: %s has no mounts of its own" % node)
            return
    give(cluster, "n3", s=0.85)
    s = Sweep(cluster, program, "--no-net", "--nodes", "all", "--timeout", "20", place=place)
    hint = s.code == 2 and "--no-shared" in s.error
    expect(hint, "nodes that do not see the folder: --no-shared is named", s)
    net = ["--no-net"] if not network_here(cluster, program) else []
    step = ["--step", STEP] if not net else []
    words = [*net, *step, "--no-shared", "--nodes", "all", "--timeout", "40"]
    s = Sweep(cluster, program, *words, env=MPI, place=place)
    give(cluster)
    firm = {n: v for n, v in s.verdict.items() if v[0] != "UNSTABLE"}  # this machine's network may be busy
    expect(
        s.code == 1 and firm == {"n3": ("SLOW", "BW")},
        "without a shared folder the slow node is named, the others are OK",
        s,
    )
    if net:
        return
    net = s.json["network"]
    expect(net["BW_net"] > 0 and net["allreduce"]["BW_net"] > 0, "and the network is measured", net)
    steps = net["steps"]
    expect(
        len(steps) == 1
        and steps[0]["nodes"] == 4
        and steps[0]["size_B"] == 4 * 512 * 512
        and 0 < steps[0]["compute_s"] < min(steps[0]["step_s"], steps[0]["law_s"]),
        "a data-parallel step is timed, and the law says what it should take",
        steps,
    )


def when(ready, act, seconds=20):
    def watch():
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if ready():
                act()
                return
            time.sleep(0.02)

    t = threading.Thread(target=watch, daemon=True)
    t.start()
    return t


def killed_nodes(cluster, program):
    """A node that dies in look 1, and one that dies in the network phase:
    LOST within the deadline, and the rest is judged."""
    give(cluster)
    deadline = 4
    dying = when(lambda: cluster.runs("n4", "fleet agent plan:"), lambda: cluster.kill_node("n4"))
    s = Sweep(cluster, program, "--no-net", "--no-shared", "--nodes", "all", "--timeout", str(deadline))
    dying.join()
    expect(
        s.code == 2 and s.verdict == {"n4": ("LOST", None)},
        "a node killed in look 1 is LOST, the others are OK",
        s,
    )
    expect(s.wall_s < deadline + 10, "within its deadline and 10 s", s.wall_s)
    give(cluster, "n3", s=0.8)
    at = "%s/sweep%d" % (cluster.dir, Sweep.count + 1)
    if not network_here(cluster, program):
        return
    dying = when(
        lambda: cluster.runs("n2", "ironroof-net " + at),
        lambda: (time.sleep(0.5), cluster.kill_node("n2")),
        40,
    )
    s = Sweep(cluster, program, "--nodes", "n[1-3]", "--timeout", "14", env=MPI)
    dying.join()
    expect(
        s.code == 2 and s.verdict == {"n2": ("LOST", None), "n3": ("SLOW", "BW")},
        "a node killed in the network phase is LOST, the others are judged",
        s,
    )
    expect(s.wall_s < 2 * 14 + 3 * 10, "within its deadline and 10 s", s.wall_s)


def network_here(cluster, program):
    return os.path.exists(os.path.join(os.path.dirname(program), "ironroof-net")) and has_pmix(cluster)


def has_pmix(cluster):
    return "pmix" in cluster.run(["srun", "--mpi=list"]).stderr + cluster.run(["srun", "--mpi=list"]).stdout


MPI = {
    "OMPI_MCA_btl": "tcp,self",
    "OMPI_MCA_btl_tcp_if_include": "10.77.0.0/16",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_oob_tcp_if_include": "10.77.0.0/16",
}


def network(cluster, program):
    if not os.path.exists(os.path.join(os.path.dirname(program), "ironroof-net")):
        print("skip network: ironroof-net was not built")
        return
    s = Sweep(cluster, program, "--nodes", "n[1-3]", "--engine-args=--mpi=none", "--timeout", "20", env=MPI)
    expect(
        s.code == 2 and "--mpi" in s.error and "3 tries" not in s.error, "a wrong --mpi is refused by name", s
    )
    if not has_pmix(cluster):
        print("skip network: this Slurm has no pmix plugin")
        return
    quietly(
        "tc",
        "-n",
        "irn2",
        "qdisc",
        "add",
        "dev",
        "eth0",
        "root",
        "tbf",
        "rate",
        "100mbit",
        "burst",
        "32kb",
        "latency",
        "400ms",
    )
    s = Sweep(cluster, program, "--nodes", "all", "--timeout", "40", env=MPI)
    quietly("tc", "-n", "irn2", "qdisc", "del", "dev", "eth0", "root")
    expect(
        s.code == 1 and s.verdict.get("n2") == ("SLOW", "BW_net") and len(s.verdict) == 1,
        "a throttled link is its node's network",
        s,
    )


def lying_clock(cluster, program):
    faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    if not os.path.exists(faketime) or not has_pmix(cluster):
        print("skip clock: libfaketime or pmix is not installed")
        return
    # Preloaded on all: a node with other variables would be UNLIKE.
    for i, node in enumerate(("n1", "n2", "n3", "n4")):
        cluster.set_env(
            node,
            IRONROOF_IDEAL="noise=.003,seed=%d" % i,
            LD_PRELOAD=faketime,
            FAKETIME="+0 x1.05" if node == "n3" else "+0",
            FAKETIME_DONT_FAKE_MONOTONIC="0",
        )
    s = Sweep(cluster, program, "--nodes", "n[1-4]", "--timeout", "40", env=MPI)
    give(cluster)
    # The network is a real one here: another node's, and nothing else, may have been slow for a moment.
    others = [o for o in s.json["outliers"] if o["node"] != "n3"]
    expect(
        s.code == 2
        and s.verdict.get("n3") == ("CLOCK", "clock")
        and all(o["verdict"] == "UNSTABLE" and o["point"].startswith("network ") for o in others),
        "a clock 5 % fast is CLOCK and not SLOW",
        s,
    )


def main(program):
    why = Cluster.missing()
    if why:
        print("skipped: " + why)
        return 77
    ctypes.CDLL(None).prctl(
        36, 1, 0, 0, 0
    )  # PR_SET_CHILD_SUBREAPER: what a daemon leaves comes to us, and is waited for
    began = time.monotonic()
    with Cluster(4) as cluster:
        print("cluster of 4 up in %.1f s" % (time.monotonic() - began))
        give(cluster)
        for part in [globals()[p] for p in os.environ.get("PARTS", "").split()] or (
            healthy_and_repeated,
            slow_terms,
            checked,
            refused,
            network,
            lying_clock,
            without_program,
            no_shared_folder,
            killed_nodes,
        ):
            since = time.monotonic()
            part(cluster, program)
            print("     %s: %.1f s" % (part.__name__, time.monotonic() - since), flush=True)
        folder = cluster.dir
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    left = [p for p in quietly("ps", "-eo", "pid,args").stdout.splitlines() if folder in p]
    expect(
        not left and not os.path.exists(folder) and not os.path.exists("/sys/class/net/" + BRIDGE),
        "nothing is left behind",
        left,
    )
    print("%d failed, %.0f s" % (len(failures), time.monotonic() - began))
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
