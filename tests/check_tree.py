#!/usr/bin/env python3
"""check_tree.py [--root DIR] CHECK... -- rules of the source tree that no compiler checks.

  includes  the allowed directions between layers, and where vendor and system headers may appear
  circles   no circle of files by their includes; at most 16 entries in bench/
  sizes     files under 500 lines, functions at most 80 lines; kernels/ is exempt
  memory    a function that allocates and returns neither a pointer nor a bool says when it got nothing:
            IR_ENOMEM, ir_left_out() or a flag `failed`
  tables    a file that defines a kernel has its line in kernels/<backend>/table.h, and the reverse
  text      no tab, no trailing white space, one newline at the end
  scripts   bash -n, and shellcheck where it is installed
  width     at most 110 columns; not tables, pasted output, links and pictures of documents
  format    clang-format 14 changes no source (exit 77 without it)
  paths     a path that a document names in `backticks` exists
  version   CITATION.cff, CHANGELOG.md and the conda recipe name the version of CMakeLists.txt, and no
            source repeats it
  selftest  every rule above catches a planted violation

Prints FILE:LINE: what, one line a violation; exit 0 clean, 1 violations, 77 nothing to check with.
Refuses nothing else: what a rule does not mention is allowed. Standard library only.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP_DIRS = re.compile(r"^(\.git|build.*|results|__pycache__)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def tree(root, suffixes, under=""):
    """Paths below root/under with one of the suffixes, '/'-separated and relative to root."""
    found = []
    for here, dirs, files in os.walk(os.path.join(root, under)):
        dirs[:] = sorted(d for d in dirs if not SKIP_DIRS.match(d))
        for name in sorted(files):
            if name.endswith(suffixes):
                found.append(os.path.relpath(os.path.join(here, name), root).replace(os.sep, "/"))
    return found


def lines_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")


def without_comments(text):
    """The same text with comments, strings and character constants blanked, line numbers kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: "\n" * m.group().count("\n") or " ", text, flags=re.S)


# ---- includes ------------------------------------------------------------------------------------
# Which other harness modules a module's sources may include (their public header only).
HARNESS = {
    "stats": set(), "machine": set(), "law": {"stats"}, "measure": {"stats", "machine"},
    "record": {"stats", "law", "machine"},
    "": {"stats", "law", "machine", "measure"},  # harness/ideal.c: a backend and its ceilings
}
L0 = {"harness/ironroof.h", "harness/cost.h", "harness/left_out.h", "harness/plan.h", "harness/screen.h",
      "harness/pattern.h"}
L0_SOURCES = L0 | {"harness/core.c", "harness/cost.c", "harness/plan.c", "harness/screen.c",
                   "harness/pattern.c"}
# Third-party headers and the only directories they may appear in.
VENDOR = [
    (re.compile(r"^(cblas|f77blas|lapacke?|openblas_config|mkl\w*|dnnl\w*|cuda\w*|cublas\w*|cudnn\w*|nvml"
                r"|nvrtc|cupti)\.h$|^(oneapi|CL|cuda|nvtx3)/"), ("kernels/",)),
    (re.compile(r"^hwloc(\.h$|/)|^likwid"), ("harness/machine/",)),
    (re.compile(r"^jansson"), ("harness/record/",)),
    (re.compile(r"^mpi\.h$"), ("bench/fleet/net/", "tests/support/wrong_sum.c")),
]
PURE = ("harness/stats/", "harness/law/")
# What is computed: beside the backends that serve it, and below them.
SHARED_KERNELS = ("workloads", "nets")
SHARED_HEADERS = ("kernels/workloads/", "kernels/nets/")
# Folders of bench/, lowest floor first.
BENCH_FLOORS = ["cli", "gate", "devices", "claims", "predict", "measure", "analysis", "ablation", "ceilings",
                "run", "ab", "fleet", "commands"]
IMPURE_HEADER = re.compile(r"^(time|unistd|fcntl|signal|pthread|dirent|sched|threads|poll)\.h$|^sys/")
IMPURE_CALL = re.compile(r"\b(f?printf|vf?printf|fopen|fdopen|fputs|fputc|puts|putchar|fwrite|fread|fgets|"
                         r"fscanf|clock_gettime|gettimeofday|clock|time|getenv|rand|system)\s*\(")


def module_header(path):
    """(module, True) for harness/<module>/<module>.h; harness/x.h is module ''."""
    m = re.match(r"harness/(?:(\w+)/)?(\w+)\.h$", path)
    return (m.group(1) or "", m.group(1) in (None, m.group(2))) if m else (None, False)


