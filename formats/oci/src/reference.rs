//! Names of images (the grammar and the rules of `reference.ParseNormalizedNamed` in distribution/reference).

use gabion_digest::Sha256;
use std::fmt;
use std::str::FromStr;

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The registry is no host name, address or port.
    #[error("`{text}` names no image: `{host}` is no host of a registry")]
    Host {
        /// The whole text.
        text: String,
        /// The part.
        host: String,
    },
    /// The repository has a part that no registry takes.
    #[error("`{text}` names no image: `{part}` cannot be part of a repository")]
    Repository {
        /// The whole text.
        text: String,
        /// The part.
        part: String,
    },
    /// A capital letter, which would be a second spelling.
    #[error("`{text}` names no image: names of images are lowercase")]
    Uppercase {
        /// The whole text.
        text: String,
    },
    /// The tag is none.
    #[error("`{text}` names no image: `{tag}` is no tag")]
    Tag {
        /// The whole text.
        text: String,
        /// The tag.
        tag: String,
    },
    /// The digest is no SHA-256 in lowercase hex digits.
    #[error("`{text}` names no image: `{digest}` is not `sha256:` and 64 lowercase hex digits")]
    Digest {
        /// The whole text.
        text: String,
        /// The digest.
        digest: String,
    },
    /// Registry and repository are longer than 255 bytes.
    #[error("`{text}` names no image: registry and repository have more than {NAME_MAX} bytes")]
    Long {
        /// The whole text.
        text: String,
    },
}

impl ReferenceError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E0901"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Uppercase { text } => format!("write `{}`", text.to_lowercase()),
            Self::Tag { .. } => {
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two"
                    .to_owned()
            }
            Self::Digest { .. } => "other digests than SHA-256 are not supported".to_owned(),
            Self::Host { .. } | Self::Repository { .. } | Self::Long { .. } => {
                "an image is named like `docker.io/library/nginx:1.27` or `ghcr.io/owner/name@sha256:…`"
                    .to_owned()
            }
        })
    }
}

/// The longest registry and repository together (distribution/reference, `NameTotalLengthMax`).
const NAME_MAX: usize = 255;
/// The registry of names that say none.
const HUB: &str = "docker.io";

/// A repository of a registry: `docker.io/library/nginx`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    host: String,
    repository: String,
}

impl Name {
    /// The registry as images are named: `docker.io`, `127.0.0.1:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host that answers for the registry; `docker.io` itself is only a web page.
    pub fn api_host(&self) -> &str {
        if self.host == HUB { "registry-1.docker.io" } else { &self.host }
    }

    /// The repository: `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The image of a tag.
    pub fn tagged(&self, tag: &str) -> Result<Reference, ReferenceError> {
        if !is_tag(tag) {
            return Err(ReferenceError::Tag { text: format!("{self}:{tag}"), tag: tag.to_owned() });
        }
        Ok(Reference { name: self.clone(), tag: Some(tag.to_owned()), digest: None })
    }

    /// The image, index or artifact of a digest.
    pub fn at(&self, digest: Sha256) -> Reference {
        Reference { name: self.clone(), tag: None, digest: Some(digest) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

impl FromStr for Name {
    type Err = ReferenceError;

    /// Reads a name without tag and digest; short names are those of Docker Hub.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text = || text.to_owned();
        let (host, repository) = split(&text());
        if host.bytes().chain(repository.bytes()).any(|byte| byte.is_ascii_uppercase()) {
            return Err(ReferenceError::Uppercase { text: text() });
        }
        if !is_host(&host) {
            return Err(ReferenceError::Host { text: text(), host });
        }
        // 64 hex digits alone are the ID of a local image wherever Docker's rules hold.
        let id = host == HUB && repository.strip_prefix("library/").is_some_and(is_hex64);
        if let Some(part) = repository.split('/').find(|part| !is_component(part) || id) {
            return Err(ReferenceError::Repository { text: text(), part: part.to_owned() });
        }
        if host.len() + 1 + repository.len() > NAME_MAX {
            return Err(ReferenceError::Long { text: text() });
        }
        Ok(Self { host, repository })
    }
}

/// Registry and repository by Docker's rule: the first part is a host where it looks like one.
fn split(text: &str) -> (String, String) {
    let first = text.split_once('/').filter(|(first, _)| {
        first.contains(['.', ':', '['])
            || *first == "localhost"
            || first.bytes().any(|it| it.is_ascii_uppercase())
    });
    let (host, rest) = first.unwrap_or((HUB, text));
    let host = if host == "index.docker.io" { HUB } else { host };
    let official = host == HUB && !rest.contains('/');
    (host.to_owned(), if official { format!("library/{rest}") } else { rest.to_owned() })
}

fn is_hex64(text: &str) -> bool {
    Sha256::from_hex(text).is_ok()
}

/// A host name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let right = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(label),
    };
    right && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|it| it.to_string() == port && it != 0))
}

/// Runs of letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let joins = |join: &str| matches!(join, "" | "." | "_" | "__") || join.bytes().all(|it| it == b'-');
    text.starts_with(alphanumeric) && text.ends_with(alphanumeric) && text.split(alphanumeric).all(joins)
}

