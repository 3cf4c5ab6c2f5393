//! What is asked of the kernel: modules and `sysctl`.

use crate::make::{Maker, lines};
use crate::settings::Settings;
use crate::value::ValueError;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Modules that K3s needs, loaded at boot: a container may not load them later, and one that is missing shows
/// at once.
///
/// The first four are containers' and flannel's; `ip_set*` and `xt_*` are matches and targets of kube-proxy and
/// of the network policies of kube-router (cloudnativelabs/kube-router, `pkg/controllers/netpol`). `iptable_*`
/// are not among them: they would make legacy tables beside those of nftables.
pub const DEFAULT_MODULES: [&str; 20] = [
    "overlay",
    "br_netfilter",
    "nf_conntrack",
    "vxlan",
    "ip_set",
    "ip_set_hash_ip",
    "ip_set_hash_ipport",
    "ip_set_hash_net",
    "nfnetlink_log",
    "xt_MASQUERADE",
    "xt_NFLOG",
    "xt_addrtype",
    "xt_comment",
    "xt_conntrack",
    "xt_limit",
    "xt_mark",
    "xt_multiport",
    "xt_physdev",
    "xt_set",
    "xt_statistic",
];

/// What every host is given: less to learn about the kernel, no routes from strangers, no dumps of privileged
/// programs.
const DEFAULTS: [(&str, &str); 12] = [
    ("fs.protected_fifos", "2"),
    ("fs.protected_regular", "2"),
    ("fs.suid_dumpable", "0"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.kptr_restrict", "2"),
    ("kernel.unprivileged_bpf_disabled", "1"),
    ("net.ipv4.conf.all.accept_redirects", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.accept_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
    ("net.ipv6.conf.all.accept_redirects", "0"),
    ("net.ipv6.conf.default.accept_redirects", "0"),
];

/// What K3s needs: forwarding, bridges that are filtered, what `protect-kernel-defaults` compares
/// (kubernetes, `pkg/kubelet/cm/container_manager_linux.go`), and room for many watchers.
const K3S: [(&str, &str); 12] = [
    ("fs.inotify.max_user_instances", "8192"),
    ("fs.inotify.max_user_watches", "524288"),
    ("kernel.keys.root_maxbytes", "25000000"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv6.conf.all.forwarding", "1"),
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
];

/// Where they are set.
const SYSCTL: &str = "etc/sysctl.d/99-recipe.conf";

/// A key of `sysctl`, with dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SysctlKey(String);

impl FromStr for SysctlKey {
    type Err = ValueError;

    /// Names of interfaces may have dots of their own, which `sysctl.d(5)` writes as slashes.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_alphanumeric() || b"_-/*".contains(&it);
        let parts = text.split('.');
        if parts.clone().count() >= 2 && parts.clone().all(|it| !it.is_empty() && it.bytes().all(inner)) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::SysctlKey(text.to_owned()))
    }
}

/// A value of `sysctl`: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysctlValue(String);

impl FromStr for SysctlValue {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let good = |it: u8| it == b' ' || it.is_ascii_graphic();
        if !text.trim().is_empty() && text.bytes().all(good) {
            return Ok(Self(text.trim().to_owned()));
        }
        Err(ValueError::SysctlValue(text.escape_debug().to_string()))
    }
}

/// The name of a kernel module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleName(String);

impl FromStr for ModuleName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-');
        if (1..=63).contains(&text.len()) && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::Module(text.to_owned()))
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The settings of the kernel that K3s needs and that the recipe sets to something else: the key, what K3s needs, what is set.
pub fn against_k3s(settings: &Settings) -> Vec<(&'static str, &'static str, String)> {
    let set =
        |key: &str| settings.sysctl.iter().find(|(it, _)| it.0 == key).map(|(_, value)| value.0.clone());
    let enough = |key: &str, wanted: &str, value: &str| {
        // Room may be larger; what is compared must be equal.
        let numbers = (wanted.parse::<u64>(), value.parse::<u64>());
        let room = key.starts_with("fs.inotify.") || key.starts_with("kernel.keys.");
        value == wanted || (room && matches!(numbers, (Ok(wanted), Ok(value)) if value >= wanted))
    };
    let wrong = |(key, wanted): &(&'static str, &'static str)| {
        set(key).filter(|value| !enough(key, wanted, value)).map(|value| (*key, *wanted, value))
    };
    K3S.iter().filter_map(wrong).collect()
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let k3s = settings.k3s.is_some();
    let mut values: BTreeMap<&str, &str> = DEFAULTS.into();
    values.extend(k3s.then_some(K3S).into_iter().flatten());
    values.extend(settings.sysctl.iter().map(|(key, value)| (key.0.as_str(), value.0.as_str())));
    let text = lines(values.iter().map(|(key, value)| format!("{key} = {value}")));
    // Files count in the order of their names, wherever they lie (`sysctl.d(5)`): behind `99-protect-links.conf`
    // of Debian, and in front of `99-sysctl.conf`, which is the host's own.
    maker.file(SYSCTL, text);
    let defaults = k3s.then_some(DEFAULT_MODULES).into_iter().flatten();
    let mut modules: Vec<&str> = defaults.collect();
    for module in &settings.kernel_modules {
        if !modules.contains(&module.0.as_str()) {
            modules.push(&module.0);
        }
    }
    if !modules.is_empty() {
        maker.file("etc/modules-load.d/gabion.conf", lines(modules));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_one_line_each() {
        for good in
            ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.ipv4.conf.eth0/1.rp_filter"]
        {
            assert!(good.parse::<SysctlKey>().is_ok(), "{good}");
        }
        for bad in ["", "kernel", "a..b", ".a", "a.b=c", "a.b c", "a.b\n"] {
            assert!(bad.parse::<SysctlKey>().is_err(), "{bad}");
        }
        assert_eq!(" 32768  60999 ".parse::<SysctlValue>().unwrap().0, "32768  60999");
        for bad in ["", " ", "1\n2", "1\t2", "é"] {
            assert!(bad.parse::<SysctlValue>().is_err(), "{bad}");
        }
        for bad in ["", "a b", "a/b", "a.ko", "a\n"] {
            assert!(bad.parse::<ModuleName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_recipe_counts_more_than_packages_and_less_than_the_host() {
        let name = SYSCTL.rsplit('/').next().unwrap();
        assert!(name > "99-protect-links.conf" && name < "99-sysctl.conf");
    }

    #[test]
    fn defaults_are_keys_and_modules() {
        for (key, value) in DEFAULTS.iter().chain(&K3S) {
            assert!(key.parse::<SysctlKey>().is_ok() && value.parse::<SysctlValue>().is_ok(), "{key}");
        }
        assert!(DEFAULT_MODULES.iter().all(|it| it.parse::<ModuleName>().is_ok()));
    }
}
