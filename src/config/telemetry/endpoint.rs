//! The URL of a collector.

use super::choice::Protocol;
use hyper::Uri;

/// The port that HTTP is customary at.
const HTTP_PORT: u16 = 4318;

/// What an endpoint without a scheme means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemeless {
    /// `https`.
    Secure,
    /// `http`.
    Insecure,
}

/// An endpoint as a URL; without a scheme, as gRPC's are often written, `schemeless` says which.
///
/// # Errors
/// What is allowed.
pub fn parse(text: &str, schemeless: Schemeless) -> Result<Uri, String> {
    const ALLOWED: &str = "a URL such as http://collector:4317 or https://collector:4318";
    let text = match (text.contains("://"), schemeless) {
        (true, _) => text.to_owned(),
        (false, Schemeless::Secure) => format!("https://{text}"),
        (false, Schemeless::Insecure) => format!("http://{text}"),
    };
    let uri: Uri = text.parse().map_err(|_| ALLOWED.to_owned())?;
    let good = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if good { Ok(uri) } else { Err(ALLOWED.to_owned()) }
}

/// How OTLP is spoken at an endpoint where nobody says so.
pub fn usual_protocol(uri: &Uri) -> Protocol {
    if uri.port_u16() == Some(HTTP_PORT) { Protocol::Http } else { Protocol::Grpc }
}

/// The URL of one signal below a collector's, as OTLP over HTTP has it.
pub fn of_signal(uri: &Uri, path: &str) -> String {
    format!("{}/v1/{path}", uri.to_string().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_may_be_missing() {
        assert_eq!(parse("c:4317", Schemeless::Insecure).unwrap().to_string(), "http://c:4317/");
        assert_eq!(parse("c:4317", Schemeless::Secure).unwrap().to_string(), "https://c:4317/");
    }

    #[test]
    fn other_schemes_users_and_missing_hosts_are_refused() {
        for text in ["ftp://c", "http://", "http://user:secret@c:1", "http://a b"] {
            assert!(parse(text, Schemeless::Secure).is_err(), "{text}");
        }
    }

    #[test]
    fn http_has_a_path_for_each_signal() {
        let of = |text: &str| of_signal(&parse(text, Schemeless::Secure).unwrap(), "traces");
        assert_eq!(of("http://c:4318"), "http://c:4318/v1/traces");
        assert_eq!(of("http://c/otlp/"), "http://c/otlp/v1/traces");
    }
}
