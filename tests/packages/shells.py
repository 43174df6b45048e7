"""Completions in real interactive shells, and the manual in man."""

import os
import pty
import re
import select

from run import Skip  # noqa: F401


class Terminal:
    """A shell on a terminal of its own; keys in, what it printed out."""

    def __init__(self, words, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, env)

    def read(self, seconds):
        out = b""
        for _ in range(round(10 * seconds)):  # steps, not the clock: this process may have been stopped
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    out += os.read(self.fd, 65536)
                except OSError:
                    break
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|[\r\x07]", "", out.decode("utf-8", "replace"))

    def wait(self, text, seconds=20):
        out = ""
        for _ in range(5 * seconds):
            out += self.read(0.2)
            if text in out:
                break
        return out

    def keys(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def environment(place, home):
    bin_folder = place.path("bin")
    os.makedirs(bin_folder, exist_ok=True)
    link = os.path.join(bin_folder, "ironroof")
    if not os.path.lexists(link):
        os.symlink(place.program, link)
    return {
        "PATH": bin_folder + ":/usr/bin:/bin",
        "HOME": home,
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PS1": "> ",
        "LINES": "200",
        "COLUMNS": "150",
    }


# What is typed before Tab, and what the line must hold then.
ASKED = [
    ("ironroof predi", "ironroof predict"),
    ("ironroof run mobilen", "ironroof run mobilenetv2"),
    ("ironroof run gpt2:siz", "ironroof run gpt2:size="),
    ("ironroof predict gpt2 --device rtx409", "--device rtx4090"),
    ("ironroof export x --format ti", "--format tidy"),
]


def typed(place, words, home, prepare):
    terminal = Terminal(words, environment(place, home))
    try:
        terminal.read(1)
        terminal.keys(prepare + "; echo rea''dy\n")
        assert "ready" in terminal.wait("ready"), "the shell did not start"
        for line, want in ASKED:
            terminal.keys(line + "\t")
            shown = terminal.wait(want, 10)
            assert want in shown, "%r and Tab showed %r" % (line, shown)
            terminal.keys("\x15")  # the line away
            terminal.read(0.3)
    finally:
        terminal.close()


def test_bash(place):
    place.tool("bash")
    script = place.path("ironroof.bash")
    with open(script, "w", encoding="utf-8") as f:
        f.write(place.ironroof("completion", "bash").stdout)
    typed(place, ["bash", "--norc", "--noprofile", "-i"], place.fresh("home-bash"), ". " + script)


def test_zsh(place):
    place.tool("zsh")
    home = place.fresh("home-zsh")
    with open(os.path.join(home, "_ironroof"), "w", encoding="utf-8") as f:
        f.write(place.ironroof("completion", "zsh").stdout)
    typed(place, ["zsh", "-f", "-i"], home, "fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D" % home)


def test_fish(place):
    """fish says itself what it would offer."""
    fish = place.tool("fish")
    home = place.fresh("home-fish")
    script = os.path.join(home, "ironroof.fish")
    with open(script, "w", encoding="utf-8") as f:
        f.write(place.ironroof("completion", "fish").stdout)
    for line, want in ASKED:
        done = place.call(
            fish,
            "--no-config",
            "-c",
            "source %s; complete -C '%s'" % (script, line),
            env=environment(place, home),
        )
        offered = [o.split("\t")[0] for o in done.stdout.splitlines()]
        assert any(want.endswith(o) for o in offered if o), "%r offers %r" % (line, offered)


def test_man(place):
    """As `man` shows a page: by groff, without a warning."""
    man = place.tool("man")
    folder = place.fresh("man")
    os.makedirs(os.path.join(folder, "man1"))
    for name in ("", "run", "ab", "fleet", "export"):
        page = os.path.join(folder, "man1", "ironroof%s.1" % ("-" + name if name else ""))
        with open(page, "w", encoding="utf-8") as f:
            f.write(place.ironroof("manual", *filter(None, [name])).stdout)
        done = place.call(
            man, "--warnings=w", "-l", page, env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8")
        )
        assert "NAME" in done.stdout and not done.stderr, "man %s: %s" % (page, done.stderr)
