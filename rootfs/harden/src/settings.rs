//! Everything that can be said of a host.

use crate::fail2ban::Fail2ban;
use crate::files::ExtraFile;
use crate::firewall::Firewall;
use crate::k3s::K3s;
use crate::kernel::{ModuleName, SysctlKey, SysctlValue};
use crate::network::Network;
use crate::ssh::Ssh;
use crate::storage::Partitions;
use crate::time::Time;
use crate::updates::Updates;
use crate::users::User;
use crate::value::{HostName, Name};
use std::collections::BTreeMap;

/// What a host is like. A module that is `None` is left as its packages configure it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Days since 1970-01-01 that stand in `/etc/shadow` as the day of the last change.
    pub epoch_day: u32,
    /// What the host calls itself.
    pub hostname: HostName,
    /// People who may log in. The password of every one of them, and of root, is locked.
    pub users: BTreeMap<Name, User>,
    /// The SSH server.
    pub ssh: Option<Ssh>,
    /// What reaches the host.
    pub firewall: Option<Firewall>,
    /// Who is shut out after failed logins.
    pub fail2ban: Option<Fail2ban>,
    /// Where security updates come from.
    pub updates: Updates,
    /// Over the defaults; see `sysctl(8)`.
    pub sysctl: BTreeMap<SysctlKey, SysctlValue>,
    /// Beside the defaults, which K3s needs.
    pub kernel_modules: Vec<ModuleName>,
    /// How the host gets its addresses.
    pub network: Network,
    /// Where the host asks for the time.
    pub time: Time,
    /// Kubernetes.
    pub k3s: Option<K3s>,
    /// The disk that the system will lie on; without one there are no mounts, no slots and no growing.
    pub partitions: Option<Partitions>,
    /// Files of the recipe's own.
    pub files: Vec<ExtraFile>,
}
