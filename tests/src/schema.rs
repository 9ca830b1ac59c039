//! The schemas of the OpenAPI document: does an answer keep to its own, and what would a request look
//! like that keeps to its own?

use serde_json::{Map, Value, json};

use crate::{Documented, openapi_document};

/// The schema behind a reference, or the schema itself.
fn resolved(schema: &Value) -> &Value {
    let mut schema = schema;
    while let Some(target) = schema["$ref"].as_str() {
        let target = openapi_document().pointer(target.trim_start_matches('#'));
        schema = target.expect("a reference of the document leads somewhere");
    }
    schema
}

fn list<'a>(schema: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    schema[name].as_array()
}

/// What is wrong with an answer, if anything is.
pub(crate) fn answer_fault(operation: &Documented, status: u16, body: &[u8]) -> Option<String> {
    let content = &operation.entry["responses"][status.to_string()]["content"];
    let schema = content
        .get("application/json")
        .or(content.get("application/problem+json"))?
        .get("schema")?;
    match serde_json::from_slice(body) {
        Ok(value) => fault(&value, schema, "answer"),
        Err(_) => Some("the answer is no JSON".into()),
    }
}

/// What of a value does not keep to a schema; an unnamed field is a fault, or the document would rot.
fn fault(value: &Value, schema: &Value, at: &str) -> Option<String> {
    let schema = resolved(schema);
    if let Some(parts) = list(schema, "allOf") {
        // Each part names some of the fields.
        return parts.iter().find_map(|part| known_fields_fault(value, resolved(part), at));
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(choices) = list(schema, any) {
            let faults: Option<Vec<_>> =
                choices.iter().map(|choice| fault(value, choice, at)).collect();
            return faults.map(|faults| faults.join(" / "));
        }
    }
    let named = |name: &str| schema["properties"].get(name).is_some();
    if let (Some(fields), true) = (value.as_object(), schema["properties"].is_object())
        && let Some(strange) = fields.keys().find(|name| !named(name))
        && !schema["additionalProperties"].is_object()
    {
        return Some(format!("{at}.{strange} is not in the document"));
    }
    known_fields_fault(value, schema, at)
}

fn known_fields_fault(value: &Value, schema: &Value, at: &str) -> Option<String> {
    if !is_of_type(value, schema) {
        return Some(format!("{at} is {value}, not {}", schema["type"]));
    }
    if let Some(allowed) = list(schema, "enum")
        && !allowed.contains(value)
    {
        return Some(format!("{at} is {value}, none of {allowed:?}"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| fault(item, &schema["items"], &format!("{at}[]")));
    }
    let fields = value.as_object()?;
    let required = list(schema, "required").into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.into_iter().find(|name| !fields.contains_key(*name)) {
        return Some(format!("{at}.{missing} is missing"));
    }
    fields.iter().find_map(|(name, value)| {
        let below = schema["properties"].get(name).or(schema.get("additionalProperties"))?;
        if below.is_boolean() { None } else { fault(value, below, &format!("{at}.{name}")) }
    })
}

fn is_of_type(value: &Value, schema: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// Values that their schemas say too little about to guess them.
const EXAMPLES: &[(&str, &str)] = &[
    ("plate", "浙A7T3K9"),
    ("phone", "18667091253"),
    ("contact_phone", "18667091253"),
    ("vin", "LSVAA4182E2184847"),
    ("code", "x1"),
    ("roles", "surveyor"),
    ("branch_code", "hz"),
    ("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("content_type", "image/jpeg"),
];

/// A body that keeps to the schema of the operation's JSON request, if it takes one.
#[must_use]
pub fn example_body(operation: &Documented) -> Option<Value> {
    let schema = operation.entry["requestBody"]["content"]["application/json"].get("schema")?;
    Some(example(schema, 0))
}

fn example(schema: &Value, depth: usize) -> Value {
    let schema = resolved(schema);
    if depth > 12 {
        return Value::Null;
    }
    if let Some(parts) = list(schema, "allOf") {
        let fields = parts.iter().filter_map(|part| example(part, depth + 1).as_object().cloned());
        return Value::Object(fields.flatten().collect());
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(choices) = list(schema, any) {
            let real = choices.iter().find(|choice| choice["type"] != "null");
            return real.map_or(Value::Null, |choice| example(choice, depth + 1));
        }
    }
    if let Some(first) = list(schema, "enum").and_then(|values| values.first()) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    };
    match kind {
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("array") => json!([example(&schema["items"], depth + 1)]),
        Some("string") => match schema["format"].as_str() {
            Some("uuid") => json!("01980000-0000-7000-8000-00000000c0de"),
            Some("date-time") => json!("2026-03-02T01:20:00Z"),
            Some("date") => json!("2026-03-02"),
            _ => json!("x".repeat(shortest(schema))),
        },
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields: Map<String, Value> = properties
                .map(|(name, below)| (name.clone(), named_example(name, example(below, depth + 1))))
                .collect();
            Value::Object(fields)
        }
    }
}

fn named_example(name: &str, guess: Value) -> Value {
    match (EXAMPLES.iter().find(|(known, _)| *known == name), guess) {
        (Some((_, text)), Value::String(_)) => json!(text),
        (Some((_, text)), Value::Array(_)) => json!([text]),
        (_, guess) => guess,
    }
}

fn shortest(schema: &Value) -> usize {
    let least = schema["minLength"].as_u64().unwrap_or(1).max(1);
    usize::try_from(least).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_seen() {
        let schema = json!({
            "type": "object", "required": ["id"],
            "properties": {
                "id": { "type": "string" }, "n": { "type": ["integer", "null"] },
                "kinds": { "type": "array", "items": { "type": "string", "enum": ["a", "b"] } },
                "below": { "oneOf": [{ "type": "null" }, { "type": "object", "properties": { "x": { "type": "number" } } }] },
                "free": { "type": "object" },
            },
        });
        for (value, expected) in [
            (
                json!({ "id": "1", "n": null, "kinds": ["a", "b"], "below": { "x": 0.5 }, "free": { "any": 1 } }),
                None,
            ),
            (json!({ "id": "1", "below": null }), None),
            (json!({ "n": 1 }), Some("answer.id is missing")),
            (json!({ "id": 1 }), Some("answer.id is 1, not \"string\"")),
            (json!({ "id": "1", "n": 0.5 }), Some("answer.n is 0.5")),
            (json!({ "id": "1", "kinds": ["c"] }), Some("answer.kinds[] is \"c\", none of")),
            (
                json!({ "id": "1", "below": { "y": 1 } }),
                Some("answer.below.y is not in the document"),
            ),
            (json!({ "id": "1", "extra": 1 }), Some("answer.extra is not in the document")),
            (json!([]), Some("answer is [], not \"object\"")),
        ] {
            let found = fault(&value, &schema, "answer");
            match expected {
                None => assert_eq!(found, None, "{value}"),
                Some(text) => assert!(
                    found.as_deref().is_some_and(|found| found.contains(text)),
                    "{value}: {found:?}"
                ),
            }
        }
    }
}
