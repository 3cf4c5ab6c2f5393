//! Downloads into files of the store, going on after a cut.

use super::error::{NetError, Trouble};
use super::request::Ask;
use super::{Client, TURN};
use crate::event::Event;
use futures_util::StreamExt;
use gabion_digest::Sha256;
use gabion_store::{Expect, Output, Partial, Store, StoreError};
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Method, Response, StatusCode, Version};

/// A file on its way.
struct Download<'s> {
    partial: Partial<'s>,
    size: Option<u64>,
    /// Whether a digest judges the bytes in the end, wherever they came from.
    pinned: bool,
    /// Where the bytes came from; `None` for none, and for those that an earlier run left.
    begun: Option<Begun>,
}

/// Where the bytes of a file came from.
struct Begun {
    location: String,
    /// Their strong `ETag`.
    etag: Option<HeaderValue>,
}

/// A file that is wanted, and what is known of it before it is here.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'u> {
    /// Where it is, without any mirror.
    pub url: &'u str,
    /// What its bytes must hash to.
    pub sha256: Option<Sha256>,
    /// How many they must be.
    pub size: Option<u64>,
}

impl Client {
    /// A file in the store: from there, or downloaded, going on where an earlier download of it stopped.
    /// `node` is whom the progress is told of.
    ///
    /// A file whose digest nobody knows goes on only after bytes that the server itself says to be the same,
    /// and otherwise begins again. A pinned one is judged at each location; it goes on elsewhere only where the
    /// `ETag` is the same.
    pub async fn fetch(&self, store: &Store, wanted: Wanted<'_>, node: &str) -> Result<Output, NetError> {
        self.obtain(store, wanted, node, async |location: &str, ask: &Ask| self.send(location, ask).await)
            .await
    }

    /// The same for whoever opens locations in another way.
    pub(super) async fn obtain(
        &self,
        store: &Store,
        wanted: Wanted<'_>,
        node: &str,
        open: impl AsyncFn(&str, &Ask) -> Result<Response, Trouble>,
    ) -> Result<Output, NetError> {
        let Wanted { url, sha256, size } = wanted;
        let there = || sha256.map_or(Ok(None), |sha256| store.find(sha256));
        if let Some(output) = there()? {
            return Ok(output);
        }
        let key = sha256.unwrap_or_else(|| Sha256::of(url.as_bytes()));
        let expect = Expect { sha256, size, blob: None };
        let partial = loop {
            let partial = store.partial(key, expect)?;
            // Another process, or another node with the same bytes, may have been here first.
            if let Some(output) = there()? {
                if let Some(partial) = partial {
                    partial.discard();
                }
                return Ok(output);
            }
            match partial {
                Some(partial) => break partial,
                None => tokio::time::sleep(TURN).await,
            }
        };
        Ok(self
            .fill(url, Download { partial, size, pinned: sha256.is_some(), begun: None }, node, open)
            .await?
            .finish()?
            .into())
    }

    /// Downloads into a file of the store, going on where it stands; gives it back complete.
    async fn fill<'s>(
        &self,
        url: &str,
        download: Download<'s>,
        node: &str,
        open: impl AsyncFn(&str, &Ask) -> Result<Response, Trouble>,
    ) -> Result<Partial<'s>, NetError> {
        let cell = tokio::sync::Mutex::new(download);
        self.try_all(url, async |location: &str| {
            let mut download = cell.lock().await;
            if download.is_complete() && download.judge().is_ok() {
                return Ok(());
            }
            let ask = download.ask(location)?;
            let response = open(location, &ask).await?;
            download.begin(location, &response)?;
            let joined = !download.partial.is_empty();
            self.stream(response, &mut download, node).await?;
            // The wrong ones of bytes that were joined may be the old ones.
            download.judge().map_err(|trouble| Trouble { again: joined, ..trouble })
        })
        .await?;
        Ok(cell.into_inner().partial)
    }

    async fn stream(
        &self,
        response: Response,
        download: &mut Download<'_>,
        node: &str,
    ) -> Result<(), Trouble> {
        let whole = is_whole(&response);
        let mut stream = response.bytes_stream();
        let mut told = 0;
        while let Some(piece) = stream.next().await {
            download.append(&piece?)?;
            let done = download.partial.len();
            if done - told > 1 << 20 {
                told = done;
                self.events.send(Event::Progress { node: node.to_owned(), done, total: download.size });
            }
        }
        if !whole && download.size.is_some() && !download.is_complete() {
            let there = download.partial.len();
            return Err(Trouble::again(format!("the connection ended after {there} bytes")));
        }
        Ok(())
    }
}

