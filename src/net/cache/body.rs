//! Bodies of requests and replies, and what a reply means for a cache.

use crate::net::download::starts_at;
use crate::net::error::Trouble;
use crate::net::request::{Upload, body};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use gabion_cache::{Body, CacheError, Pieces, RECORD_MAX, Source};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Response, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};

/// What a cache says by not answering as it should.
pub(super) fn failed(remote: &str, trouble: Trouble) -> CacheError {
    let (remote, why) = (remote.to_owned(), trouble.why);
    if trouble.again {
        CacheError::Unreachable { remote, why, wait: trouble.wait }
    } else {
        CacheError::Refused { remote, why }
    }
}

/// Whether the reply to a `HEAD` is about `size` bytes. A server that does not tell may still have them: the bytes will
/// show.
pub(super) fn has_size(response: &Response, size: u64) -> bool {
    let told = response.headers().get(CONTENT_LENGTH);
    told.and_then(|it| it.to_str().ok()?.parse::<u64>().ok()).is_none_or(|it| it == size)
}

/// The bytes of the reply to a `GET` with or without a range.
pub(super) fn pieces(remote: &str, response: Response) -> Result<Body, CacheError> {
    let from = match response.status() {
        StatusCode::OK => Some(0),
        StatusCode::PARTIAL_CONTENT => starts_at(&response),
        _ => None,
    };
    let odd = || CacheError::refused(remote, format!("HTTP {}", response.status()));
    let from = from.ok_or_else(odd)?;
    let remote = remote.to_owned();
    let pieces = response.bytes_stream().map_err(move |error| failed(&remote, error.into())).boxed();
    Ok(Body { from, pieces })
}

/// A record, which is nothing where it is too long for one.
pub(super) async fn record(remote: &str, response: Response) -> Result<Option<Bytes>, CacheError> {
    if response.content_length().is_some_and(|it| it > RECORD_MAX) {
        return Ok(None);
    }
    match body(response, RECORD_MAX).await {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(trouble) if trouble.again => Err(failed(remote, trouble)),
        Err(_) => Ok(None),
    }
}

/// What went wrong with bytes that are put; the client only tells that its body ended early.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnFault(Arc<Mutex<Option<CacheError>>>);

impl OwnFault {
    /// A body of `size` bytes; `pieces` gives them from the start.
    pub(super) fn upload(&self, size: u64, pieces: impl Fn() -> Pieces + Send + Sync + 'static) -> Upload {
        let own = self.clone();
        let noted = move |error: CacheError| {
            let told = std::io::Error::other(error.to_string());
            *own.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            told
        };
        Upload { size, pieces: Arc::new(move || pieces().map_err(noted.clone()).boxed()) }
    }

    /// The body that `source` is.
    pub(super) fn upload_of(&self, source: &Source) -> Upload {
        let own = source.clone();
        self.upload(source.blob().size, move || own.pieces())
    }

    /// What came of it: the fault of the bytes, or else what the server said.
    pub(super) fn or<T>(&self, done: Result<T, CacheError>) -> Result<T, CacheError> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => done,
        }
    }
}
