//! Stable bytes for hashing.

use crate::{BlobId, Digest, RequestId, Sha256, TreeId};
use std::collections::{BTreeMap, BTreeSet};

/// Stable bytes for hashing: the same value gives the same bytes on every machine and version.
///
/// Lengths are 64-bit little-endian, maps and sets are sorted, enums write an explicit tag. There is
/// no implementation for floats, `HashMap` or `SystemTime`: they have no stable bytes.
pub trait Canonical {
    /// Feeds the bytes of `self` to `into`.
    fn feed(&self, into: &mut Feed);
}

/// The stable bytes of one value. They are few and come in small pieces, so they are hashed at once.
#[derive(Debug, Default)]
pub struct Feed(Vec<u8>);

impl Feed {
    /// Adds bytes as they are.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Hashes `value` under a context of its own, so that two kinds of ID never collide.
pub fn id_of(context: &'static str, value: &(impl Canonical + ?Sized)) -> Digest {
    let mut feed = Feed(Vec::with_capacity(1 << 10));
    value.feed(&mut feed);
    Digest::from_bytes(blake3::derive_key(context, &feed.0))
}

/// Feeds what a slice of these items feeds.
pub fn feed_list<T: Canonical>(items: impl ExactSizeIterator<Item = T>, into: &mut Feed) {
    feed_len(items.len(), into);
    items.for_each(|item| item.feed(into));
}

fn feed_len(len: usize, into: &mut Feed) {
    into.update(&(len as u64).to_le_bytes());
}

impl Canonical for str {
    fn feed(&self, into: &mut Feed) {
        feed_len(self.len(), into);
        into.update(self.as_bytes());
    }
}

impl Canonical for String {
    fn feed(&self, into: &mut Feed) {
        self.as_str().feed(into);
    }
}

impl Canonical for u64 {
    fn feed(&self, into: &mut Feed) {
        into.update(&self.to_le_bytes());
    }
}

impl Canonical for i64 {
    fn feed(&self, into: &mut Feed) {
        into.update(&self.to_le_bytes());
    }
}

impl Canonical for u32 {
    fn feed(&self, into: &mut Feed) {
        into.update(&self.to_le_bytes());
    }
}

impl Canonical for bool {
    fn feed(&self, into: &mut Feed) {
        into.update(&[u8::from(*self)]);
    }
}

macro_rules! feed_digest {
    ($($name:ty: $bytes:expr;)*) => {$(
        impl Canonical for $name {
            fn feed(&self, into: &mut Feed) {
                let bytes: fn(&Self) -> [u8; 32] = $bytes;
                into.update(&bytes(self));
            }
        }
    )*};
}

feed_digest! {
    Digest: |it| *it.as_bytes();
    Sha256: |it| *it.as_bytes();
    BlobId: |it| *it.digest().as_bytes();
    TreeId: |it| *it.digest().as_bytes();
    RequestId: |it| *it.digest().as_bytes();
}

impl<T: Canonical + ?Sized> Canonical for &T {
    fn feed(&self, into: &mut Feed) {
        (**self).feed(into);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn feed(&self, into: &mut Feed) {
        into.update(&[u8::from(self.is_some())]);
        if let Some(value) = self {
            value.feed(into);
        }
    }
}

impl<T: Canonical> Canonical for [T] {
    fn feed(&self, into: &mut Feed) {
        feed_list(self.iter(), into);
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn feed(&self, into: &mut Feed) {
        self.as_slice().feed(into);
    }
}

impl<T: Canonical> Canonical for BTreeSet<T> {
    fn feed(&self, into: &mut Feed) {
        feed_list(self.iter(), into);
    }
}

impl<K: Canonical, V: Canonical> Canonical for BTreeMap<K, V> {
    fn feed(&self, into: &mut Feed) {
        feed_len(self.len(), into);
        for (key, value) in self {
            key.feed(into);
            value.feed(into);
        }
    }
}

impl<A: Canonical, B: Canonical> Canonical for (A, B) {
    fn feed(&self, into: &mut Feed) {
        self.0.feed(into);
        self.1.feed(into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_keep_neighbours_apart() {
        let context = "gabion test 1";
        assert_ne!(id_of(context, &["ab", "c"][..]), id_of(context, &["a", "bc"][..]));
        assert_ne!(id_of(context, &None::<String>), id_of(context, &Some(String::new())));
    }

    #[test]
    fn the_context_is_part_of_the_name() {
        assert_ne!(id_of("gabion test 1", "x"), id_of("gabion test 2", "x"));
    }

    #[test]
    fn the_bytes_are_frozen() {
        let value: BTreeMap<String, Vec<u64>> = [("a".into(), vec![1, 2]), ("b".into(), vec![])].into();
        let mut by_hand = blake3::Hasher::new_derive_key("gabion test 1");
        by_hand.update(
            b"\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        );
        by_hand.update(b"\x01\0\0\0\0\0\0\0b\0\0\0\0\0\0\0\0");
        assert_eq!(id_of("gabion test 1", &value).as_bytes(), by_hand.finalize().as_bytes());
    }
}
