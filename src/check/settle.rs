//! Findings, and what the author says of them.

use super::finding::Finding;
use crate::recipe::Project;
use crate::recipe::lints::{Allowance, RecipeLint};
use gabion_kube::Level;

/// What is left to tell.
#[derive(Debug)]
pub struct Settled {
    /// The findings that are told, by node, the worst first.
    pub findings: Vec<Finding>,
    /// How many may be.
    pub allowed: usize,
}

impl Settled {
    /// How many findings are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|it| it.level == level).count()
    }
}

/// Applies `[lints]`. `whole` is whether everything was looked at: only then an allowance that nothing needs is told.
pub fn settle(project: &Project, found: Vec<Finding>, whole: bool) -> Settled {
    let lints = &project.settings.lints;
    let mut used = vec![false; lints.allow.len()];
    let (mut findings, mut allowed) = (Vec::new(), 0);
    for mut finding in found {
        let mut may_be = false;
        for (at, _) in lints.allow.iter().enumerate().filter(|(_, it)| is_about(it, &finding)) {
            (used[at], may_be) = (true, true);
        }
        if let Some((_, level)) = lints.levels.iter().find(|(name, _)| name.value == finding.lint) {
            finding.level = *level;
        }
        if may_be || finding.level == Level::Allow {
            allowed += 1;
        } else {
            findings.push(finding);
        }
    }
    for (allowance, _) in lints.allow.iter().zip(used).filter(|(_, used)| whole && !used) {
        let why = format!("nothing is found that `{}` would be allowed for", allowance.lint.value);
        let finding = Finding::of_recipe(RecipeLint::Unused, None, Some(&allowance.lint.span), project, why);
        findings.push(finding.help("take the allowance out, or correct its `node` or `object`"));
    }
    findings.sort_by(|a, b| (&a.node, b.level).cmp(&(&b.node, a.level)));
    findings.dedup();
    Settled { findings, allowed }
}

fn is_about(allowance: &Allowance, finding: &Finding) -> bool {
    let node = finding.node.as_ref().map(ToString::to_string);
    let object = finding.object.as_deref().unwrap_or_default();
    allowance.lint.value == finding.lint
        && (allowance.node.is_none() || allowance.node == node)
        && allowance.object.as_ref().is_none_or(|it| it.matches(object))
}
