//! Security updates: `unattended-upgrades`, fed by the next bundle or by the distribution.

use crate::base::Distribution;
use crate::error::HardenError;
use crate::make::Maker;
use crate::settings::Settings;
use crate::units::{disable, enable};
use std::fmt::Write as _;

/// Where updates that a bundle brings lie on the host, with the key that signs them.
pub const UPDATES: &str = "/var/lib/gabion/updates";

/// Units that look for updates and install them.
const UNITS: [&str; 3] = ["apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"];

/// Where security updates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Updates {
    /// Nowhere: the host changes by bundles alone.
    Off,
    /// A signed repository of the host's own, below [`UPDATES`]: an archive without suites (`./`) whose
    /// `Release` says `Origin: Gabion`, and `keyring.gpg` beside it.
    Bundle,
    /// These archives of the distribution; what is installed unasked is what their security suites bring, and the
    /// release, from which that may need a package that was not there.
    Online(Vec<Repository>),
}

/// An archive of a distribution, as `sources.list(5)` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where it lies.
    pub uri: String,
    /// Its suites, without those that are for trying out.
    pub suites: Vec<String>,
    /// Its components.
    pub components: Vec<String>,
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    // The archives that the packages were taken from are not asked by default.
    maker.file("etc/apt/sources.list", "# Archives stand in sources.list.d/gabion.sources.\n");
    let Some(distribution) = distribution(maker) else { return };
    let sources = match &settings.updates {
        Updates::Off => return off(maker),
        Updates::Bundle => stanza(&format!("file:{UPDATES}"), "./", None, &format!("{UPDATES}/keyring.gpg")),
        Updates::Online(repositories) => {
            let keyring = keyring(distribution);
            let stanza =
                |it: &Repository| stanza(&it.uri, &suites(it), Some(&it.components.join(" ")), keyring);
            repositories.iter().map(stanza).collect::<Vec<_>>().join("\n")
        }
    };
    if !maker.need("updates", "unattended-upgrades", "usr/bin/unattended-upgrade") {
        return;
    }
    maker.file("etc/apt/sources.list.d/gabion.sources", sources);
    maker.file("etc/apt/apt.conf.d/52gabion-updates", config(&settings.updates, distribution));
    for unit in UNITS {
        enable(unit, maker);
    }
}

fn distribution(maker: &mut Maker<'_>) -> Option<Distribution> {
    // `etc/os-release` is a link to it (`os-release(5)`).
    let text = ["usr/lib/os-release", "etc/os-release"].iter().find_map(|it| maker.text(it));
    let found = text.and_then(|it| Distribution::of(&it));
    if found.is_none() {
        maker.errors.push(HardenError::Distribution);
    }
    found
}

fn off(maker: &mut Maker<'_>) {
    maker.file("etc/apt/apt.conf.d/52gabion-updates", periodic(false));
    for unit in UNITS {
        disable(unit, maker);
    }
}

fn suites(repository: &Repository) -> String {
    let tried = |it: &&String| !it.ends_with("-proposed") && !it.ends_with("-backports");
    repository.suites.iter().filter(tried).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn keyring(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Debian => "/usr/share/keyrings/debian-archive-keyring.gpg",
        Distribution::Ubuntu => "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    }
}

/// One archive in the format of deb822 (`sources.list(5)`).
fn stanza(uri: &str, suites: &str, components: Option<&str>, keyring: &str) -> String {
    let components = components.map_or_else(String::new, |it| format!("Components: {it}\n"));
    format!("Types: deb\nURIs: {uri}\nSuites: {suites}\n{components}Signed-By: {keyring}\n")
}

fn periodic(on: bool) -> String {
    let on = u8::from(on);
    format!("APT::Periodic::Update-Package-Lists \"{on}\";\nAPT::Periodic::Unattended-Upgrade \"{on}\";\n")
}

/// Lists of `apt.conf(5)` grow with every file that names them, so those of the package are cleared first.
fn config(updates: &Updates, distribution: Distribution) -> String {
    let mut text = periodic(true);
    text.push_str("#clear Unattended-Upgrade::Allowed-Origins;\n");
    text.push_str("#clear Unattended-Upgrade::Origins-Pattern;\n");
    text.push_str("Unattended-Upgrade::Origins-Pattern {\n");
    let patterns: &[&str] = match (updates, distribution) {
        (Updates::Bundle | Updates::Off, _) => &["origin=Gabion"],
        (Updates::Online(_), Distribution::Debian) => &[
            "origin=Debian,codename=${distro_codename},label=Debian",
            "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        ],
        (Updates::Online(_), Distribution::Ubuntu) => {
            &["origin=Ubuntu,archive=${distro_codename}", "origin=Ubuntu,archive=${distro_codename}-security"]
        }
    };
    for pattern in patterns {
        let _ = writeln!(text, "  \"{pattern}\";");
    }
    text.push_str("};\n");
    text.push_str("Unattended-Upgrade::Automatic-Reboot \"false\";\n");
    text.push_str("Unattended-Upgrade::Remove-Unused-Kernel-Packages \"true\";\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_own_names() {
        let online = Updates::Online(Vec::new());
        let ubuntu = config(&online, Distribution::Ubuntu);
        assert!(ubuntu.contains("\"origin=Ubuntu,archive=${distro_codename}-security\";"), "{ubuntu}");
        assert!(
            !ubuntu.contains("Debian") && !config(&Updates::Bundle, Distribution::Ubuntu).contains("Ubuntu")
        );
        assert!(keyring(Distribution::Ubuntu).contains("ubuntu"));
    }

    #[test]
    fn only_suites_that_are_released_are_asked() {
        let repository = Repository {
            uri: "https://archive.example.net/ubuntu".to_owned(),
            suites: ["jammy", "jammy-security", "jammy-proposed", "jammy-backports"]
                .map(str::to_owned)
                .into(),
            components: vec!["main".to_owned()],
        };
        assert_eq!(suites(&repository), "jammy jammy-security");
        let text = stanza("file:/a", "./", None, "/k.gpg");
        assert_eq!(text, "Types: deb\nURIs: file:/a\nSuites: ./\nSigned-By: /k.gpg\n");
    }
}
