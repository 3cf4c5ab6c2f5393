//! `host secrets recipient|inject|missing`: what a host does with secrets, without words.

use crate::error::HostError;
use crate::root::Root;
use crate::secrets::{Expect, Injected, SecretsError, identity, inject, inject_plain};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Arguments of taking values in.
#[derive(Debug, Clone, clap::Args)]
pub struct InjectArgs {
    /// Name of the bundle that the values are for
    #[arg(long, value_name = "NAME")]
    pub bundle: String,
    /// What this host is called; an installed host remembers its name
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The sidecar, `-` for stdin; without one, the same is read from stdin, and not sealed
    #[arg(long, value_name = "FILE")]
    pub sidecar: Option<PathBuf>,
}

/// The recipient that operators seal for; the identity behind it is made where there is none.
pub fn recipient(root: &Root) -> Result<String, HostError> {
    Ok(identity(root)?.recipient().to_string())
}

/// Takes values in; `input` is the pipe that they come over where no sidecar is named.
///
/// Whoever calls holds the lock of `root`.
pub fn take_in(root: &Root, args: &InjectArgs, input: impl Read) -> Result<Injected, HostError> {
    let expect = Expect { bundle: &args.bundle, host: args.host.as_deref() };
    match &args.sidecar {
        None => inject_plain(root, input, expect),
        Some(path) if path == Path::new("-") => inject(root, input, &identity(root)?, expect),
        Some(path) => inject(root, open(path)?, &identity(root)?, expect),
    }
}

fn open(path: &Path) -> Result<File, HostError> {
    File::options()
        .read(true)
        .open(path)
        .map_err(|source| SecretsError::Unreadable { path: path.to_owned(), source }.into())
}
