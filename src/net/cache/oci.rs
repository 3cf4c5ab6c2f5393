//! `oci:`: a repository of any registry of images (OCI distribution specification 1.1).
//!
//! A blob is a blob, by its SHA-256. A record is an artifact under a tag that is made of its slot: its first layer is the
//! record, the others are what the record names, so that a registry that removes what nothing refers to keeps them.
//!
//! # Invariants
//! - Who we are is known to the registry and to its endpoint of tokens, as for images, and to nobody whom it names.
//! - Nothing is put anywhere else than at the registry itself.

use super::QUESTIONS;
use super::body::{OwnFault, failed, has_size, pieces, record};
use crate::net::Client;
use crate::net::error::Trouble;
use crate::net::registry::refusal;
use crate::net::request::{Ask, body};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gabion_cache::{Answer, Body, CacheError, Capabilities, Posted, RECORD_MAX, Remote, Slot, Source};
use gabion_digest::{BlobId, Sha256, hash_bytes};
use gabion_oci::compose::{EMPTY, LayerEntry, artifact};
use gabion_oci::{DOCUMENT_LIMIT, Document, LAYER_LIMIT, Manifest, MediaType, Name};
use gabion_store::Output;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// What the artifact of a record is.
const RECORD: &str = "application/vnd.gabion.record.v1";
/// What every blob is.
const BLOB: &str = "application/octet-stream";

/// A cache in a repository.
#[derive(Debug, Clone)]
pub(super) struct OciRemote {
    client: Client,
    /// The location of the repository, without a slash at its end.
    base: String,
    name: String,
    /// Whether the configuration of every artifact was put.
    empty: Arc<OnceCell<()>>,
}

/// The cache at `oci://REGISTRY/REPOSITORY` or `oci+http://…`, or why there is none.
pub(super) fn open(client: Client, address: &str) -> Result<OciRemote, String> {
    let name = address.trim_end_matches('/').to_owned();
    let (scheme, rest) = match (name.strip_prefix("oci://"), name.strip_prefix("oci+http://")) {
        (Some(rest), _) => ("https", rest),
        (None, Some(rest)) => ("http", rest),
        (None, None) => return Err("a registry stands behind `oci://`".to_owned()),
    };
    if rest.contains('@') {
        return Err("a credential stands below `[credentials]` or in Docker's configuration, and a repository has no digest".to_owned());
    }
    let wrong = || format!("`{rest}` is no registry with a repository, in lowercase and without a tag");
    let repository: Name = rest.parse().map_err(|_| wrong())?;
    // What is short for Docker Hub elsewhere is a mistake here.
    if rest.split('/').next() != Some(repository.host()) || repository.repository().starts_with("library/") {
        return Err(wrong());
    }
    let base = format!("{scheme}://{}/v2/{}", repository.api_host(), repository.repository());
    Ok(OciRemote { client, base, name, empty: Arc::default() })
}

impl OciRemote {
    fn blob(&self, sha256: Sha256) -> String {
        format!("{}/blobs/{sha256}", self.base)
    }

    /// Where the artifact of a slot is: a path has more letters than a tag may have.
    fn record(&self, slot: &Slot) -> String {
        let path = Sha256::of(slot.path().as_bytes()).hex();
        format!("{}/manifests/{}-{path}", self.base, slot.key.kind())
    }

    fn failed(&self, trouble: Trouble) -> CacheError {
        failed(&self.name, trouble)
    }

