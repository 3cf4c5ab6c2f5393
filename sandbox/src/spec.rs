//! What is to run, and how it ended: values only.

use crate::error::SandboxError;
use crate::tier::{Policy, Tier};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// What a program sees as `/`. Over each root lie fresh `/proc`, `/dev`, `/run` and `/tmp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Root {
    /// A writable tree of a whole Linux system, which is being configured; never the machine's own.
    Tree {
        /// The folder; it has `proc`, `dev`, `run` and `tmp` of its own, and keeps none of what is mounted there.
        path: PathBuf,
    },
    /// An empty root with nothing but what is declared; read-only, except for `out`, `/tmp` and `/build`.
    Inputs {
        /// What is seen, read-only, with all mounts below.
        binds: Vec<Bind>,
        /// The one folder whose content stays.
        out: Bind,
        /// Symbolic links of the root: where, and to what (`/bin` to `usr/bin`).
        links: BTreeMap<PathBuf, PathBuf>,
    },
}

/// A file or folder of this machine, seen elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Path here; symbolic links are followed here.
    pub source: PathBuf,
    /// Path inside, absolute.
    pub target: PathBuf,
}

impl Bind {
    /// `source` here as `target` inside.
    pub fn new(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), target: target.into() }
    }
}

/// Who a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// User [`Spec::UID`] and group [`Spec::GID`], and no other: outside it is the caller. In a user namespace of its own, also where
    /// the caller is root, so that the same things are refused and the bytes are equal.
    Single,
    /// The caller with its ids: uid 0 of a [`crate::Worker`]. `chown` to each of its ids works, and so do bits and
    /// capabilities of files. Needs `CAP_SYS_ADMIN` over the namespaces that the caller is in.
    Inherit,
}

/// Where standard output and error go, both to one place, in the order of writing.
#[derive(Debug)]
pub enum Log {
    /// Into memory: the last so many bytes.
    Keep(usize),
    /// Into a file, at its position.
    File(File),
}

impl Default for Log {
    fn default() -> Self {
        Self::Keep(64 << 10)
    }
}

/// A program, its root and its limits. It sees nothing of the caller: no variable, no descriptor but the standard
/// ones, umask 022, default signals.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// What it sees as `/`.
    pub root: Root,
    /// Who it is.
    pub identity: Identity,
    /// The program, an absolute path inside.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<String>,
    /// All its variables.
    pub env: BTreeMap<String, String>,
    /// Its working directory, an absolute path inside.
    pub cwd: PathBuf,
    /// Whether it is held on one processor, so that `nproc` says 1.
    pub one_cpu: bool,
    /// Whether `fsync(2)` and its like succeed without doing anything: for a tree that is read back at once or thrown
    /// away, so that nothing of it has to outlive a power cut. Where nothing walls the program in, it syncs.
    pub no_sync: bool,
    /// After which time it is killed with everything that it started.
    pub time_out: Option<Duration>,
    /// How far it must be walled in.
    pub policy: Policy,
    /// Where its words go.
    #[serde(skip)]
    pub log: Log,
}

impl Spec {
    /// The user of [`Identity::Single`], inside.
    pub const UID: u32 = 1000;
    /// The group of [`Identity::Single`], inside.
    pub const GID: u32 = 100;

    /// A program without arguments and variables, in `/`, on one processor, which may sync, without a time-out.
    pub fn new(root: Root, identity: Identity, program: impl Into<PathBuf>) -> Self {
        Self {
            root,
            identity,
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: "/".into(),
            one_cpu: true,
            no_sync: false,
            time_out: None,
            policy: Policy::default(),
            log: Log::default(),
        }
    }

    /// Refuses what only a root of its own can give: other paths inside than here.
    pub(crate) fn check_without_namespaces(&self) -> Result<(), SandboxError> {
        let same = |bind: &Bind| bind.source == bind.target;
        match &self.root {
            Root::Inputs { binds, out, links } if links.is_empty() && binds.iter().chain([out]).all(same) => {
                Ok(())
            }
            Root::Inputs { .. } | Root::Tree { .. } => Err(SandboxError::NeedsRoot),
        }
    }

    /// Refuses what could not mean anything inside.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let inside = |path: &Path| {
            let plain = path.components().all(|it| matches!(it, Component::RootDir | Component::Normal(_)));
            let fits = plain && path.is_absolute() && path.to_str().is_some_and(|text| !text.contains('\0'));
            if fits { Ok(()) } else { Err(SandboxError::Path { path: path.to_owned() }) }
        };
        [&self.program, &self.cwd].into_iter().try_for_each(|path| inside(path))?;
        match &self.root {
            Root::Tree { path } => below(path, inside),
            Root::Inputs { binds, out, links } => binds
                .iter()
                .chain([out])
                .try_for_each(|bind| inside(&bind.source).and_then(|()| below(&bind.target, inside)))
                .and_then(|()| links.keys().try_for_each(|link| below(link, inside))),
        }
    }
}

/// As `inside`, and not the root itself.
fn below(path: &Path, inside: impl Fn(&Path) -> Result<(), SandboxError>) -> Result<(), SandboxError> {
    inside(path)?;
    path.parent().map(drop).ok_or_else(|| SandboxError::Path { path: path.to_owned() })
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// By [`Spec::time_out`].
    TimedOut,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "ended with status {status}"),
            Self::Signalled(signal) => write!(f, "was killed by signal {signal}"),
            Self::TimedOut => f.write_str("took longer than it may"),
        }
    }
}

/// What came of a run. Every process of it is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How the program ended.
    pub end: End,
    /// How far it was walled in.
    pub tier: Tier,
    /// The end of what it said, where [`Log::Keep`] was asked for.
    pub log: Vec<u8>,
    /// Whether it said more than is kept.
    pub cut: bool,
}

impl Outcome {
    /// Whether the program ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.end == End::Exited(0)
    }
}
