//! Flux: what it may do, whose objects are whose, and who opens what SOPS sealed.

use super::{Built, CONNECTED, PRODUCTION, STAGING, items, name_of, text};
use gabion_digest::Sha256;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

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

/// The digest of what the host hands to Flux, and its files.
fn handed_out(built: &Built) -> Option<(String, BTreeMap<String, String>)> {
    let table: Value = serde_json::from_str(&built.texts["bundle.json"]).unwrap();
    let all: Vec<_> = items(&table["objects"]).iter().filter(|it| it["kind"] == "artifact").collect();
    assert!(all.len() < 2, "{all:?}");
    let object = all.first()?;
    assert_eq!(object["name"], "gitops");
    let digest = text(&object["manifest"]).to_owned();
    assert_eq!(Sha256::of(&built.blobs[&digest]).to_string(), digest);
    let manifest: Value = serde_json::from_slice(&built.blobs[&digest]).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.flux.config.v1+json");
    let [layer] = items(&manifest["layers"]) else { panic!("{manifest}") };
    assert_eq!(layer["mediaType"], "application/vnd.cncf.flux.content.v1.tar+gzip");
    let packed = &built.blobs[text(&layer["digest"])];
    let mut archive = tar::Archive::new(gabion_layer::unpacked(packed.as_slice()).unwrap());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (path, mut content) = (entry.path().unwrap().display().to_string(), String::new());
        entry.read_to_string(&mut content).unwrap();
        files.insert(path, content);
    }
    Some((digest, files))
}

#[test]
fn flux_follows_what_the_host_hands_out_and_nothing_is_suspended() {
    for built in [&*PRODUCTION, &*STAGING] {
        let (digest, _) = handed_out(built).unwrap();
        let source = &built.one("OCIRepository", "flux-system/k3s-gitops")["spec"];
        assert_eq!(source["ref"], json!({"digest": digest}), "what is followed is what the bundle has");
        assert_eq!(source["url"], format!("oci://{}/gitops", gabion_host::artifacts::ENDPOINT));
        assert_eq!(source["insecure"], true, "within one host, and by digest");
        let kustomization = &built.one("Kustomization", "flux-system/k3s-gitops")["spec"];
        assert_eq!(kustomization["sourceRef"], json!({"kind": "OCIRepository", "name": "k3s-gitops"}));
        assert!(built.of("GitRepository").is_empty() && built.of("ImageUpdateAutomation").is_empty());
    }
    assert!(handed_out(&CONNECTED).is_none() && CONNECTED.of("OCIRepository").is_empty());
    for built in [&*PRODUCTION, &*STAGING, &*CONNECTED] {
        for (_, it) in &built.documents {
            assert!(it["spec"].get("suspend").is_none_or(|it| it == false), "{} {}", it["kind"], name_of(it));
        }
    }
}

#[test]
fn the_locked_state_of_the_repository_travels() {
    let (_, files) = handed_out(&PRODUCTION).unwrap();
    let path = PRODUCTION.one("Kustomization", "flux-system/k3s-gitops")["spec"]["path"].clone();
    let folder = text(&path).trim_start_matches("./");
    assert!(files.contains_key(&format!("{folder}/kustomization.yaml")), "{:?}", files.keys());
    assert!(files.contains_key("check") && files.contains_key("README.md"), "the whole of it");
    // It is in the bundle once.
    assert!(!PRODUCTION.members.iter().any(|it| it.contains("fetch.gitops")), "{:?}", PRODUCTION.members);
}

#[test]
fn an_object_has_one_owner_in_either_mode() {
    for built in [&*PRODUCTION, &*STAGING] {
        assert!(brings_the_apis(built));
        let (_, files) = handed_out(built).unwrap();
        let kustomization = &built.one("Kustomization", "flux-system/k3s-gitops")["spec"];
        let folder = format!("{}/", text(&kustomization["path"]).trim_start_matches("./"));
        let mut owned = 0;
        for (path, source) in files.iter().filter(|(path, _)| path.starts_with(&folder)) {
            for it in gabion_yaml::documents(source).unwrap() {
                let it = super::json(&it.node);
                if it["apiVersion"] == "kustomize.config.k8s.io/v1beta1" {
                    continue;
                }
                owned += 1;
                // Flux puts everything into one namespace.
                let name =
                    format!("{}/{}", text(&kustomization["targetNamespace"]), text(&it["metadata"]["name"]));
                let twice = built.of(text(&it["kind"])).into_iter().any(|other| name_of(other) == name);
                assert!(!twice, "{path}: {} {name} is in the bundle too", it["kind"]);
                assert!(it["kind"] != "Secret" || it.get("sops").is_some(), "{path}");
            }
        }
        assert!(owned > 0, "Flux has nothing to do: {:?}", files.keys());
    }
    assert!(!brings_the_apis(&CONNECTED));
    let kustomization = &CONNECTED.one("Kustomization", "flux-system/k3s-gitops")["spec"];
    assert_eq!(kustomization["prune"], true);
    let mut seen = BTreeSet::new();
    for (_, it) in &PRODUCTION.documents {
        let id = format!("{} {} {}", it["apiVersion"], it["kind"], name_of(it));
        assert!(seen.insert(id.clone()), "{id} stands twice in the bundle");
    }
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