def may_include(path, header):
    """None, or why the project header may not be included from path."""
    parts = path.split("/")
    if header in L0 or parts[0] == "tests":
        return None
    if path in L0_SOURCES:
        return "layer 0 includes libc only"
    module, public = module_header(header)
    if parts[0] == "harness":
        own = parts[1] if len(parts) > 2 else ""
        if module == own:
            return None
        if module is None:
            return "the harness knows no workload, kernel or command"
        if not public or module not in HARNESS.get(own, set()):
            return "harness/%s may not depend on it" % own
        return None
    if parts[0] == "kernels":
        if parts[1] in SHARED_KERNELS:
            if public or header.startswith(SHARED_HEADERS):
                return None
            return "a workload sees public harness headers and other workloads"
        if header.startswith(("kernels/%s/" % parts[1],)
                             + SHARED_HEADERS) or header == "harness/machine/machine.h":
            return None
        return "a kernel sees its own backend, workload headers, ironroof.h and machine.h"
    return bench_may_include(path, header)


def bench_floor(path):
    """The floor of a file of bench/: its folder's, or the roof for main.c and what composes the program."""
    parts = path.split("/")
    return BENCH_FLOORS.index(parts[1]) if len(parts) > 2 and parts[1] in BENCH_FLOORS else len(BENCH_FLOORS)


def bench_may_include(path, header):
    """Inside bench/ an include points to its own folder or a lower floor; the table of backends is for the
    commands."""
    if path.startswith("bench/cli/"):
        return None if header.startswith("bench/cli/") else "the command line knows layer 0 only"
    if not header.startswith("bench/") or os.path.dirname(path) == os.path.dirname(header):
        return None
    if path.startswith("bench/commands/") and header == "bench/backends.h":
        return None
    if bench_floor(header) < bench_floor(path):
        return None
    return "bench/ points down: %s" % " > ".join(reversed(BENCH_FLOORS))


def resolve(root, path, header):
    """A quoted include as a path from the root: beside its includer, or from the root."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), header)).replace(os.sep, "/")
    return beside if os.path.exists(os.path.join(root, beside)) else header


def check_includes(root):
    sources = tree(root, (".c", ".h", ".cu", ".cuh"))
    for path in sources:
        for n, line in enumerate(lines_of(root, path), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            header = m.group(2)
            for vendor, places in VENDOR:
                if vendor.search(header) and not path.startswith(places):
                    yield "%s:%d: <%s> belongs in %s only" % (path, n, header, " ".join(places))
            if path.startswith(PURE) and IMPURE_HEADER.search(header):
                yield "%s:%d: <%s>: stats and law do no I/O and read no clock" % (path, n, header)
            project = resolve(root, path, header)
            if m.group(1) == '"' and os.path.exists(os.path.join(root, project)):
                why = may_include(path, project)
                if why:
                    yield "%s:%d: \"%s\": %s" % (path, n, header, why)
        if path.startswith(PURE):
            code = without_comments("\n".join(lines_of(root, path)))
            for n, line in enumerate(code.split("\n"), 1):
                m = IMPURE_CALL.search(line)
                if m:
                    yield "%s:%d: %s(): stats and law do no I/O and read no clock" % (path, n, m.group(1))


# ---- circles ---------------------------------------------------------------------------------------
def modules(root):
    """A file's module: x.c and x.h are one, x.cu and x.cuh another. Module -> modules it includes."""
    edges = {}

    def module(path):
        stem, suffix = os.path.splitext(path)
        return stem + " (device)" if suffix in (".cu", ".cuh") else stem

    for path in tree(root, (".c", ".h", ".cu", ".cuh")):
        if path.startswith("tests/"):
            continue
        own = module(path)
        seen = edges.setdefault(own, set())
        for line in lines_of(root, path):
            m = INCLUDE.match(line)
            project = resolve(root, path, m.group(2)) if m and m.group(1) == '"' else ""
            if project and os.path.exists(os.path.join(root, project)) and module(project) != own:
                seen.add(module(project))
    return edges


