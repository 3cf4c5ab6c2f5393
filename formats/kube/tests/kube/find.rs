//! Discovery and decisions.

use super::{KAFKA, MONITORING, OTHERS, STRIMZI, read};
use gabion_kube::{
    Candidate, Choice, Class, Closure, DecideError, Decision, Decisions, Document, Extra, Rules, annotated,
    decide, discover, documents,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Instant;

fn closure(documents: &[Document], decisions: &Decisions) -> Result<Closure, Vec<DecideError>> {
    decide(&discover(documents, &Rules::shipped()), documents, decisions)
}

fn images(closure: &Closure) -> Vec<String> {
    closure.images.keys().map(ToString::to_string).collect()
}

fn ignored(closure: &Closure) -> Vec<(&str, &str)> {
    closure.ignored.iter().map(|it| (it.text.as_str(), it.reason.as_str())).collect()
}

#[test]
fn strimzi_brings_the_images_of_the_versions_in_use() {
    let set = read(&[STRIMZI, KAFKA]);
    let closure = closure(&set, &Decisions::default()).unwrap();
    assert_eq!(
        images(&closure),
        ["quay.io/strimzi/kafka:0.45.0-kafka-3.9.0", "quay.io/strimzi/operator:0.45.0"],
        "{:#?}",
        closure.ignored
    );
    let ignored = ignored(&closure);
    assert!(ignored.contains(&(
        "quay.io/strimzi/kafka:0.45.0-kafka-3.8.1",
        "no object says `3.8.1`: Kafka with `spec.kafka.version`"
    )));
    assert!(ignored.contains(&("quay.io/strimzi/kafka-bridge:0.31.1", "the bundle has no KafkaBridge")));
    assert!(ignored.contains(&("quay.io/strimzi/kafka:0.45.0-kafka-3.9.0", "documentation of a kind")));
    assert_eq!(closure.reasons()["documentation of a kind"], 1);
}

#[test]
fn an_object_that_says_no_version_may_mean_each() {
    let set = read(&[STRIMZI, &KAFKA.replace("    version: 3.9.0\n", "")]);
    let closure = closure(&set, &Decisions::default()).unwrap();
    let kafka = images(&closure).into_iter().filter(|it| it.contains("/kafka:")).count();
    assert_eq!(kafka, 3);
}

#[test]
fn an_operator_without_objects_is_an_operator_alone() {
    let closure = closure(&read(&[STRIMZI]), &Decisions::default()).unwrap();
    assert_eq!(images(&closure), ["quay.io/strimzi/operator:0.45.0"]);
}

#[test]
fn prometheus_is_found_in_fields_arguments_and_versions() {
    let set = read(&[MONITORING]);
    let closure = closure(&set, &Decisions::default()).unwrap();
    assert_eq!(
        images(&closure),
        [
            "docker.io/library/proxy:latest",
            "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0",
            "quay.io/prometheus-operator/prometheus-operator:v0.85.0",
            "quay.io/prometheus/alertmanager:v0.28.1",
            "quay.io/prometheus/prometheus:v3.5.0",
            "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.2",
        ]
    );
    let ignored = ignored(&closure);
    for wanted in [
        ("quay.io/thanos/thanos:v0.39.2", "the bundle has no Prometheus with `spec.thanos`, no ThanosRuler"),
        ("docker.io/bats/bats:v1.4.1", "a test of the chart, which never runs"),
        ("quay.io/a/b:v1", "a dashboard"),
        ("ghcr.io/a/b:1", "queries and their texts"),
    ] {
        assert!(ignored.contains(&wanted), "{wanted:?}: {ignored:#?}");
    }
    assert_eq!(ignored.len(), 5, "{ignored:#?}");
    let with_thanos =
        MONITORING.replace("  version: v3.5.0\n", "  thanos: {version: v0.39.2}\n  version: v3.5.0\n");
    let closure = super::find::closure(&read(&[&with_thanos]), &Decisions::default()).unwrap();
    assert_eq!(closure.images[&"quay.io/thanos/thanos:v0.39.2".parse().unwrap()].len(), 2);
}

#[test]
fn what_no_rule_knows_must_be_decided_with_the_text_that_is_shown() {
    let set = read(&[OTHERS]);
    let errors = closure(&set, &Decisions::default()).unwrap_err();
    let [DecideError::Undecided(open)] = &errors[..] else { panic!("{errors:#?}") };
    assert_eq!(open.image, "quay.io/example/x:v1");
    assert_eq!(open.places[0].path.to_string(), "spec.valuesContent > image.repository");
    assert_eq!(
        errors[0].help("manifests.apps.images"),
        "write into the recipe:\n[manifests.apps.images]\ninclude = [\"quay.io/example/x:v1\"]\n\
         # or, if it is never started: exclude = { \"quay.io/example/x:v1\" = \"why\" }"
    );
    assert!(errors[0].to_string().contains(
        "named at `spec.valuesContent > image.repository` of HelmChart kube-system/x (`test.yaml`)"
    ));
    let decision = Decision::new(Some("quay.io/example/x:v1"), None, Choice::Include).unwrap();
    let decisions = Decisions { decisions: vec![decision], extra: Vec::new() };
    let closure = closure(&set, &decisions).unwrap();
    assert_eq!(
        images(&closure),
        [
            "docker.io/rancher/klipper-helm:v0.9.12-build20251215",
            "docker.io/rancher/local-path-provisioner:v0.0.32",
            "docker.io/rancher/mirrored-library-busybox:1.37.0",
            "ghcr.io/example/app:v1.2.3",
            "quay.io/example/x:v1",
            "quay.io/jetstack/cert-manager-acmesolver:v1.18.2",
            "quay.io/jetstack/cert-manager-controller:v1.18.2",
        ]
    );
    let busybox = &closure.images[&"docker.io/rancher/mirrored-library-busybox:1.37.0".parse().unwrap()];
    let paths: Vec<String> =
        busybox.iter().map(|why| format!("{:?} {}", why.class.unwrap(), why.path)).collect();
    assert_eq!(
        paths,
        [
            "A data[\"helperPod.yaml\"] > spec.containers[helper-pod].image",
            "C spec.template.spec.containers[local-path-provisioner].command[--helper-image]",
        ]
    );
}

#[test]
fn a_decision_beats_every_rule_and_one_that_covers_nothing_is_an_error() {
    let set = read(&[STRIMZI]);
    let exclude = |reason: &str| Choice::Exclude { reason: reason.to_owned() };
    let right =
        Decision::new(None, Some("spec.template.spec.containers[*].image"), exclude("pulled elsewhere"))
            .unwrap();
    let right = right.of_object("Deployment kafka/strimzi-*");
    let wrong = Decision::new(Some("quay.io/strimzi/operatr:0.45.0"), None, Choice::Include).unwrap();
    let decisions = Decisions { decisions: vec![right.clone(), wrong], extra: Vec::new() };
    let errors = closure(&set, &decisions).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code(), "E1707");
    assert_eq!(
        errors[0].help("chart.kafka.images"),
        "did you mean `quay.io/strimzi/operator:0.45.0`? otherwise take it out of `[chart.kafka.images]`"
    );
    let decisions = Decisions { decisions: vec![right], extra: Vec::new() };
    let closure = closure(&set, &decisions).unwrap();
    assert_eq!(ignored(&closure).iter().filter(|it| it.1 == "pulled elsewhere").count(), 1);
}

