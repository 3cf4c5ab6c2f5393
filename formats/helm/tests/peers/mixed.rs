//! Templates of any types mixed with each other, most of which are errors, given to both engines.

use crate::ours;
use gabion_testkit::Helm;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Templates of one question; Helm takes a moment for each question, and none for a template more.
const BATCH: usize = 60;
const BATCHES: usize = 12;

const TEXTS: &[&str] = &[
    "",
    "a",
    "Hello World",
    "é\u{4e16}",
    "1",
    "true",
    "a: b",
    "x\ny\n",
    " padded ",
    "a,b,c",
    "---",
    "{\"a\":1}",
];

fn leaf() -> BoxedStrategy<String> {
    let text = prop::sample::select(TEXTS).prop_map(|it| format!("{it:?}"));
    prop_oneof![
        text,
        (-3_i64..300).prop_map(|it| it.to_string()),
        prop::sample::select(&["1.5", "0.0", "-2.25", "1e6", "1e21", "0x1F", "'a'"][..])
            .prop_map(str::to_owned),
        prop::sample::select(&["true", "false", "nil"][..]).prop_map(str::to_owned),
        prop::sample::select(
            &[
                ".Values.a",
                ".Values.s",
                ".Values.l",
                ".Values.m",
                ".Values.m.b",
                ".Values.no",
                ".Values.z",
                ".Values.f",
                "$.Values.m.c",
                ".Release.Name",
                ".Chart.Version",
                "$x",
                "$.Chart"
            ][..]
        )
        .prop_map(str::to_owned),
    ]
    .boxed()
}

const ONE: &[&str] = &[
    "quote",
    "squote",
    "upper",
    "lower",
    "trim",
    "title",
    "toString",
    "int",
    "int64",
    "float64",
    "toJson",
    "toYaml",
    "len",
    "not",
    "empty",
    "kindOf",
    "typeOf",
    "b64enc",
    "sha256sum",
    "first",
    "last",
    "rest",
    "initial",
    "reverse",
    "uniq",
    "compact",
    "sortAlpha",
    "toStrings",
    "print",
    "html",
    "js",
    "urlquery",
    "toPrettyJson",
    "fromYaml",
    "fromJson",
    "trimAll \"a\"",
    "nospace",
    "snakecase",
    "camelcase",
    "kebabcase",
    "atoi",
    "floor",
    "ceil",
    "add1",
    "deepCopy",
    "indent 2",
    "nindent 3",
    "trunc 2",
    "trunc -1",
    "toYamlPretty",
    "join \"-\"",
    "splitList \",\"",
    "default \"d\"",
    "ternary 1 2",
    "required \"r\"",
    "fail",
    "printf \"%v|%5s|%q\"",
    "printf \"%d %T\"",
    "repeat 2",
    "substr 0 2",
    "has 1",
    "without 1",
    "hasKey .Values.m",
    "get .Values.m",
    "pick .Values.m \"a\"",
    "omit .Values.m",
    "semver",
    "semverCompare \">=1.0.0\"",
    "regexMatch \"^a\"",
    "regexReplaceAll \"a\" \"b\"",
];
const TWO: &[&str] = &[
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "default",
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "max",
    "min",
    "list",
    "dict \"k\"",
    "append",
    "prepend",
    "concat",
    "print",
    "println",
    "printf \"%v-%v\"",
    "printf \"%s %d\"",
    "coalesce",
    "ternary 1",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "trimPrefix",
    "trimSuffix",
    "cat",
    "index",
    "slice",
    "merge",
    "mergeOverwrite",
    "get",
    "dig \"b\"",
    "deepEqual",
    "kindIs",
    "typeIs",
    "join",
    "split",
    "splitList",
    "without",
    "has",
    "hasKey",
    "tpl",
    "divf",
    "addf",
    "mulf",
    "round",
    "until",
    "untilStep 0",
    "seq",
    "replace \"a\"",
];

fn expression() -> BoxedStrategy<String> {
    leaf()
        .prop_recursive(3, 16, 2, |inner| {
            prop_oneof![
                (prop::sample::select(ONE), inner.clone()).prop_map(|(name, it)| format!("({name} {it})")),
                (prop::sample::select(TWO), inner.clone(), inner.clone())
                    .prop_map(|(name, a, b)| format!("({name} {a} {b})")),
                (inner.clone(), prop::sample::select(ONE)).prop_map(|(it, name)| format!("({it} | {name})")),
                inner.prop_map(|it| format!("(list {it} .Values.a)")),
            ]
        })
        .boxed()
}

