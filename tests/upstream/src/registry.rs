//! Registries of images: the distribution specification 1.1, behind tokens as on Docker Hub and GitHub
//! (the distribution project's token authentication specification).
//!
//! A registry lies under a path, as every origin here: its API begins at `PATH/v2/`.

use crate::Content;
use crate::http::{Reply, Request};
use crate::pack::{gzip, tar, zstd_stored};
use gabion_digest::Sha256;
use std::borrow::Cow;
use std::collections::BTreeMap;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How a registry behaves, and what it has.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Whether a pull needs a token. The endpoint is `PATH/token`.
    pub tokens: bool,
    /// `user:password` in base64, which the endpoint of tokens asks for.
    pub login: Option<String>,
    /// The location that blobs are redirected to; the 64 digits of the digest follow.
    pub objects: Option<String>,
    /// How many tags a page has; 0 is all of them.
    pub page: usize,
    /// Whether it lists referrers; otherwise only the tag made of a digest does.
    pub referrers: bool,
    repositories: BTreeMap<String, Repository>,
}

#[derive(Debug, Clone, Default)]
struct Repository {
    tags: BTreeMap<String, Sha256>,
    manifests: BTreeMap<Sha256, (String, Vec<u8>)>,
    blobs: BTreeMap<Sha256, Vec<u8>>,
    /// Descriptors of what is about a document.
    referrers: BTreeMap<Sha256, Vec<String>>,
}

/// A layer of an artifact: media type, bytes, annotations.
pub type Layer<'a> = (&'a str, &'a [u8], &'a [(&'a str, &'a str)]);

impl Repository {
    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> String {
        let text = descriptor(media_type, &bytes, "");
        self.blobs.insert(Sha256::of(&bytes), bytes);
        text
    }

    fn layer(&mut self, (media_type, bytes, annotations): Layer<'_>) -> String {
        let pairs: Vec<String> =
            annotations.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let more = match pairs.len() {
            0 => String::new(),
            _ => format!(r#","annotations":{{{}}}"#, pairs.join(",")),
        };
        self.blobs.insert(Sha256::of(bytes), bytes.to_vec());
        descriptor(media_type, bytes, &more)
    }

    fn document(&mut self, media_type: &str, text: String) -> Sha256 {
        let digest = Sha256::of(text.as_bytes());
        self.manifests.insert(digest, (media_type.to_owned(), text.into_bytes()));
        digest
    }

    /// Manifest and media type by digest or tag.
    fn find(&self, wanted: &str) -> Option<(Sha256, &str, &[u8])> {
        let digest = wanted.parse().ok().or_else(|| self.tags.get(wanted).copied())?;
        self.manifests.get(&digest).map(|(kind, bytes)| (digest, kind.as_str(), bytes.as_slice()))
    }
}

fn descriptor(media_type: &str, bytes: &[u8], more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}{more}}}"#, Sha256::of(bytes), bytes.len())
}

impl Content {
    fn repository(&mut self, registry: &str, repository: &str) -> &mut Repository {
        let registry = self.registries.entry(registry.to_owned()).or_default();
        registry.repositories.entry(repository.to_owned()).or_default()
    }

