//! The command line.

use super::ui::{Color, Progress};
use clap::{Args, Parser, Subcommand};
use gabion_bundle::{Hosts, Time};
use gabion_sandbox::Policy;
use std::path::PathBuf;

/// One signed, reproducible bundle for a whole platform
#[derive(Debug, Parser)]
#[command(name = "gabion", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What is the same for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Global {
    /// Folder of `gabion.toml`; the nearest one above the working directory unless given
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Overlay from `env/`, on top of the recipes
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// Folder of the store
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Neither keep nor ask the index of the store: the same answers, more slowly
    #[arg(long, global = true)]
    pub no_index: bool,
    /// `host-apt`: ask the mirrors that this machine's own apt is configured for; recipes and lock stay as they are
    #[arg(long, global = true, value_name = "WHICH", value_parser = ["host-apt"])]
    pub mirror: Option<String>,
    /// Cache to ask before anything is fetched or made, in the place of the configured ones: `dir:PATH`, `https://…`,
    /// `s3://…`, `oci://…`; may be given several times
    #[arg(long, global = true, value_name = "URL")]
    pub cache: Vec<String>,
    /// Ask no cache
    #[arg(long, global = true)]
    pub no_cache: bool,
    /// Also put what is made into the caches, signed with the key of `[cache]` or `GABION_CACHE_KEY`
    #[arg(long, global = true)]
    pub cache_push: bool,
    /// How many actions run at once
    #[arg(long, short = 'j', global = true, value_name = "N")]
    pub jobs: Option<usize>,
    /// Refuse to change the lock
    #[arg(long, global = true)]
    pub locked: bool,
    /// Never use the network
    #[arg(long, global = true)]
    pub offline: bool,
    /// Both `--locked` and `--offline`
    #[arg(long, global = true)]
    pub frozen: bool,
    /// How far the scripts of recipes must be walled in; what ran with walls missing is not remembered
    #[arg(long, global = true, value_enum, default_value = "require", value_name = "HOW")]
    pub sandbox: Sandbox,
    /// After a failure, go on with what does not depend on it
    #[arg(long, short = 'k', global = true)]
    pub keep_going: bool,
    /// Leave the root of a system where it is when a program of its packages fails, to look at it
    #[arg(long, global = true)]
    pub keep_failed: bool,
    /// Results as JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// How progress is shown
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "HOW")]
    pub progress: Progress,
    /// When colour is used
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
}

/// How far scripts must be walled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sandbox {
    /// Namespaces and a root of their own, else nothing runs.
    Require,
    /// Less where this machine denies that: they see which files there are.
    BestEffort,
    /// Not at all.
    Off,
}

impl From<Sandbox> for Policy {
    fn from(sandbox: Sandbox) -> Self {
        match sandbox {
            Sandbox::Require => Self::Require,
            Sandbox::BestEffort => Self::BestEffort,
            Sandbox::Off => Self::Off,
        }
    }
}

/// What gabion can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lock what is not locked, build what is not built, and write the bundle
    Build(BuildArgs),
    /// Show what a build would do, and why
    Plan(PlanArgs),
    /// Check recipes and every object that they become: lints, schemas; or that what was built is built again alike
    Check(CheckArgs),
    /// Pin what the recipes ask for; pins that still fit stay
    Lock(LockArgs),
    /// Choose newer versions within the recipes' ranges
    Update(UpdateArgs),
    /// Show how two locks or two bundles differ
    Diff(DiffArgs),
    /// Show the nodes below a target
    Tree(TreeArgs),
    /// Show who brings in a node or an image
    Why(WhyArgs),
    /// List the images that a bundle holds, and who needs them
    Images(ImagesArgs),
    /// Bundles: verify, look inside, sign
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Put a bundle on a machine
    Host(HostArgs),
    /// The store: contents and health
    #[command(subcommand)]
    Store(StoreCommand),
    /// Caches that are shared with others
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Show where several builders did not make the same: the trusted ones whose records are in the caches, and this
    /// machine
    Challenge(TargetArgs),
    /// Signing keys and trust
    #[command(subcommand)]
    Key(KeyCommand),
    /// Values that no bundle holds: sealed in a file beside it
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Try out what this machine lets a build do, and say what to enable
    #[command(subcommand)]
    Doctor(DoctorCommand),
    /// Lock, build, sign, verify and install the platform from a miniature upstream inside this program
    Demo(DemoArgs),
    /// Begin a project
    Init(InitArgs),
    /// Add a node to a file of recipes
    New(NewArgs),
    /// Print the JSON Schema of recipes, for editors
    Schema,
    /// Explain an error code, a lint or an exit code
    Explain(ExplainArgs),
}

