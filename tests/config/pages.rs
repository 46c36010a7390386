//! The pages in `docs/` are those that the types make.

use crate::config::{reference, schema};
use std::path::Path;

fn same(name: &str, made: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "docs/{name} is not up to date, from line {:?} on: write it with `{command}`",
        differs.map(|at| at + 1)
    );
}

#[test]
fn the_reference_is_up_to_date() {
    same("configuration.md", &reference::page(), "lacewing config docs > docs/configuration.md");
}

#[test]
fn the_schema_is_up_to_date() {
    same("configuration.schema.json", &schema::schema(), "lacewing config schema > docs/configuration.schema.json");
}

#[test]
fn the_schema_describes_its_own_defaults() {
    let schema: serde_json::Value = serde_json::from_str(&schema::schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let limits = &schema["properties"]["Limits"]["properties"];
    assert_eq!(limits["InFlight"]["default"], 256);
    assert_eq!(limits["InFlight"]["maximum"], 65_535);
    assert_eq!(limits["PacketSize"]["default"], "16MiB");
    let endpoint = &schema["properties"]["Endpoints"]["additionalProperties"];
    assert_eq!(endpoint["properties"]["Tcp"]["properties"]["NoDelay"]["default"], true);
    assert_eq!(endpoint["additionalProperties"], false);
    assert_eq!(schema["properties"]["Users"]["additionalProperties"]["properties"]["Password"]["writeOnly"], true);
    assert!(!schema.to_string().contains("null"));
}
