//! `values.schema.json`: what a chart demands of its values (`pkg/chart/common/util/jsonschema.go`).
//!
//! A schema is checked with itself alone. Helm would fetch what it refers to over a network; here that is an error.

use crate::depend::Work;
use crate::values::{Entry, Item, Table};
use boon::{Compiler, Schemas, UrlLoader, ValidationError};
use serde_json::{Map, Number, Value};
use std::error::Error;

/// A value that a schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The chart, as a path of names: `web` or `web/db`.
    pub chart: String,
    /// The value, as a JSON pointer into the values of that chart; empty for all of them.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{}: at `{path}`: {}", self.chart, self.what)
    }
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadSchema {
    pub(crate) chart: String,
    pub(crate) why: String,
}

/// All that is wrong with the values of a chart and of the charts below it.
pub(crate) fn violations(chart: &Work<'_>, values: &Table) -> Result<Vec<Violation>, BadSchema> {
    let mut out = Vec::new();
    below(chart, values, &chart.name(), &mut out)?;
    out.sort();
    out.dedup();
    Ok(out)
}

fn below(chart: &Work<'_>, values: &Table, path: &str, out: &mut Vec<Violation>) -> Result<(), BadSchema> {
    if let Some(schema) = &chart.source.schema {
        let found =
            against(schema, &table(values)).map_err(|why| BadSchema { chart: path.to_owned(), why })?;
        out.extend(found.into_iter().map(|(at, what)| Violation { chart: path.to_owned(), path: at, what }));
    }
    for child in &chart.children {
        let name = child.name();
        let path = format!("{path}/{name}");
        match values.get(&name).map(|it| it.item) {
            None | Some(Item::Null) => {}
            Some(Item::Table(table)) => below(child, &table, &path, out)?,
            Some(_) => {
                let what = "the values of a chart must be a table".to_owned();
                out.push(Violation { chart: path, path: String::new(), what });
            }
        }
    }
    Ok(())
}

const HERE: &str = "file:///values.schema.json";

/// What is wrong with `values`: a place and a reason each.
fn against(schema: &[u8], values: &Value) -> Result<Vec<(String, String)>, String> {
    let schema = serde_json::from_slice(schema).map_err(|error| format!("it is no JSON: {error}"))?;
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.use_loader(Box::new(Alone));
    compiler.add_resource(HERE, schema).map_err(|error| told(&error))?;
    let index = compiler.compile(HERE, &mut schemas).map_err(|error| told(&error))?;
    let mut out = Vec::new();
    if let Err(error) = schemas.validate(values, index) {
        leaves(&error, &mut out);
    }
    Ok(out)
}

/// Errors without others below them are those that say something.
fn leaves(error: &ValidationError<'_, '_>, out: &mut Vec<(String, String)>) {
    if error.causes.is_empty() {
        let path = error.instance_location.to_string();
        out.push((path.trim_matches('\'').to_owned(), error.kind.to_string()));
    }
    error.causes.iter().for_each(|it| leaves(it, out));
}

fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    text
}

/// Loads nothing. What is named by a URN is anything, as it is to Helm.
struct Alone;

impl UrlLoader for Alone {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        if url.starts_with("urn:") {
            return Ok(Value::Bool(true));
        }
        Err(format!("the schema needs `{url}`, and nothing is fetched for it").into())
    }
}

fn table(values: &Table) -> Value {
    let entries = values.entries();
    Value::Object(entries.iter().map(|(key, entry)| (key.clone(), json(entry))).collect::<Map<_, _>>())
}

fn json(entry: &Entry) -> Value {
    match &entry.item {
        Item::Null => Value::Null,
        Item::Bool(it) => Value::Bool(*it),
        Item::Int(it) => Value::Number((*it).into()),
        Item::Uint(it) => Value::Number((*it).into()),
        Item::Float(it) => number(*it),
        Item::Text(it) => Value::String(it.to_string()),
        Item::List(items) => Value::Array(items.iter().map(json).collect()),
        Item::Table(it) => table(it),
    }
}

/// A number without a fraction is an integer.
fn number(it: f64) -> Value {
    /// Up to here every integer is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if it.fract() == 0.0 && it.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is an integer that an i64 has")]
        return Value::Number((it as i64).into());
    }
    Number::from_f64(it).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &str, values: &str, expected: &[(&str, &str)]) {
        let mut found = against(schema.as_bytes(), &serde_json::from_str(values).unwrap()).unwrap();
        found.sort();
        let found: Vec<_> = found.iter().map(|(at, what)| (at.as_str(), what.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_violation_is_told_with_its_place() {
        let schema = r#"{"type":"object","required":["name"],"properties":{"name":{},"replicas":{"type":"integer","minimum":1},
            "tags":{"type":"array","items":{"type":"string"}}},"additionalProperties":false}"#;
        check(
            schema,
            r#"{"replicas":0,"tags":["a",1],"x":1}"#,
            &[
                ("", "additionalProperties 'x' not allowed"),
                ("", "missing properties 'name'"),
                ("/replicas", "must be >=1, but got 0"),
                ("/tags/1", "want string, but got number"),
            ],
        );
        check(schema, r#"{"name":"a","replicas":2}"#, &[]);
    }

    #[test]
    fn each_draft_has_its_own_words() {
        let old = r##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"p":{"type":"integer"}},
            "properties":{"a":{"$ref":"#/definitions/p"},"b":{"items":[{"type":"string"}],"additionalItems":false}}}"##;
        check(
            old,
            r#"{"a":"x","b":["x",1]}"#,
            &[("/a", "want integer, but got string"), ("/b", "last 1 additionalItems not allowed")],
        );
        for head in [r#""$schema":"https://json-schema.org/draft/2020-12/schema","#, ""] {
            let new = format!(
                r##"{{{head}"$defs":{{"p":{{"type":"integer"}}}},
                "properties":{{"a":{{"$ref":"#/$defs/p"}},"b":{{"prefixItems":[false]}}}}}}"##
            );
            check(
                &new,
                r#"{"a":"x","b":["x",1]}"#,
                &[("/a", "want integer, but got string"), ("/b/0", "false schema")],
            );
        }
    }

    #[test]
    fn a_schema_elsewhere_is_refused_and_not_fetched() {
        let schema = r#"{"properties":{"a":{"$ref":"https://example.org/a.json"}}}"#;
        let error = against(schema.as_bytes(), &Value::Null).unwrap_err();
        assert!(error.contains("`https://example.org/a.json`, and nothing is fetched"), "{error}");
        let schema = r#"{"properties":{"a":{"$ref":"file:///etc/passwd"}}}"#;
        assert!(against(schema.as_bytes(), &Value::Null).is_err());
        let schema = r#"{"properties":{"a":{"$ref":"urn:x:y"}}}"#;
        assert_eq!(against(schema.as_bytes(), &serde_json::json!({"a": 1})).unwrap(), []);
    }
}
