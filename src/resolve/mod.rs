//! The only place that chooses versions, and the only one that asks the network what there is.
//!
//! A pin that still answers its request stays; only what is stale is asked for.

mod apt;
mod attached;
mod chart;
mod error;
mod git;
mod image;
mod k3s;

pub use error::{FormatError, ResolveError};

use crate::event::{Event, Events};
use crate::lock::{Locks, Question};
use crate::net::{Client, NetError, Wanted};
use crate::recipe::kinds::Fetch;
use crate::recipe::{Body, Settings};
use crate::request::Request;
use futures_util::StreamExt;
use gabion_digest::Sha256;
use gabion_lockfile::{AptLock, Entry, EntryId, Floor, Pin, Size, Text, Trust, Url};
use gabion_store::{Output, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// What answers a request.
enum Answer {
    Entry(Box<Entry>),
    Closure(Box<AptLock>),
}

impl Answer {
    fn bytes(&self) -> u64 {
        match self {
            Self::Entry(entry) => entry.pin.size().get(),
            Self::Closure(closure) => u64::try_from(closure.total_size()).unwrap_or(u64::MAX),
        }
    }
}

/// Answers `questions`: pins of `previous` that still fit stay unless asked for again, the rest is pinned
/// anew, `jobs` at once.
///
/// Entries that nobody asks for are dropped, as in other lock files. All that cannot be pinned is told at
/// once.
pub async fn lock(
    settings: &Settings,
    questions: &[Question<'_>],
    previous: &Locks,
    client: &Client,
    store: &Store,
    jobs: usize,
    events: &Events,
) -> Result<Locks, ResolveError> {
    let (fitting, stale): (Vec<_>, Vec<_>) =
        questions.iter().partition(|it| previous.answers(&it.request) && !it.again);
    let mut locks = previous.only(fitting.iter().map(|it| &it.request));
    events.send(Event::Phase { name: "lock", total: stale.len() });
    let resolver = Resolver { settings, client, store, texts: Mutex::default() };
    let answers: Vec<Result<Answer, ResolveError>> = futures_util::stream::iter(stale)
        .map(async |question| {
            let node = question.request.id.clone();
            events.send(Event::Started { node: node.clone(), what: String::new() });
            let answer = resolver.answer(question, previous).await?;
            events.send(Event::Finished { node, how: "pinned", bytes: answer.bytes() });
            Ok(answer)
        })
        .buffered(jobs)
        .collect()
        .await;
    let mut errors = Vec::new();
    for answer in answers {
        match answer {
            Ok(Answer::Entry(entry)) => drop(locks.main.insert(*entry)),
            Ok(Answer::Closure(closure)) => drop(locks.apt.insert(closure.id().to_string(), *closure)),
            Err(error) => errors.push(error),
        }
    }
    match errors.len() {
        0 => {
            locks.mark(questions);
            Ok(locks)
        }
        1 => Err(errors.remove(0)),
        _ => Err(ResolveError::Several(errors)),
    }
}

/// Refuses a closure with an older suite than the one before.
fn check_time(request: &Request, before: &Floor, now: &AptLock) -> Result<(), ResolveError> {
    match before.above(now) {
        None => Ok(()),
        Some((suite, locked)) => Err(ResolveError::Backwards {
            id: request.id.clone(),
            suite: suite.name.to_string(),
            found: suite.date.to_string(),
            locked: locked.to_string(),
        }),
    }
}

struct Resolver<'a> {
    settings: &'a Settings,
    client: &'a Client,
    store: &'a Store,
    /// Lists that were read: two requests of one run never see two states of one list.
    texts: Mutex<BTreeMap<String, Arc<OnceCell<String>>>>,
}

impl Resolver<'_> {
    async fn answer(&self, question: &Question<'_>, previous: &Locks) -> Result<Answer, ResolveError> {
        let (request, recipe) = (&question.request, question.recipe);
        let entry = match &recipe.body {
            Body::Apt(it) => {
                let mut closure = self.closure(request, recipe, it).await?;
                // Numbers of accounts stay, whatever becomes of the packages.
                if let Some(before) = previous.apt.get(&request.id) {
                    closure.set_accounts(before.accounts().clone());
                }
                check_time(request, &previous.floor(&request.id), &closure)?;
                return Ok(Answer::Closure(Box::new(closure)));
            }
            Body::Fetch(Fetch::File { url, sha256 }) => {
                let trust = if sha256.is_some() { Trust::Recipe } else { Trust::Tofu };
                let (sha256, size) = self.fetch(request, url, *sha256).await?;
                entry(request, None, url, sha256, size, trust)?
            }
            Body::Fetch(Fetch::Git { url, reference }) => self.git(request, url, reference).await?,
            Body::K3s(it) => self.k3s(request, it).await?,
            Body::Chart(it) => self.chart(request, recipe, it).await?,
            Body::Image(it) => self.image(request, recipe, it).await?,
            Body::Rootfs(_)
            | Body::Disk(_)
            | Body::Manifests(_)
            | Body::Run(_)
            | Body::ImageBuild(_)
            | Body::Secret(_)
            | Body::Host(_)
            | Body::Bundle(_) => {
                return Err(wrong(request, "nothing can be pinned here".to_owned()));
            }
        };
        Ok(Answer::Entry(Box::new(entry)))
    }

    /// Downloads bytes whose digest nobody published; they stay in the store for the build.
    async fn fetch(
        &self,
        request: &Request,
        url: &str,
        sha256: Option<Sha256>,
    ) -> Result<(Sha256, u64), ResolveError> {
        let output = self.fetch_from(self.client, request, url, sha256, None).await?;
        Ok((output.sha256, output.size))
    }

    /// The same over a client of one's own, and where the size is known.
    async fn fetch_from(
        &self,
        client: &Client,
        request: &Request,
        url: &str,
        sha256: Option<Sha256>,
        size: Option<u64>,
    ) -> Result<Output, ResolveError> {
        client.fetch(self.store, Wanted { url, sha256, size }, &request.id).await.map_err(net(request))
    }

    /// A small list; one that was read in this run is not asked for again.
    async fn text(&self, request: &Request, url: &str, limit: u64) -> Result<String, ResolveError> {
        let cell = {
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(texts.entry(url.to_owned()).or_default())
        };
        let read = async || {
            let got = self.client.get(url, limit).await;
            let bytes = got.map_err(|source| ResolveError::Net { id: request.id.clone(), source })?;
            String::from_utf8(bytes).map_err(|_| wrong(request, format!("`{url}` is not text")))
        };
        Ok(cell.get_or_try_init(read).await?.clone())
    }
}

