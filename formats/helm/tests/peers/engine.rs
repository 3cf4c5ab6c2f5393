//! The engine of this crate held to what the real Helm said: charts document by document, expressions byte by byte.

use crate::case::{Case, all};
use crate::charts::{ANOTHER, told};
use crate::expressions::{FOLDER, template};
use crate::random::any_chart;
use crate::{golden, large, ours};
use fs_err as fs;
use gabion_testkit::Helm;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The class of an error, or the whole text.
fn kept(text: &str) -> String {
    match text.strip_prefix("=== error ") {
        Some(rest) => format!("error {}", rest.split(' ').next().unwrap()),
        None => text.to_owned(),
    }
}

/// The first line that is not as it was kept; what would be another one next time may be anything.
fn difference(kept: &str, ours: &str) -> Option<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (kept, ours) = (lines(kept), lines(ours));
    let same = |(a, b): &(&String, &String)| {
        // The length of a section counts what is masked.
        let masked =
            a.starts_with("=== ") && a.rsplit_once(' ').map(|it| it.0) == b.rsplit_once(' ').map(|it| it.0);
        a == b || *a == ANOTHER || masked
    };
    let at = kept.iter().zip(&ours).position(|pair| !same(&pair));
    let at = at.or_else(|| (kept.len() != ours.len()).then(|| kept.len().min(ours.len())))?;
    let line = |of: &[String]| of.get(at).cloned().unwrap_or_default();
    Some(format!("line {}\n  helm {}\n  ours {}", at + 1, line(&kept), line(&ours)))
}

/// What a panic says is an error of a class that Helm does not have.
fn caught<T>(run: impl FnOnce() -> Result<T, (String, String)>) -> Result<T, (String, String)> {
    let run = std::panic::AssertUnwindSafe(run);
    std::panic::catch_unwind(run).unwrap_or_else(|_| Err(("panic".to_owned(), String::new())))
}

fn of_case(case: &Case) -> Option<String> {
    let question = case.question();
    // The command line's own language of values is not spoken here.
    if question["set"] != json!([])
        || question["set_string"] != json!([])
        || question["set_json"] != json!([])
    {
        return None;
    }
    let once = caught(|| ours::answer(&question));
    let error = |(class, message): (String, String)| json!({"class": class, "message": message});
    let once = once.map_err(error);
    let again = ours::answer(&question).map_err(error);
    let text = told(&once, &again);
    let wanted = fs::read_to_string(case.golden()).unwrap();
    let found = difference(&kept(&wanted), &kept(&text))?;
    let why = once.err().map(|it| it["message"].to_string()).unwrap_or_default();
    Some(format!("{} {}: {found}\n  {why}", case.folder.file_name().unwrap().display(), case.name))
}

#[test]
fn every_chart_is_rendered_as_helm_renders_it() {
    let cases = all();
    let wrong: Vec<String> = cases.iter().filter_map(of_case).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What stands in the only file of a chart with the files that all expressions share.
fn evaluated(files: &serde_json::Map<String, Value>, template: &str) -> Result<Value, (String, String)> {
    let mut files = files.clone();
    files.insert("templates/it.yaml".to_owned(), template.into());
    let question = json!({
        "chart": {"files": files}, "kube_version": "v1.33.4+k3s1", "api_versions": ["example.com/v1"],
    });
    match caught(|| ours::engine_only(&question)) {
        Ok(mut files) => Ok(files["t/templates/it.yaml"].take()),
        Err(error) => Err(error),
    }
}

/// What cannot be the same: the address of a map, which is another one at each run, is refused; and what a reader of TOML
/// says of a mistake is its own.
const APART: &[&str] = &["printf \"%p\" .Values.m | regexMatch \"^0x|^%!p\"", "fromToml \"a =\""];

#[test]
fn every_expression_gives_what_helm_gives() {
    let files = golden::files(&Path::new(FOLDER).join("chart"));
    let answers = fs::read_to_string(format!("{FOLDER}/answers.tsv")).unwrap();
    let (mut count, mut wrong) = (0, BTreeMap::new());
    for (number, row) in answers.lines().enumerate().filter(|(_, row)| !row.starts_with('#')) {
        let [kind, text, line] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let wanted: Value = serde_json::from_str(text).unwrap();
        count += 1;
        let found = evaluated(&files, &template(line));
        let fine = APART.contains(&line)
            || match (&found, kind) {
                (Ok(it), "out") => *it == wanted,
                (Ok(it), "out64") => it["base64"] == wanted,
                (Err((class, _)), _) => class == kind,
                _ => false,
            };
        if !fine {
            wrong.insert(number + 1, format!("{line}\n  helm {kind} {wanted}\n  ours {found:?}"));
        }
    }
    let shown: Vec<String> = wrong.iter().map(|(line, it)| format!("{line}: {it}")).collect();
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), shown.join("\n"));
    assert!(count > 1200);
}

#[test]
fn random_templates_give_what_helm_gives() {
    let Some(mut helm) = Helm::start() else { return };
    let count = std::env::var("RANDOM_TEMPLATES").ok().and_then(|it| it.parse().ok()).unwrap_or(600);
    let mut runner = TestRunner::deterministic();
    let mut wrong = Vec::new();
    for _ in 0..count {
        let chart = any_chart().new_tree(&mut runner).unwrap().current();
        let answer = helm.ask(&chart.question()).unwrap()[0].take();
        let found = ours::engine_only(&json!({
            "values": [chart.values.to_string()],
            "chart": {"files": {
                "Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\nappVersion: '1.0'\n",
                "templates/_helpers.tpl": chart.helpers, "templates/it.yaml": chart.template,
            }},
        }));
        let same = match &found {
            Ok(files) => answer["out"] == files["t/templates/it.yaml"],
            Err((class, _)) => answer["error"]["class"] == **class,
        };
        if !same {
            wrong.push(format!("{}\n{}\n  helm {answer}\n  ours {found:?}", chart.template, chart.values));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_large_chart_gives_the_documents_that_helm_gives() {
    for (name, values, kube_version) in large::CASES {
        let made = ours::answer(&large::question(values, kube_version)).unwrap();
        let kept = fs::read_to_string(format!("{FOLDER}/../operator.golden/{name}.txt")).unwrap();
        let lines = large::lines(&made);
        for (ours, helm) in lines.lines().zip(kept.lines()) {
            assert_eq!(ours, helm, "{name}");
        }
        assert_eq!(lines.len(), kept.len(), "{name}");
    }
}
