//! Asks the real npm dotenv and python-dotenv what they make of the corpus, and npm dotenv
//! whether ZMS reads random files as it does.

use crate::corpus::cases;
use crate::random::Random;
use crate::readers;
use zms_format::parse_dotenv;

#[test]
fn npm_dotenv_reads_the_corpus_as_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    let files = readers::files(folder.path(), cases.iter().map(|case| &case.input));
    for (case, answer) in cases.iter().zip(readers::npm(&files)) {
        assert_eq!(answer.parse, case.npm, "parse: {}", case.name);
        assert_eq!(answer.fast, case.npm, "the fast parser: {}", case.name);
        assert_eq!(answer.config, case.npm_config, "config: {}", case.name);
    }
}

#[test]
fn python_dotenv_reads_the_corpus_as_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    let files = readers::files(folder.path(), cases.iter().map(|case| &case.input));
    for (case, answer) in cases.iter().zip(readers::python(&files)) {
        assert_eq!(answer.values, case.python, "{}", case.name);
    }
}

/// The recorded cases are examples; this is the rule: a file that ZMS accepts means what npm
/// dotenv says it means. The known exceptions (U+2028, names npm does not see, bytes that are
/// not UTF-8) do not appear in these files.
#[test]
fn random_files_are_read_as_npm_dotenv_reads_them() {
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<String> =
        (0..4 * crate::random::case_count()).map(|_| file(&mut random)).collect();
    let accepted: Vec<_> = texts
        .iter()
        .filter_map(|text| parse_dotenv(text.as_bytes()).ok().map(|entries| (text, entries)))
        .collect();
    assert!(accepted.len() > texts.len() / 20, "only {} accepted", accepted.len());
    for batch in accepted.chunks(500) {
        let files = readers::files(folder.path(), batch.iter().map(|(text, _)| text));
        for ((text, entries), answer) in batch.iter().zip(readers::npm(&files)) {
            let entries = entries.iter();
            let ours: readers::Values =
                entries.map(|e| (e.name.clone(), Some(e.value.expose().clone()))).collect();
            assert_eq!(ours, answer.parse, "parse: {text:?}");
            assert_eq!(ours, answer.fast, "the fast parser: {text:?}");
        }
    }
}

fn file(random: &mut Random) -> String {
    const HEADS: &[&str] = &["A=", "B = ", "export C=", "D: ", "A= ", "  E\t=", "\u{feff}F=", "# "];
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "`",
        "'",
        "\"",
        "\\",
        "\\'",
        "\\\"",
        "\\n",
        "\\r",
        "#",
        " #",
        " ",
        "\t",
        "x",
        "y z",
        "\u{a0}",
        "\u{85}",
        "\u{1f600}",
        "${A}",
        "\n",
        "=",
        "\\\\",
    ];
    let mut text = String::new();
    for _ in 0..1 + random.below(4) {
        text.push_str(random.pick(HEADS));
        let quote = random.pick(&["", "'", "\"", "`"]);
        text.push_str(quote);
        for _ in 0..random.below(6) {
            text.push_str(random.pick(PIECES));
        }
        text.push_str(quote);
        text.push_str(random.pick(&["", " ", " # c", "# it's", " # \""]));
        text.push_str(random.pick(&["\n", "\r\n", "\n\n", "\r"]));
    }
    text
}
