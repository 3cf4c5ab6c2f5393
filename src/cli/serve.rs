//! A folder as a cache over HTTP/1.1: `GET`, `HEAD` and, with a token, `PUT`.
//!
//! # Invariants
//! - A path is parsed into the name of a blob or a slot, and the file's path is made of that: no path of a client reaches
//!   the file system.
//! - A blob gets its name when its bytes have it. Records are not judged: whoever reads them does that.
//! - Nothing is written without the token, and nothing is ever removed.

use super::args::ServeArgs;
use super::failure::Failure;
use super::trust::read_text;
use super::ui::Ui;
use crate::error::chain;
use crate::exit::Exit;
use futures_util::{StreamExt, TryStreamExt};
use gabion_cache::{CacheError, DirRemote, Posted, RECORD_MAX, Remote, Slot};
use gabion_digest::{BlobId, Digest};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections that are served at once; others wait.
const CONNECTIONS: usize = 256;
/// A request whose head takes longer is none.
const HEAD: Duration = Duration::from_secs(30);

type Reply = Response<UnsyncBoxBody<Bytes, CacheError>>;

/// What is served.
struct Served {
    folder: DirRemote,
    /// `Bearer TOKEN`, hashed, so that comparing takes as long for every token.
    token: Option<Digest>,
}

/// What a path names.
enum Place {
    Blob(BlobId),
    Record(Slot),
}

pub(super) fn run(ui: &Ui, args: &ServeArgs) -> Result<Exit, Failure> {
    let token = args.token_file.as_deref().map(read_text).transpose()?;
    let token = token.map(|it| it.trim().to_owned());
    if token.as_deref() == Some("") {
        return Err(Failure::usage("the file of the token is empty"));
    }
    let token = token.map(|it| Digest::of(format!("Bearer {it}").as_bytes()));
    let folder = std::path::absolute(&args.folder)
        .map_err(|error| Failure::usage(format!("`{}`: {error}", args.folder.display())))?;
    let served = Arc::new(Served { folder: DirRemote::new(&folder), token });
    let failed =
        |error: std::io::Error| Failure::usage(format!("cannot listen at `{}`: {error}", args.listen));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let write = if served.token.is_some() { "with the token" } else { "by nobody" };
        ui.data(format!("http://{address}"));
        ui.note(format!("serves `{}`; it can be written {write}", folder.display()));
        if !address.ip().is_loopback() {
            ui.warning("everybody who reaches this address can read what is served, and it travels in clear");
        }
        listen(listener, served).await
    })
}

/// Serves until the program is ended.
async fn listen(listener: TcpListener, served: Arc<Served>) -> Result<Exit, Failure> {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let turn = Arc::clone(&room).acquire_owned().await;
        // A connection that ended before it was taken is nobody's.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            let _turn = turn;
            let answer = service_fn(move |request| {
                let served = Arc::clone(&served);
                async move { Ok::<_, Infallible>(served.answer(request).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let _ended = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Place {
    fn parse(path: &str) -> Option<Self> {
        if let Some(slot) = path.strip_prefix("/record/") {
            return Slot::of_path(slot).map(Self::Record);
        }
        let (shard, hex) = path.strip_prefix("/blob/")?.split_once('/')?;
        let id = Digest::from_hex(hex).ok()?;
        (hex[..2] == *shard).then(|| Self::Blob(BlobId::new(id)))
    }
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// What went wrong here or with the bytes; the client's own words stay with it.
fn failed(error: &CacheError) -> Reply {
    match error {
        CacheError::Damaged { .. } => plain(StatusCode::UNPROCESSABLE_ENTITY, chain(error)),
        CacheError::Unreachable { .. } => plain(StatusCode::BAD_REQUEST, "the body ended early"),
        _ => plain(StatusCode::INTERNAL_SERVER_ERROR, "the folder cannot be used"),
    }
}

impl Served {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let place = Place::parse(request.uri().path());
        let done = match (request.method(), place) {
            (_, None) => return plain(StatusCode::NOT_FOUND, ""),
            (&(Method::GET | Method::HEAD), Some(Place::Blob(id))) => self.blob(&request, id).await,
            (&(Method::GET | Method::HEAD), Some(Place::Record(slot))) => self.record(slot).await,
            (&Method::PUT, Some(place)) => match self.may_write(&request) {
                Ok(()) => self.put(request, place).await,
                Err(status) => return plain(status, ""),
            },
            _ => return plain(StatusCode::METHOD_NOT_ALLOWED, ""),
        };
        done.unwrap_or_else(|error| failed(&error))
    }

    fn may_write(&self, request: &Request<Incoming>) -> Result<(), StatusCode> {
        let token = self.token.ok_or(StatusCode::FORBIDDEN)?;
        let given = request.headers().get(AUTHORIZATION).ok_or(StatusCode::UNAUTHORIZED)?;
        if Digest::of(given.as_bytes()) == token { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    /// A blob, or its end (RFC 9110 §14.2): `bytes=N-` is the one range that is known.
    async fn blob(&self, request: &Request<Incoming>, id: BlobId) -> Result<Reply, CacheError> {
        let Some((file, size)) = self.folder.open(id).await? else {
            return Ok(plain(StatusCode::NOT_FOUND, ""));
        };
        let range = request.headers().get(RANGE).and_then(|it| it.to_str().ok());
        let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<u64>().ok());
        let mut reply = Response::builder();
        match from {
            Some(from) if from >= size => {
                let mut reply = plain(StatusCode::RANGE_NOT_SATISFIABLE, "");
                if let Ok(range) = format!("bytes */{size}").parse() {
                    reply.headers_mut().insert(CONTENT_RANGE, range);
                }
                return Ok(reply);
            }
            Some(from) => {
                reply = reply.status(StatusCode::PARTIAL_CONTENT);
                reply = reply.header(CONTENT_RANGE, format!("bytes {from}-{}/{size}", size - 1));
            }
            None => {}
        }
        let from = from.unwrap_or(0);
        reply = reply.header(CONTENT_LENGTH, size - from);
        // `hyper` sends no body for `HEAD`, and nothing is read that nobody asks for.
        let body = StreamBody::new(self.folder.read(file, from).map_ok(Frame::data)).boxed_unsync();
        Ok(reply.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "")))
    }

    async fn record(&self, slot: Slot) -> Result<Reply, CacheError> {
        let found = self.folder.records(&[slot]).await?.pop().flatten();
        Ok(found.map_or_else(|| plain(StatusCode::NOT_FOUND, ""), |bytes| plain(StatusCode::OK, bytes)))
    }

    async fn put(&self, request: Request<Incoming>, place: Place) -> Result<Reply, CacheError> {
        let cut = |error: &dyn std::fmt::Display| CacheError::unreachable("client", error);
        match place {
            Place::Blob(id) => {
                let frames = BodyStream::new(request.into_body());
                let frames = TryStreamExt::map_err(frames, move |error| cut(&error));
                let pieces = frames.try_filter_map(async |frame| Ok(frame.into_data().ok()));
                self.folder.receive(id, pieces.boxed()).await?;
            }
            Place::Record(slot) => {
                let body = Limited::new(request.into_body(), RECORD_MAX as usize).collect().await;
                let bytes = match body {
                    Ok(body) => body.to_bytes(),
                    Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, ""));
                    }
                    Err(error) => return Err(cut(&error)),
                };
                self.folder.put_records(&[Posted { slot, bytes, blobs: Vec::new() }]).await?;
            }
        }
        Ok(plain(StatusCode::CREATED, ""))
    }
}
