use super::super::testing::{Authority, Directory, Kind, openssl};
use super::*;
use proptest::prelude::*;

fn read(path: &Path, key_path: Option<&Path>, password: Option<&str>) -> Result<Identity, TlsError> {
    let files = CertificateFiles {
        path: path.to_owned(),
        key_path: key_path.map(Path::to_owned),
        password: password.map(str::to_owned),
    };
    let paths: Vec<PathBuf> = std::iter::once(path).chain(key_path).map(Path::to_owned).collect();
    Identity::read(&files, &Sources::read(&paths)?)
}

fn parse(content: &[u8], password: Option<&str>) -> Result<Identity, TlsError> {
    let files = CertificateFiles { path: "tls.pem".into(), key_path: None, password: password.map(str::to_owned) };
    Identity::parse(&files, content, None)
}

/// `cert.pem` with the chain and `key.pem`.
fn files(kind: Kind) -> (Directory, PathBuf, PathBuf) {
    let (directory, authority) = (Directory::new(), Authority::new("Test"));
    let (leaf, key) = authority.leaf(kind, "broker", &["broker.test", "*.broker.test", "192.0.2.1"], 1);
    let certificate = directory.write("cert.pem", format!("{}{}", leaf.pem(), authority.0.pem()));
    let key = directory.write("key.pem", key.serialize_pem());
    (directory, certificate, key)
}

#[test]
fn every_kind_of_key_is_read_from_two_files_or_one() {
    for kind in Kind::ALL {
        let (directory, certificate, key) = files(kind);
        let identity = read(&certificate, Some(&key), None).unwrap();
        assert_eq!(identity.certified.cert.len(), 2);
        assert_eq!(identity.validity.names, ["broker.test", "*.broker.test"]);
        let both = [std::fs::read(&key).unwrap(), std::fs::read(&certificate).unwrap()].concat();
        let both = directory.write("any-name.pfx", both);
        assert!(read(&both, None, None).is_ok(), "{kind:?}");
        assert!(read(&both, Some(&both), None).is_ok(), "{kind:?}");
    }
}

#[test]
fn keys_in_older_formats_are_read() {
    for (kind, convert) in [
        (Kind::Rsa, "rsa -traditional -in key.pem -out old.pem"),
        (Kind::EcdsaP256, "ec -in key.pem -out old.pem"),
        (Kind::EcdsaP256, "ec -in key.pem -param_enc named_curve -out old.pem"),
    ] {
        let (directory, certificate, _) = files(kind);
        if openssl(&directory, convert) {
            let old = directory.path().join("old.pem");
            assert!(!std::fs::read_to_string(&old).unwrap().contains("BEGIN PRIVATE KEY"));
            assert!(read(&certificate, Some(&old), None).is_ok(), "{convert}");
        }
    }
}

#[test]
fn encrypted_keys_open_with_their_password_only() {
    for scheme in [
        "-v2 aes256",
        "-v2 aes-128-cbc -v2prf hmacWithSHA512",
        "-v2 des3",
        "-v2 des3 -v2prf hmacWithSHA1",
        "-v2 aes256 -v2prf hmacWithSHA1",
        "-scrypt",
    ] {
        let (directory, certificate, _) = files(Kind::EcdsaP256);
        if openssl(&directory, &format!("pkcs8 -topk8 {scheme} -in key.pem -out secret.pem -passout pass:sesame")) {
            let secret = directory.path().join("secret.pem");
            assert!(read(&certificate, Some(&secret), Some("sesame")).is_ok(), "{scheme}");
            let wrong = read(&certificate, Some(&secret), Some("wrong")).unwrap_err();
            assert!(matches!(wrong, TlsError::PasswordWrong { .. }), "{scheme}: {wrong}");
            assert!(matches!(read(&certificate, Some(&secret), None), Err(TlsError::PasswordMissing { .. })));
        }
    }
}

#[test]
fn encryption_of_former_days_is_named_with_the_way_out() {
    for convert in [
        "rsa -traditional -aes128 -in key.pem -out old.pem -passout pass:sesame",
        "pkcs8 -topk8 -v1 PBE-SHA1-3DES -in key.pem -out old.pem -passout pass:sesame",
    ] {
        let (directory, certificate, _) = files(Kind::Rsa);
        if openssl(&directory, convert) {
            let error = read(&certificate, Some(&directory.path().join("old.pem")), Some("sesame")).unwrap_err();
            assert!(error.to_string().contains("openssl pkcs8 -topk8"), "{convert}: {error}");
        }
    }
}