#[test]
fn extra_images_and_annotations_are_added_and_replace_nothing() {
    let list = "- name: a\n  image: docker.io/bitnami/a:1.0.0-debian-12-r1\n- name: b\n  image: ghcr.io/x/b:2\n  condition: b.enabled\n";
    let annotations =
        BTreeMap::from([("images".to_owned(), list.to_owned()), ("category".to_owned(), "x".to_owned())]);
    let extra = annotated(&annotations, "chart a").unwrap();
    assert_eq!(extra[1].condition.as_deref(), Some("b.enabled"));
    let mine = Extra {
        reference: "quay.io/a/b:1".parse().unwrap(),
        from: "images.extra".to_owned(),
        condition: None,
    };
    let decisions = Decisions { decisions: Vec::new(), extra: extra.into_iter().chain([mine]).collect() };
    let closure = closure(&read(&[STRIMZI]), &decisions).unwrap();
    assert_eq!(images(&closure).len(), 4);
    let why = &closure.images[&"ghcr.io/x/b:2".parse().unwrap()][0];
    assert_eq!(why.because.to_string(), "annotation `images` of chart a");
    let wrong = BTreeMap::from([("helm.sh/images".to_owned(), "- image: A b".to_owned())]);
    assert_eq!(annotated(&wrong, "chart a").unwrap_err()[0].code(), "E1708");
}

