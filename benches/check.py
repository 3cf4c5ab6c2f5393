"""Checking what is there: the demo's platform once more, and 500 objects of one bundle against their schemas."""

import os
import pathlib
import subprocess
import tempfile

import pairs

OBJECTS = 500
ONE = """---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{number}, namespace: web}}
spec:
  selector: {{matchLabels: {{app: web{number}}}}}
  template:
    metadata: {{labels: {{app: web{number}}}}}
    spec:
      containers:
        - name: web
          image: registry.invalid/acme/web:v1
          ports: [{{name: http, containerPort: 8000}}]
          env: [{{name: A, value: a}}, {{name: B, value: b}}]
          resources: {{requests: {{cpu: 1m, memory: 1Mi}}, limits: {{memory: 1Mi}}}}
          readinessProbe: {{httpGet: {{path: /ready, port: http}}}}
          livenessProbe: {{httpGet: {{path: /healthz, port: http}}}}
"""
PROJECT = """[project]
name = "many"
edition = "2026"
default = "bundle.many"
[manifests.web]
files = ["web.yaml"]
images = { exclude = { "*" = "there is no such registry" } }
[bundle.many]
deploy = ["manifests.web"]
"""


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gabion_only = {"GABION_STORE": str(folder / "store"), "GABION_CONFIG": str(folder / "config.toml")}
        (folder / "config.toml").touch()
        environment = {"PATH": os.environ["PATH"], **gabion_only}
        demo, many = folder / "demo", folder / "many"
        subprocess.run([pairs.GABION, "demo", demo], env=environment, capture_output=True, check=True)
        many.mkdir()
        (many / "gabion.toml").write_text(PROJECT)
        (many / "web.yaml").write_text("".join(ONE.format(number=number) for number in range(OBJECTS)))
        check = [pairs.GABION, "check", "--frozen"]
        subprocess.run([pairs.GABION, "lock"], cwd=many, env=environment, capture_output=True, check=True)
        pairs.compare("`check` of the demo, warm", pairs.Run("gabion", check, demo, gabion_only), target="2 s")
        pairs.compare(f"`check` of {OBJECTS} objects", pairs.Run("gabion", check, many, gabion_only), target="500 ms")


if __name__ == "__main__":
    main()
