"""Many images of a registry on loopback that share their base: against `skopeo copy` of all of them at once.

Debian's registry serves them. Gabion fetches what is locked, checks every digest, syncs it into its store and writes the
bundle; skopeo copies each image into a layout of its own with one folder of blobs for all, which is its way to keep a
blob once. How often each side asked for a blob is counted in the registry's log.
"""

import collections
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import tempfile
import time

import memory
import origin
import pairs

IMAGES = int(os.environ.get("IMAGES", "50"))
BASE, OWN = 24 << 20, 2 << 20
JOBS = 8
OCI = "application/vnd.oci.image"


def blob(layout, content):
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(content)
    return digest


def layout(folder):
    """Images in one layout: a base of all, and a layer of each. The layers are no archives, which nobody reads here."""
    (folder / "blobs/sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    generator = random.Random(1)

    def named(kind, digest, size, **more):
        return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": size, **more}

    base = blob(folder, generator.randbytes(BASE))
    entries = []
    for number in range(IMAGES):
        own = blob(folder, generator.randbytes(OWN))
        ids = [f"sha256:{base}", f"sha256:{own}"]
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}}).encode()
        layers = [named("layer.v1.tar", base, BASE), named("layer.v1.tar", own, OWN)]
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
            "config": named("config.v1+json", blob(folder, config), len(config)), "layers": layers,
        }).encode()
        entries.append(named("manifest.v1+json", blob(folder, manifest), len(manifest),
                             annotations={"org.opencontainers.image.ref.name": f"v{number}"}))
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


@contextlib.contextmanager
def registry(folder):
    """Gives host and port, and the log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "registry.yml").write_text(
        f"version: 0.1\nlog: {{accesslog: {{disabled: false}}, level: error}}\n"
        f"storage:\n  filesystem: {{rootdirectory: '{folder}/registry'}}\nhttp: {{addr: '{host}'}}\n")
    log = folder / "registry.log"
    with log.open("wb") as out:
        server = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdout=out, stderr=out)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(host.rsplit(":", 1)):
                break
            time.sleep(0.05)
        yield host, log
    finally:
        server.terminate()
        server.wait()


def asked(log, begin):
    """How often each blob was asked for since the log had so many bytes."""
    text = log.read_bytes()[begin:].decode(errors="replace")
    return collections.Counter(re.findall(r'"GET \S+/blobs/(sha256:\w+) ', text))


def project(folder, host):
    folder.mkdir()
    names = [f"i{number}" for number in range(IMAGES)]
    images = "".join(f'[image.{name}]\nref = "{host}/bench/{name}"\ntag = "v1"\n' for name in names)
    base = ", ".join(f'"image.{name}"' for name in names)
    (folder / "gabion.toml").write_text(
        f'[project]\nname = "pull"\nedition = "2026"\ndefault = "bundle.all"\n{images}[bundle.all]\nbase = [{base}]\n')
    (folder / "config.toml").write_text(f'jobs = {JOBS}\n[mirror]\n"https://{host}" = "http://{host}"\n')
    return {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml")}


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        layout(folder / "layout")
        with registry(folder) as (host, log):
            push = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]
            for number in range(IMAGES):
                subprocess.run([*push, f"oci:{folder}/layout:v{number}", f"docker://{host}/bench/i{number}:v1"], check=True)
            variables = project(folder / "p", host)
            environment = {"PATH": os.environ["PATH"], "HOME": name, **variables}
            begun = time.perf_counter()
            subprocess.run([pairs.GABION, "lock"], cwd=folder / "p", env=environment, check=True, capture_output=True)
            print(f"lock of {IMAGES} images, with whatever hangs on them: {time.perf_counter() - begun:.2f} s", flush=True)
            counts, begins = {"gabion": [], "skopeo": []}, {}

            def before(side):
                def forget():
                    for path in [folder / "p/store", folder / "p/out", folder / "copies"]:
                        origin.forget(path)
                    settle()
                    (folder / "copies").mkdir()
                    begins["now"] = (side, log.stat().st_size)
                return forget

            def settle():
                if "now" in begins:
                    side, begin = begins.pop("now")
                    counts[side].append(asked(log, begin))

            build = [pairs.GABION, "build"]
            ours = pairs.Run("gabion", build, folder / "p", variables, before=before("gabion"))
            copy = "skopeo copy --quiet --preserve-digests --src-tls-verify=false --dest-shared-blob-dir blobs"
            script = f"seq 0 {IMAGES - 1} | xargs -P {JOBS} -I N {copy} docker://{host}/bench/iN:v1 oci:iN:v1"
            peer = pairs.Run(f"{JOBS} times `skopeo copy`", ["bash", "-c", f"set -euo pipefail; {script}"],
                             folder / "copies", before=before("skopeo"))
            ratio = pairs.compare(f"pull {IMAGES} images, and write the bundle", ours, peer, "1.0")
            settle()
            again = pairs.Run("gabion", build, folder / "p", variables, before=lambda: origin.forget(folder / "p/out"))
            again.before()
            again.seconds()
            pairs.compare("of it, the bundle alone", again)
            origin.forget(folder / "p/store")
            origin.forget(folder / "p/out")
            print(f"peak memory: {memory.peak_mib('build', folder / 'p', variables)} MiB")
            for side, runs in counts.items():
                blobs, most = len(runs[-1]), max(max(run.values()) for run in runs)
                requests = sorted(sum(run.values()) for run in runs)[len(runs) // 2]
                print(f"{side}: {blobs} blobs, {requests} requests, {most} at most for one blob")
            print(f"ratio {ratio:.2f}")
            expected = 2 * IMAGES + 1
            if any(len(run) != expected or max(run.values()) > 1 for run in counts["gabion"]):
                raise SystemExit(f"gabion did not ask for each of the {expected} blobs once")


if __name__ == "__main__":
    main()
