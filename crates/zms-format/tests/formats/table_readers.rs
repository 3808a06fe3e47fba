//! Asks the real readers of YAML and TOML what they make of random files that ZMS accepts.
//!
//! YAML is compared as text, without any reader's guess at types, for that is what an import
//! keeps. A reader may refuse a file that ZMS accepts; none may read another value from it.

use crate::random::{Random, WORDS};
use crate::readers::{self, Kind, Values};
use zms_format::{Entry, parse_toml, parse_yaml};

/// Texts that ZMS accepts, and what it makes of them.
fn accepted(
    texts: Vec<String>,
    parse: impl Fn(&[u8]) -> Option<Vec<Entry>>,
) -> Vec<(String, Values)> {
    let all = texts.len();
    let read = |text: String| {
        let entries = parse(text.as_bytes())?;
        let pairs = entries.iter().map(|e| (e.name.clone(), Some(e.value.expose().clone())));
        Some((text, pairs.collect()))
    };
    let accepted: Vec<_> = texts.into_iter().filter_map(read).collect();
    assert!(accepted.len() > all / 20, "only {} accepted", accepted.len());
    accepted
}

#[test]
fn random_yaml_is_read_as_its_readers_read_it() {
    let mut random = Random::seeded();
    let texts = (0..8 * crate::random::case_count()).map(|_| yaml(&mut random)).collect();
    let accepted = accepted(texts, |text| parse_yaml(text).ok());
    let folder = tempfile::tempdir().unwrap();
    for batch in accepted.chunks(2000) {
        let files = readers::files(folder.path(), batch.iter().map(|(text, _)| text));
        for reader in readers::tables(Kind::YamlText, &files) {
            let compared = compare(batch, &reader, |answer, ours| answer == ours);
            assert!(
                compared > batch.len() / 2 || batch.len() < 100,
                "{} read only {compared}",
                reader.name
            );
        }
    }
}

#[test]
fn random_toml_is_read_as_its_readers_read_it() {
    let mut random = Random::seeded();
    let texts = (0..8 * crate::random::case_count()).map(|_| toml(&mut random)).collect();
    let accepted = accepted(texts, |text| parse_toml(text).ok());
    let folder = tempfile::tempdir().unwrap();
    for batch in accepted.chunks(2000) {
        let files = readers::files(folder.path(), batch.iter().map(|(text, _)| text));
        for reader in readers::tables(Kind::Toml, &files) {
            let compared = compare(batch, &reader, |answer, ours| match reader.name {
                "smol-toml" => readers::same_table(&line_feeds(answer), &line_feeds(ours)),
                _ => readers::same_table(answer, ours),
            });
            assert!(
                compared > batch.len() / 2 || batch.len() < 100,
                "{} read only {compared}",
                reader.name
            );
        }
    }
}

/// How many files the reader accepted; all of them must be the same.
fn compare(
    batch: &[(String, Values)],
    reader: &readers::Reader,
    same: impl Fn(&Values, &Values) -> bool,
) -> usize {
    let answers = batch.iter().zip(&reader.answers);
    answers
        .filter(|((text, _), _)| !is_known_to_differ(reader.name, text))
        .filter_map(|(case, answer)| Some((case, answer.as_ref()?)))
        .inspect(|((text, ours), answer)| {
            let name = reader.name;
            assert!(same(answer, ours), "{name}: {text:?}\nours {ours:?}\ntheirs {answer:?}");
        })
        .count()
}

/// CR LF inside a string is a line feed for ZMS and tomllib, and stays for smol-toml.
fn line_feeds(values: &Values) -> Values {
    let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
    let fed = |value: &Vec<u8>| text(value).replace("\r\n", "\n").into_bytes();
    values.iter().map(|(name, value)| (name.clone(), value.as_ref().map(fed))).collect()
}

/// Corners where npm readers differ from the others and from each other; `docs/formats.md` has
/// them.
fn is_known_to_differ(reader: &str, text: &str) -> bool {
    // A line break after a backslash, and an empty line or a quote after that.
    let continued = || text.lines().any(|line| line.trim_end().ends_with('\\'));
    match reader {
        "js-yaml" => continued(),
        "yaml" => continued() || text.contains("|2"), // whose blank lines it cuts off
        "smol-toml" => continued() && text.contains("\"\"\"\""),
        _ => false,
    }
}

