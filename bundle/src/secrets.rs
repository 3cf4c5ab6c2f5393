//! `deploy/secrets.json`: which secrets a host must have, and where each goes. It holds no value.
//!
//! It is a member like any other and so part of what is signed: nobody but the author of the recipes says
//! where on a host a value ends.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the member lies.
pub const SECRETS: &str = "deploy/secrets.json";

/// The secrets of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretTargets {
    /// Version of this format, 1.
    pub format: u32,
    /// Name of the bundle: values are kept under it.
    pub bundle: String,
    /// The secrets, by name.
    pub secrets: Vec<SecretTarget>,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretTarget {
    /// Its name: `secret.NAME` without the kind.
    pub name: String,
    /// The object that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesTarget>,
    /// The file of the host that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileTarget>,
    /// Whether the host does without it.
    pub optional: bool,
    /// How the host makes it where nobody gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
}

/// Keys of a Kubernetes `Secret`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesTarget {
    /// Namespace of the object.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Opaque`, or what its user asks for.
    #[serde(rename = "type")]
    pub kind: String,
    /// The keys that get a value each.
    pub keys: Vec<String>,
}

/// A file of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTarget {
    /// Below `/etc` or `/var/lib`.
    pub path: String,
    /// Permission bits, as `0600`.
    pub mode: String,
    /// `user` or `user:group`; root unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// How a value is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Generate {
    /// So many random bytes.
    Bytes {
        /// How many.
        bytes: u32,
    },
    /// So many characters of an alphabet.
    Text {
        /// ASCII characters, none twice.
        alphabet: String,
        /// How many.
        length: u32,
    },
}

/// No generated value is longer.
const LENGTH: u32 = 4096;

impl SecretTarget {
    /// The names of its values: its own, or one for each key where it has several.
    pub fn values(&self) -> Vec<String> {
        match &self.kubernetes {
            Some(it) if it.keys.len() > 1 => {
                it.keys.iter().map(|key| format!("{}#{key}", self.name)).collect()
            }
            _ => vec![self.name.clone()],
        }
    }

    /// What is wrong with it, if anything.
    pub fn check(&self) -> Result<(), String> {
        if !is_label(&self.name) {
            return Err(format!("`{}` cannot name a secret", self.name));
        }
        if self.kubernetes.is_none() && self.file.is_none() {
            return Err("it goes nowhere: it needs `kubernetes` or `file`".to_owned());
        }
        if let Some(it) = &self.kubernetes {
            it.check()?;
            if it.keys.len() > 1 && self.file.is_some() {
                return Err("a file takes one value, and this secret has one for each of its keys".to_owned());
            }
        }
        self.file.as_ref().map_or(Ok(()), FileTarget::check)?;
        self.generate.as_ref().map_or(Ok(()), Generate::check)
    }
}

impl KubernetesTarget {
    /// What is wrong with it, if anything. Names are as Kubernetes takes them (RFC 1123; "Object Names and IDs").
    pub fn check(&self) -> Result<(), String> {
        if !is_label(&self.namespace) {
            return Err(format!("`{}` cannot name a namespace", self.namespace));
        }
        if self.name.len() > 253 || !self.name.split('.').all(is_label) {
            return Err(format!("`{}` cannot name an object", self.name));
        }
        let good = |it: u8| it.is_ascii_alphanumeric() || b"-._/".contains(&it);
        if self.kind.is_empty() || self.kind.len() > 253 || !self.kind.bytes().all(good) {
            return Err(format!("`{}` is no type of a secret", self.kind));
        }
        if self.kind == "kubernetes.io/service-account-token" {
            return Err("the tokens of service accounts are the cluster's own".to_owned());
        }
        if self.keys.is_empty() {
            return Err("it has no key".to_owned());
        }
        let good = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
        let plain = |key: &&String| {
            !key.is_empty()
                && key.len() <= 253
                && !matches!(key.as_str(), "." | "..")
                && key.bytes().all(good)
        };
        if let Some(bad) = self.keys.iter().find(|key| !plain(key)) {
            return Err(format!("`{bad}` cannot be a key"));
        }
        let mut seen = BTreeSet::new();
        match self.keys.iter().find(|key| !seen.insert(*key)) {
            Some(twice) => Err(format!("the key `{twice}` stands twice")),
            None => Ok(()),
        }
    }
}

/// What no secret may be put at or below: there K3s or Gabion reads what the bundle says.
const TAKEN: [&str; 8] = [
    "var/lib/gabion",
    "var/lib/rancher/k3s/server/manifests",
    "var/lib/rancher/k3s/server/static",
    "var/lib/rancher/k3s/agent/images",
    "etc/rancher/k3s/config.yaml",
    "etc/rancher/k3s/config.yaml.d",
    "etc/systemd/system/k3s.service",
    "etc/systemd/system/k3s.service.d",
];

