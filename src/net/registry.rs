//! Registries of images (OCI distribution specification 1.1) over the one client.
//!
//! # Invariants
//! - A document that is asked for by its digest has that digest, and every document has the one that the
//!   registry itself says.
//! - A credential is shown to the registry that it is for, and to the endpoint of tokens that this registry
//!   names if both are of one domain. Nobody else sees it.
//! - A pass that a registry no longer takes is replaced once for each request, and the pull goes on.

use super::error::{NetError, Trouble};
use super::request::{Ask, Auth, body, header, is_loopback, sensitive};
use super::{Client, Wanted, docker};
use crate::config::Credential;
use crate::event::Event;
use gabion_digest::Sha256;
use gabion_oci::{Challenge, DOCUMENT_LIMIT, Document, MediaType, Name, Reference, Role};
use gabion_store::{Output, Store};
use reqwest::header::{CONTENT_TYPE, HeaderValue, LINK, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tokens, lists of tags and errors are small.
const REPLY_LIMIT: u64 = 8 << 20;
/// No repository has more pages of tags than this.
const PAGES: usize = 1000;
/// Statuses of a registry that has not what is asked for, or does not know the question.
const ABSENT: [StatusCode; 4] =
    [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST, StatusCode::METHOD_NOT_ALLOWED];

/// An index or manifest as a registry served it: not parsed, but of the right digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What the reply says that they are.
    pub media_type: MediaType,
    /// Their digest.
    pub sha256: Sha256,
}

/// Registries of images, over a [`Client`].
#[derive(Debug, Clone, Copy)]
pub struct Registry<'c> {
    client: &'c Client,
}

#[derive(Deserialize)]
struct TagsWire {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct TokenWire {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct ErrorsWire {
    errors: Vec<ErrorWire>,
}

#[derive(Deserialize)]
struct ErrorWire {
    code: String,
}

/// Where something of a repository is.
fn url(name: &Name, rest: &str) -> String {
    format!("https://{}/v2/{}/{rest}", name.api_host(), name.repository())
}

impl<'c> Registry<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client }
    }

    /// Asks for the index or manifest of `reference`: by its digest where it has one, otherwise by its tag.
    pub async fn manifest(&self, reference: &Reference) -> Result<RawManifest, NetError> {
        let url = url(reference.name(), &format!("manifests/{}", reference.wanted()));
        let accept = HeaderValue::from_str(&MediaType::DOCUMENTS.join(", ")).ok();
        let ask = Ask { accept, ..Ask::new(Method::GET) };
        self.client
            .try_all(&url, async |location: &str| {
                let response = self.ask(location, &ask).await?;
                if response.status() != StatusCode::OK {
                    return Err(refusal(response).await);
                }
                document(response, reference.digest()).await
            })
            .await
    }

    /// The same where there may be none: nothing where a location says so, and no other one has it.
    pub async fn find(&self, reference: &Reference) -> Result<Option<RawManifest>, NetError> {
        let url = url(reference.name(), &format!("manifests/{}", reference.wanted()));
        let accept = HeaderValue::from_str(&MediaType::DOCUMENTS.join(", ")).ok();
        let ask = Ask { accept, ..Ask::new(Method::GET) };
        let read = async |response: Response| document(response, reference.digest()).await;
        self.if_any(&url, &ask, read).await
    }

    /// The digests of what is about `subject` (distribution specification 1.1, "Listing Referrers"): as the registry lists
    /// it or, where it does not know the question, as the index under the tag `sha256-HEX` does.
    pub async fn referrers(&self, name: &Name, subject: Sha256) -> Result<Vec<Sha256>, NetError> {
        let url = url(name, &format!("referrers/{subject}"));
        let ask = Ask { accept: HeaderValue::from_str(MediaType::OCI_INDEX).ok(), ..Ask::new(Method::GET) };
        let listed =
            self.if_any(&url, &ask, async |response: Response| document(response, None).await).await?;
        let index = match (listed, name.tagged(&format!("sha256-{}", subject.hex()))) {
            (None, Ok(tagged)) => self.find(&tagged).await?,
            (listed, _) => listed,
        };
        let Some(index) = index else { return Ok(Vec::new()) };
        let about = match Document::parse(index.bytes, Some(&index.media_type)) {
            Ok(Document::Index(index)) => index.manifests().iter().map(|it| it.digest).collect(),
            // A tag of that name which is something else.
            Ok(Document::Manifest(_)) | Err(_) => Vec::new(),
        };
        Ok(about)
    }

