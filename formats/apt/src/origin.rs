//! Archives that are known by name, with the keys that sign them.
//!
//! The keys are those of the packages `ubuntu-keyring` and `debian-archive-keyring`, reduced to what signs
//! the releases named here, without signatures of third parties.

/// An archive that a recipe names, `ubuntu:jammy`.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// How recipes name it.
    pub name: &'static str,
    /// Its parts.
    pub archives: &'static [Part],
    /// Components that are read unless a recipe says otherwise.
    pub components: &'static [&'static str],
    /// Public keys, armored.
    pub keys: &'static str,
    /// Fingerprints of the primary keys that may sign.
    pub fingerprints: &'static [&'static str],
}

/// One archive of an origin.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Where it lies.
    pub url: &'static str,
    /// Where it lay at a moment: `{}` stands for `20261116T000000Z`.
    pub dated: &'static str,
    /// The suites that are read from it.
    pub suites: &'static [&'static str],
}

/// Every origin that is known.
pub const ORIGINS: [Origin; 2] = [
    Origin {
        name: "ubuntu:jammy",
        archives: &[Part {
            url: "http://archive.ubuntu.com/ubuntu",
            dated: "https://snapshot.ubuntu.com/ubuntu/{}",
            suites: &["jammy", "jammy-updates", "jammy-security"],
        }],
        components: &["main", "universe"],
        keys: include_str!("../keys/ubuntu.asc"),
        fingerprints: &["F6ECB3762474EDA9D21B7022871920D1991BC93C"],
    },
    Origin {
        name: "debian:bookworm",
        archives: &[
            Part {
                url: "https://deb.debian.org/debian",
                dated: "https://snapshot.debian.org/archive/debian/{}",
                suites: &["bookworm", "bookworm-updates"],
            },
            Part {
                url: "https://deb.debian.org/debian-security",
                dated: "https://snapshot.debian.org/archive/debian-security/{}",
                suites: &["bookworm-security"],
            },
        ],
        components: &["main"],
        keys: include_str!("../keys/debian.asc"),
        fingerprints: &[
            // Archive, security archive and stable release, 12/bookworm and 13/trixie.
            "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
            "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
            "4D64FEC119C2029067D6E791F8D2585B8783D481",
            "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
            "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
            "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
        ],
    },
];

impl Origin {
    /// The origin called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        ORIGINS.iter().find(|it| it.name == name)
    }
}
