#!/usr/bin/env python3
"""cluster.py -- a real Slurm cluster on one machine: each node is a network namespace with an address on a
bridge, a host name of its own and a slurmd of its own. Needs root, munge and slurm; no systemd. Every
daemon is ended by its own id.

    with Cluster(4) as c:
        c.run(["srun", "-N", "4", "hostname"])

Cluster.missing() says why it cannot run here, or None.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BRIDGE, NET = "irnet0", "10.77.0"
PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sinfo", "ip", "nsenter", "unshare")
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
CONF = """ClusterName=ironroof
SlurmctldHost=head({net}.254)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={d}/run/munge.sock
StateSaveLocation={d}/state
SlurmdSpoolDir={d}/spool/%n
TmpFS={d}/tmp/%n
SlurmctldPidFile={d}/run/slurmctld.pid
SlurmdPidFile={d}/run/slurmd.%n.pid
SlurmctldLogFile={d}/log/slurmctld.log
SlurmdLogFile={d}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmdTimeout=15
ReturnToService=2
TaskProlog={d}/prolog
NodeName=n[1-{n}] NodeAddr={net}.[1-{n}] CPUs=1 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES OverSubscribe=FORCE
"""
# What a task on a node finds in its environment: lines of DIR/env/NODE.
PROLOG = """#!/bin/sh
[ -f {d}/env/$SLURMD_NODENAME ] && sed 's/^/export /' {d}/env/$SLURMD_NODENAME
exit 0
"""


def which(name):
    return shutil.which(name, path=SEARCH)


def quietly(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Cluster:
    """n nodes n1..nN; the folder `dir` is seen from all of them."""

    def __init__(self, n):
        self.n = n
        self.dir = None
        self.started = []  # (what, Popen)
        self.node = {}

    @staticmethod
    def missing():
        if os.geteuid() != 0:
            return "a cluster of network namespaces needs root"
        absent = [p for p in PROGRAMS if not which(p)]
        if absent:
            return "not installed: %s (packages munge slurmctld slurmd slurm-client)" % ", ".join(absent)
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            return "this host has control groups of version 2 only, which slurmd cannot use without systemd"
        if os.path.exists("/sys/class/net/" + BRIDGE):
            return "another cluster is up: the bridge %s exists" % BRIDGE
        if quietly("ip", "link", "add", BRIDGE, "type", "bridge").returncode:
            return "network namespaces and bridges cannot be made here"
        quietly("ip", "link", "del", BRIDGE)
        return None

    def spawn(self, what, words, **more):
        with open("%s/log/%s.out" % (self.dir, what), "w", encoding="utf-8") as out:
            p = subprocess.Popen(
                words,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **more
            )
        self.started.append((what, p))
        return p

    def named(self, netns, host, words):
        """Words that run in a network namespace (None: this one) under a host name,
        with the cluster's hosts file."""
        enter = ["nsenter", "--net=/run/netns/" + netns] if netns else []
        script = "hostname %s; mount --bind %s/hosts /etc/hosts; exec %s" % (host, self.dir, " ".join(words))
        return enter + ["unshare", "--uts", "--mount", "sh", "-c", script]

    def make_network(self):
        subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
        subprocess.run(["ip", "addr", "add", NET + ".254/24", "dev", BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        for i in range(1, self.n + 1):
            ns, veth = "irn%d" % i, "irv%d" % i
            for words in (
                ["ip", "netns", "add", ns],
                ["ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", ns],
                ["ip", "link", "set", veth, "master", BRIDGE, "up"],
                ["ip", "-n", ns, "addr", "add", "%s.%d/24" % (NET, i), "dev", "eth0"],
                ["ip", "-n", ns, "link", "set", "lo", "up"],
                ["ip", "-n", ns, "link", "set", "eth0", "up"],
            ):
                subprocess.run(words, check=True, capture_output=True)

    def write_files(self):
        for sub in (
            ["run", "log", "state", "env"]
            + ["spool/n%d" % i for i in range(1, self.n + 1)]
            + ["tmp/n%d" % i for i in range(1, self.n + 1)]
        ):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        files = {
            "slurm.conf": CONF.format(d=self.dir, n=self.n, net=NET),
            "cgroup.conf": "CgroupPlugin=cgroup/v1\n",
            "prolog": PROLOG.format(d=self.dir),
            "hosts": "127.0.0.1 localhost\n%s.254 head\n" % NET
            + "".join("%s.%d n%d\n" % (NET, i, i) for i in range(1, self.n + 1)),
        }
        for name, text in files.items():
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        os.chmod(os.path.join(self.dir, "prolog"), 0o755)
        with open(os.path.join(self.dir, "munge.key"), "wb") as f:
            f.write(os.urandom(64))
        os.chmod(os.path.join(self.dir, "munge.key"), 0o600)

    def start_node(self, i):
        words = [which("slurmd"), "-D", "-N", "n%d" % i, "-f", self.dir + "/slurm.conf"]
        self.node["n%d" % i] = self.spawn("slurmd.n%d" % i, self.named("irn%d" % i, "n%d" % i, words))

    def up(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of down()
        self.dir = tempfile.mkdtemp(prefix="ironroof-cluster-")
        os.chmod(self.dir, 0o755)
        d = self.dir
        self.env = dict(os.environ, SLURM_CONF=d + "/slurm.conf", PATH=SEARCH)
        self.write_files()
        self.make_network()
        self.spawn(
            "munged",
            [
                which("munged"),
                "--foreground",
                "--force",
                "--key-file=%s/munge.key" % d,
                "--socket=%s/run/munge.sock" % d,
                "--pid-file=%s/run/munged.pid" % d,
                "--log-file=%s/log/munged.log" % d,
                "--seed-file=%s/run/munge.seed" % d,
            ],
        )
        self.wait(lambda: os.path.exists(d + "/run/munge.sock"), 10, "munged")
        self.spawn("slurmctld", self.named(None, "head", [which("slurmctld"), "-D", "-f", d + "/slurm.conf"]))
        for i in range(1, self.n + 1):
            self.start_node(i)
        self.wait_idle(30)

    def idle(self):
        out = quietly(
            "env", "SLURM_CONF=" + self.dir + "/slurm.conf", which("sinfo"), "-h", "-N", "-o", "%N %T"
        ).stdout
        return {line.split()[0] for line in out.splitlines() if line.endswith(" idle")}

    def wait_idle(self, seconds, nodes=None):
        want = nodes or {"n%d" % i for i in range(1, self.n + 1)}
        self.wait(lambda: want <= self.idle(), seconds, "nodes %s to be idle" % sorted(want))

    def wait(self, ready, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if ready():
                return
            time.sleep(0.1)
        raise RuntimeError("waited %d s for %s; logs in %s/log" % (seconds, what, self.dir))

    def run(self, words, timeout=80, env=None):
        return subprocess.run(
            words,
            env=dict(self.env, **(env or {})),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def set_env(self, node, **values):
        with open("%s/env/%s" % (self.dir, node), "w", encoding="utf-8") as f:
            f.writelines("%s=%s\n" % pair for pair in values.items())

    def pids_of(self, node):
        """Processes in the node's network namespace, its slurmd among them."""
        out = quietly("ip", "netns", "pids", "irn" + node[1:]).stdout
        return [int(p) for p in out.split()]

    def runs(self, node, words):
        """Does a process on the node have these words in its command line?"""
        for pid in self.pids_of(node):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    if words in f.read().replace(b"\0", b" ").decode(errors="replace"):
                        return True
            except OSError:
                pass
        return False

    def kill_node(self, node):
        """The whole node at once, as a power cut would."""
        for pid in self.pids_of(node):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.node[node].wait(5)

    def down(self):
        for i in range(1, self.n + 1):
            for sig in (signal.SIGTERM, signal.SIGKILL):
                for pid in self.pids_of("n%d" % i):
                    try:
                        os.kill(pid, sig)
                    except ProcessLookupError:
                        pass
                end = time.monotonic() + 2
                while self.pids_of("n%d" % i) and time.monotonic() < end:
                    time.sleep(0.05)
        for _, p in reversed(self.started):
            if p.poll() is None:
                p.terminate()
            try:
                p.wait(3)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for i in range(1, self.n + 1):
            quietly("ip", "link", "del", "irv%d" % i)
            quietly("ip", "netns", "del", "irn%d" % i)
        quietly("ip", "link", "del", BRIDGE)
        left = [p.pid for _, p in self.started if p.poll() is None]
        shutil.rmtree(self.dir, ignore_errors=True)
        return left

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()


if __name__ == "__main__":
    why = Cluster.missing()
    if why:
        print("skipped: " + why)
        sys.exit(77)
    began = time.monotonic()
    with Cluster(int(sys.argv[1]) if len(sys.argv) > 1 else 4) as cluster:
        print("up in %.1f s" % (time.monotonic() - began))
        done = cluster.run(["srun", "-N", str(cluster.n), "hostname"])
        print(done.stdout, done.stderr)
