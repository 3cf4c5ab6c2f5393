//! fail2ban: who fails to log in too often is shut out by the firewall.
//!
//! The journal is read directly, because the system has no other log (`backend = systemd`, which needs
//! `python3-systemd`); bans are rules of ufw, so that `ufw status` shows them.

use crate::error::HardenError;
use crate::make::Maker;
use crate::settings::Settings;
use crate::units::enable;
use crate::value::{Cidr, Name, ValueError};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// A span of time as `jail.conf(5)` writes it: a number and `s`, `m`, `h`, `d` or `w`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span(String);

impl FromStr for Span {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::Span(text.to_owned());
        let number = text.strip_suffix(['s', 'm', 'h', 'd', 'w']).ok_or_else(wrong)?;
        let plain = (1..=9).contains(&number.len()) && number.bytes().all(|it| it.is_ascii_digit());
        if plain && !number.starts_with('0') { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is guarded.
#[derive(Debug, Clone)]
pub struct Fail2ban {
    /// By the name of the filter.
    pub jails: BTreeMap<Name, Jail>,
    /// Who is never shut out.
    pub ignore: Vec<Cidr>,
}

/// When somebody is shut out, and for how long.
#[derive(Debug, Clone)]
pub struct Jail {
    /// Failures before.
    pub maxretry: u16,
    /// Within this time.
    pub findtime: Span,
    /// For this time.
    pub bantime: Span,
}

impl Default for Jail {
    fn default() -> Self {
        Self { maxretry: 5, findtime: Span("10m".to_owned()), bantime: Span("1h".to_owned()) }
    }
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let Some(fail2ban) = &settings.fail2ban else { return };
    let there = maker.need("fail2ban", "fail2ban", "usr/bin/fail2ban-server");
    maker.need("fail2ban", "python3-systemd", "usr/lib/python3/dist-packages/systemd/journal.py");
    if !there {
        return;
    }
    for jail in fail2ban.jails.keys() {
        if !maker.base.exists(&format!("etc/fail2ban/filter.d/{jail}.conf")) {
            maker.errors.push(HardenError::UnknownJail { jail: jail.to_string() });
        }
    }
    let port = settings.ssh.as_ref().map(|it| it.port.get());
    // Read behind `defaults-debian.conf`, and `.local` behind every `.conf` (`jail.conf(5)`).
    maker.file("etc/fail2ban/jail.d/gabion.local", config(fail2ban, port));
    enable("fail2ban.service", maker);
}

fn config(fail2ban: &Fail2ban, port: Option<u16>) -> String {
    let mut text = String::from("[DEFAULT]\nbackend = systemd\nbanaction = ufw\nbanaction_allports = ufw\n");
    if !fail2ban.ignore.is_empty() {
        text.push_str("ignoreip =");
        fail2ban.ignore.iter().for_each(|it| {
            let _ = write!(text, " {it}");
        });
        text.push('\n');
    }
    let guards_ssh = fail2ban.jails.keys().any(|it| it.as_str() == "sshd");
    if !guards_ssh {
        // Debian's package enables it.
        text.push_str("\n[sshd]\nenabled = false\n");
    }
    for (name, jail) in &fail2ban.jails {
        let _ = write!(text, "\n[{name}]\nenabled = true\n");
        if let Some(port) = port.filter(|_| name.as_str() == "sshd") {
            let _ = writeln!(text, "port = {port}");
        }
        let _ = writeln!(text, "maxretry = {}", jail.maxretry);
        let _ = writeln!(text, "findtime = {}\nbantime = {}", jail.findtime, jail.bantime);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_one_number_and_one_unit() {
        for good in ["1s", "10m", "1h", "7d", "4w"] {
            assert_eq!(good.parse::<Span>().unwrap().to_string(), good);
        }
        for bad in ["", "1", "m", "01h", "0h", "-1h", "1 h", "1h30m", "1y", "9999999999s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_jail_that_debian_enables_is_there_or_said_to_be_gone() {
        let none = Fail2ban { jails: BTreeMap::new(), ignore: Vec::new() };
        assert!(config(&none, Some(22)).contains("[sshd]\nenabled = false\n"));
        let one = Fail2ban {
            jails: [("sshd".parse().unwrap(), Jail::default())].into(),
            ignore: vec!["10.0.0.0/8".parse().unwrap()],
        };
        insta::assert_snapshot!(config(&one, Some(2222)), @r"
        [DEFAULT]
        backend = systemd
        banaction = ufw
        banaction_allports = ufw
        ignoreip = 10.0.0.0/8

        [sshd]
        enabled = true
        port = 2222
        maxretry = 5
        findtime = 10m
        bantime = 1h
        ");
    }
}
