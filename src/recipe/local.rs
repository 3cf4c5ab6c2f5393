//! Files of the project that recipes name.

use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use super::reader::Spanned;
use gabion_digest::BlobId;
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

/// Largest local file that a recipe may name: a keyring, values, manifests.
const LIMIT: u64 = 64 << 20;

/// A file of the project that a recipe names.
#[derive(Debug, Clone)]
pub struct LocalFile {
    /// Path in the project, as the recipe spells it.
    pub path: String,
    /// Its bytes' name.
    pub blob: BlobId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The project's files, each read once however many nodes name it.
pub(super) struct LocalFiles<'r> {
    root: &'r Path,
    read: BTreeMap<String, Arc<LocalFile>>,
}

impl<'r> LocalFiles<'r> {
    pub(super) fn new(root: &'r Path) -> Self {
        Self { root, read: BTreeMap::new() }
    }

    /// The file that a recipe names by `file`.
    pub(super) fn get(
        &mut self,
        file: &Spanned<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<LocalFile>> {
        if let Some(known) = self.read.get(&file.value) {
            return Some(Arc::clone(known));
        }
        let read = Arc::new(local_file(self.root, file, diagnostics)?);
        self.read.insert(file.value.clone(), Arc::clone(&read));
        Some(read)
    }
}

fn local_file(root: &Path, file: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<LocalFile> {
    if let Err(mistake) = inside(&file.value, &file.span) {
        diagnostics.push(mistake);
        return None;
    }
    let path = root.join(&file.value);
    // A symlink may lead elsewhere within the project, and not out of it.
    let places = path.canonicalize().ok().zip(root.canonicalize().ok());
    if places.is_some_and(|(path, root)| !path.starts_with(root)) {
        diagnostics.push(leaves(&file.value, &file.span));
        return None;
    }
    let read = fs_err::metadata(&path).and_then(|meta| {
        if !meta.is_file() {
            return Err(std::io::Error::other("it is no regular file"));
        }
        if meta.len() > LIMIT {
            return Err(std::io::Error::other("file is larger than 64 MiB"));
        }
        fs_err::read(&path)
    });
    match read {
        Ok(bytes) => {
            let blob = BlobId::new(gabion_digest::Digest::of(&bytes));
            Some(LocalFile { path: file.value.clone(), blob, bytes })
        }
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::Other => error.to_string(),
                kind => kind.to_string(),
            };
            let message = format!("cannot read `{}`: {why}", file.value);
            diagnostics.push(Diagnostic::new(Code::Unreadable, &file.span, message));
            None
        }
    }
}

/// Refuses a path that is absolute or leaves the project.
pub(super) fn inside(path: &str, span: &Span) -> Result<(), Diagnostic> {
    let normal = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if normal && !path.is_empty() {
        return Ok(());
    }
    Err(leaves(path, span))
}

fn leaves(path: &str, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::Escapes, span, format!("`{path}` leaves the project"))
        .help("name files relative to `gabion.toml`, without `..`")
}
