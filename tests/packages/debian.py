"""The .deb and the .tar.gz: built twice to the same bytes, lintian's judgement, dependencies."""

import glob
import os

from run import Skip


def build(place):
    """Packages by the release script, from two copies of the tree: once a call of this program."""
    out, log = place.path("release"), place.path("release.log")
    if build.done:
        return out
    place.tool("dpkg-deb")
    place.tool("cpack")
    script = os.path.join(place.root, "scripts", "release.sh")
    done = place.call("bash", script, "--twice", "--dirty", "-o", out, code=None, seconds=1800)
    with open(log, "w", encoding="utf-8") as f:
        f.write("%sexit code %d\n" % (done.stdout + done.stderr, done.returncode))
    build.done = True
    return out


build.done = False


def the_deb(place):
    """IRONROOF_DEB, or the one of the release that is made here."""
    if os.environ.get("IRONROOF_DEB"):
        return os.environ["IRONROOF_DEB"]
    found = sorted(glob.glob(build(place) + "/ironroof_*_%s.deb" % architecture(place)))
    assert found, "no .deb in " + place.path("release")
    return found[-1]


def architecture(place):
    return place.call("dpkg", "--print-architecture").stdout.strip()


def test_reproducible(place):
    build(place)
    with open(place.path("release.log"), encoding="utf-8") as f:
        said = f.read()
    assert "exit code 0" in said and "NOT the same" not in said, said[-3000:]
    assert said.count("same bytes twice: ") == 2, said[-3000:]


def test_release(place):
    out = build(place)
    place.call("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=out)
    names = sorted(os.listdir(out))
    for end in (".deb", ".spdx.json", ".tar.gz", "NOTES.md"):
        assert any(n.endswith(end) for n in names), "%s is missing: %s" % (end, names)
    validator = os.path.join(os.path.dirname(place.python("spdx-tools")), "pyspdxtools")
    for name in names:
        if name.endswith(".spdx.json"):
            place.call(validator, "-i", os.path.join(out, name))
    source = [n for n in names if n.startswith("ironroof-") and n.endswith(".tar.gz") and "linux" not in n]
    listed = place.call("tar", "-tzf", os.path.join(out, source[0])).stdout
    assert "/CMakeLists.txt\n" in listed and ".git/" not in listed, listed[:500]


def test_lintian(place):
    lintian = place.tool("lintian")
    done = place.call(lintian, "--fail-on", "error", "--tag-display-limit", "0", the_deb(place), code=None)
    said = [line for line in done.stdout.splitlines() if line[:2] in ("E:", "W:")]
    assert done.returncode == 0 and not [s for s in said if s.startswith("E:")], "\n".join(said) + done.stderr
    print("  lintian: " + ("; ".join(said) or "no error, no warning"))


def test_depends(place):
    """What the program is linked to is a dependency, what it loads by itself is recommended."""
    field = place.call("dpkg-deb", "-f", the_deb(place), "Depends", "Recommends").stdout
    depends, recommends = (
        next(l for l in field.splitlines() if l.startswith(k)) for k in ("Depends", "Recommends")
    )
    for package in ("libc6", "libjansson4", "ocl-icd-libopencl1"):
        assert package in depends, depends
    for package in ("openblas", "clblast", "dnnl", "openmpi"):
        assert package not in depends, depends
    for package in ("libhwloc15", "libopenblas0", "opencl-icd"):
        assert package in recommends, recommends


def test_man_of_deb(place):
    """The pages as they are installed: mandoc's lint, and `man NAME` (groff), not one remark."""
    mandoc, man = place.tool("mandoc"), place.tool("man")
    tree = place.fresh("deb-tree")
    place.call("dpkg-deb", "-x", the_deb(place), tree)
    pages = sorted(glob.glob(tree + "/usr/share/man/man1/*.1.gz"))
    assert len(pages) > 15, pages
    for page in pages:
        plain = page[:-3]
        place.call("gzip", "-dk", page)
        done = place.call(mandoc, "-T", "lint", plain, code=None)
        said = [s for s in (done.stdout + done.stderr).splitlines() if s and "manual not found" not in s]
        assert not said, "\n".join(said)
    env = dict(os.environ, MANPATH=tree + "/usr/share/man", MANWIDTH="80", LC_ALL="C.UTF-8")
    for page in pages:
        name = os.path.basename(page)[: -len(".1.gz")]
        done = place.call(man, "--warnings=w", name, env=env)
        assert name in done.stdout and not done.stderr, "man %s: %s" % (name, done.stderr)


def test_guide_kernel(place):
    """docs/guides/write-a-kernel.md in a copy of the tree: written, built, right, measured."""
    place.tool("cmake")
    if not os.path.isdir(os.path.join(place.root, ".git")) and not os.path.isfile(
        os.path.join(place.root, ".git")
    ):
        raise Skip("no git checkout to copy")
    place.call(
        "python3",
        os.path.join(place.root, "tests", "test_guides.py"),
        place.program,
        place.root,
        "write-a-kernel",
        seconds=2000,
    )
