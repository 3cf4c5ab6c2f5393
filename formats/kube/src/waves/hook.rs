//! Hooks of Helm: objects that run around an installation (`helm.sh/hook`, Helm's pkg/release/v1/hook.go).

use super::Phase;
use crate::document::Document;
use serde::Serialize;

/// What the annotations of a hook say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// When it runs: `pre-install`, `post-upgrade`.
    pub events: Vec<String>,
    /// Lower ones run first.
    pub weight: i64,
    /// When it is removed: `before-hook-creation` where nothing is said.
    pub delete: Vec<String>,
}

impl Hook {
    /// The hook that a document is.
    pub fn of(document: &Document) -> Option<Self> {
        let events = list(document.annotation("helm.sh/hook")?);
        let weight = document.annotation("helm.sh/hook-weight");
        let delete = document.annotation("helm.sh/hook-delete-policy").map_or_else(Vec::new, list);
        let delete = if delete.is_empty() { vec!["before-hook-creation".to_owned()] } else { delete };
        Some(Self {
            events,
            weight: weight.and_then(|it| it.trim().parse().ok()).unwrap_or_default(),
            delete,
        })
    }

    /// Whether it runs before or after the objects; otherwise why never.
    pub(super) fn phase(&self) -> Result<Phase, &'static str> {
        let has = |events: &[&str]| self.events.iter().any(|it| events.contains(&it.as_str()));
        if has(&["pre-install", "pre-upgrade"]) {
            return Ok(Phase::Before);
        }
        if has(&["post-install", "post-upgrade"]) {
            return Ok(Phase::After);
        }
        Err(if has(&["test", "test-success", "test-failure"]) {
            "a test of a chart"
        } else if has(&["pre-delete", "post-delete", "pre-rollback", "post-rollback"]) {
            "a hook of a removal or a return, which Helm does not do here"
        } else {
            "a hook of an event that is not known"
        })
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty()).collect()
}