impl Command {
    /// Whether the command may take long and writes: what an interruption must end in good order.
    pub(super) fn works(&self) -> bool {
        matches!(
            self,
            Self::Build(_)
                | Self::Check(CheckArgs { rebuild: Some(_), .. })
                | Self::Lock(_)
                | Self::Update(_)
                | Self::Demo(_)
                | Self::Host(_)
                | Self::Cache(_)
                | Self::Challenge(_)
                | Self::Bundle(_)
        )
    }
}

/// What can be done with caches.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Sign everything below a target that is here, whoever made it, and put it into the caches
    Push(TargetArgs),
    /// Take everything below a target that the caches have, and make nothing
    Pull(TargetArgs),
    /// Ask each cache what it has of a target, and read all of it; ends with 5 where bytes are wrong
    Check(TargetArgs),
    /// Serve a folder as a cache over HTTP, until the program is ended
    Serve(ServeArgs),
}

/// Arguments of `cache serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The folder, the same that `dir:` names; it is made when something is put
    pub folder: PathBuf,
    /// Where to listen; whoever reaches it can read
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7417")]
    pub listen: std::net::SocketAddr,
    /// File with the token that lets others write; without one nobody can
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// What can be tried out.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Namespaces, ids and the rest of what build steps run in; ends with 1 where some of them cannot run
    Sandbox,
}

/// What a new project begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// One bundle with the objects of one program.
    Minimal,
    /// One VPS: hardened system, disk, K3s.
    VpsK3s,
    /// A whole platform: the same VPS with certificates, Kafka, monitoring, Flux and three services.
    Seed,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the project, which may exist
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// What it begins with
    #[arg(long, value_enum, default_value = "minimal", value_name = "WHICH")]
    pub template: Template,
}

/// Arguments of `new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The kind of the node, `chart`
    pub kind: String,
    /// Its name
    pub name: String,
    /// The file of recipes that it is added to
    #[arg(long, default_value = "gabion.toml", value_name = "FILE")]
    pub file: String,
}

/// A target.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// A node, `kind.name`; a bare name where it names one node, else the bundle of that name
    pub target: Option<String>,
}

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A node, `kind.name`; a bare name where it names one node, else the bundle of that name
    pub target: Option<String>,
    /// Where the bundle goes, `out/NAME.gabion` unless given; or the image of a disk, in the form that its end
    /// says: `.qcow2`, `.img` (raw, with holes), `.img.zst`; or the archive of a container image
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Key to sign the bundle with: a private key file, the public file of a key that the ssh-agent holds,
    /// or `agent:SHA256:…`; the configured one unless given
    #[arg(long, value_name = "KEY")]
    pub key: Option<PathBuf>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A node, `kind.name`; a bare name where it names one node, else the bundle of that name
    pub target: Option<String>,
    /// End with 9 where there is something to do
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only the recipes, not what their documents become
    #[arg(long, conflicts_with = "rebuild")]
    pub recipes: bool,
    /// End with 1 where there are warnings, too
    #[arg(long, conflicts_with = "rebuild")]
    pub deny_warnings: bool,
    /// Every finding, also where one node has many of a kind
    #[arg(long, conflicts_with = "rebuild")]
    pub all: bool,
    /// Do every step below this node again and compare; ends with 7 where one gives other bytes, and names them
    #[arg(long, value_name = "NODE")]
    pub rebuild: Option<String>,
}

/// Arguments of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Only check that the lock answers every recipe; needs no network
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Only this node; may be given several times
    #[arg(long = "package", short, value_name = "NAME")]
    pub package: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// End with 9 where there are changes
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `tree`.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// The target; the project's default unless given
    pub target: Option<String>,
    /// Below each node the images that its documents need
    #[arg(long, short)]
    pub images: bool,
}

