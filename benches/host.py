"""A host: its disk written, against `zstd -dc | dd`; a bundle checked, against b3sum; a bundle applied that is in force already.

- The disk is a hardened Debian 12 with the partitions that a host has; both sides write it into an empty file as large as a
  VPS's disk, with holes where there are zeros, and end when it is synced. What Gabion does more is timed apart: it checks
  each piece before it is used and hashes it, reads everything back, lets `data` grow and lays the bundle into the system.
- Applied twice: into a folder that is a host's `/`, with the stand-ins of `tests/testkit` for K3s and systemd. Of the second
  time: the clock, the time of the program itself without the stand-ins', and every call that makes or changes anything
  below that folder, as strace(1) saw it.

RUNS pairs (3 unless given). Needs root and loop devices.
"""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import disk
import measure
import origin
import pairs

RUNS = int(os.environ.get("RUNS", "3"))
STAND_INS = pairs.REPOSITORY / "tests/testkit/stand-ins"
SIZE = 40 << 30
# Calls that change a file system (open(2) only with these words).
CHANGES = re.compile(r"^\d+ +(?:(?:p?write(?:v2?|64)?|fallocate|ftruncate|fchmod|fchown|fsetxattr|sendfile|copy_file_range)\(\d+<(?P<fd>[^>]*)>"
                     r"|(?:rename|link|symlink|mkdir|mknod|unlink|chmod|chown|utimens|truncate)\w*\([^\n]*|open(?:at)?\([^\n]*O_(?:CREAT|WRONLY|RDWR|TRUNC)[^\n]*)")


