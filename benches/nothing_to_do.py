"""Nothing to do, and what to do after one change: against `nix-instantiate` on an equivalent graph.

Both sides read their language, build the graph of 10 000 nodes and compute the name of the target. Gabion's
`build` then looks the target up in its store and checks the written bundle, and its `plan` looks up every
node; Nix stops before: whether anything must be built is `nix-build`'s further work, which is not counted
here. Nix runs without daemon, sandbox or network on a store in a temporary folder that holds every
derivation already; after a change it writes the derivations that are new, which is its only way to plan.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pairs
import synthetic


def nix_variables(folder):
    return {
        "NIX_STORE_DIR": str(folder / "nix/store"),
        "NIX_STATE_DIR": str(folder / "nix/var"),
        "NIX_LOG_DIR": str(folder / "nix/log"),
        "NIX_REMOTE": "",
        "NIX_CONF_DIR": str(folder / "nix/conf"),
    }


def edit(file):
    """A change that no run before has seen, so that no derivation or record of it is there."""
    count = 0

    def change():
        nonlocal count
        count += 1
        file.write_text(synthetic.document(0, f"stone{count}"))

    return change


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gabion_only = {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml")}
        (folder / "config.toml").touch()
        demo = folder / "demo"
        subprocess.run([pairs.GABION, "demo", demo], env={"PATH": os.environ["PATH"], **gabion_only},
                       capture_output=True, check=True)
        synthetic.gabion(folder / "g", 10_000)
        synthetic.nix(folder / "n", 10_000)
        build = [pairs.GABION, "build", "--frozen"]
        plan = [pairs.GABION, "plan", "--frozen"]
        ours = pairs.Run("gabion", build, folder / "g", gabion_only)
        ours.seconds()
        peer = None
        if shutil.which("nix-instantiate"):
            instantiate = ["nix-instantiate", "--option", "build-users-group", "", "default.nix"]
            peer = pairs.Run("nix-instantiate", instantiate, folder / "n", nix_variables(folder))
            peer.seconds()
        pairs.compare("no-op `build platform`", pairs.Run("gabion", [*build, "platform"], demo, gabion_only),
                      target="20 ms")
        pairs.compare("no-op, 10 000 nodes", ours, peer, "60 ms, 0.5")
        first, second = folder / "g/k8s/f0.yaml", folder / "n/k8s/f0.yaml"
        changed = pairs.Run("gabion", plan, folder / "g", gabion_only, edit(first))
        if peer:
            peer.before = edit(second)
        pairs.compare("first plan after a change at the bottom", changed, peer, "150 ms, 0.5")


if __name__ == "__main__":
    main()