/// Arguments of `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// The bundle; the project's default unless given
    pub target: Option<String>,
    /// Also what looks like an image and is not taken, with the reason
    #[arg(long)]
    pub ignored: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older lock or bundle
    pub old: PathBuf,
    /// The newer lock or bundle; the project's lock unless given
    pub new: Option<PathBuf>,
    /// The trust root of the bundles
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Of locks, also what the documents of this bundle become
    #[arg(long, value_name = "BUNDLE")]
    pub rendered: Option<String>,
    /// How the differences are shown
    #[arg(long, default_value = "text", value_parser = ["text", "md", "json"])]
    pub format: String,
    /// End with 9 where there are changes
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The node to explain, or an image: `quay.io/prometheus/prometheus`
    pub node: String,
    /// The target that it is below
    pub target: Option<String>,
}

/// What can be done with bundles.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Check every byte and signature against a trust root
    Verify(VerifyArgs),
    /// Show what a bundle says of itself; trusts nothing and checks only its table
    Inspect(BundleArgs),
    /// List the members
    Ls(BundleArgs),
    /// Take members out; each is checked while it is written
    Extract(ExtractArgs),
    /// Take out the installer that a bundle carries, checked and ready to run
    ExtractInstaller(ExtractInstallerArgs),
    /// Add a signature
    Sign(SignArgs),
    /// Say where the bundle may go
    Promote(PromoteArgs),
}

/// A bundle.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// The file
    pub bundle: PathBuf,
}

/// Whom to trust, and when.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The trust root; the configured one unless given
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Judge keys at this moment and not by the clock, `2026-11-25T22:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub at: Option<Time>,
}

/// What is asked of a promotion.
#[derive(Debug, Args)]
pub struct PromotionArgs {
    /// A promotion from a file of its own, in the place of the bundle's
    #[arg(long, value_name = "FILE")]
    pub promotion: Option<PathBuf>,
    /// What this host is called: a promotion must name it, unless it is for every host. An installed host
    /// remembers its name
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub host: Option<String>,
    /// The lowest serial that is accepted
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub min_serial: u64,
}

/// Arguments of `bundle verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The file
    pub bundle: PathBuf,
    /// Whom to trust
    #[command(flatten)]
    pub trust: TrustArgs,
    /// What is asked of the promotion
    #[command(flatten)]
    pub promotion: PromotionArgs,
    /// Check the SHA-256 of every member too
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `bundle extract`.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// The file
    pub bundle: PathBuf,
    /// Whom to trust
    #[command(flatten)]
    pub trust: TrustArgs,
    /// A folder that does not exist yet
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// Check the SHA-256 of every member too
    #[arg(long)]
    pub full: bool,
    /// Only these members
    pub members: Vec<String>,
}

