//! What recipes may hold, as JSON Schema (draft 2020-12), for editors.
//!
//! Nobody writes it down twice: the code that reads recipes is run over nothing, and notes what it asks for. So a key that is
//! read is in the schema, and one that is not is not.
//!
//! It says which keys there are and what they take, not which must be there: an overlay holds parts of tables.

use super::address::{Address, Kind};
use super::kinds::Body;
use super::reader::Reader;
use super::settings;
use serde_json::{Map, Value, json};

/// What one table may hold.
#[derive(Debug, Default)]
pub(super) struct Shape {
    properties: Map<String, Value>,
    others: Option<Value>,
}

impl Shape {
    /// A key and what it takes. What was noted first says more: a reference is read as a string afterwards.
    pub(super) fn key(&mut self, key: &str, takes: Value) {
        self.properties.entry(key).or_insert(takes);
    }

    /// What keys of any other name take.
    pub(super) fn others(&mut self, takes: Value) {
        self.others = Some(takes);
    }

    pub(super) fn into_json(self) -> Value {
        let others = self.others.unwrap_or(Value::Bool(false));
        json!({ "type": "object", "properties": self.properties, "additionalProperties": others })
    }
}

pub(super) fn string() -> Value {
    json!({ "type": "string" })
}

pub(super) fn flag() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn integer() -> Value {
    json!({ "type": "integer" })
}

pub(super) fn table() -> Value {
    json!({ "type": "object" })
}

pub(super) fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

pub(super) fn map(of: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

/// The address of a node of one of `kinds`, perhaps with an output.
pub(super) fn reference(kinds: &[Kind]) -> Value {
    let names: Vec<&str> = kinds.iter().map(|it| it.name()).collect();
    json!({ "type": "string", "pattern": format!("^({})\\.[a-z0-9-]+(#.+)?$", names.join("|")) })
}

/// The schema of every file of recipes: `gabion.toml`, what it includes, and overlays.
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    for (name, shape) in settings::shapes() {
        properties.insert(name.to_owned(), shape.into_json());
    }
    properties.insert("vars".to_owned(), map(&string()));
    for kind in Kind::ALL {
        let Some(address) = Address::new(*kind, "name") else { continue };
        let node = Reader::shape_of(|reader| {
            let _dropped = reader.flag("enabled", true);
            let _body = Body::read(&address, reader);
        });
        let named = json!({ "type": "object", "additionalProperties": node.into_json() });
        properties.insert(kind.name().to_owned(), named);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recipes of Gabion",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_in_the_schema() {
        let schema = json_schema();
        let node = |kind: &str| &schema["properties"][kind]["additionalProperties"];
        assert_eq!(node("chart")["properties"]["version"]["type"], "string");
        assert_eq!(node("chart")["additionalProperties"], false);
        assert_eq!(
            node("chart")["properties"]["after"]["items"]["pattern"],
            "^(manifests|chart)\\.[a-z0-9-]+(#.+)?$"
        );
        assert_eq!(
            node("chart")["properties"]["images"]["properties"]["exclude"]["additionalProperties"]["type"],
            "string"
        );
        let account = &node("rootfs")["properties"]["users"]["additionalProperties"];
        assert_eq!(account["properties"]["sudo"]["type"], "boolean");
        assert_eq!(
            node("bundle")["properties"]["public-secrets"]["items"]["properties"]["reason"]["type"],
            "string"
        );
        assert_eq!(
            schema["properties"]["lints"]["properties"]["allow"]["items"]["properties"]["lint"]["type"],
            "string"
        );
        assert_eq!(schema["properties"].as_object().map(Map::len), Some(Kind::ALL.len() + 5));
    }
}
