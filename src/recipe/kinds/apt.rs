//! `[apt.NAME]`: a closure of Debian packages.

use crate::recipe::reader::{Reader, Spanned};
use gabion_apt::Origin;
use gabion_lockfile::UtcTime;

/// The fields of an `apt` node.
#[derive(Debug, Clone)]
pub struct Apt {
    /// A built-in origin, `ubuntu:jammy`: what is not given below is its own.
    pub origin: Option<&'static Origin>,
    /// Where the archive lies, for one of one's own and for an origin that is served elsewhere.
    pub archive: Option<Spanned<String>>,
    /// Suites, highest version wins over all; empty: the origin's own.
    pub suites: Vec<Spanned<String>>,
    /// Components; empty: the origin's own.
    pub components: Vec<Spanned<String>>,
    /// A file with the archive's public keys; absent: the origin's own.
    pub keyring: Option<Spanned<String>>,
    /// Fingerprints of the primary keys that may sign; empty: the origin's own.
    pub fingerprints: Vec<Spanned<String>>,
    /// An instant of the dated archive, `2026-11-16T00:00:00Z`.
    pub snapshot: Option<Spanned<String>>,
    /// What to install; the closure follows.
    pub install: Vec<Spanned<String>>,
    /// Packages that must not be taken.
    pub exclude: Vec<Spanned<String>>,
    /// Whether `Recommends` count.
    pub recommends: bool,
    /// Whether everything essential or required is a seed too, as for a whole system.
    pub essential: bool,
}

impl Apt {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let named = reader.string("origin");
        let it = Self {
            origin: named.as_ref().and_then(|name| origin(reader, name)),
            archive: reader.url("archive"),
            suites: reader.strings("suites"),
            components: reader.strings("components"),
            keyring: reader.string("keyring"),
            fingerprints: reader.fingerprints("fingerprints"),
            snapshot: reader.string("snapshot"),
            install: reader.strings("install"),
            exclude: reader.strings("exclude"),
            recommends: reader.flag("recommends", false),
            essential: reader.flag("essential", true),
        };
        it.check(reader, named.is_none());
        it
    }

    fn check(&self, reader: &mut Reader<'_>, own: bool) {
        let span = reader.span();
        let missing = [
            ("archive", self.archive.is_none()),
            ("suites", self.suites.is_empty()),
            ("components", self.components.is_empty()),
            ("keyring", self.keyring.is_none()),
        ];
        for (key, _) in missing.iter().filter(|(_, missing)| own && *missing) {
            reader.bad_value(key, &span, "must be given where there is no `origin`");
        }
        if self.install.is_empty() && !self.essential {
            reader.bad_value("install", &span, "names no package");
        }
        for (key, names) in [("install", &self.install), ("exclude", &self.exclude)] {
            for name in names.iter().filter(|it| !gabion_apt::is_package_name(&it.value)) {
                let why = format!("takes names of packages, not `{}`; the lock pins versions", name.value);
                reader.bad_value(key, &name.span, why);
            }
        }
        for suite in self.suites.iter().filter(|it| !is_path(&it.value)) {
            reader.bad_value("suites", &suite.span, format!("takes names of suites, not `{}`", suite.value));
        }
        if let Some(snapshot) = &self.snapshot {
            if self.archive.is_some() {
                let why = "excludes `archive`: give that the dated location";
                reader.bad_value("snapshot", &snapshot.span, why);
            }
            if snapshot.value.parse::<UtcTime>().is_err() {
                reader.bad_value("snapshot", &snapshot.span, "takes a moment, `2026-11-16T00:00:00Z`");
            }
        }
    }
}

fn origin(reader: &mut Reader<'_>, name: &Spanned<String>) -> Option<&'static Origin> {
    let found = Origin::named(&name.value);
    if found.is_none() {
        let known: Vec<&str> = gabion_apt::ORIGINS.iter().map(|it| it.name).collect();
        reader.bad_value("origin", &name.span, format!("is one of `{}`", known.join("`, `")));
    }
    found
}

fn is_path(text: &str) -> bool {
    let part = |it: &str| {
        !matches!(it, "" | "." | "..")
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._+~".contains(&it))
    };
    text.split('/').all(part)
}
