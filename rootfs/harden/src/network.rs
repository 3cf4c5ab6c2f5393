//! The network: systemd-networkd, DHCP unless an address is given.

use crate::error::HardenError;
use crate::make::{Maker, lines};
use crate::settings::Settings;
use crate::units::{enable, is_there, mask};
use crate::value::{Cidr, ValueError};
use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

/// How the host gets its addresses.
#[derive(Debug, Clone)]
pub struct Network {
    /// Interfaces that are its own; those of containers must not match.
    pub interfaces: Vec<InterfaceName>,
    /// Whether it asks for an address.
    pub dhcp: bool,
    /// Addresses with the length of their network, `(2001:db8::7, 128)`, in the order in which they are set.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Where packets go that are for nobody near.
    pub gateways: Vec<IpAddr>,
    /// Servers of names.
    pub dns: Vec<IpAddr>,
}

impl Default for Network {
    /// DHCP on everything that looks like a network card.
    fn default() -> Self {
        let interfaces = ["en*", "eth*"].map(|it| InterfaceName(it.to_owned())).into();
        Self { interfaces, dhcp: true, addresses: Vec::new(), gateways: Vec::new(), dns: Vec::new() }
    }
}

impl Network {
    /// Reads an address with the length of its network, `192.0.2.7/24`.
    pub fn address(text: &str) -> Result<(IpAddr, u8), ValueError> {
        let there = text.contains('/').then(|| Cidr::parts(text)).flatten();
        there.ok_or_else(|| ValueError::Cidr(text.to_owned()))
    }
}

/// The name of a network interface (at most 15 bytes, Linux `IFNAMSIZ`), or a pattern for names
/// (`systemd.network(5)`, `Name=`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// A name without a pattern.
    pub(crate) fn exact(text: &str) -> Result<Self, ValueError> {
        let name: Self = text.parse()?;
        if text.contains('*') { Err(ValueError::Interface(text.to_owned())) } else { Ok(name) }
    }
}

impl FromStr for InterfaceName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_alphanumeric() || b"_-.@*".contains(&it);
        let first = text.bytes().next().is_some_and(|it| it.is_ascii_alphabetic());
        if first && text.len() <= 15 && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::Interface(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let network = &settings.network;
    if !maker.need("network", "systemd", "usr/lib/systemd/systemd-networkd") {
        return;
    }
    maker.file("etc/systemd/network/10-gabion.network", config(network));
    // Routes and rules of the container network are its own.
    let kept = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n";
    maker.file("etc/systemd/networkd.conf.d/10-gabion.conf", kept);
    enable("systemd-networkd.service", maker);
    mask("networking.service", maker);
    if maker.base.exists("usr/bin/cloud-init") {
        maker.file("etc/cloud/cloud-init.disabled", "");
    }
    resolver(network, maker);
}

fn resolver(network: &Network, maker: &mut Maker<'_>) {
    if is_there("systemd-resolved.service", maker) {
        enable("systemd-resolved.service", maker);
        // It would answer strangers of its network by name, at a port of its own (`resolved.conf(5)`).
        let quiet = "[Resolve]\nLLMNR=no\nMulticastDNS=no\n";
        maker.file("etc/systemd/resolved.conf.d/10-gabion.conf", quiet);
        maker.link("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
    } else if network.dns.is_empty() {
        maker.errors.push(HardenError::NoResolver);
    } else {
        let text = lines(network.dns.iter().map(|it| format!("nameserver {it}")));
        maker.file("etc/resolv.conf", text);
    }
}

fn config(network: &Network) -> String {
    let names: Vec<&str> = network.interfaces.iter().map(|it| it.0.as_str()).collect();
    let mut text = format!("[Match]\nName={}\n\n[Network]\n", names.join(" "));
    // Said, because routers are not listened to by default on a host that forwards, as one with pods does.
    let dhcp = if network.dhcp { "yes" } else { "no" };
    let _ = writeln!(text, "DHCP={dhcp}\nIPv6AcceptRA={dhcp}");
    for (address, length) in &network.addresses {
        let _ = writeln!(text, "Address={address}/{length}");
    }
    for server in &network.dns {
        let _ = writeln!(text, "DNS={server}");
    }
    for gateway in &network.gateways {
        // Providers route hosts through gateways outside of their one-address networks.
        let _ = write!(text, "\n[Route]\nGateway={gateway}\nGatewayOnLink=yes\n");
    }
    if network.dhcp {
        // The machine's id differs between two systems of one host; its card does not.
        text.push_str("\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n\n[DHCPv6]\nUseHostname=no\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_long_its_network_is() {
        assert_eq!(Network::address("192.0.2.7/24").unwrap(), ("192.0.2.7".parse().unwrap(), 24));
        for bad in ["192.0.2.7", "192.0.2.7/33", "a/1", ""] {
            assert!(Network::address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_interfaces_fit_the_kernel() {
        for good in ["eth0", "en*", "cni0", "flannel.1", "ens3"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in ["", "*", "a b", "eth0:1", "a/b", "sixteen-letters-", "!eth0"] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
        assert!(InterfaceName::exact("en*").is_err());
    }

    #[test]
    fn dhcp_and_addresses_stand_side_by_side() {
        let network = Network {
            addresses: vec![Network::address("2001:db8::7/128").unwrap()],
            gateways: vec!["2001:db8::1".parse().unwrap()],
            dns: vec!["192.0.2.53".parse().unwrap()],
            ..Network::default()
        };
        insta::assert_snapshot!(config(&network), @r"
        [Match]
        Name=en* eth*

        [Network]
        DHCP=yes
        IPv6AcceptRA=yes
        Address=2001:db8::7/128
        DNS=192.0.2.53

        [Route]
        Gateway=2001:db8::1
        GatewayOnLink=yes

        [DHCPv4]
        ClientIdentifier=mac
        UseHostname=no

        [DHCPv6]
        UseHostname=no
        ");
    }
}