#[test]
fn pkcs12_files_of_all_ages_are_read_whatever_their_name() {
    for options in [
        "-passout pass:sesame",
        "-legacy -passout pass:sesame",
        "-nomac -passout pass:sesame",
        "-passout pass:",
        "-legacy -passout pass:",
    ] {
        let (directory, ..) = files(Kind::Rsa);
        if openssl(&directory, &format!("pkcs12 -export -in cert.pem -inkey key.pem -out store.pem {options}")) {
            let store = directory.path().join("store.pem");
            let password = options.ends_with("sesame").then_some("sesame");
            let identity = read(&store, None, password).unwrap_or_else(|error| panic!("{options}: {error}"));
            assert_eq!(identity.certified.cert.len(), 2, "{options}");
            assert_eq!(identity.validity.names[0], "broker.test");
            // Without a MAC, one wrong password in 256 decrypts to something.
            for wrong in (0..600).map(|n| format!("wrong{n}")).take(if options.starts_with("-nomac") { 600 } else { 2 })
            {
                let error = read(&store, None, Some(&wrong)).unwrap_err();
                assert!(matches!(error, TlsError::PasswordWrong { .. }), "{options}: {error}");
            }
            if password.is_some() {
                let missing = read(&store, None, None).unwrap_err();
                assert!(matches!(missing, TlsError::PasswordMissing { .. }), "{options}: {missing}");
            }
            assert!(
                read(&store, Some(&directory.path().join("key.pem")), password)
                    .unwrap_err()
                    .to_string()
                    .contains("leave out the key")
            );
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    for (kind, other) in [(Kind::EcdsaP256, Kind::EcdsaP256), (Kind::Rsa, Kind::EcdsaP256)] {
        let ((_one, certificate, _), (_two, _, key)) = (files(kind), files(other));
        assert!(matches!(read(&certificate, Some(&key), None), Err(TlsError::KeyMismatch { .. })));
    }
    let (_directory, certificate, key) = files(Kind::EcdsaP256);
    let pem = std::fs::read_to_string(&certificate).unwrap();
    let second = pem.rfind("-----BEGIN").unwrap();
    std::fs::write(&certificate, format!("{}{}", &pem[second..], &pem[..second])).unwrap();
    let error = read(&certificate, Some(&key), None).unwrap_err();
    assert!(error.to_string().contains("has to come first"), "{error}");
}

#[test]
fn what_is_not_a_certificate_is_named_with_the_way_out() {
    let (directory, certificate, key) = files(Kind::EcdsaP256);
    let der =
        directory.write("cert.der", Pem::parse(&std::fs::read(&certificate).unwrap()).unwrap().certificates.remove(0));
    for (path, key_path, said) in [
        (&der, Some(&key), "it is a certificate in DER, convert it with `openssl x509 -inform der"),
        (&directory.write("empty", ""), None, "it is empty"),
        (&directory.write("text", "hello"), None, "it is neither"),
        (&directory.write("sequence", "0hello"), None, "a PKCS#12 file"),
        (&key, None, "holds no certificate"),
        (&certificate, None, "holds no private key"),
        (&certificate, Some(&der), "it is not PEM"),
        (&certificate, Some(&certificate), "holds no private key"),
        (&directory.path().join("absent"), None, "cannot be read: No such file"),
        (&directory.path().to_owned(), None, "cannot be read: Is a directory"),
    ] {
        let error = read(path, key_path.map(PathBuf::as_path), None).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(error.contains('/'), "names its file: {error}");
    }
}

#[test]
fn links_are_followed_at_each_reading() {
    let ((one, ..), (two, ..)) = (files(Kind::EcdsaP256), files(Kind::EcdsaP256));
    let mount = Directory::new();
    let link = |target: &Directory| {
        let _ = std::fs::remove_file(mount.path().join("..data"));
        std::os::unix::fs::symlink(target.path(), mount.path().join("..data")).unwrap();
    };
    std::os::unix::fs::symlink("..data/cert.pem", mount.path().join("tls.crt")).unwrap();
    std::os::unix::fs::symlink("..data/key.pem", mount.path().join("tls.key")).unwrap();
    let load = || {
        read(&mount.path().join("tls.crt"), Some(&mount.path().join("tls.key")), None).unwrap().certified.cert[0]
            .clone()
    };
    link(&one);
    let first = load();
    link(&two);
    assert_ne!(load(), first);
}

proptest! {
    #[test]
    fn no_bytes_panic(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&content, Some("sesame"));
        let _ = parse(&[&[0x30, 0x82], &content[..]].concat(), None);
    }

    #[test]
    fn no_damage_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        static GOOD: std::sync::LazyLock<[Vec<u8>; 2]> = std::sync::LazyLock::new(good);
        for good in GOOD.iter() {
            let mut content = good.clone();
            *at.get_mut(&mut content) = byte;
            let _ = parse(&content, None);
            content.truncate(cut.index(content.len()));
            let _ = parse(&content, None);
        }
    }
}

/// A file in PEM and one in PKCS#12.
fn good() -> [Vec<u8>; 2] {
    let (directory, certificate, key) = files(Kind::EcdsaP256);
    let pem = [std::fs::read(key).unwrap(), std::fs::read(certificate).unwrap()].concat();
    let pfx = directory.path().join("good.pfx");
    super::super::generate_pfx(&pfx, &super::super::HostNames::of(&[]), SystemTime::now()).unwrap();
    let pfx = std::fs::read(pfx).unwrap();
    for good in [&pem, &pfx] {
        parse(good, None).unwrap();
    }
    [pem, pfx]
}
