//! One rule, as recipes spell it.
//!
//! `[PORTS[/tcp|/udp]] [from NETWORK] [to NETWORK] [on INTERFACE] [limit] [out | routed]`

use crate::network::InterfaceName;
use crate::value::{Cidr, ValueError};
use std::fmt;

/// What happens to the packets of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They pass.
    Allow,
    /// They pass, unless one address has opened six connections within 30 seconds.
    Limit,
    /// They vanish.
    Deny,
    /// Their sender is told.
    Reject,
}

/// Where packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
    Routed,
}

/// What carries ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Any,
    Tcp,
    Udp,
}

/// Ports: ranges, each of one port or more, sorted and without repetition. None stand for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports(Vec<(u16, u16)>);

/// One rule of the firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) verdict: Verdict,
    pub(super) way: Way,
    pub(super) protocol: Protocol,
    pub(super) ports: Ports,
    pub(super) from: Option<Cidr>,
    pub(super) to: Option<Cidr>,
    pub(super) interface: Option<InterfaceName>,
}

impl Ports {
    fn read(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::Port(text.to_owned());
        let port = |it: &str| {
            let plain = it.bytes().all(|it| it.is_ascii_digit()) && !it.starts_with('0');
            it.parse::<u16>().ok().filter(|_| plain).ok_or_else(wrong)
        };
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let range = match part.split_once(':') {
                Some((first, last)) => (port(first)?, port(last)?),
                None => (port(part)?, port(part)?),
            };
            if range.0 > range.1 || (part.contains(':') && range.0 == range.1) {
                return Err(wrong());
            }
            ranges.push(range);
        }
        ranges.sort_unstable();
        ranges.dedup();
        // Of `-m multiport` (`iptables-extensions(8)`): 15 ports, a range counts as two.
        let count: usize = ranges.iter().map(|(first, last)| if first == last { 1 } else { 2 }).sum();
        if count > 15 { Err(wrong()) } else { Ok(Self(ranges)) }
    }

    /// Whether every port is meant.
    pub(super) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it takes `-m multiport` to say them.
    pub(super) fn is_several(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|(first, last)| first != last)
    }

    fn contains(&self, port: u16) -> bool {
        self.is_all() || self.0.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

/// As ufw writes them.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            if first == last { write!(f, "{first}")? } else { write!(f, "{first}:{last}")? }
        }
        if self.is_all() { f.write_str("any") } else { Ok(()) }
    }
}