    /// Pushes an image for several machines (`linux/amd64`); gives the digest of its index.
    ///
    /// Its lower layer is one for all machines, in gzip; the upper one is in zstd.
    pub fn image(&mut self, registry: &str, repository: &str, tag: &str, platforms: &[&str]) -> Sha256 {
        let to = self.repository(registry, repository);
        let mut list = Vec::new();
        for platform in platforms {
            let digest = machine(to, repository, tag, platform);
            let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
            let more = format!(r#","platform":{{"architecture":"{architecture}","os":"{os}"}}"#);
            list.push(descriptor(MANIFEST, &to.manifests[&digest].1, &more));
        }
        let digest = to.document(INDEX, index(&list));
        to.tags.insert(tag.to_owned(), digest);
        digest
    }

    /// Pushes an artifact, such as a chart: a configuration and layers, each with its media type. Gives the
    /// digest of its manifest.
    pub fn artifact(
        &mut self,
        registry: &str,
        repository: &str,
        tag: &str,
        config: (&str, &[u8]),
        layers: &[(&str, &[u8])],
    ) -> Sha256 {
        let plain: Vec<Layer<'_>> = layers.iter().map(|(kind, bytes)| (*kind, *bytes, NONE)).collect();
        self.annotated(registry, repository, tag, config, &plain)
    }

    /// The same with annotations at the layers, as cosign's signatures have them.
    pub fn annotated(
        &mut self,
        registry: &str,
        repository: &str,
        tag: &str,
        config: (&str, &[u8]),
        layers: &[Layer<'_>],
    ) -> Sha256 {
        let to = self.repository(registry, repository);
        let layers: Vec<String> = layers.iter().map(|layer| to.layer(*layer)).collect();
        let text = manifest(&to.blob(config.0, config.1.to_vec()), &layers);
        let digest = to.document(MANIFEST, text);
        to.tags.insert(tag.to_owned(), digest);
        digest
    }

    /// Pushes an artifact that refers to the document `subject`, with one layer; gives the digest of its manifest.
    pub fn referrer(
        &mut self,
        registry: &str,
        repository: &str,
        subject: Sha256,
        kind: &str,
        layer: &[u8],
    ) -> Sha256 {
        let to = self.repository(registry, repository);
        let config = to.blob("application/vnd.oci.empty.v1+json", b"{}".to_vec());
        let layer = to.blob(kind, layer.to_vec());
        let about = to.manifests.get(&subject).map(|(media_type, bytes)| descriptor(media_type, bytes, ""));
        let about = about.unwrap_or_else(|| descriptor(MANIFEST, b"", ""));
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{kind}","config":{config},"layers":[{layer}],"subject":{about}}}"#
        );
        let more = format!(r#","artifactType":"{kind}""#);
        let listed = descriptor(MANIFEST, text.as_bytes(), &more);
        let digest = to.document(MANIFEST, text);
        let all = to.referrers.entry(subject).or_default();
        all.push(listed);
        let index = index(all);
        let index = to.document(INDEX, index);
        to.tags.insert(format!("sha256-{}", subject.hex()), index);
        digest
    }

    /// Lets a tag lead to another document that is there.
    pub fn retag(&mut self, registry: &str, repository: &str, tag: &str, digest: Sha256) {
        self.repository(registry, repository).tags.insert(tag.to_owned(), digest);
    }

    /// Puts any document under a tag, whatever its bytes are; gives its digest.
    pub fn raw_document(
        &mut self,
        registry: &str,
        repository: &str,
        tag: &str,
        media_type: &str,
        text: &str,
    ) -> Sha256 {
        let to = self.repository(registry, repository);
        let digest = to.document(media_type, text.to_owned());
        to.tags.insert(tag.to_owned(), digest);
        digest
    }

    /// The document of a digest or tag.
    pub fn document_of(&self, registry: &str, repository: &str, wanted: &str) -> Option<&[u8]> {
        let repository = self.registries.get(registry)?.repositories.get(repository)?;
        repository.find(wanted).map(|(_, _, bytes)| bytes)
    }
}

/// No annotations.
const NONE: &[(&str, &str)] = &[];

fn index(manifests: &[String]) -> String {
    let list = manifests.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{list}]}}"#)
}

fn manifest(config: &str, layers: &[String]) -> String {
    let layers = layers.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layers}]}}"#)
}

