//! Interfaces with what they are known by and how they got it.

use super::netlink::Dumps;
use super::{line, names, number};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::Path;

/// Who set a route (`linux/rtnetlink.h`).
const DHCP: u8 = 16;
const ROUTER: u8 = 9;

/// The network of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its cards; interfaces that are made by software are none.
    pub interfaces: Vec<Interface>,
    /// Servers of names, but for those on this host itself.
    pub dns: Vec<IpAddr>,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The kernel's name, which may be another one in another system.
    pub name: String,
    /// Its hardware address.
    pub mac: String,
    /// Addresses that reach further than this link.
    pub addresses: Vec<Address>,
    /// Default routes through it, the preferred one first.
    pub routes: Vec<Route>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The length of its network.
    pub length: u8,
    /// Whether it was given for a time, as by DHCP or a router's announcement.
    pub is_leased: bool,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Whether it is for IPv6.
    pub is_v6: bool,
    /// The gateway; none where everything is near.
    pub gateway: Option<IpAddr>,
    /// Whether DHCP or a router said it.
    pub is_leased: bool,
}

impl Interface {
    /// Whether anything for the other family of addresses, or this one, was given for a time.
    pub fn is_leased(&self, is_v6: bool) -> bool {
        self.addresses.iter().any(|it| it.address.is_ipv6() == is_v6 && it.is_leased)
            || self.routes.iter().any(|it| it.is_v6 == is_v6 && it.is_leased)
    }
}

pub(super) fn gather(root: &Path, dumps: &Dumps) -> Network {
    let (addresses, routes) = (dumps.addresses(), dumps.routes());
    let folder = root.join("sys/class/net");
    let of = |name: String| {
        let folder = folder.join(&name);
        // Software interfaces have no device.
        if !folder.join("device").exists() {
            return None;
        }
        let index = number(&folder.join("ifindex"))?;
        let is_here = |it: u32| u64::from(it) == index;
        // The early boot asked for it, whatever the kernel thinks of it now (klibc's `ipconfig`).
        let was_asked = line(&root.join(format!("run/net-{name}.conf")))
            .is_some_and(|text| text.lines().any(|it| matches!(it, "PROTO='dhcp'" | "PROTO=dhcp")));
        let found = addresses.iter().filter(|it| is_here(it.interface) && it.is_global);
        let gateways = routes.iter().filter(|it| is_here(it.interface));
        Some(Interface {
            mac: line(&folder.join("address"))?,
            addresses: found
                .map(|it| Address {
                    address: it.address,
                    length: it.length,
                    is_leased: !it.is_permanent || (was_asked && it.address.is_ipv4()),
                })
                .collect(),
            routes: gateways
                .map(|it| Route {
                    is_v6: it.is_v6,
                    gateway: it.gateway,
                    is_leased: matches!(it.protocol, DHCP | ROUTER),
                })
                .collect(),
            name,
        })
    };
    Network { interfaces: names(&folder).into_iter().filter_map(of).collect(), dns: dns(root) }
}

/// What `resolv.conf` names; behind a resolver on this host, what that one asks.
fn dns(root: &Path) -> Vec<IpAddr> {
    for path in ["etc/resolv.conf", "run/systemd/resolve/resolv.conf"] {
        let text = line(&root.join(path)).unwrap_or_default();
        let servers = text.lines().filter_map(|it| it.trim().strip_prefix("nameserver")?.trim().parse().ok());
        let far: Vec<IpAddr> =
            servers.filter(|it: &IpAddr| !it.is_loopback() && !it.is_unspecified()).collect();
        if !far.is_empty() {
            return far;
        }
    }
    Vec::new()
}
