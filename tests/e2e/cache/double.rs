//! A server of a cache that misbehaves as it is told: of files, of objects of S3 that are put at once, or of a registry.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What is done to answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One bit of each body is another.
    Flip,
    /// The connection ends in the middle of each body.
    Cut,
    /// Each body is said to be one byte longer than it is, and then the connection ends.
    Longer,
    /// This status, and headers with it.
    Status(u16, &'static str),
    /// Half of each body, and then nothing until the client goes.
    Stall,
    /// Everything is elsewhere.
    Redirect(String),
}

/// A request that was read.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
    /// Whether it is put only where nothing is.
    pub(crate) only_new: bool,
}

#[derive(Debug, Default)]
struct Shared {
    folder: PathBuf,
    /// How often the fault still happens, and which.
    fault: Mutex<Option<(u32, Fault)>>,
    seen: Mutex<Vec<Seen>>,
    stop: AtomicBool,
    /// Whether it asks for tokens as registries do, one to pull and another one to push.
    tokens: AtomicBool,
}

/// The server; it ends with its value.
pub(crate) struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
    _folder: tempfile::TempDir,
}

impl Double {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { folder: folder.path().to_owned(), ..Shared::default() });
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stop.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                std::thread::spawn(move || stream.map(|stream| serve(&stream, &shared)));
            }
        });
        Self { address, shared, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` answers are faulty; what is written is taken as it is.
    pub(crate) fn fail(&self, times: u32, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some((times, fault));
    }

    /// From now on it asks for tokens.
    pub(crate) fn ask_for_tokens(&self) {
        self.shared.tokens.store(true, Ordering::Relaxed);
    }

    /// What was asked since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|it| *it > 0)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let (authorization, range) = (headers.get("authorization").cloned(), headers.get("range").cloned());
        let mut out = stream;
        let admitted = !shared.tokens.load(Ordering::Relaxed) || admits(&method, authorization.as_deref());
        shared.seen.lock().unwrap().push(Seen {
            method: method.clone(),
            path: path.to_owned(),
            authorization,
            range: range.clone(),
            only_new: headers.contains_key("if-none-match"),
        });
        let file = shared.folder.join(path.trim_start_matches('/'));
        // The bytes of an upload get their digest as name.
        let digest = query.split('&').find_map(|it| it.strip_prefix("digest=sha256%3A"));
        let file = match digest {
            Some(hex) => file.parent()?.with_file_name(format!("sha256:{hex}")),
            None => file,
        };
        if method == "PUT" {
            let length: u64 = headers.get("content-length")?.parse().ok()?;
            put(&mut reader, length, &file)?;
        }
        if path == "/token" {
            let scope = query.split('&').find_map(|it| it.strip_prefix("scope="))?;
            let text = format!("{{\"token\":\"{scope}\"}}");
            write!(out, "HTTP/1.1 200 -\r\nContent-Length: {}\r\n\r\n{text}", text.len()).ok()?;
            continue;
        }
        if !admitted {
            let (host, scope) = (headers.get("host")?, scope_of(&method));
            write!(out, "HTTP/1.1 401 -\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer ").ok()?;
            write!(out, "realm=\"http://{host}/token\",scope=\"{scope}\"\r\n\r\n").ok()?;
            continue;
        }
        let fault = take(shared);
        match fault {
            Some(Fault::Status(status, more)) => {
                write!(out, "HTTP/1.1 {status} -\r\nContent-Length: 0\r\n{more}\r\n").ok()?;
                continue;
            }
            Some(Fault::Redirect(to)) => {
                write!(out, "HTTP/1.1 307 -\r\nLocation: {to}{path}\r\nContent-Length: 0\r\n\r\n").ok()?;
                continue;
            }
            _ if method == "POST" => {
                write!(out, "HTTP/1.1 202 -\r\nContent-Length: 0\r\nLocation: {path}one\r\n\r\n").ok()?;
                continue;
            }
            _ if method == "PUT" => {
                write!(out, "HTTP/1.1 201 -\r\nContent-Length: 0\r\n\r\n").ok()?;
                continue;
            }
            _ => {}
        }
        let Ok(mut file) = fs_err::File::open(&file) else {
            write!(out, "HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        };
        let size = file.metadata().ok()?.len();
        let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let from = from.unwrap_or(0).min(size);
        let status = if from > 0 { 206 } else { 200 };
        let length = size - from + u64::from(fault == Some(Fault::Longer));
        write!(out, "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n").ok()?;
        if from > 0 {
            write!(out, "Content-Range: bytes {from}-{}/{size}\r\n", size - 1).ok()?;
        }
        write!(out, "\r\n").ok()?;
        if method == "HEAD" {
            continue;
        }
        file.seek(SeekFrom::Start(from)).ok()?;
        match &fault {
            None => _ = std::io::copy(&mut file, &mut out).ok()?,
            Some(fault) => {
                let mut body = Vec::new();
                file.read_to_end(&mut body).ok()?;
                send(out, body, fault)?;
            }
        }
    }
}

/// What a token must be good for.
fn scope_of(method: &str) -> &'static str {
    if matches!(method, "GET" | "HEAD") { "pull" } else { "push" }
}

/// Whether a token is good for this: who may push may pull.
fn admits(method: &str, authorization: Option<&str>) -> bool {
    let token = authorization.and_then(|it| it.strip_prefix("Bearer "));
    token.is_some_and(|it| it == scope_of(method) || it == "push")
}

/// The body as the fault has it; `None` where the connection is over with it.
fn send(mut out: &TcpStream, mut body: Vec<u8>, fault: &Fault) -> Option<()> {
    let half = body.len() / 2;
    match fault {
        Fault::Flip => {
            if let Some(byte) = body.get_mut(half) {
                *byte ^= 1;
            }
            out.write_all(&body).ok()
        }
        Fault::Cut => out.write_all(&body[..half]).ok().and(None),
        Fault::Longer => out.write_all(&body).ok().and(None),
        Fault::Stall => {
            out.write_all(&body[..half]).ok()?;
            let _gone = out.read(&mut [0]);
            None
        }
        _ => out.write_all(&body).ok(),
    }
}

fn take(shared: &Shared) -> Option<Fault> {
    let mut fault = shared.fault.lock().unwrap();
    let (times, it) = fault.as_mut()?;
    *times = times.checked_sub(1)?;
    Some(it.clone())
}

/// Takes a body that is whole, and forgets one that is not.
fn put(reader: &mut impl Read, length: u64, file: &std::path::Path) -> Option<()> {
    fs_err::create_dir_all(file.parent()?).ok()?;
    let mut staged = tempfile::NamedTempFile::new_in(file.parent()?).ok()?;
    let copied = std::io::copy(&mut reader.take(length), &mut staged).ok()?;
    (copied == length).then_some(())?;
    staged.persist(file).ok().map(drop)
}
