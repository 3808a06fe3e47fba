//! Manifests of a Kubernetes Secret, by four parsers of YAML and the rules of the Secret itself.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::readers;
use crate::written::{Written, assert_same};
use zms_format::{Format, Manifest, Reason, write};

#[test]
fn yaml_parsers_read_back_the_data_of_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Written::new(Format::K8s, &folder.path().join("canary"));
    let bytes: Vec<u8> = (0..=255).collect();
    written.texts.push(write(Format::K8s, &[("ALL", &bytes)]).unwrap().to_vec());
    written.pairs.push([("ALL".to_owned(), Some(bytes))].into());
    let files = readers::files(folder.path(), &written.texts);
    for (reader, manifests) in readers::manifests(&files) {
        for (manifest, expected) in manifests.iter().zip(&written.pairs) {
            assert_eq!(manifest["apiVersion"], "v1");
            assert_eq!(
                (&manifest["kind"], &manifest["type"]),
                (&"Secret".into(), &"Opaque".into())
            );
            assert_eq!(manifest["metadata"], serde_json::json!({ "name": "zms" }));
            let data = manifest["data"].as_object().unwrap().iter();
            let read = data.map(|(name, text)| {
                (name.clone(), Some(STANDARD.decode(text.as_str().unwrap()).unwrap()))
            });
            assert_same(&read.collect(), expected, reader);
        }
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

/// Names and values that a parser of YAML takes for something else where they stand bare.
#[test]
fn nothing_in_a_manifest_is_taken_for_another_type() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = vec![];
    for name in ["null", "true", "no", "1", "1.5", "1e3", "0x1f", "2020-01-01", "a.b-c"] {
        let manifest = Manifest::new(name, Some("123")).unwrap();
        // The base64 of these is `null`, `1234` and `1e10`.
        let pairs: [(&str, &[u8]); 3] =
            [("null", b"\x9e\xe9\x65"), ("1", b"\xd7\x6d\xf8"), ("y", b"\xd5\xed\x74")];
        texts.push((name, manifest.write(&pairs).unwrap()));
    }
    let files = readers::files(folder.path(), texts.iter().map(|(_, text)| &**text));
    for (reader, manifests) in readers::manifests(&files) {
        for ((name, _), manifest) in texts.iter().zip(manifests) {
            let wanted = serde_json::json!({ "name": name, "namespace": "123" });
            assert_eq!(manifest["metadata"], wanted, "{reader}");
            let wanted = serde_json::json!({ "null": "null", "1": "1234", "y": "1e10" });
            assert_eq!(manifest["data"], wanted, "{reader}");
        }
    }
}

/// The rules of the API server, which is not here to be asked: keys are `[-._a-zA-Z0-9]+` of up to
/// 253 characters, not `.` and not beginning with `..`; all values together have up to 1 MiB.
#[test]
fn keys_and_sizes_that_the_api_refuses_are_refused() {
    for name in ["", ".", "..", "..a", "a b", "a/b", "\u{c4}", "a=b", &"a".repeat(254)] {
        let refusal = write(Format::K8s, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::NameCharacters, "{name:?}");
    }
    for name in [".a", "a..", "-", "_", "0", "a.b-c_D", &"a".repeat(253)] {
        assert!(write(Format::K8s, &[(name, b"x")]).is_ok(), "{name:?}");
    }
    let big = vec![0; (1 << 20) + 1];
    let refusal = write(Format::K8s, &[("K", &big)]).expect_err("must be refused");
    assert_eq!(refusal.reason, Reason::Total);
    assert!(write(Format::K8s, &[("K", &big[1..])]).is_ok());
}
