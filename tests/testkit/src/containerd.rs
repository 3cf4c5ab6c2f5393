//! Debian's containerd with a root and a socket of its own, asked as `ctr` and as a kubelet ask it.

use crate::{Server, program, run, skip};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the runtime interface takes to hear of an image.
const PATIENCE: Duration = Duration::from_secs(5);

/// A containerd, gone with its owner.
#[derive(Debug)]
pub struct Containerd {
    folder: PathBuf,
    socket: String,
    _server: Server,
}

impl Containerd {
    /// Starts one whose files lie in `folder`; `None` where it does not come up here, which is a failure in CI.
    #[track_caller]
    pub fn start(folder: &Path) -> Option<Self> {
        let at = |name: &str| folder.join(name).display().to_string();
        let socket = at("containerd.sock");
        let config = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\n[grpc]\naddress = '{socket}'\n\
             [plugins.'io.containerd.grpc.v1.cri']\ndisable_apparmor = true\n\
             [plugins.'io.containerd.grpc.v1.cri'.containerd]\nsnapshotter = 'native'\n",
            at("containerd"),
            at("state")
        );
        fs_err::write(folder.join("containerd.toml"), config).unwrap_or_else(|error| panic!("{error}"));
        let mut command = program("containerd");
        command.arg("--config").arg(folder.join("containerd.toml"));
        match Server::start(&mut command, || ctr(&socket, &["version"]).is_ok()) {
            Ok(server) => Some(Self { folder: folder.to_owned(), socket, _server: server }),
            Err(said) => {
                skip(&said);
                None
            }
        }
    }

    /// Runs `ctr` in the namespace of Kubernetes; what it says where it fails is the error.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String, String> {
        ctr(&self.socket, &[&["--namespace", "k8s.io"], arguments].concat())
    }

    /// The names of all images with what they lead to, sorted.
    pub fn images(&self) -> Vec<(String, String)> {
        let listed = self.ctr(&["images", "list"]).unwrap_or_else(|error| panic!("{error}"));
        let words = listed.lines().skip(1).map(|line| line.split_whitespace());
        let mut all: Vec<(String, String)> = words
            .filter_map(|mut words| Some((words.next()?.to_owned(), words.nth(1)?.to_owned())))
            .collect();
        all.sort();
        all
    }

    /// Whether a kubelet finds the image by `reference`: `ImageStatus` of the runtime interface (Kubernetes,
    /// `cri-api/pkg/apis/runtime/v1/api.proto`), a call of gRPC, which is a request of HTTP/2.
    pub fn finds(&self, reference: &str) -> bool {
        // Fields 1 of `ImageStatusRequest` and of `ImageSpec`, each a text with its length before it.
        let text = |bytes: &[u8]| [&[0x0a], varint(bytes.len()).as_slice(), bytes].concat();
        let request = text(&text(reference.as_bytes()));
        let mut file =
            tempfile::NamedTempFile::new_in(&self.folder).unwrap_or_else(|error| panic!("{error}"));
        let length = u32::try_from(request.len()).unwrap_or(0).to_be_bytes();
        let framed = [&[0][..], &length, &request].concat();
        file.write_all(&framed).unwrap_or_else(|error| panic!("{error}"));
        let mut curl = program("curl");
        curl.args(["--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", &self.socket]);
        curl.args([
            "--header",
            "content-type: application/grpc",
            "--header",
            "te: trailers",
            "--data-binary",
        ]);
        curl.arg(format!("@{}", file.path().display()));
        let reply = run(curl.arg("http://localhost/runtime.v1.ImageService/ImageStatus"));
        // Five bytes of a frame, and behind them nothing where there is no image.
        assert!(reply.len() >= 5, "containerd has no runtime interface: {reply:?}");
        reply.len() > 5
    }

    /// The same, where it may take a moment.
    pub fn finds_soon(&self, reference: &str) -> bool {
        let begin = Instant::now();
        loop {
            if self.finds(reference) || begin.elapsed() > PATIENCE {
                return self.finds(reference);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn ctr(socket: &str, arguments: &[&str]) -> Result<String, String> {
    let out = program("ctr").args(["--address", socket]).args(arguments).output();
    let out = out.map_err(|error| error.to_string())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}

/// A length as protocol buffers write it: seven bits at a time, the lowest first.
fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
