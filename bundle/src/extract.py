#!/usr/bin/env python3
"""Checks and unpacks a Gabion bundle with nothing but Python's standard library.

usage: extract.py BUNDLE FOLDER

Checks every SHA-256 of RELEASE. It does not check signatures: VERIFY.md says how ssh-keygen does.
"""
import hashlib
import os
import sys
import tarfile


def fail(message):
    sys.exit("extract.py: " + message)


def main():
    if len(sys.argv) != 3:
        fail(__doc__.strip().splitlines()[2])
    bundle, folder = sys.argv[1:]
    os.mkdir(folder, 0o755)
    expected = {}
    with tarfile.open(bundle, "r:") as tar:
        for index, member in enumerate(tar):
            parts = member.name.split("/")
            if not member.isreg() or member.name.startswith("/") or ".." in parts:
                fail("refused: " + member.name)
            if index == 0 and member.name != "RELEASE":
                fail("the first member is not RELEASE")
            target = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            digest = hashlib.sha256()
            source = tar.extractfile(member)
            with open(target, "xb") as out:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
            if member.name == "RELEASE":
                with open(target, encoding="ascii") as text:
                    for line in text:
                        if not line.startswith("#"):
                            value, path = line.rstrip("\n").split("  ", 1)
                            expected[path] = value
                print("bundle sha256:" + digest.hexdigest())
            elif member.name != "RELEASE.sig":
                if expected.pop(member.name, None) != digest.hexdigest():
                    fail("damaged: " + member.name)
    if expected:
        fail("missing: " + ", ".join(sorted(expected)))


main()