    /// A reply, or nothing where there is nothing.
    async fn ask(&self, location: &str, ask: &Ask) -> Result<Option<Response>, CacheError> {
        let sent = self.client.registry().ask_for(&self.base, location, ask).await;
        let response = sent.map_err(|trouble| self.failed(trouble))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE if ask.method != Method::PUT => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            _ => Err(self.failed(refusal(response).await)),
        }
    }

    async fn has_one(&self, blob: &Output) -> Result<Option<BlobId>, CacheError> {
        let response = self.ask(&self.blob(blob.sha256), &Ask::new(Method::HEAD)).await?;
        Ok(response.filter(|it| has_size(it, blob.size)).map(|_| blob.blob))
    }

    async fn get_from(&self, blob: &Output, from: u64) -> Result<Option<Body>, CacheError> {
        let ask = Ask { from, ..Ask::new(Method::GET) };
        let response = match self.ask(&self.blob(blob.sha256), &ask).await {
            // What is there is shorter than it should be, or the registry knows no ranges.
            Err(CacheError::Refused { why, .. }) if from > 0 && why.contains("416") => {
                self.ask(&self.blob(blob.sha256), &Ask::new(Method::GET)).await?
            }
            other => other?,
        };
        response.map(|it| pieces(&self.name, it)).transpose()
    }

    /// Puts a blob in two requests: where to, and the bytes ("Pushing a blob monolithically", "POST then PUT").
    async fn put_source(&self, source: &Source) -> Result<(), CacheError> {
        let to = format!("{}/blobs/uploads/", self.base);
        let place = self.ask(&to, &Ask::new(Method::POST)).await?;
        let place = place.ok_or_else(|| CacheError::refused(&self.name, "HTTP 404 for an upload"))?;
        let mut location = self.upload_at(&place)?;
        location.query_pairs_mut().append_pair("digest", &source.blob().sha256.to_string());
        let fault = OwnFault::default();
        let mut ask = Ask { upload: Some(fault.upload_of(source)), ..Ask::new(Method::PUT) };
        ask.more.insert(CONTENT_TYPE, HeaderValue::from_static(BLOB));
        fault.or(self.ask(location.as_str(), &ask).await).map(drop)
    }

    /// Where the bytes are to be put.
    fn upload_at(&self, place: &Response) -> Result<Url, CacheError> {
        let odd = |why: &str| CacheError::refused(&self.name, why);
        let base = Url::parse(&self.base).map_err(|_| odd("its own location is none"))?;
        let to = place.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let mut to =
            to.and_then(|to| place.url().join(to).ok()).ok_or_else(|| odd("an upload to nowhere"))?;
        let same = to.host_str() == base.host_str() && to.port() == base.port();
        if !same || place.url().origin() != base.origin() {
            return Err(odd("it wants the bytes to be put elsewhere"));
        }
        // A registry behind a proxy may not know that it is asked over TLS.
        to.set_scheme(base.scheme()).map_err(|()| odd("an upload to nowhere"))?;
        Ok(to)
    }

    async fn put_bytes(&self, bytes: Bytes) -> Result<LayerEntry, CacheError> {
        let blob: Output = hash_bytes(&bytes).into();
        self.put_source(&Source::of_bytes(bytes, &blob)).await?;
        Ok(LayerEntry { media_type: RECORD.to_owned(), digest: blob.sha256, size: blob.size })
    }

    async fn record_in(&self, slot: &Slot) -> Result<Option<Bytes>, CacheError> {
        let accept = Some(HeaderValue::from_static(MediaType::OCI_MANIFEST));
        let ask = Ask { accept, ..Ask::new(Method::GET) };
        let Some(response) = self.ask(&self.record(slot), &ask).await? else { return Ok(None) };
        let bytes = body(response, DOCUMENT_LIMIT).await.map_err(|trouble| self.failed(trouble))?;
        let kind = MediaType::OCI_MANIFEST.parse().ok();
        let Ok(Document::Manifest(manifest)) = Document::parse(bytes.clone(), kind.as_ref()) else {
            return Ok(Some(bytes.into()));
        };
        match record_of(&manifest) {
            // What stands there is not what should: whoever judges records says so.
            None => Ok(Some(bytes.into())),
            Some((_, size)) if size > RECORD_MAX => Ok(None),
            Some((sha256, _)) => match self.ask(&self.blob(sha256), &Ask::new(Method::GET)).await? {
                Some(response) => record(&self.name, response).await,
                None => Ok(None),
            },
        }
    }

    async fn put_record(&self, record: &Posted) -> Result<(), CacheError> {
        let empty = || async { self.put_bytes(Bytes::from_static(EMPTY)).await.map(drop) };
        self.empty.get_or_try_init(empty).await?;
        let own = self.put_bytes(record.bytes.clone()).await?;
        let mut manifest = artifact(RECORD, &layers(own.clone(), &record.blobs));
        if manifest.len() as u64 > DOCUMENT_LIMIT {
            // The records of the single results keep the blobs of a closure that has too many.
            manifest = artifact(RECORD, &[own]);
        }
        let mut ask = Ask { body: manifest, ..Ask::new(Method::PUT) };
        ask.more.insert(CONTENT_TYPE, HeaderValue::from_static(MediaType::OCI_MANIFEST));
        self.ask(&self.record(&record.slot), &ask).await.map(drop)
    }
}

/// The record, then what it names, each once, sorted by digest.
fn layers(own: LayerEntry, blobs: &[Output]) -> Vec<LayerEntry> {
    let named = blobs.iter().filter(|it| it.size <= LAYER_LIMIT).map(|it| (it.sha256, it.size));
    let named: BTreeMap<Sha256, u64> = named.collect();
    let layer = |(digest, size)| LayerEntry { media_type: BLOB.to_owned(), digest, size };
    std::iter::once(own).chain(named.into_iter().map(layer)).collect()
}

/// Where the record of an artifact is; `None` where it is none of ours.
fn record_of(manifest: &Manifest) -> Option<(Sha256, u64)> {
    let ours = manifest.artifact_type().is_some_and(|it| it.as_str() == RECORD);
    manifest
        .layers()
        .first()
        .filter(|it| ours && it.media_type.as_str() == RECORD)
        .map(|it| (it.digest, it.size))
}

impl Remote for OciRemote {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Events;

    fn opened(address: &str) -> Result<String, String> {
        let client = Client::new(&Config::default(), false, &Events::silent()).unwrap();
        open(client, address).map(|it| it.base)
    }

    #[test]
    fn a_repository_is_named_with_its_registry() {
        let base = |address: &str| opened(address).unwrap();
        assert_eq!(base("oci://ghcr.io/team/cache/"), "https://ghcr.io/v2/team/cache");
        assert_eq!(base("oci://docker.io/team/cache"), "https://registry-1.docker.io/v2/team/cache");
        assert_eq!(base("oci+http://127.0.0.1:5000/cache"), "http://127.0.0.1:5000/v2/cache");
        for bad in
            ["oci:ghcr.io/a", "oci://team/cache", "oci://ghcr.io", "oci://ghcr.io/A", "oci://ghcr.io/a:1"]
        {
            assert!(opened(bad).is_err(), "{bad}");
        }
        let error = opened("oci://me:secret@ghcr.io/a").unwrap_err();
        assert!(error.contains("below `[credentials]`") && !error.contains("secret"), "{error}");
    }
}
