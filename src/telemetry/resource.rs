//! What is said of the process with everything that it sends (OpenTelemetry resource conventions).
//!
//! Found out here and not by ready-made detectors: those send the whole command line, in which there may be a password, and take every host for
//! a Pod. What users say wins over what is found out, and `OTEL_SERVICE_NAME` over all.

use crate::config::telemetry::Telemetry;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;

/// Digits of a container's id.
const CONTAINER_ID: usize = 64;

/// The resource of this process; the same as long as it lives.
pub fn detect(telemetry: &Telemetry) -> Resource {
    let told =
        |name: &str| telemetry.surroundings.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
    let mut attributes = vec![
        ("service.name", Some("lacewing".to_owned())),
        ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("service.instance.id", told("POD_UID").or_else(|| Some(random_id()))),
        ("host.name", read("/proc/sys/kernel/hostname")),
        ("container.id", container_id(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))),
    ];
    if told("KUBERNETES_SERVICE_HOST").is_some() {
        attributes.extend([
            ("k8s.pod.name", told("POD_NAME").or_else(|| read("/proc/sys/kernel/hostname"))),
            ("k8s.pod.uid", told("POD_UID")),
            ("k8s.namespace.name", told("POD_NAMESPACE").or_else(|| read(NAMESPACE))),
            ("k8s.node.name", told("NODE_NAME")),
            ("k8s.container.name", told("CONTAINER_NAME")),
        ]);
    }
    let found = attributes.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    let given = telemetry.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let name = telemetry.service_name.iter().map(|name| KeyValue::new("service.name", name.clone()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("process.pid", i64::from(std::process::id())))
        .with_attributes(found)
        .with_attributes(given)
        .with_attributes(name)
        .build()
}

/// Where Kubernetes writes a Pod's namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The container's id: in the path of the cgroup (version 1), or in the source of the mount of `/etc/hostname` and its like (version 2).
fn container_id(cgroup: &Option<String>, mounts: &Option<String>) -> Option<String> {
    let digits = |part: &str| part.len() == CONTAINER_ID && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let in_line = |line: &str| {
        let mut parts = line.split(['/', '-', '.', ' ', ':']);
        parts.find(|part| digits(part)).map(str::to_owned)
    };
    let mounted = |line: &&str| line.contains("/etc/hostname") || line.contains("/etc/resolv.conf");
    let of_cgroup = cgroup.iter().flat_map(|text| text.lines()).find_map(in_line);
    of_cgroup.or_else(|| mounts.iter().flat_map(|text| text.lines()).filter(mounted).find_map(in_line))
}

/// A random UUID (version 4).
fn random_id() -> String {
    let random = || u128::from(RandomState::new().hash_one(0));
    let id = (random() << 64 | random()) & !(0xf000 << 64) & !(3 << 62) | (0x4000 << 64) | (2 << 62);
    let text = format!("{id:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn resource(variables: &[(&str, &str)]) -> Resource {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        detect(&load(&Sources { environment, ..Sources::default() }).unwrap().telemetry)
    }

    fn value(resource: &Resource, name: &'static str) -> Option<String> {
        resource.get(&opentelemetry::Key::from_static_str(name)).map(|value| value.to_string())
    }

    #[test]
    fn what_users_say_wins() {
        let resource = resource(&[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=test%20bed,host.name=mine"),
            ("OTEL_SERVICE_NAME", "b"),
        ]);
        assert_eq!(value(&resource, "service.name").as_deref(), Some("b"));
        assert_eq!(value(&resource, "host.name").as_deref(), Some("mine"));
        assert_eq!(value(&resource, "deployment.environment.name").as_deref(), Some("test bed"));
        assert_eq!(value(&resource, "process.command_args"), None);
    }

    #[test]
    fn a_host_is_a_pod_in_kubernetes_alone() {
        let pod = [("POD_NAME", "lacewing-0"), ("POD_UID", "u-1"), ("POD_NAMESPACE", "iot")];
        assert_eq!(value(&resource(&pod), "k8s.pod.name"), None);
        let resource = resource(&[&pod[..], &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]].concat());
        assert_eq!(value(&resource, "k8s.pod.name").as_deref(), Some("lacewing-0"));
        assert_eq!(value(&resource, "k8s.namespace.name").as_deref(), Some("iot"));
        assert_eq!(value(&resource, "service.instance.id").as_deref(), Some("u-1"));
    }

    #[test]
    fn containers_are_known_by_cgroup_or_mount() {
        let id = "0123456789abcdef".repeat(4);
        let old = Some(format!("12:pids:/kubepods/pod1/cri-containerd-{id}.scope\n"));
        let new =
            Some(format!("1 2 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"));
        assert_eq!(container_id(&old, &None), Some(id.clone()));
        assert_eq!(container_id(&Some("0::/\n".to_owned()), &new), Some(id));
        assert_eq!(container_id(&Some("0::/\n".to_owned()), &None), None);
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let id = random_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert_ne!(id, random_id());
    }
}
