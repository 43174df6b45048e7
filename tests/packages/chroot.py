"""The .deb in a fresh Debian: two commands to the first screen, with and without what it recommends."""

import glob
import os
import re
import shutil

from debian import architecture, the_deb
from run import Skip


def mirror():
    """The mirror and release that this machine installs from."""
    with open("/etc/os-release", encoding="utf-8") as f:
        suite = re.search(r"^VERSION_CODENAME=(\w+)", f.read(), flags=re.M)
    if not suite or not os.path.exists("/usr/share/debootstrap/scripts/" + suite.group(1)):
        raise Skip("debootstrap does not know this system's release")
    suite = suite.group(1)
    for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*")):
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as f:
            text = f.read()
        old = re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+%s\s" % suite, text, flags=re.M)
        new = re.search(r"^URIs:\s*(\S+)[^\0]*?^Suites:[^\n]*\b%s(?:\s|$)" % suite, text, flags=re.M)
        if old or new:
            return (old or new).group(1), suite
    raise Skip("no mirror of %s in /etc/apt" % suite)


def base(place):
    """A minimal system, made once; with this machine's way to the mirror."""
    if os.geteuid() != 0:
        raise Skip("a chroot needs root")
    debootstrap = place.tool("debootstrap")
    folder, url = place.path("debian"), mirror()
    if not os.path.exists(folder + "/.made"):
        shutil.rmtree(folder, ignore_errors=True)
        # In a mount namespace of its own: it may leave /proc mounted, and copies would hold all of that.
        words = ("unshare", "--mount", debootstrap, "--variant=minbase", url[1], folder, url[0])
        done = place.call(*words, code=None, seconds=1500)
        if done.returncode:
            raise Skip("debootstrap: " + (done.stdout + done.stderr).strip()[-200:])
        for source in (
            "/etc/apt/apt.conf.d",
            "/etc/apt/sources.list.d",
            "/etc/apt/sources.list",
            "/etc/resolv.conf",
            "/usr/local/share/ca-certificates",
            "/etc/ssl/certs",
        ):
            if os.path.isdir(source):
                shutil.copytree(source, folder + source, dirs_exist_ok=True)
            elif os.path.exists(source):
                shutil.copy(source, folder + source)
        inside(place, folder, "apt-get update")
        open(folder + "/.made", "w", encoding="utf-8").close()
    return folder


