//! Access control lists: the kernel shows them in one form and ext4 keeps them in another.
//!
//! Shown (`include/uapi/linux/posix_acl_xattr.h`): version 2, then 8 bytes for each entry. Kept (`fs/ext4/acl.h`):
//! version 1, and only entries for a named user or group have the four bytes of an id.

/// The attributes that are lists.
const NAMES: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

const USER: u16 = 0x02;
const GROUP: u16 = 0x08;

/// Whether an attribute of this name is a list.
pub(super) fn is_list(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The list as ext4 keeps it; `None` where `shown` is no list.
pub(super) fn kept(shown: &[u8]) -> Option<Vec<u8>> {
    let entries = shown.strip_prefix(&2_u32.to_le_bytes())?;
    let (entries, rest) = entries.as_chunks::<8>();
    if entries.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut kept = 1_u32.to_le_bytes().to_vec();
    for entry in entries {
        let named = matches!(u16::from_le_bytes([entry[0], entry[1]]), USER | GROUP);
        kept.extend_from_slice(if named { entry } else { &entry[..4] });
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn only_named_users_and_groups_keep_an_id() {
        let entry = |tag: u16, id: u32| {
            let id = id.to_le_bytes();
            [tag.to_le_bytes()[0], tag.to_le_bytes()[1], 7, 0, id[0], id[1], id[2], id[3]].to_vec()
        };
        let shown =
            [2_u32.to_le_bytes().to_vec(), entry(1, u32::MAX), entry(8, 4), entry(32, u32::MAX)].concat();
        let expected = [&[1, 0, 0, 0][..], &[1, 0, 7, 0], &[8, 0, 7, 0, 4, 0, 0, 0], &[32, 0, 7, 0]].concat();
        assert_eq!(kept(&shown), Some(expected));
        assert_eq!(kept(b""), None);
        assert_eq!(kept(&2_u32.to_le_bytes()), None);
        assert_eq!(kept(&shown[..shown.len() - 1]), None);
    }
}
