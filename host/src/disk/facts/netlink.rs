//! Addresses and routes as the kernel tells them (`rtnetlink(7)`).

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `linux/netlink.h` and `linux/rtnetlink.h`.
mod number {
    pub(super) const DONE: u16 = 3;
    pub(super) const ERROR: u16 = 2;
    pub(super) const NEW_ADDRESS: u16 = 20;
    pub(super) const GET_ADDRESS: u16 = 22;
    pub(super) const NEW_ROUTE: u16 = 24;
    pub(super) const GET_ROUTE: u16 = 26;
    pub(super) const REQUEST_DUMP: u16 = 0x301;
    pub(super) const IFA_ADDRESS: u16 = 1;
    pub(super) const IFA_LOCAL: u16 = 2;
    pub(super) const IFA_CACHEINFO: u16 = 6;
    pub(super) const RTA_OIF: u16 = 4;
    pub(super) const RTA_GATEWAY: u16 = 5;
    pub(super) const RTA_PRIORITY: u16 = 6;
    pub(super) const RTA_MULTIPATH: u16 = 9;
    pub(super) const RTA_VIA: u16 = 18;
    pub(super) const MAIN_TABLE: u8 = 254;
    pub(super) const UNICAST: u8 = 1;
    pub(super) const SCOPE_UNIVERSE: u8 = 0;
    pub(super) const AF_INET: u8 = 2;
    pub(super) const AF_INET6: u8 = 10;
    pub(super) const FOREVER: u32 = u32::MAX;
}
use number as n;

