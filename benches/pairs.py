"""Runs two commands alternately and prints one line of a table for them.

Alternately, because other work on the machine then slows both sides alike. The fastest run is what the
program can do; the median is what it does here today; the ratio is the median of the ratios of pairs.
"""

import dataclasses
import os
import pathlib
import statistics
import subprocess
import time

RUNS = int(os.environ.get("RUNS", "10"))
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
GABION = REPOSITORY / "target/release/gabion"


@dataclasses.dataclass
class Run:
    """One side of a comparison: a command, its folder and variables, and what happens before each run."""

    name: str
    command: list
    folder: pathlib.Path
    variables: dict = dataclasses.field(default_factory=dict)
    before: object = None
    codes: tuple = (0,)

    def seconds(self):
        if self.before:
            self.before()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables}
        start = time.perf_counter()
        done = subprocess.run(self.command, cwd=self.folder, env=environment, capture_output=True, check=False)
        taken = time.perf_counter() - start
        if done.returncode not in self.codes:
            raise SystemExit(f"{self.name} ended with {done.returncode}: {done.stderr.decode()}")
        return taken


def figure(times):
    middle, low, high = statistics.median(times), min(times), max(times)
    unit, scale = ("ms", 1000) if middle < 2 else ("s", 1)
    digits = 0 if unit == "ms" and middle > 0.02 else 1
    return f"{middle * scale:.{digits}f} {unit} ({low * scale:.{digits}f}–{high * scale:.{digits}f})"


def heading():
    print("| What | Gabion: median (fastest–slowest) | Peer | Ratio | Target |\n|---|---|---|---|---|")


def compare(what, ours, peer=None, target=""):
    """Prints the line; gives the ratio, or nothing where there is no peer."""
    pairs = [(ours.seconds(), peer.seconds() if peer else None) for _ in range(RUNS)]
    line = [what, figure([ours for ours, _ in pairs]), "–", "–", target]
    ratio = None
    if peer:
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        line[2] = f"{peer.name}: {figure([theirs for _, theirs in pairs])}"
        line[3] = f"{ratio:.2f}"
    print("| " + " | ".join(line) + " |", flush=True)
    return ratio
