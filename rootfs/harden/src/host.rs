//! What every host is given: its name, its identity at the first start, and a journal that does not fill it.

use crate::make::Maker;
use crate::settings::Settings;
use crate::units::{enable, mask};

const IDENTITY: &str = include_str!("../scripts/identity");

/// After the mount of `state`, where there is one, but not only with it.
const IDENTITY_UNIT: &str = "\
[Unit]
Description=Identity of this host: SSH host key and machine id
Wants=state.mount
After=state.mount systemd-machine-id-commit.service
Before=ssh.service ssh.socket

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/gabion/identity

[Install]
WantedBy=multi-user.target
RequiredBy=ssh.service
";

const JOURNAL: &str = "\
[Journal]
Storage=persistent
SystemMaxUse=512M
RuntimeMaxUse=64M
MaxRetentionSec=3month
";

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    let name = settings.hostname.as_str();
    maker.file("etc/hostname", format!("{name}\n"));
    let short = name.split('.').next().unwrap_or(name);
    let names = if short == name { name.to_owned() } else { format!("{name} {short}") };
    let hosts = format!(
        "127.0.0.1 localhost\n127.0.1.1 {names}\n::1 localhost ip6-localhost ip6-loopback\n\
         ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
    );
    maker.file("etc/hosts", hosts);
    // Empty, and not `uninitialized`: systemd makes one, and does not enable every unit of every package as it
    // does on what it takes for a first start (`machine-id(5)`).
    maker.owned("etc/machine-id", 0o444, (0, 0), "");
    maker.link("var/lib/dbus/machine-id", "/etc/machine-id");
    maker.file("etc/systemd/journald.conf.d/10-gabion.conf", JOURNAL);
    // The keys of the package are gone, so that a server that nobody configures needs one too.
    if settings.ssh.is_some() || maker.base.exists("usr/sbin/sshd") {
        maker.owned("usr/lib/gabion/identity", 0o755, (0, 0), IDENTITY);
        maker.file("etc/systemd/system/gabion-identity.service", IDENTITY_UNIT);
        enable("gabion-identity.service", maker);
    }
    // It asks a server for news of the distribution.
    mask("motd-news.timer", maker);
}
