//! Images that documents need and no recipe names: nodes as if their author had written them.
//!
//! Which ones these are is found when the lock is written (`closure`) and stands there; here they join the
//! project, so that everything behind it, from the graph to the host, knows one kind of image.

use super::address::{Address, Kind, Reference};
use super::kinds::{Body, Image, ImageTag};
use super::nodes;
use super::reader::Spanned;
use super::table::Table;
use super::value::{Node, Value};
use super::{Diagnostics, Project, Recipe};
use gabion_digest::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Images by what documents call them, and the bundles whose documents do.
pub type Discovered = BTreeMap<gabion_oci::Reference, BTreeSet<Address>>;

/// Longest readable part of a name; behind it stand a dash and eight digits of a hash.
const READABLE: usize = 48;

/// The node of an image that documents call `reference`: what people know it by, and enough of a hash to tell it
/// from every other.
pub fn address_of(reference: &gabion_oci::Reference) -> Option<Address> {
    let text = reference.to_string();
    let last = reference.name().repository().rsplit('/').next().unwrap_or_default();
    let words = format!("{last} {}", reference.tag().unwrap_or_default());
    let plain = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' };
    let mut name: String = words.trim().chars().map(plain).take(READABLE).collect();
    name.truncate(name.trim_end_matches('-').len());
    let name = name.trim_start_matches('-');
    Address::new(Kind::Image, &format!("{name}-{}", &Digest::of(text.as_bytes()).hex()[..8]))
}

impl Project {
    /// This project with the images of `found` among its nodes, each in the bundles that need it.
    ///
    /// Bundles that are not there, and names that a recipe has, are passed over.
    #[must_use]
    pub fn adopt(&self, found: &Discovered) -> Self {
        let mut recipes = self.recipes.clone();
        for (reference, bundles) in found {
            let Some(address) = address_of(reference).filter(|it| !self.recipes.contains_key(it)) else {
                continue;
            };
            for bundle in bundles {
                let Some(Recipe { body: Body::Bundle(it), span, .. }) = recipes.get_mut(bundle) else {
                    continue;
                };
                let part = Reference { address: address.clone(), output: None };
                it.base.push(Spanned { value: part, span: span.clone() });
            }
            let Some(first) = bundles.iter().find_map(|it| self.recipes.get(it)) else { continue };
            recipes.insert(address.clone(), image(reference, address, bundles.clone(), first));
        }
        // Every node that is named here was looked for above.
        let needs = nodes::needs(&recipes, &self.disabled, &mut Diagnostics::default());
        Self {
            root: self.root.clone(),
            settings: self.settings.clone(),
            vars: self.vars.clone(),
            recipes,
            disabled: self.disabled.clone(),
            needs,
            files: self.files.clone(),
        }
    }
}

/// The node, declared where the bundle is.
fn image(
    reference: &gabion_oci::Reference,
    address: Address,
    found_by: BTreeSet<Address>,
    bundle: &Recipe,
) -> Recipe {
    let span = &bundle.span;
    let text = |text: String| (span.clone(), Node { span: span.clone(), value: Value::String(text) });
    let mut fields = vec![("ref".to_owned(), text(reference.name().to_string()))];
    fields.extend(reference.digest().map(|it| ("digest".to_owned(), text(it.to_string()))));
    fields.extend(reference.tag().map(|it| ("tag".to_owned(), text(it.to_owned()))));
    let tag = reference.tag().map_or(ImageTag::None, |it| ImageTag::Exact(it.to_owned()));
    let body = Image {
        name: Some(reference.name().clone()),
        tag,
        digest: reference.digest(),
        cosign_key: None,
        found_by,
    };
    let table = Value::Table(fields.into_iter().collect::<Table>());
    let table = Node { span: span.clone(), value: table };
    Recipe { address, span: span.clone(), body: Body::Image(body), table, files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_people_know_and_tells_every_reference_from_every_other() {
        let name = |text: &str| address_of(&text.parse().unwrap()).unwrap().to_string();
        let plain = name("quay.io/prometheus/prometheus:v3.5.0");
        assert!(plain.starts_with("image.prometheus-v3-5-0-"), "{plain}");
        assert_ne!(plain, name("mirror.example/prometheus/prometheus:v3.5.0"));
        let long = format!("quay.io/{}:{}", "a".repeat(100), "B_.".repeat(40));
        assert!(name(&long).len() <= "image.".len() + 63);
        let digest = format!("quay.io/a/b@sha256:{}", "0".repeat(64));
        assert!(name(&digest).starts_with("image.b-"));
    }
}
