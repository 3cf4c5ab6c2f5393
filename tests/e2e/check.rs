//! `check`: lints of recipes and documents, schemas of objects, and what `[lints]` says of findings; the schema of recipes,
//! and the projects that `init` begins.

use crate::platform::platform;
use crate::world::{Run, World, gabion};
use gabion_upstream::{Content, Repository};
use serde_json::Value;
use std::path::Path;

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", run.stdout, run.stderr))
}

/// `lint node object` of every finding.
fn findings(value: &Value) -> Vec<String> {
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or("-").to_owned();
    let all = value["findings"].as_array().unwrap().iter();
    all.map(|it| format!("{} {} {}", text(it, "lint"), text(it, "node"), text(it, "object"))).collect()
}

/// What is right about the platform and told all the same, each for a reason that a person can judge.
const ALLOWED: [&str; 2] = [
    // It tells what the node itself does.
    "host-namespace chart.monitoring DaemonSet monitoring/monitoring-prometheus-node-exporter",
    // It reads the files that programs and the journal write.
    "host-path manifests.logs DaemonSet monitoring/fluent-bit",
];

#[test]
fn the_platform_is_checked_as_a_whole_and_only_known_things_are_told() {
    let world = platform(|_| ());
    fs_err::remove_file(world.path("env/demo.lock")).unwrap();
    let before = world.run("check --json");
    assert_eq!(before.code, 0, "{}", before.stderr);
    assert!(findings(&json(&before)).iter().any(|it| it.starts_with("not-locked bundle.platform")));
    assert_eq!(world.run("check --locked").code, 3);
    world.ok("lock");
    let run = world.run("check --json");
    let value = json(&run);
    let told = findings(&value);
    let unknown: Vec<&String> = told.iter().filter(|it| !ALLOWED.contains(&it.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:#?}\n{}", run.stdout);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(value["objects"].as_u64().unwrap() > 40, "{value}");
    assert_eq!(value["kubernetes"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["v1", "34"]);
    // Nothing is fetched for it again, and what is told to people is the same.
    let shown = world.ok("check --offline --all");
    for lint in told.iter().filter_map(|it| it.split(' ').next()) {
        assert!(shown.contains(lint), "no {lint}: {shown}");
    }
    assert!(told.is_empty() || world.run("check --deny-warnings").code == 1);
}

#[test]
fn a_mistake_in_an_object_is_told_with_the_line_that_wrote_it() {
    let world = platform(|_| ());
    let mut open = vec!["k8s/app".to_owned()];
    let (mut file, mut text) = (String::new(), String::new());
    while let Some(path) = open.pop().filter(|_| file.is_empty()) {
        if world.path(&path).is_dir() {
            let entries = fs_err::read_dir(world.path(&path)).unwrap();
            open.extend(entries.map(|it| format!("{path}/{}", it.unwrap().file_name().to_str().unwrap())));
        } else {
            text = fs_err::read_to_string(world.path(&path)).unwrap();
            file = if text.contains("readinessProbe:") { path } else { String::new() };
        }
    }
    let line = text.lines().position(|it| it.contains("readinessProbe:")).unwrap() + 1;
    fs_err::write(world.path(&file), text.replacen("readinessProbe:", "readynessProbe:", 1)).unwrap();
    world.ok("lock");
    let run = world.run("check");
    assert_eq!(run.code, 1, "{}", run.stdout);
    for told in [
        "error[L3050] unknown-field: Deployment app/",
        "there is no field `readynessProbe` here",
        "did you mean `readinessProbe`?",
        &format!("{file}:{}", line + 1),
        "  platform.toml:",
    ] {
        assert!(run.stdout.contains(told), "no {told}: {}", run.stdout);
    }
    // A mistake in values is told with the line of the template and of the value.
    fs_err::write(world.path(&file), &text).unwrap();
    let values = fs_err::read_to_string(world.path("values/strimzi.yaml")).unwrap();
    fs_err::write(world.path("values/strimzi.yaml"), values.replacen("Mi\n", "MB\n", 1)).unwrap();
    let run = world.run("check");
    for told in [
        "bad-value",
        "MB` is no quantity",
        "chart.strimzi",
        "values/strimzi.yaml:",
        "templates/operator.yaml:",
    ] {
        assert!(run.stdout.contains(told), "no {told}: {} {}", run.stdout, run.stderr);
    }
}

const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: web}\nspec:\n  selector: {matchLabels: {a: web}}\n\
    \x20 template:\n    metadata: {labels: {a: web}}\n    spec:\n      hostNetwork: true\n      containers: [{name: web, image: 'up.invalid/acme/web:v1'}]\n";

fn app(lints: &str) -> World {
    let recipes = format!(
        "{lints}\n[manifests.web]\nfiles = ['web.yaml']\nimages = {{ exclude = {{ '*' = 'not here' }} }}\n[bundle.b]\ndeploy = ['manifests.web']\n"
    );
    let world = World::serving(&recipes, Content::default());
    fs_err::write(world.path("web.yaml"), APP).unwrap();
    world
}

#[test]
fn what_may_be_is_said_with_a_reason_and_what_nobody_needs_is_told() {
    let told = findings(&json(&app("").run("check --json")));
    let all =
        ["host-namespace", "missing-limits", "missing-network-policy", "missing-probes", "missing-requests"];
    let mut names: Vec<&str> = told.iter().filter_map(|it| it.split(' ').next()).collect();
    names.sort_unstable();
    assert_eq!(names, all, "{told:?}");
    let world = app(
        "[lints]\nmissing-limits = { level = 'allow', reason = 'one program, one host' }\nmissing-probes = 'error'\n\
        allow = [\n  { lint = 'host-namespace', node = 'manifests.web', object = 'Deployment web/*', reason = 'it speaks to the neighbours' },\n\
        \x20 { lint = 'missing-requests', object = 'Deployment other/*', reason = 'x' },\n]\n",
    );
    let run = world.run("check --json");
    let (value, told) = (json(&run), findings(&json(&run)));
    assert_eq!((run.code, value["allowed"].as_u64()), (1, Some(2)), "{told:?}");
    assert!(
        told.iter().any(|it| it.starts_with("unused-allowance"))
            && told.iter().any(|it| it.starts_with("missing-requests"))
    );
    assert!(
        !told.iter().any(|it| it.starts_with("host-namespace") || it.starts_with("missing-limits")),
        "{told:?}"
    );
    for (lints, why) in [
        ("[lints]\nmissing-probe = 'error'", "did you mean `missing-probes`?"),
        ("[lints]\nmissing-probes = 'allow'", "takes a reason"),
        ("[lints]\nmissing-probes = 'loud'", "takes `error`, `warning`"),
        ("[lints]\nallow = [{ lint = 'host-path', reason = ' ' }]", "say why it may be"),
        ("[lints]\nallow = [{ lint = 'host-path' }]", "needs `reason`"),
        ("[lints]\nallow = [{ lint = 'host-paths', reason = 'x' }]", "did you mean `host-path`?"),
    ] {
        let run = app(lints).run("check");
        assert!(run.code == 1 && run.stderr.contains(why), "{lints}: {}", run.stderr);
    }
}

#[test]
fn a_secret_in_clear_is_told_before_a_bundle_is_built() {
    let world = app("");
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: web}\nstringData: {password: hunter2}\n";
    fs_err::write(world.path("web.yaml"), format!("{APP}{secret}")).unwrap();
    let run = world.run("check");
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("error[L3080] plain-secret: Secret web/s"), "{}", run.stdout);
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"));
}

