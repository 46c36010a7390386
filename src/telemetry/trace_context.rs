//! W3C Trace Context in the user properties of MQTT 5.0: `traceparent` and `tracestate`, lower case.
//!
//! Exactly one `traceparent` counts, in the form `00-<32 hex digits>-<16>-<2>`; later versions may have more behind it. `tracestate` is passed on
//! unread, up to a bound.

use mqtt_wire::{Properties, PropertyId, Value};

/// Longest `tracestate` that is passed on.
const STATE: usize = 512;

/// Bytes of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// What a packet says about its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context<'a> {
    /// Nothing.
    Absent,
    /// Nothing that can be understood, or too much.
    Unusable,
    /// The span it comes from.
    Parent(Parent<'a>),
}

/// The span that a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent<'a> {
    /// Its trace.
    pub trace_id: u128,
    /// Itself.
    pub span_id: u64,
    /// Whether it was recorded.
    pub sampled: bool,
    /// `tracestate`.
    pub state: Option<&'a str>,
}

/// Reads a packet's properties.
pub fn of<'a>(properties: Properties<'a>) -> Context<'a> {
    let (mut parent, mut state) = (Context::Absent, None);
    for property in properties.iter().filter(|property| property.id == PropertyId::USER_PROPERTY) {
        match property.value {
            Value::Pair("traceparent", value) if parent == Context::Absent => {
                parent = parse(value).map_or(Context::Unusable, Context::Parent);
            }
            Value::Pair("traceparent", _) => parent = Context::Unusable,
            Value::Pair("tracestate", value) if value.len() <= STATE => state = Some(value),
            _ => {}
        }
    }
    match parent {
        Context::Parent(parent) => Context::Parent(Parent { state, ..parent }),
        other => other,
    }
}

/// Where the parts of a `traceparent` stand.
const PARTS: [std::ops::Range<usize>; 4] = [0..2, 3..35, 36..52, 53..55];

fn parse<'a>(text: &str) -> Option<Parent<'a>> {
    let text = text.as_bytes();
    let longer = !text.starts_with(b"00-") && text.get(LENGTH) == Some(&b'-');
    let dashes = text.len() >= LENGTH && [2, 35, 52].iter().all(|at| text[*at] == b'-');
    if text.starts_with(b"ff") || !dashes || text.len() != LENGTH && !longer {
        return None;
    }
    let [version, trace, span, flags] = PARTS.map(|part| hex(&text[part]));
    version?;
    let trace_id = trace.filter(|id| *id != 0)?;
    let span_id = u64::try_from(span?).ok().filter(|id| *id != 0)?;
    Some(Parent { trace_id, span_id, sampled: flags? & 1 == 1, state: None })
}

/// A number in lower-case hexadecimal digits, 32 at most.
fn hex(digits: &[u8]) -> Option<u128> {
    // By halves: shifting 128 bits for each digit is what takes time.
    let half = |digits: &[u8]| {
        digits.iter().try_fold(0u64, |number, digit| match digit {
            b'0'..=b'9' => Some(number << 4 | u64::from(digit - b'0')),
            b'a'..=b'f' => Some(number << 4 | u64::from(digit - b'a' + 10)),
            _ => None,
        })
    };
    let (upper, lower) = digits.split_at(digits.len().saturating_sub(16));
    Some(u128::from(half(upper)?) << 64 | u128::from(half(lower)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_wire::PropertyBuf;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn context(pairs: &[(&str, &str)]) -> String {
        let mut properties = PropertyBuf::new();
        for (name, value) in pairs {
            properties.push(PropertyId::USER_PROPERTY, Value::Pair(name, value));
        }
        format!("{:?}", of(properties.as_properties()))
    }

    #[test]
    fn a_parent_is_read_with_its_state() {
        let read = context(&[("a", "b"), ("tracestate", "x=1"), ("traceparent", GOOD)]);
        let parent = Parent {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: 0xb7ad_6b71_6920_3331,
            sampled: true,
            state: Some("x=1"),
        };
        assert_eq!(read, format!("{:?}", Context::Parent(parent)));
    }

    #[test]
    fn only_the_last_bit_of_the_flags_says_sampled() {
        assert!(parse(&GOOD.replace("-01", "-03")).unwrap().sampled);
        assert!(!parse(&GOOD.replace("-01", "-02")).unwrap().sampled);
    }

    #[test]
    fn two_parents_are_none() {
        assert_eq!(context(&[("traceparent", GOOD), ("traceparent", GOOD)]), "Unusable");
        assert_eq!(context(&[("Traceparent", GOOD)]), "Absent");
    }

    #[test]
    fn malformed_parents_are_unusable() {
        for (from, to) in [
            ("00-", "ff-"),
            ("00-", "0x-"),
            ("-01", "-01-more"),
            ("-01", ""),
            ("0af7", "0AF7"),
            ("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            ("b7ad6b7169203331", "0000000000000000"),
            ("-b7", "b7-"),
        ] {
            assert_eq!(context(&[("traceparent", &GOOD.replace(from, to))]), "Unusable", "{from} -> {to}");
        }
        assert!(parse(&format!("{}-more", GOOD.replace("00-0", "01-0"))).is_some());
    }

    #[test]
    fn a_state_without_bound_is_left_out() {
        assert!(context(&[("traceparent", GOOD), ("tracestate", &"x".repeat(513))]).contains("state: None"));
    }
}
