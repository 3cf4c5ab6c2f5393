//! Platforms, and which of an index fits one (containerd's `platforms` package: normal names, and the
//! smaller variants that an ARM machine also runs).

use crate::document::Index;
use crate::error::DocumentError;
use crate::json::Object;
use crate::{Descriptor, Role};
use std::fmt;
use std::str::FromStr;

/// An operating system and a machine: `linux/amd64`, `linux/arm/v7`. Held in containerd's normal form, so that
/// `linux/aarch64` and `linux/arm64/v8` are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: String,
}

/// Why no platform is found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// The text names none.
    #[error("`{text}` is no platform")]
    Parse {
        /// The text.
        text: String,
    },
    /// The index has images, but none for this machine.
    #[error("there is no image for `{wanted}`")]
    Missing {
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        there: Vec<String>,
    },
}

impl PlatformError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E0909"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Parse { .. } => "a platform is like `linux/amd64` or `linux/arm/v7`".to_owned(),
            Self::Missing { there, .. } if there.is_empty() => {
                "its index names no platform at all".to_owned()
            }
            Self::Missing { there, .. } => format!("there are {}", there.join(", ")),
        })
    }
}

impl Platform {
    fn normal(os: &str, architecture: &str, variant: &str) -> Self {
        let architecture = architecture.to_ascii_lowercase();
        let variant = variant.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", other) => ("amd64", other),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64", other) => ("arm64", other),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            (architecture, variant) => (architecture, variant),
        };
        let (architecture, variant) = (architecture.to_owned(), variant.to_owned());
        let os = match os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            os => os.to_owned(),
        };
        Self { os, architecture, variant }
    }

    /// Operating system, machine, and its variant or nothing.
    pub(crate) fn parts(&self) -> (&str, &str, &str) {
        (&self.os, &self.architecture, &self.variant)
    }

    pub(crate) fn of(fields: Object<'_>) -> Result<Self, DocumentError> {
        let need = |key: &str| fields.text(key)?.ok_or_else(|| fields.wrong(key, "is missing"));
        Ok(Self::normal(need("os")?, need("architecture")?, fields.text("variant")?.unwrap_or_default()))
    }

    /// What builders give to attestations, which are no images.
    fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// How well an image for `other` runs here: 0 is best, `None` not at all.
    fn distance(&self, other: &Self) -> Option<usize> {
        if (&self.os, &self.architecture) != (&other.os, &other.architecture) {
            return None;
        }
        if self.architecture != "arm" {
            return (self.variant == other.variant).then_some(0);
        }
        let rank = |it: &Self| ["v5", "v6", "v7", "v8"].iter().position(|name| *name == it.variant);
        rank(self)?.checked_sub(rank(other)?)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty() && part.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it))
        };
        match parts.as_slice() {
            [os, architecture] if parts.iter().all(plain) => Ok(Self::normal(os, architecture, "")),
            [os, architecture, variant] if parts.iter().all(plain) => {
                Ok(Self::normal(os, architecture, variant))
            }
            _ => Err(PlatformError::Parse { text: text.to_owned() }),
        }
    }
}

impl Index {
    /// The descriptor for a machine: the best fit, the first among equals. Attestations are skipped.
    pub fn choose(&self, wanted: &Platform) -> Result<&Descriptor, PlatformError> {
        let images = self.manifests().iter().filter(|it| it.media_type.role() != Role::Blob);
        let named: Vec<(&Descriptor, &Platform)> = images
            .filter_map(|it| Some((it, it.platform.as_ref()?)))
            .filter(|(_, platform)| !platform.is_unknown())
            .collect();
        let fits = named.iter().filter_map(|(it, platform)| Some((wanted.distance(platform)?, *it)));
        match fits.min_by_key(|(distance, _)| *distance) {
            Some((_, best)) => Ok(best),
            None => Err(PlatformError::Missing {
                wanted: wanted.clone(),
                there: named.iter().map(|(_, platform)| platform.to_string()).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_spelling() {
        for (text, normal) in [
            ("linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("Linux/AMD64", "linux/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), normal);
        }
        for text in ["", "linux", "linux/", "linux/a/b/c", "linux/a b"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
