//! The kinds of single values: each is written as one text in every layer, and says itself what it takes.

use std::time::Duration;

/// A value that is written as one text.
pub trait Scalar: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is allowed, to stand after "expected".
    fn parse(text: &str) -> Result<Self, String>;

    /// What the reference calls this kind.
    fn title() -> String;

    /// Its JSON Schema.
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

/// Gives a [`Scalar`] the traits that the tree of settings is read and described with.
macro_rules! scalar {
    ($type:ty $(, const $($bound:ident),+)?) => {
        impl<'de $($(, const $bound: u64)+)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $crate::config::scalar::Scalar::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl $(<$(const $bound: u64),+>)? schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::config::scalar::Scalar>::title().into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = schemars::Schema::default();
                if let serde_json::Value::Object(object) = <Self as $crate::config::scalar::Scalar>::schema() {
                    *schema.ensure_object() = object;
                }
                schema.insert("title".to_owned(), <Self as $crate::config::scalar::Scalar>::title().into());
                schema
            }
        }
    };
}
pub(super) use scalar;

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<const MIN: u64, const MAX: u64>(pub u64);

/// A number of bytes, as `4096`, `128KiB` or `16MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size<const MIN: u64, const MAX: u64>(pub u64);

/// A time span in milliseconds at rest; written as `10s`, `500ms`, `1m30s`, `00:02:00` or as seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<const MIN: u64, const MAX: u64>(pub Duration);

/// A time span, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalSpan<const MIN: u64, const MAX: u64>(pub Option<Duration>);

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

/// Any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

/// A path, in which `%NAME%` still stands for an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(pub String);

scalar!(Whole<MIN, MAX>, const MIN, MAX);
scalar!(Size<MIN, MAX>, const MIN, MAX);
scalar!(Span<MIN, MAX>, const MIN, MAX);
scalar!(OptionalSpan<MIN, MAX>, const MIN, MAX);
scalar!(Switch);
scalar!(Text);
scalar!(FilePath);

impl<const MIN: u64, const MAX: u64> Scalar for Whole<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.map(Whole).ok_or_else(|| match MAX {
            u64::MAX => format!("a whole number from {MIN}"),
            _ => format!("a whole number from {MIN} to {MAX}"),
        })
    }

    fn title() -> String {
        match MAX {
            u64::MAX => format!("number ≥ {MIN}"),
            _ => format!("number {MIN}..{MAX}"),
        }
    }

    fn schema() -> serde_json::Value {
        match MAX {
            u64::MAX => serde_json::json!({ "type": "integer", "minimum": MIN }),
            _ => serde_json::json!({ "type": "integer", "minimum": MIN, "maximum": MAX }),
        }
    }
}

/// Units of [`Size`], largest first, so that the first that divides is the shortest way to write it.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

impl<const MIN: u64, const MAX: u64> Scalar for Size<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        let bytes = bytes(text.trim()).filter(|bytes| (MIN..=MAX).contains(bytes));
        bytes.map(Size).ok_or_else(|| match MAX {
            u64::MAX => format!("a size such as 4096, 128KiB or 16MiB, from {MIN} bytes"),
            _ => format!("a size such as 4096, 128KiB or 16MiB, from {MIN} to {MAX} bytes"),
        })
    }

    fn title() -> String {
        match MAX {
            u64::MAX => format!("size ≥ {MIN}"),
            _ => format!("size {MIN}..{}", write_size(MAX)),
        }
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["integer", "string"], "minimum": MIN, "pattern": "^[0-9]+ *([KMGkmg]?[Ii]?[Bb])?$" })
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" => 1,
        unit => SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A number of bytes in the way that [`Size`] reads.
pub fn write_size(bytes: u64) -> String {
    let exact = SIZES[..3].iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    exact.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// Units of time in milliseconds, largest first.
const SPANS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl<const MIN: u64, const MAX: u64> Scalar for Span<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        let span = milliseconds(text.trim()).filter(|span| (MIN..=MAX).contains(span));
        span.map(|span| Span(Duration::from_millis(span))).ok_or_else(|| {
            let range = match MAX {
                u64::MAX => format!("from {}", write_span(MIN)),
                _ => format!("from {} to {}", write_span(MIN), write_span(MAX)),
            };
            format!("a time such as 500ms, 10s, 5m, 24h or 00:02:00, {range}")
        })
    }

    fn title() -> String {
        match MAX {
            u64::MAX => format!("time ≥ {}", write_span(MIN)),
            _ => format!("time {}..{}", write_span(MIN), write_span(MAX)),
        }
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["integer", "string"] })
    }
}

impl<const MIN: u64, const MAX: u64> Scalar for OptionalSpan<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "none" | "off" | "never" => Ok(OptionalSpan(None)),
            _ => Span::<MIN, MAX>::parse(text)
                .map(|Span(span)| OptionalSpan(Some(span)))
                .map_err(|allowed| format!("{allowed}, or none")),
        }
    }

    fn title() -> String {
        format!("{}, or none", Span::<MIN, MAX>::title())
    }

    fn schema() -> serde_json::Value {
        Span::<MIN, MAX>::schema()
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    if text.contains(':') {
        return clock(text);
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    let (mut total, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit = SPANS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// `[d.]hh:mm:ss`, as .NET writes time spans.
fn clock(text: &str) -> Option<u64> {
    let (days, text) = match text.split_once('.') {
        Some((days, rest)) if rest.contains(':') => (days.parse::<u64>().ok()?, rest),
        _ => (0, text),
    };
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes @ 0..60, seconds @ 0..60] = parts[..] else { return None };
    let whole = days.checked_mul(24)?.checked_add(hours)?.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    whole.checked_mul(1000)?.checked_add(thousandths)
}

/// A number of milliseconds in the way that [`Span`] reads.
pub fn write_span(milliseconds: u64) -> String {
    match SPANS.iter().find(|(_, unit)| milliseconds.is_multiple_of(*unit)) {
        Some(_) if milliseconds == 0 => "0s".to_owned(),
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

impl Scalar for Switch {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Switch(true)),
            "false" | "0" | "no" | "off" => Ok(Switch(false)),
            _ => Err("true or false".to_owned()),
        }
    }

    fn title() -> String {
        "true or false".to_owned()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "boolean" })
    }
}

impl Scalar for Text {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Text(text.to_owned()))
    }

    fn title() -> String {
        "text".to_owned()
    }
}

impl Scalar for FilePath {
    fn parse(text: &str) -> Result<Self, String> {
        match text.contains('\0') {
            true => Err("a path".to_owned()),
            false => Ok(FilePath(text.to_owned())),
        }
    }

    fn title() -> String {
        "path".to_owned()
    }
}