    /// What `read` makes of a reply; nothing where a location says that there is none, and no other one has it. Behind a
    /// mirror the registry itself is often out of reach: then it is asked once.
    async fn if_any<T>(
        &self,
        url: &str,
        ask: &Ask,
        read: impl AsyncFn(Response) -> Result<T, Trouble>,
    ) -> Result<Option<T>, NetError> {
        let absent = AtomicBool::new(false);
        let got = self.client.try_all(url, async |location: &str| {
            let once = absent.load(Ordering::Relaxed);
            let asked = self.ask(location, ask).await;
            let response = asked.map_err(|trouble| Trouble { again: trouble.again && !once, ..trouble })?;
            if ABSENT.contains(&response.status()) {
                absent.store(true, Ordering::Relaxed);
            }
            if response.status() == StatusCode::OK {
                read(response).await
            } else {
                Err(refusal(response).await)
            }
        });
        match got.await {
            Err(NetError::Failed { .. }) if absent.into_inner() => Ok(None),
            got => got.map(Some),
        }
    }

    /// All tags of a repository, sorted.
    pub async fn tags(&self, name: &Name) -> Result<Vec<String>, NetError> {
        self.client
            .try_all(&url(name, "tags/list"), async |location: &str| self.all_tags(location).await)
            .await
    }

    async fn all_tags(&self, location: &str) -> Result<Vec<String>, Trouble> {
        let mut tags = BTreeSet::new();
        let mut query = "n=1000".to_owned();
        for _ in 0..PAGES {
            let response = self.ask(&format!("{location}?{query}"), &Ask::new(Method::GET)).await?;
            if response.status() != StatusCode::OK {
                return Err(refusal(response).await);
            }
            let next = next_query(&response);
            let page: TagsWire = json(response).await?;
            // What is no tag cannot be asked for.
            tags.extend(page.tags.unwrap_or_default().into_iter().filter(|tag| gabion_oci::is_tag(tag)));
            match next {
                Some(next) if next != query => query = next,
                _ => return Ok(tags.into_iter().collect()),
            }
        }
        Err(Trouble::finally(format!("more than {PAGES} pages of tags")))
    }

    /// Fetches a blob of a repository, known by digest and size, into the store, unless its bytes are there
    /// already. `node` is whom the progress is told of.
    pub async fn blob(
        &self,
        store: &Store,
        name: &Name,
        (sha256, size): (Sha256, u64),
        node: &str,
    ) -> Result<Output, NetError> {
        let url = url(name, &format!("blobs/{sha256}"));
        let wanted = Wanted { url: &url, sha256: Some(sha256), size: Some(size) };
        self.client
            .obtain(store, wanted, node, async |location: &str, ask: &Ask| self.ask(location, ask).await)
            .await
    }

    /// One request to a registry: with the pass that is known, and once more with a new one.
    pub(super) async fn ask(&self, location: &str, ask: &Ask) -> Result<Response, Trouble> {
        self.ask_for(repository_of(location), location, ask).await
    }

