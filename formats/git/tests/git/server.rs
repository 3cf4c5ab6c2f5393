//! `git http-backend` behind a small bridge (RFC 3875), and a client that is just enough for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A server for the repositories below a folder; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(root: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, root) = (listener.local_addr().unwrap(), root.to_owned());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                answer(&stream.unwrap(), &root);
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    /// The reply to `GET path?service=git-upload-pack`.
    pub(crate) fn capabilities(&self) -> impl Read + use<> {
        self.ask("GET /.git/info/refs?service=git-upload-pack", b"")
    }

    /// The reply to a command.
    pub(crate) fn post(&self, body: &[u8]) -> impl Read + use<> {
        self.ask("POST /.git/git-upload-pack", body)
    }

    fn ask(&self, what: &str, body: &[u8]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "{what} HTTP/1.1\r\nContent-Length: {}\r\nGit-Protocol: version=2\r\n\
             Content-Type: application/x-git-upload-pack-request\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut reader = BufReader::new(stream);
        let head = head_of(&mut reader);
        assert_eq!(head[0], "HTTP/1.1 200 -", "{head:?}");
        reader
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// The lines up to the empty one.
fn head_of(reader: &mut impl BufRead) -> Vec<String> {
    let lines = reader.lines().map(|line| line.unwrap().trim_end().to_owned());
    lines.take_while(|line| !line.is_empty()).collect()
}

fn answer(mut stream: &TcpStream, root: &Path) {
    let mut reader = BufReader::new(stream);
    let head = head_of(&mut reader);
    let Some(first) = head.first() else { return };
    let header = |name: &str| {
        let mut pairs = head.iter().filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let length = header("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(&body).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let out = gabion_testkit::git(Path::new("/"))
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method)
        .env("CONTENT_LENGTH", length.to_string())
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .stdin(input)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let mut reply = &out.stdout[..];
    let head = head_of(&mut reply);
    let status = head.iter().find_map(|line| line.strip_prefix("Status: ")).map_or("200", |it| &it[..3]);
    let head = format!("HTTP/1.1 {status} -\r\n\r\n");
    // A client that refuses the reply has gone away.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(reply)));
}
