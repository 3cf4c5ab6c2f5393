//! `[rootfs.NAME]`: a hardened system of Debian packages.

mod modules;
#[cfg(test)]
mod tests;

use super::Apt;
use crate::recipe::address::{Address, Kind, Reference};
use crate::recipe::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::recipe::local::LocalFile;
use crate::recipe::reader::{Reader, Spanned};
use gabion_harden::{
    Content, ExtraFile, Fail2ban, Firewall, HostName, K3s, LayerPath, Mode, ModuleName, Name, Network, Owner,
    Partitions, PublicKey, Repository, Settings, Ssh, SysctlKey, SysctlValue, Time, Uid, Updates, User,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields of a `rootfs` node.
#[derive(Debug, Clone)]
pub struct Rootfs {
    /// Where its packages come from; the first one's archives are those of its updates.
    pub packages: Vec<Spanned<Reference>>,
    /// Whether anything is said of a host. Packages alone are a system of tools, which need not start.
    pub is_host: bool,
    /// Nodes whose outputs are files of it, in the order of `files`.
    pub from: Vec<Spanned<Reference>>,
    /// Local files with the public keys of users.
    pub(super) key_files: Vec<Spanned<String>>,
    /// Local files that are files of it.
    pub(super) local: Vec<Spanned<String>>,
    /// Where each module is declared.
    spans: BTreeMap<&'static str, Span>,
    /// Where the node is.
    span: Span,
    hostname: Option<HostName>,
    users: BTreeMap<Name, Account>,
    ssh: Option<Ssh>,
    firewall: Option<Firewall>,
    fail2ban: Option<Fail2ban>,
    updates: UpdatesFrom,
    sysctl: BTreeMap<SysctlKey, SysctlValue>,
    kernel_modules: Vec<ModuleName>,
    network: Network,
    time: Time,
    k3s: Option<K3s>,
    files: Vec<File>,
}

/// What a recipe does not say of a host.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Days since 1970-01-01, for `/etc/shadow`.
    pub epoch_day: u32,
    /// The partitions of the disk that it will lie on.
    pub partitions: Option<Partitions>,
    /// Archives that bring updates, where the recipe says `online`.
    pub archives: Vec<Repository>,
}

/// `updates.mode`: where the archives are shows later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpdatesFrom {
    Off,
    Bundle,
    Online,
}

/// A user, whose keys stand here or in local files.
#[derive(Debug, Clone)]
struct Account {
    uid: Uid,
    groups: Vec<Name>,
    keys: Vec<Key>,
    shell: String,
    sudo: bool,
}

#[derive(Debug, Clone)]
enum Key {
    Here(PublicKey),
    In(Spanned<String>),
}

/// A file, whose bytes stand here, in a local file or in the output of a node.
#[derive(Debug, Clone)]
struct File {
    path: LayerPath,
    source: Source,
    mode: Mode,
    owner: Owner,
}

#[derive(Debug, Clone)]
enum Source {
    Here(String),
    Local(String),
    Node(Reference),
}

