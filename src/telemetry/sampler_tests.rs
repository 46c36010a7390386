use super::*;
use mqtt_wire::{PropertyBuf, PropertyId, Value};

fn sampling(change: impl FnOnce(&mut Sampling)) -> Sampling {
    let mut sampling = Sampling {
        root: Root::Never,
        parent_based: true,
        follow_remote: true,
        context: true,
        per_second: 1000,
        deliveries: 32,
        propagating: Propagating::PassThrough,
        clients: Vec::new(),
        topics: Vec::new(),
        templates: Vec::new(),
    };
    change(&mut sampling);
    sampling
}

fn parent(flags: &str) -> PropertyBuf {
    let mut properties = PropertyBuf::new();
    let value = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
    properties.push(PropertyId::USER_PROPERTY, Value::Pair("traceparent", &value));
    properties
}

fn subject(properties: &PropertyBuf) -> Subject<'_> {
    Subject { client_id: "c", topic: Some("a/b"), properties: properties.as_properties() }
}

fn decide(sampling: &Sampling, properties: &PropertyBuf) -> Option<Decision> {
    Sampler::new(sampling).decide(subject(properties))
}

#[test]
fn a_recorded_parent_is_followed_and_another_is_not() {
    let rules = sampling(|_| {});
    let decision = decide(&rules, &parent("01")).unwrap();
    assert_eq!(
        (decision.trace_id, decision.parent_id),
        (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331)
    );
    assert_eq!(decide(&rules, &parent("00")), None);
    assert_eq!(decide(&sampling(|rules| rules.root = Root::Always), &parent("00")), None);
}

#[test]
fn remote_flags_do_not_overrun_the_budget_nor_take_that_of_others() {
    let sampler = Sampler::new(&sampling(|rules| (rules.per_second, rules.root) = (5, Root::Always)));
    let properties = parent("01");
    let followed = (0..100).filter(|_| sampler.decide(subject(&properties)).is_some()).count();
    assert_eq!(followed, 5);
    let none = PropertyBuf::new();
    let begun = (0..100).filter(|_| sampler.decide(subject(&none)).is_some()).count();
    assert_eq!(begun, 5);
    sampler.refill(Duration::from_millis(200));
    assert!(sampler.decide(subject(&properties)).is_some());
    assert!(sampler.decide(subject(&properties)).is_none());
}

#[test]
fn without_following_the_rule_for_others_decides_and_the_parent_stays() {
    let ignored = sampling(|rules| rules.follow_remote = false);
    assert_eq!(decide(&ignored, &parent("01")), None);
    let all = sampling(|rules| (rules.follow_remote, rules.root) = (false, Root::Always));
    assert_eq!(decide(&all, &parent("00")).unwrap().parent_id, 0xb7ad_6b71_6920_3331);
}

#[test]
fn without_propagators_there_is_no_parent() {
    let rules = sampling(|rules| (rules.context, rules.root) = (false, Root::Always));
    assert_eq!(decide(&rules, &parent("01")).unwrap().parent_id, 0);
}

#[test]
fn named_clients_and_topics_are_traced_within_the_budget() {
    let none = PropertyBuf::new();
    let client = sampling(|rules| rules.clients.push("c".to_owned()));
    let topic = sampling(|rules| rules.topics.push("a/+".to_owned()));
    let other = sampling(|rules| (rules.clients.push("d".to_owned()), rules.topics.push("b/#".to_owned())).0);
    assert!(decide(&client, &none).is_some() && decide(&topic, &none).is_some());
    assert!(decide(&topic, &parent("00")).is_some());
    assert_eq!(decide(&other, &none), None);
    let sampler = Sampler::new(&sampling(|rules| (rules.clients.push("c".to_owned()), rules.per_second = 3).1));
    assert_eq!((0..9).filter(|_| sampler.decide(subject(&none)).is_some()).count(), 3);
}

#[test]
fn a_ratio_is_kept_and_can_be_replaced() {
    let rules = sampling(|rules| (rules.root, rules.per_second) = (Root::Ratio(0.1), 1_000_000));
    let (sampler, none) = (Sampler::new(&rules), PropertyBuf::new());
    let traced = (0..100_000).filter(|_| sampler.decide(subject(&none)).is_some()).count();
    // Ten thousand expected; the standard deviation is 95.
    assert!((9_400..10_600).contains(&traced), "{traced}");
    sampler.set(&sampling(|_| {}));
    assert!((0..1000).all(|_| sampler.decide(subject(&none)).is_none()));
    sampler.set(&sampling(|rules| rules.root = Root::Always));
    assert!(sampler.decide(subject(&none)).is_some());
}

#[test]
fn a_ratio_without_regard_to_parents_goes_by_the_trace() {
    let rules = |ratio| sampling(|rules| (rules.parent_based, rules.root) = (false, Root::Ratio(ratio)));
    // The last 56 bits are 0x48eb211c80319c: 0.285 of what they could be at most.
    assert!(decide(&rules(0.29), &parent("00")).is_some());
    assert_eq!(decide(&rules(0.28), &parent("01")), None);
}

#[test]
fn receivers_see_what_the_mode_says() {
    let propagation = |propagating: Propagating, properties: &PropertyBuf| {
        let rules = sampling(|rules| (rules.root, rules.propagating) = (Root::Always, propagating));
        decide(&rules, properties).unwrap().propagation
    };
    let (none, some) = (PropertyBuf::new(), parent("01"));
    assert_eq!(propagation(Propagating::PassThrough, &none), Propagation::Untouched);
    assert_eq!(propagation(Propagating::InjectIfMissing, &none), Propagation::Appended);
    assert_eq!(propagation(Propagating::InjectIfMissing, &some), Propagation::Untouched);
    let mut broken = PropertyBuf::new();
    broken.push(PropertyId::USER_PROPERTY, Value::Pair("traceparent", "mine"));
    assert_eq!(propagation(Propagating::InjectIfMissing, &broken), Propagation::Untouched);
    assert_eq!(propagation(Propagating::Rewrite(vec!["a/#".to_owned()]), &some), Propagation::Rewritten);
    assert_eq!(propagation(Propagating::Rewrite(vec!["b/#".to_owned()]), &some), Propagation::Untouched);
}