impl FileTarget {
    /// What is wrong with it, if anything.
    pub fn check(&self) -> Result<(), String> {
        self.place()?;
        self.bits()?;
        let plain = |name: &str| {
            let good = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
            !name.is_empty() && name.len() <= 32 && !name.starts_with('-') && name.bytes().all(good)
        };
        match &self.owner {
            Some(owner) if !(owner.split(':').count() <= 2 && owner.split(':').all(plain)) => {
                Err(format!("`{owner}` is no owner: `user` or `user:group` is"))
            }
            _ => Ok(()),
        }
    }

    /// The path without its first slash.
    pub fn place(&self) -> Result<&str, String> {
        let refused = |why: &str| Err(format!("`{}` {why}", self.path));
        let Some(place) = self.path.strip_prefix('/') else {
            return refused("is no path from the root of the host");
        };
        // What is put around a name while it is written or kept must fit too.
        let good = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 200;
        let plain = |it: char| it.is_ascii_graphic() && !matches!(it, '\\' | '"' | '\'');
        if !place.split('/').all(good) || !place.chars().all(plain) {
            return refused("is no plain path");
        }
        let below = |folder: &str| place.strip_prefix(folder).is_some_and(|it| it.starts_with('/'));
        if !(below("etc") || below("var/lib")) {
            return refused("is neither below `/etc` nor below `/var/lib`");
        }
        if TAKEN.iter().any(|taken| place == *taken || below(taken)) {
            return refused("is where K3s or gabion itself keeps what the bundle says");
        }
        if place.ends_with(".gabion-part") || place.ends_with(".before-gabion") {
            return refused("has a name that the installer gives itself");
        }
        Ok(place)
    }

    /// The permission bits.
    pub fn bits(&self) -> Result<u32, String> {
        let octal = self.mode.len() == 4 && self.mode.starts_with('0');
        let bits = u32::from_str_radix(&self.mode, 8).ok().filter(|_| octal);
        match bits {
            Some(bits) if bits & 0o400 != 0 && bits & 0o133 == 0 => Ok(bits),
            Some(_) => Err(format!("`{}` lets others write or run it, or its owner not read it", self.mode)),
            None => Err(format!("`{}` is no mode: four octal digits are, as `0600`", self.mode)),
        }
    }
}

impl Generate {
    /// What is wrong with it, if anything.
    pub fn check(&self) -> Result<(), String> {
        let (count, least) = match self {
            Self::Bytes { bytes } => (*bytes, 16),
            Self::Text { alphabet, length } => {
                let seen: BTreeSet<char> = alphabet.chars().collect();
                if seen.len() != alphabet.chars().count() || !alphabet.chars().all(|it| it.is_ascii_graphic())
                {
                    return Err("the alphabet is of visible ASCII characters, none twice".to_owned());
                }
                if seen.len() < 10 {
                    return Err("the alphabet has fewer than 10 characters".to_owned());
                }
                (*length, 16)
            }
        };
        if !(least..=LENGTH).contains(&count) {
            return Err(format!("{count} is not from {least} to {LENGTH}"));
        }
        Ok(())
    }
}

impl SecretTargets {
    /// The one text: JSON with two spaces and a line end.
    pub fn to_text(&self) -> String {
        // Plain structs of strings and integers: writing them to a string cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads the text; anything that is not letter by letter what would be written is refused, and so is
    /// what no recipe can say.
    pub fn parse(text: &str) -> Result<Self, String> {
        let targets: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if targets.format != 1 {
            return Err(format!("its format is {}, and this version reads 1", targets.format));
        }
        if targets.to_text() != text {
            return Err("it is not written as gabion writes it".to_owned());
        }
        for secret in &targets.secrets {
            secret.check().map_err(|why| format!("`secret.{}`: {why}", secret.name))?;
        }
        match targets.conflict() {
            Some((_, why)) => Err(why),
            None => Ok(targets),
        }
    }

    /// The second of two secrets that cannot stand beside each other, and why.
    pub fn conflict(&self) -> Option<(&str, String)> {
        let mut names = BTreeSet::new();
        let mut files = BTreeMap::new();
        let mut keys = BTreeMap::new();
        let mut kinds = BTreeMap::new();
        for secret in &self.secrets {
            let name = secret.name.as_str();
            if !names.insert(name) {
                return Some((name, format!("`secret.{name}` stands twice")));
            }
            if let Some(file) = &secret.file
                && let Some(other) = files.insert(&file.path, name)
            {
                return Some((
                    name,
                    format!("`secret.{other}` and `secret.{name}` both want `{}`", file.path),
                ));
            }
            let Some(it) = &secret.kubernetes else { continue };
            let object = (&it.namespace, &it.name);
            if let Some(other) = kinds.insert(object, &it.kind).filter(|other| *other != &it.kind) {
                let why = format!(
                    "`{}/{}` cannot be of two types, `{other}` and `{}`",
                    object.0, object.1, it.kind
                );
                return Some((name, why));
            }
            for key in &it.keys {
                if let Some(other) = keys.insert((object, key), name) {
                    let of = format!("the key `{key}` of `{}/{}`", object.0, object.1);
                    return Some((name, format!("`secret.{other}` and `secret.{name}` both want {of}")));
                }
            }
        }
        None
    }

    /// The names of all values, each with whether a host can do without being given it.
    pub fn values(&self) -> BTreeMap<String, bool> {
        let all = self.secrets.iter().flat_map(|secret| {
            let spared = secret.optional || secret.generate.is_some();
            secret.values().into_iter().map(move |value| (value, spared))
        });
        all.collect()
    }
}

/// An RFC 1123 label.
fn is_label(text: &str) -> bool {
    let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, mode: &str, owner: Option<&str>) -> FileTarget {
        FileTarget { path: path.to_owned(), mode: mode.to_owned(), owner: owner.map(str::to_owned) }
    }

