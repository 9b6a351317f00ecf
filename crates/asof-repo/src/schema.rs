//! The JSON Schema of the YAML, made from the tables of keys that reading uses.

use asof_model::{MAX_NAME_LEN, ScalarType};
use serde_json::{Map, Value, json};

use crate::keys::{DEFINITIONS, Elements, Need, STORE, Shape, Table};

/// The JSON Schema (draft 2020-12) of the YAML files of a repository, for editors. A file with a `project` is a
/// `feature_store.yaml`, any other one holds definitions.
pub fn schema() -> Value {
    let mut writer = Writer { defs: Map::new() };
    let store = writer.table(&STORE);
    let definitions = writer.table(&DEFINITIONS);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Asof feature repository",
        "if": {"type": "object", "required": ["project"]},
        "then": store,
        "else": definitions,
        "$defs": writer.defs,
    })
}

struct Writer {
    defs: Map<String, Value>,
}

impl Writer {
    /// A reference to the definition of a table, which is written when it is first met.
    fn table(&mut self, table: &'static Table) -> Value {
        let name = table.title.replace([' ', '-'], "_");
        let reference = json!({"$ref": format!("#/$defs/{name}")});
        if self.defs.contains_key(&name) {
            return reference;
        }
        self.defs.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for key in table.keys() {
            let mut value = self.shape(&key.shape);
            value["description"] = json!(key.doc);
            properties.insert(key.name.to_owned(), value);
        }
        let required = table.keys().filter(|key| key.need == Need::Required);
        let required: Vec<&str> = required.map(|key| key.name).collect();
        let definition = json!({
            "description": table.doc,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        self.defs.insert(name, definition);
        reference
    }

    fn shape(&mut self, shape: &'static Shape) -> Value {
        // YAML reads an unquoted `5` or `true` as something else than a text; both are taken for one.
        let text = json!(["string", "number", "boolean"]);
        match shape {
            Shape::Name => json!({
                "type": "string",
                "pattern": "^[A-Za-z](_?[A-Za-z0-9])*_?$",
                "maxLength": MAX_NAME_LEN,
            }),
            Shape::Reference | Shape::FilledText => json!({"type": "string", "minLength": 1}),
            Shape::FeatureReference => json!({"type": "string", "pattern": "^[^:]+(:[^:]+)?$"}),
            Shape::Text => json!({"type": text}),
            Shape::Setting | Shape::Sql => json!({"type": text, "minLength": 1}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Duration => json!({"type": "string", "pattern": "^([0-9]+(us|ms|s|m|h|d))+$"}),
            Shape::ValueType => {
                let scalars = ScalarType::ALL.map(ScalarType::name);
                let arrays = scalars.map(|scalar| format!("array<{scalar}>"));
                json!({"enum": scalars.map(ToOwned::to_owned).into_iter().chain(arrays).collect::<Vec<_>>()})
            }
            Shape::KeyType => {
                let keys = ScalarType::ALL.into_iter().filter(|scalar| scalar.is_key());
                json!({"enum": keys.map(ScalarType::name).collect::<Vec<_>>()})
            }
            Shape::Number => json!({"type": "number"}),
            Shape::Cron => json!({"type": "string", "pattern": "^\\s*\\S+(\\s+\\S+){4}\\s*$"}),
            Shape::Choice(words) => json!({"enum": words}),
            Shape::List(element, elements) => {
                let items = self.shape(element);
                match elements {
                    Elements::Any => json!({"type": ["array", "null"], "items": items}),
                    Elements::AtLeastOne => json!({"type": "array", "items": items, "minItems": 1}),
                }
            }
            Shape::Mapping(table) => self.table(table),
            Shape::Tagged(variants) => {
                let variants: Vec<Value> = variants.iter().map(|(_, table)| self.table(table)).collect();
                json!({"oneOf": variants})
            }
            Shape::Map { values, .. } => {
                let values = self.shape(values);
                json!({"type": "object", "additionalProperties": values})
            }
            Shape::Or(text, table) => {
                let text = self.shape(text);
                json!({"anyOf": [text, self.table(table)]})
            }
            Shape::Tags => json!({
                "anyOf": [
                    {"type": "object", "additionalProperties": {"type": text}},
                    {"type": "array", "items": {"type": text}},
                ],
            }),
        }
    }
}