def inside(place, folder, command, code=0, seconds=900):
    """A command in the chroot, with /proc, /sys and /dev of its own mount namespace."""
    script = (
        "mount -t proc proc '{0}/proc' && mount --rbind /sys '{0}/sys' && mount --rbind /dev '{0}/dev' && "
        "exec chroot '{0}' /bin/sh -c \"$1\""
    ).format(folder)
    env = {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
    env.update(
        PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", DEBIAN_FRONTEND="noninteractive", LANG="C.UTF-8"
    )
    return place.call(
        "unshare", "--mount", "--fork", "sh", "-c", script, "sh", command, code=code, seconds=seconds, env=env
    )


def copy_of_base(place, name):
    folder = place.path(name)
    shutil.rmtree(folder, ignore_errors=True)
    place.call("cp", "-a", "-x", base(place), folder)
    return folder


def copy_tree(place, folder):
    """What git knows of the tree and does not ignore: what a builder sees."""
    listed = place.call(
        "git", "-C", place.root, "ls-files", "--cached", "--others", "--exclude-standard"
    ).stdout
    for path in listed.split("\n"):
        file = os.path.join(place.root, path)
        if os.path.isfile(file) and not path.startswith("results/"):
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            shutil.copy2(file, os.path.join(folder, path))


def fresh_system(place, name):
    folder = copy_of_base(place, name)
    shutil.copy(the_deb(place), folder + "/root/ironroof.deb")
    shutil.copytree(os.path.join(place.root, "tests", "machines"), folder + "/root/machines")
    return folder


def used(place, folder):
    """What a user does next: the program runs, verifies, measures and leaves a record and a page."""
    inside(place, folder, "ironroof --version --json && ironroof selftest ideal")
    done = inside(
        place,
        folder,
        "cd /root && ironroof run copy gemv:m=256,k=256 gemm:m=64,n=64,k=64 --backend cpu "
        "--ceilings none --budget 20ms --warmup 0 -o run.jsonl && ironroof validate run.jsonl && "
        "ironroof report run.jsonl -o run.html && test -s run.html",
    )
    assert "gemm" in done.stdout, done.stdout[-1500:]
    done = inside(
        place, folder, "cd /root && ironroof run --backend model:machines/raspberry_pi5.json -o pi.jsonl"
    )
    assert "HOW FAST CAN IT GO" in done.stdout and "WHAT HOLDS IT BACK" in done.stdout, done.stdout[-1500:]
    done = inside(
        place,
        folder,
        "ls /usr/share/man/man1/ironroof.1.gz /usr/share/bash-completion/completions/ironroof "
        "/usr/share/zsh/vendor-completions/_ironroof /usr/share/fish/vendor_completions.d/ironroof.fish "
        "/usr/share/doc/ironroof/copyright /usr/share/ironroof/plot.py",
    )
    return inside(
        place,
        folder,
        "ironroof list devices && ironroof run gemv:m=256,k=256 --filter openblas --ceilings "
        "none --budget 20ms --backend cpu -o /root/blas.jsonl; cat /root/blas.jsonl",
        code=None,
    ).stdout


def test_chroot_bare(place):
    folder = fresh_system(place, "bare")
    inside(place, folder, "apt-get install -y --no-install-recommends /root/ironroof.deb")
    screen = inside(place, folder, "cd /root && ironroof", seconds=1800).stdout  # the second command
    assert "HOW FAST CAN IT GO" in screen and "WHAT HOLDS IT BACK" in screen, screen[-1500:]
    said = used(place, folder)
    assert "OpenBLAS cannot be loaded" in said, said[-1500:]  # a skip with its reason
    inside(
        place,
        folder,
        "apt-get purge -y ironroof && ! test -e /usr/bin/ironroof && "
        "! test -e /usr/share/doc/ironroof && ! test -e /usr/share/ironroof",
    )
    shutil.rmtree(folder, ignore_errors=True)


def test_chroot_full(place):
    folder = fresh_system(place, "full")
    inside(place, folder, "apt-get install -y /root/ironroof.deb", seconds=1500)
    said = used(place, folder)
    assert '"status":"ok"' in said and "Portable Computing Language" in said, said[:1000] + said[-1500:]
    shutil.rmtree(folder, ignore_errors=True)


def test_arm64(place):
    """Cross-built in a Debian of this architecture with libraries of the other, run by qemu."""
    if architecture(place) != "amd64":
        raise Skip("cross-built on amd64 only")
    qemu = place.tool("qemu-aarch64-static", "qemu-aarch64")
    folder = copy_of_base(place, "arm64-build")
    done = inside(place, folder, "dpkg --add-architecture arm64 && apt-get update", code=None)
    if done.returncode:
        raise Skip("no packages for arm64: " + done.stderr.strip()[-160:])
    done = inside(
        place,
        folder,
        "apt-get install -y --no-install-recommends cmake ninja-build pkg-config dpkg-dev "
        "git file python3 gcc-aarch64-linux-gnu libc6-dev-arm64-cross libc6-dev:arm64 qemu-user "
        "libhwloc-dev:arm64 libjansson-dev:arm64 libopenblas-dev:arm64 ocl-icd-opencl-dev:arm64 "
        "opencl-headers",
        code=None,
        seconds=1800,
    )
    if done.returncode:
        raise Skip("no packages for arm64: " + done.stderr.strip()[-160:])
    copy_tree(place, folder + "/src")
    inside(
        place,
        folder,
        "cd /src && cmake --preset package-arm64 -G Ninja -B /build && cmake --build /build && "
        "cd /build && cpack -G DEB -B /out && rm -rf /out/_CPack_Packages",
        seconds=2400,
    )
    debs = glob.glob(folder + "/out/ironroof_*_arm64.deb")
    assert len(debs) == 1, os.listdir(folder + "/out")
    shutil.copy(debs[0], place.path())
    field = place.call("dpkg-deb", "-f", debs[0], "Architecture", "Depends").stdout
    assert "arm64" in field and "libjansson4" in field and "cross" not in field, field
    inside(
        place,
        folder,
        "dpkg-deb -x /out/ironroof_*_arm64.deb /tree && test -s /tree/usr/share/man/man1/ironroof.1.gz "
        "&& cd /root && qemu-aarch64 /tree/usr/bin/ironroof selftest ideal && "
        "qemu-aarch64 /tree/usr/bin/ironroof --version --json | grep -q gcc",
    )
    assert qemu
    shutil.rmtree(folder, ignore_errors=True)