fn template() -> BoxedStrategy<String> {
    let text = prop::sample::select(&["x", "\n", "  ", "a: ", "- "][..]).prop_map(str::to_owned);
    let action = (expression(), any::<bool>(), any::<bool>()).prop_map(|(it, left, right)| {
        format!("{{{{{} {it} {}}}}}", if left { "-" } else { "" }, if right { "-" } else { "" })
    });
    let piece = prop_oneof![2 => text, 3 => action];
    let body = piece.prop_recursive(2, 12, 3, |inner| {
        let inner = prop::collection::vec(inner, 1..3).prop_map(|it| it.concat());
        prop_oneof![
            (expression(), inner.clone())
                .prop_map(|(it, body)| format!("{{{{ if {it} }}}}{body}{{{{ end }}}}")),
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(it, a, b)| format!("{{{{ if {it} }}}}{a}{{{{ else }}}}{b}{{{{ end }}}}")),
            (expression(), inner.clone())
                .prop_map(|(it, body)| format!("{{{{ range {it} }}}}{body}{{{{ end }}}}")),
            (expression(), inner.clone()).prop_map(|(it, body)| format!(
                "{{{{ range $k, $v := {it} }}}}{{{{ $k }}}}={{{{ $v }}}}{body}{{{{ end }}}}"
            )),
            (expression(), inner.clone())
                .prop_map(|(it, body)| format!("{{{{ with {it} }}}}{body}{{{{ end }}}}")),
            (expression(), inner).prop_map(|(it, body)| format!("{{{{ $x = {it} }}}}{body}")),
        ]
    });
    prop::collection::vec(body, 1..4).prop_map(|it| format!("{{{{ $x := 1 }}}}{}", it.concat())).boxed()
}

fn values() -> Value {
    json!("a: 1\ns: text\nl: [1, two, {k: v}, null]\nm: {a: x, b: {c: 2.5}, c: []}\nz: 0\nf: 1048576\n")
}

