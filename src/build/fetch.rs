//! Pinned bytes, from the store or from where the lock says they are.

use super::{BuildError, Engine};
use crate::event::Event;
use crate::lock::FilePin;
use crate::net::NetError;
use crate::recipe::{Kind, Recipe};
use futures_util::{StreamExt, TryStreamExt};
use gabion_digest::Hashed;
use gabion_store::{Expect, Output};
use std::collections::BTreeMap;

/// How many downloads of one node wait for their turn at once.
const QUEUE: usize = 64;

pub(super) fn output(hashed: Hashed) -> Output {
    Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size }
}

impl Engine<'_> {
    /// Every pinned file of a node.
    pub(super) async fn fetch(&self, recipe: &Recipe) -> Result<BTreeMap<String, Output>, BuildError> {
        futures_util::stream::iter(self.locked.pins(recipe))
            .map(async |(output, pin)| Ok((output, self.fetch_file(recipe, pin).await?)))
            .buffer_unordered(QUEUE)
            .try_collect()
            .await
    }

    async fn fetch_file(&self, recipe: &Recipe, pin: FilePin<'_>) -> Result<Output, BuildError> {
        let known = || -> Result<Option<Output>, BuildError> {
            let found = self.store.by_sha256(pin.sha256)?;
            Ok(found.map(|(blob, size)| Output { blob, sha256: pin.sha256, size }))
        };
        if let Some(output) = known()? {
            return Ok(output);
        }
        let _turn = self.downloads.acquire().await;
        let node = recipe.address.to_string();
        self.events.send(Event::Started { node: node.clone(), what: pin.url.to_string() });
        let failed = |source| BuildError::Fetch { node: node.clone(), url: pin.url.to_string(), source };
        let expect = Expect { sha256: Some(pin.sha256), size: Some(pin.size), blob: None };
        let partial = self.client.partial(self.store, pin.sha256, expect).await.map_err(failed)?;
        // Another process, or another node with the same bytes, may have been here first.
        if let Some(output) = known()? {
            if let Some(partial) = partial {
                partial.discard();
            }
            return Ok(output);
        }
        let Some(partial) = partial else {
            return Err(failed(NetError::Vanished { url: pin.url.to_string() }));
        };
        let client = match recipe.address.kind() {
            Kind::Apt => &self.client.for_signed(),
            _ => self.client,
        };
        let partial = client.download(&pin.url, Some(pin.size), partial, &node).await.map_err(failed)?;
        let hashed = partial.finish().map_err(|error| failed(error.into()))?;
        Ok(output(hashed))
    }

    /// Refuses a build without network that would need it; everything that is missing is listed.
    pub(super) fn check_offline<'r>(
        &self,
        recipes: impl IntoIterator<Item = &'r Recipe>,
    ) -> Result<(), BuildError> {
        let mut missing = Vec::new();
        for recipe in recipes {
            for (_, pin) in self.locked.pins(recipe) {
                if self.store.by_sha256(pin.sha256)?.is_none() {
                    missing.push(pin.url.to_string());
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(BuildError::Offline { missing }) }
    }
}
