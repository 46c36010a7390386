//! The JSON Schema (draft 2020-12) of configuration files, for editors. It knows the one right spelling; the broker is more lenient.

use super::defaults;
use super::key::Key;
use super::outline;
use serde_json::{Value, json};

/// The schema as text.
pub fn schema() -> String {
    let mut schema = outline::schema();
    close(&mut schema);
    for (key, text) in defaults::broker() {
        set_default(&mut schema, &key, &text);
    }
    if let Some(endpoint) = schema.pointer_mut("/properties/Endpoints/additionalProperties") {
        for (key, text) in defaults::endpoint() {
            set_default(endpoint, &key, &text);
        }
    }
    schema["title"] = json!("Lacewing");
    schema["properties"]["$schema"] = json!({ "type": "string", "description": "Where this schema is." });
    schema["properties"]["MQTT"] =
        json!({ "$ref": "#", "description": "The same keys, in the layout of Net.MQTT's files." });
    schema["properties"]["Kestrel"] = json!({
        "type": "object",
        "description": "Endpoints and Certificates of Kestrel: HTTP endpoints and a default certificate.",
    });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

/// Allows no keys in a section but its own.
fn close(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Object(fields)) = object.get_mut("properties") {
        fields.values_mut().for_each(close);
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    } else if let Some(map) = object.get_mut("additionalProperties") {
        close(map);
    }
}

fn set_default(schema: &mut Value, key: &Key, text: &str) {
    let value = key.0.iter().try_fold(schema, |schema, part| schema.get_mut("properties")?.get_mut(part));
    let Some(value) = value else { return };
    let kind = value["type"].as_str();
    value["default"] = match (kind, text.parse::<u64>(), text.parse::<bool>()) {
        (Some("integer"), Ok(number), _) => number.into(),
        (Some("boolean"), _, Ok(switch)) => switch.into(),
        _ => text.into(),
    };
}
