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
const EACH: usize = 250;

/// Fewest bytes of a line that no other text has by chance, and of one that is hidden at all.
const LINE: usize = 9;
const SHORTEST: usize = 5;

/// How much of a value may be let go before the rest of it comes.
const GLIMPSE: usize = 4;

/// Something that a program prints.
enum Part {
    Plain(Vec<u8>),
    Hidden(Vec<u8>),
    /// On a line of its own behind what is hidden; whether the break may be hidden with both.
    Line(Vec<u8>, bool),
}

/// One form of a value, in a text around it.
fn printed(random: &mut Random, value: &str) -> Vec<Part> {
    let hidden = |text: String| vec![Part::Hidden(text.into_bytes())];
    match random.below(9) {
        0 => hidden(value.to_owned()),
        1 => within_base64(random, value, &STANDARD),
        2 => within_base64(random, value, &URL_SAFE),
        3 => hidden(hex::encode(value)),
        4 => hidden(hex::encode_upper(value)),
        5 => hidden(escaped(value)),
        6 => base64_in_lines(*random.pick(&[64, 76]), value),
        7 => {
            let lines: Vec<&str> = value.lines().filter(|line| line.len() >= SHORTEST).collect();
            hidden(lines.first().map_or(value, |_| *random.pick(&lines)).to_owned())
        }
        _ => {
            let quoted = serde_json::to_string(value).unwrap();
            hidden(quoted[1..quoted.len() - 1].to_owned())
        }
    }
}

/// A value between others in what is encoded. What has bits of what stands before it stays.
fn within_base64(random: &mut Random, value: &str, engine: &impl Engine) -> Vec<Part> {
    let before = "before:"[..random.below(8)].to_owned();
    let text = engine.encode(before.clone() + value + &"@behind"[..random.below(8)]);
    let (text, behind) = text.split_at((8 * (before.len() + value.len())).div_ceil(6));
    let (before, text) = text.split_at((8 * before.len()).div_ceil(6));
    vec![Part::Plain(before.into()), Part::Hidden(text.into()), Part::Plain(behind.into())]
}

/// As `base64` and `openssl` print it.
fn base64_in_lines(width: usize, value: &str) -> Vec<Part> {
    let text = STANDARD.encode(value);
    let (text, padding) = text.split_at(text.trim_end_matches('=').len());
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    // A line of the value that reaches over a break: broken alone, it may have its own break there,
    // which is hidden with its end where that is too short to be known by itself.
    let joined = |at: usize| {
        let mut begin = 0;
        value.split('\n').any(|line| {
            let end = begin + line.len();
            let over = 4 * begin < 3 * at * width && 3 * at * width < 4 * end;
            begin = end + 1;
            over && line.len() < value.len()
        })
    };
    let mut parts = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // The last one may be too short to be known without the one before it; its last character,
        // where not all its bits are the value's, does not count.
        let known = line.len() - usize::from(!padding.is_empty() && at + 1 == lines.len());
        match parts.last_mut() {
            Some(Part::Hidden(before) | Part::Line(before, _)) if known < SHORTEST => {
                before.extend_from_slice(format!("\n{line}").as_bytes());
            }
            Some(_) => parts.push(Part::Line(line.as_bytes().to_vec(), joined(at))),
            None => parts.push(Part::Hidden(line.as_bytes().to_vec())),
        }
    }
    parts.push(Part::Plain(padding.into()));
    parts
}

/// A random value, of letters and digits that need no escape in URLs, or of others; of one line or
/// of several, none of which is so short that it stands by chance in what else is printed.
fn value(random: &mut Random) -> String {
    let length = if random.below(4) == 0 { 60 + random.below(90) } else { 12 + random.below(40) };
    let alphabet: Vec<char> = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        .chars()
        .chain("{}$#@^\"é€😀".chars().filter(|_| length.is_multiple_of(2)))
        .collect();
    let mut value: Vec<char> = (0..length).map(|_| *random.pick(&alphabet)).collect();
    if random.below(3) == 0 {
        for _ in 0..=length / 20 {
            let at = 1 + random.below(length - 2);
            let mut broken = value.clone();
            broken[at] = '\n';
            let text: String = broken.iter().collect();
            if text.lines().all(|line| !(SHORTEST..LINE).contains(&line.len())) {
                value = broken;
            }
        }
    }
    value.into_iter().collect()
}

