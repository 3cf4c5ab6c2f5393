#!/usr/bin/env python3
"""Asks the real Helm, as the library inside of a pinned wheel from PyPI. Reads and prints JSON.

  oracle.py CACHE fetch                  unpacks the wheel below CACHE; ends with 3 where it cannot be had
  oracle.py CACHE eval                   [template expression, ...] -> [output or null, ...]
  oracle.py CACHE package FOLDER DEST    a folder of a chart -> path of the packed chart
  oracle.py CACHE choose                 {"index": text, "wishes": [[name, version], ...]} -> [path or null, ...]
  oracle.py CACHE corpus                 semver.tsv, from the expressions below

A template is evaluated as the installation of a chart that fails with the result as its message: Helm asks
an API server first what it is, and that is answered on 127.0.0.1; nothing is ever installed.
"""
import ctypes, hashlib, http.server, json, os, re, subprocess, sys, tempfile, threading, zipfile

WHEEL = "helm-sdkpy==0.1.32"
SHA256 = "bcf5bf73cacc373bebedfb9c988969aa12a9eda86a140deba658fbf28eb789c5"
LIBRARY = "helm_sdkpy/_lib/linux-amd64/libhelm_sdkpy.so"


def fetch(cache):
    """Path of the library below `cache`, unpacked from the wheel of the pinned digest, or None."""
    library = os.path.join(cache, SHA256[:16], LIBRARY)
    if os.path.exists(library):
        return library
    with tempfile.TemporaryDirectory(dir=cache) as work:
        pip = [sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--only-binary=:all:", "--quiet"]
        pip += ["--python-version", "3.12", "--platform", "manylinux_2_34_x86_64", "--platform", "any", "--dest", work]
        if os.uname().machine != "x86_64" or subprocess.run(pip, stdout=2).returncode:
            return None
        (wheel,) = (os.path.join(work, name) for name in os.listdir(work))
        with open(wheel, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != SHA256:
                raise SystemExit("the wheel is not the one that is pinned")
        zipfile.ZipFile(wheel).extract(LIBRARY, work)
        os.makedirs(os.path.dirname(library), exist_ok=True)
        os.replace(os.path.join(work, LIBRARY), library)
    return library


class Server(http.server.BaseHTTPRequestHandler):
    """A Kubernetes API without a single resource, and a repository of charts beside it."""

    protocol_version = "HTTP/1.1"
    index, asked = b"", []

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0].rstrip("/")
        answers = {
            "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.4", "platform": "linux/amd64"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        }
        if path == "/charts/index.yaml":
            self.reply(200, self.index)
        elif path in answers:
            self.reply(200, json.dumps(answers[path]).encode())
        else:
            self.asked.append(path)
            self.reply(404, b'{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}')

    def reply(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()


class Helm:
    def __init__(self, library, home):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.home, self.url = home, f"http://127.0.0.1:{server.server_port}"
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": self.url}}], "users": [{"name": "x", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "x"}}],
        }
        with open(home + "/kubeconfig", "w") as file:
            json.dump(config, file)
        self.lib = ctypes.CDLL(library)
        self.lib.helm_sdkpy_last_error.restype = ctypes.c_char_p
        self.handle = ctypes.c_ulonglong()
        self.must("config_create", "x", home + "/kubeconfig", "", "{}", ctypes.byref(self.handle))

    def call(self, name, *arguments):
        """None, or the error of a call that failed."""
        plain = [it.encode() if isinstance(it, str) else it for it in arguments]
        failed = getattr(self.lib, "helm_sdkpy_" + name)(*plain)
        return (self.lib.helm_sdkpy_last_error() or b"?").decode() if failed else None

    def must(self, name, *arguments):
        error = self.call(name, *arguments)
        if error:
            raise SystemExit(f"{name}: {error}")

    def install(self, chart, version=""):
        result, options = ctypes.c_char_p(), json.dumps({"timeout_seconds": 5, "skip_schema_validation": True})
        return self.call("install", self.handle, "t", chart, "{}", version, options, ctypes.byref(result))

    def evaluate(self, expressions):
        """The output of each expression as JSON, or null where it is an error."""
        chart = os.path.join(self.home, "t")
        os.makedirs(chart + "/templates")
        with open(chart + "/Chart.yaml", "w") as file:
            file.write("apiVersion: v2\nname: t\nversion: 0.1.0\n")
        live = list(range(len(expressions)))
        while True:
            lines = ["{{- $d := dict }}"]
            lines += ['{{- $_ := set $d "%d" (%s) }}' % (number, expressions[number]) for number in live]
            lines += ['{{- fail (printf "<<<%s>>>" (toJson $d | b64enc)) }}']
            with open(chart + "/templates/a.yaml", "w") as file:
                file.write("\n".join(lines))
            error = self.install(chart) or ""
            done = re.search("<<<(.*)>>>", error)
            if done:
                import base64
                found = json.loads(base64.b64decode(done[1]))
                return [found.get(str(number)) for number in range(len(expressions))]
            at = re.findall(r"a\.yaml:(\d+)", error)
            if not at:
                raise SystemExit(error)
            live.pop(int(at[-1]) - 2)

    def package(self, folder, dest):
        result = ctypes.c_char_p()
        self.must("package", self.handle, folder, dest, ctypes.byref(result))
        return result.value.decode()

    def choose(self, index, wishes):
        """The path that Helm downloads for each wish."""
        Server.index = index.encode()
        os.makedirs(self.home + "/CONFIG", exist_ok=True)
        with open(self.home + "/CONFIG/repositories.yaml", "w") as file:
            file.write("repositories: []\n")
        self.must("repo_add", self.handle, "r", self.url + "/charts", None, None, "")
        out = []
        for name, version in wishes:
            Server.asked.clear()
            self.install("r/" + name, version)
            found = [path for path in Server.asked if path.endswith(".tgz")]
            out.append(found[0] if found else None)
        return out


VERSIONS = """1.2.3 v1.2.3 1.2.4 1.2.0 1.2 1 1.3.0 1.10.0 2.0.0 2.5.1 0.0.0 0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9.0 1.2.3-alpha
1.2.3-alpha.1 1.2.3-alpha.beta 1.2.3-beta 1.2.3-beta.11 1.2.3-beta.2 1.2.3-rc.1 1.2.4-0 1.3.0-alpha 2.0.0-rc.1 1.2.3+build.7
1.2.3-rc.1+b 1.33.4-rc1 v1.33.4+k3s1 1.25.0-alpha 0.0.0-0 11.1.0 11.2.1 12.0.0""".split()
MORE_VERSIONS = ["", "v", "x", "1.x", "V1.2.3", "vv1", " 1.2.3", "1.2.3 ", "1.2.3.4", "1..2", "1.2.", "01.2.3", "1.02.3", "1.2.03",
    "1.2.3-01", "1.2.3-0a", "1.2.3-a..b", "1.2.3-", "1.2.3+", "1.2.3+01", "1.2.3-a+b+c", "1.2.3-a_b", "1-2.3", "1.2-5", "1.2+3-4",
    "18446744073709551615.0.0", "18446744073709551616.0.0", "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "-1.2.3", "1.2.3-é", "1.2.3~rc1",
    "20221209-update-renovatejson-v4", "1.2.3-" + "a" * 249, "1.2.3-" + "a" * 251, "1.2.3-99999999999999999999"]
ORDERS = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
    "1.0", "v1", "1.0.0+a", "1.0.0+b", "1.0.0-1", "1.0.0-01a", "1.0.0-0", "1.0.0-99999999999999999999", "1.0.0-a-b", "1.0.0-A",
    "1.0.0-18446744073709551615", "1.0.0-18446744073709551616"]
