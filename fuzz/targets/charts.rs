//! Templates, YAML and whole charts.

use gabion_helm::{ChartTree, Inputs, KubeVersion, Limits, Rendered, RunLimits, ValuesFile, render};
use gabion_template::{Body, Flow, Function, Functions, Options, Param, Run, Set, Value, Work};
use gabion_yaml::{Data, Node, dump, dump_pretty, load, load_bytes, locate};

use super::text;

/// What a run may use here. What is slow within these would be endless without them.
const SMALL: RunLimits =
    RunLimits { steps: 5000, text: 1 << 16, items: 2000, depth: 40, include: 20, stack: 1 << 19 };

/// The functions of sprig, and those that need the run.
struct Table;

const INCLUDE: Function = Function {
    name: "include",
    params: &[Param::String, Param::Any],
    rest: None,
    flow: Flow::Pass,
    work: Work::Small,
    run: Body::Run(|run, args| {
        let name = args[0].as_text().map(|it| it.to_str().into_owned());
        run.execute(&name.unwrap_or_default(), &args[1])
    }),
};

const TPL: Function = Function {
    name: "tpl",
    params: &[Param::String, Param::Any],
    rest: None,
    flow: Flow::Pass,
    work: Work::Small,
    run: Body::Run(|run, args| run.evaluate(&args[0], &args[1])),
};

impl Functions for Table {
    fn get(&self, name: &str) -> Option<&Function> {
        match name {
            "include" => Some(&INCLUDE),
            "tpl" => Some(&TPL),
            _ => gabion_sprig::get(name),
        }
    }
}

/// A template a line, written as in the cases of `formats/helm/template/tests/go`: `¶` is a new line, `§` begins another file.
pub(super) fn template(bytes: &[u8]) {
    let node = load("{a: text, n: 5, f: 1.5, l: [3, 1, 2], m: {k: v, t: '{{ .Values }}'}, z: null}");
    let data = values(&node.unwrap_or_else(|error| panic!("{error}")));
    for line in bytes.split(|it| *it == b'\n').take(100) {
        let line = String::from_utf8_lossy(line).replace('¶', "\n");
        let mut parts = line.split('§');
        let mut set = Set::new(&Table);
        let mut parsed = set.parse("main", 1, parts.next().unwrap_or_default().as_bytes());
        while let (Some(name), Some(body)) = (parts.next(), parts.next()) {
            parsed = parsed.and_then(|()| set.parse(name, 2, body.as_bytes()));
        }
        let mut run = Run::new(&set, Options { limits: SMALL, ..Options::default() });
        if let Ok(text) = run.render("main", &data) {
            assert!(parsed.is_ok() || set.contains("main"));
            assert!(text.bytes().len() <= SMALL.text);
            // Every byte has one origin.
            let last = text.spans().last().map_or(0, |it| it.end as usize);
            assert_eq!(last, text.bytes().len());
            assert!(text.spans().is_sorted_by_key(|it| it.end));
        }
    }
}

fn values(node: &Node) -> Value {
    match &node.data {
        Data::Null | Data::Uint(_) => Value::NIL,
        Data::Bool(it) => (*it).into(),
        Data::Int(it) => Value::int64(*it),
        Data::Float(it) => (*it).into(),
        Data::String(it) => it.as_str().into(),
        Data::List(items) => Value::list(items.iter().map(values).collect()),
        Data::Map(map) => {
            Value::map(map.iter().map(|(key, it)| (key.as_bytes().into(), values(it))).collect())
        }
    }
}

/// YAML as a file of values and as documents of a cluster. What is written of it is read again as the same.
pub(super) fn yaml(bytes: &[u8]) {
    if let Ok(node) = load_bytes(bytes) {
        for written in [dump(&node), dump_pretty(&node)].into_iter().flatten() {
            let again = load(&written);
            assert!(again.as_ref().is_ok_and(|it| same(it, &node)), "{written:?}: {again:?}");
        }
    }
    let Ok(documents) = gabion_yaml::documents(text(bytes)) else { return };
    for document in documents {
        assert!(document.range.end <= bytes.len());
        places(text(bytes), &document.node);
    }
}

/// Whether two nodes are the same but for their places.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.data, &other.data) {
        (Data::List(one), Data::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Data::Map(one), Data::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
        }
        (one, other) => one == other,
    }
}

/// Every node stands in the text, and what a text is made of is found there.
fn places(whole: &str, node: &Node) {
    assert!(whole.get(node.at.start as usize..node.at.end as usize).is_some(), "{node:?}");
    match &node.data {
        Data::String(it) => {
            if let Some(found) = locate(whole, node, 0..it.len()) {
                assert!(whole.get(found).is_some());
            }
        }
        Data::List(items) => items.iter().for_each(|it| places(whole, it)),
        Data::Map(map) => map.values().for_each(|it| places(whole, it)),
        _ => {}
    }
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: 1.10\n";
const VALUES: &str = "a: text\nn: 5\nimage: {repository: quay.io/a/b, tag: ''}\nlist: [3, 1, 2]\nglobal: {k: v}\n\
                      t: '{{ .Release.Name }}'\n";

/// A chart as the texts of its files: `§ PATH` begins one, and what stands before the first is a template. `§ mine` are the
/// values of the user. What a chart gives it gives again, unless it says that it will not.
pub(super) fn chart(bytes: &[u8]) {
    let (mine, files) = files(bytes);
    let limits = Limits { unpacked: 1 << 20, file: 1 << 18, members: 100 };
    let Ok(tree) = ChartTree::from_folder(files, &limits) else { return };
    let kube = KubeVersion::parse("v1.33.4+k3s1").unwrap_or_else(|error| panic!("{error}"));
    let mut inputs = Inputs { limits: SMALL, ..Inputs::new("rel", "space", kube) };
    inputs.values.extend(mine.and_then(|it| ValuesFile::parse("mine", &it).ok()));
    let Ok(rendered) = render(&tree, &inputs) else { return };
    assert!(rendered.documents.iter().all(|it| whole(&it.text)));
    inputs.trace = false;
    let files = gabion_helm::render_files(&tree, &inputs);
    assert!(files.is_ok(), "it gives no files: {files:?}");
    let again = render(&tree, &inputs).unwrap_or_else(|error| panic!("not again: {error}"));
    if rendered.taints().is_empty() && rendered.lookups.is_empty() {
        assert_eq!(manifest(&rendered), manifest(&again));
    }
}

fn manifest(rendered: &Rendered) -> String {
    String::from_utf8_lossy(&rendered.manifest(true)).into_owned()
}

fn whole(text: &gabion_helm::Written) -> bool {
    text.spans.last().is_none_or(|it| it.end as usize == text.bytes.len())
}

type Files = Vec<(String, Vec<u8>)>;

fn files(bytes: &[u8]) -> (Option<Vec<u8>>, Files) {
    let mut files: Files = vec![("templates/a.yaml".to_owned(), Vec::new())];
    for line in bytes.split_inclusive(|it| *it == b'\n') {
        match line.strip_prefix("§ ".as_bytes()) {
            Some(path) => files.push((String::from_utf8_lossy(path).trim().to_owned(), Vec::new())),
            None => files.last_mut().into_iter().for_each(|it| it.1.extend_from_slice(line)),
        }
    }
    for (path, text) in [("Chart.yaml", CHART), ("values.yaml", VALUES)] {
        if files.iter().all(|it| it.0 != path) {
            files.push((path.to_owned(), text.into()));
        }
    }
    let mine = files.iter().position(|it| it.0 == "mine").map(|it| files.remove(it).1);
    (mine, files)
}
