//! `docker --env-file`, by the real client: what it sends to the engine is what was written.

use crate::readers::{self, docker::Engine};
use crate::written::{Written, assert_same};
use zms_format::{Format, Reason, write};

#[test]
fn the_docker_client_sends_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::of_lines(Format::Docker, &folder.path().join("canary"));
    let engine = Engine::start(folder.path());
    let files = readers::files(folder.path(), &written.texts);
    for (file, expected) in files.iter().zip(&written.pairs) {
        let (output, sent) = engine.create(file);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_same(&sent.unwrap_or_else(|| panic!("{complaint}")), expected, "docker");
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

#[test]
fn the_docker_client_takes_names_that_are_not_refused_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    for name in ["a.b", "a-b", "\u{c4}", "1", "a'b", "\"", "$x", "a#", "a\u{a0}b", "a\u{feff}"] {
        let files =
            readers::files(folder.path(), [&*write(Format::Docker, &[(name, b"x")]).unwrap()]);
        let sent = engine.create(&files[0]).1.unwrap();
        assert_eq!(sent.get(name), Some(&Some(b"x".to_vec())), "{name:?}");
    }
    for name in ["", "a b", "#a", "\u{a0}a", "\u{feff}a", "a\tb", "a\nb"] {
        let refusal = write(Format::Docker, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::NameCharacters);
        let files = readers::files(folder.path(), [format!("{name}=x\n")]);
        let sent = engine.create(&files[0]).1.unwrap_or_default();
        assert!(!sent.contains_key(name), "{name:?} is refused without need");
    }
}

/// No line brings these to the engine: there is no quoting and no escape.
#[test]
fn no_line_gives_docker_a_refused_value() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let long = "x".repeat(65_534);
    let cases: [(&[u8], Reason); 6] = [
        (b"a\nb", Reason::LineBreak),
        (b"\n", Reason::LineBreak),
        (b"a\r", Reason::TrailingReturn),
        (b"\xff", Reason::NotUtf8),
        (b"a\xc3", Reason::NotUtf8),
        (long.as_bytes(), Reason::TooLong { limit: 65_535 }),
    ];
    for (value, reason) in cases {
        let refusal = write(Format::Docker, &[("K", value)]).expect_err("must be refused");
        assert_eq!(refusal.reason, reason);
        assert!(!refusal.carried_by.is_empty());
        let escaped = value.iter().flat_map(|&byte| std::ascii::escape_default(byte)).collect();
        for content in [value.to_vec(), escaped] {
            for (open, end) in [("", ""), ("\"", "\""), ("'", "'"), ("$'", "'"), ("\"\\\n", "\"")] {
                let line = [b"K=", open.as_bytes(), &content, end.as_bytes(), b"\n"].concat();
                let files = readers::files(folder.path(), [&line]);
                let sent = engine.create(&files[0]).1.unwrap_or_default();
                assert_ne!(sent.get("K"), Some(&Some(value.to_vec())), "{line:?}");
            }
        }
    }
    let longest = "x".repeat(65_533);
    let text = write(Format::Docker, &[("K", longest.as_bytes())]).unwrap();
    let sent = engine.create(&readers::files(folder.path(), [&*text])[0]).1.unwrap();
    assert_eq!(sent["K"], Some(longest.into_bytes()));
}
