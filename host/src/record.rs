//! Small JSON records of the host's own folder.

use crate::error::HostError;
use crate::root::Root;
use serde::{Serialize, de::DeserializeOwned};

/// Reads one; damage is an error, not the absence of a record.
pub(crate) fn read<T: DeserializeOwned>(root: &Root, path: &str, limit: u64) -> Result<Option<T>, HostError> {
    let bytes = root.read(path, limit).map_err(|source| HostError::read(path, source))?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|error| HostError::State { path: path.to_owned(), message: error.to_string() })
}

/// Its text.
pub(crate) fn text<T: Serialize>(path: &str, value: &T) -> Result<String, HostError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| HostError::State { path: path.to_owned(), message: error.to_string() })?;
    Ok(text + "\n")
}

/// Writes one, whole or not at all.
pub(crate) fn write<T: Serialize>(root: &Root, path: &str, value: &T) -> Result<(), HostError> {
    let text = text(path, value)?;
    root.write(path, 0o600, &mut |out| out.write_all(text.as_bytes()))
        .map_err(|source| HostError::write(path, source))
}
