//! Servers of caches: nginx, two that play S3, and our own.

use gabion::config::{Config, Credential};
use gabion::event::Events;
use gabion::net::{Client, remote};
use gabion_cache::Remote;
use gabion_testkit::{Server, free_address, program, skip};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// A client whom `host` knows as this user, or by this token alone.
pub(crate) fn client(host: &str, (username, secret): (Option<&str>, &str)) -> Client {
    let credential = Credential { username: username.map(str::to_owned), secret: secret.to_owned() };
    let credentials = [(host.to_owned(), credential)].into();
    Client::new(&Config { credentials, ..Config::default() }, false, &Events::silent()).unwrap()
}

/// The cache at `address`, whose server knows us so.
pub(crate) fn open(address: &str, user: (Option<&str>, &str)) -> Arc<dyn Remote> {
    let host = address.rsplit_once("//").unwrap().1.split('/').next().unwrap();
    remote(&client(host, user), address).unwrap()
}

/// nginx over a folder, with the methods of `WebDAV` that write.
pub(crate) struct Nginx {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    _folder: tempfile::TempDir,
    _server: Server,
}

impl Nginx {
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        let folder = place.path().join("data");
        for it in ["data", "body", "log"] {
            fs_err::create_dir(place.path().join(it)).unwrap();
        }
        let address = free_address();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let config = format!(
            "{user} worker_processes 1; daemon off; pid {pid}; error_log {log}/error;\n\
             events {{}}\n\
             http {{\n\
               access_log off; client_max_body_size 0; client_body_temp_path {body};\n\
               proxy_temp_path {log}; fastcgi_temp_path {log}; uwsgi_temp_path {log}; scgi_temp_path {log};\n\
               server {{ listen {address}; root {data}; dav_methods PUT; create_full_put_path on; }}\n\
             }}\n",
            pid = path("pid"),
            log = path("log"),
            body = path("body"),
            data = path("data"),
        );
        fs_err::write(place.path().join("nginx.conf"), config).unwrap();
        let mut command = program("nginx");
        command.arg("-p").arg(place.path()).arg("-c").arg(place.path().join("nginx.conf"));
        let server = Server::start(&mut command, || TcpStream::connect(address).is_ok());
        let running = server.unwrap_or_else(|said| panic!("{said}"));
        Self { url: format!("http://{address}"), folder, _folder: place, _server: running }
    }
}

/// A server that plays S3, with a bucket `cache` and one user.
pub(crate) struct Bucket {
    /// With `s3+http`, and the bucket.
    pub(crate) address: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    child: Child,
}

impl Bucket {
    /// moto, whose signatures botocore checks; `None` where it cannot be had.
    pub(crate) fn moto() -> Option<Self> {
        Some(Self::start(
            python(&modules()?).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/cache/moto/serve.py")),
        ))
    }

    /// rclone's gofakes3; `None` where it cannot be had.
    pub(crate) fn gofakes3() -> Option<Self> {
        Some(Self::start(&mut program(built("gofakes3")?.to_str().unwrap())))
    }

    /// All that can be had.
    pub(crate) fn all() -> Vec<Self> {
        [Self::moto(), Self::gofakes3()].into_iter().flatten().collect()
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let [url, key, secret] = words[..] else { panic!("{command:?} does not come up: {line}") };
        let address = format!("s3+{url}/cache");
        Self { address, key: key.to_owned(), secret: secret.to_owned(), child }
    }

    /// The host and port.
    pub(crate) fn host(&self) -> &str {
        self.address.trim_start_matches("s3+http://").trim_end_matches("/cache")
    }

    /// The cache below `prefix`, as its user.
    pub(crate) fn open(&self, prefix: &str) -> Arc<dyn Remote> {
        open(&format!("{}/{prefix}", self.address), (Some(&self.key), &self.secret))
    }

    /// Runs a line of Python in which `s3` is boto3's own client of the server; `None` where there is none.
    pub(crate) fn boto3(&self, line: &str) -> Option<String> {
        let text = format!(
            "import boto3, sys\ns3 = boto3.client('s3', endpoint_url='http://{}', region_name='us-east-1', \
             aws_access_key_id='{}', aws_secret_access_key='{}')\n{line}\n",
            self.host(),
            self.key,
            self.secret
        );
        Some(gabion_testkit::text(python(&modules()?).args(["-c", &text])))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// moto and boto3.
fn modules() -> Option<PathBuf> {
    built("moto")
}

fn python(modules: &Path) -> Command {
    let mut command = program("python3");
    command.env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What `tests/e2e/cache/NAME/build` makes; `tests/run` runs it before.
fn built(name: &str) -> Option<PathBuf> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new(format!("{root}/tests/e2e/cache/{name}/build"));
    let out = command.arg(format!("{root}/target/s3-peers")).stderr(Stdio::inherit()).output().unwrap();
    if !out.status.success() {
        skip(&format!("{name} cannot be had (its pinned packages, and what they need)"));
        return None;
    }
    Some(PathBuf::from(String::from_utf8(out.stdout).unwrap().trim_end()))
}

/// `gabion cache serve` over a folder.
pub(crate) struct Served {
    pub(crate) url: String,
    child: Child,
}

impl Served {
    pub(crate) fn start(folder: &Path, token_file: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gabion"));
        command.env_clear().env("GABION_CONFIG", "/dev/null").args(["cache", "serve"]).arg(folder);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(file) = token_file {
            command.arg("--token-file").arg(file);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { url: url.trim().to_owned(), child }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
