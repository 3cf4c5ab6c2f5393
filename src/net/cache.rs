//! Caches that are asked over HTTP, with `GET`, `HEAD` and `PUT`: any server that keeps files.
//!
//! # Invariants
//! - A credential is that of the configured host, and goes to no other server.
//! - Nothing is tried again here, and no mirror is asked: how a cache is treated is said once, in `gabion_cache`.
//! - A body that turns out to be wrong on its way is never ended, so the server has no whole one.

use super::Client;
use super::download::starts_at;
use super::error::Trouble;
use super::request::{Ask, Upload, body};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gabion_cache::{
    Answer, Body, CacheError, Capabilities, DirRemote, Posted, RECORD_MAX, Remote, Slot, Source,
};
use gabion_digest::{BlobId, Sha256};
use gabion_store::Output;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Response, StatusCode, Url};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How many small questions are asked at once.
const QUESTIONS: usize = 32;

/// How the paths of a server are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As a folder has them.
    Own,
    /// As Bazel asks for them: `cas` and `ac`, all under SHA-256.
    Bazel,
}

/// A cache over HTTP.
#[derive(Debug, Clone)]
struct HttpRemote {
    client: Client,
    /// Without a slash at its end.
    base: String,
    name: String,
    layout: Layout,
}

/// The cache at `address`: `dir:PATH`, `http://…`, `https://…`, or one of these two behind `bazel+`.
pub fn remote(client: &Client, address: &str) -> Result<Arc<dyn Remote>, CacheError> {
    let wrong = |why: &str| CacheError::Address { address: without_secret(address), why: why.to_owned() };
    if let Some(path) = address.strip_prefix("dir:") {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(wrong("a folder is named from `/` on"));
        }
        return Ok(Arc::new(DirRemote::new(path)));
    }
    let (layout, base) =
        address.strip_prefix("bazel+").map_or((Layout::Own, address), |rest| (Layout::Bazel, rest));
    let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("nobody here speaks that"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a credential stands below `[credentials]`, not in an address"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it ends with its path"));
    }
    let base = url.as_str().trim_end_matches('/').to_owned();
    let name = if layout == Layout::Bazel { format!("bazel+{base}") } else { base.clone() };
    // Blobs verify themselves and records are signed, so whether they travel in clear is for whoever wrote the address.
    Ok(Arc::new(HttpRemote { client: client.for_signed(), base, name, layout }))
}

/// An address as it may be shown.
fn without_secret(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &address[..scheme + 3], &address[at..]),
        _ => address.to_owned(),
    }
}

impl HttpRemote {
    fn blob(&self, blob: &Output) -> String {
        match self.layout {
            Layout::Own => {
                let hex = blob.blob.hex();
                format!("{}/blob/{}/{hex}", self.base, &hex[..2])
            }
            Layout::Bazel => format!("{}/cas/{}", self.base, blob.sha256.hex()),
        }
    }

    fn record(&self, slot: &Slot) -> String {
        match self.layout {
            Layout::Own => format!("{}/record/{}", self.base, slot.path()),
            Layout::Bazel => format!("{}/ac/{}", self.base, Sha256::of(slot.path().as_bytes()).hex()),
        }
    }

    fn failed(&self, trouble: Trouble) -> CacheError {
        let (remote, why) = (self.name.clone(), trouble.why);
        if trouble.again {
            CacheError::Unreachable { remote, why, wait: trouble.wait }
        } else {
            CacheError::Refused { remote, why }
        }
    }

