//! Lists of pairs in variables: `key=value,key2=value2`, percent-encoded (W3C Baggage).

/// The pairs of a list, decoded.
///
/// # Errors
/// What is allowed.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    const ALLOWED: &str = "pairs such as key=value,key2=value2, with %XX for characters that have a meaning there";
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let pair = |item: &str| {
        let (key, value) = item.split_once('=')?;
        let (key, value) = (decode(key.trim())?, decode(value.trim())?);
        (!key.is_empty()).then_some((key, value))
    };
    items.map(|item| pair(item).ok_or_else(|| ALLOWED.to_owned())).collect()
}

/// A text with its `%XX` replaced; `None` if that is no UTF-8. A `%` that begins no such group stands for itself.
fn decode(text: &str) -> Option<String> {
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let group = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match group.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    #[test]
    fn values_are_percent_decoded() {
        let expected = [("a".to_owned(), "b c".to_owned()), ("d,e".to_owned(), "f=ü".to_owned())];
        assert_eq!(pairs("a=b%20c, d%2Ce = f%3D%C3%BC,"), expected);
    }

    #[test]
    fn a_lone_percent_sign_stays() {
        assert_eq!(
            pairs("load=100%,x=%zz"),
            [("load".to_owned(), "100%".to_owned()), ("x".to_owned(), "%zz".to_owned())]
        );
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for text in ["alone", "=value", "a=b,c", "a=%ff"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
