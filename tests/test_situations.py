#!/usr/bin/env python3
"""test_situations.py PROGRAM [WORD] -- the program where nobody expected it: FIFOs, devices and loops among
its files, signals that are ignored or meant as a warning, descriptors and stacks that are short, a folder
that is gone. A table: a line for bash, the exit code of its last command, and what its text must show;
nothing may hang. No time is asserted. WORD: only lines whose name has it."""

import concurrent.futures, os, re, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(sys.argv[1])
IDEAL = "--backend ideal --budget 5ms --warmup 1ms --no-report --quiet"
CPU = "--backend cpu --samples 2 --warmup 0 --ceilings none --no-report"
LONG = ("run copy:bytes=64Ki-64Mi*2,streams=1 --filter naive --backend cpu --samples 400 --warmup 0 "
        "--no-report --ceilings none")
S = "copy:bytes=64Ki,streams=1"
# Ends a background process once its journal has a point.
STOP = ('p=$!; for i in $(seq 200); do grep -qs point $J && break; sleep .05; done; kill -{0} $p; wait $p; '
        'c=$?; $P validate $J; exit $c')
NONBLOCKING = '''python3 -c '
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
fcntl.fcntl(w, 1031, 4096)
p = subprocess.Popen(sys.argv[1:], stdout=w)
os.close(w)
time.sleep(.5)
text = b"".join(iter(lambda: os.read(r, 65536), b""))
whole = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE).stdout
print(p.wait(), text.count(b"\\n") == whole.count(b"\\n"))' '''