/// Arguments of `bundle extract-installer`.
#[derive(Debug, Args)]
pub struct ExtractInstallerArgs {
    /// The file
    pub bundle: PathBuf,
    /// Whom to trust
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Where the installer goes
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Which key signs.
#[derive(Debug, Args)]
pub struct SignerArgs {
    /// A private key file, the public file of a key that the ssh-agent holds, or `agent:SHA256:…`; the
    /// configured one unless given
    #[arg(long, value_name = "KEY")]
    pub key: Option<PathBuf>,
    /// The trust root that must let the key sign; the configured one unless given
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

/// Arguments of `bundle sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The file
    pub bundle: PathBuf,
    /// Begin with an empty slot where what it holds cannot be used, as after a power cut while it was written
    #[arg(long)]
    pub replace_slot: bool,
    /// Which key signs
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `bundle promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The file; it is verified first, and it must be signed
    pub bundle: PathBuf,
    /// Name of the channel, for people
    #[arg(long, value_name = "NAME")]
    pub channel: String,
    /// Number of the promotion: higher than every one before of a bundle of this name
    #[arg(long, value_name = "N")]
    pub serial: u64,
    /// Host that may install it, or `*` for every host; may be given several times
    #[arg(long = "host", value_name = "NAME", required = true)]
    pub hosts: Vec<String>,
    /// Which key signs
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Write a file of its own and leave the bundle as it is
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What can be done with hosts.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Bring a bundle to a machine over the system's `ssh`: what is there already is not sent
    Push(PushArgs),
    /// What the small program on a host does too
    #[command(flatten)]
    Here(gabion_host::cli::Command),
}

/// What is done with which host.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// What
    #[command(subcommand)]
    pub command: HostCommand,
    /// Where
    #[command(flatten)]
    pub there: ThereArgs,
}

/// Another machine.
#[derive(Debug, Args)]
pub struct ThereArgs {
    /// The machine, as `ssh` knows it; this one unless given
    #[arg(long, global = true, value_name = "USER@HOST", value_parser = parse_target)]
    pub target: Option<String>,
    /// An option for `ssh`, as behind its `-o`; may be given several times
    #[arg(long = "ssh-option", global = true, value_name = "NAME=VALUE")]
    pub ssh_options: Vec<String>,
    /// Where the small program lies there
    #[arg(long, global = true, value_name = "PATH", default_value = "/var/lib/gabion/bin/gabion-host", value_parser = parse_remote)]
    pub remote_path: String,
}

/// Arguments of `host push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The bundle
    pub bundle: PathBuf,
    /// The folder that is the host's `/` there
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = parse_remote)]
    pub root: String,
    /// The static `gabion-host` that is to run there; the bundle's own unless given, and else the one that is there
    #[arg(long, value_name = "FILE")]
    pub installer: Option<PathBuf>,
    /// Whom to trust
    #[command(flatten)]
    pub trust: TrustArgs,
    /// What is asked of the promotion
    #[command(flatten)]
    pub promotion: PromotionArgs,
}

/// A machine that `ssh` does not take for an option.
fn parse_target(text: &str) -> Result<String, String> {
    let odd = |it: char| it.is_whitespace() || it.is_control();
    if text.is_empty() || text.starts_with('-') || text.contains(odd) {
        return Err("a machine is named as `ssh` knows it: `user@host`".to_owned());
    }
    Ok(text.to_owned())
}

/// An absolute path of a machine that is not this one.
fn parse_remote(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || text.contains(char::is_control) {
        return Err("a path there begins with `/`".to_owned());
    }
    Ok(text.to_owned())
}

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Hash every blob again, read every record, follow every alias and root
    Verify(StoreVerifyArgs),
    /// Show what takes how much room, root by root
    Du,
    /// Remove what no root reaches and nobody used lately
    Gc(GcArgs),
    /// List blobs, or who names one
    Ls(StoreLsArgs),
    /// Remove a root: what it alone keeps goes with a later `gc`
    Forget(ForgetArgs),
}

/// Arguments of `store verify`.
#[derive(Debug, Args)]
pub struct StoreVerifyArgs {
    /// Move what is damaged to quarantine
    #[arg(long)]
    pub repair: bool,
}

/// Arguments of `store gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Keep what was used within this many days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub keep_days: u64,
    /// Above this size, remove what was used longest ago even before; `K`, `M`, `G`, `T` are powers of 1024
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_size: Option<u64>,
    /// Wait this many seconds until no build runs; then go on beside them, more carefully
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub wait: u64,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `store ls`.
#[derive(Debug, Args)]
pub struct StoreLsArgs {
    /// Show the roots and records that name this blob
    #[arg(value_name = "b3:HEX")]
    pub blob: Option<gabion_digest::BlobId>,
}

/// Arguments of `store forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// Its name, as `store du` shows it
    pub root: String,
}

/// A name that a promotion could name.
fn parse_host(text: &str) -> Result<String, String> {
    match Hosts::parse([text]) {
        Some(Hosts::Named(_)) => Ok(text.to_owned()),
        _ => Err("a host is one word of letters, digits, `.`, `_` and `-`".to_owned()),
    }
}

/// Bytes, with a unit or without: `500M`, `2G`, `1048576`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KIB" => 1 << 10,
        "M" | "MIB" => 1 << 20,
        "G" | "GIB" => 1 << 30,
        "T" | "TIB" => 1 << 40,
        other => return Err(format!("`{other}` is no unit; K, M, G and T are")),
    };
    let number: u64 = digits.parse().map_err(|_| "a size is a whole number and perhaps a unit".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "that is too large".to_owned())
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an Ed25519 key and the trust root that names it
    New(KeyNewArgs),
    /// Show a key's fingerprint and public half, and where its secret is
    Show(KeyShowArgs),
    /// Sign a trust root: `root.N.json` gets one more signature in `root.N.json.sig`
    SignRoot(KeySignRootArgs),
}

