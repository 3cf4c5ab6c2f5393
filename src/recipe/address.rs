//! Addresses of nodes and references to their outputs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a node is. The order is the order in which kinds are listed to people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind of this version.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word that stands in recipes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// A file.
    Fetch = "fetch",
    /// A closure of Debian packages.
    Apt = "apt",
    /// A hardened system of such packages.
    Rootfs = "rootfs",
    /// A disk image that starts such a system.
    Disk = "disk",
    /// The K3s binary and its images.
    K3s = "k3s",
    /// A Helm chart.
    Chart = "chart",
    /// A container image.
    Image = "image",
    /// A container image that is made here.
    ImageBuild = "image-build",
    /// Kubernetes objects.
    Manifests = "manifests",
    /// What a script gives.
    Run = "run",
    /// Where a value goes that no bundle holds.
    Secret = "secret",
    /// A machine that bundles are made for.
    Host = "host",
    /// Everything for one host, in one file.
    Bundle = "bundle",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(())
    }
}

/// The address of a node, `kind.name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    kind: Kind,
    /// Shared, because an address is copied wherever its node is named.
    name: Arc<str>,
}

/// Longest name: it becomes part of file names on the host.
const NAME_MAX: usize = 63;

/// Whether `name` can name a node: an RFC 1123 label, because names reach Kubernetes objects.
fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= NAME_MAX
        && name.bytes().all(inner)
        && !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl Address {
    /// The address of `name`, or nothing where `name` is not an RFC 1123 label.
    pub fn new(kind: Kind, name: &str) -> Option<Self> {
        is_name(name).then(|| Self { kind, name: name.into() })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name without the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, name) = text.split_once('.').ok_or(())?;
        Self::new(kind.parse()?, name).ok_or(())
    }
}

/// What one node says about another: an address, and one output of it or all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The node.
    pub address: Address,
    /// `#output`, where one is named.
    pub output: Option<String>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.output {
            Some(output) => write!(f, "{}#{output}", self.address),
            None => self.address.fmt(f),
        }
    }
}

impl FromStr for Reference {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once('#') {
            Some((address, output)) if !output.is_empty() => {
                Ok(Self { address: address.parse()?, output: Some(output.to_owned()) })
            }
            Some(_) => Err(()),
            None => Ok(Self { address: text.parse()?, output: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for good in ["manifests.cert-manager", "k3s.main", "fetch.a"] {
            assert_eq!(good.parse::<Address>().map(|it| it.to_string()), Ok(good.to_owned()));
        }
        for bad in ["fetch", "fetch.", "fetch.-a", "fetch.A", "fetch.a.b", "cake.a", ".a", "fetch.a#x"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_may_name_an_output() {
        let reference: Reference = "k3s.main#binary".parse().unwrap();
        assert_eq!(reference.output.as_deref(), Some("binary"));
        assert!("k3s.main#".parse::<Reference>().is_err());
    }
}
