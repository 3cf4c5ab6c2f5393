//! Words of the commands.

use super::backup::{BackupArgs, RestoreArgs};
use super::install_disk::InstallDiskArgs;
use super::secrets::InjectArgs;
use clap::{Args, Subcommand};
use gabion_bundle::{Hosts, Time};
use std::path::PathBuf;
use std::time::Duration;

/// What can be done on a running host.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show what this machine is: its disks, its firmware, its network
    Facts(RootArgs),
    /// Install a bundle: onto a disk, from a rescue system, or into a root that is not running
    Install(Box<InstallArgs>),
    /// Take a bundle from `gabion host push` at the other end of the pipe
    #[command(hide = true)]
    Receive(ReceiveArgs),
    /// Answer one question of Flux, on a connection that systemd accepted
    #[command(hide = true)]
    Serve(RootArgs),
    /// Show what a bundle would change, and what drifted
    Plan(PlanArgs),
    /// Bring the host to a bundle: with a snapshot before, a health gate after, and a way back
    Apply(ApplyArgs),
    /// Keep what was applied: said over a new connection, it proves that the host can still be reached
    Confirm(RootArgs),
    /// Show where the host stands, what drifted, and what is not healthy
    Status(RootArgs),
    /// Go back to an older generation
    Rollback(RollbackArgs),
    /// List what the host can go back to, and what happened to it
    Generations(GenerationsArgs),
    /// Apply the generation in force again, from the host's own packs
    Heal(RootArgs),
    /// Values that no bundle holds
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Save what nobody can make again, sealed for the operators
    Backup(SaveArgs),
    /// Put a backup back, or read it whole and compare
    Restore(BackArgs),
    /// Go on with an interrupted change; go back if nobody confirmed it in time
    Recover(RecoverArgs),
}

/// Which host.
#[derive(Debug, Clone, Args)]
pub struct RootArgs {
    /// Its `/`
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub root: PathBuf,
    /// How long K3s, a wave of objects and the health gate may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub patience: Duration,
}

/// Whom to trust, and what is asked of the promotion.
#[derive(Debug, Clone, Args)]
pub struct JudgeArgs {
    /// The trust root; the one that the host was installed with unless given
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Judge keys at this moment and not by the clock, `2026-11-25T22:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub at: Option<Time>,
    /// A promotion from a file of its own, in the place of the bundle's
    #[arg(long, value_name = "FILE")]
    pub promotion: Option<PathBuf>,
    /// What this host is called: a promotion must name it, unless it is for every host. An installed host
    /// remembers its name
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub host: Option<String>,
    /// The lowest serial that is accepted
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub min_serial: u64,
}

/// Arguments of `host install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// The bundle; `-` takes it from `gabion host install --target` at the other end of the pipe
    pub bundle: PathBuf,
    /// The folder that is the host's `/`
    #[arg(long, value_name = "DIR", conflicts_with = "disk", required_unless_present = "disk")]
    pub root: Option<PathBuf>,
    /// Onto which disk
    #[command(flatten)]
    pub disk: Option<InstallDiskArgs>,
    /// Whom to trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Values of secrets, unsealed: a file that lies in memory, or `-` for the pipe
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// The identity that the host is to have, in the place of one of its own making: sidecars that are sealed for it open there
    #[arg(long, value_name = "FILE")]
    pub host_identity: Option<PathBuf>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `gabion-host receive`.
#[derive(Debug, Clone, Args)]
pub struct ReceiveArgs {
    /// The folder that is the host's `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Whom to trust; what whoever pushes names unless given
    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Arguments of `host plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The bundle
    pub bundle: PathBuf,
    /// Whom to trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
    /// Accept another system with older packages than this host has
    #[arg(long)]
    pub allow_downgrade: bool,
    /// End with 9 if there is anything to do
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `host apply`.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// The bundle
    pub bundle: PathBuf,
    /// Whom to trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
    /// Accept another system with older packages than this host has
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Do what this plan says, or nothing
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// Go back unless somebody confirms within this time, `90s`, `10m`; `0` asks nobody
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub confirm_within: Duration,
    /// With `--target`: leave it to somebody else to confirm
    #[arg(long)]
    pub leave: bool,
}

/// Arguments of `host rollback`.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// The generation; the one before unless given
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// Arguments of `host generations`.
#[derive(Debug, Clone, Args)]
pub struct GenerationsArgs {
    /// Show what happened, oldest first
    #[arg(long)]
    pub history: bool,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// What can be done with the secrets of a host.
#[derive(Debug, Clone, Subcommand)]
pub enum SecretsCommand {
    /// Show whom operators seal a sidecar for, so that this host can open it
    Recipient(RootArgs),
    /// Take values in: a sidecar, or the same unsealed from the pipe
    Inject(TakeInArgs),
}

/// Arguments of `host secrets inject`.
#[derive(Debug, Clone, Args)]
pub struct TakeInArgs {
    /// What
    #[command(flatten)]
    pub values: InjectArgs,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// Arguments of `host backup`.
#[derive(Debug, Clone, Args)]
pub struct SaveArgs {
    /// What, and for whom
    #[command(flatten)]
    pub what: BackupArgs,
    /// Where to; standard output unless given
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// Arguments of `host restore`.
#[derive(Debug, Clone, Args)]
pub struct BackArgs {
    /// The backup; standard input unless given
    pub backup: Option<PathBuf>,
    /// What opens it
    #[arg(long = "identity", value_name = "FILE", required_unless_present = "unsealed")]
    pub identities: Vec<PathBuf>,
    /// It is open already: `gabion host restore --target` opens it where it lies
    #[arg(long, hide = true, conflicts_with = "identities")]
    pub unsealed: bool,
    /// What
    #[command(flatten)]
    pub what: RestoreArgs,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// Arguments of `host recover`.
#[derive(Debug, Clone, Args)]
pub struct RecoverArgs {
    /// Only finish the files, before K3s starts with half of them
    #[arg(long)]
    pub files: bool,
    /// Which host
    #[command(flatten)]
    pub root: RootArgs,
}

/// The name of one host.
fn name(text: &str) -> Result<String, String> {
    match Hosts::parse([text]) {
        Some(Hosts::Named(_)) => Ok(text.to_owned()),
        _ => Err("a host is one word of letters, digits, `.`, `_` and `-`".to_owned()),
    }
}

/// A time as people say it: `90s`, `10m`, `2h`, or seconds alone.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|it| it.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| "a time is `90s`, `10m` or `2h`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_people_say_them() {
        for (text, seconds) in [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "m", "-1s", "1.5m", "1d", "99999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