/// Arguments of `key new`.
#[derive(Debug, Args)]
pub struct KeyNewArgs {
    /// Where the private key goes; the public one gets `.pub`
    pub path: PathBuf,
    /// Comment of the key
    #[arg(long, default_value = "gabion release key")]
    pub comment: String,
    /// Also write a trust root for this key alone
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Leave the key without a passphrase
    #[arg(long)]
    pub no_passphrase: bool,
}

/// Arguments of `key show`.
#[derive(Debug, Args)]
pub struct KeyShowArgs {
    /// A private key file, the public file of a key that the ssh-agent holds, or `agent:SHA256:…`
    pub key: PathBuf,
}

/// Arguments of `key sign-root`.
#[derive(Debug, Args)]
pub struct KeySignRootArgs {
    /// The trust root to sign
    pub root: PathBuf,
    /// A private key file, the public file of a key that the ssh-agent holds, or `agent:SHA256:…`
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
}

/// What can be done with secrets.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Seal a value, which is read from stdin or a file
    Set(SecretsSetArgs),
    /// Take a value out
    Remove(SecretsRemoveArgs),
    /// List the names of the values, each with a fingerprint
    List(SecretsFileArgs),
    /// Seal for the recipients of the project, and for nobody else
    RotateRecipients(SecretsRotateArgs),
    /// Check that every secret of the bundle has a value, and no other one has
    Check(SecretsFileArgs),
    /// Keys of operators
    #[command(subcommand)]
    Key(SecretsKeyCommand),
}

/// A sidecar.
#[derive(Debug, Args)]
pub struct SecretsFileArgs {
    /// Name of the bundle
    pub bundle: String,
    /// The sidecar, `NAME.secrets.age`
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// What opens it: an identity file of age; the configured one unless given
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// Arguments of `secrets set`.
#[derive(Debug, Args)]
pub struct SecretsSetArgs {
    /// Which sidecar
    #[command(flatten)]
    pub file: SecretsFileArgs,
    /// Name of the value: that of the secret, or `SECRET#KEY` where it has several
    pub name: String,
    /// Read the value from this file and not from stdin
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Who else can open it, `age1…`; may be given several times
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    pub recipients: Vec<String>,
    /// Which host a new sidecar is for; that of the bundle unless given, and `*` is every host that can open it
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
}

/// Arguments of `secrets remove`.
#[derive(Debug, Args)]
pub struct SecretsRemoveArgs {
    /// Which sidecar
    #[command(flatten)]
    pub file: SecretsFileArgs,
    /// Name of the value
    pub name: String,
}

/// Arguments of `secrets rotate-recipients`.
#[derive(Debug, Args)]
pub struct SecretsRotateArgs {
    /// Which sidecar
    #[command(flatten)]
    pub file: SecretsFileArgs,
    /// Who can open it besides those of the project, `age1…`; may be given several times
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    pub recipients: Vec<String>,
}

/// What can be done with keys of operators.
#[derive(Debug, Subcommand)]
pub enum SecretsKeyCommand {
    /// Make an identity and print its recipient
    New(SecretsKeyNewArgs),
}

/// Arguments of `secrets key new`.
#[derive(Debug, Args)]
pub struct SecretsKeyNewArgs {
    /// Where the identity goes; it is for its owner alone
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder to make
    #[arg(default_value = "demo")]
    pub folder: PathBuf,
    /// Lock afresh instead of using the lock that is built in: how that one is made
    #[arg(long, hide = true)]
    pub(super) relock: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// `E0107`, or an exit code
    pub code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_perhaps_a_unit() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(parse_size(text).ok(), expected, "{text}");
        check("0", Some(0));
        check("500M", Some(500 << 20));
        check("2gib", Some(2 << 30));
        check("1T", Some(1 << 40));
        check("", None);
        check("M", None);
        check("1.5G", None);
        check("-1", None);
        check("1X", None);
        check("18446744073709551615K", None);
    }
}
