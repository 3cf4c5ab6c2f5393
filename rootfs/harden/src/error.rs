//! What can be wrong with settings, alone and over a base.

/// Why no layer is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HardenError {
    /// The base lacks a package that a module configures.
    #[error("`{module}` needs the package `{package}`, which the packages do not bring (no `/{path}`)")]
    Package {
        /// The module.
        module: &'static str,
        /// The package.
        package: &'static str,
        /// A file of it.
        path: String,
    },
    /// Nobody has a key, and passwords are locked.
    #[error("no user has an SSH key: nobody could log in")]
    NoLogin,
    /// The firewall shuts the SSH server's port.
    #[error("the firewall does not let anybody reach the SSH port {port}")]
    LockedOut {
        /// The port.
        port: u16,
    },
    /// A weakening that is not admitted.
    #[error("`{key}` weakens the SSH server")]
    Insecure {
        /// The key.
        key: &'static str,
    },
    /// Packets of pods are dropped.
    #[error("the firewall drops routed packets, and K3s routes those of its pods")]
    Routed,
    /// The jail of a server that is not configured.
    #[error("fail2ban guards `ssh`, which is not configured")]
    JailWithoutSsh,
    /// Bans go through the firewall.
    #[error("fail2ban bans through `firewall`, which is not configured")]
    BanWithoutFirewall,
    /// Two users with one id.
    #[error("`{first}` and `{second}` both have uid {uid}")]
    SameUid {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// The id.
        uid: u32,
    },
    /// Membership of `sudo`, which asks for a password that is locked.
    #[error("`{user}` is in the group `sudo`, which asks for a password that nobody has")]
    SudoWithPassword {
        /// The user.
        user: String,
    },
    /// Two rules of the firewall for the same packets.
    #[error("two rules of the firewall say what happens to `{rule}`")]
    SameRule {
        /// The rule.
        rule: String,
    },
    /// Two files of the recipe at one path.
    #[error("two files stand at `{path}`")]
    SameFile {
        /// The path.
        path: String,
    },
    /// A node below one that is no directory.
    #[error("`{path}` stands below `{parent}`, which is no directory")]
    Below {
        /// The node.
        path: String,
        /// What is no directory.
        parent: String,
    },
    /// A user or a group of that name or id is in the base.
    #[error("the packages bring `{what}` in `/{file}` themselves")]
    Taken {
        /// The name or id.
        what: String,
        /// Where it stands.
        file: &'static str,
    },
    /// A group that is nowhere.
    #[error("there is no group `{group}` for `{user}`")]
    UnknownGroup {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// The owner of a file is nobody.
    #[error("`{path}` belongs to `{owner}`, and there is no such user or group")]
    UnknownOwner {
        /// The file.
        path: String,
        /// The owner.
        owner: String,
    },
    /// A file of accounts is missing or damaged.
    #[error("`/{file}` of the packages cannot be read: {why}")]
    Accounts {
        /// The file.
        file: &'static str,
        /// Why.
        why: String,
    },
    /// The distribution is not one that is known.
    #[error("`/etc/os-release` of the packages names neither Debian nor Ubuntu")]
    Distribution,
    /// A unit that is to be enabled cannot be.
    #[error("the unit `{unit}` has no `[Install]`, or an unreadable one")]
    Unit {
        /// The unit.
        unit: String,
    },
    /// A jail that fail2ban does not know.
    #[error("fail2ban has no filter `{jail}`")]
    UnknownJail {
        /// The jail.
        jail: String,
    },
    /// Nobody would tell the host where to ask for names.
    #[error("nothing writes `/etc/resolv.conf`: there are no `dns` servers, and no systemd-resolved")]
    NoResolver,
    /// Neither DHCP nor an address.
    #[error("the host has neither DHCP nor an address")]
    NoAddress,
    /// K3s is to start and is not there.
    #[error("K3s is enabled, and nothing stands at `/usr/local/bin/k3s`")]
    NoK3s,
    /// Two partitions with one id.
    #[error("two partitions have the id `{id}`")]
    SamePartition {
        /// The id.
        id: String,
    },
    /// No source of updates.
    #[error("updates are `online`, and no archive is known")]
    NoArchive,
}