#[test]
fn mixed_types_give_what_helm_gives() {
    let Some(mut helm) = Helm::start() else { return };
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let batches = std::env::var("RANDOM_BATCHES").ok().and_then(|it| it.parse().ok()).unwrap_or(BATCHES);
    let (mut wrong, mut ended) = (Vec::new(), 0);
    for _ in 0..batches {
        let templates: Vec<String> =
            (0..BATCH).map(|_| template().new_tree(&mut runner).unwrap().current()).collect();
        let question = json!({"op": "eval", "templates": templates, "values": [values()]});
        let asked = std::panic::AssertUnwindSafe(|| helm.ask(&question).unwrap());
        // A template can end Go's process: by a map that holds itself, or a text larger than the memory.
        let Ok(answers) = std::panic::catch_unwind(asked) else {
            ended += 1;
            helm = Helm::start().unwrap();
            continue;
        };
        for (template, answer) in templates.iter().zip(answers.as_array().unwrap()) {
            let files = json!({"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\nappVersion: '1.0'\n", "templates/it.yaml": template});
            let found = ours::engine_only(&json!({"chart": {"files": files}, "values": [values()]}));
            let same = match &found {
                Ok(files) => answer["out"] == files["t/templates/it.yaml"],
                Err((class, _)) => answer["error"]["class"] == **class,
            };
            if !same {
                wrong.push(format!("{template}\n  helm {answer}\n  ours {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), batches * BATCH, wrong.join("\n"));
    assert!(ended * 10 < batches, "{ended} of {batches} ended Helm");
}

/// Templates that look at the types of Helm's own maps.
const TYPES: &[&str] = &[
    "{{ typeOf .Values }} {{ typeOf .Values.AsMap }} {{ typeOf (deepCopy .Values) }} {{ typeOf (merge (dict) .Values) }}",
    "{{ typeOf (merge .Values (dict)) }} {{ typeIs \"map[string]interface {}\" .Values }} {{ typeOf (pick .Values \"a\") }}",
    "{{ deepEqual .Values .Values.AsMap }} {{ typeOf (set .Values \"x\" 1) }} {{ typeOf (index (list .Values) 0) }}",
    "{{ len (values .Values) }} {{ hasKey .Values \"a\" }} {{ typeOf (default (dict) .Values) }} {{ kindOf .Values }}",
    "{{ typeOf (fromYaml (toYaml .Values)) }} {{ typeOf (dict \"v\" .Values).v }} {{ toStrings (list .Values) | len }}",
    "{{ typeOf (.Values.Table \"m\") }} {{ .Values.PathValue \"m.a\" }} {{ .Values.Table \"no\" }}",
    "{{ .Values.PathValue \"m\" }}",
    "{{ .Values.PathValue }}",
    "{{ .Values.PathValue 1 }}",
    "{{ $_ := set .Values.AsMap \"new\" 1 }}{{ .Values.new }} {{ .Values.YAML }} {{ .Values.AsMap.m.a }}",
    "{{ dig \"a\" \"d\" .Values }}",
    "{{ dig \"m\" \"b\" \"c\" \"d\" .Values.AsMap }}",
    "{{ typeOf . }} {{ typeOf .Chart }} {{ typeOf .Chart.Annotations }} {{ typeOf .Chart.Dependencies }} {{ typeOf .Chart.Maintainers }}",
    "{{ typeOf .Release }} {{ typeOf .Release.Revision }} {{ typeOf .Capabilities }} {{ typeOf .Capabilities.KubeVersion }}",
    "{{ typeOf .Capabilities.APIVersions }} {{ kindOf .Capabilities.APIVersions }} {{ len .Capabilities.APIVersions }}",
    "{{ typeOf .Capabilities.HelmVersion }} {{ .Capabilities.HelmVersion }} {{ .Capabilities.KubeVersion }} {{ print .Capabilities.KubeVersion }}",
    "{{ typeOf .Files }} {{ typeOf (.Files.Glob \"*\") }} {{ kindOf .Files }} {{ typeOf (.Files.Lines \"x\") }} {{ .Files.GetBytes \"x\" }}",
    "{{ typeOf .Template }} {{ typeOf .Subcharts }} {{ .Template.Name }} {{ .Template.BasePath }} {{ typeOf .Chart.Deprecated }}",
    "{{ range .Capabilities.APIVersions }}{{ . }},{{ end }} {{ has \"v1\" .Capabilities.APIVersions }} {{ join \",\" .Capabilities.APIVersions }}",
    "{{ .Capabilities.APIVersions.Has \"v1\" }} {{ .Capabilities.APIVersions.Has 1 }}",
    "{{ .Capabilities.APIVersions.Nope }}",
    "{{ .Capabilities.Nope }}",
    "{{ .Chart.Nope }} {{ .Release.Nope }} {{ .Nope }}",
    "{{ .Files.Nope }} {{ .Files.Get }}",
    "{{ .Capabilities.KubeVersion.GitVersion }} {{ .Capabilities.KubeVersion.String }} {{ .Capabilities.KubeVersion.Major }}",
    "{{ toYaml .Chart }} {{ toJson .Capabilities.KubeVersion }} {{ toYaml .Release }} {{ toJson .Template }}",
    "{{ mustToDuration \"1h\" }} {{ typeOf (mustToDuration 5) }} {{ durationRoundTo \"1h31m\" \"1h\" }} {{ durationDays \"36h\" }} {{ kindOf (mustToDuration 5) }}",
    "{{ mustToDuration \"x\" }}",
    "{{ rest list | toJson }} {{ initial list | toJson }} {{ concat | toJson }} {{ slice list | toJson }} {{ eq (rest list) nil }}",
    "{{ eq list nil }} {{ ne (rest list) nil }} {{ toYaml (rest list) }} {{ toYamlPretty (rest list) }} {{ typeOf (rest list) }}",
    "{{ deepEqual (rest list) list }} {{ deepEqual (rest list) (concat) }} {{ append (rest list) 1 | toJson }} {{ print (rest list) }}",
    "{{ fromJsonArray \"null\" | toJson }} {{ fromYamlArray \"\" | toJson }} {{ deepCopy (rest list) | toJson }} {{ eq nil (rest list) }}",
    "{{ toToml (dict \"a\" (rest list)) }} {{ kindOf (rest list) }} {{ eq (rest list) (rest list) }} {{ reverse (rest list) | toJson }}",
    "{{ mergeOverwrite (dict \"a\" (list 1)) (dict \"a\" (rest list)) | toJson }} {{ merge (dict \"a\" (rest list)) (dict \"a\" (list 1)) | toJson }}",
    "{{ durationTruncateTo \"95s\" \"1m\" | toString }} {{ toJson (mustToDuration \"1s\") }} {{ int64 (mustToDuration \"1s\") }}",
];

#[test]
fn types_are_those_of_helm() {
    let Some(mut helm) = Helm::start() else { return };
    let answers = helm.ask(&json!({"op": "eval", "templates": TYPES, "values": [values()]})).unwrap();
    let mut wrong = Vec::new();
    for (template, answer) in TYPES.iter().zip(answers.as_array().unwrap()) {
        let files = json!({"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\nappVersion: '1.0'\n", "templates/it.yaml": template});
        let found = ours::engine_only(&json!({"chart": {"files": files}, "values": [values()]}));
        let same = match &found {
            Ok(files) => answer["out"] == files["t/templates/it.yaml"],
            Err((class, _)) => answer["error"]["class"] == **class,
        };
        if !same {
            wrong.push(format!("{template}\n  helm {answer}\n  ours {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), TYPES.len(), wrong.join("\n"));
}
