//! Topic Names, Topic Filters and shared filters (4.7, 4.8), valid by construction.

use std::fmt;

/// Why a text is no Topic Name or Topic Filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// No character at all [MQTT-4.7.3-1].
    Empty,
    /// U+0000 [MQTT-4.7.3-2].
    Nul,
    /// More than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// `+` or `#` in a Topic Name [MQTT-4.7.0-1], or in a filter where they may not stand [MQTT-4.7.1-1] [MQTT-4.7.1-2].
    Wildcard,
    /// `$share` without a ShareName or without a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    Share,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicError::Empty => "it is empty",
            TopicError::Nul => "it holds U+0000",
            TopicError::TooLong => "it is longer than 65535 bytes",
            TopicError::Wildcard => "a wildcard stands where none is allowed",
            TopicError::Share => "it lacks a ShareName or a filter after $share/",
        })
    }
}

impl std::error::Error for TopicError {}

fn check_text(text: &str) -> Result<(), TopicError> {
    match text.len() {
        0 => return Err(TopicError::Empty),
        1..=65_535 => {}
        _ => return Err(TopicError::TooLong),
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(TopicError::Nul);
    }
    Ok(())
}

/// A Topic Name: non-empty, no wildcards, no U+0000, at most 65,535 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// The first rule of 4.7 that it breaks.
    pub fn parse(text: &'a str) -> Result<TopicName<'a>, TopicError> {
        check_text(text)?;
        if memchr::memchr2(b'+', b'#', text.as_bytes()).is_some() {
            return Err(TopicError::Wildcard);
        }
        Ok(TopicName(text))
    }

    /// The name as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether the name begins with `$`, so that filters beginning with a wildcard do not match it [MQTT-4.7.2-1].
    pub fn is_reserved(self) -> bool {
        self.0.starts_with('$')
    }
}

/// A Topic Filter: wildcards only where 4.7.1 allows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicFilter<'a>(&'a str);

