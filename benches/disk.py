"""A disk of a hardened server: against mmdebstrap, and against apt where both only resolve.

Both sides have the same seeds, the same .debs of one lock on the same disk, and no network while time is taken.

- Gabion, cold: a store with nothing but the .debs, to the finished disk in the store (qcow2): checks and unpacks,
  configures in two stages in sandboxes, one initramfs, two GRUB images, settings, A/B partitions, ext4, digests.
- mmdebstrap: as root, `minbase`, from a `file:` archive of these .debs, into a folder; then `mke2fs -d` and
  `qemu-img convert` of one bare file system. It makes no partitions, no boot loader and no settings and hashes
  nothing, so its side is the smaller job.
- One package anew: a copy of `zstd` with another version, made by dpkg-deb, stands in the lock in place of the old
  one. mmdebstrap knows no smaller job than all of it: its figure is that of its cold run.

The line of resolving is from Packages to a closure, on both sides for an empty system.

RUNS pairs (3 unless given). mkosi is not compared: that of Debian 12 (14) makes its base by debootstrap from an archive of
files too, but its apt then asks the same archive for the suites of updates, signed, which a lock's .debs are not.
"""

import functools
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import archive
import measure
import pairs

RUNS = int(os.environ.get("RUNS", "3"))
RESOLVE = pairs.REPOSITORY / "target/release/examples/resolve"
HOOKS = pathlib.Path("/usr/share/mmdebstrap/hooks")
SEEDS = """systemd-sysv libpam-systemd dbus udev initramfs-tools linux-image-cloud-amd64 openssh-server ufw fail2ban
python3-systemd iptables unattended-upgrades sudo grub-pc-bin grub-efi-amd64-bin grub-common grub2-common e2fsprogs fdisk
chrony ca-certificates apparmor auditd qemu-guest-agent zstd kmod iproute2 netbase curl tzdata systemd-resolved apt
ipset""".split()
EXCLUDED = "usrmerge"
RECIPE = f"""[project]
name = 'p'
edition = '2026'
default = 'disk.vps'
[apt.vps]
origin = 'debian:bookworm'
exclude = ['{EXCLUDED}']
install = {SEEDS}
[rootfs.vps]
packages = ['apt.vps']
users.ops = {{ groups = ['sudo'], sudo = true, ssh-keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f'] }}
ssh = {{ }}
firewall = {{ allow = ['22/tcp limit'] }}
fail2ban.sshd = {{ maxretry = 5, bantime = '1h' }}
updates = {{ mode = 'bundle' }}
[disk.vps]
rootfs = 'rootfs.vps'
"""
# Debian's origin as Gabion knows it: where the archive of each first suite lies.
ORIGIN = (pathlib.Path(__file__).parent.parent / "formats/apt/src/origin.rs").read_text().split('"debian:bookworm"')[1]
ARCHIVES = {suite: url for url, suite in re.findall(r'\burl: "([^"]+)".*?suites: &\["([^"]+)"', ORIGIN, re.S)}


