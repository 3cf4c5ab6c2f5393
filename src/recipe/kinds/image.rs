//! `[image.NAME]`: a container image of a registry.

use crate::recipe::address::Address;
use crate::recipe::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::recipe::local::LocalFile;
use crate::recipe::reader::{Reader, Spanned};
use gabion_digest::Sha256;
use gabion_helm::Constraint;
use gabion_oci::cosign::PublicKey;
use gabion_oci::{Name, is_tag};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The fields of an `image` node.
#[derive(Debug, Clone)]
pub struct Image {
    /// Registry and repository; absent only where a mistake was reported.
    pub name: Option<Name>,
    /// Which of its images.
    pub tag: ImageTag,
    /// What the tag must lead to, where the author knows it.
    pub digest: Option<Sha256>,
    /// A file with the public key that must have signed it with cosign.
    pub cosign_key: Option<Spanned<String>>,
    /// The bundles whose documents need it, where no recipe names it.
    pub found_by: BTreeSet<Address>,
}

/// How an image of a repository is asked for.
#[derive(Debug, Clone)]
pub enum ImageTag {
    /// Exactly this tag.
    Exact(String),
    /// The newest tag that is a version in this range.
    Newest(Constraint),
    /// No tag: the digest says all.
    None,
}

impl Image {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let named = reader.required("ref");
        let name = match named.value.parse::<Name>() {
            Ok(name) => Some(name),
            Err(_) if named.value.is_empty() => None,
            Err(error) => {
                let help = "takes registry and repository without a tag, `ghcr.io/acme/api`";
                reader.bad_value("ref", &named.span, format!("{help}: {error}"));
                None
            }
        };
        let tag = tag(reader);
        let digest = reader.sha256("digest");
        if matches!(tag, ImageTag::None) && digest.is_none() && !reader.has("tag") && !reader.has("digest") {
            let span = reader.span();
            reader.bad_value("tag", &span, "and `digest` are both missing: one of them says which image");
        }
        Self { name, tag, digest, cosign_key: reader.string("cosign-key"), found_by: BTreeSet::new() }
    }

    /// Reports a key that no signature can be checked with.
    pub(super) fn check(&self, files: &[Arc<LocalFile>], diagnostics: &mut Diagnostics) {
        let Some(path) = &self.cosign_key else { return };
        let Some(file) = files.iter().find(|it| it.path == path.value) else { return };
        if let Err(error) = PublicKey::parse(&file.bytes) {
            let message = format!("`cosign-key` names `{}`: {error}", path.value);
            let mistake = Diagnostic::new(Code::BadValue, &path.span, message);
            diagnostics.push(match error.help() {
                Some(help) => mistake.help(help),
                None => mistake,
            });
        }
    }
}

/// `tag = "v1.1.0"`, or `tag = { semver = "^1" }`.
fn tag(reader: &mut Reader<'_>) -> ImageTag {
    if reader.is_table("tag") {
        let Some(range) = reader.inner_string("tag", "semver") else { return ImageTag::None };
        return match range.value.parse::<Constraint>() {
            Ok(range) => ImageTag::Newest(range),
            Err(error) => {
                reader.bad_value("tag", &range.span, format!("is no range of versions: {error}"));
                ImageTag::None
            }
        };
    }
    let Some(tag) = reader.string("tag") else { return ImageTag::None };
    if !is_tag(&tag.value) {
        reader.bad_value("tag", &tag.span, format!("cannot be `{}`", tag.value));
    }
    ImageTag::Exact(tag.value)
}
