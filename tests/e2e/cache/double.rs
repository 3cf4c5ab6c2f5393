//! A server of a cache that misbehaves as it is told.

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
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    folder: PathBuf,
    /// How often the fault still happens, and which.
    fault: Mutex<Option<(u32, Fault)>>,
    seen: Mutex<Vec<Seen>>,
    stop: AtomicBool,
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
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let (authorization, range) = (headers.get("authorization").cloned(), headers.get("range").cloned());
        shared.seen.lock().unwrap().push(Seen {
            method: method.clone(),
            authorization,
            range: range.clone(),
        });
        let file = shared.folder.join(path.trim_start_matches('/'));
        if method == "PUT" {
            let length: u64 = headers.get("content-length")?.parse().ok()?;
            put(&mut reader, length, &file)?;
        }
        let fault = take(shared);
        let mut out = stream;
        match fault {
            Some(Fault::Status(status, more)) => {
                write!(out, "HTTP/1.1 {status} -\r\nContent-Length: 0\r\n{more}\r\n").ok()?;
                continue;
            }
            Some(Fault::Redirect(to)) => {
                write!(out, "HTTP/1.1 307 -\r\nLocation: {to}{path}\r\nContent-Length: 0\r\n\r\n").ok()?;
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