def targets(words):
    """What apt's own configuration says of its indexes, one line for each."""
    asked = ["apt-get", "indextargets", "--format", words, "Created-By: Packages"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()


def mirrors():
    """Where this machine has Debian 12 from, as Gabion's configuration; nothing where it has not."""
    known = dict(line.split(" ") for line in reversed(targets("$(CODENAME) $(REPO_URI)")))
    if not ARCHIVES.keys() <= known.keys():
        return None
    lines = [f'"{url}" = "{known[suite].rstrip("/")}"\n' for suite, url in ARCHIVES.items()]
    return "[mirror]\n" + "".join(lines)


class Project:
    """A recipe, its lock, and copies of its store as they are at several points."""

    def __init__(self, folder, config):
        self.folder, self.log = folder, folder / "log"
        (folder / "tmp").mkdir()
        (folder / "gabion.toml").write_text(RECIPE)
        (folder / "config.toml").write_text(config)
        self.lock = folder / "locks/apt.vps.lock"

    def build(self, target, flag="--frozen"):
        variables = {"GABION_STORE": str(self.folder / "store"), "GABION_CONFIG": str(self.folder / "config.toml"),
                     "TMPDIR": str(self.folder / "tmp")}
        return measure.run([pairs.GABION, "build", target, flag], self.folder, variables, self.log)

    def save(self, name):
        shutil.copytree(self.folder / "store", self.folder / name)

    def at(self, name):
        shutil.rmtree(self.folder / "store")
        shutil.copytree(self.folder / name, self.folder / "store")

    def from_state(self, name, change=None):
        self.at(name)
        if change:
            change()
        return self.build("disk.vps")


def bump(project):
    """Puts `zstd` into the lock with another version, and its .deb into the store."""
    folder = project.folder / "bumped"
    folder.mkdir()
    line = next(line for line in project.lock.read_text().splitlines() if line.startswith("zstd "))
    name, version, arch, _size, digest, path, *rest = line.split()
    old = archive.blob(project.folder / "store", digest.removeprefix("sha256:"))
    subprocess.run(["dpkg-deb", "--raw-extract", old, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {version}", f"Version: {version}+bench1"))
    path = folder / "served" / path.replace(".deb", "+bench1.deb")
    path.parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", folder / "tree", path], check=True,
                   capture_output=True)
    words = [name, f"{version}+bench1", arch, str(path.stat().st_size), f"sha256:{archive.sha256(path)}",
             str(path.relative_to(folder / "served")), *rest]
    project.lock.write_text(project.lock.read_text().replace(line, " ".join(words)))
    with served(folder / "served") as url:
        config = project.folder / "config.toml"
        there = config.read_text()
        config.write_text("[mirror]\n" + "".join(f'"{it}" = "{url}"\n' for it in ARCHIVES.values()))
        project.build("apt.vps", "--locked")
        config.write_text(there)


class served:
    """A folder on loopback."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def mmdebstrap(folder, source):
    """From the archive to one file system in qcow2, in a folder that is made anew."""
    hooks = [f"--hook-dir={HOOKS / name}" for name in ("file-mirror-automount", "merged-usr")]
    words = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(SEEDS)}", *hooks, archive.SUITE,
             "root", f"'{source}'"]
    script = f"{' '.join(words)} && mke2fs -q -t ext4 -d root root.img 3G && qemu-img convert -O qcow2 root.img disk.qcow2"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    used = measure.run(["sh", "-c", script], folder, {"TMPDIR": str(folder / "tmp")}, folder / "log")
    status = (folder / "root/var/lib/dpkg/status").read_text()
    return used, set(re.findall("^Package: (.*)$", status, re.MULTILINE))


def line(what, ours, theirs=None, target="", name="mmdebstrap"):
    said = [f"{it.wall:.1f} s, {it.cpu:.1f} s, {it.peak:.0f} MiB" if it else "–" for it in (ours, theirs)]
    ratio = f"{ours.wall / theirs.wall:.2f} wall, {ours.cpu / theirs.cpu:.2f} CPU" if theirs else "–"
    peer = f"{name}: {said[1]}" if theirs else "–"
    print(f"| {what} | {said[0]} | {peer} | {ratio} | {target} |", flush=True)


def disks(folder, config):
    (folder / "g").mkdir()
    project = Project(folder / "g", config)
    project.build("apt.vps", "--progress=none")
    project.save("debs")
    source = archive.write(folder / "archive", project.lock, project.folder / "debs")
    cold, peer = [], []
    for _ in range(RUNS):
        cold.append(project.from_state("debs"))
        used, installed = mmdebstrap(folder / "m", source)
        peer.append(used)
        if installed != {name for name, *_ in archive.debs(project.lock)}:
            raise SystemExit("mmdebstrap installed other packages than the lock has")
    cold, peer = measure.median(cold), measure.median(peer)
    line("cold, .debs to disk", cold, peer, "0.4 wall, 0.65 CPU, 512 MiB")
    # The store has the whole disk now; below, what of it stays valid is what the change leaves.
    project.save("built")
    recipe = project.folder / "gabion.toml"
    text = recipe.read_text()

    def harden():
        recipe.write_text(text.replace("bantime = '1h'", "bantime = '2h'"))

    line("another setting", measure.median([project.from_state("built", harden) for _ in range(RUNS)]), target="8 s wall")
    recipe.write_text(text)
    project.at("debs")
    project.build("rootfs.vps")
    project.save("warm")
    line("configured, no disk yet", measure.median([project.from_state("warm") for _ in range(RUNS)]), target="5 s wall")
    project.at("built")
    line("no-op", measure.median([project.build("disk.vps") for _ in range(RUNS)]), target="0.0 s")
    bump(project)
    project.save("bumped-store")
    bumped = measure.median([project.from_state("bumped-store") for _ in range(RUNS)])
    line("one package anew", bumped, peer, "0.35 CPU")
    print(f"\nprocessor time that getrusage missed: {measure.unseen:.2f} s at most")


def resolving(folder):
    """All indexes that apt has of the three suites, not compressed; apt reads the same, without its cache."""
    suites = {"bookworm", "bookworm-updates", "bookworm-security"}
    found = [line.split(" ", 1)[1] for line in targets("$(CODENAME) $(FILENAME)") if line.split(" ")[0] in suites]
    if len(found) < 3 or not all(os.path.exists(it) for it in found):
        print("skipped: resolving (needs apt's lists of Debian 12: apt-get update)")
        return
    indexes = []
    for number, file in enumerate(found):
        index = folder / f"Packages{number}"
        with index.open("wb") as out:
            subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], stdout=out, check=True)
        indexes.append(index)
    ours = [RESOLVE, ",".join(SEEDS), EXCLUDED, *indexes]
    theirs = ["apt-get", "install", "--simulate", "--no-install-recommends", "-oDir::State::status=/dev/null",
              "-oDir::Cache::pkgcache=", "-oDir::Cache::srcpkgcache=", *SEEDS]
    runs = [(measure.run(ours, folder, {}, folder / "ours"), measure.run(theirs, folder, {}, folder / "log"))
            for _ in range(RUNS)]
    line("three suites read and resolved", *[measure.median(side) for side in zip(*runs)], target="0.3 s wall",
         name="apt-get --simulate")
    print("\n" + (folder / "ours").read_text().strip())


def main():
    config = mirrors()
    missing = [name for name in ("mmdebstrap", "mke2fs", "qemu-img", "dpkg-deb") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if not config or missing:
        print(f"skipped: disks (needs apt configured for Debian 12; missing: {' '.join(missing) or 'nothing'})")
        return
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", "gabion-apt", "--example", "resolve"],
                   cwd=pairs.REPOSITORY, check=True)
    print("| What | Gabion: wall, CPU, peak | Peer | Ratio | Target |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        disks(pathlib.Path(name), config)
    with tempfile.TemporaryDirectory() as name:
        resolving(pathlib.Path(name))
    print("skipped: mkosi (that of Debian 12 asks its archive for signed suites of updates too: no equal run of the same .debs)")


if __name__ == "__main__":
    main()
