//! What kind of host a bundle makes, and from where that pulls images.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr};

/// What kind of host it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It lives from its bundles alone: no registry but what it serves itself.
    Sealed,
    /// It pulls from the registries that are listed, and from no others.
    Connected,
}

impl Mode {
    /// The word of recipes, plans and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Connected => "connected",
        }
    }

    /// What is wrong with a registry for a host of this kind, if anything.
    pub fn check(self, registry: &str) -> Result<(), String> {
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (registry, None),
        };
        let v6 = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let is_name = host.len() <= 253 && host.split('.').all(is_label);
        let is_address = v6.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
        let is_port = |it: &str| it.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == it);
        if !(is_name || is_address) || !port.is_none_or(is_port) {
            return Err(format!("`{registry}` is no registry as `ghcr.io` or `localhost:5000`"));
        }
        if self == Self::Sealed && !is_own(v6.unwrap_or(host)) {
            return Err(format!("`{registry}` is not on the host itself, and a sealed host asks no other"));
        }
        Ok(())
    }
}

/// Whether a registry is served by the host itself.
fn is_own(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// RFC 1123, a label.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_and_perhaps_a_port() {
        for good in
            ["ghcr.io", "docker.io", "registry.example:5000", "192.0.2.7", "[2001:db8::7]:5000", "localhost"]
        {
            assert_eq!(Mode::Connected.check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "*",
            "https://ghcr.io",
            "ghcr.io/acme",
            "a b",
            "A.io",
            "a:0",
            "a:x",
            "a:05",
            "a:70000",
            "-a",
            "[x]",
            "\"",
            "a\n",
        ] {
            assert!(Mode::Connected.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sealed_host_asks_itself_alone() {
        for own in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.3.2.1", "[::1]:5000"] {
            assert_eq!(Mode::Sealed.check(own), Ok(()), "{own}");
        }
        for other in ["ghcr.io", "10.0.0.1:5000", "[2001:db8::7]", "localhost.example", "registry.local"] {
            assert!(Mode::Sealed.check(other).unwrap_err().contains("not on the host itself"), "{other}");
        }
    }
}
