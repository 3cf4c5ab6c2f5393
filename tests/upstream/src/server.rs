//! The server on loopback: files, redirects, repositories and registries, and faults on demand.

use crate::http::{Reply, Request};
use crate::{Content, ORIGINS, git, registry};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// Puts this header in front of the others.
    Header(&'static str),
    /// No token that was given out before is taken any more.
    Expire,
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-Range` header.
    pub if_range: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The status.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Shared {
    content: Content,
    faults: Mutex<BTreeMap<String, Vec<Fault>>>,
    seen: Mutex<Vec<Seen>>,
    generation: AtomicU64,
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

    /// Misbehaves for the next requests of `path` with any query, one fault for each.
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
    while let Some(request) = Request::read(&mut reader)? {
        let fault = {
            let mut faults = locked(&shared.faults);
            faults.get_mut(request.path()).filter(|list| !list.is_empty()).map(|list| list.remove(0))
        };
        let reply = reply(&request, fault.as_ref(), shared);
        locked(&shared.seen).push(seen(&request, reply.status));
        let cut = match fault {
            Some(Fault::Cut(bytes) | Fault::Stall(bytes)) => Some(bytes),
            _ => None,
        };
        reply.send(stream, request.method == "HEAD", cut)?;
        if let Some(Fault::Stall(_)) = fault {
            // Ends when the client goes away.
            io::copy(&mut reader, &mut io::sink())?;
        }
        if cut.is_some() {
            return stream.shutdown(std::net::Shutdown::Both);
        }
    }
    Ok(())
}

fn seen(request: &Request, status: u16) -> Seen {
    let header = |name: &str| request.header(name).map(str::to_owned);
    Seen {
        method: request.method.clone(),
        path: request.target.clone(),
        range: header("range"),
        if_range: header("if-range"),
        authorization: header("authorization"),
        status,
    }
}

fn reply<'c>(request: &Request, fault: Option<&Fault>, shared: &'c Shared) -> Reply<'c> {
    match fault {
        Some(Fault::Status(status, "")) => return Reply::plain(*status, Vec::new()),
        Some(Fault::Status(status, wait)) => {
            return Reply::plain(*status, vec![format!("Retry-After: {wait}")]);
        }
        Some(Fault::Redirect(to)) => return Reply::plain(302, vec![format!("Location: {to}")]),
        Some(Fault::Body(body)) => {
            let headers = vec!["Content-Type: text/html".to_owned()];
            return Reply { status: 200, headers, body: Cow::Borrowed(body) };
        }
        Some(Fault::Expire) => {
            shared.generation.fetch_add(1, Ordering::Relaxed);
        }
        Some(Fault::Cut(_) | Fault::Stall(_) | Fault::Header(_)) | None => {}
    }
    let mut reply = honest(request, shared);
    if let Some(Fault::Header(header)) = fault {
        reply.headers.insert(0, (*header).to_owned());
    }
    reply
}

fn honest<'c>(request: &Request, shared: &'c Shared) -> Reply<'c> {
    let content = &shared.content;
    if let Some(to) = content.redirects.get(request.path()) {
        return Reply::plain(302, vec![format!("Location: {to}")]);
    }
    if let Some(bytes) = content.files.get(request.path()) {
        return Reply::bytes(request, bytes, Vec::new());
    }
    if let Some(reply) = git::reply(content, request) {
        return reply;
    }
    let of_registry = registry::reply(content, request, shared.generation.load(Ordering::Relaxed));
    of_registry.unwrap_or_else(|| Reply::plain(404, Vec::new()))
}
