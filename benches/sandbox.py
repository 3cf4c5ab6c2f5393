"""300 sandboxed runs of a static `true`: against bubblewrap, and against `nix-build` of 300 trivial derivations.

All three make namespaces, a root of their own and a new `/proc` for each run, one run after the other; Gabion
and Nix also filter system calls. `bwrap` is started 300 times by a shell. Nix also makes 300 outputs and
writes them into its database, which is not a sandbox's work; its figure says what a trivial step costs there.
It runs without a daemon, on a store in a temporary folder that is made anew for each run.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import nothing_to_do
import pairs

COUNT = 300
MANY = pairs.REPOSITORY / "target/release/examples/many"
NIX = """
builtins.genList (number: derivation {
  name = "step-${toString number}"; system = builtins.currentSystem; builder = "/bin/sh";
  args = [ "-c" ": > $out" ]; stamp = builtins.readFile ./stamp;
}) %d
"""


def steps(folder):
    """Derivations that no run before has seen."""
    count = 0

    def change():
        nonlocal count
        count += 1
        (folder / "stamp").write_text(str(count))

    folder.mkdir()
    (folder / "default.nix").write_text(NIX % COUNT)
    return change


def bubblewrap(folder):
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", str(folder / "bin"), "/bin", "--proc", "/proc",
             "--dev", "/dev", "--tmpfs", "/tmp", "--bind", str(folder / "out"), "/out", "--clearenv", "/bin/true"]
    script = f"for number in $(seq {COUNT}); do {' '.join(words)} || exit 1; done"
    return pairs.Run("bwrap", ["sh", "-c", script], folder)


def nix(folder, busybox):
    before = steps(folder / "nix-steps")
    words = ["nix-build", "--no-out-link", "--option", "build-users-group", "", "--option", "sandbox", "true",
             "--option", "sandbox-paths", f"/bin/sh={busybox}", "--option", "substituters", "", "-j1", "default.nix"]
    variables = nothing_to_do.nix_variables(folder)
    return pairs.Run("nix-build", words, folder / "nix-steps", variables, before)


def main():
    busybox = shutil.which("busybox")
    if not busybox:
        print("skipped: the sandbox (needs busybox-static)")
        return
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", "gabion-sandbox", "--example", "many"],
                   cwd=pairs.REPOSITORY, check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.makedirs(folder / "bin")
        os.makedirs(folder / "out")
        shutil.copy(busybox, folder / "bin/true")
        ours = pairs.Run("gabion", [MANY, str(COUNT), str(folder)], folder)
        if shutil.which("bwrap"):
            pairs.compare(f"{COUNT} runs of `true`", ours, bubblewrap(folder))
        if shutil.which("nix-build"):
            pairs.compare(f"{COUNT} trivial steps", ours, nix(folder, busybox), "0.5")


if __name__ == "__main__":
    main()
