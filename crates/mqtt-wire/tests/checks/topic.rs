//! Topic Names, Topic Filters and matching, against the rules of 4.7 and 4.8.2 written down a second time, slowly.

use mqtt_wire::{FilterTarget, TopicFilter, TopicName};

/// UTF-8 text: a filter, a line feed, a Topic Name.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filter, topic) = text.split_once('\n').unwrap_or((text, text));
    assert_eq!(TopicFilter::parse(filter).is_ok(), is_filter(filter), "{filter:?}");
    assert_eq!(TopicName::parse(topic).is_ok(), is_text(topic) && !topic.contains(['+', '#']), "{topic:?}");
    check_target(filter);
    check_match(filter, topic);
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= 65_535 && !text.contains('\0')
}

fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let legal = |(at, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => at + 1 == levels.len(),
        plain => !plain.contains('+') && !plain.contains('#'),
    };
    is_text(text) && levels.iter().enumerate().all(legal)
}

fn check_target(text: &str) {
    let parsed = FilterTarget::parse(text);
    let levels: Vec<&str> = text.splitn(3, '/').collect();
    match levels[..] {
        ["$share"] => assert!(parsed.is_err()),
        ["$share", _] => assert!(parsed.is_err(), "{text:?}"),
        ["$share", name, rest] => {
            let legal = is_text(text) && !name.is_empty() && !name.contains(['+', '#']) && is_filter(rest);
            assert_eq!(parsed.is_ok(), legal, "{text:?}");
            if let Ok(target) = parsed {
                assert!(matches!(target, FilterTarget::Shared(share, filter)
                    if share.as_str() == name && filter.as_str() == rest && target.filter() == filter));
            }
        }
        _ => assert_eq!(parsed, TopicFilter::parse(text).map(FilterTarget::Own)),
    }
}

fn check_match(filter: &str, topic: &str) {
    let (Ok(parsed), Ok(name)) = (TopicFilter::parse(filter), TopicName::parse(topic)) else { return };
    assert_eq!(parsed.has_wildcard(), filter.contains(['+', '#']));
    let filters: Vec<&str> = filter.split('/').collect();
    let levels: Vec<&str> = topic.split('/').collect();
    let hidden = topic.starts_with('$') && (filters[0] == "+" || filters[0] == "#");
    assert_eq!(parsed.matches(name), !hidden && matches(&filters, &levels), "{filter:?} {topic:?}");
    assert!(TopicFilter::from(name).matches(name));
}

fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) | ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => matches(filter, topic),
        ([level, filter @ ..], [name, topic @ ..]) => level == name && matches(filter, topic),
        _ => false,
    }
}
