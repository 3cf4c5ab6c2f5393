//! K3s: its unit, its folders, and the partitions without which it does not start.

use crate::error::HardenError;
use crate::make::Maker;
use crate::settings::Settings;
use crate::storage::BINDS;
use crate::units::enable;

/// Kubernetes on the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct K3s {
    /// Whether it starts with the host. Otherwise whoever installs a bundle starts it, when everything that it
    /// needs is there.
    pub enabled: bool,
}

/// The unit of upstream's installer (k3s-io/k3s, `install.sh`), byte for byte what an install lays out, so that
/// an install over this image changes nothing.
const UNIT: &str = include_str!("../../../host/units/k3s.service");

/// What goes on with an interrupted change at the start: the same files that an install lays out.
const RECOVER: &str = include_str!("../../../host/units/gabion-recover.service");
const SETTLE: &str = include_str!("../../../host/units/gabion-settle.service");

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let Some(k3s) = settings.k3s else { return };
    maker.file("etc/systemd/system/k3s.service", UNIT);
    for (unit, text) in [("gabion-recover.service", RECOVER), ("gabion-settle.service", SETTLE)] {
        maker.file(&format!("etc/systemd/system/{unit}"), text);
        enable(unit, maker);
    }
    maker.directory("etc/rancher", 0o755, (0, 0));
    maker.directory("var/lib/rancher", 0o755, (0, 0));
    maker.directory("var/lib/rancher/k3s", 0o755, (0, 0));
    if settings.partitions.is_some() {
        // Its state must never begin anew on the system's own partition because another did not come up.
        let mounts: Vec<&str> = BINDS.iter().filter(|it| it.k3s).map(|it| it.at).collect();
        let text = format!("[Unit]\nRequiresMountsFor={}\n", mounts.join(" "));
        maker.file("etc/systemd/system/k3s.service.d/10-gabion.conf", text);
    } else {
        maker.directory("etc/rancher/k3s", 0o755, (0, 0));
    }
    if k3s.enabled {
        if !maker.exists("usr/local/bin/k3s") {
            maker.errors.push(HardenError::NoK3s);
        }
        enable("k3s.service", maker);
    }
}
