//! The time: UTC, and from servers, by whichever program the packages bring.

use crate::error::HardenError;
use crate::make::{Maker, lines};
use crate::settings::Settings;
use crate::units::{enable, is_there};
use crate::value::HostName;

/// Where the host asks for the time.
#[derive(Debug, Clone, Default)]
pub struct Time {
    /// Servers (NTP); none: those that the package asks.
    pub servers: Vec<HostName>,
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    maker.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
    maker.file("etc/timezone", "Etc/UTC\n");
    let servers: Vec<&str> = settings.time.servers.iter().map(HostName::as_str).collect();
    if is_there("chrony.service", maker) {
        if !servers.is_empty() {
            maker.file("etc/chrony/chrony.conf", chrony(&servers));
        }
        enable("chrony.service", maker);
    } else if is_there("systemd-timesyncd.service", maker) {
        if !servers.is_empty() {
            let text = format!("[Time]\nNTP={}\nFallbackNTP=\n", servers.join(" "));
            maker.file("etc/systemd/timesyncd.conf.d/10-gabion.conf", text);
        }
        enable("systemd-timesyncd.service", maker);
    } else {
        let (package, path) = ("chrony", "usr/lib/systemd/system/chrony.service".to_owned());
        maker.errors.push(HardenError::Package { module: "time", package, path });
    }
}

/// Takes the place of Debian's file, whose pool would be asked too (`chrony.conf(5)`).
fn chrony(servers: &[&str]) -> String {
    let asked = lines(servers.iter().map(|it| format!("server {it} iburst")));
    let rest = [
        "driftfile /var/lib/chrony/chrony.drift",
        "makestep 1 3",
        "rtcsync",
        "leapsectz right/UTC",
        // It tells nobody the time, and takes orders through its socket alone.
        "port 0",
        "cmdport 0",
        "",
    ];
    asked + &rest.join("\n")
}
