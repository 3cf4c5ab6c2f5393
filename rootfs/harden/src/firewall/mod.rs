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
