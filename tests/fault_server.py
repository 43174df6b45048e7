"""fault_server.py -- one command of the program under support/faults.c, started once and forked for every
fault: milliseconds instead of a start each."""

import collections, os, subprocess

Result = collections.namedtuple("Result", "returncode stdout stderr")


def environment(library, **more):
    return {**os.environ, "LD_PRELOAD": library, "OCL_ICD_VENDORS": "/nonexistent",
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **more}


class Server:
    def __init__(self, program, library, args, folder, timeout_s=120):
        self.out, self.err = os.path.join(folder, "stdout"), os.path.join(folder, "stderr")
        self.count, self.timeout_s = os.path.join(folder, "count"), timeout_s
        there, self.to = os.pipe()
        self.back, here = os.pipe()
        env = environment(library, IR_FAULT_SERVER=f"{there},{here}", IR_FAULT_COUNT=self.count)
        self.process = subprocess.Popen([program, *args], env=env, pass_fds=(there, here),
                                        stdin=subprocess.DEVNULL)
        os.close(there)
        os.close(here)
        self.answers = os.fdopen(self.back)

    def run(self, fault="none:0"):
        """The result, or None on a hang. A fault that never comes changes nothing."""
        os.write(self.to, f"{fault} {self.out} {self.err} {self.timeout_s}\n".encode())
        line = self.answers.readline()
        if not line:
            raise RuntimeError("the process that forks is gone")
        status = int(line)
        if status == -1:
            return None
        read = lambda path: open(path, errors="replace").read()
        return Result(os.waitstatus_to_exitcode(status), read(self.out), read(self.err))

    def counts(self):
        with open(self.count) as f:
            return {line.split()[0]: int(line.split()[1]) for line in f if not line.startswith("site ")}

    def sites(self):
        """{kind: [numbers of the calls that come the same way]}, after a run with "sites:0"."""
        ways = collections.defaultdict(lambda: collections.defaultdict(list))
        with open(self.count) as f:
            for word in (line.split() for line in f):
                if word[0] == "site":
                    ways[word[1]][word[3]].append(int(word[2]))
        return {kind: list(way.values()) for kind, way in ways.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.to)
        self.answers.close()
        self.process.wait()