impl HardenError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package { .. } => "E1501",
            Self::NoLogin => "E1502",
            Self::LockedOut { .. } => "E1503",
            Self::Insecure { .. } => "E1504",
            Self::Routed => "E1505",
            Self::JailWithoutSsh => "E1506",
            Self::BanWithoutFirewall => "E1507",
            Self::SameUid { .. } => "E1508",
            Self::SudoWithPassword { .. } => "E1509",
            Self::SameRule { .. } => "E1510",
            Self::SameFile { .. } => "E1511",
            Self::Below { .. } => "E1512",
            Self::Taken { .. } => "E1513",
            Self::UnknownGroup { .. } => "E1514",
            Self::UnknownOwner { .. } => "E1515",
            Self::Accounts { .. } => "E1516",
            Self::Distribution => "E1517",
            Self::Unit { .. } => "E1518",
            Self::UnknownJail { .. } => "E1519",
            Self::NoResolver => "E1520",
            Self::NoAddress => "E1521",
            Self::NoK3s => "E1522",
            Self::SamePartition { .. } => "E1523",
            Self::NoArchive => "E1524",
        }
    }

    /// The key of the recipe that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Package { module, .. } => module,
            Self::NoLogin
            | Self::SameUid { .. }
            | Self::SudoWithPassword { .. }
            | Self::Taken { .. }
            | Self::UnknownGroup { .. } => "users",
            Self::LockedOut { .. } | Self::Routed | Self::SameRule { .. } => "firewall",
            Self::Insecure { .. } => "ssh",
            Self::JailWithoutSsh | Self::BanWithoutFirewall | Self::UnknownJail { .. } => "fail2ban",
            Self::SameFile { .. } | Self::Below { .. } | Self::UnknownOwner { .. } => "files",
            Self::Accounts { .. } | Self::Distribution | Self::Unit { .. } | Self::SamePartition { .. } => {
                "packages"
            }
            Self::NoResolver | Self::NoAddress => "network",
            Self::NoK3s => "k3s",
            Self::NoArchive => "updates",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Package { package, .. } => format!("add `{package}` to `install` of the packages"),
            Self::NoLogin => "give a user `ssh-keys = [\"keys/ops.pub\"]`".to_owned(),
            Self::LockedOut { port } => format!("allow `{port}/tcp limit`"),
            Self::Insecure { key } => {
                format!("take `{key}` out, or write `insecure = true` beside it and mean it")
            }
            Self::Routed => "write `routed = \"allow\"`: network policies decide about pods".to_owned(),
            Self::JailWithoutSsh => "configure `ssh`, or take the jail `sshd` out".to_owned(),
            Self::BanWithoutFirewall => "configure `firewall` too".to_owned(),
            Self::SameUid { .. } => "give every user a `uid` of its own, and keep it".to_owned(),
            Self::SudoWithPassword { .. } => {
                "write `sudo = true`, which asks for none, and take the group out".to_owned()
            }
            Self::SameRule { .. } => "keep one of them".to_owned(),
            Self::Taken { .. } => "choose another".to_owned(),
            Self::UnknownGroup { .. } => "name a group that the packages bring".to_owned(),
            Self::NoResolver => "give `dns`, or add `systemd-resolved` to the packages".to_owned(),
            Self::NoAddress => "write `dhcp = true`, or give `addresses`".to_owned(),
            Self::NoK3s => {
                "add `{ path = \"/usr/local/bin/k3s\", from = \"k3s.main#binary\" }` to `files`".to_owned()
            }
            Self::NoArchive => "take packages with an `origin`, or write `mode = \"bundle\"`".to_owned(),
            Self::UnknownOwner { .. } => {
                "name one that the packages or `users` bring, or a number".to_owned()
            }
            Self::SameFile { .. }
            | Self::Below { .. }
            | Self::Accounts { .. }
            | Self::Distribution
            | Self::Unit { .. }
            | Self::UnknownJail { .. }
            | Self::SamePartition { .. } => return None,
        })
    }
}