    /// A reply, or nothing where there is nothing.
    async fn ask(&self, location: &str, ask: &Ask) -> Result<Option<Response>, CacheError> {
        let response = self.client.send(location, ask).await.map_err(|trouble| self.failed(trouble))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status => Err(CacheError::refused(&self.name, format!("HTTP {status}"))),
        }
    }

    async fn has_one(&self, blob: &Output) -> Result<Option<BlobId>, CacheError> {
        let response = self.ask(&self.blob(blob), &Ask::new(Method::HEAD)).await?;
        let size = |it: &Response| it.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
        // A server that does not tell the size may still have it: the bytes will show.
        Ok(response.filter(|it| size(it).is_none_or(|size| size == blob.size)).map(|_| blob.blob))
    }

    async fn get_from(&self, blob: &Output, from: u64) -> Result<Option<Body>, CacheError> {
        let ask = Ask { from, ..Ask::new(Method::GET) };
        let response = match self.ask(&self.blob(blob), &ask).await {
            // What is there is shorter than it should be, or the server knows no ranges.
            Err(CacheError::Refused { why, .. }) if from > 0 && why.contains("416") => {
                self.ask(&self.blob(blob), &Ask::new(Method::GET)).await?
            }
            other => other?,
        };
        let Some(response) = response else { return Ok(None) };
        let from = match response.status() {
            StatusCode::OK => Some(0),
            StatusCode::PARTIAL_CONTENT => starts_at(&response),
            _ => None,
        };
        let odd = || CacheError::refused(&self.name, format!("HTTP {}", response.status()));
        let from = from.ok_or_else(odd)?;
        let own = self.clone();
        let pieces = response.bytes_stream().map_err(move |error| own.failed(error.into())).boxed();
        Ok(Some(Body { from, pieces }))
    }

    async fn put_source(&self, source: &Source) -> Result<(), CacheError> {
        // What went wrong with the bytes here; the client only tells that its body ended early.
        let own_fault: Arc<Mutex<Option<CacheError>>> = Arc::default();
        let fault = Arc::clone(&own_fault);
        let noted = move |error: CacheError| {
            let told = std::io::Error::other(error.to_string());
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            told
        };
        let (size, own) = (source.blob().size, source.clone());
        let pieces = Arc::new(move || own.pieces().map_err(noted.clone()).boxed());
        let ask = Ask { upload: Some(Upload { size, pieces }), ..Ask::new(Method::PUT) };
        let done = self.ask(&self.blob(source.blob()), &ask).await;
        if let Some(error) = own_fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        done?.map(drop).ok_or_else(|| CacheError::refused(&self.name, "HTTP 404 for a PUT"))
    }

    async fn record_in(&self, slot: &Slot) -> Result<Option<Bytes>, CacheError> {
        let Some(response) = self.ask(&self.record(slot), &Ask::new(Method::GET)).await? else {
            return Ok(None);
        };
        if response.content_length().is_some_and(|it| it > RECORD_MAX) {
            return Ok(None);
        }
        match body(response, RECORD_MAX).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(trouble) if trouble.again => Err(self.failed(trouble)),
            Err(_) => Ok(None),
        }
    }

    async fn put_record(&self, record: &Posted) -> Result<(), CacheError> {
        let ask = Ask { body: record.bytes.to_vec(), ..Ask::new(Method::PUT) };
        let done = self.ask(&self.record(&record.slot), &ask).await?;
        done.map(drop).ok_or_else(|| CacheError::refused(&self.name, "HTTP 404 for a PUT"))
    }
}

impl Remote for HttpRemote {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Answer<'_, Capabilities> {
        Box::pin(async { Ok(Capabilities::default()) })
    }

    fn has<'a>(&'a self, blobs: &'a [Output]) -> Answer<'a, BTreeSet<BlobId>> {
        let all = stream::iter(blobs).map(|blob| self.has_one(blob)).buffer_unordered(QUESTIONS);
        Box::pin(all.try_filter_map(async |found| Ok(found)).try_collect())
    }

    fn get<'a>(&'a self, blob: &'a Output, from: u64) -> Answer<'a, Option<Body>> {
        Box::pin(self.get_from(blob, from))
    }

    fn put<'a>(&'a self, source: &'a Source) -> Answer<'a, ()> {
        Box::pin(self.put_source(source))
    }

    fn records<'a>(&'a self, slots: &'a [Slot]) -> Answer<'a, Vec<Option<Bytes>>> {
        Box::pin(stream::iter(slots).map(|slot| self.record_in(slot)).buffered(QUESTIONS).try_collect())
    }

    fn put_records<'a>(&'a self, records: &'a [Posted]) -> Answer<'a, ()> {
        let all = stream::iter(records).map(|record| self.put_record(record)).buffer_unordered(QUESTIONS);
        Box::pin(all.try_for_each(async |()| Ok(())))
    }
}
