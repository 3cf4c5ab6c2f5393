//! What is known of kinds and programs: where their pods stand, which of their fields name images, and
//! which texts that look like images are none.
//!
//! Rules are TOML (`formats/kube/rules/*.toml`, and texts of the user): see `FORMAT.md`. The first rule that
//! covers a place decides; those of the user stand before those that are shipped.

mod file;
mod when;

use crate::document::Document;
use crate::glob::Glob;
use crate::pattern::Pattern;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
pub use when::{Use, When};

/// What a place tells of a text that looks like an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// A container or a volume of a pod: the cluster pulls it.
    A,
    /// A field of a custom resource that is known to name an image.
    B,
    /// Environment, arguments and configuration of a program, which may start it.
    C,
    /// Any other text.
    D,
}

/// What a rule says of the candidates that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The image is needed.
    Include,
    /// It is not, and why.
    Ignore(String),
    /// The recipe decides.
    Undecided,
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{from}`, line {line}, column {column}: {why}")]
pub struct RuleError {
    /// What the caller calls the text.
    pub from: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub why: String,
}

impl RuleError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E1704"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("rules are described in `formats/kube/FORMAT.md`".to_owned())
    }
}

/// Which documents a rule is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matcher {
    /// `group/Kind`; any of them.
    kinds: Vec<Glob>,
    name: Option<Glob>,
    labels: Vec<(String, Vec<Glob>)>,
    annotations: Vec<(String, Vec<Glob>)>,
}

impl Matcher {
    pub(crate) fn covers(&self, document: &Document) -> bool {
        let kind = document.id.group_kind();
        self.kinds.iter().any(|glob| glob.matches(&kind))
            && self.name.as_ref().is_none_or(|glob| glob.matches(&document.id.name))
            && self.labels.iter().all(|(key, globs)| any(globs, document.label(key)))
            && self.annotations.iter().all(|(key, globs)| any(globs, document.annotation(key)))
    }

    fn is_about_every_kind(&self) -> bool {
        self.kinds.iter().any(|glob| glob.as_str() == "*")
    }
}

fn any(globs: &[Glob], text: Option<&str>) -> bool {
    text.is_some_and(|text| globs.iter().any(|glob| glob.matches(text)))
}

/// What is said of texts that look like images.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The file that it is from.
    pub from: String,
    /// Its line there.
    pub line: usize,
    pub(crate) about: Matcher,
    pub(crate) paths: Vec<Pattern>,
    text: Option<Glob>,
    /// The class of what it covers, where it is not what the place says.
    pub class: Option<Class>,
    /// What it says.
    pub verdict: Verdict,
    /// Under which condition; otherwise the image is not needed.
    pub when: Option<When>,
}

impl Rule {
    /// Whether it names a field that holds one image and nothing else.
    pub(crate) fn names_fields(&self) -> bool {
        self.class == Some(Class::B) && !self.about.is_about_every_kind()
    }

    pub(crate) fn covers(&self, path: &[crate::path::Step<'_>], text: &str) -> bool {
        self.text.as_ref().is_none_or(|glob| glob.matches(text))
            && self.paths.iter().any(|it| it.covers(path))
    }
}

/// Where pods stand in a kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pod {
    pub(crate) about: Matcher,
    pub(crate) paths: Vec<Pattern>,
}

/// A mapping whose fields make up an image together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) about: Matcher,
    pub(crate) at: Pattern,
    pub(crate) registry: Vec<String>,
    pub(crate) repository: Vec<String>,
    pub(crate) tag: Vec<String>,
    pub(crate) digest: Vec<String>,
    /// The repository where no field tells one.
    pub(crate) default: Option<String>,
    /// A field beside which these do not count.
    pub(crate) unless: Option<String>,
    pub(crate) class: Class,
}

/// What a document should say, because its images cannot be told otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expect {
    pub(crate) about: Matcher,
    /// One of these, with dots; if there are none, every such document is told of.
    pub(crate) fields: Vec<String>,
    pub(crate) why: String,
}

/// Every rule, in the order in which they count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    pub(crate) images: Vec<Arc<Rule>>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) splits: Vec<Split>,
    pub(crate) expects: Vec<Expect>,
}

/// The shipped files, the special ones before the general one.
const SHIPPED: [(&str, &str); 9] = [
    ("rules/hooks.toml", include_str!("../../rules/hooks.toml")),
    ("rules/prometheus.toml", include_str!("../../rules/prometheus.toml")),
    ("rules/strimzi.toml", include_str!("../../rules/strimzi.toml")),
    ("rules/cert-manager.toml", include_str!("../../rules/cert-manager.toml")),
    ("rules/flux.toml", include_str!("../../rules/flux.toml")),
    ("rules/local-path.toml", include_str!("../../rules/local-path.toml")),
    ("rules/k3s.toml", include_str!("../../rules/k3s.toml")),
    ("rules/traefik.toml", include_str!("../../rules/traefik.toml")),
    ("rules/kubernetes.toml", include_str!("../../rules/kubernetes.toml")),
];

impl Rules {
    /// Those that are shipped.
    ///
    /// # Panics
    /// Never: a test reads them all.
    pub fn shipped() -> Self {
        static RULES: LazyLock<Rules> = LazyLock::new(|| {
            let mut rules = Rules::default();
            for (from, text) in SHIPPED {
                rules.append(file::read(text, from).unwrap_or_default());
            }
            rules
        });
        RULES.clone()
    }

    /// Puts the rules of a text before these. `from` is what the caller calls the text.
    pub fn with(self, text: &str, from: &str) -> Result<Self, Vec<RuleError>> {
        let mut rules = file::read(text, from)?;
        rules.append(self);
        Ok(rules)
    }

    fn append(&mut self, more: Self) {
        self.images.extend(more.images);
        self.pods.extend(more.pods);
        self.splits.extend(more.splits);
        self.expects.extend(more.expects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_can_be_read() {
        for (from, text) in SHIPPED {
            let rules = file::read(text, from).unwrap_or_else(|errors| panic!("{errors:#?}"));
            assert!(rules != Rules::default(), "{from} is empty");
        }
        assert!(Rules::shipped().images.len() > 20);
    }

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_place() {
        let text = "[[image]]\nkinds = [\"*\"]\npaths = [\"a..b\"]\ninclude = true\n\n[[image]]\nkinds = []\npaths = [\"a\"]\n\
                    [[image]]\nkinds = [\"*\"]\npaths = [\"a\"]\ninclude = true\nignore = \"b\"\n";
        let errors = Rules::default().with(text, "mine.toml").unwrap_err();
        let places: Vec<(usize, usize)> = errors.iter().map(|it| (it.line, it.column)).collect();
        assert_eq!(places, [(3, 10), (7, 9), (6, 1), (9, 1)], "{errors:#?}");
        assert_eq!(errors[0].code(), "E1704");
        for (text, word, line) in [
            ("[[image]]\nkinds = [\"*\"]\npaths = [\"a\"]\nverdict = 1\n", "unknown field", 4),
            ("[[image]]\nkinds = 1\n", "invalid type", 2),
            ("[[image]]\nkinds = [\"*\"]\npaths = [\"a\"]\ninclude = false\n", "include", 1),
            ("[[image\n", "", 1),
        ] {
            let errors = Rules::default().with(text, "mine.toml").unwrap_err();
            assert!(errors[0].why.contains(word) && errors[0].line == line, "{errors:#?}");
        }
    }
}