#[test]
fn a_secret_in_clear_in_the_repository_of_flux_is_told() {
    let secret = b"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: app}\nstringData: {password: hunter2}\n";
    let world = platform(|content| {
        let mut repository = Repository::default();
        repository.commit("main", &[("100644", "clusters/prod/s.yaml", secret)]);
        content.repositories.insert("/github/acme/k3s-gitops".to_owned(), repository);
    });
    world.ok("update -p fetch.gitops");
    let run = world.run("check");
    let told = "error[L3081] secret-in-repository: clusters/prod/s.yaml";
    assert!(run.code == 1 && run.stdout.contains(told), "{} {}", run.stdout, run.stderr);
    assert!(!run.stdout.contains("hunter2"));
}

/// A host of K3s in one recipe; what stands in it besides is `more`.
fn host(more: &str) -> Vec<String> {
    let recipes = format!(
        "[apt.os]\norigin = 'ubuntu:jammy'\ninstall = ['ufw']\n[k3s.main]\nchannel = 'v1.34'\n[k3s.main.config]\n\
         secrets-encryption = true\nprotect-kernel-defaults = true\n{more}\n[bundle.b]\n"
    );
    findings(&json(&World::serving(&recipes, Content::default()).run("check --json")))
}

#[test]
fn a_host_is_looked_at_before_anything_is_locked() {
    let rootfs = |firewall: &str, more: &str| {
        format!(
            "[rootfs.vps]\npackages = ['apt.os']\nk3s = {{}}\n[rootfs.vps.firewall]\nrouted = 'allow'\nallow = [{firewall}]\n{more}"
        )
    };
    let good = "'6443/tcp from 192.0.2.0/24', 'from 10.42.0.0/16', 'from 10.43.0.0/16'";
    assert_eq!(host(&rootfs(good, "")), [""; 0]);
    for (lint, recipe) in [
        ("api-unreachable", rootfs("'from 10.42.0.0/16', 'from 10.43.0.0/16'", "")),
        ("cluster-port-exposed", rootfs("'6443/tcp', 'from 10.42.0.0/16', 'from 10.43.0.0/16'", "")),
        ("pods-blocked", rootfs("'6443/tcp from 192.0.2.0/24', 'from 10.42.0.0/16'", "")),
        (
            "no-default-route",
            rootfs(good, "[rootfs.vps.network]\ndhcp = false\naddresses = ['192.0.2.7/24']\n"),
        ),
        ("kernel-settings", rootfs(good, "[rootfs.vps.sysctl]\n'vm.overcommit_memory' = 2\n")),
        ("kernel-settings-missing", "[rootfs.vps]\npackages = ['apt.os']\nhostname = 'a'\n".to_owned()),
        ("secrets-in-clear", rootfs(good, "[k3s.second]\nchannel = 'v1.34'\n")),
        (
            "kubeconfig-readable",
            rootfs(
                good,
                "[k3s.second]\nchannel = 'v1.34'\n[k3s.second.config]\nsecrets-encryption = true\nwrite-kubeconfig-mode = '0644'\n",
            ),
        ),
        (
            "addon-name",
            format!(
                "{}\n[[rootfs.vps.files]]\npath = '/var/lib/rancher/k3s/server/manifests/traefik.extra.yaml'\ncontent = ''\n",
                rootfs(good, "")
            ),
        ),
        (
            "image-list",
            format!(
                "{}\n[[rootfs.vps.files]]\npath = '/var/lib/rancher/k3s/agent/images/list.txt'\ncontent = ''\n",
                rootfs(good, "")
            ),
        ),
    ] {
        let told = host(&recipe);
        assert!(told.len() == 1 && told[0].starts_with(&format!("{lint} ")), "{lint}: {told:?}");
    }
    // Other networks of K3s are the ones that must be let in.
    let moved = rootfs(good, "[k3s.main.config]\n").replace("[k3s.main.config]\n", "");
    let recipes = format!(
        "[apt.os]\norigin = 'ubuntu:jammy'\ninstall = ['ufw']\n[k3s.main]\nchannel = 'v1.34'\n[k3s.main.config]\nsecrets-encryption = true\ncluster-cidr = '10.99.0.0/16'\n{moved}\n[bundle.b]\n"
    );
    let told = findings(&json(&World::serving(&recipes, Content::default()).run("check --json")));
    assert_eq!(told, ["pods-blocked rootfs.vps -"]);
}