def check_circles(root):
    """No circle of modules by their includes; at most 16 entries directly in bench/."""
    edges, state, trail = modules(root), {}, []

    def visit(m):
        state[m] = "open"
        trail.append(m)
        for other in sorted(edges.get(m, ())):
            if state.get(other) == "open":
                yield "%s: a circle of includes: %s" % (m, " > ".join(trail[trail.index(other):] + [other]))
            elif other not in state:
                yield from visit(other)
        trail.pop()
        state[m] = "done"

    for m in sorted(edges):
        if m not in state:
            yield from visit(m)
    bench = os.path.join(root, "bench")
    entries = sorted(os.listdir(bench)) if os.path.isdir(bench) else []
    if len(entries) > MAX_BENCH:
        yield "bench: %d entries (at most %d)" % (len(entries), MAX_BENCH)


# ---- sizes ---------------------------------------------------------------------------------------
MAX_FILE, MAX_FUNCTION, MAX_BENCH = 500, 80, 16


def functions(lines):
    """(name, first line, number of lines) of every function: signature at column 0, '}' at column 0."""
    start = None
    for n, line in enumerate(lines, 1):
        if start is None:
            if line == "{" or (re.match(r"[A-Za-z_].*\)\s*\{$", line)):
                start = n
                head = " ".join(lines[max(0, n - 4):n])
                name = re.findall(r"(\w+)\s*\(", head)
        elif line.startswith("}"):
            yield (name[-1] if name else "?"), start, n - start + 1
            start = None


def check_sizes(root):
    for path in tree(root, (".c", ".h")):
        if path.startswith("kernels/"):
            continue
        lines = lines_of(root, path)
        if len(lines) - 1 >= MAX_FILE:
            yield "%s:1: %d lines (a file stays under %d)" % (path, len(lines) - 1, MAX_FILE)
        for name, start, length in functions(lines):
            if length > MAX_FUNCTION:
                yield "%s:%d: %s() has %d lines (at most %d)" % (path, start, name, length, MAX_FUNCTION)


# ---- memory --------------------------------------------------------------------------------------
ALLOCATES = re.compile(r"\b(malloc|calloc|realloc|strn?dup|v?asprintf|open_memstream)\(")
SAYS_SO = re.compile(r"IR_ENOMEM|ir_left_out|ir_read_nomem|\bfailed\b|none: the same")


def check_memory(root):
    for path in tree(root, (".c",)):
        if not path.startswith(("harness/", "bench/")) or path.startswith("bench/fleet/net/"):
            continue
        lines = lines_of(root, path)
        for name, start, length in functions(lines):
            body = "\n".join(lines[start - 1:start - 1 + length])
            head = " ".join(lines[max(0, start - 4):start])
            if ALLOCATES.search(body) and not SAYS_SO.search(body) and \
                    not re.search(r"(\*|\bbool )%s\(" % name, head):
                yield "%s:%d: %s() allocates, and no word says that it got nothing" % (path, start, name)


# ---- kernel tables -------------------------------------------------------------------------------
def check_tables(root):
    kernels = os.path.join(root, "kernels")
    for backend in sorted(os.listdir(kernels)) if os.path.isdir(kernels) else []:
        table = "kernels/%s/table.h" % backend
        if not os.path.exists(os.path.join(root, table)):
            continue
        listed, defined = {}, {}
        for n, line in enumerate(lines_of(root, table), 1):
            m = re.match(r"\s*X\((\w+)\)", line)
            if m:
                if m.group(1) in listed:
                    yield "%s:%d: %s is listed twice" % (table, n, m.group(1))
                listed[m.group(1)] = n
        for path in tree(root, (".c", ".cu"), "kernels/" + backend):
            code = without_comments("\n".join(lines_of(root, path)))
            for m in re.finditer(r"^const\s+ir_kernel\s+(\w+)\s*=", code, flags=re.M):
                defined[m.group(1)] = "%s:%d" % (path, code[:m.start()].count("\n") + 1)
        for name in sorted(set(defined) - set(listed)):
            yield "%s: kernel %s has no X(%s) line in %s" % (defined[name], name, name, table)
        # Kernels that a macro defines have no line of their own to find: their name must appear somewhere.
        rest = "\n".join("\n".join(lines_of(root, p))
                         for p in tree(root, (".c", ".h", ".cu"), "kernels/" + backend)
                         if p != table)
        for name in sorted(set(listed) - set(defined)):
            if not any(re.search(r"\b%s\b" % re.escape(part), rest)
                       for part in (name, name.split("_", 1)[-1])):
                yield "%s:%d: X(%s), but no file here defines it" % (table, listed[name], name)


# ---- text and scripts ----------------------------------------------------------------------------
TEXT = (".c", ".h", ".cu", ".cuh", ".cmake", "CMakeLists.txt", ".sh", ".py", ".md", ".yml", ".clang-format",
        ".clang-tidy", ".editorconfig")


