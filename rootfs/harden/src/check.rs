//! Mistakes that settings hold by themselves, whatever they are laid over.

use crate::error::HardenError;
use crate::firewall::Policy;
use crate::settings::Settings;
use crate::updates::Updates;

/// Every mistake that can be found without a base; [`layer`](crate::layer) looks again.
pub fn check(settings: &Settings) -> Vec<HardenError> {
    let mut found = Vec::new();
    users(settings, &mut found);
    ssh(settings, &mut found);
    firewall(settings, &mut found);
    fail2ban(settings, &mut found);
    disk(settings, &mut found);
    let network = &settings.network;
    if !network.dhcp && network.addresses.is_empty() {
        found.push(HardenError::NoAddress);
    }
    if matches!(&settings.updates, Updates::Online(it) if it.is_empty()) {
        found.push(HardenError::NoArchive);
    }
    let mut paths: Vec<_> = settings.files.iter().map(|it| &it.path).collect();
    paths.sort_unstable();
    let same = paths.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_string());
    found.extend(same.map(|path| HardenError::SameFile { path }));
    found
}

fn users(settings: &Settings, found: &mut Vec<HardenError>) {
    let users: Vec<_> = settings.users.iter().collect();
    for (index, (first, user)) in users.iter().enumerate() {
        for (second, _) in users[index + 1..].iter().filter(|(_, it)| it.uid == user.uid) {
            let (first, second) = (first.to_string(), second.to_string());
            found.push(HardenError::SameUid { first, second, uid: user.uid.get() });
        }
        if !user.sudo && user.groups.iter().any(|it| it.as_str() == "sudo") {
            found.push(HardenError::SudoWithPassword { user: first.to_string() });
        }
    }
    if settings.ssh.is_some() && users.iter().all(|(_, it)| it.keys.is_empty()) {
        found.push(HardenError::NoLogin);
    }
}

fn ssh(settings: &Settings, found: &mut Vec<HardenError>) {
    let Some(ssh) = settings.ssh.as_ref().filter(|it| !it.insecure) else { return };
    for (key, on) in [("password-auth", ssh.password_auth), ("root-login", ssh.root_login)] {
        if on {
            found.push(HardenError::Insecure { key });
        }
    }
}

fn firewall(settings: &Settings, found: &mut Vec<HardenError>) {
    let Some(firewall) = &settings.firewall else { return };
    if let Some(ssh) = settings.ssh.as_ref().filter(|it| !firewall.is_open(it.port.get())) {
        found.push(HardenError::LockedOut { port: ssh.port.get() });
    }
    if settings.k3s.is_some() && firewall.routed != Policy::Allow {
        found.push(HardenError::Routed);
    }
    for (index, rule) in firewall.rules.iter().enumerate() {
        if firewall.rules[..index].iter().any(|it| it.is_like(rule)) {
            found.push(HardenError::SameRule { rule: rule.to_string() });
        }
    }
}

fn fail2ban(settings: &Settings, found: &mut Vec<HardenError>) {
    let Some(fail2ban) = &settings.fail2ban else { return };
    if settings.ssh.is_none() && fail2ban.jails.keys().any(|it| it.as_str() == "sshd") {
        found.push(HardenError::JailWithoutSsh);
    }
    if settings.firewall.is_none() {
        found.push(HardenError::BanWithoutFirewall);
    }
}

fn disk(settings: &Settings, found: &mut Vec<HardenError>) {
    let Some(partitions) = &settings.partitions else { return };
    let ids = [&partitions.esp, &partitions.state, &partitions.data];
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            found.push(HardenError::SamePartition { id: id.to_string() });
        }
    }
}
