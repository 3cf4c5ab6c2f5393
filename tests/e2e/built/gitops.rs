//! Flux: what it may do, whose objects are whose, and who opens what SOPS sealed.

use super::{Built, CONNECTED, PRODUCTION, STAGING, items, name_of, text};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn all_six_controllers_are_there() {
    for part in ["source", "kustomize", "helm", "notification", "image-reflector", "image-automation"] {
        PRODUCTION.one("Deployment", &format!("flux-system/{part}-controller"));
    }
}

#[test]
fn flux_opens_what_sops_sealed_with_a_key_that_no_bundle_holds() {
    for built in [&*PRODUCTION, &*CONNECTED] {
        for kustomization in built.of("Kustomization") {
            let decryption = &kustomization["spec"]["decryption"];
            assert_eq!(decryption, &json!({"provider": "sops", "secretRef": {"name": "sops-age"}}));
        }
        let targets = built.texts.iter().find(|(name, _)| name.ends_with("secrets.json")).unwrap().1;
        assert!(targets.contains("sops-age") && targets.contains("age.agekey"), "{targets}");
        assert!(built.texts.values().all(|it| !it.contains("AGE-SECRET-KEY-1")));
    }
}

#[test]
fn what_git_says_is_applied_with_the_rights_of_one_namespace() {
    for built in [&*PRODUCTION, &*CONNECTED] {
        for kustomization in built.of("Kustomization") {
            assert_eq!(kustomization["spec"]["serviceAccountName"], "gitops", "{}", name_of(kustomization));
        }
        let all = built.of("RoleBinding").into_iter().chain(built.of("ClusterRoleBinding"));
        let bindings: Vec<_> =
            all.filter(|it| items(&it["subjects"]).iter().any(|it| it["name"] == "gitops")).collect();
        assert_eq!(bindings.iter().map(|it| name_of(it)).collect::<Vec<_>>(), ["app/gitops"]);
        for rule in items(&built.one("Role", "app/gitops")["rules"]) {
            for part in ["apiGroups", "resources", "verbs"] {
                assert!(items(&rule[part]).iter().all(|it| it != "*"), "{rule}");
            }
            // Neither rights nor the walls around the APIs are git's.
            let groups = ["rbac.authorization.k8s.io", "networking.k8s.io", "traefik.io", "kafka.strimzi.io"];
            assert!(items(&rule["apiGroups"]).iter().all(|it| !groups.contains(&text(it))), "{rule}");
        }
    }
}

/// Whether the bundle brings the APIs' own objects.
fn brings_the_apis(built: &Built) -> bool {
    built.of("Deployment").iter().any(|it| name_of(it) == "app/api-gateway")
}

#[test]
fn an_object_has_one_owner_in_either_mode() {
    for built in [&*PRODUCTION, &*STAGING] {
        assert!(brings_the_apis(built));
        for kind in ["OCIRepository", "Kustomization"] {
            let it = built.one(kind, "flux-system/k3s-gitops");
            assert_eq!(it["spec"]["suspend"], true, "{kind}");
            // The health gate must not wait for it.
            assert_eq!(it["metadata"]["annotations"]["gabion.dev/wait"], "false", "{kind}");
        }
        assert!(built.of("GitRepository").is_empty() && built.of("ImageUpdateAutomation").is_empty());
    }
    assert!(!brings_the_apis(&CONNECTED));
    let kustomization = &CONNECTED.one("Kustomization", "flux-system/k3s-gitops")["spec"];
    assert!(kustomization.get("suspend").is_none());
    assert_eq!(kustomization["prune"], true);
    let mut seen = BTreeSet::new();
    for (_, it) in &PRODUCTION.documents {
        let id = format!("{} {} {}", it["apiVersion"], it["kind"], name_of(it));
        assert!(seen.insert(id.clone()), "{id} stands twice in the bundle");
    }
}

#[test]
fn the_locked_state_of_the_repository_travels() {
    assert!(PRODUCTION.members.iter().any(|it| it.contains("fetch.gitops")), "{:?}", PRODUCTION.members);
}

#[test]
fn with_a_network_new_images_are_found_judged_and_committed() {
    let automation = &CONNECTED.one("ImageUpdateAutomation", "flux-system/k3s-gitops")["spec"];
    assert_eq!(automation["sourceRef"], json!({"kind": "GitRepository", "name": "k3s-gitops"}));
    let git = &CONNECTED.one("GitRepository", "flux-system/k3s-gitops")["spec"];
    assert_eq!(git["ref"]["branch"], automation["git"]["push"]["branch"]);
    assert!(text(&git["url"]).starts_with("ssh://"), "a deploy key opens ssh alone");
    for api in ["api-gateway", "api-generation", "api-enrichment"] {
        let name = format!("flux-system/{api}");
        assert_eq!(CONNECTED.one("ImageRepository", &name)["spec"]["image"], format!("ghcr.io/acme/{api}"));
        let policy = &CONNECTED.one("ImagePolicy", &name)["spec"];
        assert_eq!(policy["imageRepositoryRef"]["name"], api);
        // A new major version is somebody's decision.
        assert!(text(&policy["policy"]["semver"]["range"]).starts_with('^'), "{policy}");
        assert_eq!(policy["digestReflectionPolicy"], "IfNotPresent");
    }
    let targets = CONNECTED.texts.iter().find(|(name, _)| name.ends_with("secrets.json")).unwrap().1;
    for secret in ["gitops-key", "ghcr", "alert-receivers"] {
        assert!(targets.contains(secret), "{secret}: {targets}");
    }
}

/// These files are for other repositories: nothing builds them, so at least they are what GitHub reads.
#[test]
fn workflows_ask_for_no_more_than_they_need_and_name_no_tag_that_moves() {
    for file in ["publish", "check"] {
        let path = format!("{}/recipes/github/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let source = fs_err::read_to_string(path).unwrap();
        let workflow = super::json(&gabion_yaml::documents(&source).unwrap()[0].node);
        let most = workflow["permissions"].as_object().unwrap();
        assert!(most.values().all(|it| it == "read"), "{file}: {most:?}");
        for job in workflow["jobs"].as_object().unwrap().values() {
            for step in items(&job["steps"]).iter().filter(|it| it.get("uses").is_some()) {
                let (_, version) = text(&step["uses"]).split_once('@').unwrap();
                assert!(version.starts_with('v') || version.len() == 40, "{file}: {step}");
                assert!(!step.to_string().contains(":latest"), "{file}: {step}");
            }
        }
    }
}
