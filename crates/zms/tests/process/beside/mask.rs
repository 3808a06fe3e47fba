//! `--mask`: no value is visible, and everything else is as the program wrote it.

use std::{collections::BTreeMap, io::Read, process::Stdio, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use crate::{
    random::{Random, cases},
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python},
};

/// How many values one run has.
const EACH: usize = 500;

/// A value and one of its forms, in a text around it.
fn printed(random: &mut Random, value: &str) -> String {
    match random.below(7) {
        0 => value.to_owned(),
        1 => STANDARD.encode(value),
        2 => URL_SAFE.encode(value),
        3 => hex::encode(value),
        4 => hex::encode_upper(value),
        5 => value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>(),
        _ => {
            let quoted = serde_json::to_string(value).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}

/// A random value, of letters and digits that need no escape in URLs, or of others.
fn value(random: &mut Random) -> String {
    let length = 12 + random.below(40);
    let alphabet: Vec<char> = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        .chars()
        .chain("{}$#@^\"é€😀".chars().filter(|_| length.is_multiple_of(2)))
        .collect();
    (0..length).map(|_| *random.pick(&alphabet)).collect()
}

#[test]
fn no_random_value_is_visible_in_any_form_and_the_rest_is_identical() {
    let mut random = Random::new();
    let mut left = cases().min(10_000);
    while left > 0 {
        let count = left.min(EACH);
        left -= count;
        let vault = Scratch::vault();
        let values: Vec<String> = (0..count).map(|_| value(&mut random)).collect();
        let secrets: BTreeMap<String, String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("S{at}"), value.clone()))
            .collect();
        vault.import(&[], &secrets);
        let (mut said, mut expected, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for value in &values {
            let around: Vec<u8> =
                (0..random.below(30)).map(|_| *random.pick(b" .,:\n\t\0=\x1b\xff")).collect();
            let around = [b"<", around.as_slice(), b">"].concat();
            let form = match printed(&mut random, value) {
                percent if percent.starts_with('%') => escaped(value),
                form => form,
            };
            said.extend_from_slice(&around);
            said.extend_from_slice(form.as_bytes());
            expected.extend_from_slice(&around);
            expected.extend_from_slice(b"***");
            let padding = form.len() - form.trim_end_matches('=').len();
            expected.extend(std::iter::repeat_n(b'=', padding));
            shown.push(form);
        }
        vault.file("said", &said);
        let chunks = "import os, random, sys\n\
            random.seed(int(sys.argv[1])); data = open('said', 'rb').read()\n\
            while data:\n n = random.choice([1, 2, 3, 7, 50, 4096, 100000]); os.write(1, data[:n]); data = data[n:]";
        let seed = random.below(1 << 30).to_string();
        let python = python().into_string().unwrap();
        let zms =
            [ZMS, "run", "-q", "--mask", "--mount", "pipe", "--", &python, "-c", chunks, &seed];
        let out = vault.other(zms).go().good();
        let visible =
            shown.iter().filter(|form| contains(&out, form.trim_end_matches('=').as_bytes()));
        assert_eq!(visible.collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(out == expected, "something else was changed");
    }
}

fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[test]
fn a_prompt_appears_at_once() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "zebra-zebra-zebra");
    let script =
        "printf 'Your name: '; read answer; printf 'and zebra'; read answer; echo \"<$answer>\"";
    let mut command = vault.run(&["-q", "--mask"], &["sh", "-c", script]);
    let mut zms = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut read = || {
        let mut bytes = [0; 64];
        let count = zms.stdout.as_mut().unwrap().read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert_eq!(read(), "Your name: ");
    std::io::Write::write_all(zms.stdin.as_mut().unwrap(), b"x\n").unwrap();
    // Five letters may be the beginning of the value, and are let go after a second.
    let begun = std::time::Instant::now();
    assert_eq!(read() + &read(), "and zebra");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
    std::io::Write::write_all(zms.stdin.as_mut().unwrap(), b"-zebra-zebra\n").unwrap();
    assert_eq!(read(), "<-zebra-zebra>\n");
    assert!(zms.wait().unwrap().success());
}

#[test]
fn stdout_and_stderr_keep_their_order_where_they_go_to_one_place() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "a value of some length");
    let script = "for i in $(seq 200); do echo out $i; echo err $i >&2; done";
    let line = |i: usize| format!("out {i}\nerr {i}\n");
    let zms =
        ["sh", "-c", "exec \"$@\" 2>&1", "-", ZMS, "run", "-q", "--mask", "--", "sh", "-c", script];
    let expected: String = (1..=200).map(line).collect();
    assert_eq!(vault.other(zms).go().text(), expected);
}

#[test]
fn what_is_typed_is_hidden_too() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "a-value-of-some-length");
    let steps = r#"[["ready","a-value-of-some-length\r"]]"#;
    let words = [python(), fixture("beside/terminal.py").into(), steps.into()];
    let zms = [ZMS, "run", "-q", "--mask", "--", "sh", "-c", "echo ready; read x; echo ${#x}"];
    let said = vault.other(words.into_iter().chain(zms.map(Into::into))).go().text();
    assert!(!said.contains("a-value-of") && said.contains("\n22\n"), "{said}");
}