#[test]
fn every_lint_is_explained_by_its_code_and_by_its_name() {
    let world = World::new("[bundle.b]\n", &[]);
    for name in ["L3007", "host-path", "L3072", "pods-blocked", "L1701", "floating-image"] {
        let text = world.ok(&format!("explain {name}"));
        assert!(text.contains("[lints]") && text.contains("reason = "), "{text}");
    }
    assert!(world.run("explain L9999").stderr.contains("missing-probes"));
}

fn valid(schema: &Value, file: &Path) -> Result<(), String> {
    let table: toml::Table = fs_err::read_to_string(file).unwrap().parse().unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("recipes.json", schema.clone()).unwrap();
    let index = compiler.compile("recipes.json", &mut schemas).unwrap();
    let value = serde_json::to_value(table).unwrap();
    schemas.validate(&value, index).map_err(|error| format!("{}: {error:#}", file.display()))
}

#[test]
fn the_schema_takes_every_recipe_of_this_repository_and_no_misspelt_one() {
    let world = World::new("[bundle.b]\n", &[]);
    let schema: Value = serde_json::from_str(&world.ok("schema")).unwrap();
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut count = 0;
    for folder in [recipes.clone(), recipes.join("env")] {
        for entry in fs_err::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if entry.extension().is_some_and(|it| it == "toml") {
                valid(&schema, &entry).unwrap();
                count += 1;
            }
        }
    }
    assert!(count >= 4);
    for wrong in [
        "[bundle.b]\ndeplyo = []",
        "[chart.a]\nversion = 1",
        "[chart.a]\nafter = ['apt.os']",
        "[chrat.a]",
        "[rootfs.a.users.b]\nsudo = 'yes'",
    ] {
        fs_err::write(world.path("wrong.toml"), wrong).unwrap();
        assert!(valid(&schema, &world.path("wrong.toml")).is_err(), "{wrong}");
    }
}

