//! Who signs what, sealed and connected.

use super::{Built, CONNECTED, PRODUCTION, STAGING, items, name_of, text};

/// The issuer of every ingress, and that it is there.
fn issuers(built: &Built) -> Vec<(String, String)> {
    let issuer = |it: &&serde_json::Value| {
        let issuer = text(&it["metadata"]["annotations"]["cert-manager.io/cluster-issuer"]).to_owned();
        built.one("ClusterIssuer", &issuer);
        (name_of(it), issuer)
    };
    built.of("Ingress").iter().map(issuer).collect()
}

#[test]
fn every_ingress_has_a_certificate_of_the_issuer_of_its_mode() {
    let all = |issuer: &str| {
        ["monitoring/monitoring-grafana", "app/api"].map(|it| (it.to_owned(), issuer.to_owned())).to_vec()
    };
    assert_eq!(issuers(&PRODUCTION), all("internal-ca"));
    assert_eq!(issuers(&STAGING), all("letsencrypt-staging"));
    assert_eq!(issuers(&CONNECTED), all("letsencrypt"));
    for built in [&*PRODUCTION, &*STAGING, &*CONNECTED] {
        for ingress in built.of("Ingress") {
            let covered: Vec<_> =
                items(&ingress["spec"]["tls"]).iter().flat_map(|it| items(&it["hosts"])).collect();
            let asked: Vec<_> = items(&ingress["spec"]["rules"]).iter().map(|it| &it["host"]).collect();
            assert_eq!(covered, asked, "{}", name_of(ingress));
        }
    }
}

#[test]
fn a_sealed_cluster_asks_nobody_outside() {
    for issuer in PRODUCTION.of("ClusterIssuer") {
        assert!(issuer["spec"].get("acme").is_none(), "{issuer}");
    }
    let acme = |name: &str| text(&CONNECTED.one("ClusterIssuer", name)["spec"]["acme"]["server"]).to_owned();
    assert!(acme("letsencrypt-staging").contains("acme-staging-v02"));
    assert!(!acme("letsencrypt").contains("staging"));
}

#[test]
fn the_internal_ca_makes_itself_and_keeps_its_key() {
    for built in [&*PRODUCTION, &*STAGING, &*CONNECTED] {
        let ca = &built.one("Certificate", "cert-manager/internal-ca")["spec"];
        assert_eq!((&ca["isCA"], &ca["privateKey"]["rotationPolicy"]), (&true.into(), &"Never".into()));
        assert!(
            built.one("ClusterIssuer", text(&ca["issuerRef"]["name"]))["spec"].get("selfSigned").is_some()
        );
        // The issuer reads the Secret from cert-manager's own namespace.
        assert_eq!(built.one("ClusterIssuer", "internal-ca")["spec"]["ca"]["secretName"], ca["secretName"]);
        for it in built.of("Certificate").into_iter().filter(|it| name_of(it) != "cert-manager/internal-ca") {
            assert!(it["spec"].get("isCA").is_none(), "{it}");
        }
    }
}

#[test]
fn solvers_of_challenges_are_reached_through_the_default_deny() {
    use super::network::{End, Network, strangers};
    let labels = [("acme.cert-manager.io/http01-solver", "true")];
    for (built, open) in [(&*PRODUCTION, false), (&*STAGING, true), (&*CONNECTED, true)] {
        let mut ends = strangers();
        ends.extend(["app", "monitoring"].map(|it| End::pod(it, "solver", &labels)));
        let network = Network::of(built, &ends);
        let end = |name: &str| network.ends.iter().find(|it| it.name == name).unwrap();
        for solver in ["app/solver", "monitoring/solver"] {
            assert_eq!(
                network.passes(end("kube-system/traefik"), end(solver), "TCP", 8089),
                open,
                "{solver}"
            );
            assert!(!network.passes(end("elsewhere/somebody"), end(solver), "TCP", 8089));
        }
    }
}