def check_text(root):
    for path in tree(root, TEXT):
        if path.startswith("tests/fuzz/corpus/"):
            continue
        lines = lines_of(root, path)
        if lines[-1] != "":
            yield "%s:%d: no newline at the end" % (path, len(lines))
        elif len(lines) > 1 and lines[-2] == "":
            yield "%s:%d: empty line at the end" % (path, len(lines) - 1)
        for n, line in enumerate(lines, 1):
            if "\t" in line:
                yield "%s:%d: tab" % (path, n)
            if line != line.rstrip():
                yield "%s:%d: trailing white space" % (path, n)


def check_scripts(root):
    scripts = [p for p in tree(root, (".sh",)) + tree(root, ("run",), ".ci")]
    for path in scripts:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        if text.startswith("#!") and not os.access(os.path.join(root, path), os.X_OK):
            yield "%s:1: has a #! line but is not executable" % path
        if not shutil.which("bash"):
            continue
        done = subprocess.run(["bash", "-n", path], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            yield "%s:1: bash -n: %s" % (path, done.stderr.strip())
    if scripts and shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", "-x", "-f", "gcc"] + scripts, cwd=root, capture_output=True,
                              text=True,
                              check=False)
        yield from done.stdout.splitlines()


# ---- width and format ----------------------------------------------------------------------------
WIDTH = 110
WIDE = (".c", ".h", ".cu", ".cuh", ".cc", ".cl", ".sh", ".py", ".cmake", "CMakeLists.txt", ".yml", ".js",
        ".css", ".html", ".md")
SOURCES = (".c", ".h", ".cu", ".cuh", ".cc", ".cl")


def prose(lines):
    """(number, line) of a document's text: no tables, fences without a language, pictures or bare links."""
    fence = None
    for n, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fence = line.strip().strip("`") if fence is None else None
        elif fence != "" and not re.match(r"\s*(\||<img|!\[|(\[.*\]: |<)?https?://\S+>?\s*$)", line):
            yield n, line


def check_width(root):
    for path in tree(root, WIDE):
        lines = lines_of(root, path)
        for n, line in prose(lines) if path.endswith(".md") else enumerate(lines, 1):
            if len(line) > WIDTH:
                yield "%s:%d: %d columns (at most %d)" % (path, n, len(line), WIDTH)


def clang_format_14():
    """The path of clang-format 14, or None. Other versions lay out differently."""
    for name in ("clang-format-14", "clang-format"):
        path = shutil.which(name)
        if path and " 14." in subprocess.run([path, "--version"], capture_output=True, text=True,
                                             check=False).stdout:
            return path
    return None


