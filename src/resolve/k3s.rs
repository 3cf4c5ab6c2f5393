//! K3s: its channels, its releases and their checksum files.

use super::{ResolveError, Resolver, entry, wrong};
use crate::recipe::kinds::{K3s, K3sVersion};
use crate::request::{K3S_OUTPUTS, Request, k3s_asset};
use gabion_digest::Sha256;
use gabion_lockfile::{Entry, Text, Trust};

/// Lists of channels and checksum files are small.
const LIST_LIMIT: u64 = 8 << 20;

impl Resolver<'_> {
    /// Pins one output of a `k3s` node.
    pub(super) async fn k3s(&self, request: &Request, it: &K3s) -> Result<Entry, ResolveError> {
        let version = match &it.version {
            K3sVersion::Exact(version) => version.value.clone(),
            K3sVersion::Channel(channel) => self.channel(request, &it.channels, &channel.value).await?,
        };
        self.asset(request, &it.releases, &version).await
    }

    /// The newest version of a channel (K3s' channel server, `{data: [{id, latest}]}`).
    async fn channel(&self, request: &Request, url: &str, channel: &str) -> Result<String, ResolveError> {
        let text = self.text(request, url, LIST_LIMIT).await?;
        let list: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| wrong(request, format!("`{url}` is no JSON: {error}")))?;
        let channels = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let latest = channels.iter().find(|it| it["id"] == channel).and_then(|it| it["latest"].as_str());
        match latest {
            Some(latest) if is_version(latest) => Ok(latest.to_owned()),
            Some(latest) => Err(wrong(request, format!("`{latest}` is no version of K3s"))),
            None => Err(wrong(request, format!("`{url}` has no channel `{channel}`"))),
        }
    }

    async fn asset(&self, request: &Request, releases: &str, version: &str) -> Result<Entry, ResolveError> {
        let arch = &self.settings.arch;
        let output = request.id.split_once('#').map_or("", |(_, output)| output);
        let asset =
            K3S_OUTPUTS.iter().find(|(name, _)| *name == output).map(|(_, asset)| k3s_asset(asset, arch));
        let asset = asset.ok_or_else(|| wrong(request, format!("K3s has no output `{output}`")))?;
        // `+` must not reach the wire as it is: servers read it as a space.
        let base = format!("{releases}/{}", version.replace('+', "%2B"));
        let url = format!("{base}/{asset}");
        let list = format!("sha256sum-{arch}.txt");
        let list_name = Text::new(&list).map_err(|error| wrong(request, error.to_string()))?;
        let sums = self.text(request, &format!("{base}/{list}"), LIST_LIMIT).await?;
        let known = sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, name)| *name == asset);
        let Some((hex, _)) = known else {
            // Only the list of images has never had a line.
            if output != "list" {
                return Err(wrong(request, format!("`{list}` has no line for `{asset}`")));
            }
            let (sha256, size) = self.fetch(request, &url, None).await?;
            return entry(request, Some(version), &url, sha256, size, Trust::Tofu);
        };
        let sha256 = Sha256::from_hex(hex).map_err(|error| {
            wrong(request, format!("the line of `{asset}` in `{list}` is wrong: {error}"))
        })?;
        let size = self
            .client
            .size(&url)
            .await
            .map_err(|source| ResolveError::Net { id: request.id.clone(), source })?;
        let size = match size {
            Some(size) => size,
            None => self.fetch(request, &url, Some(sha256)).await?.1,
        };
        entry(request, Some(version), &url, sha256, size, Trust::ChecksumFile(list_name))
    }
}

/// `v1.34.9+k3s1`: what may become part of a location.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
    text.starts_with('v') && text.bytes().all(plain)
}
