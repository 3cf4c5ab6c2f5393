//! Documents against the schemas of Kubernetes and of definitions.

use gabion_kube::{Cluster, LintKind, NodeSize, Told, documents, review};

/// What the schemas say of a text, `name at path: why`.
fn judged(minor: u32, text: &str) -> Vec<String> {
    let documents = documents(text, "a.yaml").unwrap();
    let told = documents.iter().map(|document| Told { document, own: false }).collect();
    let (serves, packaged) = (Vec::new(), vec!["local-storage".to_owned()]);
    let cluster = Cluster { told, minor, serves, packaged, runtime_config: true, node: NodeSize::default() };
    let schema = [
        LintKind::UnknownField,
        LintKind::WrongType,
        LintKind::MissingField,
        LintKind::BadValue,
        LintKind::DuplicateItem,
    ];
    let found = review(&cluster).lints.into_iter().filter(|it| schema.contains(&it.kind));
    found.map(|it| format!("{} at {}: {}", it.kind.name(), it.path, it.why)).collect()
}

fn pod(container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, {container}}}]}}\n"
    )
}

#[test]
fn kubernetes_own_kinds_are_judged_by_the_pinned_version() {
    let check = |text: &str, wanted: &[&str]| assert_eq!(judged(34, text), wanted, "{text}");
    check(&pod("image: a"), &[]);
    check(
        &pod("image: 1"),
        &["wrong-type at spec.containers[c].image: `1` is a number, and the field takes a text"],
    );
    check(
        &pod("imagePullPolicy: always"),
        &[
            "bad-value at spec.containers[c].imagePullPolicy: `always` is none of `Always`, `IfNotPresent`, `Never`",
        ],
    );
    check(&pod("imagePullPolicy: ''"), &[]);
    check(&pod("image: null"), &[]);
    check(
        &pod("resources: {limits: {memory: 1GB}}"),
        &["bad-value at spec.containers[c].resources.limits.memory: `1GB` is no quantity"],
    );
    check(&pod("resources: {limits: {cpu: 2, memory: 1.5Gi}}"), &[]);
    check(&pod("livenessProbe: {httpGet: {port: http}}"), &[]);
    check(
        &pod("livenessProbe: {httpGet: {port: [1]}}"),
        &[
            "wrong-type at spec.containers[c].livenessProbe.httpGet.port: this list is a list, and the field takes a whole number or a text",
        ],
    );
    check(
        &pod("livenessProbe: {httpGet: {}}"),
        &["missing-field at spec.containers[c].livenessProbe.httpGet: `port` is missing"],
    );
    check(
        &pod("env: [{name: A, value: a}, {name: A, value: b}]"),
        &["duplicate-item at spec.containers[c].env[A]: items 0 and 1 both have name `A`"],
    );
    // The protocol is part of the key, and TCP where nothing is said.
    check(&pod("ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]"), &[]);
    check(
        &pod("ports: [{containerPort: 53}, {containerPort: 53, protocol: TCP}]"),
        &[
            "duplicate-item at spec.containers[c].ports[1]: items 0 and 1 both have containerPort `53`, protocol `TCP`",
        ],
    );
    check(
        &pod("restartPolicy: Always, replicas: 1"),
        &["unknown-field at spec.containers[c].replicas: there is no field `replicas` here"],
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {x: true}}\ndata: {a: 1}\n",
        &[
            "wrong-type at data.a: `1` is a number, and the field takes a text",
            "wrong-type at metadata.annotations.x: `true` is a truth value, and the field takes a text",
        ],
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1.5}\nstatus: {conditions: [{}]}\n",
        &[
            "wrong-type at spec.replicas: `1.5` is a number, and the field takes a whole number",
            "missing-field at spec: `selector` is missing",
            "missing-field at spec: `template` is missing",
        ],
    );
    // No value of a secret is told.
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: hunter2!}\n";
    check(secret, &["bad-value at data.a: this value takes base64"]);
    // What a newer version has an older one has not.
    let claim = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: a}\nspec: {x: 1}\n";
    assert_eq!(judged(34, claim).len(), 1);
    assert_eq!(judged(31, claim), [""; 0]);
}

fn resource(schema: &str, spec: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: xs.x.io}}\nspec:\n  group: x.io\n  scope: Namespaced\n  names: {{kind: X, plural: xs}}\n\
         \x20 versions:\n  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, required: [spec], properties: {{spec: {schema}}}}}}}}}\n\
         ---\napiVersion: x.io/v1\nkind: X\nmetadata: {{name: a, labels: {{a: b}}}}\n{spec}\n"
    )
}

