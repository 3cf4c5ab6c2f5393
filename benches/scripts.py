"""300 trivial scripts through a whole build: `gabion build` of 300 `run` nodes, against `nix-build` of 300 derivations.

Both read their language, know that none of it was done before, run each script by a static busybox, hash what it left
and remember it. Once as they do it by default, in a sandbox, and once without. One after the other (`-j 1`). Gabion's
figures have in them that the bundle of the 300 results is written, and that the root is laid out once.

The root is a Debian package of this machine's busybox, in a signed archive on loopback that is made for it.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import nothing_to_do
import pairs
import sandbox

COUNT = sandbox.COUNT
CONTROL = "Package: busybox\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.net>\nDescription: x\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of each request."""

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def archive(folder, busybox):
    """A suite with one package; gives the archive's public key."""
    package = folder / "package"
    for name in ["DEBIAN", "usr/bin"]:
        os.makedirs(package / name)
    (package / "DEBIAN/control").write_text(CONTROL)
    shutil.copy(busybox, package / "usr/bin/busybox")
    (package / "usr/bin/sh").symlink_to("busybox")
    os.makedirs(folder / "www/dists/s/main/binary-amd64")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", package, folder / "www/it.deb"], check=True,
                   capture_output=True)
    bytes_ = (folder / "www/it.deb").read_bytes()
    sum_ = hashlib.sha256(bytes_).hexdigest()
    index = gzip.compress(f"{CONTROL}Filename: it.deb\nSize: {len(bytes_)}\nSHA256: {sum_}\n\n".encode(), mtime=0)
    (folder / "www/dists/s/main/binary-amd64/Packages.gz").write_bytes(index)
    (folder / "Release").write_text(
        "Suite: s\nCodename: s\nDate: Mon, 16 Nov 2026 00:00:00 UTC\nArchitectures: amd64\nComponents: main\nSHA256:\n"
        f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages.gz\n")
    return signed(folder)


def signed(folder):
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-gen-key", "bench", "ed25519", "sign", "never"], check=True, capture_output=True)
    subprocess.run([*gpg, "--clearsign", "-o", folder / "www/dists/s/InRelease", folder / "Release"], check=True)
    key = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return key


def project(folder, location, key):
    """Scripts that no run before has seen; gives what writes them."""
    folder.mkdir()
    (folder / "keys.asc").write_bytes(key)
    count = 0

    def change():
        nonlocal count
        count += 1
        nodes = [f"[run.n{number}]\nroot = 'rootfs.tools'\nscript = ': {count} {number}; : > $out/x'\n"
                 for number in range(COUNT)]
        names = ", ".join(f"'run.n{number}'" for number in range(COUNT))
        (folder / "gabion.toml").write_text(
            "[project]\nname = 'scripts'\nedition = '2026'\ndefault = 'bundle.all'\n"
            f"[apt.tools]\narchive = '{location}'\nsuites = ['s']\ncomponents = ['main']\nkeyring = 'keys.asc'\n"
            "essential = false\ninstall = ['busybox']\n[rootfs.tools]\npackages = ['apt.tools']\n"
            f"[bundle.all]\nbase = [{names}]\n" + "".join(nodes))

    change()
    return change


def nix(folder, busybox, walls):
    # A store of its own: the derivations are the same with and without walls.
    store = folder / f"nix-store-{walls}"
    before = sandbox.steps(folder / f"nix-{walls}")
    words = ["nix-build", "--no-out-link", "--option", "build-users-group", "", "--option", "sandbox", walls,
             "--option", "substituters", "", "-j1", "default.nix"]
    if walls == "true":
        words[1:1] = ["--option", "sandbox-paths", f"/bin/sh={busybox}"]
    return pairs.Run("nix-build", words, folder / f"nix-{walls}", nothing_to_do.nix_variables(store), before)


def main():
    busybox = shutil.which("busybox")
    if not busybox or not shutil.which("dpkg-deb") or not shutil.which("gpg"):
        print("skipped: scripts (needs busybox-static, dpkg and gpg)")
        return
    with tempfile.TemporaryDirectory() as name, served(pathlib.Path(name) / "www") as location:
        folder = pathlib.Path(name)
        key = archive(folder, busybox)
        change = project(folder / "g", location, key)
        (folder / "config.toml").touch()
        own = {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml")}
        build = [pairs.GABION, "build", "-j", "1"]
        # What is not measured: the lock and the root.
        pairs.Run("gabion", [*build, "rootfs.tools"], folder / "g", own).seconds()
        has_nix = shutil.which("nix-build")
        for what, option, walls, target in [
            (f"{COUNT} trivial scripts", "require", "true", "10 ms each"),
            (f"{COUNT} trivial scripts, no sandbox", "off", "false", "0.3"),
        ]:
            ours = pairs.Run("gabion", [*build, f"--sandbox={option}"], folder / "g", own, change)
            pairs.compare(what, ours, nix(folder, busybox, walls) if has_nix else None, target)


if __name__ == "__main__":
    main()