impl Download<'_> {
    fn is_complete(&self) -> bool {
        self.size == Some(self.partial.len())
    }

    /// The request for what is missing.
    fn ask(&mut self, location: &str) -> Result<Ask, Trouble> {
        let here = self.begun.as_ref().map(|it| it.location == location);
        let tagged = self.begun.as_ref().is_some_and(|it| it.etag.is_some());
        let goes_on = match here {
            None => self.pinned,
            Some(true) => self.pinned || tagged,
            Some(false) => self.pinned && tagged,
        };
        if !goes_on {
            self.restart()?;
        }
        let etag = self.begun.as_ref().and_then(|it| it.etag.clone());
        Ok(Ask { from: self.partial.len(), etag, ..Ask::new(Method::GET) })
    }

    /// Makes room for the body of a reply, or says why it is of no use.
    fn begin(&mut self, location: &str, response: &Response) -> Result<(), Trouble> {
        // RFC 9110 §8.8.3: a weak one says nothing about single bytes.
        let etag = response.headers().get(ETAG).filter(|it| it.as_bytes().starts_with(b"\"")).cloned();
        // A server that does not know `If-Range` goes on with whatever it has.
        let fits = self.begun.as_ref().is_none_or(|it| it.location == location || it.etag == etag);
        match response.status() {
            StatusCode::PARTIAL_CONTENT if fits && starts_at(response) == Some(self.partial.len()) => {}
            // The whole again, or a range that was not asked for: what is there is of no use.
            StatusCode::OK => self.restart()?,
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                self.restart()?;
                return Err(Trouble::again("the server cannot resume"));
            }
            status => return Err(Trouble::finally(format!("HTTP {status}"))),
        }
        self.begun = Some(Begun { location: location.to_owned(), etag });
        Ok(())
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        if let Some(size) = self.size
            && self.partial.len() + piece.len() as u64 > size
        {
            let size = (size, self.partial.len() + piece.len() as u64);
            self.restart()?;
            return Err(too_many(size).into());
        }
        Ok(self.partial.append(piece)?)
    }

    fn restart(&mut self) -> Result<(), Trouble> {
        self.begun = None;
        Ok(self.partial.restart()?)
    }

    /// Whether these are the bytes that are wanted; wrong ones are gone afterwards.
    fn judge(&mut self) -> Result<(), Trouble> {
        self.partial.check().map(drop).map_err(|error| {
            self.begun = None;
            error.into()
        })
    }
}

/// More bytes than the locked ones are other bytes, whatever they hash to.
fn too_many((locked, received): (u64, u64)) -> StoreError {
    let (expected, looks) = (format!("{locked} bytes"), "and not the end yet");
    StoreError::Mismatch { expected, received: "more".to_owned(), size: received, looks }
}

/// Where a partial answer begins (RFC 9110 §14.4, `Content-Range`).
pub(super) fn starts_at(response: &Response) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Whether the end of the body is the end of the file. Only a body that lasts as long as its connection
/// (RFC 9112 §6.3) may have been cut without an error.
fn is_whole(response: &Response) -> bool {
    let framed = |name| response.headers().contains_key(name);
    response.status() == StatusCode::OK
        && (framed(CONTENT_LENGTH) || framed(TRANSFER_ENCODING) || response.version() >= Version::HTTP_2)
}