#[test]
fn a_rule_of_the_user_stands_before_the_shipped_ones() {
    let mine = "[[image]]\nkinds = [\"apps/Deployment\"]\npaths = [\"env[STRIMZI_KAFKA_IMAGES]\"]\ntext = \"*3.8.1\"\ninclude = true\n";
    let rules = Rules::shipped().with(mine, "mine.toml").unwrap();
    let set = read(&[STRIMZI]);
    let closure = decide(&discover(&set, &rules), &set, &Decisions::default()).unwrap();
    let why = &closure.images[&"quay.io/strimzi/kafka:0.45.0-kafka-3.8.1".parse().unwrap()];
    assert_eq!(why[0].because.to_string(), "mine.toml:1");
}

fn one(text: &str) -> Vec<Candidate> {
    discover(&documents(text, "test.yaml").unwrap(), &Rules::shipped())
}

#[test]
fn a_container_whose_image_cannot_be_read_is_an_error() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: 'Quay.io/A'}]}\n";
    let errors = decide(&one(text), &[], &Decisions::default()).unwrap_err();
    assert_eq!(errors[0].code(), "E1706");
    assert!(errors[0].to_string().contains("`spec.containers[c].image` of Pod a"), "{}", errors[0]);
}

#[test]
fn volumes_secrets_and_split_fields_are_read() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  volumes:\n  - {name: v, image: {reference: 'quay.io/a/model:1', pullPolicy: Always}}\n\
                ---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {config: aW1hZ2U6IHF1YXkuaW8vYS9pbi1zZWNyZXQ6MQo=}\n\
                ---\napiVersion: x.example.com/v1\nkind: X\nmetadata: {name: x}\nspec:\n  a: {registry: quay.io, repository: a/b, tag: 1, digest: ''}\n  b: {image: nginx}\n  c: {repository: https://charts.example.com, tag: v1}\n";
    let found: Vec<(Class, String)> =
        one(text).into_iter().map(|it| (it.class, it.reference.unwrap().to_string())).collect();
    assert_eq!(
        found,
        [
            (Class::A, "quay.io/a/model:1".to_owned()),
            (Class::C, "quay.io/a/in-secret:1".to_owned()),
            (Class::D, "quay.io/a/b:1".to_owned()),
            (Class::D, "docker.io/library/nginx:latest".to_owned()),
        ]
    );
    assert_eq!(one(text)[0].pull_policy.as_deref(), Some("Always"));
}

#[test]
fn annotations_that_are_called_image_must_be_decided_and_others_are_counted() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations: {sidecar.istio.io/proxyImage: 'docker.io/istio/proxyv2:1.24', note: 'see quay.io/a/b:1'}\nspec: {}\n";
    let errors = decide(&one(text), &[], &Decisions::default()).unwrap_err();
    assert!(errors.len() == 1 && errors[0].to_string().contains("istio"), "{errors:#?}");
}

