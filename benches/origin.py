"""nginx on loopback, serving one large file whose bytes no compressor shortens and no hash has seen."""

import contextlib
import hashlib
import pathlib
import random
import shutil
import socket
import subprocess
import time

CONFIGURATION = """daemon off; pid {folder}/pid; error_log {folder}/error warn; worker_processes 1;
events {{}}
http {{
  access_log off; sendfile on; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t;
  fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


def write_blob(path, size):
    """Bytes from a seeded generator; gives their SHA-256."""
    generator, sha256 = random.Random(1), hashlib.sha256()
    with path.open("wb") as out:
        for left in range(size, 0, -(16 << 20)):
            piece = generator.randbytes(min(left, 16 << 20))
            sha256.update(piece)
            out.write(piece)
    return sha256.hexdigest()


@contextlib.contextmanager
def served(folder, size):
    """Gives the location and the SHA-256 of `blob`."""
    (folder / "www").mkdir(parents=True)
    (folder / "t").mkdir()
    digest = write_blob(folder / "www/blob", size)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    # A master that is root would drop to a user who may not enter a private folder.
    command = [program, "-g", "user root;", "-c", str(folder / "nginx.conf")]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/blob", digest
    finally:
        server.terminate()
        server.wait()


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit("nginx does not answer")


def project(folder, url, digest):
    """A bundle of the one file; its digest stands in the recipe, so that locking downloads nothing."""
    folder.mkdir()
    (folder / "config.toml").touch()
    (folder / "gabion.toml").write_text(
        '[project]\nname = "blob"\nedition = "2026"\ndefault = "fetch.blob"\n'
        f'[fetch.blob]\nurl = "{url}"\nsha256 = "{digest}"\n[bundle.all]\nbase = ["fetch.blob"]\n'
    )
    return {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml")}


def forget(path):
    if pathlib.Path(path).is_dir():
        shutil.rmtree(path)
