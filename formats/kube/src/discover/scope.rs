//! What is known of one document before its values are read.

use super::place::Text;
use crate::document::Document;
use crate::id::ObjectId;
use crate::path::Step;
use crate::pattern::Pattern;
use crate::rules::{Class, Rule, Rules, Split};
use std::sync::Arc;

/// A document, the rules about it, and the document in whose string it was found.
pub(super) struct Scope<'d> {
    pub(super) document: &'d Document,
    pub(super) rules: &'d Rules,
    pub(super) outer: Option<&'d Scope<'d>>,
    /// The steps that lead to its root.
    pub(super) root: Vec<Step<'static>>,
    /// What its nodes' places point into; `None` if its bytes stand nowhere as they are.
    pub(super) text: Option<Text<'d>>,
    pub(super) images: Vec<&'d Arc<Rule>>,
    pub(super) pods: Vec<&'d Pattern>,
    pub(super) splits: Vec<&'d Split>,
    pub(super) holds: Holds,
}

/// What the texts of a kind are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// `ConfigMap`: files.
    Files,
    /// `Secret`: files, most of them in base64.
    Secrets,
    /// A definition of a kind: schemas and their documentation.
    Schemas,
    /// Fields.
    Fields,
}

impl Holds {
    fn of(id: &ObjectId) -> Self {
        match (id.group.as_str(), id.kind.as_str()) {
            ("", "ConfigMap") => Self::Files,
            ("", "Secret") => Self::Secrets,
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Schemas,
            _ => Self::Fields,
        }
    }
}

impl<'d> Scope<'d> {
    pub(super) fn new(
        document: &'d Document,
        rules: &'d Rules,
        outer: Option<&'d Self>,
        root: Vec<Step<'static>>,
    ) -> Self {
        let pods = rules.pods.iter().filter(|it| it.about.covers(document));
        Self {
            document,
            rules,
            outer,
            root,
            text: None,
            images: rules.images.iter().filter(|it| it.about.covers(document)).collect(),
            pods: pods.flat_map(|it| &it.paths).collect(),
            splits: rules.splits.iter().filter(|it| it.about.covers(document)).collect(),
            holds: Holds::of(&document.id),
        }
    }

    /// The first rule that covers a place of this document, or of one around it.
    pub(super) fn rule(&self, path: &[Step<'_>], text: &str) -> Option<&'d Arc<Rule>> {
        let own = &path[self.root.len()..];
        let mine = self.images.iter().find(|rule| rule.covers(own, text)).copied();
        mine.or_else(|| self.outer.and_then(|outer| outer.rule(path, text)))
    }

    /// Whether a rule of class B names this very place.
    pub(super) fn names(&self, own: &[Step<'_>]) -> bool {
        self.images.iter().any(|rule| rule.names_fields() && rule.paths.iter().any(|it| it.is(own)))
    }

    /// How many documents are around this one.
    pub(super) fn depth(&self) -> usize {
        self.outer.map_or(0, |outer| outer.depth() + 1)
    }

    /// The document of the cluster, and those within strings that lead here.
    pub(super) fn ids(&self) -> (&'d Document, Vec<ObjectId>) {
        match self.outer {
            None => (self.document, Vec::new()),
            Some(outer) => {
                let (first, mut inside) = outer.ids();
                inside.push(self.document.id.clone());
                (first, inside)
            }
        }
    }

    /// The class of a place: by the pod that it is in, from the steps below that.
    pub(super) fn class(&self, own: &[Step<'_>], pod: Option<usize>) -> Class {
        let key = |at: usize| match own.get(at) {
            Some(Step::Key(key)) => key.as_ref(),
            _ => "",
        };
        if let Some(pod) = pod {
            let container = matches!(key(pod), "containers" | "initContainers" | "ephemeralContainers");
            match (container, key(pod + 2)) {
                (true, "image") if own.len() == pod + 3 => return Class::A,
                (true, "env" | "args" | "command") => return Class::C,
                (false, "image") if key(pod) == "volumes" && key(pod + 3) == "reference" => return Class::A,
                _ => {}
            }
        }
        match self.holds {
            _ if self.names(own) => Class::B,
            Holds::Files | Holds::Secrets if matches!(key(0), "data" | "stringData" | "binaryData") => {
                Class::C
            }
            _ => Class::D,
        }
    }
}