fn yaml(random: &mut Random) -> String {
    const HEADS: &[&str] = &[
        "A: ",
        "\"B\": ",
        "'C' : ",
        "D:\n  ",
        "? E\n: ",
        "F: |\n  ",
        "G: >\n  ",
        "H: |-\n  ",
        "I: >+\n   ",
        "J: !!str ",
        "K: |2\n  ",
        "L:\t",
        "# ",
        "---\n",
        "yes: ",
        "\u{e9}: ",
        "M: ! ",
        "N: &a ",
    ];
    const PIECES: &[&str] = &[
        "x",
        "y z",
        " ",
        "  ",
        "\t",
        "\n  ",
        "\n\n  ",
        "\n   ",
        "\r\n  ",
        "\r  ",
        "\n ",
        "'",
        "''",
        "\"",
        "\\",
        "\\n",
        "\\\"",
        "\\\\",
        "\\x41",
        "\\u00e9",
        "\\N",
        "\\_",
        "\\\n  ",
        "\\ ",
        "\\/",
        "#",
        " # c",
        ": ",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "-",
        "- ",
        "? ",
        "\u{e9}",
        "\u{1f600}",
        "\u{a0}",
        "~",
        "${X}",
    ];
    let mut text =
        String::from(random.pick(&["", "", "", "\u{feff}", "--- # c\n", "%YAML 1.2\n---\n"]));
    for _ in 0..1 + random.below(3) {
        text.push_str(random.pick(HEADS));
        let quote = random.pick(&["", "", "'", "\""]);
        text.push_str(quote);
        if random.below(4) == 0 {
            text.push_str(random.pick(WORDS));
        }
        for _ in 0..random.below(5) {
            text.push_str(random.pick(PIECES));
        }
        text.push_str(quote);
        text.push_str(random.pick(&["\n", "\n", "\r\n", "\n\n", " # c\n", "\r", "\n...\n"]));
    }
    text
}

fn toml(random: &mut Random) -> String {
    const HEADS: &[&str] = &[
        "A = ",
        "\"B\"=",
        "'C'\t=",
        "D-1 = ",
        "1 = ",
        "\"\\u0041.B\" = ",
        "# ",
        "E . F = ",
        "\u{e9} = ",
    ];
    const PIECES: &[&str] = &[
        "x",
        "y z",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "'",
        "''",
        "\"",
        "\"\"",
        "\\",
        "\\n",
        "\\t",
        "\\\"",
        "\\\\",
        "\\u00e9",
        "\\U0001f600",
        "\\\n  ",
        "\\  \r\n\n ",
        "\\x41",
        "\\e",
        "\\ud800",
        "#",
        "=",
        "[",
        "]",
        "\u{e9}",
        "\u{1f600}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "\u{85}",
        "\u{7f}",
        "${X}",
    ];
    const BARE: &[&str] = &[
        "0",
        "-0",
        "+1",
        "010",
        "1_000",
        "1__0",
        "0xfF",
        "0o17",
        "0b1",
        "0x",
        "1.10",
        "1.",
        ".5",
        "1e3",
        "1e",
        "1.e3",
        "6.6E-3",
        "1_0.0_1",
        "inf",
        "-nan",
        "Inf",
        "true",
        "True",
        "false",
        "2020-01-01",
        "2020-13-01",
        "2021-02-29",
        "12:30:45",
        "12:30",
        "24:00:00",
        "2020-01-01T00:00:00Z",
        "2020-01-01 00:00:00.5+01:30",
        "2020-01-01t00:00:00z",
        "2020-01-01T",
        "2020-1-1",
        "yes",
        "x",
        "99999999999999999999",
        "1e999",
    ];
    let mut text = String::from(random.pick(&["", "", "", "\u{feff}", "\n"]));
    for _ in 0..1 + random.below(3) {
        text.push_str(random.pick(HEADS));
        let quote = random.pick(&["", "'", "\"", "'''", "\"\"\"", "\"\"\"\n", "'''\r\n"]);
        text.push_str(quote);
        if quote.is_empty() {
            text.push_str(random.pick(BARE));
        } else {
            for _ in 0..random.below(5) {
                text.push_str(random.pick(PIECES));
            }
        }
        text.push_str(quote.trim_end());
        text.push_str(random.pick(&["\n", "\n", "\r\n", "\n\n", " # c\n", ""]));
    }
    text
}
