//! Helm charts: from a range of versions to the bytes of one packed chart.
//!
//! A chart is small and is always read here: that it is what it is called, that its bytes are the ones which
//! the repository lists, and that it is signed where the recipe asks for that. A repository whose index and
//! files differ is common; Helm does not look, and here it is an error.

use super::{ResolveError, Resolver, format, net, unfit, wrong};
use crate::net::NetError;
use crate::recipe::Recipe;
use crate::recipe::kinds::{Chart, ChartSource};
use crate::request::Request;
use gabion_digest::Sha256;
use gabion_helm::{
    ChartMeta, Constraint, Keyring, Limits, Provenance, RepositoryIndex, Signers, oci, read_chart,
};
use gabion_lockfile::{
    ChartSource as Locked, Entry, EntryId, Fingerprint, Pin, Reference as LockedReference, Size, Text, Trust,
    Url, ValueError,
};
use gabion_oci::{Document, Name, Reference};
use gabion_store::Output;
use std::collections::BTreeSet;

/// The largest index in use has 25 MB.
const INDEX_LIMIT: u64 = 32 << 20;
/// Helm reads no chart that unpacks to more than 100 MiB.
const CHART_LIMIT: u64 = 100 << 20;
/// A signature is `Chart.yaml` and a few lines.
const PROVENANCE_LIMIT: u64 = 1 << 20;

/// A chart that was found.
struct Found {
    source: Locked,
    version: String,
    output: Output,
    /// Whether the repository or registry publishes the digest too.
    published: bool,
    /// Its signature, where one is asked for.
    provenance: Option<Vec<u8>>,
}

