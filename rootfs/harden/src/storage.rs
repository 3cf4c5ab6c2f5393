//! The disk: which partition holds what, how the last one grows, and which system starts.
//!
//! The system lies on one of two slots that are replaced as a whole; what must outlive it lies on `state` and
//! `data`. `state` is small and holds what the host cannot do without; a full `data` cannot take it along.
//! There is no line for `/`: the kernel's command line names the slot (`root=PARTUUID=…`, `gabion.slot=a`).
//!
//! Both partitions are `nofail`: a host whose disk is damaged still comes up and can be reached. K3s does not
//! start there, because its unit requires the mounts.

use crate::make::Maker;
use crate::settings::Settings;
use crate::units::enable;
use crate::value::ValueError;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

const GROW: &str = include_str!("../scripts/grow");
const SLOT: &str = include_str!("../scripts/slot");

/// The unique id of a partition, `0fc63daf-8483-4772-8e79-3d69d8477de4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUuid(String);

impl FromStr for PartUuid {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hex = |it: &str| it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        if text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::PartUuid(text.to_owned()))
    }
}

impl fmt::Display for PartUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Partitions beside the slots.
#[derive(Debug, Clone)]
pub struct Partitions {
    /// The boot loader, its configuration and its environment.
    pub esp: PartUuid,
    /// What the host cannot do without: Kubernetes' database, the journal, the host's identity.
    pub state: PartUuid,
    /// Images, volumes and logs; the last partition, which grows.
    pub data: PartUuid,
}

/// A folder of `state` or `data` that is seen elsewhere.
pub(crate) struct Bind {
    /// Where it lies.
    from: &'static str,
    /// Where it is seen.
    pub(crate) at: &'static str,
    mode: &'static str,
    /// Whether it is there for K3s.
    pub(crate) k3s: bool,
}

/// What outlives the system. Folders of K3s: k3s-io/k3s, `docs/adrs` and `pkg/datadir`.
pub(crate) const BINDS: [Bind; 11] = [
    Bind { from: "/state/gabion", at: "/var/lib/gabion", mode: "0755", k3s: false },
    Bind { from: "/state/journal", at: "/var/log/journal", mode: "2755", k3s: false },
    Bind { from: "/state/rancher", at: "/etc/rancher", mode: "0755", k3s: true },
    Bind { from: "/state/k3s-server", at: "/var/lib/rancher/k3s/server", mode: "0700", k3s: true },
    Bind { from: "/data/packs", at: "/var/lib/gabion/packs", mode: "0755", k3s: false },
    Bind { from: "/data/updates", at: "/var/lib/gabion/updates", mode: "0755", k3s: false },
    Bind { from: "/data/k3s-agent", at: "/var/lib/rancher/k3s/agent", mode: "0755", k3s: true },
    Bind { from: "/data/k3s-data", at: "/var/lib/rancher/k3s/data", mode: "0755", k3s: true },
    Bind { from: "/data/k3s-storage", at: "/var/lib/rancher/k3s/storage", mode: "0701", k3s: true },
    Bind { from: "/data/kubelet", at: "/var/lib/kubelet", mode: "0750", k3s: true },
    Bind { from: "/data/pods-log", at: "/var/log/pods", mode: "0755", k3s: true },
];

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let Some(partitions) = &settings.partitions else { return };
    let mut is_there = true;
    for (package, path) in [
        ("fdisk", "usr/sbin/sfdisk"),
        ("util-linux", "usr/bin/partx"),
        ("e2fsprogs", "usr/sbin/e2fsck"),
        ("grub-common", "usr/bin/grub-editenv"),
    ] {
        is_there &= maker.need("packages", package, path);
    }
    if !is_there {
        return;
    }
    let binds: Vec<&Bind> = BINDS.iter().filter(|it| !it.k3s || settings.k3s.is_some()).collect();
    for path in ["state", "data"] {
        maker.directory(path, 0o700, (0, 0));
    }
    for path in ["boot/efi"].into_iter().chain(binds.iter().map(|it| it.at.trim_start_matches('/'))) {
        maker.directory(path, 0o755, (0, 0));
    }
    maker.file("etc/fstab", fstab(partitions, &binds));
    maker.file("etc/systemd/system/gabion-layout.service", layout(&binds));
    maker.owned("usr/lib/gabion/grow", 0o755, (0, 0), GROW);
    maker.file("etc/systemd/system/gabion-grow.service", grow(&partitions.data));
    enable("gabion-grow.service", maker);
    maker.owned("usr/lib/gabion/slot", 0o755, (0, 0), SLOT);
}

