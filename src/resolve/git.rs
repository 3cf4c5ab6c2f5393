//! Commits of git repositories: from a branch or tag to the id of a commit, and to the archive of its tree.

use super::{ResolveError, Resolver, unfit};
use crate::net::GitError;
use crate::request::Request;
use gabion_lockfile::{Entry, EntryId, Pin, Size, Text, Trust, Url, ValueError};
use gabion_store::Expect;
use std::collections::BTreeSet;

impl Resolver<'_> {
    /// Pins a commit. The archive of its tree stays in the store for the build.
    pub(super) async fn git(
        &self,
        request: &Request,
        url: &str,
        reference: &str,
    ) -> Result<Entry, ResolveError> {
        let failed =
            |source: GitError| ResolveError::Git { id: request.id.clone(), source: Box::new(source) };
        let repository = self.client.repository(url);
        let commit = repository.resolve_ref(reference).await.map_err(failed)?;
        let fetched = repository.fetch_commit(self.store, &commit, Expect::default(), &request.id).await;
        let output = fetched.map_err(failed)?;
        // Who names a commit by its id has pinned its content; a branch is believed at first sight.
        let trust = if commit.as_str() == reference { Trust::Recipe } else { Trust::Tofu };
        let made = (|| {
            let pin = Pin::Git {
                url: Url::new(url)?,
                commit,
                size: Size::new(output.size)?,
                sha256: output.sha256,
            };
            Ok::<_, ValueError>(Entry {
                id: EntryId::new(&request.id)?,
                request: Text::new(&request.text)?,
                version: None,
                pin,
                platform: None,
                trust,
                only: BTreeSet::new(),
            })
        })();
        made.map_err(unfit(request))
    }
}
