#!/usr/bin/env python3
"""sbom.py TREE|DEB VERSION [-o FILE] -- the bill of materials of a release, SPDX 2.3 as JSON.

Lists every file of the package with its SHA-256 and SHA-1, and, of a .deb, the packages it depends on and
recommends. The time is SOURCE_DATE_EPOCH (else 0), so that the same package gives the same bytes. Standard
library and dpkg-deb only.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile


def digest(path, name):
    h = hashlib.new(name)
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def kind_of(path):
    if re.search(r"/bin/", path):
        return ["BINARY"]
    return ["DOCUMENTATION"] if re.search(r"/(doc|man)/", path) else ["TEXT"]


def files_of(root):
    """SPDX files of a tree, in order of their names."""
    found = []
    for here, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(here, name)
            if not os.path.islink(path):
                found.append(path)
    out = []
    for n, path in enumerate(sorted(found)):
        out.append(
            {
                "SPDXID": "SPDXRef-File-%d" % n,
                "fileName": "./" + os.path.relpath(path, root),
                "checksums": [
                    {"algorithm": a.upper(), "checksumValue": digest(path, a)} for a in ("sha1", "sha256")
                ],
                "fileTypes": kind_of(path),
                "licenseConcluded": "Apache-2.0",
                "licenseInfoInFiles": ["NOASSERTION"],
                "copyrightText": "NOASSERTION",
            }
        )
    return out


def depends_of(deb):
    """(name, version or '', relation) of what a .deb depends on and recommends."""
    out = []
    for field, relation in (("Depends", "DEPENDS_ON"), ("Recommends", "OPTIONAL_DEPENDENCY_OF")):
        text = subprocess.run(
            ["dpkg-deb", "-f", deb, field], capture_output=True, text=True, check=True
        ).stdout.strip()
        for item in re.split(r"\s*,\s*", text) if text else []:
            m = re.match(r"([a-z0-9.+-]+)(?:\s*\(([^)]*)\))?", item)
            out.append((m.group(1), m.group(2) or "", relation))
    return out


def package(name, version, ref):
    out = {
        "SPDXID": ref,
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }
    if version:
        out["versionInfo"] = version
    return out


def document(root, version, depends):
    files = files_of(root)
    if not files:
        sys.exit("sbom.py: %s holds no file" % root)
    sums = sorted(c["checksumValue"] for f in files for c in f["checksums"] if c["algorithm"] == "SHA1")
    code = hashlib.sha1("".join(sums).encode()).hexdigest()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    main = package("ironroof", version, "SPDXRef-Package-ironroof")
    main.update(
        filesAnalyzed=True,
        licenseConcluded="Apache-2.0",
        licenseDeclared="Apache-2.0",
        licenseInfoFromFiles=["NOASSERTION"],
        primaryPackagePurpose="APPLICATION",
        packageVerificationCode={"packageVerificationCodeValue": code},
    )
    packages, relations = [main], [["SPDXRef-DOCUMENT", "DESCRIBES", main["SPDXID"]]]
    for f in files:
        relations.append([main["SPDXID"], "CONTAINS", f["SPDXID"]])
    for n, (name, wanted, relation) in enumerate(depends):
        ref = "SPDXRef-Package-%d-%s" % (n, re.sub(r"[^A-Za-z0-9.-]", "-", name))
        packages.append(package(name, wanted, ref))
        ends = [main["SPDXID"], ref] if relation == "DEPENDS_ON" else [ref, main["SPDXID"]]
        relations.append([ends[0], relation, ends[1]])
    when = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "ironroof-%s" % version,
        "documentNamespace": "https://spdx.org/spdxdocs/ironroof-%s-%s" % (version, code),
        "creationInfo": {"created": when, "creators": ["Tool: ironroof-sbom"]},
        "packages": packages,
        "files": files,
        "relationships": [
            {"spdxElementId": a, "relationshipType": r, "relatedSpdxElement": b} for a, r, b in relations
        ],
    }


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("what", metavar="TREE|DEB")
    p.add_argument("version")
    p.add_argument("-o", "--output", default="-")
    a = p.parse_args()
    if os.path.isdir(a.what):
        doc = document(a.what, a.version, [])
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["dpkg-deb", "-x", a.what, folder], check=True)
            doc = document(folder, a.version, depends_of(a.what))
    text = json.dumps(doc, indent=1) + "\n"
    if a.output == "-":
        sys.stdout.write(text)
    else:
        with open(a.output, "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