    /// The same for a location that does not show which repository it is of.
    pub(super) async fn ask_for(
        &self,
        repository: &str,
        location: &str,
        ask: &Ask,
    ) -> Result<Response, Trouble> {
        let known = self.client.passes.lock().await.get(repository).cloned();
        let with = |pass: Option<HeaderValue>| Ask { auth: Auth::Header(pass), ..ask.clone() };
        let response = self.client.send(location, &with(known.clone())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let pass = self.admit(repository, location, &response, known.as_ref()).await?;
        let response = self.client.send(location, &with(Some(pass))).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Trouble::finally("HTTP 401: the registry does not let this user in"));
        }
        Ok(response)
    }

    /// Gets what the challenge of `response` asks for, instead of the pass that was `refused`. One at a time:
    /// whoever waits here takes what the one before got.
    async fn admit(
        &self,
        repository: &str,
        location: &str,
        response: &Response,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, Trouble> {
        let server = Url::parse(location).map_err(Trouble::finally)?;
        if response.url().origin() != server.origin() {
            return Err(Trouble::finally("HTTP 401 from where the registry redirects to"));
        }
        let mut passes = self.client.passes.lock().await;
        if let Some(newer) = passes.get(repository).filter(|it| Some(*it) != refused) {
            return Ok(newer.clone());
        }
        let challenges = challenges(response)?;
        let of = |scheme: &str| challenges.iter().find(|it| it.scheme == scheme);
        let credential = self.credential(&server).await;
        let pass = match (of("bearer"), of("basic"), credential) {
            // A token of the user's own is not changed for another one.
            (Some(_), _, Some(own @ Credential { username: None, .. })) => header(&own),
            (Some(bearer), _, credential) => self.token(&server, bearer, credential).await?,
            (None, Some(_), Some(credential)) => header(&credential),
            (None, Some(_), None) => {
                return Err(Trouble::finally("HTTP 401: the registry wants a user and a password"));
            }
            (None, None, _) => return Err(Trouble::finally("HTTP 401 without a challenge that is known")),
        };
        let pass =
            pass.ok_or_else(|| Trouble::finally("the credential has bytes that no header can have"))?;
        passes.insert(repository.to_owned(), pass.clone());
        Ok(pass)
    }

    /// A token from the endpoint that a challenge names.
    async fn token(
        &self,
        server: &Url,
        bearer: &Challenge,
        credential: Option<Credential>,
    ) -> Result<Option<HeaderValue>, Trouble> {
        let realm = bearer.parameters.get("realm").and_then(|realm| Url::parse(realm).ok());
        let mut realm = realm.ok_or_else(|| Trouble::finally("the registry names no endpoint of tokens"))?;
        if (is_loopback(&realm) && !is_loopback(server))
            || (server.scheme() == "https" && realm.scheme() != "https")
        {
            return Err(Trouble::finally("the registry names an endpoint of tokens that is not safe to ask"));
        }
        for key in ["service", "scope"] {
            if let Some(value) = bearer.parameters.get(key) {
                realm.query_pairs_mut().append_pair(key, value);
            }
        }
        let own = credential.filter(|_| are_kin(server, &realm)).or_else(|| self.client.configured(&realm));
        let ask = Ask { auth: Auth::Header(own.as_ref().and_then(header)), ..Ask::new(Method::GET) };
        let response = self.client.send(realm.as_str(), &ask).await?;
        if response.status() != StatusCode::OK {
            return Err(Trouble::finally(format!("no token: HTTP {}", response.status())));
        }
        let wire: TokenWire = json(response).await?;
        let token = wire.token.or(wire.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Trouble::finally("the endpoint of tokens gave none"))?;
        Ok(sensitive(&format!("Bearer {token}")))
    }

    /// The user's credential for a registry: Gabion's own configuration first, then Docker's.
    async fn credential(&self, server: &Url) -> Option<Credential> {
        let host = server.host_str()?;
        let own = self.client.configured(server);
        let own = own.or_else(|| self.client.config.credentials.get(hub_name(host)).cloned());
        let (None, Some(file)) = (&own, &self.client.config.docker) else { return own };
        let host = server.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        match docker::credential(file, hub_name(&host)).await {
            Ok(found) => found,
            Err(error) => {
                let text = crate::error::chain(&error);
                self.client.events.send(Event::Warning(format!("asking `{host}` as nobody: {text}")));
                None
            }
        }
    }
}

/// Docker Hub is known by its name, not by the host that answers.
fn hub_name(host: &str) -> &str {
    if host == "registry-1.docker.io" { "docker.io" } else { host }
}

/// Whether a credential for `server` may be shown to its endpoint of tokens: the same host, or hosts of one
/// domain as `registry-1.docker.io` and `auth.docker.io` are.
fn are_kin(server: &Url, realm: &Url) -> bool {
    let parent = |url: &Url| {
        let (_, parent) = url.domain()?.split_once('.')?;
        parent.contains('.').then(|| parent.to_owned())
    };
    let host = |url: &Url| url.host_str().map(str::to_owned);
    let (server_parent, realm_parent) = (parent(server), parent(realm));
    host(server) == host(realm)
        || (server_parent.is_some() && [&realm_parent, &host(realm)].contains(&&server_parent))
        || (realm_parent.is_some() && realm_parent == host(server))
}