/// The kernel's answers, as they came.
#[derive(Debug, Default)]
pub(crate) struct Dumps {
    pub(crate) addresses: Vec<u8>,
    pub(crate) routes: Vec<u8>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundAddress {
    pub(super) interface: u32,
    pub(super) address: IpAddr,
    pub(super) length: u8,
    /// Whether it stays for ever: one by DHCP or of a router's announcement does not.
    pub(super) is_permanent: bool,
    /// Whether it is more than of this link or this host.
    pub(super) is_global: bool,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundRoute {
    pub(super) interface: u32,
    pub(super) gateway: Option<IpAddr>,
    pub(super) is_v6: bool,
    /// Who set it (`rtm_protocol`): 16 is DHCP, 9 is a router.
    pub(super) protocol: u8,
    pub(super) metric: u32,
}

impl Dumps {
    pub(crate) fn ask() -> io::Result<Self> {
        // `ifaddrmsg` has 8 bytes, `rtmsg` 12.
        Ok(Self { addresses: ask(n::GET_ADDRESS, 8)?, routes: ask(n::GET_ROUTE, 12)? })
    }

    pub(super) fn addresses(&self) -> Vec<FoundAddress> {
        messages(&self.addresses)
            .filter(|(kind, _)| *kind == n::NEW_ADDRESS)
            .filter_map(|(_, it)| address(it))
            .collect()
    }

    /// Default routes, the preferred ones first.
    pub(super) fn routes(&self) -> Vec<FoundRoute> {
        let all = messages(&self.routes).filter(|(kind, _)| *kind == n::NEW_ROUTE);
        let mut routes: Vec<FoundRoute> = all.filter_map(|(_, it)| route(it)).collect();
        routes.sort_by_key(|it| it.metric);
        routes
    }
}

/// Asks for everything of one kind.
fn ask(kind: u16, body: usize) -> io::Result<Vec<u8>> {
    // The protocol 0 is `NETLINK_ROUTE`.
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let mut request = Vec::new();
    request.extend(u32::try_from(16 + body).unwrap_or_default().to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(n::REQUEST_DUMP.to_ne_bytes());
    request.extend(1_u32.to_ne_bytes());
    request.resize(16 + body, 0);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let (mut all, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let (count, _) = rustix::net::recv(&socket, &mut buffer, RecvFlags::empty())?;
        let mut end = count == 0;
        for (kind, body) in messages(&buffer[..count]) {
            if kind == n::ERROR {
                let code = u32_at(body, 0).map_or(0, u32::cast_signed);
                return Err(io::Error::from_raw_os_error(-code));
            }
            end |= kind == n::DONE;
        }
        all.extend_from_slice(&buffer[..count]);
        if end {
            return Ok(all);
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Kind and body of each message; a torn one ends it.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let message = (u16_at(rest, 4)?, rest.get(16..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// Kind and value of each attribute.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let attribute = (u16_at(rest, 2)? & 0x3FFF, rest.get(4..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(attribute)
    })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|it| Ipv6Addr::from(it).into())
}

/// `struct ifaddrmsg`: family, length, flags, scope, index.
fn address(body: &[u8]) -> Option<FoundAddress> {
    let (length, scope, interface) = (*body.get(1)?, *body.get(3)?, u32_at(body, 4)?);
    let (mut near, mut far, mut valid) = (None, None, n::FOREVER);
    for (kind, value) in attributes(body.get(8..)?) {
        match kind {
            n::IFA_LOCAL => near = ip(value),
            n::IFA_ADDRESS => far = ip(value),
            n::IFA_CACHEINFO => valid = u32_at(value, 4)?,
            _ => {}
        }
    }
    let is_global = scope == n::SCOPE_UNIVERSE;
    Some(FoundAddress {
        interface,
        address: near.or(far)?,
        length,
        is_permanent: valid == n::FOREVER,
        is_global,
    })
}

/// `struct rtmsg`: family, two lengths, tos, table, protocol, scope, type, flags. Nothing where it is no default route.
fn route(body: &[u8]) -> Option<FoundRoute> {
    let (family, length, table) = (*body.first()?, *body.get(1)?, *body.get(4)?);
    let (protocol, kind) = (*body.get(5)?, *body.get(7)?);
    let is_default = length == 0 && table == n::MAIN_TABLE && kind == n::UNICAST;
    if !is_default || !matches!(family, n::AF_INET | n::AF_INET6) {
        return None;
    }
    let mut route =
        FoundRoute { interface: 0, gateway: None, is_v6: family == n::AF_INET6, protocol, metric: 0 };
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            n::RTA_OIF => route.interface = u32_at(value, 0)?,
            n::RTA_GATEWAY => route.gateway = ip(value),
            // A family, and an address of that one.
            n::RTA_VIA => route.gateway = ip(value.get(2..)?),
            n::RTA_PRIORITY => route.metric = u32_at(value, 0)?,
            // The first of several next hops: length, flags, hops, interface, and attributes of its own.
            n::RTA_MULTIPATH if route.interface == 0 => {
                route.interface = u32_at(value, 4)?;
                let end = usize::from(u16_at(value, 0)?);
                let hop = attributes(value.get(8..end)?).find(|(kind, _)| *kind == n::RTA_GATEWAY);
                route.gateway = hop.and_then(|(_, value)| ip(value));
            }
            _ => {}
        }
    }
    (route.interface != 0).then_some(route)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(16, 0);
        bytes.extend(body);
        bytes
    }

    fn octets(address: &str) -> Vec<u8> {
        match address.parse().unwrap() {
            IpAddr::V4(it) => it.octets().to_vec(),
            IpAddr::V6(it) => it.octets().to_vec(),
        }
    }

    /// An address that stays for so many seconds.
    pub(crate) fn with_address(dumps: &mut Dumps, interface: u32, address: &str, length: u8, valid: u32) {
        let bytes = octets(address);
        let scope = if address.starts_with("fe80") { 253 } else { 0 };
        let mut body = vec![if bytes.len() == 4 { 2 } else { 10 }, length, 0, scope];
        body.extend(interface.to_ne_bytes());
        body.extend(attribute(n::IFA_ADDRESS, &bytes));
        body.extend(attribute(n::IFA_CACHEINFO, &[[0; 4], valid.to_ne_bytes(), [0; 4], [0; 4]].concat()));
        dumps.addresses.extend(message(n::NEW_ADDRESS, &body));
    }

    pub(crate) fn with_route(dumps: &mut Dumps, interface: u32, gateway: &str, protocol: u8) {
        let bytes = octets(gateway);
        let mut body =
            vec![if bytes.len() == 4 { 2 } else { 10 }, 0, 0, 0, n::MAIN_TABLE, protocol, 0, n::UNICAST];
        body.resize(12, 0);
        body.extend(attribute(n::RTA_GATEWAY, &bytes));
        body.extend(attribute(n::RTA_OIF, &interface.to_ne_bytes()));
        dumps.routes.extend(message(n::NEW_ROUTE, &body));
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let dumps = Dumps::ask().unwrap();
        let all = dumps.addresses();
        assert!(
            all.iter().any(|it| it.address == IpAddr::from(Ipv4Addr::LOCALHOST) && it.is_permanent),
            "{all:?}"
        );
        let mut text = String::new();
        write!(text, "{:?}", dumps.routes()).unwrap();
    }

    #[test]
    fn what_is_torn_is_no_panic() {
        let mut dumps = Dumps::default();
        with_address(&mut dumps, 2, "192.0.2.7", 32, 3600);
        with_route(&mut dumps, 2, "192.0.2.1", 16);
        for at in 0..dumps.addresses.len() {
            let torn = Dumps { addresses: dumps.addresses[..at].to_vec(), routes: Vec::new() };
            assert_eq!(torn.addresses(), []);
        }
        for at in 0..dumps.routes.len() {
            let _ = Dumps { routes: dumps.routes[..at].to_vec(), addresses: Vec::new() }.routes();
            for length in [0_u8, 1, 255] {
                let mut odd = dumps.routes.clone();
                odd[at] = length;
                let _ = Dumps { routes: odd, addresses: Vec::new() }.routes();
            }
        }
    }
}