const SHAPES: [(&str, &str, Class); 12] = [
    ("apiVersion: v1\nkind: Pod\nspec: {initContainers: [{name: a, image: 'IMAGE'}]}\n", "pod", Class::A),
    (
        "apiVersion: apps/v1\nkind: StatefulSet\nspec: {template: {spec: {containers: [{name: a, image: 'IMAGE'}]}}}\n",
        "set",
        Class::A,
    ),
    (
        "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: 'IMAGE'}]}}}}}\n",
        "cron",
        Class::A,
    ),
    (
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {volumes: [{image: {reference: 'IMAGE'}}]}}}}]\n",
        "list",
        Class::A,
    ),
    ("apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {image: 'IMAGE'}\n", "field", Class::B),
    (
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nspec: {kafka: {image: 'IMAGE'}}\n",
        "deep field",
        Class::B,
    ),
    (
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, env: [{name: A, value: 'IMAGE'}]}]}\n",
        "env",
        Class::C,
    ),
    (
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, args: ['--a=IMAGE,x']}]}\n",
        "argument",
        Class::C,
    ),
    (
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, command: [sh, -c, 'run IMAGE; true']}]}\n",
        "command",
        Class::C,
    ),
    ("apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n    x:\n      y: 'IMAGE'\n", "file", Class::C),
    (
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n    apiVersion: v1\n    kind: Pod\n    spec: {containers: [{image: 'IMAGE'}]}\n",
        "inside",
        Class::A,
    ),
    ("apiVersion: x.example.com/v1\nkind: X\nspec: {a: [{b: {c: 'about IMAGE.'}}]}\n", "other", Class::D),
];

#[test]
fn every_candidate_has_its_place_in_the_text() {
    for text in [STRIMZI, KAFKA, MONITORING, OTHERS] {
        for candidate in one(text) {
            let Some(at) = candidate.at else {
                // Several fields make up one image.
                let path = candidate.path.to_string();
                let ends = ["images[ghcr.io/example/app].name", "image.repository", "spec.version"];
                assert!(ends.iter().any(|it| path.ends_with(it)), "{candidate:?}");
                continue;
            };
            assert_eq!(text[at.start as usize..at.end as usize], candidate.text);
        }
    }
    let lines = STRIMZI.lines().position(|it| it.contains("3.8.1=")).unwrap();
    let found = one(STRIMZI).into_iter().find(|it| it.key.as_deref() == Some("3.8.1")).unwrap();
    let before = &STRIMZI[..found.at.unwrap().start as usize];
    assert_eq!(before.matches('\n').count(), lines);
}

#[test]
fn a_deep_document_is_walked_on_a_small_stack() {
    let deep = |leaf: &str| {
        let (open, close) = ("{a: ".repeat(450), "}".repeat(450));
        format!("apiVersion: x.example.com/v1\nkind: X\nmetadata: {{name: a}}\nspec: {open}{leaf}{close}\n")
    };
    let (old, new) = (read(&[&deep("quay.io/a/b:1")]), read(&[&deep("quay.io/a/b:2")]));
    assert_eq!(discover(&old, &Rules::shipped()).len(), 1);
    assert_eq!(gabion_kube::diff(&old, &new).objects[0].fields.len(), 1);
}

#[test]
fn what_programs_are_configured_with_makes_no_noise() {
    let files = [
        "global: {scrape_interval: 30s}\nalerting: {alertmanagers: [{static_configs: [{targets: ['alertmanager.monitoring.svc:9093']}]}]}\n",
        "[server]\nroot_url = https://grafana.example.com:443/a/b\n[paths]\ndata = /var/lib/grafana/\nplugins = /var/lib/grafana/plugins:/opt/x.d/plugins\n",
        "listeners=PLAIN://:9092,TLS://0.0.0.0:9093\nsasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"a\";\nbootstrap.servers=kafka-0.kafka.svc.cluster.local:9092\n",
        ".:53 {\n  kubernetes cluster.local in-addr.arpa ip6.arpa\n  forward . /etc/resolv.conf\n  hosts /etc/coredns/NodeHosts {\n ttl 60\n}\n",
        "location ~ ^/api/v1/(.*)$ { proxy_pass http://backend.app.svc:8080/v1/$1; }\nlog_format a '$remote_addr - [$time_local]';\n",
        "#!/bin/sh\nset -eu\nPATH=/usr/local/bin:/usr/bin\ncurl -fsS https://example.com:8443/a/b:c | tar -C /opt/a.b -xz\nchown 1000:1000 /data/a.b/c\n",
        "- job_name: 'a'\n  relabel_configs:\n  - {source_labels: [__address__], regex: '([^:]+)(?::\\d+)?', replacement: '$1:10250/metrics', target_label: x}\n",
        "0 3 * * * root test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily\n",
        "{\"repository\": \"https://github.com/a/b\", \"tag\": \"v1\", \"schema\": \"http://json-schema.org/draft-07/schema#\"}",
        "rule: job:request_latency_seconds:mean5m{job=\"myjob\"} > 0.5/1:2\ncontact: ops@example.com\nnet: 10.42.0.0/16,10.43.0.0/16\n",
        "apiVersion: v1\nkind: Config\nclusters: [{cluster: {server: 'https://10.43.0.1:443'}, name: x}]\n",
        "tolerations: node-role.kubernetes.io/control-plane:NoSchedule\nselector: app.kubernetes.io/name=a,helm.sh/chart=b\n",
    ];
    for file in files {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  f: |\n    {}\n",
            file.replace('\n', "\n    ")
        );
        let found: Vec<String> = one(&text).into_iter().map(|it| it.text).collect();
        assert!(found.is_empty(), "{found:?} in {file}");
    }
}