#[test]
fn custom_resources_are_judged_by_their_definition() {
    let check = |schema: &str, spec: &str, wanted: &[&str]| {
        let found = judged(34, &resource(schema, &format!("spec: {spec}")));
        assert_eq!(found, wanted, "{schema} / {spec}");
    };
    let of = |property: &str| format!("{{type: object, properties: {{a: {property}}}}}");
    let (at, bad) = (" at spec.a: ", "bad-value at spec.a: ");
    check(&of("{type: string}"), "{a: x}", &[]);
    check(&of("{type: string}"), "{b: x}", &["unknown-field at spec.b: there is no field `b` here"]);
    check("{type: object}", "{b: x}", &["unknown-field at spec.b: there is no field `b` here"]);
    check("{type: object, x-kubernetes-preserve-unknown-fields: true}", "{b: x}", &[]);
    check(
        "{type: object, additionalProperties: {type: integer}}",
        "{b: x}",
        &["wrong-type at spec.b: `x` is a text, and the field takes a whole number"],
    );
    check(&of("{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}"), "{a: 5}", &[]);
    check(
        &of("{x-kubernetes-int-or-string: true}"),
        "{a: true}",
        &[&format!("wrong-type{at}`true` is a truth value, and the field takes a whole number or a text")],
    );
    check(
        &of("{type: string, pattern: '^[a-z]+$'}"),
        "{a: A1}",
        &[&format!("{bad}`A1` does not match `^[a-z]+$`")],
    );
    // A pattern that Rust cannot read says nothing.
    check(&of("{type: string, pattern: '^(?=x)'}"), "{a: A1}", &[]);
    check(
        &of("{type: string, minLength: 2, maxLength: 3}"),
        "{a: x}",
        &[&format!("{bad}`x` is shorter than 2")],
    );
    check(
        &of("{type: string, minLength: 2, maxLength: 3}"),
        "{a: äöüß}",
        &[&format!("{bad}`äöüß` is longer than 3")],
    );
    check(&of("{type: integer, minimum: 1, maximum: 3}"), "{a: 0}", &[&format!("{bad}`0` is less than 1")]);
    check(
        &of("{type: integer, minimum: 1, exclusiveMinimum: true}"),
        "{a: 1}",
        &[&format!("{bad}`1` is less than 1")],
    );
    check(&of("{type: integer, multipleOf: 5}"), "{a: 7}", &[&format!("{bad}`7` is no multiple of 5")]);
    check(
        &of("{type: array, minItems: 1, items: {type: string}}"),
        "{a: []}",
        &[&format!("{bad}this list has fewer than 1 items")],
    );
    check(
        &of("{type: array, items: {type: string}}"),
        "{a: [x, null]}",
        &["wrong-type at spec.a[1]: `null` is nothing, and the field takes a text"],
    );
    check(
        &of("{type: array, x-kubernetes-list-type: set, items: {type: string}}"),
        "{a: [x, x]}",
        &["duplicate-item at spec.a[1]: items 0 and 1 both have the same value"],
    );
    check(
        &of(
            "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, properties: {k: {type: string, default: d}}}}",
        ),
        "{a: [{}, {k: d}]}",
        &["duplicate-item at spec.a[1]: items 0 and 1 both have k `d`"],
    );
    check(&of("{type: string, enum: [a, b]}"), "{a: c}", &[&format!("{bad}`c` is none of `a`, `b`")]);
    check(
        &of("{type: string, format: date-time}"),
        "{a: today}",
        &[&format!("{bad}`today` takes a time, `2026-11-25T22:00:00Z`")],
    );
    // What is null is not there, unless it may be.
    check(
        "{type: object, required: [a], properties: {a: {type: string}}}",
        "{a: null}",
        &["missing-field at spec: `a` is missing"],
    );
    check(&of("{type: string, nullable: true}"), "{a: null}", &[]);
    let either = "{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}";
    check(either, "{a: x}", &[]);
    check(
        either,
        "{a: x, b: x}",
        &[
            "bad-value at spec: this mapping must fit one of the alternatives and no other that its definition names",
        ],
    );
    check(
        &of(
            "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}",
        ),
        "{a: {kind: X, apiVersion: v1, z: 1}}",
        &[],
    );
    assert_eq!(judged(34, &resource("{type: object}", "")), ["missing-field at : `spec` is missing"]);
    assert_eq!(
        judged(34, &resource("{type: object}", "spec: {}\nextra: 1")),
        ["unknown-field at extra: there is no field `extra` here"]
    );
}

#[test]
fn what_has_no_schema_is_counted() {
    let text = "apiVersion: y.io/v1\nkind: Other\nmetadata: {name: a}\nanything: 1\n";
    let documents = documents(text, "a").unwrap();
    let told = documents.iter().map(|document| Told { document, own: true }).collect();
    let cluster = Cluster {
        told,
        minor: 34,
        serves: vec!["y.io/v1/Other".to_owned()],
        packaged: Vec::new(),
        runtime_config: false,
        node: NodeSize::default(),
    };
    let found = review(&cluster);
    assert_eq!((found.judged, found.unjudged.len(), found.lints.len()), (0, 1, 0));
}
