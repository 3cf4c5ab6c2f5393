//! Downloads into files of the store, going on after a cut.

use super::error::{NetError, Trouble};
use super::request::Ask;
use super::{Client, TURN};
use crate::event::Event;
use futures_util::StreamExt;
use gabion_digest::Sha256;
use gabion_store::{Expect, Partial, Store};
use reqwest::header::{ETAG, HeaderValue};
use reqwest::{Method, Response, StatusCode};

/// A file on its way.
struct Download<'s> {
    partial: Partial<'s>,
    size: Option<u64>,
    /// Which bytes the file began with: a location and its strong `ETag`.
    begun: Option<(String, HeaderValue)>,
}

impl Client {
    /// The store's file for a download, as soon as nobody else has it; `None` where the bytes arrived
    /// in the meantime.
    pub async fn partial<'s>(
        &self,
        store: &'s Store,
        key: Sha256,
        expect: Expect,
    ) -> Result<Option<Partial<'s>>, NetError> {
        loop {
            if let Some(partial) = store.partial(key, expect)? {
                return Ok(Some(partial));
            }
            if let Some(sha256) = expect.sha256
                && store.by_sha256(sha256)?.is_some()
            {
                return Ok(None);
            }
            tokio::time::sleep(TURN).await;
        }
    }

    /// Downloads into a file of the store, going on where it stands; gives it back complete.
    ///
    /// Where the size is not known, nobody knows the digest for certain either: such a file goes on only
    /// after bytes that the server itself says to be the same, and otherwise begins again.
    pub async fn download<'s>(
        &self,
        url: &str,
        size: Option<u64>,
        partial: Partial<'s>,
        node: &str,
    ) -> Result<Partial<'s>, NetError> {
        self.fill(url, size, partial, node, async |location: &str, ask: &Ask| self.send(location, ask).await)
            .await
    }

    /// The same for whoever opens locations in another way.
    pub(super) async fn fill<'s>(
        &self,
        url: &str,
        size: Option<u64>,
        partial: Partial<'s>,
        node: &str,
        open: impl AsyncFn(&str, &Ask) -> Result<Response, Trouble>,
    ) -> Result<Partial<'s>, NetError> {
        let cell = tokio::sync::Mutex::new(Download { partial, size, begun: None });
        self.try_all(url, async |location: &str| {
            let mut download = cell.lock().await;
            if download.is_complete() {
                return Ok(());
            }
            let ask = download.ask(location)?;
            let response = open(location, &ask).await?;
            download.begin(location, &response)?;
            self.stream(response, &mut download, node).await
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
        let mut stream = response.bytes_stream();
        let mut told = 0;
        while let Some(piece) = stream.next().await {
            download.append(&piece.map_err(Trouble::again)?)?;
            let done = download.partial.len();
            if done - told > 1 << 20 {
                told = done;
                self.events.send(Event::Progress { node: node.to_owned(), done, total: download.size });
            }
        }
        if download.size.is_some() && !download.is_complete() {
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
        let here = self.begun.as_ref().filter(|(from, _)| from == location);
        let etag = here.map(|(_, etag)| etag.clone());
        if etag.is_none() && self.size.is_none() {
            self.restart()?;
        }
        Ok(Ask { from: self.partial.len(), etag, ..Ask::new(Method::GET) })
    }

    /// Makes room for the body of a reply, or says why it is of no use.
    fn begin(&mut self, location: &str, response: &Response) -> Result<(), Trouble> {
        match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(response) == Some(self.partial.len()) => {}
            // The whole again, or a range that was not asked for: what is there is of no use.
            StatusCode::OK => self.restart()?,
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                self.restart()?;
                return Err(Trouble::again("the server cannot resume"));
            }
            status => return Err(Trouble::finally(format!("HTTP {status}"))),
        }
        // RFC 9110 §8.8.3: a weak one says nothing about single bytes.
        let etag = response.headers().get(ETAG).filter(|it| it.as_bytes().starts_with(b"\""));
        self.begun = etag.map(|etag| (location.to_owned(), etag.clone()));
        Ok(())
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        if let Some(size) = self.size
            && self.partial.len() + piece.len() as u64 > size
        {
            self.restart()?;
            return Err(Trouble::finally(format!("more than the {size} locked bytes")));
        }
        self.partial.append(piece).map_err(Trouble::finally)
    }

    fn restart(&mut self) -> Result<(), Trouble> {
        self.begun = None;
        self.partial.restart().map_err(Trouble::finally)
    }
}

/// Where a partial answer begins (RFC 9110 §14.4, `Content-Range`).
fn starts_at(response: &Response) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
