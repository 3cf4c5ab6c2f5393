//! Archives and compressed bytes that are the same whatever library is linked.

/// A tar of files, owned by root and of 1970.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    tar_of(files.iter().map(|(name, bytes)| (*name, Entry::File(0o644, bytes))))
}

/// What stands in a tar.
#[derive(Clone)]
pub(crate) enum Entry<'a> {
    /// A file: mode and bytes.
    File(u32, &'a [u8]),
    /// A symbolic link.
    Link(&'a str),
}

/// A tar of files and links, owned by root and of 1970.
pub(crate) fn tar_of<'a>(entries: impl Iterator<Item = (&'a str, Entry<'a>)>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, entry) in entries {
        let mut header = tar::Header::new_ustar();
        // Names are short; a header that refuses one would be caught by the archive's test.
        let _fits = header.set_path(name);
        let bytes = match entry {
            Entry::File(mode, bytes) => {
                header.set_mode(mode);
                bytes
            }
            Entry::Link(target) => {
                header.set_mode(0o777);
                header.set_entry_type(tar::EntryType::Symlink);
                let _fits = header.set_link_name(target);
                &[]
            }
        };
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// One gzip member without name and time (RFC 1952), compressed by `miniz_oxide` at level 6.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out
}

/// RFC 1952 §8.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// A zstd frame of one stored block (RFC 8878 §3.1.1).
pub(crate) fn zstd_stored(bytes: &[u8]) -> Vec<u8> {
    let size = bytes.len() as u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend_from_slice(&size.to_le_bytes());
    frame.extend_from_slice(&(size << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(bytes);
    frame
}
