//! The same objects judged by Kubernetes' own packages, and the table of schemas made anew from its releases.

use gabion_kube::{Cluster, Document, LintKind, NodeSize, Told, documents, review};
use gabion_testkit::skip;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Kubernetes' own judge, where it can be built.
fn judge() -> Option<PathBuf> {
    let cache = folder("../../target/kube-peer");
    let built = Command::new(folder("tests/validator/build")).arg(cache).output();
    match built {
        Ok(out) if out.status.success() => Some(String::from_utf8(out.stdout).unwrap().trim().into()),
        _ => {
            skip(
                "Kubernetes' own packages are not here (Go, and the modules that `tests/validator/go.sum` pins)",
            );
            None
        }
    }
}

/// What the judge says of pairs of a schema and an object.
fn verdicts(program: &Path, questions: &[Value]) -> Vec<Vec<String>> {
    let mut child =
        Command::new(program).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> = questions.iter().map(Value::to_string).collect();
    let text = lines.join("\n") + "\n";
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success());
    let lines = String::from_utf8(out.stdout).unwrap();
    let read = |line: &str| -> Vec<String> {
        serde_json::from_value(serde_json::from_str::<Value>(line).unwrap()["wrong"].take()).unwrap()
    };
    lines.lines().map(read).collect()
}

/// What our schemas say of the last document of a text.
fn ours(documents: &[Document], only: &[LintKind]) -> Vec<String> {
    let last = &documents.last().unwrap().id;
    let told = documents.iter().map(|document| Told { document, own: false }).collect();
    let (serves, packaged) = (Vec::new(), Vec::new());
    let cluster =
        Cluster { told, minor: 34, serves, packaged, runtime_config: true, node: NodeSize::default() };
    let found = review(&cluster).lints.into_iter().filter(|it| it.object == *last && only.contains(&it.kind));
    found.map(|it| it.to_string()).collect()
}

const SCHEMA: [LintKind; 5] = [
    LintKind::UnknownField,
    LintKind::WrongType,
    LintKind::MissingField,
    LintKind::BadValue,
    LintKind::DuplicateItem,
];

/// A schema for `spec`, and values of it, good and bad.
const CUSTOM: &[(&str, &[&str])] = &[
    (
        "{type: string, minLength: 2, maxLength: 3, pattern: '^[a-z]+$'}",
        &["ab", "a", "abcd", "A1", "1", "null", "[]", "''"],
    ),
    (
        "{type: integer, minimum: 1, maximum: 5, multipleOf: 2}",
        &["2", "0", "6", "3", "2.5", "2.0", "'2'", "true"],
    ),
    ("{type: integer, format: int32, minimum: 1, exclusiveMinimum: true}", &["1", "2", "4294967296"]),
    ("{type: number, maximum: 2, exclusiveMaximum: true}", &["1.5", "2", "2.0"]),
    (
        "{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}",
        &["1", "'a'", "true", "{}"],
    ),
    ("{type: boolean}", &["true", "'true'", "1"]),
    ("{type: string, enum: [a, b]}", &["a", "c", "''"]),
    ("{type: string, format: date-time}", &["'2026-11-25T22:00:00Z'", "'2026-11-25'", "today"]),
    ("{type: string, format: byte}", &["YWI=", "'a b'"]),
    ("{type: string, nullable: true}", &["null", "a"]),
    (
        "{type: array, minItems: 1, maxItems: 2, items: {type: string}}",
        &["[]", "[a]", "[a, b, c]", "[1]", "[null]", "{}"],
    ),
    ("{type: array, x-kubernetes-list-type: set, items: {type: string}}", &["[a, b]", "[a, a]"]),
    (
        "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: {k: {type: string}, v: {type: integer}}}}",
        &["[{k: a}, {k: b}]", "[{k: a}, {k: a, v: 1}]", "[{v: 1}]", "[{k: a, z: 1}]"],
    ),
    ("{type: object, additionalProperties: {type: integer}}", &["{a: 1}", "{a: b}", "{a: null}", "{}"]),
    ("{type: object}", &["{}", "{a: 1}", "[]"]),
    ("{type: object, x-kubernetes-preserve-unknown-fields: true}", &["{a: {b: 1}}", "1"]),
    (
        "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: integer}}}",
        &["{a: 1, b: 2}", "{a: x, b: 2}"],
    ),
    (
        "{type: object, required: [a], properties: {a: {type: string}, b: {type: object, properties: {c: {type: string}}}}}",
        &["{a: x}", "{}", "{a: null}", "{a: x, b: {c: y}}", "{a: x, b: {d: y}}", "{a: x, b: null}"],
    ),
    (
        "{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}",
        &["{a: x}", "{a: x, b: y}", "{}", "{c: x}"],
    ),
    (
        "{type: object, properties: {a: {type: string}, b: {type: string}}, not: {required: [a, b]}}",
        &["{a: x}", "{a: x, b: y}"],
    ),
    (
        "{type: object, properties: {a: {type: integer}}, allOf: [{properties: {a: {minimum: 3}}}]}",
        &["{a: 3}", "{a: 2}"],
    ),
    ("{type: object, minProperties: 1, additionalProperties: {type: string}}", &["{}", "{a: b}"]),
    (
        "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}",
        &["{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {x: 1}}"],
    ),
];

