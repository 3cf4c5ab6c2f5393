"""The same graph twice: a Gabion project and a Nix expression.

Layers of nodes; each node names one local file and needs two nodes of the layer below, so that a change
at the bottom reaches almost everything above it. `top` needs the whole last layer.

    synthetic.py FOLDER [NODES]   writes FOLDER/gabion and FOLDER/nix
"""

import pathlib
import sys

WIDTH = 100
FILES = 100
PER_FILE = 1000


def document(number, text="stone"):
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
        f"  name: f{number}\n  namespace: default\ndata:\n  text: {text}\n"
    )


def below(number):
    """The two nodes that node `number` needs; none in the lowest layer."""
    if number < WIDTH:
        return []
    layer, place = divmod(number, WIDTH)
    return [(layer - 1) * WIDTH + place, (layer - 1) * WIDTH + (place + 1) % WIDTH]


def top(nodes):
    return range(nodes - WIDTH, nodes)


def gabion(folder, nodes):
    (folder / "nodes").mkdir(parents=True)
    (folder / "k8s").mkdir()
    for number in range(FILES):
        (folder / f"k8s/f{number}.yaml").write_text(document(number))
    for first in range(0, nodes, PER_FILE):
        blocks = []
        for number in range(first, min(first + PER_FILE, nodes)):
            after = ", ".join(f'"manifests.n{it}"' for it in below(number))
            blocks.append(
                f"[manifests.n{number}]\n"
                f'files = ["k8s/f{number % FILES}.yaml"]\n'
                f"after = [{after}]\n"
            )
        (folder / f"nodes/{first:06}.toml").write_text("\n".join(blocks))
    deploy = ", ".join(f'"manifests.n{it}"' for it in top(nodes))
    (folder / "gabion.toml").write_text(
        '[project]\nname = "synthetic"\nedition = "2026"\ninclude = ["nodes/*.toml"]\n'
        f'default = "bundle.top"\n\n[bundle.top]\ndeploy = [{deploy}]\n'
    )


def nix(folder, nodes):
    """One attribute per node, as a package set is written; evaluation is lazy and shared."""
    (folder / "k8s").mkdir(parents=True)
    for number in range(FILES):
        (folder / f"k8s/f{number}.yaml").write_text(document(number))
    lines = [
        "let\n  node = name: file: after: derivation {\n"
        '    inherit name file after;\n    system = "x86_64-linux";\n'
        '    builder = "/bin/sh";\n    args = [ "-c" "read text < $file; echo $text > $out" ];\n  };',
    ]
    for number in range(nodes):
        after = " ".join(f"n{it}" for it in below(number))
        lines.append(f'  n{number} = node "n{number}" ./k8s/f{number % FILES}.yaml [ {after} ];')
    tops = " ".join(f"n{it}" for it in top(nodes))
    lines.append(f'in node "top" ./k8s/f0.yaml [ {tops} ]')
    (folder / "default.nix").write_text("\n".join(lines) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    nodes = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    gabion(folder / "gabion", nodes)
    nix(folder / "nix", nodes)


if __name__ == "__main__":
    main()
