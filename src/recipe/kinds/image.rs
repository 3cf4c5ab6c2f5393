//! `[image.NAME]`: a container image.

use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::value::{Node, Value};
use gabion_digest::Sha256;

/// The fields of an `image` node.
#[derive(Debug, Clone)]
pub struct Image {
    /// The repository, `ghcr.io/acme/api`.
    pub reference: Spanned<String>,
    /// Which of its images.
    pub tag: Tag,
}

/// Which image of a repository.
#[derive(Debug, Clone)]
pub enum Tag {
    /// The one that a tag names when the lock is made.
    Exact(Spanned<String>),
    /// The highest tag in a range of versions.
    Semver(Spanned<String>),
    /// This very manifest or index.
    Digest(Sha256),
}

impl Image {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.one_of(&["tag", "digest"]);
        let reference = reader.required("ref");
        let nothing = Spanned { value: String::new(), span: reader.span() };
        let digest = reader.sha256("digest").map(Tag::Digest);
        let tag = match reader.either("tag") {
            Some(Node { value: Value::String(tag), span }) => {
                Some(Tag::Exact(Spanned { value: tag.clone(), span: span.clone() }))
            }
            Some(Node { value: Value::Table(table), span }) => {
                let mut nested = reader.nested("tag", table, span);
                let range = nested.required("semver");
                nested.finish();
                Some(Tag::Semver(range))
            }
            Some(node) => {
                let span = node.span.clone();
                reader.bad_value("tag", &span, "takes a string or `{ semver = \"^1\" }`");
                None
            }
            None => None,
        };
        Self { reference, tag: digest.or(tag).unwrap_or(Tag::Exact(nothing)) }
    }
}
