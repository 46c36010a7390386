//! Which messages are traced: from keys and variables to [`Sampling`].

use super::choice::{Propagation, Ratio, Sampler};
use super::plan::{Propagating, Root, Sampling};
use super::variables::{Variables, propagators};
use crate::config::key::Key;
use crate::config::resolve::Resolver;
use crate::config::scalar::{Switch, Text};
use mqtt_wire::TopicFilter;

/// Most templates: each is tried for every traced message.
const TEMPLATES: usize = 100;

/// Reads the keys below `Telemetry:Traces`, and `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` and `OTEL_PROPAGATORS`.
pub fn resolve(resolver: &mut Resolver<'_>, variables: &mut Variables<'_>) -> Sampling {
    let document = resolver.document;
    let keys = &document.telemetry.traces;
    let named = variables.scalar("OTEL_TRACES_SAMPLER");
    let sampler = keys.sampler.or(named).unwrap_or(Sampler::ParentOrAlwaysOn);
    let ratio = match sampler {
        Sampler::Ratio | Sampler::ParentOrRatio => variables.scalar("OTEL_TRACES_SAMPLER_ARG"),
        // The argument means nothing to the others.
        _ => None,
    };
    let ratio = keys.ratio.or(ratio).unwrap_or(Ratio(1.0));
    let root = match sampler {
        Sampler::AlwaysOn | Sampler::ParentOrAlwaysOn => Root::Always,
        Sampler::AlwaysOff | Sampler::ParentOrAlwaysOff => Root::Never,
        Sampler::Ratio | Sampler::ParentOrRatio if ratio.0 >= 1.0 => Root::Always,
        Sampler::Ratio | Sampler::ParentOrRatio if ratio.0 <= 0.0 => Root::Never,
        Sampler::Ratio | Sampler::ParentOrRatio => Root::Ratio(ratio.0),
    };
    let templates = filters(resolver, "Templates", keys.templates.as_deref());
    if templates.len() > TEMPLATES {
        resolver.contradiction(&key("Templates"), format!("no more than {TEMPLATES} of them, please"));
    }
    Sampling {
        root,
        parent_based: !matches!(sampler, Sampler::AlwaysOn | Sampler::AlwaysOff | Sampler::Ratio),
        follow_remote: keys.follow_remote.is_none_or(|Switch(follow)| follow),
        context: variables.read("OTEL_PROPAGATORS", propagators).unwrap_or(true),
        per_second: keys.per_second.map_or(100, |number| u32::try_from(number.0).unwrap_or(u32::MAX)),
        deliveries: keys.deliveries.map_or(32, |number| u16::try_from(number.0).unwrap_or(u16::MAX)),
        propagating: propagating(resolver),
        clients: keys.clients.iter().flatten().map(|client| client.0.clone()).collect(),
        topics: filters(resolver, "Topics", keys.topics.as_deref()),
        templates,
    }
}

fn propagating(resolver: &mut Resolver<'_>) -> Propagating {
    let document = resolver.document;
    let keys = &document.telemetry.traces;
    let topics = filters(resolver, "RewriteTopics", keys.rewrite_topics.as_deref());
    match keys.propagation {
        None | Some(Propagation::PassThrough) => Propagating::PassThrough,
        Some(Propagation::InjectIfMissing) => Propagating::InjectIfMissing,
        Some(Propagation::Rewrite) => {
            if topics.is_empty() {
                resolver.contradiction(&key("Propagation"), "Rewrite needs RewriteTopics: the Topic Filters it is for");
            }
            Propagating::Rewrite(topics)
        }
    }
}

/// Topic Filters; what is none is an error.
fn filters(resolver: &mut Resolver<'_>, name: &str, texts: Option<&[Text]>) -> Vec<String> {
    let mut filters = Vec::new();
    for (at, Text(text)) in texts.into_iter().flatten().enumerate() {
        match TopicFilter::parse(text) {
            Ok(_) => filters.push(text.clone()),
            Err(_) => resolver.not_allowed(&key(name).child(at.to_string()), "a Topic Filter"),
        }
    }
    filters
}

fn key(name: &str) -> Key {
    Key::of("Telemetry:Traces").child(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::scalar::Scalar;

    #[test]
    fn foreign_samplers_are_refused() {
        for word in ["jaeger_remote", "xray", "parentbased_jaeger_remote", "0.5"] {
            assert!(Sampler::parse(word).is_err(), "{word}");
        }
        assert_eq!(Sampler::parse("ParentBased_TraceIdRatio"), Ok(Sampler::ParentOrRatio));
    }
}
