//! A promotion: a small signed statement that a bundle may go to a channel and its hosts.

use crate::BundleError;
use crate::role::Role;
use crate::time::Time;
use gabion_digest::Sha256;
use gabion_keys::Signatures;
use gabion_keys::SigningKey;
use std::collections::BTreeSet;
use std::fmt;

/// The hosts that a promotion is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// Every host.
    All,
    /// These.
    Named(BTreeSet<String>),
}

impl Hosts {
    /// From the words of a command line or a statement: `*` alone, or names.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let names: BTreeSet<String> = words.into_iter().map(str::to_owned).collect();
        match names.first()?.as_str() {
            "*" if names.len() == 1 => Some(Self::All),
            _ => names.iter().all(|it| is_word(it)).then_some(Self::Named(names)),
        }
    }

    /// Whether `host` is one of them.
    pub fn contain(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(host),
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Named(names) => {
                f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// What a promotion says. Its text is ASCII with `\n` line ends, eight lines in fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// Digest of the bundle.
    pub bundle: Sha256,
    /// Name of the bundle.
    pub name: String,
    /// `canary`, `production`: for people.
    pub channel: String,
    /// Grows with every promotion of a bundle of this name.
    pub serial: u64,
    /// Where the bundle may go.
    pub hosts: Hosts,
    /// Version of the trust root that the promoter saw; an older one is not enough to judge.
    pub root_version: u32,
    /// When the promoter signed, by the promoter's own word.
    pub date: Time,
}

pub(crate) const FIRST_LINE: &str = "# gabion-promotion v1\n";

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '.'])
}

impl fmt::Display for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}bundle: {}\nname: {}\n", self.bundle, self.name)?;
        write!(f, "channel: {}\nserial: {}\nhosts: {}\n", self.channel, self.serial, self.hosts)?;
        write!(f, "root-version: {}\ndate: {}\n", self.root_version, self.date)
    }
}

impl Promotion {
    /// Reads the text; `None` for anything that is not letter by letter what would be written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(FIRST_LINE)?.lines();
        let mut field = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(": ");
        let promotion = Self {
            bundle: field("bundle")?.parse().ok()?,
            name: field("name")?.to_owned(),
            channel: field("channel")?.to_owned(),
            serial: field("serial")?.parse().ok()?,
            hosts: Hosts::parse(field("hosts")?.split(' '))?,
            root_version: field("root-version")?.parse().ok()?,
            date: field("date")?.parse().ok()?,
        };
        let words = is_word(&promotion.name) && is_word(&promotion.channel);
        (words && promotion.to_string() == text).then_some(promotion)
    }

    /// Whether both say the same, whenever they were signed.
    fn agrees(&self, other: &Self) -> bool {
        Self { date: other.date, ..self.clone() } == *other
    }
}

/// A promotion and the signatures over it: text first, then the blocks. That is also what a file of
/// its own, `NAME.promotion`, holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPromotion {
    promotion: Promotion,
    signatures: Signatures,
}

impl SignedPromotion {
    /// A statement that nobody signed yet. One that could not be read back is refused.
    pub fn new(promotion: Promotion) -> Result<Self, BundleError> {
        if Promotion::parse(&promotion.to_string()).as_ref() != Some(&promotion) {
            let why = "name, channel and hosts are words of letters, digits, `.`, `_` and `-`";
            return Err(BundleError::Promotion(why.to_owned()));
        }
        Ok(Self { promotion, signatures: Signatures::default() })
    }

    /// The statement that stands beside `before` in a bundle: `before` itself where `promotion` says the
    /// same again, so that one more key can sign it; the new one where its serial is higher.
    pub fn after(before: Option<Self>, promotion: Promotion) -> Result<Self, BundleError> {
        match before {
            Some(before) if before.promotion.agrees(&promotion) => Ok(before),
            Some(before) if before.promotion.serial >= promotion.serial => Err(BundleError::Rollback {
                name: promotion.name,
                serial: promotion.serial,
                floor: before.promotion.serial.saturating_add(1),
            }),
            _ => Self::new(promotion),
        }
    }