def check_format(root):
    tool, sources = clang_format_14(), tree(root, SOURCES + (".js",))
    if tool and sources:
        done = subprocess.run([tool, "--dry-run", "-Werror", "--ferror-limit=1"] + sources, cwd=root,
                              capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            m = re.match(r"(.*?):(\d+):\d+: error:", line)
            if m:
                yield "%s:%s: clang-format 14 would change it" % m.groups()


FOLDERS = "bench|kernels|harness|tests|scripts|docs|examples|cmake"


def check_paths(root):
    """`bench/ab/`, `kernels/nets/oracle*.c`; not what holds <a placeholder> or dots."""
    for path in tree(root, (".md",)):
        if path.startswith(("CHANGELOG", ".github/")):
            continue
        for n, line in enumerate(lines_of(root, path), 1):
            for name in re.findall(r"`((?:%s)/[\w./*-]+)" % FOLDERS, line):
                if not glob.glob(os.path.join(root, name.rstrip("."))):
                    yield "%s:%d: there is no %s" % (path, n, name)


def check_version(root):
    """One version: project() has it, the documents repeat it, sources get it from the build."""
    def read(path):
        return "\n".join(lines_of(root, path)) if os.path.exists(os.path.join(root, path)) else ""

    m = re.search(r"^project\(\w+ VERSION ([0-9.]+)", read("CMakeLists.txt"), flags=re.M)
    if not m:
        return
    version = m.group(1)
    if not re.search(r'^version: "?%s"?$' % re.escape(version), read("CITATION.cff"), flags=re.M):
        yield "CITATION.cff: its version is not %s" % version
    if not re.search(r"^## \[%s\]" % re.escape(version), read("CHANGELOG.md"), flags=re.M):
        yield "CHANGELOG.md: no section [%s]" % version
    recipe = "scripts/conda/recipe.yaml"
    if read(recipe) and not re.search(r'^  version: "%s"$' % re.escape(version), read(recipe), flags=re.M):
        yield "%s: its version is not %s" % (recipe, version)
    for path in tree(root, (".c", ".h"), "bench") + tree(root, (".c", ".h"), "harness"):
        for n, line in enumerate(lines_of(root, path), 1):
            if '"%s"' % version in line or re.match(r"\s*#\s*define\s+IR_VERSION\b", line):
                yield "%s:%d: repeats the version" % (path, n)


# ---- the checks checked --------------------------------------------------------------------------
FINE = {
    "CMakeLists.txt": "project(ironroof VERSION 1.2.3 LANGUAGES C)\n",
    "CITATION.cff": 'version: "1.2.3"\n',
    "CHANGELOG.md": "## [1.2.3] - 2026-01-01\n",
    "README.md": "Short.\n\n```\n%s\n```\n| %s |\nhttps://example.org/%s\n" % (("o" * 120,) * 3),
    "harness/ironroof.h": "#include <stdio.h>\n",
    "harness/core.c": '#include "harness/ironroof.h"\n',
    "harness/law/law.h": '#include "harness/ironroof.h"\n#include "harness/stats/stats.h"\n',
    "harness/law/private.h": "\n#define X 1\n",
    "harness/stats/stats.h": '#include "harness/ironroof.h"\n',
    "harness/stats/median.c": '#include "harness/stats/stats.h"\n/* time() */\nint f(void) { return 0; }\n',
    "harness/machine/machine.h": '#include "harness/ironroof.h"\n',
    "harness/machine/topo.h": '#include "harness/machine/machine.h"\n',
    "harness/machine/other.h": "#define Y 1\n",
    "harness/machine/topo.c": '#include <hwloc.h>\n#include <unistd.h>\n#include '
                              '"harness/machine/topo.h"\n#include "harness/machine/other.h"\n',
    "harness/record/read.c": '#include <jansson.h>\n#include "harness/law/law.h"\n',
    "kernels/cpu/table.h": "X(cpu_blas)\n",
    "kernels/cpu/cpu.h": '#include "harness/machine/machine.h"\n',
    "kernels/cpu/blas.c": '#include <cblas.h>\n#include "kernels/cpu/cpu.h"\nconst ir_kernel cpu_blas = '
                          '{0};\n',
    "kernels/cuda/cuda.h": "#include <cuda_runtime.h>\n",
    "kernels/workloads/gemm.c": '#include "harness/stats/stats.h"\n',
    "bench/backends.h": '#include "harness/ironroof.h"\n',
    "bench/run/output.h": '#include "harness/ironroof.h"\n',
    "bench/commands/list.c": '#include "bench/backends.h"\n#include "bench/run/output.h"\n',
    "bench/main.c": '#include "kernels/cpu/cpu.h"\n#include "harness/law/law.h"\n',
    "scripts/run.sh": "#!/usr/bin/env bash\necho ok\n",
}
LONG = "int f(void)\n{\n" + "    x();\n" * 90 + "}\n"
PLANTED = [  # (check, file, text, words the report must contain)
    ("includes", "harness/core.c", '#include "harness/law/law.h"\n', "layer 0"),
    ("includes", "harness/stats/median.c", '#include "harness/law/law.h"\n', "may not depend"),
    ("includes", "harness/machine/topo.c", '#include "harness/law/private.h"\n', "may not depend"),
    ("includes", "harness/record/read.c", '#include "kernels/cpu/cpu.h"\n', "knows no workload"),
    ("includes", "harness/stats/median.c", "#include <time.h>\n", "no clock"),
    ("includes", "harness/law/fit.c", "#include <sys/stat.h>\n", "no clock"),
    ("includes", "harness/law/fit.c", 'void f(void)\n{\n    printf("x");\n}\n', "printf"),
    ("includes", "harness/record/read.c", "#include <hwloc.h>\n", "harness/machine/"),
    ("includes", "bench/main.c", "#include <cblas.h>\n", "kernels/"),
    ("includes", "bench/main.c", "#include <jansson.h>\n", "harness/record/"),
    ("includes", "kernels/workloads/gemm.c", '#include "kernels/cpu/cpu.h"\n', "a workload sees"),
    ("includes", "kernels/workloads/gemm.c", '#include "harness/law/private.h"\n', "a workload sees"),
    ("includes", "bench/cli/parse.c", '#include "harness/law/law.h"\n', "command line"),
    ("includes", "bench/measure/context.c", '#include "bench/run/output.h"\n', "points down"),
    ("includes", "bench/run/output.c", '#include "bench/backends.h"\n', "points down"),
    ("includes", "kernels/cpu/blas.c", '#include "bench/run/output.h"\nconst ir_kernel cpu_blas = {0};\n',
     "own backend"),
    ("includes", "kernels/cpu/blas.c", '#include "kernels/cuda/cuda.h"\nconst ir_kernel cpu_blas = {0};\n',
     "own backend"),
    ("includes", "kernels/cpu/blas.c", '#include "harness/law/law.h"\nconst ir_kernel cpu_blas = {0};\n',
     "own backend"),
    ("circles", "harness/machine/other.h", '#include "harness/machine/topo.h"\n', "circle"),
    ("sizes", "bench/main.c", "int x;\n" * 500, "500 lines"),
    ("sizes", "bench/main.c", LONG, "f() has"),
    ("memory", "bench/main.c", "static void f(char **x)\n{\n    *x = malloc(4);\n}\n", "f() allocates"),
    ("tables", "kernels/cpu/gemm.c", "const ir_kernel cpu_gemm = {0};\n", "no X(cpu_gemm)"),
    ("tables", "kernels/cpu/table.h", "X(cpu_blas)\nX(cpu_gone)\n", "X(cpu_gone)"),
    ("tables", "kernels/cpu/table.h", "X(cpu_blas)\nX(cpu_blas)\n", "twice"),
    ("text", "bench/main.c", "\tint x;\n", "tab"),
    ("text", "bench/main.c", "int x; \n", "trailing"),
    ("text", "bench/main.c", "int x;", "no newline"),
    ("width", "README.md", "word " * 30 + "\n", "columns"),
    ("width", "README.md", "```sh\n%s\n```\n" % ("o" * 111), "columns"),
    ("width", "bench/main.c", "/* %s */\n" % ("o" * 110), "columns"),
    ("paths", "README.md", "See `bench/gone.c`.\n", "no bench/gone.c"),
    ("format", "bench/main.c", "int f(void) {\n  return 0;\n}\n", "clang-format"),
    ("version", "CITATION.cff", 'version: "1.2.4"\n', "1.2.3"),
    ("version", "CHANGELOG.md", "## [1.2.0]\n", "1.2.3"),
    ("version", "scripts/conda/recipe.yaml", 'context:\n  version: "1.2.0"\n', "1.2.3"),
    ("version", "bench/cli/version.h", '#define IR_VERSION "1.0"\n', "repeats"),
    ("scripts", "scripts/run.sh", "#!/usr/bin/env bash\nif true; then\n", "bash -n"),
]


def plant(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        if path.endswith(".sh"):
            os.chmod(full, 0o755)


def check_selftest(root):
    with open(os.path.join(root, ".clang-format"), encoding="utf-8") as f:
        FINE[".clang-format"] = f.read()
    with tempfile.TemporaryDirectory() as fine:
        plant(fine, FINE)
        for name, check in CHECKS.items():
            for found in check(fine) if name != "selftest" else []:
                yield "selftest: %s reports a clean tree: %s" % (name, found)
    for name, path, text, words in PLANTED:
        if name == "format" and not clang_format_14():
            continue
        with tempfile.TemporaryDirectory() as root:
            plant(root, dict(FINE, **{path: text}))
            found = list(CHECKS[name](root))
            if not any(os.path.splitext(path)[0] in line and words in line for line in found):
                yield "selftest: %s misses %r in %s (reported: %s)" % (name, text[:60], path, found)


CHECKS = {"includes": check_includes, "circles": check_circles, "sizes": check_sizes, "memory": check_memory,
          "tables": check_tables,
          "text": check_text, "scripts": check_scripts, "width": check_width, "format": check_format,
          "paths": check_paths, "version": check_version, "selftest": check_selftest}


def main(argv):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if argv[:1] == ["--root"]:
        root, argv = argv[1], argv[2:]
    if not argv or any(a not in CHECKS for a in argv):
        sys.stderr.write(__doc__)
        return 2
    if argv == ["scripts"] and not shutil.which("bash"):
        print("bash is not installed")
        return 77
    if argv == ["format"] and not clang_format_14():
        print("clang-format 14 is not installed")
        return 77
    count = 0
    for name in argv:
        for violation in CHECKS[name](root):
            print(violation)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