/// The location of the repository that `location` is in: passes are for one of them.
fn repository_of(location: &str) -> &str {
    let kinds = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
    kinds.iter().find_map(|kind| location.rsplit_once(kind)).map_or(location, |(repository, _)| repository)
}

fn challenges(response: &Response) -> Result<Vec<Challenge>, Trouble> {
    let values = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let read = values.map(|it| gabion_oci::challenges(it.to_str().unwrap_or_default()));
    let all: Result<Vec<_>, _> = read.collect();
    all.map(|all| all.concat()).map_err(Trouble::finally)
}

/// Takes a document whose media type and digests are right.
async fn document(response: Response, pinned: Option<Sha256>) -> Result<RawManifest, Trouble> {
    let text = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let kind = text(CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = MediaType::from_content_type(&kind)
        .filter(|it| matches!(it.role(), Role::Index | Role::Manifest | Role::FirstSchema))
        .ok_or_else(|| Trouble::finally(format!("the reply is `{kind}`, not a manifest")))?;
    let told = match text("docker-content-digest") {
        Some(told) => Some(
            told.parse()
                .map_err(|_| Trouble::finally(format!("the digest `{told}` is not a SHA-256 one")))?,
        ),
        None => None,
    };
    let bytes = body(response, DOCUMENT_LIMIT).await?;
    let sha256 = Sha256::of(&bytes);
    match pinned.into_iter().chain(told).find(|it| *it != sha256) {
        Some(expected) => Err(Trouble::digest(expected, sha256)),
        None => Ok(RawManifest { bytes, media_type, sha256 }),
    }
}

async fn json<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, Trouble> {
    let bytes = body(response, REPLY_LIMIT).await?;
    // The text of the error would show parts of a token.
    serde_json::from_slice(&bytes).map_err(|_| Trouble::finally("the reply is not the JSON that it must be"))
}

/// Why a registry refuses: the status and its own codes (distribution specification 1.1, "Error Codes").
pub(super) async fn refusal(response: Response) -> Trouble {
    let status = response.status();
    let codes = json::<ErrorsWire>(response).await.map(|wire| wire.errors).unwrap_or_default();
    let plain =
        |code: &String| code.len() < 64 && code.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    let codes: Vec<String> = codes.into_iter().map(|it| it.code).filter(plain).collect();
    let said = if codes.is_empty() { String::new() } else { format!(": {}", codes.join(", ")) };
    Trouble::finally(format!("HTTP {status}{said}"))
}

/// The query of the next page (RFC 8288; distribution specification 1.1, "Listing Tags"). Only the query is taken, so
/// that no reply leads to another place.
fn next_query(response: &Response) -> Option<String> {
    let mut links = response.headers().get_all(LINK).iter().filter_map(|it| it.to_str().ok());
    links.find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|it| matches!(it.trim(), "rel=next" | "rel=\"next\""));
        target.split_once('?').filter(|_| next).map(|(_, query)| query.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_stays_in_its_domain() {
        let kin =
            |server: &str, realm: &str| are_kin(&Url::parse(server).unwrap(), &Url::parse(realm).unwrap());
        assert!(kin("https://ghcr.io", "https://ghcr.io/token"));
        assert!(kin("https://registry-1.docker.io", "https://auth.docker.io/token"));
        assert!(kin("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"));
        assert!(kin("https://example.com", "https://auth.example.com"));
        assert!(!kin("https://ghcr.io", "https://evil.io/token"));
        assert!(!kin("https://ghcr.io", "https://io/token"));
        assert!(!kin("https://a.example.com", "https://a.example.org"));
        assert!(!kin("https://10.0.0.1", "https://11.0.0.1"));
        assert!(!kin("https://localhost", "https://127.0.0.1"));
    }

    #[test]
    fn passes_are_for_one_repository() {
        assert_eq!(repository_of("https://m/x/v2/a/b/manifests/1"), "https://m/x/v2/a/b");
        assert_eq!(repository_of("https://m/v2/a/blobs/sha256:0"), "https://m/v2/a");
        assert_eq!(repository_of("https://m/v2/a/tags/list?n=1"), "https://m/v2/a");
        assert_eq!(repository_of("https://m/v2/a/referrers/sha256:0"), "https://m/v2/a");
    }
}
