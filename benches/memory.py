"""Peak memory of every step that a 4 GiB file passes through; no step may hold more than 256 MiB.

The figure is the kernel's `ru_maxrss` (getrusage(2), KiB on Linux). A process begins with the figure of the one
that starts it, so a small Python does that, and not this one, which has made the file.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import origin
import pairs

SIZE = int(os.environ.get("BLOB_GIB", "4")) << 30
LIMIT_MIB = 256


MEASURE = """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)"""


def peak_mib(arguments, folder, variables):
    command = [sys.executable, "-c", MEASURE, pairs.GABION, *arguments.split()]
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"gabion {arguments} failed: {done.stderr}")
    return int(done.stdout) // 1024


STEPS = [
    ("lock, digest known", "lock", None),
    ("download and store", "build fetch.blob", None),
    ("assemble the bundle", "build bundle.all", None),
    ("key", "key new release --trust root.json", None),
    ("sign", "bundle sign out/all.gabion --key release", None),
    ("verify", "bundle verify out/all.gabion --trust root.json", None),
    ("verify, SHA-256 too", "bundle verify out/all.gabion --trust root.json --full", None),
    ("install", "host install out/all.gabion --root host --trust root.json", None),
    ("lock, digest unknown", "lock", "unpin"),
]


def unpin(folder):
    """Takes the digest out of the recipe and forgets the store, so that locking downloads."""
    recipe = folder / "gabion.toml"
    lines = recipe.read_text().splitlines(keepends=True)
    recipe.write_text("".join(line for line in lines if not line.startswith("sha256")))
    origin.forget(folder / "store")


def main():
    gib = SIZE >> 30
    worst = 0
    print(f"| Peak memory with a file of {gib} GiB | MiB | Target |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with origin.served(folder, SIZE) as (url, digest):
            variables = origin.project(folder / "p", url, digest)
            (folder / "p/host").mkdir()
            for what, arguments, change in STEPS:
                if change:
                    unpin(folder / "p")
                mib = peak_mib(arguments, folder / "p", variables)
                worst = max(worst, mib)
                print(f"| {what} | {mib} | {LIMIT_MIB} |", flush=True)
    if worst > LIMIT_MIB:
        raise SystemExit(f"{worst} MiB is more than {LIMIT_MIB}")


if __name__ == "__main__":
    main()
