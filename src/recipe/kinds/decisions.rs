//! `[chart.NAME.images]` and `[manifests.NAME.images]`: what the author says of images that documents name.

use crate::recipe::reader::{Reader, Spanned};

/// What is said of images in one node's documents.
///
/// Patterns are references with `*` for anything: `*/thanos/thanos:*`.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// Images that are needed although no document names them.
    pub extra: Vec<Spanned<String>>,
    /// What may be needed, and is taken.
    pub include: Vec<Spanned<String>>,
    /// What is not needed, and why not.
    pub exclude: Vec<(Spanned<String>, String)>,
}

impl Decisions {
    /// Reads the table `images` of a node.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader
            .within("images", |reader| Self {
                extra: reader.strings("extra"),
                include: reader.strings("include"),
                exclude: reader.texts("exclude"),
            })
            .unwrap_or_default()
    }
}
