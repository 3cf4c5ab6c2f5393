//! Images in several fields: repository, tag and digest apart.

use super::walker::Hit;
use crate::path::{Path, Step};
use crate::rules::Split;
use crate::walk;
use gabion_oci::Reference;
use gabion_yaml::{Data, Node};
use std::borrow::Cow;

/// The image of a mapping, and the field that it is told under.
pub(super) fn read<'d>(split: &'d Split, node: &'d Node, path: &[Step<'_>]) -> Option<(&'d str, Hit<'d>)> {
    let repository = first(&split.repository, node);
    if repository.is_none() && split.default.is_none() || !split.at.is(path) {
        return None;
    }
    if split.unless.as_ref().is_some_and(|field| node.get(field).and_then(text).is_some()) {
        return None;
    }
    let tag = first(&split.tag, node);
    let digest = first(&split.digest, node);
    let (field, _) = repository.as_ref().or(tag.as_ref())?;
    let name = repository.as_ref().map(|(_, text)| text.as_ref()).or(split.default.as_deref())?;
    let image = join(first(&split.registry, node), name, tag.as_ref(), digest.as_ref())?;
    let reference = image.parse::<Reference>();
    let letters = name.bytes().any(|it| it.is_ascii_alphabetic());
    let hit = Hit { text: Cow::Owned(image), reference, class: split.class, key: None, at: None };
    (letters && hit.reference.is_ok()).then_some((*field, hit))
}

/// Whether a text may be settings with such fields.
pub(super) fn may_hold(text: &str) -> bool {
    text.contains("repository") && ["tag", "digest", "sha"].iter().any(|it| text.contains(it))
}

/// The images of all mappings below a node, by the rules for any place.
pub(super) fn below<'d>(
    splits: &[&'d Split],
    node: &'d Node,
    stack: &mut Vec<Step<'d>>,
    out: &mut Vec<(Path, Hit<'d>)>,
) {
    for split in splits.iter().filter(|it| it.at.is_any()) {
        if let Some((field, hit)) = read(split, node, stack) {
            out.push((Path::from(&stack[..]).key(field), hit));
        }
    }
    walk::each(node, stack, |stack, node| below(splits, node, stack, out));
}

type Field<'d> = (&'d str, Cow<'d, str>);

fn first<'d>(fields: &'d [String], node: &'d Node) -> Option<Field<'d>> {
    fields.iter().find_map(|field| Some((field.as_str(), text(node.get(field)?)?)))
}

/// A text that is not empty, or an integer: a tag without quotes.
fn text(node: &Node) -> Option<Cow<'_, str>> {
    match &node.data {
        Data::String(text) => Some(text.trim()).filter(|it| !it.is_empty()).map(Cow::Borrowed),
        Data::Int(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

fn join(
    registry: Option<Field<'_>>,
    name: &str,
    tag: Option<&Field<'_>>,
    digest: Option<&Field<'_>>,
) -> Option<String> {
    // An image that is whole is read where it stands.
    if name.contains("://") || name.contains('@') || (tag.is_none() && digest.is_none()) {
        return None;
    }
    let mut image = registry.map_or_else(String::new, |(_, host)| format!("{host}/"));
    image.push_str(name);
    if let Some((_, tag)) = tag {
        image.push(':');
        image.push_str(tag);
    }
    if let Some((_, digest)) = digest {
        image.push_str(if digest.starts_with("sha256:") { "@" } else { "@sha256:" });
        image.push_str(digest);
    }
    Some(image)
}
