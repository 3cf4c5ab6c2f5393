//! `[k3s.NAME]`: the K3s binary, its airgap images and its configuration.

use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::table::Table;

/// Channel server of K3s.
const CHANNELS: &str = "https://update.k3s.io/v1-release/channels";
/// Releases of K3s.
const RELEASES: &str = "https://github.com/k3s-io/k3s/releases/download";

/// The fields of a `k3s` node.
#[derive(Debug, Clone)]
pub struct K3s {
    /// Which version.
    pub version: K3sVersion,
    /// Where channels are listed.
    pub channels: String,
    /// Where releases are served.
    pub releases: String,
    /// Keys of `/etc/rancher/k3s/config.yaml`.
    pub config: Table,
}

/// How a version of K3s is asked for.
#[derive(Debug, Clone)]
pub enum K3sVersion {
    /// The newest of a channel, `v1.34`.
    Channel(Spanned<String>),
    /// Exactly this one, `v1.34.9+k3s1`.
    Exact(Spanned<String>),
}

impl K3s {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.one_of(&["channel", "version"]);
        let nothing = Spanned { value: String::new(), span: reader.span() };
        let version = match reader.string("channel") {
            Some(channel) => K3sVersion::Channel(channel),
            None => K3sVersion::Exact(reader.string("version").unwrap_or(nothing)),
        };
        Self {
            version,
            channels: reader.url("channels").map_or(CHANNELS.to_owned(), |it| it.value),
            releases: reader.url("releases").map_or(RELEASES.to_owned(), |it| it.value),
            config: reader.table("config").map(|(table, _)| table.clone()).unwrap_or_default(),
        }
    }
}
