//! A mounted ConfigMap or Secret: files are links through `..data`, which is swapped for another folder; nobody sends a signal.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::Instant,
};

use serde_json::json;

use crate::{
    BOUND,
    certificates::{Authority, Leaf},
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    openssl,
    program::Program,
    script,
};

const BAD_PASSWORD: Outcome = Outcome::Connack(0x86);

/// Makes a version of the mount, read-only, and swaps `..data` to it as Kubernetes does.
fn mount(mount: &Path, version: &str, leaf: &Leaf, config: &str, password: &str) {
    let data = mount.join(format!("..{version}"));
    fs::create_dir(&data).expect("the version is new");
    let files =
        [("lacewing.json", config), ("password", password), ("tls.crt", &leaf.certificate), ("tls.key", &leaf.key)];
    for (name, content) in files {
        fs::write(data.join(name), content).expect("the folder is there");
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o444)).expect("the file is ours");
        if !mount.join(name).exists() {
            symlink(format!("..data/{name}"), mount.join(name)).expect("the link is new");
        }
    }
    symlink(format!("..{version}"), mount.join("..data_tmp")).expect("the last swap took the link away");
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("a link can take another's place");
}

#[test]
fn users_limits_and_certificates_follow_a_swapped_mount() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let place = folder.join("mounted");
    fs::create_dir(&place).expect("the folder is new");
    let servers = Authority::new("Servers");
    let [first, second] = [servers.leaf("broker.test"), servers.leaf("broker.test")];
    let config = |receive_maximum: u16| {
        json!({
            "Endpoints": { "tls": { "Url": "mqtts://127.0.0.1:0" } },
            "Certificates": { "Default": { "Path": place.join("tls.crt"), "KeyPath": place.join("tls.key") } },
            "Users": { "alice": { "Password_FILE": place.join("password") } },
            "Limits": { "ReceiveMaximum": receive_maximum },
        })
        .to_string()
    };
    mount(&place, "1", &first, &config(11), "one\n");
    let program = Program::start(&folder, &[&place.join("lacewing.json")], &[]);
    let enter = |password: &str| {
        let hello = mqtt::connect(Level::V5, Some(["alice", password]));
        mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello)
    };
    assert_eq!((enter("one"), enter("two")), (ACCEPTED, BAD_PASSWORD));
    assert_eq!(openssl::serial(program.address("mqtts"), "broker.test"), first.serial);
    let mut live = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut live, &mqtt::connect(Level::V5, Some(["alice", "one"]))), ACCEPTED);

    let swapped = Instant::now();
    mount(&place, "2", &second, &config(12), "two\n");
    program.says("configuration loaded again");
    assert!(swapped.elapsed() < BOUND / 2, "{:?}", swapped.elapsed());
    assert_eq!((enter("one"), enter("two")), (BAD_PASSWORD, ACCEPTED));
    assert_eq!(openssl::serial(program.address("mqtts"), "broker.test"), second.serial);
    assert_eq!(receive_maximum(&program), 12);
    assert!(mqtt::alive(&mut live), "a connection from before");

    // Something wrong in one file: nothing of that mount counts, not even its good password.
    mount(&place, "3", &first, "{ \"Nonsense\": 1 }", "three\n");
    program.says("the old configuration stays in force");
    assert_eq!((enter("three"), enter("two")), (BAD_PASSWORD, ACCEPTED));
    assert!(mqtt::alive(&mut live), "a connection from before");
}

/// What CONNACK says.
fn receive_maximum(program: &Program) -> u16 {
    use std::io::{Read, Write};
    let mut stream = mqtt::dial(program.address("mqtt"));
    stream.write_all(&mqtt::connect(Level::V5, Some(["alice", "two"]))).expect("the program reads");
    let mut header = [0; 2];
    stream.read_exact(&mut header).expect("a CONNACK");
    let mut rest = vec![0; usize::from(header[1])];
    stream.read_exact(&mut rest).expect("the rest of CONNACK");
    let at = rest.iter().skip(3).position(|byte| *byte == 0x21).expect("a Receive Maximum") + 3;
    u16::from_be_bytes([rest[at + 1], rest[at + 2]])
}
