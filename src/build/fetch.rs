//! Pinned bytes, from the store or from where the lock says they are.

use super::{BuildError, Engine};
use crate::event::Event;
use crate::image;
use crate::lock::{FilePin, ImagePin, Location};
use crate::net::{NetError, Wanted};
use crate::recipe::{Kind, Recipe};
use futures_util::{StreamExt, TryStreamExt};
use gabion_digest::Sha256;
use gabion_oci::Manifest;
use gabion_store::{Expect, Output};
use std::collections::{BTreeMap, BTreeSet};

/// How many downloads of one node wait for their turn at once.
const QUEUE: usize = 64;

impl Engine<'_> {
    /// Every pinned file of a node.
    pub(super) async fn fetch(&self, recipe: &Recipe) -> Result<BTreeMap<String, Output>, BuildError> {
        if let Some(pin) = self.locked.image(recipe) {
            return self.fetch_image(recipe, &pin).await;
        }
        futures_util::stream::iter(self.locked.pins(recipe))
            .map(async |(output, pin)| Ok((output, self.fetch_file(recipe, &pin).await?)))
            .buffer_unordered(QUEUE)
            .try_collect()
            .await
    }

    async fn fetch_file(&self, recipe: &Recipe, pin: &FilePin<'_>) -> Result<Output, BuildError> {
        if let Some(output) = self.store.find(pin.sha256)? {
            if output.size == pin.size {
                return Ok(output);
            }
            // Either the lock is wrong, or the store: its word counts only once the bytes are read.
            if self.store.check_output(&output)? {
                let node = recipe.address.to_string();
                return Err(BuildError::Size { node, locked: pin.size, found: output.size });
            }
        }
        let _turn = self.downloads.acquire().await;
        let node = recipe.address.to_string();
        self.events.send(Event::Started { node: node.clone(), what: pin.location.to_string() });
        let url = || pin.location.to_string();
        let failed = |source| BuildError::Fetch { node: node.clone(), url: url(), source };
        let client = match recipe.address.kind() {
            Kind::Apt => &self.client.for_signed(),
            _ => self.client,
        };
        let got = match &pin.location {
            Location::Url(url) => {
                let wanted = Wanted { url, sha256: Some(pin.sha256), size: Some(pin.size) };
                client.fetch(self.store, wanted, &node).await
            }
            Location::Registry(name) => {
                client.registry().blob(self.store, name, (pin.sha256, pin.size), &node).await
            }
            Location::Git { url: from, commit } => {
                let expect = Expect { sha256: Some(pin.sha256), size: Some(pin.size), blob: None };
                let fetched = client.repository(from).fetch_commit(self.store, commit, expect, &node).await;
                let failed =
                    |source| BuildError::Git { node: node.clone(), url: url(), source: Box::new(source) };
                return fetched.map_err(failed);
            }
        };
        got.map_err(failed)
    }

    async fn fetch_image(
        &self,
        recipe: &Recipe,
        pin: &ImagePin,
    ) -> Result<BTreeMap<String, Output>, BuildError> {
        let mut outputs = BTreeMap::new();
        for digest in pin.all_documents() {
            outputs.insert(image::output_name(digest), self.fetch_document(recipe, pin, *digest).await?);
        }
        let mut blobs: BTreeSet<(Sha256, u64)> = BTreeSet::new();
        let attached = pin.attached.chunks(1);
        for documents in std::iter::once(pin.documents.as_slice()).chain(attached) {
            // A layer may stand twice in one image.
            blobs.extend(self.manifest(recipe, pin, documents)?.blobs().map(|it| (it.digest, it.size)));
        }
        let name = pin.reference.name();
        let fetched: BTreeMap<String, Output> = futures_util::stream::iter(blobs)
            .map(async |(sha256, size)| {
                let location = Location::Registry(name.clone());
                let file = FilePin { location, size, sha256, version: None };
                Ok::<_, BuildError>((image::output_name(&sha256), self.fetch_file(recipe, &file).await?))
            })
            .buffer_unordered(QUEUE)
            .try_collect()
            .await?;
        outputs.extend(fetched);
        Ok(outputs)
    }

    /// An index or manifest, kept byte for byte.
    async fn fetch_document(
        &self,
        recipe: &Recipe,
        pin: &ImagePin,
        digest: Sha256,
    ) -> Result<Output, BuildError> {
        if let Some(output) = self.store.find(digest)? {
            return Ok(output);
        }
        let node = recipe.address.to_string();
        self.events.send(Event::Started { node: node.clone(), what: pin.reference.to_string() });
        let reference = pin.reference.pinned(digest);
        let failed = |source| BuildError::Fetch { node: node.clone(), url: reference.to_string(), source };
        let raw = self.client.registry().manifest(&reference).await.map_err(failed)?;
        Ok(self.store.put(&raw.bytes)?.into())
    }

    fn manifest(
        &self,
        recipe: &Recipe,
        pin: &ImagePin,
        documents: &[Sha256],
    ) -> Result<Manifest, BuildError> {
        let failed = |source| BuildError::Image { node: recipe.address.to_string(), source };
        let gone = || {
            let url = pin.reference.to_string();
            BuildError::Fetch {
                node: recipe.address.to_string(),
                url: url.clone(),
                source: NetError::Vanished { url },
            }
        };
        image::manifest(self.store, documents).map_err(failed)?.ok_or_else(gone)
    }

    /// Refuses a build without network that would need it; everything that is missing is listed.
    pub(super) fn check_offline<'r>(
        &self,
        recipes: impl IntoIterator<Item = &'r Recipe>,
    ) -> Result<(), BuildError> {
        let mut missing = Vec::new();
        for recipe in recipes {
            for (_, pin) in self.locked.pins(recipe) {
                if self.store.find(pin.sha256)?.is_none() {
                    missing.push(pin.location.to_string());
                }
            }
            if let Some(pin) = self.locked.image(recipe) {
                let failed = |source| BuildError::Image { node: recipe.address.to_string(), source };
                let bytes =
                    image::missing(self.store, &pin.documents, &pin.attached, pin.size).map_err(failed)?;
                if bytes > 0 {
                    missing.push(format!("{} ({bytes} bytes)", pin.reference));
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(BuildError::Offline { missing }) }
    }
}
