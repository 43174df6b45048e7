"""A Dockerfile without a container engine: its stages in chroots of a fresh Debian, a line at a time.

FROM, RUN, COPY, WORKDIR, ENTRYPOINT and ARG, as our files use them; another instruction is an error, so that
nothing is passed over."""

import glob
import json
import os
import re
import shlex
import shutil


def instructions(path):
    """(word, rest) of every instruction; comments and line breaks are gone."""
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n", " ", "".join(lines))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def stages(path):
    """[(image, name, instructions)] in order."""
    out = []
    for word, rest in instructions(path):
        if word == "FROM":
            m = re.fullmatch(r"(\S+)(?:\s+AS\s+(\S+))?\s*", rest)
            assert m, "FROM %s" % rest
            out.append((m.group(1), m.group(2), []))
        elif word != "ARG":
            assert out, "%s before FROM" % word
            assert word in ("RUN", "COPY", "WORKDIR", "ENTRYPOINT"), "instruction %s is not known here" % word
            out[-1][2].append((word, rest))
    return out


def copy(rest, folder, context, built):
    """COPY [--from=STAGE] SOURCE... TARGET. The context is a list of (path, file)."""
    words = shlex.split(rest)
    source = re.fullmatch(r"--from=(\S+)", words[0])
    if source:
        words.pop(0)
    *wanted, target = words
    under = folder + "/" + target.strip("/")
    if not source:
        assert wanted == ["."], "COPY %s: only the whole context is copied here" % rest
        for path, file in context:
            os.makedirs(os.path.dirname(os.path.join(under, path)), exist_ok=True)
            shutil.copy2(file, os.path.join(under, path))
        return
    for pattern in wanted:
        found = glob.glob(built[source.group(1)] + pattern)
        assert found, "COPY: nothing is %s of the stage %s" % (pattern, source.group(1))
        for file in found:
            if os.path.isdir(file):
                shutil.copytree(file, under, dirs_exist_ok=True, symlinks=True)
            else:
                os.makedirs(under, exist_ok=True)
                shutil.copy2(file, under)


def build(path, fresh, inside, context):
    """Runs the file. fresh(NAME): folder of a new system; inside(FOLDER, COMMAND). Returns the last stage's
    folder, the command that its container would run, and every other stage's folder."""
    built, entry, folder = {}, None, None
    for number, (image, name, todo) in enumerate(stages(path)):
        assert image.startswith("debian:"), "no base image %s here" % image
        folder, at, entry = fresh("docker-%d" % number), "/", None
        built[name or str(number)] = folder
        for word, rest in todo:
            if word == "RUN":
                inside(folder, "cd '%s' && %s" % (at, rest))
            elif word == "COPY":
                copy(rest, folder, context, built)
            elif word == "WORKDIR":
                at = rest.strip()
                os.makedirs(folder + at, exist_ok=True)
            else:
                entry = "cd '%s' && %s" % (at, shlex.join(json.loads(rest)))
    return folder, entry, built
