//! HTTP/1.1 on loopback: GET and HEAD, ranges, redirects, and faults on demand (RFC 9110, RFC 9112).

use crate::{Content, ORIGINS};
use gabion_digest::Sha256;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How the server misbehaves for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status, with `Retry-After` where it is not empty.
    Status(u16, &'static str),
    /// Ends the connection after so many bytes of the body.
    Cut(usize),
    /// Sends so many bytes of the body, and then nothing for as long as the client waits.
    Stall(usize),
    /// Serves these bytes instead.
    Body(&'static [u8]),
    /// Redirects there.
    Redirect(&'static str),
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The status.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Shared {
    content: Content,
    faults: Mutex<BTreeMap<String, Vec<Fault>>>,
    seen: Mutex<Vec<Seen>>,
    stop: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Serves `content` on a free port of 127.0.0.1.
    pub fn start(content: Content) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { content, ..Shared::default() });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&for_thread);
                // A client that goes away ends its own connection and nothing else.
                std::thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where each origin of the demo is served.
    pub fn mirrors(&self) -> Vec<(String, String)> {
        ORIGINS.iter().map(|(origin, path)| ((*origin).to_owned(), format!("{}{path}", self.url()))).collect()
    }

    /// Misbehaves for the next requests of `path`, one fault for each.
    pub fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        locked(&self.shared.faults).entry(path.to_owned()).or_default().extend(faults);
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Answers the requests of one connection until it ends.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut parts = line.split_whitespace();
        let (method, path) =
            (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned());
        let mut range = None;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("range") {
                range = Some(value.trim().to_owned());
            }
        }
        let fault = {
            let mut faults = locked(&shared.faults);
            faults.get_mut(&path).filter(|list| !list.is_empty()).map(|list| list.remove(0))
        };
        let reply = reply(&path, range.as_deref(), fault.as_ref(), &shared.content);
        locked(&shared.seen).push(Seen { method: method.clone(), path, range, status: reply.status });
        if !send(stream, &reply, method == "HEAD", fault.as_ref())? {
            return Ok(());
        }
    }
}

struct Reply<'c> {
    status: u16,
    headers: Vec<String>,
    body: &'c [u8],
}

fn reply<'c>(path: &str, range: Option<&str>, fault: Option<&Fault>, content: &'c Content) -> Reply<'c> {
    let plain = |status, headers| Reply { status, headers, body: b"" };
    match fault {
        Some(Fault::Status(status, "")) => return plain(*status, Vec::new()),
        Some(Fault::Status(status, wait)) => return plain(*status, vec![format!("Retry-After: {wait}")]),
        Some(Fault::Redirect(to)) => return plain(302, vec![format!("Location: {to}")]),
        Some(Fault::Body(body)) => return Reply { status: 200, headers: Vec::new(), body },
        Some(Fault::Cut(_) | Fault::Stall(_)) | None => {}
    }
    if let Some(to) = content.redirects.get(path) {
        return plain(302, vec![format!("Location: {to}")]);
    }
    let Some(body) = content.files.get(path) else { return plain(404, Vec::new()) };
    let etag = format!("ETag: \"{}\"", &Sha256::of(body).hex()[..16]);
    let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        Some(from) if from < body.len() => {
            let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
            Reply { status: 206, headers: vec![etag, range], body: &body[from..] }
        }
        Some(_) => plain(416, vec![format!("Content-Range: bytes */{}", body.len())]),
        None => Reply { status: 200, headers: vec![etag, "Accept-Ranges: bytes".to_owned()], body },
    }
}

/// Writes the reply; gives whether the connection goes on.
fn send(mut stream: &TcpStream, reply: &Reply<'_>, head: bool, fault: Option<&Fault>) -> io::Result<bool> {
    let mut text = format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    for header in &reply.headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    if head {
        return Ok(true);
    }
    if let Some(Fault::Cut(bytes)) = fault {
        stream.write_all(&reply.body[..reply.body.len().min(*bytes)])?;
        stream.shutdown(std::net::Shutdown::Both)?;
        return Ok(false);
    }
    if let Some(Fault::Stall(bytes)) = fault {
        stream.write_all(&reply.body[..reply.body.len().min(*bytes)])?;
        // Ends when the client goes away.
        while stream.read(&mut [0])? > 0 {}
        return Ok(false);
    }
    stream.write_all(reply.body)?;
    Ok(true)
}