def built(folder, config):
    """The compressed disk, and its bytes when it is not compressed."""
    project = disk.Project(folder, config)
    variables = {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml"), "TMPDIR": str(folder / "tmp")}
    image = folder / "vps.img.zst"
    measure.run([pairs.GABION, "lock"], folder, variables, project.log)
    measure.run([pairs.GABION, "build", "disk.vps", "--locked", "-o", str(image)], folder, variables, project.log)
    listed = subprocess.run(["zstd", "-lv", image], capture_output=True, text=True, check=True).stdout
    return image, int(re.search(r"Decompressed Size:.*\((\d+) B\)", listed)[1])


def emptied(path):
    path.unlink(missing_ok=True)
    with path.open("wb") as out:
        out.truncate(SIZE)


def installed(folder, program, bundle):
    """Seconds until the disk is written and synced, and until all is done; MiB at most."""
    target = folder / "target"
    emptied(target)
    os.sync()
    command = [program, "install", bundle, "--disk", target, "--erase", f"target:{SIZE}", "--trust", folder / "root.json",
               "--address", "192.0.2.7/24", "--gateway", "192.0.2.1"]
    begun = time.perf_counter()
    running = subprocess.Popen(["/usr/bin/env", "python3", "-c", measure.START, "", *command], stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    written, words = None, []
    for line in running.stderr:
        words.append(line)
        if written is None and "read back" in line and " of " in line and "MiB" in line:
            written = time.perf_counter() - begun
    all_of_it = time.perf_counter() - begun
    out = running.stdout.read()
    if running.wait() != 0 or written is None:
        raise SystemExit("".join(words) + out)
    peak = float(out.strip().splitlines()[-1].strip("[]").split(",")[2])
    return written, all_of_it, peak


def piped(folder, image):
    target = folder / "target"
    emptied(target)
    os.sync()
    begun = time.perf_counter()
    command = f"zstd -q -dc {image} | dd of={target} bs=4M iflag=fullblock conv=sparse,notrunc,fsync status=none"
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)
    return time.perf_counter() - begun


def streaming(folder, program, bundle, image):
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(installed(folder, program, bundle))
        theirs.append(piped(folder, image))
    written, whole, peaks = zip(*ours)
    ratio = statistics.median(a / b for a, b in zip(written, theirs))
    print(f"| disk written and synced | {pairs.figure(written)} | `zstd -dc \\| dd`: {pairs.figure(theirs)} | {ratio:.2f} | 1.2 |")
    print(f"| of the installation, with what was read back | {pairs.figure(whole)} | – | – |  |")
    print(f"| peak memory | {max(peaks):.0f} MiB | – | – | 256 MiB |")


def changes(trace, root):
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        call = CHANGES.match(line)
        if call and str(root) in (call["fd"] or line) and "= -1 " not in line and "stand-in/" not in line:
            found.append(line)
    return found


def applied(folder, program, bundle):
    root = folder / "root"
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(STAND_INS / "systemctl", root / "usr/bin/systemctl")
    command = [program, "apply", bundle, "--root", root, "--trust", folder / "root.json"]
    log = folder / "apply.log"
    # The first bundle of a host has no way back, so it waits for nobody to confirm it.
    trace = folder / "trace"
    traced = ["strace", "-f", "-y", "-s", "200", "-e", "trace=%file,%desc", "-o", trace, *command]
    measure.run(traced, folder, {}, log)
    if not changes(trace, root):
        raise SystemExit("a bundle was applied, and nothing was seen to change")
    measure.run(traced, folder, {}, log)
    found = changes(trace, root)
    runs = [measure.run(command, folder, {}, log) for _ in range(max(RUNS, 5))]
    times = [it.wall for it in runs]
    print(f"| a bundle in force applied again | {pairs.figure(times)} | – | – | 1 s |")
    print(f"| of it, what was changed below its root | {len(found)} calls | – | – | 0 |")
    print("".join(f"\n{line}" for line in found[:10]))


def checked(folder):
    """A bundle of 1 GiB: opened and verified, against one hash of the same file."""
    with origin.served(folder / "origin", 1 << 30) as (url, sha256):
        (folder / "gabion.toml").write_text(
            f"[project]\nname = 'big'\nedition = '2026'\n[fetch.blob]\nurl = '{url}'\nsha256 = '{sha256}'\n"
            "[bundle.all]\nbase = ['fetch.blob']\n")
        variables = {"GABION_STORE": str(folder / "store")}
        for words in ("lock", "build bundle.all", "key new release --no-passphrase --trust root.json",
                      "bundle sign out/all.gabion --key release"):
            measure.run([pairs.GABION, *words.split()], folder, variables, folder / "log")
    ours = pairs.Run("gabion", [pairs.GABION, "bundle", "verify", "out/all.gabion", "--trust", "root.json"], folder, variables)
    b3sum = shutil.which("b3sum") or pairs.REPOSITORY / "target/tools/bin/b3sum"
    theirs = pairs.Run("b3sum", [b3sum, folder / "out/all.gabion"], folder)
    pairs.compare("1 GiB bundle opened and verified", ours, theirs, "2.5 s")


def main():
    config = disk.mirrors()
    missing = [it for it in ("zstd", "dd", "strace", "losetup") if not shutil.which(it, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if not config or missing or os.geteuid() != 0:
        print(f"skipped: hosts (needs root, apt configured for Debian 12; missing: {' '.join(missing) or 'nothing'})")
        return
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--example", "host_bundle"], cwd=pairs.REPOSITORY, check=True)
    program = subprocess.run([pairs.REPOSITORY / "host/installer/build"], capture_output=True, text=True, check=True).stdout.strip()
    print("| A host | Gabion: median (fastest–slowest) | Peer | Ratio | Target |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        checked(pathlib.Path(name))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image, size = built(folder, config)
        bundle = folder / "one.gabion"
        example = pairs.REPOSITORY / "target/release/examples/host_bundle"
        subprocess.run([example, bundle, program, image, str(size), *(f"program-{it}" for it in range(100))], check=True)
        streaming(folder, program, bundle, image)
        applied(folder, program, bundle)


if __name__ == "__main__":
    main()
