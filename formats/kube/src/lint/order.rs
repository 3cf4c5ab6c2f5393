//! What is asked before an object is taken, and whether it can answer by then.

use super::cursor::Cursor;
use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use crate::pods::texts;
use crate::scope::Scopes;
use crate::waves::{Phase, waves};
use std::collections::BTreeMap;

const ADMISSION: &str = "admissionregistration.k8s.io";

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    let hooks = || cluster.documents().filter(|it| is_webhook(it));
    for document in hooks() {
        for webhook in Cursor::of(document).each("webhooks") {
            out.extend(nowhere(cluster, &webhook));
        }
    }
    let documents: Vec<Document> = cluster.documents().cloned().collect();
    let waves = waves(&documents);
    for circle in &waves.circles {
        if let Some(document) = cluster.documents().find(|it| it.id == *circle) {
            let why = "it waits for an object that it serves itself, by way of others";
            let help = "take the secret that it mounts from elsewhere, or split the programs";
            out.push(Lint::about(LintKind::Circle, document, why).help(help));
        }
    }
    if hooks().next().is_none() {
        return;
    }
    // The number of the wave of each document, and what its phase is.
    let mut places: BTreeMap<usize, (usize, Phase)> = BTreeMap::new();
    for (number, wave) in waves.waves.iter().enumerate() {
        places.extend(wave.objects.iter().map(|it| (it.number, (number, wave.phase))));
    }
    let scopes = Scopes::of(&documents);
    for (number, document) in documents.iter().enumerate().filter(|(_, it)| is_webhook(it)) {
        let Some((wave, _)) = places.get(&number) else { continue };
        for (other, object) in documents.iter().enumerate() {
            let early = places.get(&other).is_some_and(|(it, phase)| it < wave && *phase == Phase::Users);
            let Some(plural) = scopes.get(&object.id).map(|it| it.plural.as_str()) else { continue };
            if early && covers(document, &object.id.group, plural) {
                let why = format!("it is applied before `{}`, which is asked about it", document.id.name);
                let help = "let what brings the webhook stand before it, in `after`";
                out.push(Lint::about(LintKind::WebhookLate, object, why).help(help));
            }
        }
    }
}

fn is_webhook(document: &Document) -> bool {
    document.id.group == ADMISSION && document.id.kind.ends_with("WebhookConfiguration")
}

fn nowhere(cluster: &Cluster<'_>, webhook: &Cursor<'_>) -> Option<Lint> {
    let service = webhook.keys(&["clientConfig", "service"])?;
    let (name, namespace) = (service.text_of("name")?, service.text_of("namespace")?);
    let is_it = |it: &Document| it.id.name == name && it.id.namespace.as_deref() == Some(namespace);
    if webhook.text_of("failurePolicy") == Some("Ignore") || cluster.of("", "Service").any(is_it) {
        return None;
    }
    let why = format!("nothing here is the service `{namespace}/{name}`, so what it covers is refused");
    let help = "deploy the service too, or write `failurePolicy: Ignore`";
    Some(service.lint(LintKind::WebhookNowhere, why).help(help))
}

/// Whether a webhook is asked about objects of this group.
fn covers(document: &Document, group: &str, plural: &str) -> bool {
    Cursor::of(document).each("webhooks").iter().flat_map(|it| it.each("rules")).any(|rule| {
        texts(rule.node.get("apiGroups")).any(|it| it == group)
            && texts(rule.node.get("resources")).any(|it| it == plural || it == "*")
    })
}
