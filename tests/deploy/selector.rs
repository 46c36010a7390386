//! Which series a query in PromQL needs: as much of the language as our own files use.

/// A series that has to be there for a query to give something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// A label and its value, where one is asked for.
    pub label: Option<(String, String)>,
}

/// The metrics of the broker that `expr` names, with each value of a label that it asks for.
pub fn needed(expr: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut rest = expr;
    while let Some(start) = ["mqtt_server_", "process_"].iter().filter_map(|prefix| rest.find(prefix)).min() {
        let name = &rest[start..];
        let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
        let (metric, after) = name.split_at(end);
        let matchers = after.strip_prefix('{').and_then(|after| after.split_once('}')).map_or("", |(inside, _)| inside);
        let of = |label| Selector { metric: metric.to_owned(), label };
        found.push(of(None));
        found.extend(values(matchers).into_iter().map(|label| of(Some(label))));
        rest = &after[matchers.len()..];
    }
    found
}

/// Labels and the values that are asked for with `=` and `=~`, alternatives apart; `.*` asks for none.
fn values(matchers: &str) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for matcher in matchers.split(", ").filter(|matcher| !matcher.contains('!')) {
        let Some((label, value)) = matcher.split_once('=') else { continue };
        let value = value.trim_start_matches('~').trim_matches('"');
        values
            .extend(value.split('|').filter(|value| *value != ".*").map(|value| (label.to_owned(), value.to_owned())));
    }
    values
}

#[test]
fn metrics_and_the_values_of_their_labels_are_found() {
    let expr = r#"sum without (a) (rate(mqtt_server_x_total{instance=~".*", a=~"b|c", d!="e"}[5m])) / process_y{f="g"} - up > 0"#;
    let of = |metric: &str, label: Option<(&str, &str)>| Selector {
        metric: metric.to_owned(),
        label: label.map(|(label, value)| (label.to_owned(), value.to_owned())),
    };
    let (x, y) = ("mqtt_server_x_total", "process_y");
    let expected =
        [of(x, None), of(x, Some(("a", "b"))), of(x, Some(("a", "c"))), of(y, None), of(y, Some(("f", "g")))];
    assert_eq!(needed(expr), expected);
}