    fn target(name: &str, keys: &[&str]) -> SecretTarget {
        let kubernetes = KubernetesTarget {
            namespace: "monitoring".to_owned(),
            name: "grafana-admin".to_owned(),
            kind: "Opaque".to_owned(),
            keys: keys.iter().map(|it| (*it).to_owned()).collect(),
        };
        SecretTarget {
            name: name.to_owned(),
            kubernetes: Some(kubernetes),
            file: None,
            optional: false,
            generate: None,
        }
    }

    #[test]
    fn a_file_lies_where_neither_k3s_nor_gabion_looks() {
        for good in ["/etc/wireguard/wg0.key", "/etc/a", "/var/lib/x/y", "/etc/rancher/k3s/registries.yaml"] {
            file(good, "0600", Some("root:adm")).check().unwrap();
        }
        for bad in [
            "etc/a",
            "/etc",
            "/etc/",
            "/etc/../a",
            "/etc//a",
            "/etc/a b",
            "/etc/a\n",
            "/usr/a",
            "/var/a",
            "/var/lib",
            "/var/lib/gabion/secrets/a",
            "/var/lib/rancher/k3s/server/manifests/a.yaml",
            "/etc/rancher/k3s/config.yaml",
            "/etc/rancher/k3s/config.yaml.d/a",
            "/etc/a.before-gabion",
            "/etcetera/a",
        ] {
            assert!(file(bad, "0600", None).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mode_lets_nobody_else_write() {
        for (mode, good) in [
            ("0600", true),
            ("0400", true),
            ("0640", true),
            ("0644", true),
            ("0660", false),
            ("0666", false),
            ("0755", false),
            ("4600", false),
            ("0000", false),
            ("600", false),
            ("+600", false),
            ("0o60", false),
        ] {
            assert_eq!(file("/etc/a", mode, None).check().is_ok(), good, "{mode}");
        }
    }

    #[test]
    fn the_text_is_read_as_it_was_written_and_not_otherwise() {
        let targets = SecretTargets {
            format: 1,
            bundle: "b".into(),
            secrets: vec![target("a", &["user", "password"])],
        };
        let text = targets.to_text();
        assert_eq!(SecretTargets::parse(&text).unwrap(), targets);
        assert_eq!(targets.values().into_keys().collect::<Vec<_>>(), ["a#password", "a#user"]);
        assert!(SecretTargets::parse(&text.replace("\"format\": 1", "\"format\": 2")).is_err());
        assert!(SecretTargets::parse(&text.replace('\n', "")).is_err());
        assert!(SecretTargets::parse(&text.replace("monitoring", "../x")).is_err());
    }

    #[test]
    fn two_secrets_share_an_object_but_no_key_of_it() {
        let mut targets = SecretTargets {
            format: 1,
            bundle: "b".into(),
            secrets: vec![target("a", &["user"]), target("b", &["password"])],
        };
        assert_eq!(targets.conflict(), None);
        targets.secrets[1] = target("b", &["user"]);
        assert!(targets.conflict().unwrap().1.contains("both want the key `user`"));
        targets.secrets[1] = target("a", &["password"]);
        assert!(targets.conflict().unwrap().1.contains("twice"));
    }

    #[test]
    fn what_is_generated_cannot_be_guessed() {
        Generate::Bytes { bytes: 32 }.check().unwrap();
        assert!(Generate::Bytes { bytes: 8 }.check().is_err());
        let text = |alphabet: &str, length| Generate::Text { alphabet: alphabet.to_owned(), length }.check();
        text("abcdefghijkl", 20).unwrap();
        assert!(
            text("aabcdefghijkl", 20).is_err()
                && text("abc", 40).is_err()
                && text("abcdefghijkl", 4).is_err()
        );
    }
}