impl Resolver<'_> {
    /// Pins a chart. Its bytes stay in the store for the build.
    pub(super) async fn chart(
        &self,
        request: &Request,
        recipe: &Recipe,
        it: &Chart,
    ) -> Result<Entry, ResolveError> {
        let range = it.version.as_ref().ok_or_else(|| wrong(request, "it has no version".to_owned()))?;
        let signed = it.keyring.is_some();
        let found = match it.source.as_ref() {
            Some(ChartSource::Http { repository, name }) => {
                self.repository_chart(request, repository, name, range, signed).await?
            }
            Some(ChartSource::Oci(name)) => self.registry_chart(request, name, range, signed).await?,
            None => return Err(wrong(request, "it has no source".to_owned())),
        };
        let meta = self.read(request, it, &found)?;
        let trust = match &found.provenance {
            Some(provenance) => {
                let by = signer(request, recipe, it, provenance, &meta, found.output.sha256)?;
                Trust::OpenPgp(Fingerprint::new(&by).map_err(unfit(request))?)
            }
            None if found.published => Trust::UpstreamDigest,
            None => Trust::Tofu,
        };
        let made = (|| {
            let size = Size::new(found.output.size)?;
            let pin = Pin::Chart {
                source: found.source,
                size,
                sha256: found.output.sha256,
                images: BTreeSet::new(),
            };
            Ok::<_, ValueError>(Entry {
                id: EntryId::new(&request.id)?,
                request: Text::new(&request.text)?,
                version: Some(Text::new(&found.version)?),
                pin,
                platform: None,
                trust,
                only: BTreeSet::new(),
            })
        })();
        made.map_err(unfit(request))
    }

    async fn repository_chart(
        &self,
        request: &Request,
        repository: &str,
        name: &str,
        range: &Constraint,
        signed: bool,
    ) -> Result<Found, ResolveError> {
        let url = format!("{repository}/index.yaml");
        let text = self.text(request, &url, INDEX_LIMIT).await?;
        let index = RepositoryIndex::parse(text.as_bytes()).map_err(format(request, &url))?;
        let chosen = index.choose(name, range).map_err(format(request, &url))?;
        let digest = chosen.sha256().map_err(format(request, &url))?;
        let urls = chosen.urls(repository).map_err(format(request, &url))?;
        let chart = urls.into_iter().find(|url| !url.starts_with("oci:")).ok_or_else(|| {
            wrong(request, format!("`{url}` sends to a registry: name that with `oci` in the recipe"))
        })?;
        let output = self.fetch_from(self.client, request, &chart, digest, None).await?;
        let mut provenance = None;
        if signed {
            let prov = self.client.get(&format!("{chart}.prov"), PROVENANCE_LIMIT).await;
            provenance = Some(prov.map_err(net(request))?);
        }
        let source = Locked::Http(Url::new(&chart).map_err(unfit(request))?);
        Ok(Found { source, version: chosen.version.clone(), output, published: digest.is_some(), provenance })
    }

    async fn registry_chart(
        &self,
        request: &Request,
        name: &Name,
        range: &Constraint,
        signed: bool,
    ) -> Result<Found, ResolveError> {
        let registry = self.client.registry();
        let chart_name = name.repository().rsplit('/').next().unwrap_or_default();
        let version = match range.exact() {
            Some(version) => version.clone(),
            None => {
                let tags = registry.tags(name).await.map_err(net(request))?;
                let tags = tags.iter().map(String::as_str);
                oci::choose_tag(chart_name, tags, range).map_err(format(request, &name.to_string()))?
            }
        };
        let tag =
            oci::tag(&version).ok_or_else(|| wrong(request, format!("`{version}` is too long for a tag")))?;
        let parsed: Result<Reference, _> = format!("{name}:{tag}").parse();
        let reference = parsed.map_err(|error| wrong(request, error.to_string()))?;
        let document = self.document(request, &reference).await?;
        let chart = match &document {
            Document::Manifest(manifest) => manifest.chart(),
            Document::Index(_) => None,
        };
        let chart = chart.ok_or_else(|| wrong(request, format!("`{reference}` is no Helm chart")))?;
        let blob = async |sha256, size| {
            let got = registry.blob(self.store, name, (sha256, size), &request.id).await;
            got.map_err(net(request))
        };
        let output = blob(chart.chart.digest, chart.chart.size).await?;
        let provenance = match (signed, chart.provenance) {
            (false, _) => None,
            (true, None) => {
                return Err(wrong(
                    request,
                    format!("`{reference}` is not signed, and the recipe asks for it"),
                ));
            }
            (true, Some(prov)) => {
                let output = blob(prov.digest, prov.size).await?;
                Some(self.bytes(request, &output, PROVENANCE_LIMIT)?)
            }
        };
        let text = LockedReference::new(&reference.to_string()).map_err(unfit(request))?;
        let source = Locked::Oci { reference: text, manifest: document.digest() };
        Ok(Found { source, version: version.to_string(), output, published: true, provenance })
    }

    /// Reads the packed chart: it must be the one that was asked for.
    fn read(&self, request: &Request, it: &Chart, found: &Found) -> Result<ChartMeta, ResolveError> {
        let bytes = self.bytes(request, &found.output, CHART_LIMIT)?;
        let meta = read_chart(&bytes[..], &Limits::default()).map_err(format(request, &request.id))?.meta;
        let wanted = match it.source.as_ref() {
            Some(ChartSource::Http { name, .. }) => name.as_str(),
            Some(ChartSource::Oci(name)) => name.repository().rsplit('/').next().unwrap_or_default(),
            None => "",
        };
        let same_version =
            found.version.parse().is_ok_and(|version: gabion_helm::Version| version == meta.version);
        if meta.name.as_str() != wanted || !same_version {
            let why = format!(
                "it is listed as `{wanted}` `{}`, and says it is `{}` `{}`",
                found.version, meta.name, meta.version
            );
            return Err(wrong(request, why));
        }
        Ok(meta)
    }

    fn bytes(&self, request: &Request, output: &Output, limit: u64) -> Result<Vec<u8>, ResolveError> {
        let bytes = self.store.read_output(output, limit).map_err(net(request))?;
        bytes.ok_or_else(|| vanished(request))
    }
}

fn vanished(request: &Request) -> ResolveError {
    net(request)(NetError::Vanished { url: request.id.clone() })
}

/// The fingerprint of who signed the chart: one of those that the recipe names, or of its keyring.
fn signer(
    request: &Request,
    recipe: &Recipe,
    it: &Chart,
    provenance: &[u8],
    meta: &ChartMeta,
    sha256: Sha256,
) -> Result<String, ResolveError> {
    let path = it.keyring.as_ref().map(|it| it.value.as_str());
    let file = recipe.file(path).ok_or_else(|| wrong(request, "its keyring cannot be read".to_owned()))?;
    let keys = Keyring::parse(&file.bytes).map_err(format(request, &file.path))?;
    let named: Vec<String> = it.fingerprints.iter().map(|it| it.value.clone()).collect();
    let pinned = if named.is_empty() { keys.fingerprints() } else { named };
    // No signature is from the future.
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |it| it.as_secs());
    let by = Signers { pinned: &pinned, needed: 1, now };
    let name = meta.file_name();
    let what = format!("{name}.prov");
    let provenance = Provenance::verify(provenance, &keys, &by).map_err(format(request, &what))?;
    provenance.covers(&name, sha256, meta).map_err(format(request, &what))?;
    Ok(provenance.signers().first().cloned().unwrap_or_default())
}