CONSTRAINTS = ["1.2.3", "=1.2.3", "v1.2.3", "= v1.2", "1.2", "1", "1.x", "1.2.x", "1.2.*", "1.X.3", "*", "x", "=*", ">*", "<*", ">=*", "<=*",
    "!=*", "~*", "^*", "!=1.2.3", "!=1.2", "!=1", "!=1.2.x", "!= 1.x", ">1.2.3", ">1.2", ">1", ">11", ">11.1", ">=1.2.3", ">=1.2", "=>1.2",
    "<1.2.3", "<1.2", "<1", "<=1.2.3", "<=1.2", "<=1", "=<1.2", "~1.2.3", "~1.2", "~1", "~>1.2", "~0.0.0", "~0", "^1.2.3", "^1.2", "^1",
    "^0.2.3", "^0.2", "^0.0.3", "^0.0", "^0", ">=1.19", ">=1.19-0", "<1.25-0", "<1.25.0-0", "~1.2.3-alpha", "^1.2.3-alpha", "^1.2.3-0",
    ">=1.2.3-beta", "!=1.2.3-alpha", "!=1.2-0", "1.2.3-alpha", "1.x-0", "*-0", ">=0.0.0-0", ">=1.2, <2", ">=1.2 <2", ">=1.2,<2", ">= 1.2 , < 2",
    ">=1.2.3-0 <2", ">=1.2 <2.0.0-rc.2", ">1.0 !=1.2.4", "1.x || >=2.5.0", "<1 || >=2", "1.2.3||2.0.0", "1.2 - 1.4", "1.2.3 - 1.2.4",
    "1 - 2", "1.2 - 1.4 || 2", "0.2 - 0.3, !=0.2.9", "!=0.2.9,0.2 - 0.3", "1.2.3-alpha - 1.3", "1.2.3 - 2.0.0-rc.1", "1.2.3+build.7", ">=1.2.3+x",
    ">= 1.27.x", "> 1.20.0-0", "<9.9.9-9", "^1.2.x", "~1.x", "\t>=1.2\n<2", "1.2 1.2.3", "01.2.3", ">=1.02"]