impl Rule {
    /// Reads a rule of the list of those that allow (or limit), deny or reject.
    pub fn parse(text: &str, verdict: Verdict) -> Result<Self, ValueError> {
        let wrong = |why: &str| ValueError::Rule { rule: text.to_owned(), why: why.to_owned() };
        let mut rule = Self {
            verdict,
            way: Way::In,
            protocol: Protocol::Any,
            ports: Ports(Vec::new()),
            from: None,
            to: None,
            interface: None,
        };
        let mut words = text.split_whitespace().peekable();
        if let Some(first) = words.next_if(|it| it.starts_with(|it: char| it.is_ascii_digit())) {
            (rule.ports, rule.protocol) = ports(first, text)?;
        }
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| wrong(&format!("says nothing behind `{word}`")));
            match word {
                "from" => once(&mut rule.from, value()?.parse()?, word).map_err(|why| wrong(&why))?,
                "to" => once(&mut rule.to, value()?.parse()?, word).map_err(|why| wrong(&why))?,
                "on" => {
                    let interface = InterfaceName::exact(value()?)?;
                    once(&mut rule.interface, interface, word).map_err(|why| wrong(&why))?;
                }
                "limit" if rule.verdict == Verdict::Allow => rule.verdict = Verdict::Limit,
                "out" if rule.way == Way::In => rule.way = Way::Out,
                "routed" if rule.way == Way::In => rule.way = Way::Routed,
                _ => return Err(wrong(&format!("has `{word}`, which is not expected there"))),
            }
        }
        match (rule.from, rule.to) {
            (Some(from), Some(to)) if from.is_v6() != to.is_v6() => {
                Err(wrong("names networks of IPv4 and of IPv6"))
            }
            (None, None) if rule.ports.is_all() && rule.interface.is_none() => {
                Err(wrong("is about everything"))
            }
            _ if rule.ports.is_several() && rule.protocol == Protocol::Any => {
                Err(wrong("names several ports and needs `/tcp` or `/udp`"))
            }
            _ => Ok(rule),
        }
    }

    /// Whether it is about the packets that `other` is about.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        Self { verdict: other.verdict, ..self.clone() } == *other
    }

    /// Whether it lets somebody outside of the host open connections to `port` over TCP.
    pub(crate) fn opens(&self, port: u16) -> bool {
        matches!(self.verdict, Verdict::Allow | Verdict::Limit)
            && self.way == Way::In
            && self.protocol != Protocol::Udp
            && self.ports.contains(port)
            && self.from.is_none_or(|it| !it.is_loopback() && !is_of_pods(it))
    }

    /// Whether it lets everybody open connections to `port` over TCP.
    pub(crate) fn opens_to_all(&self, port: u16) -> bool {
        self.opens(port)
            && (self.from.is_none_or(|it| it.is_all()), self.to, &self.interface) == (true, None, &None)
    }

    /// Whether it lets in all that `network` sends to the host.
    pub(crate) fn admits(&self, network: &Cidr) -> bool {
        self.verdict == Verdict::Allow && self.is_about(|from| from.covers(network))
    }

    /// Whether it lets in nothing of what some of `network` sends to the host.
    pub(crate) fn refuses(&self, network: &Cidr) -> bool {
        let shuts = matches!(self.verdict, Verdict::Deny | Verdict::Reject);
        shuts && self.is_about(|from| from.covers(network) || network.covers(from))
    }

    /// Whether it is about everything that comes in from networks of this sort.
    fn is_about(&self, sort: impl Fn(&Cidr) -> bool) -> bool {
        let whole = self.ports.is_all() && self.protocol == Protocol::Any;
        self.way == Way::In
            && whole
            && (self.to, &self.interface) == (None, &None)
            && self.from.as_ref().is_some_and(sort)
    }

    /// Whether it shuts `port` of the host for everybody over TCP.
    pub(crate) fn shuts(&self, port: u16) -> bool {
        matches!(self.verdict, Verdict::Deny | Verdict::Reject)
            && self.way == Way::In
            && self.protocol != Protocol::Udp
            && self.ports.contains(port)
            && (self.from, self.to, &self.interface) == (None, None, &None)
    }
}

/// Whether only K3s' pods and services have these addresses (k3s-io/k3s, `--cluster-cidr`, `--service-cidr`).
fn is_of_pods(network: Cidr) -> bool {
    ["10.42.0.0/16", "10.43.0.0/16"].iter().any(|it| it.parse() == Ok(network))
}

/// `22/tcp` or `53`.
fn ports(word: &str, rule: &str) -> Result<(Ports, Protocol), ValueError> {
    let (ports, protocol) = match word.split_once('/') {
        None => (word, Protocol::Any),
        Some((ports, "tcp")) => (ports, Protocol::Tcp),
        Some((ports, "udp")) => (ports, Protocol::Udp),
        Some((_, other)) => {
            let why = format!("has `{other}` where `tcp` or `udp` may stand");
            return Err(ValueError::Rule { rule: rule.to_owned(), why });
        }
    };
    Ok((Ports::read(ports)?, protocol))
}

fn once<T>(place: &mut Option<T>, value: T, word: &str) -> Result<(), String> {
    place.replace(value).map_or(Ok(()), |_| Err(format!("says `{word}` twice")))
}

