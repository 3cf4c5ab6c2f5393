//! The engine of this crate, asked as the program of Helm is: the same question, the same shape of the answer.

use crate::golden;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gabion_helm::{
    ChartTree, Inputs, KubeVersion, Limits, RenderError, Rendered, ValuesFile, render, render_files,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The answer to a question `{"op": "render", …}`; an error is its class and what it says.
pub(crate) fn answer(question: &Value) -> Result<Value, (String, String)> {
    Ok(shape(&rendered(question)?, question["crds"] == true))
}

/// What the templates give, without being looked at any further.
pub(crate) fn engine_only(question: &Value) -> Result<Value, (String, String)> {
    let files = render_files(&asked(question)?, &inputs(question)?).map_err(|error| told(&error))?;
    Ok(Value::Object(files.iter().map(|(name, it)| (name.clone(), text(&it.bytes))).collect()))
}

/// What comes of a question.
pub(crate) fn rendered(question: &Value) -> Result<Rendered, (String, String)> {
    render(&asked(question)?, &inputs(question)?).map_err(|error| told(&error))
}

fn asked(question: &Value) -> Result<ChartTree, (String, String)> {
    match question["chart"]["path"].as_str() {
        Some(path) => chart(&Value::Object(golden::files(Path::new(path)))),
        None => chart(&question["chart"]["files"]),
    }
}

fn told(error: &RenderError) -> (String, String) {
    (error.class().to_owned(), format!("{error} {}", error.help().unwrap_or_default()))
}

/// The files of a question as a chart in a folder.
pub(crate) fn chart(files: &Value) -> Result<ChartTree, (String, String)> {
    let files = files.as_object().into_iter().flatten().map(|(name, it)| (name.clone(), bytes(it)));
    ChartTree::from_folder(files, &Limits::default()).map_err(|error| ("load".to_owned(), chain(&error)))
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

fn bytes(text: &Value) -> Vec<u8> {
    match text {
        Value::Object(it) => STANDARD.decode(it["base64"].as_str().unwrap()).unwrap(),
        it => it.as_str().unwrap().as_bytes().to_vec(),
    }
}

fn inputs(question: &Value) -> Result<Inputs, (String, String)> {
    let texts = |it: &Value| it.as_array().into_iter().flatten().map(bytes).collect::<Vec<_>>();
    let release = &question["release"];
    let name = release["name"].as_str().filter(|it| !it.is_empty()).unwrap_or("release-name");
    let namespace = release["namespace"].as_str().filter(|it| !it.is_empty()).unwrap_or("default");
    let version = question["kube_version"].as_str().filter(|it| !it.is_empty()).unwrap_or("v1.37.0");
    let kube = KubeVersion::parse(version).map_err(|error| ("kube-version".to_owned(), error.to_string()))?;
    let mut inputs = Inputs::new(name, namespace, kube);
    inputs.upgrade = release["upgrade"] == true;
    inputs.revision = release["revision"].as_i64().filter(|it| *it != 0).unwrap_or(1);
    if question["api_mode"] == "given" {
        inputs.apis.clear();
    }
    let more = texts(&question["api_versions"]).into_iter().map(|it| String::from_utf8(it).unwrap());
    inputs.apis.extend(more);
    inputs.skip_schema = question["skip_schema"] == true;
    for (number, text) in texts(&question["values"]).iter().enumerate() {
        let file = ValuesFile::parse(&format!("values-{number}.yaml"), text);
        inputs.values.push(file.map_err(|error| ("values".to_owned(), error.to_string()))?);
    }
    Ok(inputs)
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8(bytes.to_vec())
        .map_or_else(|error| json!({"base64": STANDARD.encode(error.as_bytes())}), Value::from)
}

fn shape(it: &Rendered, crds: bool) -> Value {
    let documents: Vec<_> = it
        .documents
        .iter()
        .map(|it| json!({"path": it.path, "api_version": it.api_version, "kind": it.kind, "name": it.name, "text": text(&it.text.bytes)}))
        .collect();
    let hooks: Vec<_> = it
        .hooks
        .iter()
        .map(|it| json!({"path": it.document.path, "kind": it.document.kind, "name": it.document.name, "events": it.events,
            "weight": it.weight, "delete_policies": it.delete_policies, "log_policies": it.log_policies,
            "text": text(&it.document.text.bytes)}))
        .collect();
    let definitions: Vec<_> =
        it.crds.iter().map(|it| json!({"path": it.path, "text": text(&it.bytes)})).collect();
    let notes = it.notes.as_ref().map_or_else(|| json!(""), |it| text(&it.bytes));
    let files: BTreeMap<&str, Value> = it.files().map(|(name, it)| (name, text(&it.bytes))).collect();
    json!({"documents": documents, "hooks": hooks, "crds": definitions, "notes": notes, "files": files,
        "printed": text(&it.manifest(crds))})
}
