use super::*;
use crate::Limits;
use crate::slot::ClaimToken;
use mqtt_wire::{SubscriptionOptions, TopicName};
use proptest::prelude::*;

fn target(filter: &str) -> FilterTarget<'_> {
    FilterTarget::parse(filter).unwrap()
}

fn found(index: &Index, topic: &str) -> Vec<String> {
    let mut routes = Vec::new();
    index.lookup(topic.as_bytes(), index.hash(topic.as_bytes()), &mut routes);
    let text = |route: &Route| String::from_utf8(route.filter().to_vec()).unwrap();
    let mut filters: Vec<String> =
        routes.iter().filter(|route| !route.read().own.as_slice().is_empty()).map(text).collect();
    filters.sort();
    filters
}

proptest! {
    #[test]
    fn the_index_finds_what_matching_one_by_one_finds_while_filters_come_and_go(
        filters in prop::collection::vec(("([ab$]{0,2}|\\+)(/([ab]{0,2}|\\+)){0,3}(/#)?|#", any::<bool>()), 1..40),
        topics in prop::collection::vec("[ab$]{0,2}(/[ab]{0,2}){0,4}", 1..10),
    ) {
        let index = Index::default();
        let slot = Slot::new("c", ClaimToken(0));
        let mut held: Vec<(String, Subscription)> = Vec::new();
        for (filter, stays) in filters.iter().filter(|(filter, _)| !filter.is_empty()) {
            let subscriber = Subscriber::new(slot.clone(), SubscriptionOptions::default(), 0);
            let (subscription, new) = index.subscribe(target(filter), subscriber);
            prop_assert_eq!(new, !held.iter().any(|(known, _)| known == filter));
            if new {
                held.push((filter.clone(), subscription));
            }
            if !stays {
                let (_, subscription) = held.remove(0);
                index.unsubscribe(&subscription, &slot);
            }
            for topic in topics.iter().filter(|topic| !topic.is_empty()) {
                let topic = TopicName::parse(topic).unwrap();
                let mut expected: Vec<String> = held
                    .iter()
                    .filter(|(filter, _)| TopicFilter::parse(filter).unwrap().matches(topic))
                    .map(|(filter, _)| filter.clone())
                    .collect();
                expected.sort();
                prop_assert_eq!(found(&index, topic.as_str()), expected);
            }
        }
        for (_, subscription) in held.drain(..) {
            index.unsubscribe(&subscription, &slot);
        }
        prop_assert!(index.is_empty());
    }
}

#[test]
fn a_cached_answer_is_outdated_by_a_new_filter_that_could_match() {
    let index = Index::default();
    let hash = index.hash(b"a/b");
    let subscriber = || Subscriber::new(Slot::new("c", ClaimToken(0)), SubscriptionOptions::default(), 0);
    let (mut cache, limits) = (RouteCache::default(), Limits::default());
    let place = cache.look_up(&index, hash, b"a/b", &limits);
    assert!(cache.routes(place).is_empty());
    assert!(cache.known(&index, hash, b"a/b").is_some());
    index.subscribe(target("a/b"), subscriber());
    assert!(cache.known(&index, hash, b"a/b").is_none());
    let place = cache.look_up(&index, hash, b"a/b", &limits);
    assert_eq!(cache.routes(place).len(), 1);
    index.subscribe(target("a/b"), subscriber());
    assert!(cache.known(&index, hash, b"a/b").is_some(), "one more subscriber is no new filter");
    index.subscribe(target("+/b"), subscriber());
    assert!(cache.known(&index, hash, b"a/b").is_none());
}

#[test]
fn a_full_cache_takes_no_new_topics_until_it_starts_anew() {
    let index = Index::default();
    let kept = |limits: &Limits, caches: usize| {
        let mut caches: Vec<RouteCache> = (0..caches).map(|_| RouteCache::default()).collect();
        let topics: Vec<String> = (0..200).map(|i| format!("t/{i}")).collect();
        for topic in &topics {
            for cache in &mut caches {
                cache.look_up(&index, index.hash(topic.as_bytes()), topic.as_bytes(), limits);
            }
        }
        let known = |cache: &RouteCache| {
            let known = |topic: &&String| cache.known(&index, index.hash(topic.as_bytes()), topic.as_bytes()).is_some();
            topics.iter().filter(known).count()
        };
        let kept: usize = caches.iter().map(known).sum();
        caches.iter_mut().for_each(|cache| cache.clear(&index));
        kept
    };
    let limits = Limits { route_cache: 2, ..Limits::default() };
    assert!((1..=2).contains(&kept(&limits, 1)));
    let limits = Limits { route_caches: 64, ..Limits::default() };
    assert_eq!(kept(&limits, 3), 65 + 1 + 1, "one piece for all, and one topic each without asking");
    assert_eq!(kept(&Limits::default(), 3), 600, "what was cleared is free again");
}

#[test]
fn a_long_topic_is_looked_up_each_time() {
    let index = Index::default();
    let (mut cache, limits) = (RouteCache::default(), Limits::default());
    let topic = vec![b'a'; 257];
    let hash = index.hash(&topic);
    index.subscribe(
        target(&"a".repeat(257)),
        Subscriber::new(Slot::new("c", ClaimToken(0)), SubscriptionOptions::default(), 0),
    );
    let place = cache.look_up(&index, hash, &topic, &limits);
    assert_eq!(cache.routes(place).len(), 1);
    assert!(cache.known(&index, hash, &topic).is_none());
}
