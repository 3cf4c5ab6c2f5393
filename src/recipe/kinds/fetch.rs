//! `[fetch.NAME]`: one file from one location.

use crate::recipe::reader::{Reader, Spanned};
use gabion_digest::Sha256;

/// The fields of a `fetch` node.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The location.
    pub url: Spanned<String>,
    /// What its bytes must hash to, where the author knows it.
    pub sha256: Option<Sha256>,
}

impl Fetch {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let nothing = reader.span();
        if !reader.has("url") {
            let _reported = reader.required("url");
        }
        let url = reader.url("url").unwrap_or(Spanned { value: String::new(), span: nothing });
        Self { url, sha256: reader.sha256("sha256") }
    }
}
