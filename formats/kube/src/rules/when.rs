//! Conditions of rules: whether any object of the bundle uses an image.

use crate::document::Document;
use crate::glob::Glob;
use crate::pattern::Pattern;
use crate::walk;
use gabion_yaml::Node;
use std::fmt;

/// Objects of a kind, or those that say something.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// `group/Kind`.
    pub kind: Glob,
    /// What they say.
    pub path: Option<Pattern>,
}

impl Use {
    /// What each of the objects says at its path.
    fn found<'d>(&self, cluster: &'d [Document]) -> impl Iterator<Item = Vec<&'d Node>> {
        let users = cluster.iter().filter(|it| self.kind.matches(&it.id.group_kind()));
        users.map(|it| self.path.as_ref().map_or_else(Vec::new, |path| walk::find(&it.node, path)))
    }

    fn is_there(&self, cluster: &[Document]) -> bool {
        self.found(cluster).any(|it| self.path.is_none() || !it.is_empty())
    }

    fn says(&self, key: Option<&str>, cluster: &[Document]) -> bool {
        self.found(cluster).any(|it| it.is_empty() || key.is_none() || it.iter().any(|it| it.as_str() == key))
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(f, "{}", kind.rsplit_once('/').map_or(kind, |(_, kind)| kind))?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, " with `{path}`"))
    }
}

/// Under which condition an image is needed.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Any of these is in the bundle.
    UsedBy(Vec<Use>),
    /// The key before the image (`3.9.0=quay.io/…`) is what any of these says. An object that does not say it
    /// may mean each of them.
    KeyOf(Vec<Use>),
}

impl When {
    /// Why the image is not needed, if it is not.
    pub(crate) fn unmet(&self, key: Option<&str>, cluster: &[Document]) -> Option<String> {
        let (uses, met) = match self {
            Self::UsedBy(uses) => (uses, uses.iter().any(|it| it.is_there(cluster))),
            Self::KeyOf(uses) => (uses, uses.iter().any(|it| it.says(key, cluster))),
        };
        let uses: Vec<String> = uses.iter().map(ToString::to_string).collect();
        (!met).then(|| match (self, key) {
            (Self::KeyOf(_), Some(key)) => format!("no object says `{key}`: {}", uses.join(", ")),
            _ => format!("the bundle has no {}", uses.join(", no ")),
        })
    }
}
