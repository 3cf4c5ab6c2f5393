//! Charts in charts with values, conditions, tags, aliases and imports at random: what each of them sees as `.Values`.

use crate::ours;
use gabion_testkit::Helm;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

const NAMES: &[&str] = &["a", "b", "c"];
const KEYS: &[&str] = &["x", "y", "on", "global", "tags", "a", "b", "c", "exports", "two"];

/// A table, whose inner tables have the names of charts, and of what charts look for.
fn table(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        3 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        2 => (0..5).prop_map(Value::from),
        1 => Just(json!("text")),
        1 => Just(json!([1, null, {"x": null}])),
    ];
    let value = if depth == 0 { leaf.boxed() } else { prop_oneof![2 => leaf, 3 => table(depth - 1)].boxed() };
    prop::collection::vec((select(KEYS), value), 0..5)
        .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, it)| (key.to_owned(), it)).collect()))
        .boxed()
}

fn dependency() -> impl Strategy<Value = Value> {
    let condition = select(&["", "a.on", "b.on,x.on", "on", "global.on", "two.x, on", "c.a.on"][..]);
    let tags = prop::collection::vec(select(&["x", "y", "on"][..]), 0..3);
    let imports = prop::collection::vec(
        prop_oneof![
            Just(json!("x")),
            Just(json!("y")),
            Just(json!({"child": "x", "parent": "y"})),
            Just(json!({"child": "exports.x", "parent": "."})),
            Just(json!({"child": "a", "parent": "global.x"})),
            Just(json!(5)),
        ],
        0..3,
    );
    let version = select(&["", "1.x", "^1.0", ">=2", "*"][..]);
    (select(NAMES), select(&["", "", "two", "x"][..]), condition, tags, imports, version).prop_map(
        |(name, alias, condition, tags, imports, version)| {
            json!({"name": name, "alias": alias, "condition": condition, "tags": tags, "import-values": imports,
                "version": version})
        },
    )
}

const TEMPLATE: &str = "values: {{ toJson .Values }}\nchart: {{ .Chart.Name }} {{ .Chart.IsRoot }} {{ toJson .Chart.Dependencies }}\n\
    sub: {{ range $k, $v := .Subcharts }}{{ $k }} {{ $v.Chart.Name }} {{ end }}\n\
    {{- if hasKey .Values \"global\" }}{{ $_ := set .Values.global \"seen\" .Template.Name }}{{ end }}";

type Files = Vec<(String, String)>;

/// A chart below a folder, and perhaps charts below it.
fn chart(name: &'static str, folder: String, depth: u32) -> BoxedStrategy<Files> {
    let own = (table(2), prop::collection::vec(dependency(), 0..4), any::<bool>());
    let below = prop::collection::vec(select(NAMES), if depth == 0 { 0..1 } else { 0..3 });
    (own, below)
        .prop_flat_map(move |((values, needs, says), mut below)| {
            below.sort_unstable();
            below.dedup();
            let at = |file: &str| format!("{folder}{file}");
            // Two that have one name are an error, and say nothing more.
            let mut seen = std::collections::BTreeSet::new();
            let needs: Vec<Value> = needs
                .into_iter()
                .filter(|it| below.iter().any(|name| it["name"] == **name))
                .filter(|it| {
                    let key = if it["alias"] == "" { &it["name"] } else { &it["alias"] };
                    seen.insert(key.as_str().unwrap().to_owned())
                })
                .collect();
            let mut head = Map::new();
            head.insert("apiVersion".to_owned(), "v2".into());
            head.insert("name".to_owned(), name.into());
            head.insert("version".to_owned(), "1.2.0".into());
            if says || !needs.is_empty() {
                head.insert("dependencies".to_owned(), needs.into());
            }
            let own = [
                (at("Chart.yaml"), Value::Object(head).to_string()),
                (at("values.yaml"), values.to_string()),
                (at("templates/v.yaml"), TEMPLATE.to_owned()),
            ];
            let below: Vec<_> = if depth == 0 {
                Vec::new()
            } else {
                below.into_iter().map(|name| chart(name, at(&format!("charts/{name}/")), depth - 1)).collect()
            };
            below.prop_map(move |all| own.iter().cloned().chain(all.into_iter().flatten()).collect())
        })
        .boxed()
}

#[test]
fn every_chart_sees_the_values_that_helm_shows_it() {
    let Some(mut helm) = Helm::start() else { return };
    let count = std::env::var("RANDOM_CHARTS").ok().and_then(|it| it.parse().ok()).unwrap_or(400);
    let mut runner = TestRunner::deterministic();
    let (mut wrong, mut good) = (Vec::new(), 0);
    for _ in 0..count {
        let files = chart("r", String::new(), 2).new_tree(&mut runner).unwrap().current();
        let files: Map<String, Value> = files.into_iter().map(|(name, text)| (name, text.into())).collect();
        let values: Vec<String> =
            (0..2).map(|_| table(3).new_tree(&mut runner).unwrap().current().to_string()).collect();
        let question = json!({"op": "render", "chart": {"files": files}, "values": values});
        let helms = helm.ask(&question);
        let found = ours::engine_only(&question);
        let same = match (&helms, &found) {
            (Ok(helms), Ok(found)) => helms["files"] == *found,
            (Err(helms), Err((class, _))) => helms["class"] == **class,
            _ => false,
        };
        good += usize::from(helms.is_ok());
        if !same {
            let helms = helms.map(|mut it| it["files"].take());
            wrong.push(format!(
                "{}\n  values {values:?}\n  helm {helms:?}\n  ours {found:?}",
                Value::Object(files)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
    assert!(good * 2 > count, "{good} of {count} were rendered");
}
