//! Files of others that a run replaces: each is kept once, beside the new one, as `NAME.before-gabion`.
//!
//! It is a second name (a hard link) of the file: mode, owner and times are its own, it is there at
//! once or not at all, and it takes no room. As long as both names are one file, the file was not
//! replaced yet: so a run after an interrupted one knows whose it is.
//!
//! The ending is at the end of the name so that K3s picks none up: of its folders, it reads `.yaml`,
//! `.yml` and `.json` in `server/manifests` (k3s-io/k3s, `pkg/deploy/controller.go`), `.yaml` and
//! `.yml` in `config.yaml.d` (`pkg/configfilearg/parser.go`) and the endings of archives in
//! `agent/images`; what is in `server/static` is only served to who asks for its name.

use crate::error::HostError;
use crate::root::Root;

/// How the names of kept files end.
pub(crate) const SUFFIX: &str = ".before-gabion";

/// Where a file of others at `path` is kept.
pub(crate) fn name(path: &str) -> String {
    format!("{path}{SUFFIX}")
}

/// The kept file of `path`, where there is one.
pub(crate) fn find(root: &Root, path: &str) -> Result<Option<String>, HostError> {
    let kept = name(path);
    let found = root.exists(&kept).map_err(|source| HostError::read(&kept, source))?;
    Ok(found.then_some(kept))
}

/// Where the file of others at `path` will be kept. An older kept file is never given up for it: it
/// must be free, or hold the same.
pub(crate) fn reserve(root: &Root, path: &str) -> Result<String, HostError> {
    match find(root, path)? {
        Some(kept) if !root.same(path, &kept).map_err(|source| HostError::read(path, source))? => {
            Err(HostError::Kept { path: path.to_owned(), kept })
        }
        _ => Ok(name(path)),
    }
}

/// Whether the file of others at `path` was replaced: it is kept, and under that name alone.
pub(crate) fn is_replaced(root: &Root, path: &str) -> Result<bool, HostError> {
    let Some(kept) = find(root, path)? else { return Ok(false) };
    Ok(!root.same_file(path, &kept).map_err(|source| HostError::read(path, source))?)
}