proptest! {
    #[test]
    fn every_planted_image_is_found(
        host in "([a-z][a-z0-9]{0,5}\\.){1,2}[a-z]{2,4}(:[1-9][0-9]{0,3})?",
        name in "[a-z][a-z0-9]{0,5}([-_./][a-z0-9]{1,4}){0,3}",
        tag in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}[A-Za-z0-9]",
        digest in proptest::option::of("[0-9a-f]{64}"),
        shape in 0..SHAPES.len(),
    ) {
        let digest = digest.map_or_else(String::new, |it| format!("@sha256:{it}"));
        let image = format!("{host}/{name}:{tag}{digest}");
        let (shape, what, class) = SHAPES[shape];
        let found = one(&shape.replace("IMAGE", &image));
        prop_assert_eq!(found.len(), 1, "{} {}", what, image);
        let at = found[0].at.clone().unwrap();
        let text = shape.replace("IMAGE", &image);
        prop_assert_eq!(&text[at.start as usize..at.end as usize], &image, "{}", what);
        prop_assert_eq!(&found[0].text, &image);
        prop_assert_eq!(found[0].class, class);
    }

    #[test]
    fn no_text_is_a_panic(text in any::<String>(), words in "([a-z.:/@=,\"'{} \n-]|image|kind: |apiVersion: v1){0,60}") {
        let yaml = |text: &str| format!("apiVersion: v1\nkind: ConfigMap\ndata: {{image: {text:?}}}\n");
        for text in [text, words] {
            if let Ok(set) = documents(&yaml(&text.replace(|it: char| it.is_control() && it != '\n', " ")), "a") {
                let _ = decide(&discover(&set, &Rules::shipped()), &set, &Decisions::default());
            }
            let _ = documents(&text, "a");
        }
    }
}

/// What a chart of 125 documents and 700 kB is: mostly descriptions, queries and a few programs.
fn large() -> Vec<Document> {
    let description = "Path of the file, for example /etc/prometheus/config/x.yaml. See https://prometheus.io/docs/a/b for more. ".repeat(4);
    let property = |number: usize| {
        format!("              field{number}: {{type: string, description: \"{description}\"}}\n")
    };
    let properties: String = (0..150).map(property).collect();
    let crd = |number: usize| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: x{number}.example.com}}\nspec:\n  group: example.com\n  \
             names: {{kind: X{number}}}\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        properties:\n          spec:\n            properties:\n{properties}"
        )
    };
    let mut texts: Vec<String> = (0..9).map(crd).collect();
    texts.extend((0..20).map(|_| MONITORING.to_owned()));
    let text = texts.join("---\n");
    assert!(text.len() > 700_000, "{}", text.len());
    documents(&text, "large.yaml").unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever runs it may want to know")]
fn a_large_manifest_is_walked_in_no_more_than_linear_time() {
    let set = large();
    let rules = Rules::shipped();
    let times = (0..5).map(|_| {
        let start = Instant::now();
        assert!(discover(&set, &rules).len() >= 200);
        start.elapsed().as_micros()
    });
    let best = times.min().unwrap();
    println!("{} documents walked in {best} µs", set.len());
    // Ten milliseconds on a quiet machine. What is quadratic takes seconds, also on the fastest one.
    assert!(best < 1_000_000, "{best} µs");
}
