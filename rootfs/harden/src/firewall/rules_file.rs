//! `user.rules` and `user6.rules` as ufw 0.36 writes them.
//!
//! The comment in front of each rule, its tuple, is what ufw reads back; the lines behind it are what
//! `iptables-restore` reads.

use super::rule::{Protocol, Rule, Verdict, Way};
use super::{Firewall, Policy};
use crate::value::Cidr;
use std::fmt::Write as _;

/// Whose packets a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn prefix(self) -> &'static str {
        match self {
            Self::V4 => "ufw",
            Self::V6 => "ufw6",
        }
    }

    fn anywhere(self) -> &'static str {
        match self {
            Self::V4 => "0.0.0.0/0",
            Self::V6 => "::/0",
        }
    }

    /// Whether a rule that names `network` is of this family.
    fn has(self, network: Option<Cidr>) -> bool {
        network.is_none_or(|it| it.is_v6() == (self == Self::V6))
    }
}

/// Chains that ufw declares, in its order.
const CHAINS: [&str; 16] = [
    "user-input",
    "user-output",
    "user-forward",
    "before-logging-input",
    "before-logging-output",
    "before-logging-forward",
    "user-logging-input",
    "user-logging-output",
    "user-logging-forward",
    "after-logging-input",
    "after-logging-output",
    "after-logging-forward",
    "logging-deny",
    "logging-allow",
    "user-limit",
    "user-limit-accept",
];

/// How much is logged at most.
const PACE: &str = "-m limit --limit 3/min --limit-burst 10";

/// The whole file.
pub(super) fn rules_file(firewall: &Firewall, family: Family) -> String {
    let prefix = family.prefix();
    let mut text = String::from("*filter\n");
    for chain in CHAINS {
        let _ = writeln!(text, ":{prefix}-{chain} - [0:0]");
    }
    text.push_str("### RULES ###\n");
    let ours = |rule: &&Rule| family.has(rule.from) && family.has(rule.to);
    for rule in firewall.rules.iter().filter(ours) {
        add_rule(rule, family, &mut text);
    }
    text.push_str("\n### END RULES ###\n\n### LOGGING ###\n");
    add_logging(firewall, prefix, &mut text);
    text.push_str("### END LOGGING ###\n\n### RATE LIMITING ###\n");
    if firewall.log {
        let log = "-m limit --limit 3/minute -j LOG --log-prefix \"[UFW LIMIT BLOCK] \"";
        let _ = writeln!(text, "-A {prefix}-user-limit {log}");
    }
    let _ = writeln!(text, "-A {prefix}-user-limit -j REJECT");
    let _ = writeln!(text, "-A {prefix}-user-limit-accept -j ACCEPT");
    text.push_str("### END RATE LIMITING ###\nCOMMIT\n");
    text
}

fn add_rule(rule: &Rule, family: Family, text: &mut String) {
    let verdict = match rule.verdict {
        Verdict::Allow => "allow",
        Verdict::Limit => "limit",
        Verdict::Deny => "deny",
        Verdict::Reject => "reject",
    };
    let (mark, chain, way) = match rule.way {
        Way::In => ("", "input", "in"),
        Way::Out => ("", "output", "out"),
        Way::Routed => ("route:", "forward", "in"),
    };
    let protocol = match rule.protocol {
        Protocol::Any => "any",
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let place = |it: Option<Cidr>| it.map(|it| it.to_string()).filter(|it| it != family.anywhere());
    let (from, to) = (place(rule.from), place(rule.to));
    let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| family.anywhere().to_owned());
    let on = rule.interface.as_ref().map_or(way.to_owned(), |it| format!("{way}_{it}"));
    let _ = writeln!(
        text,
        "\n### tuple ### {mark}{verdict} {protocol} {} {} any {} {on}",
        rule.ports,
        shown(&to),
        shown(&from)
    );
    // Ports are of a protocol: where none is named, there is a rule for each.
    let protocols: &[Option<&str>] = match rule.protocol {
        Protocol::Any if rule.ports.is_all() => &[None],
        Protocol::Any => &[Some("tcp"), Some("udp")],
        Protocol::Tcp => &[Some("tcp")],
        Protocol::Udp => &[Some("udp")],
    };
    for protocol in protocols {
        let matches = matches(rule, *protocol, to.as_deref(), from.as_deref());
        add_lines(
            rule.verdict,
            *protocol,
            &format!("-A {}-user-{chain}{matches}", family.prefix()),
            family,
            text,
        );
    }
}

/// What a packet must look like.
fn matches(rule: &Rule, protocol: Option<&str>, to: Option<&str>, from: Option<&str>) -> String {
    let mut words = String::new();
    let mut add = |word: &str, value: &dyn std::fmt::Display| {
        let _ = write!(words, " {word} {value}");
    };
    if let Some(it) = &rule.interface {
        add(if rule.way == Way::Out { "-o" } else { "-i" }, it);
    }
    if let Some(it) = protocol {
        add("-p", &it);
    }
    if rule.ports.is_several() {
        add("-m multiport --dports", &rule.ports);
    }
    if let Some(it) = to {
        add("-d", &it);
    }
    if !rule.ports.is_several() && !rule.ports.is_all() {
        add("--dport", &rule.ports);
    }
    if let Some(it) = from {
        add("-s", &it);
    }
    words
}

fn add_lines(verdict: Verdict, protocol: Option<&str>, start: &str, family: Family, text: &mut String) {
    let prefix = family.prefix();
    let _ = match verdict {
        Verdict::Allow => writeln!(text, "{start} -j ACCEPT"),
        Verdict::Deny => writeln!(text, "{start} -j DROP"),
        Verdict::Reject if protocol == Some("tcp") => {
            writeln!(text, "{start} -j REJECT --reject-with tcp-reset")
        }
        Verdict::Reject => writeln!(text, "{start} -j REJECT"),
        Verdict::Limit => {
            let new = "-m conntrack --ctstate NEW -m recent";
            let count = "--update --seconds 30 --hitcount 6";
            writeln!(
                text,
                "{start} {new} --set\n{start} {new} {count} -j {prefix}-user-limit\n{start} -j {prefix}-user-limit-accept"
            )
        }
    };
}

fn add_logging(firewall: &Firewall, prefix: &str, text: &mut String) {
    if !firewall.log {
        for chain in ["input", "output", "forward"] {
            let _ = writeln!(text, "-I {prefix}-user-logging-{chain} -j RETURN");
        }
        return;
    }
    let policies =
        [("input", firewall.incoming), ("output", firewall.outgoing), ("forward", firewall.routed)];
    for (chain, _) in policies.iter().filter(|(_, policy)| *policy != Policy::Allow) {
        let _ =
            writeln!(text, "-A {prefix}-after-logging-{chain} -j LOG --log-prefix \"[UFW BLOCK] \" {PACE}");
    }
    let _ = writeln!(text, "-I {prefix}-logging-deny -m conntrack --ctstate INVALID -j RETURN {PACE}");
    let _ = writeln!(text, "-A {prefix}-logging-deny -j LOG --log-prefix \"[UFW BLOCK] \" {PACE}");
    let _ = writeln!(text, "-A {prefix}-logging-allow -j LOG --log-prefix \"[UFW ALLOW] \" {PACE}");
}
