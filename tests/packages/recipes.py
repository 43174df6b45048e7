"""Recipes and papers: conda, Spack, Docker, SPDX."""

import json
import os
import re
import shutil

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


def test_spack(place):
    """Spack's own audit, where Spack is (SPACK_ROOT or PATH)."""
    spack = shutil.which("spack") or os.path.join(
        os.environ.get("SPACK_ROOT", "/nonexistent"), "bin", "spack"
    )
    if not os.path.exists(spack):
        raise Skip("Spack is in no package registry; put it on PATH or set SPACK_ROOT")
    repo = place.fresh("spack-repo")
    os.makedirs(repo + "/packages/ironroof")
    with open(repo + "/repo.yaml", "w", encoding="utf-8") as f:
        f.write("repo:\n  namespace: ironroof\n")
    shutil.copy(os.path.join(place.root, "scripts", "spack", "package.py"), repo + "/packages/ironroof")
    place.call(spack, "repo", "add", "--scope", "user", repo, code=None)
    place.call(spack, "audit", "packages", "ironroof")
    place.call(spack, "spec", "ironroof@main")


def test_docker(place):
    docker = place.tool("docker", "podman", "buildah")
    if place.call(docker, "info", code=None, seconds=60).returncode:
        raise Skip("no container engine answers here")
    place.call(docker, "build", "-t", "ironroof-test", place.root, seconds=1800)
    done = place.call(docker, "run", "--rm", "ironroof-test", "--version")
    assert done.stdout.startswith("ironroof "), done.stdout


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