impl<'a> TopicFilter<'a> {
    /// Checks `text`, which is a filter without `$share/`.
    ///
    /// # Errors
    /// The first rule of 4.7 that it breaks.
    pub fn parse(text: &'a str) -> Result<TopicFilter<'a>, TopicError> {
        check_text(text)?;
        if memchr::memchr2(b'+', b'#', text.as_bytes()).is_some() {
            let mut levels = text.split('/').peekable();
            while let Some(level) = levels.next() {
                let legal = match level {
                    "+" => true,
                    "#" => levels.peek().is_none(),
                    _ => !level.contains(['+', '#']),
                };
                if !legal {
                    return Err(TopicError::Wildcard);
                }
            }
        }
        Ok(TopicFilter(text))
    }

    /// The filter as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether the filter holds `+` or `#`.
    pub fn has_wildcard(self) -> bool {
        memchr::memchr2(b'+', b'#', self.0.as_bytes()).is_some()
    }

    /// Whether the filter matches `topic` (4.7): byte by byte, `a/#` also matches `a`, and a leading wildcard never matches `$...`.
    pub fn matches(self, topic: TopicName<'_>) -> bool {
        if topic.is_reserved() && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.0.split('/');
        for level in self.0.split('/') {
            if level == "#" {
                return true;
            }
            match levels.next() {
                Some(text) if level == "+" || level == text => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

impl<'a> From<TopicName<'a>> for TopicFilter<'a> {
    fn from(name: TopicName<'a>) -> TopicFilter<'a> {
        TopicFilter(name.0)
    }
}

/// The ShareName of a Shared Subscription: one or more characters, none of them `/`, `+`, `#` [MQTT-4.8.2-2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShareName<'a>(&'a str);

impl<'a> ShareName<'a> {
    /// The name as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// What a Topic Filter in SUBSCRIBE or UNSUBSCRIBE addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterTarget<'a> {
    /// A subscription of the client's own.
    Own(TopicFilter<'a>),
    /// A share of a group's subscription: `$share/{share}/{filter}` (4.8.2).
    Shared(ShareName<'a>, TopicFilter<'a>),
}

impl<'a> FilterTarget<'a> {
    /// Checks `text` as it stands in SUBSCRIBE.
    ///
    /// # Errors
    /// The first rule of 4.7 or 4.8.2 that it breaks.
    pub fn parse(text: &'a str) -> Result<FilterTarget<'a>, TopicError> {
        check_text(text)?;
        if text == "$share" {
            return Err(TopicError::Share);
        }
        let Some(shared) = text.strip_prefix("$share/") else { return TopicFilter::parse(text).map(FilterTarget::Own) };
        let (share, filter) = shared.split_once('/').ok_or(TopicError::Share)?;
        if share.is_empty() || share.contains(['+', '#']) || filter.is_empty() {
            return Err(TopicError::Share);
        }
        Ok(FilterTarget::Shared(ShareName(share), TopicFilter::parse(filter)?))
    }

    /// The filter that topics are matched against.
    pub fn filter(self) -> TopicFilter<'a> {
        match self {
            FilterTarget::Own(filter) | FilterTarget::Shared(_, filter) => filter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        TopicFilter::parse(filter).unwrap().matches(TopicName::parse(topic).unwrap())
    }

    /// The examples that 4.7.1 and 4.7.2 speak of.
    #[test]
    fn filters_match_by_level() {
        for topic in ["sport/tennis", "sport/tennis/player", "sport/tennis/player/score"] {
            assert!(matches("sport/tennis/#", topic));
        }
        assert!(matches("sport/#", "sport") && matches("#", "a/b/c") && matches("/+", "/finance"));
        assert!(matches("+/+", "/finance") && !matches("+", "/finance") && !matches("sport/+", "sport"));
        assert!(matches("sport/+", "sport/") && !matches("sport", "sport/") && !matches("a", "A"));
        assert!(!matches("#", "$SYS/x") && !matches("+/x", "$SYS/x") && matches("$SYS/#", "$SYS/x"));
        assert!(matches("$SYS/+", "$SYS/x") && matches("+/$SYS", "a/$SYS"));
    }

    #[test]
    fn each_rule_has_its_error() {
        let long = "x".repeat(65_536);
        assert_eq!(TopicName::parse(""), Err(TopicError::Empty));
        assert_eq!(TopicName::parse("a\0"), Err(TopicError::Nul));
        assert_eq!(TopicName::parse(&long), Err(TopicError::TooLong));
        assert_eq!(TopicName::parse("a/+"), Err(TopicError::Wildcard));
        for text in ["a#", "#/a", "a/#/b", "a+/b", "++", "a/b+"] {
            assert_eq!(TopicFilter::parse(text), Err(TopicError::Wildcard), "{text}");
        }
        assert!(TopicFilter::parse(&long[1..]).is_ok());
    }

    #[test]
    fn a_share_has_a_name_and_a_filter() {
        for text in ["$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g#/a"] {
            assert_eq!(FilterTarget::parse(text), Err(TopicError::Share), "{text}");
        }
        assert_eq!(FilterTarget::parse("$share/g/a+"), Err(TopicError::Wildcard));
        assert_eq!(FilterTarget::parse("$share/g\0/a"), Err(TopicError::Nul), "the ShareName is text too");
        let long = format!("$share/g/{}", "x".repeat(65_530));
        assert_eq!(FilterTarget::parse(&long), Err(TopicError::TooLong), "the limit is that of the whole text");
        let Ok(FilterTarget::Shared(share, filter)) = FilterTarget::parse("$share/g//+") else { panic!() };
        assert_eq!((share.as_str(), filter.as_str()), ("g", "/+"));
        assert!(matches!(FilterTarget::parse("$shared/a"), Ok(FilterTarget::Own(_))));
    }
}
