"""Download, hash and store one large file: against `curl | tee | b3sum`.

Gabion streams into its store with BLAKE3 and SHA-256 in one pass, checks the SHA-256 that the recipe pins,
syncs the file and names it. The first peer computes BLAKE3 alone, pins nothing and syncs nothing; the second
computes both digests as Gabion does; the third syncs the file too, which is the same work.
"""

import pathlib
import shutil
import subprocess
import tempfile

import origin
import pairs

SIZE = 1 << 30


def b3sum():
    ours = pairs.REPOSITORY / "target/tools/bin/b3sum"
    return str(ours) if ours.exists() else shutil.which("b3sum")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with origin.served(folder, SIZE) as (url, digest):
            variables = origin.project(folder / "p", url, digest)
            build = [pairs.GABION, "build", "fetch.blob"]
            lock = [pairs.GABION, "lock"]
            subprocess.run(lock, cwd=folder / "p", env=variables, check=True, capture_output=True)

            def fresh():
                origin.forget(folder / "p/store")
                (folder / "file").unlink(missing_ok=True)

            def peer(what, script):
                command = ["bash", "-c", f"set -euo pipefail; {script}"]
                return pairs.Run(what, command, folder, before=fresh)

            ours = pairs.Run("gabion", build, folder / "p", variables, before=fresh)
            fetch = f"curl -s {url} | tee file"
            pairs.compare("download, hash and store 1 GiB", ours,
                          peer("`curl \\| tee \\| b3sum`", f"{fetch} | {b3sum()}"), "1.3")
            both = f"{fetch} | tee >(sha256sum >&2) | {b3sum()}"
            pairs.compare("the same", ours, peer("… and sha256sum", both))
            pairs.compare("the same", ours, peer("… and `sync file`", f"{both}; sync -d file"))


if __name__ == "__main__":
    main()