#[test]
fn a_project_begins_with_a_template_that_is_right() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("config.toml"), "").unwrap();
    let run = |arguments: &str, at: &Path| -> Run {
        let mut command = gabion(at);
        command.env("GABION_CONFIG", folder.path().join("config.toml"));
        command.args(arguments.split_whitespace()).output().unwrap().into()
    };
    for template in ["minimal", "vps-k3s", "seed"] {
        let made = run(&format!("init {template} --template {template}"), folder.path());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let project = folder.path().join(template);
        let checked = run("check --recipes", &project);
        assert_eq!(checked.code, 0, "{template}: {} {}", checked.stdout, checked.stderr);
        let schema: Value =
            serde_json::from_str(&fs_err::read_to_string(project.join(".gabion/schema.json")).unwrap())
                .unwrap();
        valid(&schema, &project.join("gabion.toml")).unwrap();
        // Nothing is written over.
        assert_eq!(run(&format!("init --template {template}"), &project).code, 2);
    }
    let seed = fs_err::read_to_string(folder.path().join("seed/platform.toml")).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/platform.toml");
    assert_eq!(seed, fs_err::read_to_string(own).unwrap());
    // The smallest one is a bundle without a network.
    let minimal = folder.path().join("minimal");
    let built = run("build", &minimal);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let checked = run("check --deny-warnings", &minimal);
    assert_eq!(checked.code, 0, "{} {}", checked.stdout, checked.stderr);
}

#[test]
fn a_node_is_added_with_its_usual_keys() {
    let world = World::new("[bundle.b]\n", &[]);
    world.ok("new chart web");
    let text = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    assert!(text.contains("[chart.web]\nrepo = ") && text.contains("namespace = \"web\""), "{text}");
    world.ok("new host prod");
    assert_eq!(world.run("new host prod").code, 2);
    assert!(world.run("new chrat web").stderr.contains("kinds are"));
    assert!(world.run("new chart Web").stderr.contains("cannot name a node"));
}
