//! The network of the new system: that of this machine now, so that the host is found where it was.

use super::DiskError;
use super::facts::{Interface, Network};
use crate::{HostError, Root};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

/// The file of the slot. It comes before what the image has for any card.
pub const PATH: &str = "etc/systemd/network/05-gabion-host.network";
/// The same file where every slot finds it: on `state`.
pub const KEPT: &str = "var/lib/gabion/host/network";
const LIMIT: u64 = 64 << 10;

/// Where the network of the new system is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The text of a file of systemd-networkd, instead of all that follows.
    pub file: Option<String>,
    /// Addresses besides those that are found, `(2001:db8::7, 128)`: what a provider tells in its panel only.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Gateways besides those that are found.
    pub gateways: Vec<IpAddr>,
    /// Servers of names instead of those that are found.
    pub dns: Vec<IpAddr>,
}

impl Choice {
    /// Whether the operator said anything.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// The text for a machine with these facts.
    pub fn text(&self, facts: &Network) -> Result<String, DiskError> {
        if let Some(text) = &self.file {
            return Ok(text.clone());
        }
        let routed =
            |is_v6: bool| facts.interfaces.iter().find(|it| it.routes.iter().any(|it| it.is_v6 == is_v6));
        let interface = routed(false).or_else(|| routed(true)).ok_or(DiskError::NoRoute)?;
        Ok(self.of(interface, &facts.dns))
    }

    fn of(&self, interface: &Interface, dns: &[IpAddr]) -> String {
        // What DHCP gives is asked for again; what has no lease is written down.
        let (dhcp4, dhcp6) = (interface.is_leased(false), interface.is_leased(true));
        let dhcp = if dhcp4 { "ipv4" } else { "no" };
        let mut text = format!(
            "# The network of this host as it was when it was installed.\n[Match]\nMACAddress={}\nType=ether\n\n[Network]\n",
            interface.mac
        );
        let accept = if dhcp6 { "yes" } else { "no" };
        // A router's announcement says by itself whether there is DHCP for IPv6.
        let _ = writeln!(text, "DHCP={dhcp}\nIPv6AcceptRA={accept}");
        let leased = |is_v6: bool| if is_v6 { dhcp6 } else { dhcp4 };
        let found = interface.addresses.iter().filter(|it| !it.is_leased && !leased(it.address.is_ipv6()));
        let mut addresses: Vec<(IpAddr, u8)> = found.map(|it| (it.address, it.length)).collect();
        addresses
            .extend(self.addresses.iter().copied().filter(|it| !addresses.contains(it)).collect::<Vec<_>>());
        for (address, length) in &addresses {
            let _ = writeln!(text, "Address={address}/{length}");
        }
        let dns = if self.dns.is_empty() && !(dhcp4 || dhcp6) { dns } else { &self.dns };
        for server in dns {
            let _ = writeln!(text, "DNS={server}");
        }
        let mut gateways: Vec<IpAddr> = Vec::new();
        for family in [false, true] {
            let mut routes = interface.routes.iter().filter(|it| it.is_v6 == family && !leased(family));
            gateways.extend(routes.find_map(|it| it.gateway));
        }
        gateways
            .extend(self.gateways.iter().copied().filter(|it| !gateways.contains(it)).collect::<Vec<_>>());
        for gateway in &gateways {
            // Providers route hosts through gateways outside of their one-address networks.
            let _ = write!(text, "\n[Route]\nGateway={gateway}\nGatewayOnLink=yes\n");
        }
        if dhcp4 {
            // The machine's id differs between two systems of one host; its card does not.
            text.push_str("\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n");
        }
        text
    }
}

/// Reads a file of systemd-networkd that an operator wrote.
pub fn read(path: &Path) -> Result<String, DiskError> {
    let shown = path.display().to_string();
    let wrong = |message: String| DiskError::Network { path: shown.clone(), message };
    let text = fs_err::read(path).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| wrong("it is not text".to_owned()))?;
    if !["[Match]", "[Network]"].iter().all(|it| text.lines().any(|line| line.trim() == *it)) {
        return Err(wrong("it has no `[Match]` or no `[Network]`".to_owned()));
    }
    Ok(text)
}

/// Lays the file into a mounted system: `text`, or else the one that an earlier installation kept. Gives what was laid.
pub(super) fn lay(root: &Root, text: Option<&str>) -> Result<String, HostError> {
    let text = match text {
        Some(text) => text.to_owned(),
        None => {
            let kept = root.read(KEPT, LIMIT).map_err(|source| HostError::read(KEPT, source))?;
            let kept = kept.ok_or(DiskError::NoRoute)?;
            String::from_utf8(kept).map_err(|_| DiskError::NoRoute)?
        }
    };
    for (path, folder) in [(PATH, "etc/systemd/network"), (KEPT, "var/lib/gabion/host")] {
        root.make_folder(folder, 0o755).map_err(|source| HostError::write(folder, source))?;
        root.write(path, 0o644, &mut |out| out.write_all(text.as_bytes()))
            .map_err(|source| HostError::write(path, source))?;
    }
    Ok(text)
}

/// Whether an earlier installation kept a file.
pub(super) fn is_kept(root: &Root) -> Result<bool, HostError> {
    root.exists(KEPT).map_err(|source| HostError::read(KEPT, source))
}
