//! One commit of a git repository, without a git program (version 2 of the smart protocol over HTTP:
//! `gitprotocol-http`, `gitprotocol-v2`).
//!
//! # Invariants
//! - The archive is that of the commit that was asked for: every object is used under the name that it hashes to.
//! - A reply is never in memory as a whole: the pack goes through a file without a name on the store's disk.
//! - A location that lies or breaks off is one attempt that failed; the next one is asked.

mod error;
mod unpack;

pub use error::GitError;

use super::Client;
use super::error::{NetError, Trouble};
use super::request::{Ask, body};
use crate::event::Event;
use error::Fault;
use futures_util::StreamExt;
use gabion_git::{Capabilities, ObjectId, ParseIdError, RefName, fetch_request};
use gabion_lockfile::CommitId;
use gabion_store::{Expect, Output, Store};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use unpack::Unpacking;

/// How a client says which version it speaks (`gitprotocol-http`).
const PROTOCOL: (HeaderName, HeaderValue) =
    (HeaderName::from_static("git-protocol"), HeaderValue::from_static("version=2"));
/// What a command is sent as.
const REQUEST: HeaderValue = HeaderValue::from_static("application/x-git-upload-pack-request");
/// What follows the location of a repository in the first request.
const REFS: &str = "/info/refs?service=git-upload-pack";
/// Capabilities are a page of text.
const CAPABILITIES: u64 = 1 << 20;
/// References of the largest repositories, from servers that send all of them.
const REFERENCES: u64 = 64 << 20;
/// Progress is told after so many bytes.
const STEP: u64 = 1 << 20;

/// A git repository, over a [`Client`].
#[derive(Debug, Clone, Copy)]
pub struct Repository<'c> {
    client: &'c Client,
    url: &'c str,
}

/// A server that answered: what it can do, and where it is after redirects.
struct Server {
    capabilities: Capabilities,
    base: String,
}

impl<'c> Repository<'c> {
    pub(super) fn new(client: &'c Client, url: &'c str) -> Self {
        Self { client, url }
    }

    /// The commit that a branch, a tag, `HEAD` or a full id leads to; an id is not asked for.
    pub async fn resolve_ref(&self, reference: &str) -> Result<CommitId, GitError> {
        match reference.parse::<ObjectId>() {
            Ok(id) => return Ok(CommitId::new(&id.to_string())?),
            Err(error @ ParseIdError::Sha256(_)) => return Err(error.into()),
            Err(ParseIdError::Malformed(_)) => {}
        }
        let unresolved =
            |source| GitError::Reference { url: self.url.into(), name: reference.into(), source };
        let name = RefName::new(reference).map_err(unresolved)?;
        let id = self
            .each(async |server: Server| {
                let response = self.post(&server, name.request(&server.capabilities)).await?;
                let reply = body(response, REFERENCES).await?;
                Ok(name.choose(&reply[..]).map_err(unresolved)?)
            })
            .await?;
        Ok(CommitId::new(&id.to_string())?)
    }

    /// Fetches one commit and puts its canonical archive into the store (`formats/git/FORMAT.md`).
    ///
    /// `expect` is what the lock says of the archive; an archive that is another one is refused. `node` is whose
    /// progress it is.
    pub async fn fetch_commit(
        &self,
        store: &Store,
        commit: &CommitId,
        expect: Expect,
        node: &str,
    ) -> Result<Output, GitError> {
        let commit: ObjectId = commit.as_str().parse()?;
        self.each(async |server: Server| {
            let response = self.post(&server, fetch_request(&server.capabilities, commit)).await?;
            let mut unpacking = Unpacking::start(self.url, store, commit, expect);
            self.feed(response, &mut unpacking, node).await;
            Ok(unpacking.finish().await?)
        })
        .await
    }

    /// Hands over the reply as it comes. Where it breaks off, or nobody wants more of it, unpacking knows why.
    async fn feed(&self, response: Response, unpacking: &mut Unpacking, node: &str) {
        let mut stream = response.bytes_stream();
        let (mut done, mut told) = (0, 0);
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| crate::error::chain(&error.without_url()));
            done += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            if !unpacking.push(piece.map(|piece| piece.to_vec())).await {
                return;
            }
            if done - told > STEP {
                told = done;
                self.client.events.send(Event::Progress { node: node.to_owned(), done, total: None });
            }
        }
    }

    /// Does something with every location in turn until it is done. What the last one said is the error.
    async fn each<T>(&self, mut work: impl AsyncFnMut(Server) -> Result<T, Fault>) -> Result<T, GitError> {
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return Err(GitError::Scheme { url: self.url.to_owned() });
        }
        let mut last = None;
        let done = self.client.try_all(self.url, async |location: &str| {
            let result = match self.open(location).await {
                Ok(server) => work(server).await,
                Err(fault) => Err(fault),
            };
            let (trouble, reply) = match result {
                Ok(value) => return Ok(value),
                Err(Fault::Request(trouble)) => (trouble, None),
                Err(Fault::Reply(error)) => (error.trouble(), Some(error)),
            };
            last = reply;
            Err(trouble)
        });
        match (done.await, last) {
            (Err(NetError::Failed { .. }), Some(error)) => Err(error),
            (done, _) => Ok(done?),
        }
    }

    /// The first request. Where it is redirected, the next one goes there (as git does it: `http.followRedirects`,
    /// `initial`).
    async fn open(&self, location: &str) -> Result<Server, Fault> {
        let more = HeaderMap::from_iter([PROTOCOL]);
        let ask = Ask { more, ..Ask::new(Method::GET) };
        let response = self.client.send(&format!("{}{REFS}", location.trim_end_matches('/')), &ask).await?;
        let response = good(response)?;
        let base = response.url().as_str().strip_suffix(REFS).map(str::to_owned);
        let base = base.ok_or_else(|| Trouble::finally("a redirect to something that is no repository"))?;
        let reply = body(response, CAPABILITIES).await?;
        let refused = |source| GitError::Protocol { url: self.url.to_owned(), source };
        Ok(Server { capabilities: Capabilities::read(&reply[..]).map_err(refused)?, base })
    }

    async fn post(&self, server: &Server, body: Vec<u8>) -> Result<Response, Fault> {
        let more = HeaderMap::from_iter([PROTOCOL, (CONTENT_TYPE, REQUEST)]);
        let ask = Ask { more, body, ..Ask::new(Method::POST) };
        Ok(good(self.client.send(&format!("{}/git-upload-pack", server.base), &ask).await?)?)
    }
}

fn good(response: Response) -> Result<Response, Trouble> {
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(Trouble::finally(format!("HTTP {status}"))),
    }
}