#[test]
fn no_random_value_is_visible_in_any_form_and_the_rest_is_identical() {
    let mut random = Random::new();
    let mut left = cases().min(10_000);
    // Into a pipe and on a terminal by turns.
    for terminal in [false, true].into_iter().cycle() {
        let count = left.min(EACH);
        left -= count;
        if count == 0 {
            break;
        }
        let vault = Scratch::vault();
        let values: Vec<String> = (0..count).map(|_| value(&mut random)).collect();
        let secrets: BTreeMap<String, String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("S{at}"), value.clone()))
            .collect();
        vault.import(&[], &secrets);
        let mut parts = Vec::new();
        for value in &values {
            let around: Vec<u8> =
                (0..random.below(30)).map(|_| *random.pick(b" .,:\n\t\0=\x1b\xff")).collect();
            parts.push(Part::Plain([b"<", around.as_slice(), b">"].concat()));
            parts.extend(printed(&mut random, value));
        }
        let said = parts.iter().flat_map(|part| match part {
            Part::Plain(text) | Part::Hidden(text) => text.clone(),
            Part::Line(text, _) => [b"\n", text.as_slice()].concat(),
        });
        vault.file("said", said.collect::<Vec<_>>());
        let chunks = "import os, random, sys, time\n\
            random.seed(int(sys.argv[1])); data = open('said', 'rb').read()\n\
            while data:\n\
            \x20n = random.choice([1, 2, 3, 7, 50, 1000, 10000])\n\
            \x20data = data[os.write(1, data[:n]):]\n\
            \x20time.sleep(random.choice([0, 0, 0.03, 0.15]))";
        let seed = random.below(1 << 30).to_string();
        let python = python().into_string().unwrap();
        let zms =
            [ZMS, "run", "-q", "--mask", "--mount", "pipe", "--", &python, "-c", chunks, &seed];
        let out = if terminal {
            let screen = fixture("beside/terminal.py").display().to_string();
            vault.other([&[python.as_str(), &screen, "[]"], zms.as_slice()].concat()).go().good()
        } else {
            vault.other(zms).go().good()
        };
        let end = if terminal { "\nended 0, played 0 of 0, terminal kept\n" } else { "" };
        check(&parts, &out, end.as_bytes());
    }
}

/// What is behind a text that is hidden, but for the first bytes of it perhaps.
fn hidden<'o>(text: &[u8], out: &'o [u8]) -> Option<&'o [u8]> {
    (0..=GLIMPSE).find_map(|length| out.strip_prefix(text.get(..length)?)?.strip_prefix(b"***"))
}

/// Whether each part is there as it should be, and nothing else.
#[track_caller]
fn check(parts: &[Part], mut out: &[u8], end: &[u8]) {
    // How many breaks are there that could have been hidden: then it is another one that was.
    let mut spare = 0;
    for (at, part) in parts.iter().enumerate() {
        let gone = |text: &[u8]| {
            let (Part::Plain(before) | Part::Hidden(before) | Part::Line(before, _)) =
                &parts[at.saturating_sub(1)];
            let [before, part, out] =
                [before, text, &out[..out.len().min(200)]].map(String::from_utf8_lossy);
            format!("{part:?} behind {before:?} at {out:?}")
        };
        out = match part {
            Part::Plain(text) => {
                spare = 0;
                out.strip_prefix(text.as_slice()).unwrap_or_else(|| panic!("{}", gone(text)))
            }
            Part::Hidden(text) => hidden(text, out).unwrap_or_else(|| panic!("{}", gone(text))),
            Part::Line(text, joined) => {
                let line = out.strip_prefix(b"\n").and_then(|line| hidden(text, line));
                match line {
                    Some(rest) => {
                        spare += usize::from(*joined);
                        rest
                    }
                    None if *joined => out,
                    None => {
                        assert!(spare > 0, "{}", gone(text));
                        spare -= 1;
                        out
                    }
                }
            }
        };
    }
    assert!(out == end, "{}", String::from_utf8_lossy(out));
}

fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
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