/// The image for one machine.
fn machine(to: &mut Repository, repository: &str, tag: &str, platform: &str) -> Sha256 {
    let base = tar(&[("etc/os-release", b"ID=gabion-demo\n")]);
    let says = format!(
        "#!/bin/sh\n# A stand-in for {repository} {tag}: it only says what it is.\necho '{platform}'\n"
    );
    let own = tar(&[("usr/bin/app", says.as_bytes())]);
    let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
    let diff_ids = format!(r#""{}","{}""#, Sha256::of(&base), Sha256::of(&own));
    let config = format!(
        r#"{{"architecture":"{architecture}","os":"{os}","config":{{"Cmd":["/usr/bin/app"]}},"rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#
    );
    let layers = [
        to.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&base)),
        to.blob("application/vnd.oci.image.layer.v1.tar+zstd", zstd_stored(&own)),
    ];
    let config = to.blob("application/vnd.oci.image.config.v1+json", config.into_bytes());
    to.document(MANIFEST, manifest(&config, &layers))
}

/// A request to one registry, on its way to a reply.
struct Call<'c, 'r> {
    registry: &'c Registry,
    /// Where the registry lies.
    path: &'c str,
    request: &'r Request,
    /// Raised when tokens expire.
    generation: u64,
}

/// Answers a request below a registry; `None` where no registry lies there.
pub(crate) fn reply<'c>(content: &'c Content, request: &Request, generation: u64) -> Option<Reply<'c>> {
    let below = |path: &str| request.path().strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let (path, registry) = content.registries.iter().rev().find(|(path, _)| below(path))?;
    let call = Call { registry, path, request, generation };
    let rest = &request.path()[path.len()..];
    if rest == "/token" {
        return Some(call.token());
    }
    if let Some(hex) = rest.strip_prefix("/objects/") {
        return Some(call.object(hex));
    }
    let rest = rest.strip_prefix("/v2/")?;
    if rest.is_empty() {
        return Some(call.allow("").err().unwrap_or_else(|| Reply::plain(200, Vec::new())));
    }
    let parts = ["/manifests/", "/blobs/", "/tags/", "/referrers/"].into_iter().find_map(|kind| {
        let (name, wanted) = rest.rsplit_once(kind)?;
        Some((name, kind, wanted))
    });
    let Some((name, kind, wanted)) = parts else { return Some(error(404, "UNSUPPORTED", Vec::new())) };
    if let Err(refused) = call.allow(&format!("repository:{name}:pull")) {
        return Some(refused);
    }
    let Some(repository) = registry.repositories.get(name) else {
        return Some(error(404, "NAME_UNKNOWN", Vec::new()));
    };
    Some(match kind {
        "/manifests/" => call.manifest(repository, wanted),
        "/blobs/" => call.blob(repository, wanted),
        "/referrers/" => call.referrers(repository, wanted),
        _ => call.tags(repository, name),
    })
}

