//! Container images: from a tag or a range of versions to the digests of index and manifest.

use super::{ResolveError, Resolver, format, net, unfit, wrong};
use crate::recipe::Recipe;
use crate::recipe::kinds::{Image, ImageTag};
use crate::request::Request;
use gabion_digest::Sha256;
use gabion_helm::Version;
use gabion_lockfile::{Entry, EntryId, Pin, Reference as Locked, Size, Text, ValueError};
use gabion_oci::{DOCUMENT_LIMIT, Document, Index, Manifest, Name, Platform, Reference};
use std::collections::BTreeSet;

impl Resolver<'_> {
    /// Pins an image. Its documents stay in the store for the build; no layer is downloaded here.
    pub(super) async fn image(
        &self,
        request: &Request,
        recipe: &Recipe,
        it: &Image,
    ) -> Result<Entry, ResolveError> {
        let name = it.name.as_ref().ok_or_else(|| wrong(request, "it has no name".to_owned()))?;
        let tag = match &it.tag {
            ImageTag::Exact(tag) => Some(tag.clone()),
            ImageTag::Newest(range) => Some(self.newest(request, name, range).await?),
            ImageTag::None => None,
        };
        let text = tag.as_ref().map_or_else(|| name.to_string(), |tag| format!("{name}:{tag}"));
        let parsed: Result<Reference, _> = text.parse();
        let mut reference = parsed.map_err(|error| wrong(request, error.to_string()))?;
        if let Some(digest) = it.digest {
            reference = reference.pinned(digest);
        }
        let (index, manifest) = self.documents(request, &reference).await?;
        if index.is_none() {
            self.check_platform(request, &reference, &manifest).await?;
        }
        let size = manifest.blobs().map(|it| (it.digest, it.size)).collect::<BTreeSet<_>>();
        let size = size.iter().map(|(_, size)| size).sum();
        let index = index.map(|it| it.digest());
        let subjects: Vec<Sha256> = index.into_iter().chain([manifest.digest()]).collect();
        let hanging = self.hanging(request, &reference, &subjects).await?;
        let trust = self.trust(request, recipe, it, &reference, &hanging).await?;
        let platform = self.platform(request)?.to_string();
        let made = (|| {
            let pin = Pin::Image {
                reference: Locked::new(&reference.to_string())?,
                index,
                manifest: manifest.digest(),
                size: Size::new(size)?,
                attached: hanging.into_keys().collect(),
            };
            Ok::<_, ValueError>(Entry {
                id: EntryId::new(&request.id)?,
                request: Text::new(&request.text)?,
                version: tag.as_deref().map(Text::new).transpose()?,
                pin,
                platform: Some(gabion_lockfile::Platform::new(&platform)?),
                trust,
                only: BTreeSet::new(),
            })
        })();
        made.map_err(unfit(request))
    }

    fn platform(&self, request: &Request) -> Result<Platform, ResolveError> {
        format!("linux/{}", self.settings.arch).parse().map_err(format(request, "the platform"))
    }

    /// The newest tag that is a whole version in `range`: a shorter tag, `1.27`, moves.
    async fn newest(
        &self,
        request: &Request,
        name: &Name,
        range: &gabion_helm::Constraint,
    ) -> Result<String, ResolveError> {
        let tags = self.client.registry().tags(name).await.map_err(net(request))?;
        let versions = tags.iter().filter(|tag| tag.matches('.').count() >= 2);
        let fitting = versions.filter_map(|tag| Some((tag.parse::<Version>().ok()?, tag)));
        let newest = fitting.filter(|(version, _)| range.allows(version)).max();
        newest.map(|(_, tag)| tag.clone()).ok_or_else(|| {
            wrong(request, format!("none of the {} tags of `{name}` is a version in `{range}`", tags.len()))
        })
    }

    /// Refuses an image for another machine: where no index says what it is for, its configuration does (OCI
    /// image specification 1.1, `config.md`).
    async fn check_platform(
        &self,
        request: &Request,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), ResolveError> {
        #[derive(serde::Deserialize)]
        struct Config {
            os: String,
            architecture: String,
        }
        let config = manifest.config();
        let pin = (config.digest, config.size);
        let got = self.client.registry().blob(self.store, reference.name(), pin, &request.id).await;
        let output = got.map_err(net(request))?;
        let bytes = self.store.read_output(&output, DOCUMENT_LIMIT).map_err(net(request))?;
        let read: Result<Config, _> = serde_json::from_slice(&bytes.unwrap_or_default());
        let wrong = |what: String| wrong(request, format!("`{reference}` {what}"));
        let found = read.map_err(|error| wrong(format!("has no configuration of an image: {error}")))?;
        let (found, wanted) =
            (format!("{}/{}", found.os, found.architecture), format!("linux/{}", self.settings.arch));
        if found == wanted { Ok(()) } else { Err(wrong(format!("is for `{found}`, not for `{wanted}`"))) }
    }

    /// What `reference` leads to: the index, where it is one, and the manifest for this platform.
    async fn documents(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<(Option<Index>, Manifest), ResolveError> {
        match self.document(request, reference).await? {
            Document::Manifest(manifest) => Ok((None, manifest)),
            Document::Index(index) => {
                let chosen = index.choose(&self.platform(request)?);
                let digest = chosen.map_err(format(request, &reference.to_string()))?.digest;
                match self.document(request, &reference.pinned(digest)).await? {
                    Document::Manifest(manifest) => Ok((Some(index), manifest)),
                    Document::Index(_) => {
                        Err(wrong(request, format!("`{reference}` leads from an index to another index")))
                    }
                }
            }
        }
    }

    pub(super) async fn document(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Document, ResolveError> {
        let raw = self.client.registry().manifest(reference).await;
        let raw = raw.map_err(net(request))?;
        self.store.put(&raw.bytes).map_err(net(request))?;
        Document::parse(raw.bytes, Some(&raw.media_type)).map_err(format(request, &reference.to_string()))
    }
}