/// Whether `text` is a tag (distribution specification 1.1, "Pulling manifests").
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
        && !text.starts_with(['.', '-'])
}

/// An image: its name, and its tag or its digest or both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    name: Name,
    tag: Option<String>,
    digest: Option<Sha256>,
}

impl Reference {
    /// Repository and registry.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The tag. A reference without digest always has one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the index or manifest.
    pub fn digest(&self) -> Option<Sha256> {
        self.digest
    }

    /// The same image, pinned.
    #[must_use]
    pub fn pinned(&self, digest: Sha256) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// What the registry is asked for: the digest where there is one, otherwise the tag.
    pub fn wanted(&self) -> String {
        match (self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => LATEST.to_owned(),
        }
    }
}

/// The tag of references that say neither tag nor digest.
const LATEST: &str = "latest";

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads `[host/]repository[:tag][@digest]`; without both it is the tag `latest`, as for Kubernetes.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let wrong = |_| ReferenceError::Digest { text: text.to_owned(), digest: digest.to_owned() };
                (rest, Some(digest.parse().map_err(wrong)?))
            }
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag { text: text.to_owned(), tag: tag.to_owned() });
        }
        let tag = tag.or(digest.is_none().then_some(LATEST)).map(str::to_owned);
        Ok(Self { name: name.parse()?, tag, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(reference));
    }

    #[test]
    fn an_image_has_one_spelling() {
        let digest = Sha256::of(b"");
        check("nginx", "docker.io/library/nginx:latest");
        check("nginx:1.27", "docker.io/library/nginx:1.27");
        check("index.docker.io/nginx:1.27", "docker.io/library/nginx:1.27");
        check("docker.io/nginx:1.27", "docker.io/library/nginx:1.27");
        check("rancher/k3s:v1", "docker.io/rancher/k3s:v1");
        check("localhost/a", "localhost/a:latest");
        check("localhost:5000/a:b", "localhost:5000/a:b");
        check("[::1]:5000/a/b:c", "[::1]:5000/a/b:c");
        check("quay.io/a/b__c/d---e.f:V1_x", "quay.io/a/b__c/d---e.f:V1_x");
        check(&format!("a@{digest}"), &format!("docker.io/library/a@{digest}"));
        check(&format!("ghcr.io/a/b:c@{digest}"), &format!("ghcr.io/a/b:c@{digest}"));
    }

    #[test]
    fn docker_hub_answers_elsewhere() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(name("nginx").api_host(), "registry-1.docker.io");
        assert_eq!(name("ghcr.io/a").api_host(), "ghcr.io");
        let nginx = name("nginx");
        assert_eq!(nginx.tagged("1.27").unwrap().to_string(), "docker.io/library/nginx:1.27");
        assert_eq!(nginx.tagged("1+2").unwrap_err().code(), "E0901");
        assert_eq!(
            nginx.tagged("1").unwrap().pinned(Sha256::of(b"")).wanted(),
            nginx.at(Sha256::of(b"")).wanted()
        );
        assert_eq!((name("a.b:1/c/d").host(), name("a.b:1/c/d").repository()), ("a.b:1", "c/d"));
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        type E = ReferenceError;
        let hex = "a".repeat(64);
        let error = |text: &str| text.parse::<Reference>().unwrap_err();
        assert!(matches!(error("Nginx"), E::Uppercase { .. }));
        assert_eq!(error("GHCR.io/a").help().as_deref(), Some("write `ghcr.io/a`"));
        assert!(matches!(error("FOO/bar"), E::Uppercase { .. }));
        for host in [
            "-a.b/c",
            "a..b/c",
            "a.b:/c",
            "a.b:99999/c",
            "a.b:080/c",
            "a_b.c/d",
            "[::1/a",
            "[zz]/a",
            "a.b:0/c",
        ] {
            assert!(matches!(error(host), E::Host { .. }), "{host}");
        }
        for name in
            ["", "a//b", "/a", "a/", "a/../b", "a._b", "a___b", "_a", "a-", "a/.", "ä", "a b", "a\n", &hex]
        {
            assert!(matches!(error(name), E::Repository { .. }), "{name:?}: {:?}", error(name));
        }
        for tag in ["a:", "a:.b", "a:-b", "a:b c", &format!("a:{}", "t".repeat(129)), "a:b:c:ä"] {
            assert!(matches!(error(tag), E::Tag { .. } | E::Host { .. }), "{tag}: {:?}", error(tag));
        }
        for digest in ["", "sha256:", "md5:00", "sha512:00", &format!("sha256:{}", hex.to_uppercase()), &hex]
        {
            assert!(matches!(error(&format!("a@{digest}")), E::Digest { .. }), "{digest}");
        }
        assert!(matches!(error(&format!("a.b/{}", "c".repeat(252))), E::Long { .. }));
        assert!(format!("a.b/{}", "c".repeat(251)).parse::<Reference>().is_ok());
    }
}