/// Distribution specification 1.1, "Error Codes".
fn error<'c>(status: u16, code: &str, mut headers: Vec<String>) -> Reply<'c> {
    headers.push("Content-Type: application/json".to_owned());
    let text =
        format!(r#"{{"errors":[{{"code":"{code}","message":"{}","detail":null}}]}}"#, code.to_lowercase());
    Reply { status, headers, body: Cow::Owned(text.into_bytes()) }
}

impl<'c> Call<'c, '_> {
    fn location(&self) -> String {
        format!("http://{}{}", self.request.header("host").unwrap_or_default(), self.path)
    }

    fn token_for(&self, scope: &str) -> String {
        Sha256::of(format!("{} {} {scope}", self.path, self.generation).as_bytes()).hex()
    }

    fn token(&self) -> Reply<'c> {
        let login = self.registry.login.as_ref().map(|it| format!("Basic {it}"));
        if login.is_some() && self.request.header("authorization") != login.as_deref() {
            return error(401, "UNAUTHORIZED", Vec::new());
        }
        let token = self.token_for(&self.request.parameter("scope").unwrap_or_default());
        let text = format!(r#"{{"token":"{token}","expires_in":60}}"#);
        let headers = vec!["Content-Type: application/json".to_owned()];
        Reply { status: 200, headers, body: Cow::Owned(text.into_bytes()) }
    }

    /// Whether the request has a token for `scope`, and otherwise where to get one.
    fn allow(&self, scope: &str) -> Result<(), Reply<'c>> {
        let token = format!("Bearer {}", self.token_for(scope));
        if !self.registry.tokens || self.request.header("authorization") == Some(&token) {
            return Ok(());
        }
        let ask = if scope.is_empty() { String::new() } else { format!(",scope=\"{scope}\"") };
        let realm = self.location();
        let header = format!("WWW-Authenticate: Bearer realm=\"{realm}/token\",service=\"gabion\"{ask}");
        Err(error(401, "UNAUTHORIZED", vec![header]))
    }

    fn manifest(&self, repository: &'c Repository, wanted: &str) -> Reply<'c> {
        let Some((digest, kind, bytes)) = repository.find(wanted) else {
            return error(404, "MANIFEST_UNKNOWN", Vec::new());
        };
        // As the distribution project does: a client gets nothing that it does not know.
        let accepts = self.request.header("accept").unwrap_or_default();
        if !accepts.contains(kind) && !accepts.contains("*/*") {
            return error(404, "MANIFEST_UNKNOWN", Vec::new());
        }
        let headers = vec![format!("Content-Type: {kind}"), format!("Docker-Content-Digest: {digest}")];
        Reply { status: 200, headers, body: Cow::Borrowed(bytes) }
    }

    fn blob(&self, repository: &'c Repository, wanted: &str) -> Reply<'c> {
        let found =
            wanted.parse().ok().and_then(|digest: Sha256| Some((digest, repository.blobs.get(&digest)?)));
        let Some((digest, bytes)) = found else { return error(404, "BLOB_UNKNOWN", Vec::new()) };
        if let Some(objects) = &self.registry.objects {
            return Reply::plain(307, vec![format!("Location: {objects}{}", digest.hex())]);
        }
        let headers = vec![
            "Content-Type: application/octet-stream".to_owned(),
            format!("Docker-Content-Digest: {digest}"),
        ];
        Reply::bytes(self.request, bytes, headers)
    }

    /// Distribution specification 1.1, "Listing Referrers".
    fn referrers(&self, repository: &'c Repository, wanted: &str) -> Reply<'c> {
        if !self.registry.referrers {
            return error(404, "NOT_FOUND", Vec::new());
        }
        let about = wanted.parse().ok().and_then(|subject: Sha256| repository.referrers.get(&subject));
        let text = index(about.map(Vec::as_slice).unwrap_or_default());
        let headers = vec![format!("Content-Type: {INDEX}")];
        Reply { status: 200, headers, body: Cow::Owned(text.into_bytes()) }
    }

    /// A blob as an object store serves it: by a location that nobody guesses, without a token.
    fn object(&self, hex: &str) -> Reply<'c> {
        let digest = Sha256::from_hex(hex).ok();
        let mut all = self.registry.repositories.values();
        match digest.and_then(|digest| all.find_map(|it| it.blobs.get(&digest))) {
            Some(bytes) => Reply::bytes(self.request, bytes, Vec::new()),
            None => Reply::plain(404, Vec::new()),
        }
    }

    /// Distribution specification 1.1, "Listing Tags".
    fn tags(&self, repository: &'c Repository, name: &str) -> Reply<'c> {
        let after = self.request.parameter("last");
        let left = repository.tags.keys().filter(|tag| after.as_ref().is_none_or(|last| *tag > last));
        let asked = self.request.parameter("n").and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
        let page = [asked, self.registry.page].into_iter().filter(|it| *it > 0).min().unwrap_or(usize::MAX);
        let tags: Vec<&String> = left.clone().take(page).collect();
        let mut headers = vec!["Content-Type: application/json".to_owned()];
        if let (Some(last), true) = (tags.last(), left.count() > tags.len()) {
            let path = self.path;
            headers.push(format!("Link: <{path}/v2/{name}/tags/list?last={last}&n={page}>; rel=\"next\""));
        }
        let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
        let text = format!(r#"{{"name":"{name}","tags":[{}]}}"#, quoted.join(","));
        Reply { status: 200, headers, body: Cow::Owned(text.into_bytes()) }
    }
}
