//! The firewall: ufw, by the files that it keeps itself.
//!
//! `ufw` asks no kernel while it is disabled and only edits `user.rules`; the same bytes are written here, so
//! that `ufw status` shows the rules of the recipe, and `ufw allow` on the host adds to them.

mod rule;
mod rules_file;

pub use rule::{Rule, Verdict};

use crate::make::Maker;
use crate::settings::Settings;
use crate::units::enable;
use crate::value::Cidr;
use rules_file::{Family, rules_file};
use std::str::FromStr;

/// What happens to packets that no rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// They pass.
    Allow,
    /// They vanish.
    Deny,
    /// Their sender is told.
    Reject,
}

impl FromStr for Policy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            "reject" => Ok(Self::Reject),
            _ => Err(()),
        }
    }
}

impl Policy {
    /// As `/etc/default/ufw` calls it.
    fn target(self) -> &'static str {
        match self {
            Self::Allow => "ACCEPT",
            Self::Deny => "DROP",
            Self::Reject => "REJECT",
        }
    }
}

/// What reaches the host, leaves it and passes through it.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// What is for the host.
    pub incoming: Policy,
    /// What is from the host.
    pub outgoing: Policy,
    /// What passes through; containers need it.
    pub routed: Policy,
    /// The rules; the first that is about a packet counts.
    pub rules: Vec<Rule>,
    /// Whether what is denied is logged, a few lines each minute.
    pub log: bool,
}

impl Firewall {
    /// Whether somebody outside of the host can connect to `port` over TCP: the first rule that is about it counts, then
    /// the policy.
    pub fn is_open(&self, port: u16) -> bool {
        let first = self.rules.iter().find(|it| it.opens(port) || it.shuts(port));
        first.map_or(self.incoming == Policy::Allow, |it| it.opens(port))
    }

    /// Whether everybody can.
    pub fn is_open_to_all(&self, port: u16) -> bool {
        let first = self.rules.iter().find(|it| it.opens_to_all(port) || it.shuts(port));
        first.map_or(self.incoming == Policy::Allow, |it| it.opens_to_all(port))
    }

    /// Whether all that a network sends to the host reaches it.
    pub fn admits(&self, network: &Cidr) -> bool {
        let first = self.rules.iter().find(|it| it.admits(network) || it.refuses(network));
        first.map_or(self.incoming == Policy::Allow, |it| it.admits(network))
    }
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let Some(firewall) = &settings.firewall else { return };
    maker.need("firewall", "iptables", "usr/sbin/iptables");
    if !maker.need("firewall", "ufw", "usr/sbin/ufw") {
        return;
    }
    for (path, family) in [("etc/ufw/user.rules", Family::V4), ("etc/ufw/user6.rules", Family::V6)] {
        maker.owned(path, 0o640, (0, 0), rules_file(firewall, family));
    }
    let level = if firewall.log { "low" } else { "off" };
    let options = [("ENABLED", "yes".to_owned()), ("LOGLEVEL", level.to_owned())];
    edit("etc/ufw/ufw.conf", &options, maker);
    let policy = |it: Policy| format!("\"{}\"", it.target());
    let options = [
        ("DEFAULT_INPUT_POLICY", policy(firewall.incoming)),
        ("DEFAULT_OUTPUT_POLICY", policy(firewall.outgoing)),
        ("DEFAULT_FORWARD_POLICY", policy(firewall.routed)),
    ];
    edit("etc/default/ufw", &options, maker);
    enable("ufw.service", maker);
}

/// Sets `KEY=value` lines where they stand, as ufw does; a key that has no line gets one at the end.
fn edit(path: &str, options: &[(&str, String)], maker: &mut Maker<'_>) {
    let mut text = maker.text(path).unwrap_or_default();
    for (key, value) in options {
        let is_it = |line: &str| line.split_once('=').is_some_and(|(it, _)| it == *key);
        let set = format!("{key}={value}");
        let there = text.lines().any(is_it);
        let lines = text.lines().map(|line| if is_it(line) { set.as_str() } else { line });
        let lines: String = lines.chain((!there).then_some(set.as_str())).flat_map(|it| [it, "\n"]).collect();
        text = lines;
    }
    maker.file(path, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reaches_what_is_told_by_the_first_rule_and_then_by_the_policy() {
        let firewall = |incoming: Policy, deny: &[&str], allow: &[&str]| {
            let read = |texts: &[&str], verdict| {
                texts.iter().map(|it| Rule::parse(it, verdict).unwrap()).collect::<Vec<_>>()
            };
            let rules = [read(deny, Verdict::Deny), read(allow, Verdict::Allow)].concat();
            Firewall { incoming, outgoing: Policy::Allow, routed: Policy::Allow, rules, log: false }
        };
        let pods: Cidr = "10.42.0.0/16".parse().unwrap();
        let usual = firewall(Policy::Deny, &[], &["6443/tcp from 192.0.2.0/24", "from 10.0.0.0/8", "80/tcp"]);
        assert!(usual.is_open(6443) && !usual.is_open_to_all(6443) && usual.is_open_to_all(80));
        assert!(usual.admits(&pods) && !usual.admits(&"10.0.0.0/7".parse().unwrap()));
        let shut =
            firewall(Policy::Deny, &["6443/tcp", "from 10.42.0.0/16"], &["6443/tcp", "from 10.0.0.0/8"]);
        assert!(!shut.is_open(6443) && !shut.admits(&pods));
        let open = firewall(Policy::Allow, &[], &[]);
        assert!(open.is_open_to_all(6443) && open.admits(&pods));
        let part = firewall(Policy::Deny, &[], &["80/tcp from 10.42.0.0/16", "from 10.42.0.0/24"]);
        assert!(!part.admits(&pods));
    }
}
