"""Wall time, processor time and peak memory of a command with everything that it starts.

A small Python starts the command, as a process begins with the peak of the one that starts it. Processor time is
user and system time of all processes: the kernel's count for a control group where one can be made, which misses
nobody; else of those that were waited for (getrusage(2)), which in namespaces are all that their first process
reaped. Where both are there they are compared. Memory is the largest of any one process.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys

START = """import json, os, resource, subprocess, sys, time
if sys.argv[1]: open(sys.argv[1], "w").write(str(os.getpid()))
begun = time.perf_counter()
code = subprocess.run(sys.argv[2:], stdout=sys.stderr).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
sys.exit(code)"""


@dataclasses.dataclass
class Used:
    """Seconds of a clock and of processors, MiB."""

    wall: float
    cpu: float
    peak: float


# The most seconds of a group that getrusage did not show; the Python that starts the command is among them.
unseen = 0.0


def version_2(group):
    fields = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6


def version_1(group):
    return int((group / "cpuacct.usage").read_text()) / 1e9


def new_group():
    """A control group, its file of processes, and who reads its time; nothing where none can be made."""
    for root, processes, read in [("", "cgroup.procs", version_2), ("cpuacct", "tasks", version_1)]:
        group = pathlib.Path("/sys/fs/cgroup", root, f"gabion-bench-{os.getpid()}")
        try:
            group.mkdir()
            read(group)
            return group, group / processes, read
        except (OSError, KeyError):
            if group.is_dir():
                group.rmdir()
    return None


def run(command, folder, variables, log):
    """Runs it once; its words go to the file `log`."""
    global unseen
    os.sync()
    group = new_group()
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": str(folder), **variables}
    arguments = [sys.executable, "-c", START, str(group[1]) if group else "", *command]
    with log.open("w") as words:
        done = subprocess.run(arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=words, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{log.read_text()[-3000:]}")
    used = Used(*json.loads(done.stdout))
    if group:
        seen, used.cpu = used.cpu, group[2](group[0])
        unseen = max(unseen, used.cpu - seen)
        group[0].rmdir()
    return used


def median(runs):
    """Of each figure; the peak is the highest."""
    middle = statistics.median
    return Used(middle(it.wall for it in runs), middle(it.cpu for it in runs), max(it.peak for it in runs))
