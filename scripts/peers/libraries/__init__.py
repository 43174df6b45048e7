"""The libraries that cpu.py measures beside our kernels, one module each. A module is imported only when its
library is asked for, and the library only when the work is set up."""
import collections
import contextlib
import os
import tempfile


class Missing(Exception):
    """The library, or a package it needs, is not here."""


class Asked:
    """What a row asks of a library: the work by name, its parameters as words, the number of threads."""

    def __init__(self, work, words):
        self.work, self.words = work, dict(w.split("=", 1) for w in words)
        self.threads = int(self.words.get("threads", os.cpu_count() or 1))

    def __getitem__(self, key):
        return self.words[key]

    def get(self, key, other):
        return self.words.get(key, other)

    def number(self, key):
        return int(self.words[key])


# call(): the work once. output(): its last output as a NumPy array, which must be finite; None: unknown.
# runs: what one call does by the library's own tables, {"flops": multiply-adds twice, "weights_B": bytes of
# parameters it reads}: cpu.py holds it against our point. after(): between calls, not timed.
Work = collections.namedtuple("Work", "call version output runs after", defaults=(None, {}, None))


@contextlib.contextmanager
def scratch(name):
    """A path for a model's file, gone with its folder at the end."""
    with tempfile.TemporaryDirectory(prefix="cpu_peer_") as folder:
        yield os.path.join(folder, name)


@contextlib.contextmanager
def needed(package):
    """What is imported within is that package's; without it the row says so."""
    try:
        yield
    except (ImportError, SystemExit) as e:
        raise Missing(f"package {package}: {e}") from None
