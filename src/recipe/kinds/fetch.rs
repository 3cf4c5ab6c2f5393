//! `[fetch.NAME]`: a file, an asset of a GitHub release, or a snapshot of a git repository.

use crate::recipe::reader::{Reader, Spanned};
use gabion_digest::Sha256;

/// Where GitHub's release assets are served.
const GITHUB: &str = "https://github.com";
/// Where GitHub's releases are listed (REST API, "List releases").
const GITHUB_API: &str = "https://api.github.com";

/// The fields of a `fetch` node.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Where it comes from.
    pub source: FetchSource,
}

/// Where a `fetch` node comes from.
#[derive(Debug, Clone)]
pub enum FetchSource {
    /// One location.
    Url {
        /// The location.
        url: Spanned<String>,
        /// What its bytes must hash to, where the author knows it.
        sha256: Option<Sha256>,
    },
    /// An asset of a release.
    Github {
        /// `owner/repository`.
        repository: Spanned<String>,
        /// A range of versions, or `=tag`.
        tag: Spanned<String>,
        /// The asset's file name.
        asset: String,
        /// Where assets are served.
        origin: String,
        /// Where releases are listed.
        api: String,
    },
    /// A commit's tree.
    Git {
        /// The repository, without `/info/refs`.
        url: Spanned<String>,
        /// A branch, a tag, `HEAD` or a full commit.
        reference: String,
    },
}

impl Fetch {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.one_of(&["url", "github", "git"]);
        let source = if reader.has("github") {
            let repository = reader.required("github");
            let valid = |part: &str| {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
                !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
            };
            if !matches!(repository.value.split_once('/'), Some((owner, name)) if valid(owner) && valid(name))
            {
                let why = format!("takes `owner/repository`, not `{}`", repository.value);
                reader.bad_value("github", &repository.span, why);
            }
            FetchSource::Github {
                repository,
                tag: reader.required("tag"),
                asset: reader.required("asset").value,
                origin: reader.url("origin").map_or(GITHUB.to_owned(), |it| it.value),
                api: reader.url("api").map_or(GITHUB_API.to_owned(), |it| it.value),
            }
        } else if let Some(url) = reader.url("git") {
            let reference = reader.string("ref").map_or("HEAD".to_owned(), |it| it.value);
            FetchSource::Git { url, reference }
        } else {
            let url = reader.url("url").unwrap_or(Spanned { value: String::new(), span: reader.span() });
            FetchSource::Url { url, sha256: reader.sha256("sha256") }
        };
        Self { source }
    }
}
