//! `names.json`: segments, paths and names of secrets.

use zms_core::path::{ScopePath, SecretName, Segment};

use crate::{
    cases,
    json::{Json, map, text},
    name,
};

fn accepted(kind: &str, spelled: &str) -> bool {
    match kind {
        "segment" => Segment::parse(spelled).is_ok(),
        "path" => ScopePath::parse(spelled).is_ok(),
        "secret" => SecretName::parse(spelled).is_ok(),
        other => panic!("unknown kind {other}"),
    }
}

fn make(_: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let mut made = Vec::new();
    let mut add = |title: &str, kind: &str, spelled: &str, valid: bool| {
        made.push(map([
            ("name", text(&format!("{kind}: {title}"))),
            ("kind", text(kind)),
            ("text", text(spelled)),
            ("valid", Json::Bool(valid)),
        ]));
    };
    for kind in ["segment", "secret"] {
        add("plain", kind, "shop", true);
        add("one byte", kind, "a", true);
        add("case counts and stays", kind, "ShOp", true);
        add("a space", kind, "a b", true);
        add("percent signs are ordinary", kind, "%2e%2e", true);
        add("composed letters", kind, "Gr\u{f6}\u{df}e", true);
        add("beyond the basic plane", kind, "\u{1f511}", true);
        add("empty", kind, "", false);
        add("decomposed letters", kind, "Gro\u{308}\u{df}e", false);
        add("a compatibility singleton", kind, "\u{212b}", false);
        for (title, char) in [
            ("NUL", '\0'),
            ("line feed", '\n'),
            ("carriage return", '\r'),
            ("delete", '\x7f'),
            ("C1 control", '\u{85}'),
            ("Arabic letter mark", '\u{61c}'),
            ("left-to-right mark", '\u{200e}'),
            ("right-to-left mark", '\u{200f}'),
            ("first embedding", '\u{202a}'),
            ("override", '\u{202e}'),
            ("first isolate", '\u{2066}'),
            ("last isolate", '\u{2069}'),
        ] {
            add(title, kind, &format!("a{char}b"), false);
        }
        add("a zero-width space is no control", kind, "a\u{200b}b", true);
    }
    add("128 bytes", "segment", &"a".repeat(128), true);
    add("129 bytes", "segment", &"a".repeat(129), false);
    add("130 bytes in 65 characters", "segment", &"\u{e9}".repeat(65), false);
    add("a slash", "segment", "a/b", false);
    add("an equals sign", "segment", "a=b", true);
    add("dot", "segment", ".", false);
    add("two dots", "segment", "..", false);
    add("three dots", "segment", "...", true);
    add("255 bytes", "secret", &"A".repeat(255), true);
    add("256 bytes", "secret", &"A".repeat(256), false);
    add("256 bytes in 128 characters", "secret", &"\u{e9}".repeat(128), false);
    add("an equals sign", "secret", "A=B", false);
    add("a slash", "secret", "a/b.c-d e", true);
    add("dot", "secret", ".", true);
    add("the root", "path", "", true);
    add("one segment", "path", "shop", true);
    add("three segments", "path", "shop/production/api", true);
    add("16 segments", "path", &["a"; 16].join("/"), true);
    add("17 segments", "path", &["a"; 17].join("/"), false);
    for bad in ["/", "/a", "a/", "a//b", "a/../b", "./a", "a/\u{202e}"] {
        add(&bad.escape_unicode().to_string().replace("\\u{2f}", "/"), "path", bad, false);
    }
    made
}

#[test]
fn names() {
    for case in cases("names.json", "Names: spec/names.md", make) {
        let is = accepted(case["kind"].text(), case["text"].text());
        assert_eq!(is, case["valid"].as_bool(), "{}", name(&case));
    }
}
