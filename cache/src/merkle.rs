//! One signature over many texts: a binary tree of hashes whose root is signed, and the way from each text to it.
//!
//! Leaves and nodes are hashed under contexts of their own, so that no node passes for a text. A node without a
//! neighbour moves up as it is; the number of leaves is signed with the root, so each text has one way only.

use gabion_digest::Digest;

fn leaf(text: &str) -> Digest {
    Digest::from_bytes(blake3::derive_key("gabion cache leaf v1", text.as_bytes()))
}

fn node(left: Digest, right: Digest) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("gabion cache node v1");
    hasher.update(left.as_bytes()).update(right.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// The root over `texts`, of which there is one at least, and the neighbours on the way of each, from below.
pub(crate) fn tree(texts: &[String]) -> (Digest, Vec<Vec<Digest>>) {
    let mut level: Vec<Digest> = texts.iter().map(|it| leaf(it)).collect();
    let mut ways = vec![Vec::new(); texts.len()];
    let mut height = 0;
    while level.len() > 1 {
        for (index, way) in ways.iter_mut().enumerate() {
            way.extend(level.get((index >> height) ^ 1));
        }
        level = level.chunks(2).map(|it| it.get(1).map_or(it[0], |right| node(it[0], *right))).collect();
        height += 1;
    }
    (level[0], ways)
}

/// The root that the text at `index` of `count` leads to; `None` where the way has another length.
pub(crate) fn root(text: &str, mut index: u64, mut count: u64, way: &[Digest]) -> Option<Digest> {
    if index >= count {
        return None;
    }
    let (mut at, mut way) = (leaf(text), way.iter());
    while count > 1 {
        if index ^ 1 < count {
            let other = *way.next()?;
            at = if index & 1 == 0 { node(at, other) } else { node(other, at) };
        }
        (index, count) = (index / 2, count.div_ceil(2));
    }
    way.next().is_none().then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_leads_to_the_root_in_one_way() {
        for count in 1..40_u64 {
            let texts: Vec<String> = (0..count).map(|it| format!("text {it}")).collect();
            let (top, ways) = tree(&texts);
            for (index, (text, way)) in (0..).zip(texts.iter().zip(&ways)) {
                assert_eq!(root(text, index, count, way), Some(top), "{index} of {count}");
                assert_ne!(root("other", index, count, way), Some(top));
                assert_eq!(root(text, count, count, way), None, "no place behind the last");
                let longer: Vec<Digest> = way.iter().copied().chain([top]).collect();
                assert_eq!(root(text, index, count, &longer), None, "a way has one length");
                if count > 1 {
                    assert_ne!(root(text, index, count, &way[..way.len() - 1]), Some(top));
                }
                for other in (0..count).filter(|it| *it != index) {
                    assert_ne!(
                        root(text, other, count, way),
                        Some(top),
                        "{index} is not at {other} of {count}"
                    );
                }
            }
        }
    }
}
