//! The schemas of Kubernetes' own kinds: a table of the published `OpenAPI` documents of several releases (`FORMAT.md`,
//! "Schemas"), made by `schemas/generate`.

use flate2::read::GzDecoder;
use gabion_yaml::Node;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

/// Kubernetes is under the Apache licence 2.0; `schemas/README.md` says what was taken.
const PACKED: &[u8] = include_bytes!("../../schemas/kubernetes.txt.gz");
/// K3s' own kinds, as it documents them.
const K3S: &str = include_str!("../../schemas/k3s.txt");

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut text = String::new();
    // The bytes stand in this program, and a test reads all of them.
    let _read = GzDecoder::new(PACKED).read_to_string(&mut text);
    text.push_str(K3S);
    Table::read(String::leak(text))
});

/// First and last minor version, and what is so in them.
type Span = (u32, u32, &'static str);

/// What is known, by its lines. Types stay text until somebody needs them.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) releases: Vec<&'static str>,
    /// Group and version of an API, kind; first and last minor version, type.
    kinds: BTreeMap<(&'static str, &'static str), Vec<Span>>,
    types: BTreeMap<&'static str, Vec<Span>>,
}

impl Table {
    pub(super) fn get() -> &'static Self {
        &TABLE
    }

    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next(), words.next(), words.next()) {
                (Some("release"), Some(version), ..) => table.releases.push(version),
                (Some("kind"), Some(api), Some(kind), Some(first), Some(last), Some(name)) => {
                    let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else { continue };
                    table.kinds.entry((api, kind)).or_default().push((first, last, name));
                }
                (Some("type"), Some(name), Some(first), Some(last), Some(_), _) => {
                    let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else { continue };
                    let text = line.splitn(5, ' ').last().unwrap_or_default();
                    table.types.entry(name).or_default().push((first, last, text));
                }
                _ => {}
            }
        }
        table
    }

    /// The oldest and the newest minor version.
    pub(super) fn range(&self) -> (u32, u32) {
        let minor = |it: &&str| it.split('.').nth(1).and_then(|it| it.parse().ok());
        let minors = || self.releases.iter().filter_map(minor);
        (minors().min().unwrap_or(0), minors().max().unwrap_or(0))
    }

    /// The name of the type of a kind.
    pub(super) fn kind(&self, minor: u32, api: &str, kind: &str) -> Option<&'static str> {
        here(self.kinds.get(&(api, kind))?, minor)
    }

    /// Which minor versions have a kind, from the first to the last one.
    pub(super) fn served(&self, api: &str, kind: &str) -> Option<(u32, u32)> {
        let all = self.kinds.get(&(api, kind))?;
        Some((all.iter().map(|it| it.0).min()?, all.iter().map(|it| it.1).max()?))
    }

    /// The versions of a group in which a kind is known at a minor version, the oldest first.
    pub(super) fn versions(&self, minor: u32, group: &str, kind: &str) -> Vec<&'static str> {
        let of = |api: &str| api.rsplit_once('/').map_or("", |(group, _)| group) == group;
        let all = self
            .kinds
            .iter()
            .filter(|((api, name), it)| *name == kind && of(api) && here(it, minor).is_some());
        all.map(|((api, _), _)| *api).collect()
    }

    /// The schema of a type.
    pub(super) fn schema(&self, minor: u32, name: &str) -> Option<Node> {
        gabion_yaml::load(here(self.types.get(name)?, minor)?).ok()
    }
}

fn here(spans: &[(u32, u32, &'static str)], minor: u32) -> Option<&'static str> {
    spans.iter().find(|it| (it.0..=it.1).contains(&minor)).map(|it| it.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_every_type_that_is_named_is_there() {
        let table = Table::get();
        let (first, last) = table.range();
        assert_eq!((first, last, table.releases.len()), (31, 37, 7));
        assert!(table.kinds.len() > 80 && table.types.len() > 500);
        for minor in first..=last {
            let mut open: Vec<String> =
                table.kinds.values().filter_map(|it| here(it, minor)).map(str::to_owned).collect();
            let mut seen = std::collections::BTreeSet::new();
            while let Some(name) = open.pop() {
                if seen.insert(name.clone()) {
                    let schema = table.schema(minor, &name);
                    let schema = schema.unwrap_or_else(|| panic!("{name} is not there in 1.{minor}"));
                    super::super::references(&schema, &mut open);
                }
            }
            assert!(seen.len() > 300, "{minor}");
        }
    }

    #[test]
    fn what_a_version_serves_is_told() {
        let table = Table::get();
        assert!(table.kind(34, "apps/v1", "Deployment").is_some());
        assert!(table.kind(34, "extensions/v1beta1", "Deployment").is_none());
        assert_eq!(table.served("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema"), Some((31, 31)));
        assert_eq!(table.versions(34, "policy", "PodDisruptionBudget"), ["policy/v1"]);
        assert_eq!(
            table.versions(34, "autoscaling", "HorizontalPodAutoscaler"),
            ["autoscaling/v1", "autoscaling/v2"]
        );
    }
}