/// As a recipe spells it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let protocol = match self.protocol {
            Protocol::Any => "",
            Protocol::Tcp => "/tcp",
            Protocol::Udp => "/udp",
        };
        if !self.ports.is_all() {
            words.push(format!("{}{protocol}", self.ports));
        }
        words.extend(self.from.map(|it| format!("from {it}")));
        words.extend(self.to.map(|it| format!("to {it}")));
        words.extend(self.interface.as_ref().map(|it| format!("on {it}")));
        words.extend((self.verdict == Verdict::Limit).then(|| "limit".to_owned()));
        match self.way {
            Way::In => {}
            Way::Out => words.push("out".to_owned()),
            Way::Routed => words.push("routed".to_owned()),
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text, Verdict::Allow).unwrap()
    }

    fn why(text: &str) -> String {
        Rule::parse(text, Verdict::Allow).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_has_one_spelling() {
        for (text, shown) in [
            ("22/tcp limit", "22/tcp limit"),
            ("443", "443"),
            ("443,80/tcp", "80,443/tcp"),
            ("80,80/tcp", "80/tcp"),
            ("8000:8010/udp", "8000:8010/udp"),
            ("6443/tcp   from 192.0.2.10/32", "6443/tcp from 192.0.2.10"),
            ("from 2001:DB8::/32 to ::1", "from 2001:db8::/32 to ::1"),
            ("from 10.42.0.0/16 routed on cni0", "from 10.42.0.0/16 on cni0 routed"),
            ("25/tcp out", "25/tcp out"),
            ("on cni0", "on cni0"),
        ] {
            assert_eq!(rule(text).to_string(), shown);
            assert_eq!(rule(shown), rule(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_reads_back(
            ports in "([0-9]{1,5}([,:][0-9]{1,5}){0,3}(/(tcp|udp|icmp))?)?",
            words in "( (from|to|on|limit|out|routed|10.0.0.0/8|::1|cni0)){0,5}",
        ) {
            if let Ok(rule) = Rule::parse(&format!("{ports}{words}"), Verdict::Allow) {
                proptest::prop_assert_eq!(Rule::parse(&rule.to_string(), Verdict::Allow), Ok(rule));
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_told() {
        assert!(why("").contains("about everything"));
        assert!(why("limit").contains("about everything"));
        assert!(why("22/icmp").contains("`icmp`"));
        assert!(why("22/tcp from").contains("nothing behind `from`"));
        assert!(why("22/tcp from 10.0.0.1/8").contains("takes `10.0.0.0/8`"));
        assert!(why("22 from ::1 from ::1").contains("`from` twice"));
        assert!(why("from 10.0.0.0/8 to ::1").contains("IPv4 and of IPv6"));
        assert!(why("80,443").contains("needs `/tcp` or `/udp`"));
        assert!(why("22/tcp out routed").contains("`routed`, which is not expected"));
        assert!(why("ssh").contains("`ssh`, which is not expected"));
        assert!(why("22 23").contains("`23`, which is not expected"));
        assert!(Rule::parse("22 limit", Verdict::Deny).is_err());
        for ports in ["0", "65536", "022", "9:8", "8:8", "1,", ":1", "1:", "1:2:3"] {
            assert!(Rule::parse(&format!("{ports}/tcp"), Verdict::Allow).is_err(), "{ports}");
        }
        let many: Vec<String> = (1..=16).map(|it| it.to_string()).collect();
        assert!(why(&format!("{}/tcp", many.join(","))).contains("takes ports"));
    }

    #[test]
    fn a_port_is_open_where_somebody_can_connect() {
        for open in
            ["22/tcp", "22 limit", "20:30/tcp", "22/tcp from 192.0.2.0/24", "from 192.0.2.0/24", "on eth0"]
        {
            assert!(rule(open).opens(22), "{open}");
        }
        for shut in
            ["22/udp", "23/tcp", "22/tcp out", "22/tcp routed", "from 127.0.0.0/8", "from 10.42.0.0/16"]
        {
            assert!(!rule(shut).opens(22), "{shut}");
        }
        let deny = |text| Rule::parse(text, Verdict::Deny).unwrap();
        assert!(deny("22/tcp").shuts(22) && deny("1:100/tcp").shuts(22));
        assert!(!deny("22/tcp from 192.0.2.0/24").shuts(22) && !deny("22/tcp").opens(22));
    }
}
