//! By which names and addresses clients reach this host, for certificates that the server makes itself.

use super::TlsError;
use rcgen::SanType;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::prelude::{GeneralName, X509Certificate};

/// A node with thousands of service addresses must not put them all into a certificate that every client gets.
const MAX_FOUND: usize = 32;

/// Host names and addresses. Names come in the order in which they were added, each once, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNames {
    names: Vec<String>,
    addresses: BTreeSet<IpAddr>,
}

impl HostNames {
    /// The given names or addresses, besides `localhost`, 127.0.0.1 and ::1. Addresses that stand for all (`0.0.0.0`, `::`, `*`) are none.
    pub fn of(hosts: &[String]) -> HostNames {
        let mut names = HostNames { names: Vec::new(), addresses: BTreeSet::new() };
        hosts.iter().for_each(|host| names.add(host));
        names.add("localhost");
        names.addresses.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        names
    }

    /// The given ones, besides the name and the addresses of this host, as far as the system tells them.
    pub fn with_this_host(hosts: &[String]) -> HostNames {
        let given = hosts.iter().cloned();
        let all: Vec<String> = given.chain(host_name()).chain(host_addresses().iter().map(IpAddr::to_string)).collect();
        HostNames::of(&all)
    }

    /// Those that stand in a certificate.
    pub(crate) fn in_certificate(certificate: &X509Certificate<'_>) -> HostNames {
        let mut found = HostNames { names: Vec::new(), addresses: BTreeSet::new() };
        let names = certificate.subject_alternative_name().ok().flatten();
        for name in names.into_iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => found.names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => found.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        found
    }

    /// The first name, which stands for all.
    pub fn first(&self) -> &str {
        self.names.first().map_or("localhost", String::as_str)
    }

    /// As they stand in a certificate.
    pub(crate) fn alternative_names(&self) -> Result<Vec<SanType>, TlsError> {
        let name = |name: &String| {
            let invalid = |_| {
                TlsError::Settings(
                    "a host name for the server's own certificate has characters beyond ASCII: write it as xn--...",
                )
            };
            Ok(SanType::DnsName(name.as_str().try_into().map_err(invalid)?))
        };
        let addresses = self.addresses.iter().map(|address| Ok(SanType::IpAddress(*address)));
        self.names.iter().map(name).chain(addresses).collect()
    }

    fn add(&mut self, host: &str) {
        let host = host.trim().trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => {}
            Ok(address) => drop(self.addresses.insert(address)),
            Err(_) if host.is_empty() || host == "*" || host == "+" || self.names.contains(&host) => {}
            Err(_) => self.names.push(host),
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn host_name() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/hostname").ok()
}

/// Addresses of interfaces, from the kernel's tables; asking it directly would need `unsafe`.
fn host_addresses() -> BTreeSet<IpAddr> {
    let v4 = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let v4: BTreeSet<IpAddr> = v4_addresses(&v4).map(IpAddr::V4).collect();
    let v6: BTreeSet<IpAddr> = v6_addresses(&v6).map(IpAddr::V6).collect();
    v4.into_iter().take(MAX_FOUND).chain(v6.into_iter().take(MAX_FOUND)).collect()
}

/// `/proc/net/fib_trie`: a line with an address, then lines with what it is; ours are `/32 host LOCAL`.
fn v4_addresses(table: &str) -> impl Iterator<Item = Ipv4Addr> + '_ {
    let mut address = None;
    let local = table.lines().filter_map(move |line| match line.trim_start().strip_prefix("|-- ") {
        Some(text) => {
            address = text.trim_end().parse::<Ipv4Addr>().ok();
            None
        }
        None => address.filter(|_| line.trim() == "/32 host LOCAL"),
    });
    local.filter(|address| !address.is_loopback() && !address.is_link_local())
}

/// `/proc/net/if_inet6`: address, interface number, prefix length, scope (00 global), flags (01 temporary), name; numbers in hexadecimal.
fn v6_addresses(table: &str) -> impl Iterator<Item = Ipv6Addr> + '_ {
    table.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let (scope, flags) = (fields.nth(2)?, u8::from_str_radix(fields.next()?, 16).ok()?);
        // Temporary addresses are for going out, and a certificate made for them is out of date within a day.
        (scope == "00" && flags & 0x01 == 0).then_some(Ipv6Addr::from(address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hosts: &[&str]) -> HostNames {
        HostNames::of(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn local_names_are_always_there_and_nothing_is_there_twice() {
        let names =
            of(&["Broker.example.org.", "broker.example.org", "192.0.2.7", "[2001:db8::1]", "*", "0.0.0.0", "::", ""]);
        assert_eq!(names.names, ["broker.example.org", "localhost"]);
        let addresses: Vec<String> = names.addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1", "192.0.2.7", "::1", "2001:db8::1"]);
        assert_eq!(names.first(), "broker.example.org");
        assert_eq!(of(&[]).first(), "localhost");
    }

    #[test]
    fn names_beyond_ascii_are_refused() {
        assert!(of(&["müller.example"]).alternative_names().is_err());
    }

    #[test]
    fn addresses_are_found_in_the_kernels_tables() {
        let v4 = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n\
                  \x20    |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(v4_addresses(v4).collect::<Vec<_>>(), [Ipv4Addr::new(192, 0, 2, 2)]);
        let v6 = "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n\
                  20010db8000000000000000000000002 04 40 00 82     eth0\n20010db8000000000000000000000003 04 40 00 01     eth0\n";
        let found: Vec<Ipv6Addr> = v6_addresses(v6).collect();
        assert_eq!(found, ["2001:db8::2".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(v4_addresses("garbage\n|--\n").count() + v6_addresses("garbage\n00 zz\n").count(), 0);
    }
}
