//! `s3:`: objects in a bucket of AWS, or of any server that speaks its protocol (Amazon S3 API Reference).
//!
//! Objects have the paths that a folder has. Requests are signed with the key of the user's configuration or environment, or
//! are nobody's where there is none.
//!
//! # Invariants
//! - No request follows a redirect, because what is signed is for one server.
//! - A blob is put only where none is, as far as the server knows such a condition; one with other bytes is replaced.
//! - The server is told the SHA-256 of each body before it comes, except of parts of large ones, so that it can refuse others.

mod address;
mod parts;
mod sign;

use super::QUESTIONS;
use super::body::{OwnFault, failed, has_size, pieces, record};
use crate::net::Client;
use crate::net::error::Trouble;
use crate::net::request::{Ask, Auth, body};
use address::Place;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gabion_cache::{Answer, Body, CacheError, Capabilities, Posted, Remote, Slot, Source};
use gabion_digest::{BlobId, Sha256};
use gabion_store::Output;
use reqwest::header::{HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, Response, StatusCode, Url};
use sign::Signing;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Errors and other small replies.
const REPLY_LIMIT: u64 = 64 << 10;

/// A cache in a bucket.
#[derive(Debug, Clone)]
pub(super) struct S3Remote {
    client: Client,
    /// Without a slash at its end.
    base: String,
    name: String,
    /// `None` where requests are nobody's.
    signing: Option<Signing>,
    /// Whether the server knows `If-None-Match` of what is put, as far as we know.
    conditional: Arc<AtomicBool>,
}

/// The cache at `s3://…` or `s3+http(s)://…`, or why there is none.
pub(super) fn open(client: Client, address: &str) -> Result<S3Remote, String> {
    let place = Place::of(address, &client.config.aws)?;
    let signing = place.signing(&client)?;
    let base = place.base.as_str().trim_end_matches('/').to_owned();
    Ok(S3Remote { client, base, name: place.name, signing, conditional: Arc::new(true.into()) })
}

/// The present, which a signature is for; no byte of a cache depends on it.
#[expect(clippy::disallowed_methods, reason = "a signature is valid for a quarter of an hour")]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}

impl S3Remote {
    fn blob(&self, blob: &Output) -> String {
        let hex = blob.blob.hex();
        format!("{}/blob/{}/{hex}", self.base, &hex[..2])
    }

    fn record(&self, slot: &Slot) -> String {
        format!("{}/record/{}", self.base, slot.path())
    }

    /// A reply, whatever it says. `payload` is the SHA-256 of the body in hex digits, or [`sign::UNSIGNED`].
    async fn ask(&self, location: &str, payload: &str, mut ask: Ask) -> Result<Response, CacheError> {
        let failed = |trouble| failed(&self.name, trouble);
        let url = Url::parse(location).map_err(|error| failed(Trouble::finally(error)))?;
        let sign = |it: &Signing| it.sign(&ask.method, &url, payload, &mut ask.more, now());
        ask.auth = Auth::Header(self.signing.as_ref().and_then(sign));
        self.client.send_here(&url, &ask).await.map_err(failed)
    }

    /// The same for a request without a body.
    async fn ask_plain(&self, location: &str, ask: Ask) -> Result<Response, CacheError> {
        self.ask(location, &Sha256::of(b"").hex(), ask).await
    }

    /// The same for a small body.
    async fn ask_with(&self, location: &str, method: Method, body: Vec<u8>) -> Result<Response, CacheError> {
        let payload = Sha256::of(&body).hex();
        self.ask(location, &payload, Ask { body, ..Ask::new(method) }).await
    }

    /// A reply with something, or nothing where there is nothing.
    async fn there(&self, response: Response) -> Result<Option<Response>, CacheError> {
        let status = response.status();
        if status.is_success() {
            return Ok(Some(response));
        }
        let absent = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
        let (region, code) = (region(&response), code(response).await);
        // A bucket that is not there has no objects, and is not what the user meant.
        if absent && code != "NoSuchBucket" { Ok(None) } else { Err(self.refused(status, region, &code)) }
    }

    /// A reply that must be a success.
    async fn done(&self, response: Response) -> Result<Response, CacheError> {
        let status = response.status();
        let there = self.there(response).await?;
        there.ok_or_else(|| CacheError::refused(&self.name, format!("HTTP {status}")))
    }

    fn refused(&self, status: StatusCode, region: Option<String>, code: &str) -> CacheError {
        let mut why = format!("HTTP {status}");
        for part in [(!code.is_empty()).then(|| code.to_owned()), region].into_iter().flatten() {
            why = format!("{why}: {part}");
        }
        if status == StatusCode::FORBIDDEN && self.signing.is_none() {
            why.push_str(" (there is no access key, so nobody asked)");
        }
        // Another writer was in the way, or the body stood still.
        if status == StatusCode::CONFLICT || code == "RequestTimeout" {
            return CacheError::unreachable(&self.name, why);
        }
        CacheError::refused(&self.name, why)
    }

