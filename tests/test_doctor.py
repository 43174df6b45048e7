#!/usr/bin/env python3
"""test_doctor.py PROGRAM -- `ironroof doctor` over recorded machines (tests/fixtures/doctor/NAME.tree)
against golden output, then one change at a time to the machine that is ready: the row it belongs to must
say so, every other row must stay. IR_UPDATE_GOLDEN=1 rewrites the golden files."""

import os, stat, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
ENV = {**os.environ, "LC_ALL": "C"}
failures = []


def expect(ok, what):
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}")


def read_tree(name):
    """Files of a recorded machine: path -> content."""
    files, path = {}, None
    with open(os.path.join(HERE, "fixtures", "doctor", name + ".tree"), encoding="utf-8") as f:
        for line in f:
            if line.startswith("== "):
                path = line[3:].strip()
                files[path] = ""
            else:
                files[path] += line
    return files


def doctor(files, *args):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = root + path
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
            if "/bin/" in path:
                os.chmod(full, stat.S_IRWXU)
        return subprocess.run(
            [PROGRAM, "doctor", "--root", root, *args], capture_output=True, text=True, timeout=600, env=ENV
        )


def golden(name, code):
    r = doctor(read_tree(name))
    path = os.path.join(HERE, "golden", f"doctor_{name}.txt")
    if os.environ.get("IR_UPDATE_GOLDEN"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(r.stdout)
    with open(path, encoding="utf-8") as f:
        expect(r.stdout == f.read(), f"{name}: as in {path}; now:\n{r.stdout}")
    expect(r.returncode == code and not r.stderr, f"{name}: exit code {r.returncode}, not {code}: {r.stderr}")


def rows(text):
    """Name -> (state, text and fix) of every finding."""
    out, name = {}, None
    for line in text.splitlines():
        if line[:1].strip() and line[15:16] == " " and line[16:27].strip() in ("ok", "fix", "cannot tell"):
            name = line[:15].strip()
            out[name] = (line[16:27].strip(), line[29:])
        elif line.startswith(" ") and name:
            out[name] = (out[name][0], out[name][1] + " " + line.strip())
    return out


CPU, CLOCK, SMI = (
    "/sys/devices/system/cpu",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/bin/nvidia-smi",
)
GPU = '#!/bin/sh\necho "NVIDIA L4, %s, 2040, 2040, %s, %s"\n'
# The machine that is ready, changed in one way (path: content, None: not there):
# the row, its state, words in it.
CHANGES = [
    ({CPU + "/cpu2/cpufreq/scaling_governor": "powersave"}, "governor", "fix", "mixed"),
    ({CPU + "/cpufreq/boost": "1"}, "turbo", "fix", "cpufreq/boost"),
    ({CPU + "/cpufreq/boost": None, CPU + "/intel_pstate/no_turbo": "1"}, "turbo", "ok", "off"),
    (
        {"/sys/class/power_supply/B/type": "Battery", "/sys/class/power_supply/B/status": "Discharging"},
        "power",
        "fix",
        "connect",
    ),
    ({"/sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]"}, "huge pages", "fix", "tee"),
    (
        {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "200000 100000"},
        "CPU quota",
        "fix",
        "2 CPUs of 4",
    ),
    (
        {
            "/proc/self/cgroup": "4:cpu,cpuacct:/a\n",
            "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "50000",
            "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
        },
        "CPU quota",
        "fix",
        "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us",
    ),
    (
        {
            "/proc/self/cgroup": "4:memory:/a\n",
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000000000",
            "/sys/fs/cgroup/memory/a/memory.usage_in_bytes": "900000000",
        },
        "memory limit",
        "fix",
        "memory.limit_in_bytes",
    ),
    (
        {
            "/proc/self/cgroup": "0::/\n",
            "/sys/fs/cgroup/memory.max": "9000000000",
            "/sys/fs/cgroup/memory.current": "1000000",
        },
        "memory limit",
        "ok",
        "9 GB",
    ),
    ({CLOCK: "hpet"}, "clock source", "fix", "microsecond"),
    ({CLOCK: "acpi_pm"}, "clock source", "fix", "microsecond"),
    ({CLOCK: "jiffies"}, "clock source", "fix", "tsc=reliable"),
    ({CLOCK: "kvm-clock"}, "clock source", "ok", "kvm-clock"),
    ({CLOCK: None}, "clock source", "cannot tell", "does not say"),
    *(
        ({"/proc/self/environ": f"A=b\n{v}\nC=d\n"}, "variables", "fix", f"unset {v.split('=')[0]}")
        for v in (
            "OMP_PROC_BIND=true",
            "OMP_PLACES={0}",
            "GOMP_CPU_AFFINITY=0",
            "KMP_AFFINITY=compact",
            "OPENBLAS_CORETYPE=Prescott",
            "LD_PRELOAD=/lib/x.so",
        )
    ),
    ({"/proc/self/environ": "OMP_NUM_THREADS=2\n"}, "variables", "ok", "OMP_NUM_THREADS=2"),
    (
        {"/later/proc/stat": "".join(f"cpu{i} 1000 0 0 9090 0 0 0 10\n" for i in range(4))},
        "steal",
        "fix",
        "hypervisor took 10 %",
    ),
    (
        {"/proc/pressure/cpu": "some total=0", "/later/proc/pressure/cpu": "some total=400000"},
        "load",
        "fix",
        "40 % of the time",
    ),
    ({"/proc/sys/kernel/perf_event_paranoid": "4"}, "counters", "fix", "perf_event_paranoid=1"),
    ({"/sys/bus/event_source/devices/cpu/type": None}, "counters", "cannot tell", "no cpu PMU"),
    ({"/sys/class/powercap/intel-rapl:0/energy_uj": None}, "energy", "fix", "chmod"),
    (
        {"/sys/class/powercap/intel-rapl:0/energy_uj": None, "/sys/class/powercap/intel-rapl:0/name": None},
        "energy",
        "cannot tell",
        "no energy",
    ),
    ({SMI: GPU % ("Disabled", "2040", "0x0")}, "GPU", "fix", "-pm 1"),
    ({SMI: GPU % ("Enabled", "1000", "0x0")}, "GPU clocks", "fix", "-lgc 2040,2040"),
    ({SMI: GPU % ("Enabled", "[N/A]", "0x0")}, "GPU clocks", "ok", "not slowed"),
    *(
        ({SMI: GPU % ("Enabled", "2040", mask)}, "GPU clocks", "fix", why)
        for mask, why in (
            ("0x4", "power cap"),
            ("0x0000000000000008", "hardware"),
            ("0x40", "heat"),
            ("0x80", "brake"),
        )
    ),
]
# What takes two rows with it.
PAIRS = [
    ({SMI: None}, {"GPU": "cannot tell", "GPU clocks": "cannot tell"}),
    ({SMI: "#!/bin/sh\nexit 9\n"}, {"GPU": "cannot tell", "GPU clocks": "cannot tell"}),
    ({SMI: "#!/bin/sh\ntrue\n"}, {"GPU": "cannot tell", "GPU clocks": "cannot tell"}),
    (
        {"/later/proc/77/stat": "77 (a) b) R 1 1 1 0 -1 0 0 0 0 0 70 20 0 0 20 0 1 0 1 0 0"},
        {"CPU users": "fix", "load": "fix"},
    ),
    (
        {"/later/proc/stat": "".join(f"cpu{i} 1050 0 0 9050 0 0 0 0\n" for i in range(4))},
        {"load": "fix", "CPU users": "cannot tell"},
    ),
    ({"/proc/stat": None}, {"steal": "cannot tell", "load": "cannot tell", "CPU users": "cannot tell"}),
    ({CPU + "/cpu%d/cpufreq/scaling_governor" % i: None for i in range(4)}, {"governor": "cannot tell"}),
]


def changed(change, want):
    ready = read_tree("ready")
    was = rows(doctor(ready).stdout)
    for path, text in change.items():
        if text is None:
            ready.pop(path)
        else:
            ready[path] = text
    r = doctor(ready)
    now = rows(r.stdout)
    for name in was:
        state = want[name][0] if name in want else was[name][0]
        expect(now.get(name, ("",))[0] == state, f"{change}: {name} is {now.get(name)}, not {state}")
        if name in want:
            expect(
                want[name][1] in now[name][1],
                f"{change}: {name} says '{now[name][1]}', not '{want[name][1]}'",
            )
    code = 3 if any(state == "fix" for state, _ in now.values()) else 0
    expect(r.returncode == code, f"{change}: exit code {r.returncode}, not {code}")


def main():
    for name, code in (
        ("laptop", 3),
        ("server", 3),
        ("container", 3),
        ("jetson", 3),
        ("ready", 0),
        ("bare", 0),
    ):
        golden(name, code)
    expect(len(rows(doctor(read_tree("ready")).stdout)) == 18, "every finding is a row")
    for change, name, state, words in CHANGES:
        changed(change, {name: (state, words)})
    for change, want in PAIRS:
        changed(change, {name: (state, "") for name, state in want.items()})
    r = doctor(read_tree("server"), "--quiet")
    expect(
        r.returncode == 3 and " ok " not in r.stdout and "fix: " in r.stdout,
        "--quiet: only what is to be mended",
    )
    r = subprocess.run(
        [PROGRAM, "doctor", "--root", "/nonexistent"], capture_output=True, text=True, timeout=600
    )
    expect(r.returncode == 2 and "not a directory" in r.stderr, "a root that is none is an error")
    r = subprocess.run([PROGRAM, "doctor"], capture_output=True, text=True, timeout=600)
    expect(r.returncode in (0, 3) and len(rows(r.stdout)) == 18, "this machine: an answer, whatever it is")
    print(f"{len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
