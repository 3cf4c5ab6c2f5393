//! `[apt.NAME]`: a closure of Debian packages.

use crate::recipe::reader::{Reader, Spanned};

/// The fields of an `apt` node.
#[derive(Debug, Clone)]
pub struct Apt {
    /// Which archive.
    pub archive: Archive,
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

/// The archive of an `apt` node.
#[derive(Debug, Clone)]
pub enum Archive {
    /// A built-in origin, `ubuntu:jammy`.
    Origin(Spanned<String>),
    /// A location of one's own.
    Url(Spanned<String>),
}

impl Apt {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.one_of(&["origin", "archive"]);
        let nothing = Spanned { value: String::new(), span: reader.span() };
        let archive = match reader.string("origin") {
            Some(origin) => Archive::Origin(origin),
            None => Archive::Url(reader.url("archive").unwrap_or(nothing)),
        };
        let own = matches!(archive, Archive::Url(_));
        let it = Self {
            archive,
            suites: reader.strings("suites"),
            components: reader.strings("components"),
            keyring: reader.string("keyring"),
            fingerprints: reader.strings("fingerprints"),
            snapshot: reader.string("snapshot"),
            install: reader.strings("install"),
            exclude: reader.strings("exclude"),
            recommends: reader.flag("recommends", false),
            essential: reader.flag("essential", true),
        };
        let span = reader.span();
        if own && it.suites.is_empty() {
            reader.bad_value("suites", &span, "must be given with `archive`");
        }
        if own && it.keyring.is_none() {
            reader.bad_value(
                "keyring",
                &span,
                "must be given with `archive`: an archive is only as good as the keys it is checked with",
            );
        }
        if it.install.is_empty() && !it.essential {
            reader.bad_value("install", &span, "names no package");
        }
        for fingerprint in &it.fingerprints {
            let hex = fingerprint.value.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !hex || !matches!(fingerprint.value.len(), 40 | 64) {
                reader.bad_value(
                    "fingerprints",
                    &fingerprint.span,
                    "takes whole fingerprints, 40 hex digits",
                );
            }
        }
        it
    }
}
