//! From blocks of text to entries: names, types and kinds of fields.

use crate::error::{Fault, Problem, nearest};
use crate::reader::{Block, Field, Value};
use crate::{
    ChartSource, CommitId, Entry, EntryId, Pin, Platform, Reference, Size, Text, Trust, Url, ValueError,
};
use gabion_digest::Sha256;
use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr;

/// Every field of an entry, in canonical order.
pub(crate) const FIELDS: [&str; 16] = [
    "id",
    "kind",
    "request",
    "version",
    "url",
    "reference",
    "index",
    "manifest",
    "commit",
    "size",
    "sha256",
    "platform",
    "trust",
    "only",
    "images",
    "attached",
];

/// Reads one entry.
pub(crate) fn entry(block: Block<'_>) -> Result<Entry, Fault> {
    let mut fields = Fields { at: block.at, fields: block.fields };
    fields.fields.reverse();
    // A misspelled name explains a missing field, so it is the better message.
    fields.entry().map_err(|fault| fields.unknown().unwrap_or(fault))
}

/// The id of a block whose other fields may be in any state.
pub(crate) fn id_of_block(block: &Block<'_>) -> Option<EntryId> {
    block.fields.iter().find(|field| field.name == "id").and_then(|field| match &field.value {
        Value::Text(text) => EntryId::new(text).ok(),
        _ => None,
    })
}

struct Fields<'a> {
    at: Range<usize>,
    /// Those that are not yet read, the last one first: in canonical order the next one is at the end.
    fields: Vec<Field<'a>>,
}

impl Fields<'_> {
    fn entry(&mut self) -> Result<Entry, Fault> {
        let id = self.need("id", EntryId::new)?;
        let kind = self.need("kind", kind)?;
        let entry = Entry {
            id,
            request: self.need("request", Text::new)?,
            version: self.text("version", Text::new)?,
            pin: self.pin(kind)?,
            platform: self.text("platform", Platform::new)?,
            trust: self.need("trust", Trust::from_str)?,
            only: self.list("only")?,
        };
        self.fields.last().map_or(Ok(entry), |field| {
            let name = FIELDS.into_iter().find(|&name| name == field.name).unwrap_or_default();
            Err(Fault::new(field.name_at.clone(), Problem::NotOfKind { name, kind }))
        })
    }

    /// The first field that no entry has.
    fn unknown(&self) -> Option<Fault> {
        let field = self.fields.iter().find(|field| !FIELDS.contains(&field.name))?;
        let (name, near) = (field.name.to_owned(), nearest(field.name, &FIELDS));
        Some(Fault::new(field.name_at.clone(), Problem::Unknown { name, near }))
    }

    fn pin(&mut self, kind: &str) -> Result<Pin, Fault> {
        Ok(match kind {
            "file" => Pin::File {
                url: self.need("url", Url::new)?,
                size: self.size()?,
                sha256: self.need("sha256", digest)?,
            },
            "image" => Pin::Image {
                reference: self.need("reference", Reference::new)?,
                index: self.text("index", digest)?,
                manifest: self.need("manifest", digest)?,
                size: self.size()?,
                attached: self.list("attached")?,
            },
            "chart" => Pin::Chart {
                source: self.chart_source()?,
                size: self.size()?,
                sha256: self.need("sha256", digest)?,
                images: self.list("images")?,
            },
            _ => Pin::Git {
                url: self.need("url", Url::new)?,
                commit: self.need("commit", CommitId::new)?,
                size: self.size()?,
                sha256: self.need("sha256", digest)?,
            },
        })
    }

    fn chart_source(&mut self) -> Result<ChartSource, Fault> {
        Ok(match self.text("reference", Reference::new)? {
            Some(reference) => ChartSource::Oci { reference, manifest: self.need("manifest", digest)? },
            None => ChartSource::Http(self.need("url", Url::new)?),
        })
    }

    fn take(&mut self, name: &str) -> Option<Field<'_>> {
        if self.fields.last()?.name == name {
            return self.fields.pop();
        }
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some(self.fields.remove(at))
    }

    fn text<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Result<Option<T>, Fault> {
        let Some(field) = self.take(name) else { return Ok(None) };
        let Value::Text(text) = field.value else {
            return Err(Fault::new(
                field.value_at,
                Problem::Syntax { expected: "a string in double quotes" },
            ));
        };
        read(&text).map(Some).map_err(|source| Fault::new(field.value_at, Problem::Value { name, source }))
    }

    fn need<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Result<T, Fault> {
        let at = self.at.clone();
        self.text(name, read)?.ok_or_else(|| Fault::new(at, Problem::Missing { name }))
    }

    fn size(&mut self) -> Result<Size, Fault> {
        let (at, name) = (self.at.clone(), "size");
        let field = self.take(name).ok_or_else(|| Fault::new(at, Problem::Missing { name }))?;
        let Value::Number(digits) = field.value else {
            return Err(Fault::new(field.value_at, Problem::Syntax { expected: "a number" }));
        };
        Size::parse(digits).map_err(|source| Fault::new(field.value_at, Problem::Value { name, source }))
    }

    /// A list without repetition; absent and empty mean the same, and only the first is written.
    fn list<T: Ord + FromStr<Err = ValueError>>(&mut self, name: &'static str) -> Result<BTreeSet<T>, Fault> {
        let Some(field) = self.take(name) else { return Ok(BTreeSet::new()) };
        let Value::List(items) = field.value else {
            return Err(Fault::new(field.value_at, Problem::Syntax { expected: "a list of strings" }));
        };
        let mut values = BTreeSet::new();
        for (text, at) in items {
            let value =
                text.parse().map_err(|source| Fault::new(at.clone(), Problem::Value { name, source }))?;
            if !values.insert(value) {
                return Err(Fault::new(at, Problem::Twice { name: text.into_owned() }));
            }
        }
        if values.is_empty() {
            return Err(Fault::new(field.value_at, Problem::Syntax { expected: "a list that is not empty" }));
        }
        Ok(values)
    }
}

fn kind(text: &str) -> Result<&'static str, ValueError> {
    let kind = ["file", "image", "chart", "git"].into_iter().find(|&kind| kind == text);
    kind.ok_or_else(|| ValueError::malformed("a kind of entry", "`file`, `image`, `chart` or `git`", text))
}

fn digest(text: &str) -> Result<Sha256, ValueError> {
    Ok(text.parse()?)
}
