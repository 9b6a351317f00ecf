//! The JSON Schema says of documents what reading them says.

use asof_repo::{document, schema};
use serde_json::{Value, json};

use crate::repository;
use crate::valid::EVERYTHING;

/// Whether `value` fits `schema`, by the keywords that the schema uses (patterns aside).
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(schema) = schema.as_object() else {
        panic!("{schema}")
    };
    schema.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$ref" => {
            let path = rule.as_str().and_then(|path| path.strip_prefix('#')).expect("a path");
            fits(root, root.pointer(path).expect("the definition is there"), value)
        }
        "if" => {
            let branch = if fits(root, rule, value) { "then" } else { "else" };
            fits(root, &schema[branch], value)
        }
        "type" => rule
            .as_array()
            .map_or(std::slice::from_ref(rule), Vec::as_slice)
            .iter()
            .any(|kind| match kind.as_str().expect("a type is a word") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("{other}"),
            }),
        "enum" => rule.as_array().expect("a list").contains(value),
        "required" => {
            let names = rule.as_array().expect("a list").iter().filter_map(Value::as_str);
            names.into_iter().all(|name| value.get(name).is_some())
        }
        "properties" => value.as_object().is_none_or(|members| {
            members
                .iter()
                .all(|(name, member)| rule.get(name).is_none_or(|rule| fits(root, rule, member)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|members| {
            let known = schema.get("properties");
            let mut others = members
                .iter()
                .filter(|(name, _)| known.is_none_or(|known| known.get(name).is_none()));
            others.all(|(_, member)| rule != &json!(false) && fits(root, rule, member))
        }),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| fits(root, rule, item))),
        "minItems" => value.as_array().is_none_or(|items| !items.is_empty()),
        "minLength" => value.as_str().is_none_or(|text| !text.is_empty()),
        "anyOf" | "oneOf" => rule
            .as_array()
            .expect("a list")
            .iter()
            .any(|rule| fits(root, rule, value)),
        "$schema" | "title" | "description" | "$defs" | "then" | "else" | "pattern" | "maxLength" => true,
        other => panic!("keyword `{other}` is not looked at"),
    })
}

#[test]
fn the_schema_takes_what_reading_takes() {
    let definitions = repository(EVERYTHING).definitions.expect("nothing is wrong");
    let schema = schema();
    let written = document::to_json(&definitions);
    assert!(fits(&schema, &schema, &written));
    let redis = "redis://cache:6379";
    for online in [
        json!({"type": "embedded"}),
        json!({"type": "redis", "connection_string": redis, "tls": {"ca_cert": "ca.pem"}, "read_from": "primary"}),
    ] {
        assert!(fits(&schema, &schema, &json!({"project": "p", "online_store": online})));
    }
    for online in [
        json!({"type": "redis"}),
        json!({"type": "redis", "connection_string": redis, "path": "x"}),
        json!({"type": "embedded", "connection_string": redis}),
        json!({"type": "redis", "connection_string": redis, "redis_type": "cluster"}),
    ] {
        assert!(!fits(
            &schema,
            &schema,
            &json!({"project": "p", "online_store": online})
        ));
    }
}

/// Takes or changes one member after the other of a document that is right: schema and reading must agree on each.
#[test]
fn the_schema_and_reading_agree_on_every_missing_and_every_unknown_key() {
    let definitions = repository(EVERYTHING).definitions.expect("nothing is wrong");
    let project = &definitions.project;
    let schema = schema();
    let written = document::to_json(&definitions);
    let mut changed = Vec::new();
    variants(&written, &mut changed);
    assert!(changed.len() > 100);
    for value in changed {
        use asof_repo::DiagnosticCode::{EmptyList, MissingKey, UnknownKey, UnknownType, UnknownValue, WrongShape};
        let found = document::from_json(&value, project).err().unwrap_or_default();
        let by_form = [EmptyList, MissingKey, UnknownKey, UnknownType, UnknownValue, WrongShape];
        let refused = found.iter().any(|diagnostic| by_form.contains(&diagnostic.code));
        assert_eq!(fits(&schema, &schema, &value), !refused, "{value:#}\n{found:#?}");
    }
}

/// Every variant of `value` that lacks a member, has one more, or has a list or a mapping in place of another value.
fn variants(value: &Value, into: &mut Vec<Value>) {
    let mut replace = |inner: &Value, put: &dyn Fn(Value) -> Value| {
        let mut within = Vec::new();
        variants(inner, &mut within);
        into.extend(within.into_iter().map(put));
    };
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                replace(inner, &|changed| {
                    let mut members = members.clone();
                    members.insert(name.clone(), changed);
                    Value::Object(members)
                });
            }
            for name in members.keys() {
                let mut without = members.clone();
                without.remove(name);
                into.push(Value::Object(without));
            }
            // Tags and key maps have keys of the author's choice.
            if members.contains_key("name") || members.contains_key("view") || members.contains_key("every") {
                let mut more = members.clone();
                more.insert("colour".to_owned(), json!("red"));
                into.push(Value::Object(more));
            }
            into.push(json!([]));
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                replace(inner, &|changed| {
                    let mut items = items.clone();
                    items[at] = changed;
                    Value::Array(items)
                });
            }
            into.push(json!("text"));
        }
        _ => into.extend([json!([]), json!({})]),
    }
}

#[test]
fn the_schema_is_known() {
    insta::assert_json_snapshot!(schema());
}