WRONG_CONSTRAINTS = ["", " ", "latest", ">=", ">=a", "1.2.3.4", ">>1", "=!1", "===1", "1,", ",1", "1,,2", "1 ||", "|| 1", "|", "1|2", "1.2 -1.4",
    "1.2- 1.4", "1.2 -", "- 1.2", ">=1.2 - 1.4", "> 1.2 - 1.4", ">=1 1.2 - 1.4", ">=1.2<2", "1.2.3-", "1.2.3-01", "1.2.3+", "V1", "1x", "x1", "1.2y",
    "1. 2", "1.2.3 beta", "1.2.3_1", "18446744073709551616", "~ >1", "^^1", "1 & 2", "1.2.3-a..b", "é", ">=1.2\v<2", "1||2 - 3", "1 - 2 - 3",
    "1 - 2 3 - 4", "*.1", "1.*.x", "||".join(["1"] * 32), "||".join(["1"] * 33), ">=1" + " " * 509, ">=1" + " " * 510, "1.2.3-" + "a" * 250,
    "1.2.3-" + "a" * 251, "1 || 2 ||| 3", "1.2.3-a - 1.2.3-b", "1.2 -  1.4", "1.2 - 1.4>=1.3"]


def corpus(helm):
    text = lambda it: json.dumps(it, ensure_ascii=False)
    pairs = [("satisfies", c, v) for c in CONSTRAINTS for v in VERSIONS]
    pairs += [("satisfies", c, v) for c in WRONG_CONSTRAINTS for v in ("1.2.3", "2.0.0", "1.3.0-alpha")]
    pairs += [("satisfies", "*", v) for v in MORE_VERSIONS]
    pairs += [("compare", a, b) for a in ORDERS for b in ORDERS]
    pairs += [("normal", v, "") for v in VERSIONS + MORE_VERSIONS]
    forms = {"satisfies": "semverCompare {} {}", "compare": "(semver {}).Compare (semver {})", "normal": '(semver {}).String'}
    results = helm.evaluate([forms[kind].format(text(a), text(b)) for kind, a, b in pairs])
    yield "# What the real Helm says, made by `oracle.py CACHE corpus`: question, two JSON strings, answer (null: an error)."
    for (kind, a, b), result in zip(pairs, results):
        yield "\t".join([kind, text(a), text(b), text(result)])


def environment(home):
    """Nothing of who calls but where programs are; what Helm keeps goes to `home`."""
    kinds = {f"HELM_{kind}_HOME": f"{home}/{kind}" for kind in ("CACHE", "CONFIG", "DATA")}
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": home, "KUBECACHEDIR": home + "/kube", **kinds}


def main():
    cache, verb, *rest = sys.argv[1:]
    cache = os.path.abspath(cache)
    os.makedirs(cache, exist_ok=True)
    library = fetch(cache)
    if not library:
        sys.exit(3)
    if verb == "fetch":
        return
    home = os.environ.get("ORACLE_HOME")
    if not home:
        # The library reads the environment that its process was started with, and no later change of it: where Python sets
        # a variable itself (LC_CTYPE, PEP 538), what is set afterwards lies elsewhere.
        with tempfile.TemporaryDirectory(prefix="helm-") as home:
            again = [sys.executable, os.path.abspath(__file__), cache, verb, *rest]
            sys.exit(subprocess.run(again, env={**environment(home), "ORACLE_HOME": home}).returncode)
    else:
        helm = Helm(library, home)
        if verb == "corpus":
            print("\n".join(corpus(helm)))
        elif verb == "eval":
            print(json.dumps(helm.evaluate(json.load(sys.stdin))))
        elif verb == "package":
            print(json.dumps(helm.package(*map(os.path.abspath, rest))))
        elif verb == "choose":
            asked = json.load(sys.stdin)
            print(json.dumps(helm.choose(asked["index"], asked["wishes"])))


main()
