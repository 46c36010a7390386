//! The shape of the tree of settings, learnt from the JSON Schema of [`Document`]: which sections, maps, lists and values there are, what
//! they are called, and which of them are secret.

use super::document::Document;
use super::key::fold;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// A part of the tree.
#[derive(Debug)]
pub struct Outline {
    /// What is in it.
    pub shape: Shape,
    /// The comment of its field or type.
    pub text: String,
    /// What the reference calls it.
    pub title: String,
    /// Whether it is never shown.
    pub secret: bool,
    /// Whether a change takes effect only at the next start.
    pub restart: bool,
    /// An environment variable that sets it besides the one its key gives.
    pub environment: Option<String>,
}

/// What is in a part of the tree.
#[derive(Debug)]
pub enum Shape {
    /// Fields, by name.
    Section(Vec<(String, Outline)>),
    /// Names that users choose, all with the same below them.
    Map(Box<Outline>),
    /// A list.
    List(Box<Outline>),
    /// One value.
    Value,
}

impl Outline {
    /// The whole tree.
    pub fn document() -> &'static Outline {
        static OUTLINE: OnceLock<Outline> = OnceLock::new();
        OUTLINE.get_or_init(|| Outline::of(&schema()))
    }

    /// The field that is meant by a name, and its name in the one right spelling.
    pub fn field(&self, name: &str) -> Option<(&str, &Outline)> {
        let Shape::Section(fields) = &self.shape else { return None };
        let name = fold(name);
        fields.iter().find(|(field, _)| fold(field) == name).map(|(field, outline)| (field.as_str(), outline))
    }

    /// What is below a part of a key in the one right spelling.
    pub fn below(&self, part: &str) -> Option<&Outline> {
        match &self.shape {
            Shape::Section(_) => self.field(part).map(|(_, outline)| outline),
            Shape::Map(outline) | Shape::List(outline) => Some(outline),
            Shape::Value => None,
        }
    }

    /// What a key in the one right spelling leads to.
    pub fn at(&self, parts: &[String]) -> Option<&Outline> {
        parts.iter().try_fold(self, |outline, part| outline.below(part))
    }

    fn of(schema: &Value) -> Outline {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or_default();
        let shape = match (schema.get("properties"), schema.get("additionalProperties"), schema.get("items")) {
            (Some(Value::Object(fields)), ..) => {
                Shape::Section(fields.iter().map(|(name, schema)| (name.clone(), Outline::of(schema))).collect())
            }
            (_, Some(schema @ Value::Object(_)), _) => Shape::Map(Box::new(Outline::of(schema))),
            (.., Some(schema)) => Shape::List(Box::new(Outline::of(schema))),
            _ => Shape::Value,
        };
        Outline {
            shape,
            text: text("description"),
            title: text("title"),
            secret: flag("writeOnly"),
            restart: flag("x-restart"),
            environment: schema.get("x-environment").and_then(Value::as_str).map(str::to_owned),
        }
    }
}

/// The JSON Schema of [`Document`], without references, without `null` (which is the same as leaving a key out) and with sorted keys.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            drop_null(object);
            object.remove("default");
            object.remove("format");
            // Two lines of a comment are one sentence.
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            object.values_mut().for_each(simplify);
            // Some feature of some crate may keep maps in the order of insertion.
            let mut sorted: Vec<_> = std::mem::take(object).into_iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            object.extend(sorted);
        }
        Value::Array(array) => array.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Takes `null` out of what a schema allows. A section that is left alone in an `anyOf` moves up, below the comment of its field.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [kind] = &types[..] {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    let Some(Value::Array(mut choices)) = object.remove("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    match (choices.len(), choices.pop()) {
        (1, Some(Value::Object(only))) => {
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
        (_, last) => {
            choices.extend(last);
            object.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
}