    /// Reads a file of its own; anything but the one form that would be written is refused.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        let wrong = |what: &str| BundleError::Promotion(what.to_owned());
        match Self::read(text).map_err(wrong)? {
            (signed, "") => Ok(signed),
            _ => Err(wrong("there is something behind its end")),
        }
    }

    /// Reads a statement at the start of `text`, and gives what stands behind it.
    pub(crate) fn read(text: &str) -> Result<(Self, &str), &'static str> {
        let end = text.find("-----BEGIN").ok_or("a promotion is not signed")?;
        let promotion = Promotion::parse(&text[..end]).ok_or("a promotion is not in its one form")?;
        let (signatures, rest) = Signatures::read(&text[end..])?;
        if signatures.is_empty() {
            return Err("a promotion is not signed");
        }
        Ok((Self { promotion, signatures }, rest))
    }

    /// The text of a file of its own.
    pub fn to_text(&self) -> Result<String, BundleError> {
        let blocks = self.signatures.to_text().map_err(|what| BundleError::Promotion(what.to_owned()))?;
        Ok(format!("{}{blocks}", self.promotion))
    }

    /// Adds the signature of `key`.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), BundleError> {
        self.signatures.add(key.sign(Role::Promotion.namespace(), self.promotion.to_string().as_bytes())?);
        Ok(())
    }

    /// What it says.
    pub fn promotion(&self) -> &Promotion {
        &self.promotion
    }

    /// Who signed it.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// Checks every signature against its own key and the statement.
    pub(crate) fn check(&self) -> Result<(), BundleError> {
        let text = self.promotion.to_string();
        Ok(self.signatures.check(Role::Promotion.namespace(), text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# gabion-promotion v1\n\
        bundle: sha256:24d9d102738a06fb6b55d37d3e58aee997db6b7d328fc223a4b3206864422d30\n\
        name: platform\nchannel: production\nserial: 7\nhosts: a b-1\nroot-version: 3\n\
        date: 2026-11-25T22:00:00Z\n";

    #[test]
    fn a_statement_has_one_text() {
        let promotion = Promotion::parse(TEXT).unwrap();
        assert_eq!(promotion.to_string(), TEXT);
        assert!(promotion.hosts.contain("a") && !promotion.hosts.contain("c"));
        for (from, to) in [
            ("\n", "\r\n"),
            ("serial: 7", "serial: 07"),
            ("serial: 7", "serial: +7"),
            ("serial: 7", "serial: 18446744073709551616"),
            ("serial: 7\n", "serial: 7 \n"),
            ("serial: 7\n", "serial: 7\nserial: 7\n"),
            ("serial: 7\n", ""),
            ("hosts: a b-1", "hosts: b-1 a"),
            ("hosts: a b-1", "hosts: a a b-1"),
            ("hosts: a b-1", "hosts: *  a"),
            ("hosts: a b-1", "hosts: * a"),
            ("hosts: a b-1", "hosts: a*"),
            ("hosts: a b-1", "hosts:"),
            ("name: platform", "name: plat form"),
            ("name: platform", "name: -x"),
            ("name: platform", "name: plätform"),
            ("sha256:24d9", "sha256:24D9"),
            ("date: 2026-11-25T22:00:00Z\n", "date: 2026-11-25T22:00:00Z"),
            ("date: 2026-11-25T22:00:00Z\n", "date: 2026-11-25T22:00:00Z\n\n"),
            ("date", "extra: x\ndate"),
            ("v1", "v2"),
        ] {
            let bad = TEXT.replacen(from, to, if from == "\n" { 99 } else { 1 });
            assert_eq!(Promotion::parse(&bad), None, "{from:?} as {to:?}");
        }
        assert!(Promotion::parse(&TEXT.replace("a b-1", "*")).unwrap().hosts.contain("anything"));
    }
}
