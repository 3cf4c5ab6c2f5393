"""The very .debs of a lock as an archive of files, for programs that read archives.

They are links to the blobs of a store, so both sides of a comparison read the same bytes from the same disk, and
nobody downloads.
"""

import hashlib
import os
import pathlib
import subprocess

SUITE = "bookworm"


def debs(lock):
    """Name, size, sha256 and file name of every package of a lock, in its order."""
    for line in pathlib.Path(lock).read_text().splitlines():
        if line and not line.startswith("#"):
            name, _version, _arch, size, digest, path, *_ = line.split()
            yield name, size, digest.removeprefix("sha256:"), path.rsplit("/", 1)[1]


def blob(store, digest):
    """The file of the store that has these bytes."""
    name = (store / "alias/sha256" / digest[:2] / digest).read_text().split()[0].removeprefix("b3:")
    return store / "blob/b3" / name[:2] / name


def sha256(file):
    """Of a small file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write(folder, lock, store):
    """Makes the archive; gives the line for `sources.list`."""
    folder.mkdir(parents=True)
    stanzas = []
    for _name, size, digest, file in debs(lock):
        os.link(blob(store, digest), folder / file)
        control = subprocess.run(["dpkg-deb", "--field", folder / file], capture_output=True, text=True, check=True)
        stanzas.append(f"{control.stdout.rstrip()}\nFilename: ./{file}\nSize: {size}\nSHA256: {digest}\n")
    index = "\n".join(stanzas).encode()
    (folder / "Packages").write_bytes(index)
    # mmdebstrap asks apt for the essential packages of a suite by its name.
    (folder / "Release").write_text(f"Suite: {SUITE}\nCodename: {SUITE}\nArchitectures: amd64\nSHA256:\n"
                                    f" {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n")
    return f"deb [trusted=yes] file:{folder} ./"
