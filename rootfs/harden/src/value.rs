//! Values that are right by construction, and what is wrong with the others.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Why a text is not a value. What it says goes on behind the name of a key: ``` `hostname` takes … ```.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// No absolute path.
    #[error("takes an absolute path without `.` and `..`, not `{0}`")]
    Path(String),
    /// No host name.
    #[error("takes a host name, lowercase letters, digits, `-` and `.`, not `{0}`")]
    HostName(String),
    /// No name of a user or group.
    #[error("takes names of lowercase letters, digits, `-` and `_`, at most 32 of them, not `{0}`")]
    Name(String),
    /// No user id that a person can have.
    #[error("is between 1000 and 59999, not `{0}`")]
    Uid(i64),
    /// No prefix of addresses.
    #[error("takes an address or a prefix, `10.42.0.0/16`, not `{0}`")]
    Cidr(String),
    /// A prefix with bits behind its length.
    #[error("takes `{network}` where `{text}` stands: it has bits behind its length")]
    HostBits {
        /// What stands there.
        text: String,
        /// The network that it is in.
        network: String,
    },
    /// No port.
    #[error("takes ports from 1 to 65535, `80`, `80,443` or `8000:8010`, not `{0}`")]
    Port(String),
    /// A rule of the firewall that nobody understands.
    #[error(
        "takes rules as `22/tcp limit`, `6443/tcp from 192.0.2.10` or `from 10.42.0.0/16`: `{rule}` {why}"
    )]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        why: String,
    },
    /// No public key of OpenSSH.
    #[error("takes public keys of OpenSSH, `ssh-ed25519 AAAA… name`: {0}")]
    PublicKey(&'static str),
    /// No name of a key of `sysctl`.
    #[error("takes keys of sysctl, `net.ipv4.ip_forward`, not `{0}`")]
    SysctlKey(String),
    /// No value of `sysctl`.
    #[error("takes values of one line, not `{0}`")]
    SysctlValue(String),
    /// No name of a kernel module.
    #[error("takes names of kernel modules, not `{0}`")]
    Module(String),
    /// No name of a network interface, nor a pattern for one.
    #[error("takes names of network interfaces or patterns, `eth0` or `en*`, not `{0}`")]
    Interface(String),
    /// No span of time.
    #[error("takes a span of time, `10m`, `1h` or `7d`, not `{0}`")]
    Span(String),
    /// No permissions.
    #[error("takes permissions of three or four octal digits, `0644`, not `{0}`")]
    Mode(String),
    /// No owner.
    #[error("takes `user:group`, names or numbers, not `{0}`")]
    Owner(String),
    /// No id of a partition.
    #[error("takes the id of a partition in lowercase, not `{0}`")]
    PartUuid(String),
}

/// What a host calls itself (RFC 1123 §2.1): labels of at most 63 letters, digits and `-`, 64 bytes in all,
/// which is what Linux takes (`hostname(7)`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 64 && text.split('.').all(is_label) && text != "localhost" {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::HostName(text.to_owned()))
    }
}

impl HostName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a user, a group or a jail, as `useradd(8)` of Debian takes it without persuasion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl FromStr for Name {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'-' | b'_');
        let first = text.bytes().next().is_some_and(|it| it.is_ascii_lowercase() || it == b'_');
        if first && text.len() <= 32 && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::Name(text.to_owned()))
    }
}

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A network: the addresses that begin with a prefix (RFC 4632, RFC 4291 §2.3). A prefix of full length is
/// one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// Whether it is of IPv6.
    pub fn is_v6(&self) -> bool {
        self.address.is_ipv6()
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv6() == self.is_v6() && mask(address, self.length) == self.address
    }

    /// Whether every address of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// Whether every address is in it.
    pub(crate) fn is_all(&self) -> bool {
        self.length == 0
    }

    /// Whether all of its addresses are the host's own.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.is_loopback() && (self.is_v6() || self.length >= 8)
    }

    /// Splits `192.0.2.7/24` into address and length, whatever bits stand behind it.
    pub(crate) fn parts(text: &str) -> Option<(IpAddr, u8)> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv6() { 128 } else { 32 };
        let plain =
            |it: &&str| it.bytes().all(|it| it.is_ascii_digit()) && (*it == "0" || !it.starts_with('0'));
        let length = match length {
            Some(text) => text.parse().ok().filter(|it| *it <= most && plain(&text))?,
            None => most,
        };
        Some((address, length))
    }
}

fn mask(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(it) => {
            let ones = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((it.to_bits() & ones).into())
        }
        IpAddr::V6(it) => {
            let ones = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((it.to_bits() & ones).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (address, length) = Self::parts(text).ok_or_else(|| ValueError::Cidr(text.to_owned()))?;
        let network = Self { address: mask(address, length), length };
        if network.address != address {
            return Err(ValueError::HostBits { text: text.to_owned(), network: network.to_string() });
        }
        Ok(network)
    }
}

impl fmt::Display for Cidr {
    /// One address stands without its length, as ufw and fail2ban write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = if self.is_v6() { 128 } else { 32 };
        if self.length == full {
            return self.address.fmt(f);
        }
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_bits_behind_its_length() {
        for (text, shown) in [
            ("10.42.0.0/16", "10.42.0.0/16"),
            ("192.0.2.10", "192.0.2.10"),
            ("192.0.2.10/32", "192.0.2.10"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8:0:0::1/128", "2001:db8::1"),
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
        }
        let wrong = "10.42.0.1/16".parse::<Cidr>().unwrap_err();
        assert!(wrong.to_string().contains("takes `10.42.0.0/16`"), "{wrong}");
        for bad in ["", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "::/129", "10.0.0.0/", "any"]
        {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_contains_its_own_family_alone() {
        let network: Cidr = "10.42.0.0/16".parse().unwrap();
        assert!(network.contains("10.42.255.1".parse().unwrap()));
        assert!(!network.contains("10.43.0.1".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<Cidr>().unwrap().contains("::1".parse().unwrap()));
    }

    #[test]
    fn names_are_those_that_tools_take_without_persuasion() {
        for good in ["ops", "_apt", "a-b_9"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "Ops", "9a", "-a", "a.b", "a:b", "a\n", "a b", &"a".repeat(33)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        for good in ["vps-prod", "vps.example.net", "9"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "VPS", "-a", "a-", "a..b", "a_b", "a b", "localhost", &"a".repeat(64)] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }
}