impl Rootfs {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        let packages = reader.references("packages", &[Kind::Apt]);
        if packages.is_empty() && reader.is_empty("packages") {
            let span = reader.span_of("packages");
            reader.bad_value("packages", &span, "names no packages: a system is made of them");
        }
        for part in packages.iter().filter(|it| it.value.output.is_some()) {
            reader.bad_value("packages", &part.span, format!("takes whole nodes, not `{}`", part.value));
        }
        let hostname = reader.parsed("hostname", str::parse).or_else(|| address.name().parse().ok());
        let (users, key_files) = modules::users(reader);
        let (files, from, local) = modules::files(reader);
        let sections = [
            "packages", "users", "ssh", "firewall", "fail2ban", "updates", "network", "k3s", "files",
            "sysctl",
        ];
        Self {
            is_host: reader.has_other_than(&["packages", "enabled"]),
            spans: sections.into_iter().map(|it| (it, reader.span_of(it))).collect(),
            span: reader.span(),
            packages,
            from,
            key_files,
            local,
            hostname,
            users,
            ssh: reader.within("ssh", modules::ssh),
            firewall: reader.within("firewall", modules::firewall),
            fail2ban: reader.within("fail2ban", modules::fail2ban),
            updates: reader.within("updates", modules::updates).unwrap_or(UpdatesFrom::Off),
            sysctl: modules::sysctl(reader),
            kernel_modules: reader.parsed_list("kernel-modules", str::parse),
            network: reader.within("network", modules::network).unwrap_or_default(),
            time: reader.within("time", modules::time).unwrap_or_default(),
            k3s: reader.within("k3s", |it| K3s { enabled: it.flag("enabled", false) }),
            files,
        }
    }

    /// The settings of the system; `files` are the node's local files. Bytes of a node's output stand in them by
    /// its reference, [`Content::Named`]. Nothing where a mistake was reported.
    pub fn settings(&self, files: &[Arc<LocalFile>], facts: &Facts) -> Option<Settings> {
        let local = |path: &str| files.iter().find(|it| it.path == path);
        let user = |(name, it): (&Name, &Account)| {
            let keys = it.keys.iter().flat_map(|key| match key {
                Key::Here(key) => vec![key.clone()],
                Key::In(path) => local(&path.value).map(|file| keys_of(file).0).unwrap_or_default(),
            });
            let (groups, shell) = (it.groups.clone(), it.shell.clone());
            (name.clone(), User { uid: it.uid, groups, keys: keys.collect(), shell, sudo: it.sudo })
        };
        let extra = |it: &File| {
            let content = match &it.source {
                Source::Here(text) => Content::Bytes(text.clone().into_bytes()),
                Source::Local(path) => Content::Bytes(local(path)?.bytes.clone()),
                Source::Node(reference) => Content::Named(reference.to_string()),
            };
            Some(ExtraFile { path: it.path.clone(), content, mode: it.mode, owner: it.owner.clone() })
        };
        Some(Settings {
            epoch_day: facts.epoch_day,
            hostname: self.hostname.clone()?,
            users: self.users.iter().map(user).collect(),
            ssh: self.ssh.clone(),
            firewall: self.firewall.clone(),
            fail2ban: self.fail2ban.clone(),
            updates: match self.updates {
                UpdatesFrom::Off => Updates::Off,
                UpdatesFrom::Bundle => Updates::Bundle,
                UpdatesFrom::Online => Updates::Online(facts.archives.clone()),
            },
            sysctl: self.sysctl.clone(),
            kernel_modules: self.kernel_modules.clone(),
            network: self.network.clone(),
            time: self.time.clone(),
            k3s: self.k3s,
            partitions: facts.partitions.clone(),
            files: self.files.iter().filter_map(extra).collect(),
        })
    }

    /// The paths of its own files.
    pub fn file_paths(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|it| it.path.to_string())
    }

    /// Where a module is declared; the node where it is not.
    pub fn span_of(&self, module: &str) -> &Span {
        self.spans.get(module).unwrap_or(&self.span)
    }

    /// Reports what only local files show and, where nothing else is wrong, what does not fit together.
    pub(super) fn check(&self, files: &[Arc<LocalFile>], sound: bool, diagnostics: &mut Diagnostics) {
        let before = diagnostics.list.len();
        self.check_keys(files, diagnostics);
        if sound && diagnostics.list.len() == before {
            self.check_whole(files, diagnostics);
        }
    }

    fn check_keys(&self, files: &[Arc<LocalFile>], diagnostics: &mut Diagnostics) {
        for path in &self.key_files {
            let Some(file) = files.iter().find(|it| it.path == path.value) else { continue };
            let (keys, mistakes) = keys_of(file);
            let none = (keys.is_empty() && mistakes.is_empty()).then(|| "holds no key".to_owned());
            for why in mistakes.into_iter().chain(none) {
                let message = format!("`{}` {why}", path.value);
                diagnostics.push(Diagnostic::new(Code::BadValue, &path.span, message));
            }
        }
    }

    fn check_whole(&self, files: &[Arc<LocalFile>], diagnostics: &mut Diagnostics) {
        // Archives are known when the packages are: here it is enough that there are some.
        let archives = vec![Repository { uri: String::new(), suites: Vec::new(), components: Vec::new() }];
        let facts = Facts { archives, ..Facts::default() };
        let Some(settings) = self.settings(files, &facts) else { return };
        for error in gabion_harden::check(&settings) {
            let span = self.spans.get(error.key()).unwrap_or(&self.span);
            let mistake = Diagnostic::new(Code::Host, span, error.to_string());
            diagnostics.push(match error.help() {
                Some(help) => mistake.help(help),
                None => mistake,
            });
        }
    }
}

/// The keys of a file, one on each line; empty lines and comments (`sshd(8)`, `AUTHORIZED_KEYS FILE FORMAT`) are
/// passed over. The others with it: what is wrong in which line.
fn keys_of(file: &LocalFile) -> (Vec<PublicKey>, Vec<String>) {
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        return (Vec::new(), vec!["is not text".to_owned()]);
    };
    let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
    for (number, line) in
        (1..).zip(text.lines()).filter(|(_, it)| !it.trim().is_empty() && !it.starts_with('#'))
    {
        match line.parse() {
            Ok(key) => keys.push(key),
            Err(error) => mistakes.push(format!("in line {number} {error}")),
        }
    }
    (keys, mistakes)
}

impl Apt {
    /// Where these packages' updates are: the archives of the origin, or the recipe's own.
    pub fn repositories(&self) -> Vec<Repository> {
        let words = |it: &[Spanned<String>]| it.iter().map(|it| it.value.clone()).collect::<Vec<_>>();
        let known = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (suites, mut components) = (words(&self.suites), words(&self.components));
        if components.is_empty() {
            components = self.origin.map(|it| known(it.components)).unwrap_or_default();
        }
        let parts = self.origin.map(|it| it.archives).unwrap_or_default();
        if let Some(archive) = &self.archive {
            let all = parts.iter().flat_map(|it| known(it.suites)).collect();
            let suites = if suites.is_empty() { all } else { suites };
            return vec![Repository { uri: archive.value.clone(), suites, components }];
        }
        let wanted = |it: &String| suites.is_empty() || suites.contains(it);
        let parts = parts.iter().map(|part| Repository {
            uri: part.url.to_owned(),
            suites: known(part.suites).into_iter().filter(wanted).collect(),
            components: components.clone(),
        });
        parts.filter(|it| !it.suites.is_empty()).collect()
    }
}
