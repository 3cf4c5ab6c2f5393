//! Why a node could not be built.

use super::disk::DiskError;
use super::render::unstable;
use crate::image::ImageError;
use crate::net::{GitError, NetError};
use gabion_harden::HardenError;
use gabion_helm::{RenderError, Tainted};
use gabion_rootfs::RootfsError;
use gabion_sandbox::{End, SandboxError};
use gabion_store::{Output, StoreError};

/// Why a node could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Pinned bytes did not arrive.
    #[error("could not fetch `{node}` from `{url}`")]
    Fetch {
        /// The node.
        node: String,
        /// Where its bytes are.
        url: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// The lock gives the pinned bytes another size than they have.
    #[error("the lock says that `{node}` has {locked} bytes, and what it pins has {found}")]
    Size {
        /// The node.
        node: String,
        /// What the lock says.
        locked: u64,
        /// What the bytes have.
        found: u64,
    },
    /// Something that a step needs is damaged, or went away meanwhile.
    #[error("could not make `{node}`: what it needs is not what the store says")]
    Gone {
        /// The node.
        node: String,
        /// What it needs.
        input: Output,
    },
    /// A pinned commit did not arrive.
    #[error("could not fetch `{node}` from `{url}`")]
    Git {
        /// The node.
        node: String,
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: Box<GitError>,
    },
    /// An image whose documents are pinned cannot be read.
    #[error("could not read the image of `{node}`")]
    Image {
        /// The node.
        node: String,
        /// Why.
        #[source]
        source: ImageError,
    },
    /// Bytes are missing and the network is forbidden; all of them are listed.
    #[error("{} pinned files are not in the store, and the network is forbidden", missing.len())]
    Offline {
        /// The locations.
        missing: Vec<String>,
    },
    /// A step cannot make its output from these inputs.
    #[error("could not make `{node}`: {why}")]
    Step {
        /// The node.
        node: String,
        /// Why.
        why: String,
    },
    /// This machine gives no sandbox, or its programs cannot be run in one.
    #[error("could not make `{node}`")]
    Sandbox {
        /// The node.
        node: String,
        /// Why.
        #[source]
        source: SandboxError,
    },
    /// A chart gives no documents.
    #[error("could not render `{node}`")]
    Chart {
        /// The node.
        node: String,
        /// Why not.
        #[source]
        source: RenderError,
    },
    /// A chart would give other documents next time.
    #[error("could not render `{node}`: {} values of it would be others next time", taints.len())]
    Unstable {
        /// The node.
        node: String,
        /// Which; never empty.
        taints: Vec<Tainted>,
    },
    /// Files beside the store cannot be written or read.
    #[error("could not make `{node}`: could not {doing}")]
    Files {
        /// The node.
        node: String,
        /// What was to be done.
        doing: &'static str,
        /// Why it was not.
        #[source]
        source: std::io::Error,
    },
    /// A script ended otherwise than well.
    #[error("could not make `{node}`: its script {end}")]
    Script {
        /// The node.
        node: String,
        /// How.
        end: End,
        /// The last lines of what it said.
        log: String,
    },
    /// Packages cannot be unpacked or configured.
    #[error("could not make `{node}`")]
    Rootfs {
        /// The node.
        node: String,
        /// Why.
        #[source]
        source: RootfsError,
    },
    /// What the recipe says of a system does not fit its packages.
    #[error("could not make `{node}`: {} things do not fit its packages", errors.len())]
    Harden {
        /// The node.
        node: String,
        /// What; never empty.
        errors: Vec<HardenError>,
    },
    /// There is no disk.
    #[error("could not make `{node}`")]
    Disk {
        /// The node.
        node: String,
        /// Why.
        #[source]
        source: DiskError,
    },
    /// With `--keep-going`: what failed, and what was not tried because of it.
    #[error("{} nodes failed, {} were not built because of them", failures.len(), skipped.len())]
    Several {
        /// What failed; never empty.
        failures: Vec<BuildError>,
        /// Nodes that need one that failed.
        skipped: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch { source, .. } => source.code(),
            Self::Gone { .. } => "E1104",
            Self::Size { .. } => "E1105",
            Self::Git { source, .. } => source.code(),
            Self::Image { source, .. } => source.code(),
            Self::Offline { .. } => "E1101",
            Self::Step { .. } => "E1102",
            Self::Sandbox { source, .. } => source.code(),
            Self::Script { .. } => "E1107",
            Self::Files { .. } => "E1108",
            Self::Chart { source, .. } => source.code(),
            Self::Unstable { .. } => "E1109",
            Self::Rootfs { source, .. } => source.code(),
            Self::Harden { errors, .. } => errors.first().map_or("E1102", HardenError::code),
            Self::Disk { source, .. } => source.code(),
            Self::Several { .. } => "E1103",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Fetch { source, .. } => source.help(),
            Self::Size { .. } => {
                Some("somebody changed the lock by hand: `gabion update -p NODE` pins it anew".into())
            }
            Self::Gone { .. } => Some("`gabion store verify --repair`, then build again".into()),
            Self::Git { source, .. } => source.help(),
            Self::Image { source, .. } => source.help(),
            Self::Offline { missing } => Some(format!("run once with the network\n{}", missing.join("\n"))),
            Self::Step { .. } => None,
            Self::Sandbox { source, .. } => source.help(),
            Self::Chart { source, .. } => source.help(),
            Self::Unstable { taints, .. } => Some(unstable(taints)),
            Self::Files { .. } => Some("`TMPDIR` names a folder with room for a root and its inputs".into()),
            Self::Script { node, end, log } => Some(script_help(node, *end, log)),
            Self::Rootfs { source, .. } => Some(source.help()),
            Self::Harden { errors, .. } => {
                let told = errors.iter().map(|error| crate::error::told(error.code(), error, error.help()));
                Some(told.collect::<Vec<_>>().join("\n"))
            }
            Self::Disk { source, .. } => source.help(),
            Self::Several { failures, skipped } => {
                let lines =
                    failures.iter().map(|error| crate::error::told(error.code(), error, error.help()));
                let skipped = skipped.iter().map(|node| format!("not built: {node}"));
                Some(lines.chain(skipped).collect::<Vec<_>>().join("\n"))
            }
            Self::Store(error) => error.help(),
        }
    }

    /// The failure that decides the exit code: the first one.
    pub fn first(&self) -> &Self {
        match self {
            Self::Several { failures, .. } => failures.first().unwrap_or(self),
            _ => self,
        }
    }

    /// Whether the bytes that came were not the pinned ones.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Store(error) | Self::Fetch { source: NetError::Store(error), .. } => {
                matches!(error, StoreError::Mismatch { .. })
            }
            Self::Fetch { source, .. } => matches!(source, NetError::Digest { .. }),
            Self::Image { .. } | Self::Gone { .. } | Self::Size { .. } => true,
            Self::Git { source, .. } => source.is_integrity(),
            _ => false,
        }
    }
}

/// What a script said last, and how to see it again.
fn script_help(node: &str, end: End, log: &str) -> String {
    let again = format!("`gabion build {node}` runs it again");
    let limit =
        if end == End::TimedOut { "; `time-out` in its recipe says how long it may take" } else { "" };
    if log.is_empty() {
        return format!("it said nothing: `set -x` in the script shows what it does\n{again}{limit}");
    }
    format!("it said last:\n{log}\n{again}{limit}")
}
