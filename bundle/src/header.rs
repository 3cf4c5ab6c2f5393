//! Tar headers: one header for one path and size, nothing else (POSIX.1-2017, pax, "ustar").

use crate::BundleError;

/// Size of a header and of the unit that contents are padded to.
pub(crate) const BLOCK: u64 = 512;

/// The header of a member: owner 0, time 0, mode 0644, no names.
pub(crate) fn header(path: &str, size: u64) -> Result<[u8; 512], BundleError> {
    let wrong = |why: String| BundleError::Content { path: path.to_owned(), why };
    let mut header = tar::Header::new_ustar();
    header.set_path(path).map_err(|error| wrong(error.to_string()))?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Zeros between the end of a content and the next header.
pub(crate) fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK
}

/// Whether `path` can be a member: relative, no `..`, no surprise for any tool.
pub(crate) fn is_member_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+/@~%=-".contains(&byte);
    path.len() <= 250
        && path.bytes().all(plain)
        && !path.starts_with('-')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