    async fn has_one(&self, blob: &Output) -> Result<Option<BlobId>, CacheError> {
        let response = self.ask_plain(&self.blob(blob), Ask::new(Method::HEAD)).await?;
        let there = self.there(response).await?;
        Ok(there.filter(|it| has_size(it, blob.size)).map(|_| blob.blob))
    }

    /// Whether the server itself found these bytes there.
    async fn is_right(&self, blob: &Output) -> Result<bool, CacheError> {
        let mut ask = Ask::new(Method::HEAD);
        ask.more.insert("x-amz-checksum-mode", HeaderValue::from_static("ENABLED"));
        let response = self.ask_plain(&self.blob(blob), ask).await?;
        let sum = |it: &Response| it.headers().get("x-amz-checksum-sha256").cloned();
        let there = self.there(response).await?.filter(|it| has_size(it, blob.size));
        Ok(there.as_ref().and_then(sum).is_some_and(|it| it.as_bytes() == checksum(blob).as_bytes()))
    }

    async fn get_from(&self, blob: &Output, from: u64) -> Result<Option<Body>, CacheError> {
        let get = |from| Ask { from, ..Ask::new(Method::GET) };
        let mut response = self.ask_plain(&self.blob(blob), get(from)).await?;
        // What is there is shorter than it should be.
        if from > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            response = self.ask_plain(&self.blob(blob), get(0)).await?;
        }
        self.there(response).await?.map(|it| pieces(&self.name, it)).transpose()
    }

    async fn put_source(&self, source: &Source) -> Result<(), CacheError> {
        if source.blob().size > parts::PART {
            return parts::put(self, source).await;
        }
        if self.conditional.load(Ordering::Relaxed) {
            let response = self.put_whole(source, true).await?;
            match response.status() {
                StatusCode::PRECONDITION_FAILED if self.is_right(source.blob()).await? => return Ok(()),
                StatusCode::PRECONDITION_FAILED => {}
                StatusCode::NOT_IMPLEMENTED => self.conditional.store(false, Ordering::Relaxed),
                _ => return self.done(response).await.map(drop),
            }
        }
        self.done(self.put_whole(source, false).await?).await.map(drop)
    }

    async fn put_whole(&self, source: &Source, only_new: bool) -> Result<Response, CacheError> {
        let (blob, fault) = (source.blob(), OwnFault::default());
        let mut ask = Ask { upload: Some(fault.upload_of(source)), ..Ask::new(Method::PUT) };
        ask.more.insert("x-amz-sdk-checksum-algorithm", HeaderValue::from_static("SHA256"));
        if let Ok(sum) = checksum(blob).parse() {
            ask.more.insert("x-amz-checksum-sha256", sum);
        }
        if only_new {
            ask.more.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        fault.or(self.ask(&self.blob(blob), &blob.sha256.hex(), ask).await)
    }

    async fn record_in(&self, slot: &Slot) -> Result<Option<Bytes>, CacheError> {
        let response = self.ask_plain(&self.record(slot), Ask::new(Method::GET)).await?;
        match self.there(response).await? {
            Some(response) => record(&self.name, response).await,
            None => Ok(None),
        }
    }

    async fn put_record(&self, record: &Posted) -> Result<(), CacheError> {
        let location = self.record(&record.slot);
        let response = self.ask_with(&location, Method::PUT, record.bytes.to_vec()).await?;
        self.done(response).await.map(drop)
    }
}

/// The SHA-256 of a blob as headers have it.
fn checksum(blob: &Output) -> String {
    BASE64_STANDARD.encode(blob.sha256.as_bytes())
}

/// The text of an element of a small reply; empty where there is none.
fn element(reply: &str, name: &str) -> String {
    let inside = reply.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once("</"));
    inside.map(|(text, _)| text.to_owned()).unwrap_or_default()
}

/// What an error calls itself (Amazon S3 API Reference, "Error responses"); empty where it has no name.
async fn code(response: Response) -> String {
    let reply = body(response, REPLY_LIMIT).await.unwrap_or_default();
    code_in(&String::from_utf8_lossy(&reply))
}

fn code_in(reply: &str) -> String {
    let code = element(reply, "Code");
    if code.len() < 64 && code.bytes().all(|it| it.is_ascii_alphanumeric()) { code } else { String::new() }
}

/// Where a bucket is that was asked for elsewhere.
fn region(response: &Response) -> Option<String> {
    let plain = |it: &&str| it.len() < 64 && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    let told = response.headers().get("x-amz-bucket-region").and_then(|it| it.to_str().ok()).filter(plain);
    told.filter(|_| response.status().is_redirection())
        .map(|it| format!("the bucket is in the region `{it}`, which `AWS_REGION` names"))
}

impl Remote for S3Remote {
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
