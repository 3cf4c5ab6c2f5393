//! `http(s)://`: any server that keeps files and knows `GET`, `HEAD` and `PUT`.

use super::body::{OwnFault, failed, has_size, pieces, record};
use super::{QUESTIONS, base};
use crate::net::Client;
use crate::net::request::Ask;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gabion_cache::{Answer, Body, CacheError, Capabilities, Posted, Remote, Slot, Source};
use gabion_digest::{BlobId, Sha256};
use gabion_store::Output;
use reqwest::{Method, Response, StatusCode};
use std::collections::BTreeSet;

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
pub(super) struct HttpRemote {
    client: Client,
    /// Without a slash at its end.
    base: String,
    name: String,
    layout: Layout,
}

/// The cache at `http(s)://…` or `bazel+http(s)://…`, or why there is none.
pub(super) fn open(client: Client, address: &str) -> Result<HttpRemote, String> {
    let (layout, rest) =
        address.strip_prefix("bazel+").map_or((Layout::Own, address), |rest| (Layout::Bazel, rest));
    let base = base(rest)?.as_str().trim_end_matches('/').to_owned();
    let name = if layout == Layout::Bazel { format!("bazel+{base}") } else { base.clone() };
    Ok(HttpRemote { client, base, name, layout })
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

    /// A reply, or nothing where there is nothing.
    async fn ask(&self, location: &str, ask: &Ask) -> Result<Option<Response>, CacheError> {
        let sent = self.client.send(location, ask).await;
        let response = sent.map_err(|trouble| failed(&self.name, trouble))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status => Err(CacheError::refused(&self.name, format!("HTTP {status}"))),
        }
    }

    async fn has_one(&self, blob: &Output) -> Result<Option<BlobId>, CacheError> {
        let response = self.ask(&self.blob(blob), &Ask::new(Method::HEAD)).await?;
        Ok(response.filter(|it| has_size(it, blob.size)).map(|_| blob.blob))
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
        response.map(|it| pieces(&self.name, it)).transpose()
    }

    async fn put_source(&self, source: &Source) -> Result<(), CacheError> {
        let fault = OwnFault::default();
        let ask = Ask { upload: Some(fault.upload_of(source)), ..Ask::new(Method::PUT) };
        self.taken(fault.or(self.ask(&self.blob(source.blob()), &ask).await)?)
    }

    async fn record_in(&self, slot: &Slot) -> Result<Option<Bytes>, CacheError> {
        match self.ask(&self.record(slot), &Ask::new(Method::GET)).await? {
            Some(response) => record(&self.name, response).await,
            None => Ok(None),
        }
    }

    async fn put_record(&self, record: &Posted) -> Result<(), CacheError> {
        let ask = Ask { body: record.bytes.to_vec(), ..Ask::new(Method::PUT) };
        self.taken(self.ask(&self.record(&record.slot), &ask).await?)
    }

    fn taken(&self, done: Option<Response>) -> Result<(), CacheError> {
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
