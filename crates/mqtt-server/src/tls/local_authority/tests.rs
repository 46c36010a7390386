use super::super::testing::{Authority as OtherAuthority, Directory, Kind, openssl};
use super::super::{Tickets, generate_pfx, load};
use super::*;
use crate::endpoint::TlsSettings;
use std::os::unix::fs::PermissionsExt;

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn names(hosts: &[&str]) -> HostNames {
    HostNames::of(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn the_first_start_makes_everything_and_the_next_one_nothing() {
    let directory = Directory::new();
    let own = directory.path().join("a/tls");
    let first = ensure(&own, &names(&["broker.test"]), now()).unwrap();
    assert_eq!(first.made, Made::Authority);
    assert_eq!((mode(&own), mode(&own.parent().unwrap().join("tls"))), (0o700, 0o700));
    let made = contents(&own);
    let file_names: Vec<_> =
        made.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(file_names, ["ca-key.pem", "ca.pem", "server.pem"]);
    assert!(made.iter().all(|(path, _)| mode(path) == 0o600));
    let second = ensure(&own, &names(&["broker.test"]), now() + DAY).unwrap();
    assert_eq!(second.made, Made::Nothing);
    assert_eq!((second.renew_at, second.authority_fingerprint), (first.renew_at, first.authority_fingerprint));
    assert_eq!(contents(&own), made);
}

#[test]
fn the_certificate_loads_and_leads_to_the_authority() {
    let directory = Directory::new();
    let names = names(&["broker.test", "192.0.2.7"]);
    let made = ensure(directory.path(), &names, SystemTime::now()).unwrap();
    let settings = TlsSettings { certificates: vec![made.files.clone()], ..TlsSettings::default() };
    let loaded = load(&settings, &[], &Tickets::new().unwrap()).unwrap();
    assert_eq!(loaded.certificates[0].names, ["broker.test", "localhost"]);
    for check in [
        "-verify_hostname broker.test",
        "-verify_hostname localhost",
        "-verify_ip 127.0.0.1",
        "-verify_ip ::1",
        "-verify_ip 192.0.2.7",
    ] {
        openssl(&directory, &format!("verify -x509_strict -purpose sslserver {check} -CAfile ca.pem server.pem"));
    }
}

#[test]
fn it_is_renewed_when_a_third_of_its_life_is_left() {
    let directory = Directory::new();
    let (names, own) = (names(&["broker.test"]), directory.path());
    let first = ensure(own, &names, now()).unwrap();
    assert_eq!(first.renew_at, now() + LIFE - LIFE / 3);
    let before = contents(own);
    assert_eq!(ensure(own, &names, first.renew_at - DAY).unwrap().made, Made::Nothing);
    let renewed = ensure(own, &names, first.renew_at).unwrap();
    assert_eq!(renewed.made, Made::Certificate);
    assert_eq!(renewed.authority_fingerprint, first.authority_fingerprint);
    let after = contents(own);
    assert_eq!(after[..2], before[..2]);
    assert_ne!(after[2], before[2]);
    // A clock that was ahead made a certificate from the future.
    assert_eq!(ensure(own, &names, now()).unwrap().made, Made::Certificate);
}

#[test]
fn it_is_renewed_for_other_names() {
    let directory = Directory::new();
    let ensure = |hosts: &[&str]| ensure(directory.path(), &names(hosts), now()).unwrap().made;
    assert_eq!(ensure(&["a.test"]), Made::Authority);
    assert_eq!(ensure(&["a.test", "10.0.0.1"]), Made::Certificate);
    assert_eq!(ensure(&["10.0.0.1", "A.test."]), Made::Nothing);
    assert_eq!(ensure(&["a.test"]), Made::Certificate);
}

#[test]
fn it_does_not_outlive_the_authority() {
    let directory = Directory::new();
    let (names, own) = (names(&[]), directory.path());
    ensure(own, &names, now()).unwrap();
    let late = now() + AUTHORITY_LIFE - 30 * DAY;
    assert_eq!(ensure(own, &names, late).unwrap().made, Made::Certificate);
    assert_eq!(Leaf::read(&own.join("server.pem")).unwrap().validity.not_after, now() + AUTHORITY_LIFE);
    let error = ensure(own, &names, now() + AUTHORITY_LIFE).unwrap_err().to_string();
    assert!(error.contains("ca.pem has expired; remove"), "{error}");
}

#[test]
fn what_is_there_is_never_overwritten() {
    let (directory, names) = (Directory::new(), names(&[]));
    let own = directory.path();
    ensure(own, &names, now()).unwrap();
    let key = std::fs::read(own.join("ca-key.pem")).unwrap();
    // Without its key the authority is of no use, and making another would lock clients out unasked.
    std::fs::remove_file(own.join("ca-key.pem")).unwrap();
    assert!(ensure(own, &names, now()).unwrap_err().to_string().contains("without ca-key.pem"));
    directory.write("ca-key.pem", Kind::EcdsaP256.key().serialize_pem());
    assert!(ensure(own, &names, now()).unwrap_err().to_string().contains("not the key of ca.pem"));
    directory.write("ca-key.pem", "garbage");
    assert!(ensure(own, &names, now()).unwrap_err().to_string().contains("ca-key.pem should hold"));
    directory.write("ca-key.pem", key);
    directory.write("server.pem", "garbage");
    assert!(ensure(own, &names, now()).unwrap_err().to_string().contains("remove the file to have it made anew"));
    let (foreign, foreign_key) = OtherAuthority::new("Other").leaf(Kind::EcdsaP256, "own", &["own.test"], 7);
    let foreign = format!("{}{}", foreign.pem(), foreign_key.serialize_pem());
    directory.write("server.pem", &foreign);
    assert_eq!(ensure(own, &names, now()).unwrap().made, Made::Nothing);
    assert_eq!(std::fs::read_to_string(own.join("server.pem")).unwrap(), foreign);
}

#[test]
fn a_new_authority_issues_a_new_certificate() {
    let (directory, names) = (Directory::new(), names(&[]));
    let own = directory.path();
    let first = ensure(own, &names, now()).unwrap();
    std::fs::remove_file(own.join("ca.pem")).unwrap();
    std::fs::remove_file(own.join("ca-key.pem")).unwrap();
    let second = ensure(own, &names, now()).unwrap();
    assert_eq!(second.made, Made::Authority);
    assert_ne!(second.authority_fingerprint, first.authority_fingerprint);
    openssl(&directory, "verify -no_check_time -CAfile ca.pem server.pem");
}

#[test]
fn a_start_that_was_killed_half_way_is_finished_by_the_next() {
    let (directory, names) = (Directory::new(), names(&[]));
    let own = directory.path();
    ensure(own, &names, now()).unwrap();
    let key = std::fs::read(own.join("ca-key.pem")).unwrap();
    std::fs::remove_file(own.join("ca.pem")).unwrap();
    std::fs::remove_file(own.join("server.pem")).unwrap();
    directory.write(&format!(".server.pem.{}.new", std::process::id()), "half a k");
    assert_eq!(ensure(own, &names, now()).unwrap().made, Made::Authority);
    assert_eq!(std::fs::read(own.join("ca-key.pem")).unwrap(), key);
    assert_eq!(contents(own).len(), 3);
}

#[test]
fn a_pkcs12_file_is_made_once_and_read_by_others() {
    let directory = Directory::new();
    let path = directory.path().join("config/mqtt-server.pfx");
    assert!(generate_pfx(&path, &names(&["broker.test"]), SystemTime::now()).unwrap());
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let content = std::fs::read(&path).unwrap();
    assert!(!generate_pfx(&path, &names(&["other.test"]), SystemTime::now()).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), content);
    let files = CertificateFiles { path, key_path: None, password: None };
    let settings = TlsSettings { certificates: vec![files], ..TlsSettings::default() };
    let loaded = load(&settings, &[], &Tickets::new().unwrap()).unwrap();
    assert_eq!(loaded.certificates[0].names, ["broker.test", "localhost"]);
    if openssl(&directory, "pkcs12 -in config/mqtt-server.pfx -passin pass: -nodes -out out.pem") {
        openssl(&directory, "verify -purpose sslserver -verify_hostname broker.test -CAfile out.pem out.pem");
    }
}
