//! `host backup|restore`: what cannot be made again, without words.

use crate::backup::{self, BackupError, Part, Restored, Summary, Wanted};
use crate::error::HostError;
use crate::root::Root;
use crate::seal::Recipient;
use std::collections::BTreeSet;
use std::io::{Read, Write};

/// Arguments of saving.
#[derive(Debug, Clone, clap::Args)]
pub struct BackupArgs {
    /// Who can open the backup, `age1…`; may be given several times
    #[arg(long = "recipient", value_name = "RECIPIENT", required = true)]
    pub recipients: Vec<String>,
    /// A snapshot of etcd, as `k3s etcd-snapshot ls` shows it; may be given several times
    #[arg(long = "snapshot", value_name = "PATH")]
    pub snapshots: Vec<String>,
    /// A volume, its path on the host; may be given several times. Nothing may write to it meanwhile
    #[arg(long = "volume", value_name = "PATH")]
    pub volumes: Vec<String>,
}

/// Arguments of putting back.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArgs {
    /// Only this part; may be given several times
    #[arg(long = "part", value_name = "PART", value_parser = part)]
    pub parts: Vec<Part>,
    /// Read the whole backup and compare, and put nothing back
    #[arg(long)]
    pub verify: bool,
}

/// What putting back gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is whole.
    Whole(Summary),
    /// It was put back.
    Back(Restored),
}

fn part(text: &str) -> Result<Part, String> {
    let found = Part::ALL.into_iter().find(|part| part.name() == text);
    found.ok_or_else(|| format!("the parts are {}", Part::ALL.map(Part::name).join(", ")))
}

/// Saves `root` into `out`; `bundle` and `images` say what was in force.
pub fn save(
    root: &Root,
    args: &BackupArgs,
    bundle: Option<String>,
    images: Vec<String>,
    out: impl Write,
) -> Result<Summary, HostError> {
    let parsed = args.recipients.iter().map(|it| it.parse());
    let recipients = parsed.collect::<Result<Vec<Recipient>, _>>().map_err(BackupError::from)?;
    let below = |paths: &[String]| paths.iter().map(|it| it.trim_start_matches('/').to_owned()).collect();
    let wanted = Wanted { snapshots: below(&args.snapshots), volumes: below(&args.volumes), bundle, images };
    backup::write(root, &wanted, &recipients, out)
}

/// Puts an opened backup back, or only reads it.
///
/// Whoever calls holds the lock of `root`.
pub fn put_back(root: &Root, args: &RestoreArgs, opened: impl Read) -> Result<Outcome, HostError> {
    if args.verify {
        return backup::verify(opened).map(Outcome::Whole);
    }
    let all: BTreeSet<Part> =
        if args.parts.is_empty() { &Part::ALL[..] } else { &args.parts }.iter().copied().collect();
    backup::restore(root, opened, &all).map(Outcome::Back)
}