TABLE = [
    # Files that are none.
    ("an output FIFO that nobody reads", f"mkfifo f; $P run {S} {IDEAL} -o f", 2, "f: Broken pipe"),
    ("an output FIFO with a reader", f"mkfifo f; (sleep .3; cat f > g) & $P run {S} {IDEAL} -o f; wait; "
     "$P validate g", 0, "1 points"),
    ("a FIFO among the records of a folder", "mkdir h; cp r.jsonl h; mkfifo h/x.jsonl; $P history h", 0,
     "passed over: h/x.jsonl: no regular file"),
    ("the same in an export", "mkdir h; cp r.jsonl h; mkfifo h/x.jsonl; $P export h --format csv", 0,
     "ideal"),
    ("a device among them", "mkdir h; cp r.jsonl h; ln -s /dev/zero h/x.jsonl; $P history h", 0,
     "passed over: h/x.jsonl"),
    ("links that lead nowhere among them", "mkdir h; cp r.jsonl h; ln -s x.jsonl h/x.jsonl; ln -s no "
     "h/y.jsonl; $P history h", 0, "passed over: h/x.jsonl.*\n.*passed over: h/y.jsonl"),
    ("a loop of links among a fleet's files", "$P selftest fleet --nodes 3 -o s > t; ln -sf look2.json "
     "s/look2.json; $P fleet judge s", 2, "look2.json: Too many levels"),
    ("a loop where a record goes", f"ln -s x.jsonl x.jsonl; $P run {S} {IDEAL} -o x.jsonl", 2,
     "x.jsonl: Too many levels"),
    ("a loop for a baseline", "ln -s b b; $P gate r.jsonl --baseline b", 2, "b: Too many levels"),
    ("nothing but a FIFO in a folder", "mkdir h; mkfifo h/x.jsonl; $P history h", 2, "h/x.jsonl"),
    ("a FIFO among the newest", "mkdir results; mkfifo results/x.jsonl; cp r.jsonl results; $P "
     "validate @last", 0, "valid"),
    *((f"{c[0]} of a device without an end", f"ulimit -v 2000000; $P {' '.join(c)}", 2, "zero")
      for c in (["claims", "--ledger", "/dev/zero"], ["fit", "/dev/zero"],
                ["gate", "r.jsonl", "--baseline", "r.jsonl", "--thresholds", "/dev/zero"],
                ["run", S, "--backend", "model:/dev/zero", "--dry-run"],
                ["run", S, "--resume", "/dev/zero"])),
    ("a plan without an end", "mkdir h; ln -s /dev/zero h/plan.json; $P fleet judge h", 2, "plan.json"),
    ("thresholds with a line that is too long", "printf 'a%.0s' $(seq 5000) > t; $P gate r.jsonl --baseline "
     "r.jsonl --thresholds t", 2, "t:1: a line of more than 4096"),
    *((f"{c} of a folder", f"mkdir h; $P {c} h", 2, "h: ") for c in ("fit", "validate", "report", "claims",
                                                                    "compare")),
    ("ceilings of a folder", f"$P run {S} {IDEAL} --ceilings . -o x.jsonl", 2, "directory"),
    *((f"-o {o}", f"$P run {S} {IDEAL} -o {o}", 2, "irectory|empty|no record|not ours") for o in
      ("h/", "/", "no/x.jsonl", "r.jsonl/x", "''")),
    ("a name of 249 characters", "n=$(printf 'a%.0s' $(seq 243)).jsonl; cp r.jsonl $n; $P report $n && ls",
     0, "aaa.html"),
    ("a line feed in a name", f"$P run {S} {IDEAL} -o $'a\\nb.jsonl' && $P validate $'a\\nb.jsonl'", 0,
     "valid"),
    ("a machine's name that is a path",
     "sed 's/\"name\": *\"[^\"]*\"/\"name\": \"..\\/..\\/evil\"/' $MACHINE > m; mkdir -p "
     "a/b results; cd a/b; $P run copy --backend model:../../m --samples 2 --quiet; ls ../.. ../../..", 0,
     "^(?!.*evil)"),
    ("a report of what is read once", "$P report <(cat r.jsonl) && ls report.html", 0,
     "Report: *report.html"),
    ("a folder that is gone", f"mkdir g; cd g; rmdir ../g; $P run {S} {IDEAL}", 2, "No such file"),
    # Records that were touched.
    ("line ends of another system", f"sed -i 's/$/\\r/' r.jsonl; $P run copy {IDEAL} --resume r.jsonl && "
     "$P validate r.jsonl", 0, "3 points|2 points"),
    ("a last line without its end", f"truncate -s -1 r.jsonl; $P run copy {IDEAL} --resume r.jsonl && "
     "$P validate r.jsonl", 0, "valid"),
    ("NUL at the end", f"printf '\\0\\0' >> r.jsonl; $P run copy {IDEAL} --resume r.jsonl; $P validate "
     "r.jsonl; grep -c gemv r.jsonl", 0, "r.jsonl:"),
    ("three runs that continue one", f"for i in 1 2 3; do $P run copy {IDEAL} --resume r.jsonl & done; wait; "
     "$P validate r.jsonl", 0, "valid"),
    # Signals.
    ("ends of children are ignored", "trap '' CHLD; $P ab --time 'echo a' 'echo a' --blocks 1 --no-more "
     "--quiet", 3, "TOO FEW"),
    ("a warning of a batch system: USR1", f"J=j.jsonl; $P {LONG} -o $J & {STOP.format('USR1')}", 130,
     "interrupted; every finished point[^$]*valid"),
    ("a warning of a batch system: XCPU", f"J=j.jsonl; $P {LONG} -o $J & {STOP.format('XCPU')}", 130,
     "interrupted; every finished point[^$]*valid"),
    ("TERM is ignored", f"trap '' TERM; $P run {S} {CPU} --filter naive -o j.jsonl & p=$!; kill -TERM $p; "
     "wait $p && $P validate j.jsonl", 0, "valid"),
    ("TERM is held back", "python3 -c 'import os, signal, sys; signal.pthread_sigmask(0, [signal.SIGTERM]); "
     "os.execv(sys.argv[1], sys.argv[1:])' $P selftest kernels --backend cpu & p=$!; sleep 1; kill $p; "
     "wait $p", 143, ""),
    *((f"TERM ends selftest {w}", f"$P selftest {w} > t & p=$!; sleep .7; kill $p; wait $p", c, "")
      for w, c in (("kernels --backend cpu", 143), ("fleet", 143), ("machines --quiet", 130))),
    ("a reader of selftest kernels that goes", "$P selftest kernels --filter cpu/copy | head -1", 0,
     "ok"),
    # What a process leaves behind.
    ("a process of ab leaves one in the background", "$P ab --time 'sh -c \"sleep 300 & echo a\"' 'echo a' "
     "--blocks 1 --no-more --quiet", 3, "TOO FEW"),
    ("a process of ab prints for ever", "$P ab --time yes yes --silent --timeout 2 --blocks 1 --no-more", 2,
     "256 MiB|still running"),
    # Streams.
    ("a pipe that does not wait, for a journal", f"{NONBLOCKING} $P run copy gemv {IDEAL} -o -", 0, "0 True"),
    ("a pipe that does not wait, for text", f"{NONBLOCKING} $P list kernels", 0, "0 True"),
    *((f"{c.split()[0]} to a full device", f"$P {c} > /dev/full", 2, "No space left") for c in
      ("--help", "run --help", "list", "completion bash", "manual run", "version", "doctor")),
    # Limits.
    *((f"{n} descriptors", f"ulimit -n {n}; $P run {S} {IDEAL} -o x.jsonl; c=$?; ulimit -S -n 99; "
       "[ $c = 2 ] || $P validate x.jsonl", 0, "valid|many open files|descriptors|shared libraries")
      for n in (4, 5, 6)),
    ("a stack of 192 KB", f"ulimit -s 192; $P run {S} {IDEAL} -o x.jsonl && $P report "
     "r.jsonl -o x.html && $P selftest ideal && $P predict gpt2 --device a100 && $P claims", 0, "errors"),
    ("a stack of 128 KB for threads", f"ulimit -s 128; $P run {S} gemm:m=64,n=64,k=64 {CPU} -o x.jsonl", 0,
     "points ok"),
    # Words.
    *((f"'' to {c}", f"$P {c} ''", 2, "") for c in
      ("run list fit predict compare claims report validate dump selftest ab gate history export fleet "
       "completion manual").split()),
    *((f"--{o}", f"$P run {S} {IDEAL} -o x.jsonl '--{o}'", 2, o.split("=")[0]) for o in (
        "budget=inf", "budget=nan", "budget=1e309", "samples=0x10", "samples=1e400", "seed=-1",
        "timeout=1e-300", "threads=1..", "threads=-1", "device=", "precision=-0", "batch=1-1e18",
        "budget=\uff11")),
    *((f"--set {o}", f"$P predict gemv --device a100 --set '{o}'", 2, "set") for o in (
        "BW=nan", "BW=-1", "BW=0", "x", "BW=", "=1", "BW=1e-400", "L_lat=-1", "eta=2")),
    ("shapes that overflow", "$P predict gemm:m=3000000000,n=3000000000,k=3000000000 --device a100", 2,
     "at most"),
    ("more points than there is room for", "$P run gemm:m=1-4000,n=1-4000,k=1-4000 --dry-run", 2, "points"),
    ("COLUMNS that are none", "n=0; for c in 1 0 -5 abc 99999999999 ''; do COLUMNS=$c $P list > "
     "$n || exit; n=$((n+1)); done; cmp 0 3", 0, ""),
    ("variables that move a cursor", f"OMP_PROC_BIND=$'\\e[31m' OMP_NUM_THREADS=$'\\e[1m' TERM=$'\\e' $P run "
     f"{S} {CPU} --filter naive -o x.jsonl", 0, "^[^\x1b]*$"),
    ("a name of the program that does", "(exec -a $'\\e[31m' $P nosuch)", 2, "^[^\x1b]*$"),
]


