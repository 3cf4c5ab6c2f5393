//! Hardening: typed settings in, what is laid over a base system out.
//!
//! A leaf: no I/O, no clock, no network. What the base system holds is asked through [`Base`]; what comes out
//! is a [`Layer`], files and links by path, and the paths that go. Whoever writes a tree merges the two.
//!
//! # Invariants
//! - The same settings over the same base give the same layer, byte for byte.
//! - Files are written as the programs that read them write them, so that those go on from there: `ufw allow`
//!   on the running host finds the rules of the recipe in its own files.
//! - What no base can repair is found by [`check`], without a base; every mistake is told, not only the first.
//! - Nothing here locks its operator out: a layer under which nobody can log in is an error.
//! - Nothing secret and nothing that differs between hosts of one image is in a layer: host keys and the
//!   machine's id are made on the host.
//!
//! # What this crate does not do
//! It runs no program and changes no tree, and it does not know where packages come from.

mod accounts;
mod base;
mod check;
mod error;
mod fail2ban;
mod files;
mod firewall;
mod host;
mod k3s;
mod kernel;
mod layer;
mod make;
mod network;
mod public_key;
mod settings;
mod ssh;
mod storage;
mod time;
mod units;
mod updates;
mod users;
mod value;

pub use base::{Base, Distribution};
pub use check::check;
pub use error::HardenError;
pub use fail2ban::{Fail2ban, Jail, Span};
pub use files::{ExtraFile, Mode, Owner};
pub use firewall::{Firewall, Policy, Rule, Verdict};
pub use k3s::K3s;
pub use kernel::{DEFAULT_MODULES, ModuleName, SysctlKey, SysctlValue, against_k3s};
pub use layer::{Content, Layer, LayerPath, Node};
pub use network::{InterfaceName, Network};
pub use public_key::PublicKey;
pub use settings::Settings;
pub use ssh::Ssh;
pub use storage::{PartUuid, Partitions};
pub use time::Time;
pub use updates::{Repository, UPDATES, Updates};
pub use users::{Uid, User};
pub use value::{Cidr, HostName, Name, ValueError};

use make::Maker;

/// What `settings` lay over `base`; every mistake, where there is one.
///
/// Modules write in a fixed order and no two of them the same path: [`Settings::files`] that name a path of
/// a module take its place, because that is what they are for.
pub fn layer(settings: &Settings, base: &dyn Base) -> Result<Layer, Vec<HardenError>> {
    let mut maker = Maker::new(base);
    maker.errors.extend(check(settings));
    host::make(settings, &mut maker);
    users::make(settings, &mut maker);
    ssh::make(settings, &mut maker);
    firewall::make(settings, &mut maker);
    fail2ban::make(settings, &mut maker);
    updates::make(settings, &mut maker);
    kernel::make(settings, &mut maker);
    network::make(settings, &mut maker);
    time::make(settings, &mut maker);
    storage::make(settings, &mut maker);
    files::make(settings, &mut maker);
    k3s::make(settings, &mut maker);
    maker.finish()
}
