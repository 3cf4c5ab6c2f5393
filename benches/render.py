"""A chart of 106 documents and 700 kB, rendered in process: against the real Helm as a library.

Helm's side is its own packages in the order of `helm template`, timed inside its process: values, templates, taking apart and
sorting; ours does the same and, traced, notes the origin of each byte. Reading the chart is told apart. Median of RUNS
(20 unless given) after a warm-up.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import pairs

RUNS = int(os.environ.get("RUNS", "20"))
HELM = pairs.REPOSITORY / "formats/helm/tests/helm/build"


def ours(chart, mode):
    program = pairs.REPOSITORY / "target/release/examples/render"
    out = subprocess.run([program, chart, str(RUNS + 1), mode], check=True, capture_output=True, text=True).stdout
    return {key: [it / 1e6 for it in times[1:]] for key, times in json.loads(out).items()}


def theirs(program, files):
    question = {
        "op": "time", "runs": RUNS + 1, "chart": {"files": files}, "values": [""], "kube_version": "v1.33.4+k3s1",
        "release": {"name": "kps", "namespace": "monitoring"},
    }
    out = subprocess.run([program], input=json.dumps(question) + "\n", check=True, capture_output=True, text=True).stdout
    laps = json.loads(out)["ok"]
    rendered = [sum(it) / 1e6 for it in zip(laps["values"], laps["render"], laps["sort"])]
    return {"load": [it / 1e6 for it in laps["load"][1:]], "render": rendered[1:]}


def main():
    built = subprocess.run([HELM, pairs.REPOSITORY / "target/helm-peer"], capture_output=True, text=True)
    if built.returncode:
        print("skipped: render (the real Helm needs Go 1.26 and a module proxy)")
        return
    for package, example in (("gabion-helm", "render"), ("gabion-testkit", "operator_chart")):
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", package, "--example", example],
                       cwd=pairs.REPOSITORY, check=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([pairs.REPOSITORY / "target/release/examples/operator_chart", folder], check=True)
        root = pathlib.Path(folder)
        files = {str(it.relative_to(root)): it.read_text() for it in root.rglob("*") if it.is_file()}
        helm = theirs(built.stdout.strip(), files)
        print("| rendering 106 documents | gabion | Helm 4.3.1 | ratio |")
        print("|---|---|---|---|")
        for mode in ("traced", "untraced"):
            own = ours(folder, mode)
            for what in ("load", "render"):
                a, b = statistics.median(own[what]), statistics.median(helm[what])
                print(f"| {what}, {mode} | {a:.1f} ms (fastest {min(own[what]):.1f}) | {b:.1f} ms (fastest {min(helm[what]):.1f}) "
                      f"| {a / b:.2f} |")


if __name__ == "__main__":
    main()