fn fstab(partitions: &Partitions, binds: &[&Bind]) -> String {
    let wait = "nofail,x-systemd.device-timeout=30s";
    let Partitions { esp, state, data } = partitions;
    let mut text = String::new();
    let _ = writeln!(text, "PARTUUID={esp} /boot/efi vfat umask=0077,{wait} 0 0");
    let _ = writeln!(text, "PARTUUID={state} /state ext4 noatime,nodev,nosuid,errors=remount-ro,{wait} 0 2");
    let _ =
        writeln!(text, "PARTUUID={data} /data ext4 noatime,errors=remount-ro,x-systemd.growfs,{wait} 0 2");
    for Bind { from, at, .. } in binds {
        let _ = writeln!(text, "{from} {at} none bind,nofail,x-systemd.requires=gabion-layout.service 0 0");
    }
    text
}

/// The unit that makes the folders that are seen elsewhere, once both partitions are there.
fn layout(binds: &[&Bind]) -> String {
    let mut text = String::from(
        "[Unit]\nDescription=Folders that outlive the system\nDefaultDependencies=no\n\
         RequiresMountsFor=/state /data\nConflicts=shutdown.target\nBefore=shutdown.target\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\n",
    );
    for Bind { from, at, mode, .. } in binds {
        let group = if at.ends_with("/journal") { "-g systemd-journal " } else { "" };
        let _ = writeln!(text, "ExecStart=/usr/bin/install -d -m {mode} {group}{from}");
    }
    text
}

fn grow(data: &PartUuid) -> String {
    let device = format!("dev-disk-by\\x2dpartuuid-{}", data.0.replace('-', "\\x2d"));
    format!(
        "[Unit]\nDescription=Grow the last partition to the end of the disk\nDefaultDependencies=no\n\
         Requires={device}.device\nAfter={device}.device\nBefore=systemd-fsck@{device}.service data.mount\n\
         Conflicts=shutdown.target\nBefore=shutdown.target\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/lib/gabion/grow {data}\n\n\
         [Install]\nWantedBy=data.mount\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
    const STATE: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
    const DATA: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

    #[test]
    fn an_id_of_a_partition_is_lowercase() {
        assert!(ESP.parse::<PartUuid>().is_ok());
        for bad in ["", &ESP.to_uppercase(), &ESP.replace('-', ""), &format!("{ESP}0"), "-----"] {
            assert!(bad.parse::<PartUuid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_line_lets_the_host_come_up_and_none_is_for_the_root() {
        let id = |it: &str| it.parse().unwrap();
        let partitions = Partitions { esp: id(ESP), state: id(STATE), data: id(DATA) };
        let all: Vec<&Bind> = BINDS.iter().collect();
        let text = fstab(&partitions, &all);
        assert_eq!(text.lines().count(), 3 + BINDS.len());
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!(fields.len(), 6, "{line}");
            assert!(fields[1] != "/" && fields[3].split(',').any(|it| it == "nofail"), "{line}");
        }
    }

    #[test]
    fn a_folder_lies_on_state_or_data_and_none_twice() {
        let mut from: Vec<&str> = BINDS.iter().map(|it| it.from).collect();
        from.sort_unstable();
        from.dedup();
        assert_eq!(from.len(), BINDS.len());
        assert!(from.iter().all(|it| it.starts_with("/state/") || it.starts_with("/data/")));
    }
}
