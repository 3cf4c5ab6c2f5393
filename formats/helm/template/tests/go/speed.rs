//! How fast, beside Go: `cargo test --release -p gabion-template --test go how_fast -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use gabion_template::{Options, Run, Set};
use serde_json::{Value, json};

use crate::functions::Table;
use crate::peer::{Peer, Question};
use crate::values::{bytes, characters, value};

const REPEAT: u32 = 30;

fn text(text: &str) -> Value {
    json!({"string": text})
}

/// Values of a chart with 125 workloads.
fn data() -> Value {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"];
    let container = |at: usize| {
        json!({"map": {
            "name": text(&format!("container-{at}")),
            "image": {"map": {"repository": text("quay.io/example/image"), "tag": text("v1.2.3"), "pullPolicy": text("IfNotPresent")}},
            "args": {"list": (0..8).map(|arg| text(&format!("--flag-{arg}=value-of-the-flag"))).collect::<Vec<_>>()},
            "ports": {"map": {"http": {"float64": "8080"}, "metrics": {"float64": "9090"}}},
            "resources": {"map": {"limits": {"map": {"cpu": text("100m"), "memory": text("128Mi")}}, "requests": {"map": {"cpu": text("50m")}}}},
        }})
    };
    let workload = |at: usize| {
        json!({"map": {
            "kind": text(kinds[at % 4]), "name": text(&format!("workload-{at}")), "replicas": {"float64": "3"},
            "serviceAccount": {"map": {"name": text("account"), "create": {"bool": "true"}, "automount": {"bool": "false"}}},
            "containers": {"list": (0..5).map(container).collect::<Vec<_>>()},
            "nodeSelector": {"map": {"disk": text("ssd"), "zone": text("a")}},
        }})
    };
    let labels = json!({"map": {"team": text("platform"), "tier": text("backend"), "cost": text("42")}});
    json!({"map": {
        "release": {"map": {"name": text("monitoring"), "namespace": text("default"), "service": text("Helm")}},
        "chart": {"map": {"name": text("stack"), "version": text("1.2.3")}},
        "values": {"map": {"commonLabels": labels, "workloads": {"list": (0..125).map(workload).collect::<Vec<_>>()}}},
    }})
}

fn files() -> Vec<(String, String)> {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    vec![file("chart.yaml", include_str!("chart.yaml")), file("chart.tpl", include_str!("chart.tpl"))]
}

fn parsed() -> Set<'static> {
    let mut set = Set::new(&Table);
    for (at, (name, text)) in files().iter().enumerate() {
        set.parse(name, at as u32 + 1, &bytes(text)).unwrap();
    }
    set
}

fn timed(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..REPEAT {
        work();
    }
    start.elapsed() / REPEAT
}

#[test]
fn a_large_chart_gives_what_go_gives() {
    let Some(mut peer) = Peer::start() else { return };
    let data = data();
    let go = peer.ask(&Question { files: &files(), data: &data, missing: "zero" });
    let set = parsed();
    for trace in [true, false] {
        let out = Run::new(&set, Options { trace, ..Options::default() })
            .render("chart.yaml", &value(&data))
            .unwrap();
        assert_eq!(characters(out.bytes()), go.out);
        assert!(out.bytes().len() > 600_000);
    }
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "it is read by a person")]
fn how_fast() {
    let data = data();
    let values = value(&data);
    let set = parsed();
    let parse = timed(|| drop(parsed()));
    let run = |trace| {
        Run::new(&set, Options { trace, ..Options::default() }).render("chart.yaml", &values).unwrap()
    };
    let steps = {
        let mut run = Run::new(&set, Options::default());
        run.render("chart.yaml", &values).unwrap();
        run.steps()
    };
    eprintln!("{} bytes, {} spans, {steps} steps", run(true).bytes().len(), run(true).spans().len());
    eprintln!(
        "ours  parse {parse:?}, traced {:?}, plain {:?}",
        timed(|| drop(run(true))),
        timed(|| drop(run(false)))
    );
    if let Some(mut peer) = Peer::start() {
        let question = Question { files: &files(), data: &data, missing: "zero" };
        let (_, [parse, run]) = peer.measure(&question, REPEAT);
        eprintln!("go    parse {:?}, run {:?}", parse / REPEAT, run / REPEAT);
    }
}