/// The entry for a file, or why the lock cannot hold it.
fn entry(
    request: &Request,
    version: Option<&str>,
    url: &str,
    sha256: Sha256,
    size: u64,
    trust: Trust,
) -> Result<Entry, ResolveError> {
    let made = (|| {
        let pin = Pin::File { url: Url::new(url)?, size: Size::new(size)?, sha256 };
        Ok::<_, gabion_lockfile::ValueError>(Entry {
            id: EntryId::new(&request.id)?,
            request: Text::new(&request.text)?,
            version: version.map(Text::new).transpose()?,
            pin,
            platform: None,
            trust,
            only: std::collections::BTreeSet::new(),
        })
    })();
    made.map_err(|error| wrong(request, error.to_string()))
}

/// The error for what a reader of a foreign format says of `what`.
fn format<E: Into<FormatError>>(request: &Request, what: &str) -> impl Fn(E) -> ResolveError {
    move |error| ResolveError::Format {
        id: request.id.clone(),
        what: what.to_owned(),
        source: Box::new(error.into()),
    }
}

/// The error for what the network or the store says.
fn net<E: Into<NetError>>(request: &Request) -> impl Fn(E) -> ResolveError {
    move |error| ResolveError::Net { id: request.id.clone(), source: error.into() }
}

/// The error for a value that the lock cannot hold.
fn unfit(request: &Request) -> impl Fn(gabion_lockfile::ValueError) -> ResolveError {
    move |error| wrong(request, error.to_string())
}

fn wrong(request: &Request, why: String) -> ResolveError {
    ResolveError::Upstream { id: request.id.clone(), why }
}