def situation(line, folder):
    source = os.path.join(folder, "..", "r.jsonl")
    env = {**os.environ, "P": PROGRAM, "OCL_ICD_VENDORS": "/nonexistent", "LC_ALL": "C.UTF-8",
           "MACHINE": os.path.join(HERE, "machines", "raspberry_pi5.json")}
    with open(source) as a, open(os.path.join(folder, "r.jsonl"), "w") as b:
        b.write(a.read())
    p = subprocess.Popen(["bash", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                         errors="replace")
    try:
        return p.communicate(timeout=600)[0], p.returncode
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        return "it hangs", None


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = done = 0
    with tempfile.TemporaryDirectory(prefix="ironroof-situations-") as top:
        subprocess.run(f"$P run {S} gemv:m=64,k=64 {IDEAL} -o {top}/r.jsonl", shell=True, check=True,
                       env={**os.environ, "P": PROGRAM})
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            todo = []
            for what, line, code, shows in TABLE:
                if word in what:
                    folder = os.path.join(top, str(len(todo)))
                    os.mkdir(folder)
                    todo.append((what, code, shows, pool.submit(situation, line, folder)))
            for what, code, shows, result in todo:
                text, got = result.result()
                done += 1
                if got != code or not re.search(shows, text):
                    failed += 1
                    print(f"FAILED: {what}: exit code {got}, not {code}; /{shows}/ in\n  {text[-600:]!r}",
                          flush=True)
    print(f"{done} situations, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