#[test]
fn custom_resources_are_judged_as_the_api_server_judges_them() {
    let Some(program) = judge() else { return };
    let (mut questions, mut expected) = (Vec::new(), Vec::new());
    for (schema, values) in CUSTOM {
        for value in *values {
            let text = format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: xs.x.io}}\nspec:\n  group: x.io\n  scope: Namespaced\n  names: {{kind: X, plural: xs}}\n\
                 \x20 versions:\n  - name: v1\n    served: true\n    storage: true\n    schema: {{openAPIV3Schema: {{type: object, required: [spec], properties: {{spec: {schema}}}}}}}\n\
                 ---\napiVersion: x.io/v1\nkind: X\nmetadata: {{name: a}}\nspec: {value}\n"
            );
            let documents = documents(&text, "a").unwrap();
            let definition: Value = serde_json::from_str(&documents[0].to_json()).unwrap();
            let object: Value = serde_json::from_str(&documents[1].to_json()).unwrap();
            let schema_json = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            questions.push(json!({ "schema": schema_json, "object": object }));
            expected.push((format!("{schema} / {value}"), ours(&documents, &SCHEMA)));
        }
    }
    let theirs = verdicts(&program, &questions);
    assert_eq!(theirs.len(), expected.len());
    assert!(theirs.iter().any(Vec::is_empty) && theirs.iter().any(|it| !it.is_empty()));
    let differ =
        expected.iter().zip(&theirs).filter(|((_, ours), theirs)| ours.is_empty() != theirs.is_empty());
    let differ: Vec<_> = differ.collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

/// Objects of Kubernetes' own kinds; the strict decoder looks at fields and types, not at what must be there.
const OWN: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 1}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {x: true}}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: null}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: today}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nspec: {}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==}\nstringData: {b: c}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: '!'}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1, selector: {}, template: {spec: {containers: []}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: '1'}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1.5}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replica: 1}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: c, livenesProbe: {}}]}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: {name: c}}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: c, env: [{name: A, value: 1}]}]}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: 1, memory: 1Gi}}}]}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: c, resources: {limits: {memory: 1GB}}}]}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {strategy: {rollingUpdate: {maxSurge: true}}}\n",
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}\n",
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: [{http: {paths: [{path: /, backend: {serviceName: a, servicePort: 80}}]}}]}\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never}}}}}\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: 5}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\nrules: [{apiGroups: [''], resources: [pods], verbs: ['*']}]\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\nrules: [{apiGroup: '', verbs: get}]\n",
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {minAvailable: 50%}\nstatus: {}\n",
    "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\nprovisioner: x\nparameters: {a: 1}\n",
];

#[test]
fn own_kinds_are_judged_as_the_strict_decoder_judges_them() {
    let Some(program) = judge() else { return };
    let files = ["monitoring.yaml", "strimzi.yaml", "others.yaml"];
    let mut all: Vec<Document> = OWN.iter().flat_map(|it| documents(it, "a").unwrap()).collect();
    for file in files {
        let text = fs_err::read_to_string(folder("tests/manifests").join(file)).unwrap();
        let read = documents(&text, file).unwrap();
        all.extend(read.into_iter().filter(|it| matches!(it.id.group.as_str(), "" | "apps" | "batch")));
    }
    let questions: Vec<Value> = all
        .iter()
        .map(|it| json!({ "object": serde_json::from_str::<Value>(&it.to_json()).unwrap() }))
        .collect();
    let theirs = verdicts(&program, &questions);
    assert_eq!(theirs.len(), all.len());
    for (document, theirs) in all.iter().zip(&theirs) {
        // What must be there and which words there are is asked later than by the decoder.
        let kinds = [LintKind::UnknownField, LintKind::WrongType];
        let mut ours = ours(std::slice::from_ref(document), &kinds);
        let decoded =
            |it: &String| ["quantity", "base64", "takes a time"].iter().any(|word| it.contains(word));
        ours.extend(
            self::ours(std::slice::from_ref(document), &[LintKind::BadValue]).into_iter().filter(decoded),
        );
        assert_eq!(
            ours.is_empty(),
            theirs.is_empty(),
            "{}\nours: {ours:?}\ntheirs: {theirs:?}",
            document.to_json()
        );
    }
}

#[test]
fn the_table_of_schemas_is_what_the_releases_say() {
    if !gabion_testkit::has(&["python3", "go", "gzip"]) {
        return;
    }
    let made = Command::new(folder("schemas/generate")).output().unwrap();
    if !made.status.success() {
        skip("the releases of Kubernetes cannot be had as modules of Go");
        return;
    }
    let packed = Command::new("gzip").arg("-dc").arg(folder("schemas/kubernetes.txt.gz")).output().unwrap();
    assert!(packed.status.success() && packed.stdout.starts_with(b"gabion-schemas 1\n"));
    assert!(made.stdout == packed.stdout, "run `formats/kube/schemas/generate --write`");
}
