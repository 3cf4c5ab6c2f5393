//! Which objects are ready only with a network: the gate of a host waits for no server of others.
//!
//! A sealed host has none. A connected one has it, and then a certificate of Let's Encrypt may still take minutes, and a
//! registry may be down: that is told, and no reason to take a change back.

use super::generation::{Applied, ObjectName};
use crate::unit;
use serde_json::Value;

/// The groups of what is told apart here.
const CERTIFICATES: &str = "cert-manager.io";
const SOURCES: &str = "source.toolkit.fluxcd.io";

/// Finds an object of the cluster.
pub(crate) type Find<'f> = dyn Fn(&Applied) -> Option<Value> + 'f;

/// Whether `object` needs a network to be ready, by itself or by what it names.
pub(crate) fn is_beyond(object: &Value, find: &Find<'_>) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let spec = &object["spec"];
    let named = |reference: &Value, group: &str| {
        let other = named(object, reference, group);
        other.as_ref().and_then(find).is_some_and(|it| is_beyond(&it, find))
    };
    match (group, object["kind"].as_str().unwrap_or_default()) {
        (CERTIFICATES, "Issuer" | "ClusterIssuer") => !spec["acme"].is_null(),
        (CERTIFICATES, "Certificate") => named(&spec["issuerRef"], CERTIFICATES),
        (SOURCES, "HelmChart") => named(&spec["sourceRef"], SOURCES),
        (SOURCES, "Bucket") => true,
        (SOURCES, _) => !spec["url"].as_str().is_some_and(is_own),
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => named(&spec["sourceRef"], SOURCES),
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            let chart = &spec["chart"]["spec"]["sourceRef"];
            named(if chart.is_null() { &spec["chartRef"] } else { chart }, SOURCES)
        }
        ("image.toolkit.fluxcd.io", _) => true,
        _ => false,
    }
}

/// Whether a source is the host's own endpoint.
fn is_own(url: &str) -> bool {
    let rest = url.strip_prefix("oci://").and_then(|it| it.strip_prefix(unit::ENDPOINT));
    rest.is_some_and(|it| it.starts_with('/'))
}

/// The object that `reference` of `object` names.
fn named(object: &Value, reference: &Value, group: &str) -> Option<Applied> {
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let kind = text(&reference["kind"]).unwrap_or_else(|| "Issuer".to_owned());
    let namespace = text(&reference["namespace"]).or_else(|| text(&object["metadata"]["namespace"]));
    let namespace = namespace.filter(|_| kind != "ClusterIssuer");
    let name = text(&reference["name"])?;
    let object = ObjectName { group: group.to_owned(), kind, namespace, name };
    Some(Applied { object, api_version: format!("{group}/v1"), from: String::new(), content: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(object: &Value, there: &[Value], expected: bool) {
        let find = |it: &Applied| {
            there
                .iter()
                .find(|other| {
                    other["kind"] == it.object.kind.as_str()
                        && other["metadata"]["name"] == it.object.name.as_str()
                        && other["metadata"]["namespace"].as_str() == it.object.namespace.as_deref()
                })
                .cloned()
        };
        assert_eq!(is_beyond(object, &find), expected, "{object}");
    }

    fn of(version: &str, kind: &str, spec: &Value) -> Value {
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "app"}, "spec": spec})
    }

    #[test]
    fn a_certificate_is_as_far_away_as_its_issuer() {
        let issuer = |name: &str, spec: Value| json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": spec});
        let there = [issuer("letsencrypt", json!({"acme": {}})), issuer("internal-ca", json!({"ca": {}}))];
        let certificate = |name: &str| {
            of(
                "cert-manager.io/v1",
                "Certificate",
                &json!({"issuerRef": {"kind": "ClusterIssuer", "name": name}}),
            )
        };
        check(&certificate("letsencrypt"), &there, true);
        check(&certificate("internal-ca"), &there, false);
        check(&certificate("nobody"), &there, false);
        check(&there[0], &[], true);
        check(&there[1], &[], false);
    }

    #[test]
    fn what_flux_takes_from_the_host_needs_no_network() {
        let source = |url: &str| of("source.toolkit.fluxcd.io/v1", "OCIRepository", &json!({"url": url}));
        let own = source(&format!("oci://{}/gitops", unit::ENDPOINT));
        check(&own, &[], false);
        let far = source("oci://ghcr.io/acme/gitops");
        check(&far, &[], true);
        check(&source(&format!("oci://{}0/gitops", unit::ENDPOINT)), &[], true);
        let kustomization = of(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            &json!({"sourceRef": {"kind": "OCIRepository", "name": "a"}}),
        );
        check(&kustomization, &[own], false);
        check(&kustomization, &[far], true);
        check(&of("image.toolkit.fluxcd.io/v1", "ImageRepository", &json!({})), &[], true);
        check(&of("apps/v1", "Deployment", &json!({})), &[], false);
    }
}
