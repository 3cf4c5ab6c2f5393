//! `[fetch.NAME]`: one file from one location, or one commit of a git repository.

use crate::recipe::reader::{Reader, Spanned};
use gabion_digest::Sha256;

/// The fields of a `fetch` node.
#[derive(Debug, Clone)]
pub enum Fetch {
    /// A file.
    File {
        /// The location.
        url: String,
        /// What its bytes must hash to, where the author knows it.
        sha256: Option<Sha256>,
    },
    /// The tree of a commit, as one archive.
    Git {
        /// What `git clone` takes.
        url: String,
        /// A branch, a tag or the id of a commit.
        reference: String,
    },
}

impl Fetch {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let nothing = Spanned { value: String::new(), span: reader.span() };
        let _one = reader.one_of(&["url", "git"]);
        let (url, git) = (reader.url("url"), reader.url("git"));
        let (sha256, reference) = (reader.sha256("sha256"), reader.string("ref"));
        if let (None, Some(git)) = (&url, git) {
            if sha256.is_some() {
                reader.bad_value(
                    "sha256",
                    &git.span,
                    "goes with `url`: a commit is known by its id, in `ref`",
                );
            }
            let reference = reference.map_or_else(|| "HEAD".to_owned(), |it| it.value);
            return Self::Git { url: git.value, reference };
        }
        if let Some(reference) = reference {
            reader.bad_value("ref", &reference.span, "goes with `git`");
        }
        Self::File { url: url.unwrap_or(nothing).value, sha256 }
    }
}
