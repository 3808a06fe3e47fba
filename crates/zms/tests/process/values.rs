//! Random values through the program and its real readers: every byte comes back, or the export
//! refuses the secret by its name; and nothing in a value is ever executed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use zms_format::{Format, write};

use crate::{
    random::{Random, cases},
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, node_modules, python, tool},
};

type Values = BTreeMap<String, Vec<u8>>;

/// Values in one environment, so that one program can get all of them.
const CHUNK: usize = 500;
/// How many are read one by one, each by a process of its own.
const SINGLE: usize = 40;
/// Values of one mebibyte, the largest there is.
const LARGE: usize = 3;

/// Pieces that mean something to a shell, a parser or a terminal.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\r",
    "\t",
    "'",
    "\"",
    "`",
    "'\"`",
    "'''",
    "\\",
    "\\\\",
    "\\n",
    "\\'",
    "\\\"",
    "$",
    "$$",
    "${HOME}",
    "$HOME",
    "${HOME:-x}",
    "$((1+1))",
    "#",
    " #",
    "# comment",
    "=",
    " ",
    "  ",
    ";",
    "&&",
    "|",
    ">",
    "<",
    "*",
    "?",
    "~",
    "!",
    "!!",
    "%",
    "%s",
    "{}",
    "[a]",
    "export A=b",
    "\nB=c\n",
    "EOF",
    "\u{1f600}",
    "é",
    "e\u{301}",
    "\u{202e}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\u{a0}",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{1}",
    "word",
    "0",
    "true",
    "null",
];

/// A random value that is text without NUL.
fn text(random: &mut Random, canary: &Path) -> String {
    let canary = canary.display();
    let mut text = String::new();
    for _ in 0..random.below(12) {
        match random.below(12) {
            0 => text += &format!("$(touch {canary})"),
            1 => text += &format!("`touch {canary}`"),
            2 => text += &format!("';touch {canary};'"),
            _ => text += *random.pick(PIECES),
        }
    }
    text
}

struct Stored {
    vault: Scratch,
    canary: PathBuf,
    /// By environment: UTF-8, without NUL.
    texts: Vec<(String, Values)>,
}

/// Puts random texts into a vault, an environment full at a time.
fn stored(random: &mut Random) -> Stored {
    let vault = Scratch::vault();
    let canary = vault.work().join("canary");
    let mut texts = Vec::new();
    let all: Vec<String> = (0..cases()).map(|_| text(random, &canary)).collect();
    for (number, chunk) in all.chunks(CHUNK).enumerate() {
        let env = format!("chunk-{number}");
        vault.zms(["env", "create", &env]).go().good();
        let named = chunk.iter().enumerate().map(|(at, text)| (format!("K{at}"), text.clone()));
        let named: BTreeMap<String, String> = named.collect();
        vault.import(&["-e", &env], &named);
        texts.push((env, named.into_iter().map(|(k, v)| (k, v.into_bytes())).collect()));
    }
    Stored { vault, canary, texts }
}

/// Splits `name=value` entries that end with NUL.
fn entries(bytes: &[u8]) -> Values {
    let entries = bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let pair = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'=').unwrap();
        (String::from_utf8(entry[..at].to_vec()).unwrap(), entry[at + 1..].to_vec())
    };
    entries.map(pair).collect()
}

#[track_caller]
fn same(seen: &Values, expected: &Values, reader: &str) {
    for (name, value) in expected {
        let seen = seen.get(name);
        let shown = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        assert!(
            seen == Some(value),
            "{reader} reads {name} as {:?}, it is {:?}",
            seen.map(|value| shown(value)),
            shown(value)
        );
    }
    assert_eq!(seen.len(), expected.len(), "{reader} sees more than there is");
}

#[test]
fn a_program_gets_every_value_and_so_does_get() {
    let mut random = Random::new();
    let Stored { vault, canary, texts } = stored(&mut random);
    for (env, values) in &texts {
        let run = ["-e", env, "run", "--pristine", "--", "/bin/cat", "/proc/self/environ"];
        same(&entries(&vault.zms(run).go().good()), values, "a program");
    }
    let all: Vec<_> =
        texts.iter().flat_map(|(env, values)| values.iter().map(move |v| (env, v))).collect();
    for (env, (name, value)) in random.sample(all, SINGLE) {
        assert!(vault.zms(["-e", env, "get", name]).go().good() == *value, "{env} {name}");
    }
    assert!(!canary.exists(), "something in a value was executed");
}

#[test]
fn json_gives_every_value() {
    let Stored { vault, texts, .. } = stored(&mut Random::new());
    for (env, values) in &texts {
        let json = vault.secrets(&["-e", env]);
        let seen = json.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        same(&seen, values, "JSON");
    }
}

#[test]
fn bash_and_dash_evaluate_every_value() {
    let Stored { vault, canary, texts } = stored(&mut Random::new());
    for (env, values) in &texts {
        for shell in ["bash", "dash"] {
            same(&evaluated(&vault, &["-e", env], shell, values), values, shell);
        }
    }
    assert!(!canary.exists(), "something in a value was executed");
}

/// What a shell has after `eval "$(zms export --format shell)"`, told by its own printf.
fn evaluated(vault: &Scratch, place: &[&str], shell: &str, values: &Values) -> Values {
    let print = values.keys().map(|name| format!("printf '%s=%s\\0' {name} \"${name}\"\n"));
    let script = format!(
        "text=\"$(\"$@\" && echo .)\" || exit 9\neval \"${{text%.}}\" || exit 8\n{}",
        print.collect::<String>()
    );
    let script = vault.file("script", script).display().to_string();
    let shell = tool(shell).display().to_string();
    let words = [&[&*shell, &script, ZMS], place, &["export", "--format", "shell"]].concat();
    entries(&vault.other(words).go().good())
}

/// The formats that the hint of a refusal names: `use --format json, yaml or shell`.
fn named_formats(said: &str) -> Vec<String> {
    let (_, list) = said.split_once("use --format ").expect("a hint names formats");
    let list = list.lines().next().unwrap_or_default().replace(" or ", ", ");
    list.split(", ").map(str::to_owned).collect()
}

/// Exports what a format carries; what it does not is refused, by name, by the program, with formats
/// that do carry it.
fn exported(
    vault: &Scratch,
    env: &str,
    values: &Values,
    format: Format,
    flag: &str,
) -> (Values, PathBuf) {
    let mut carried = values.clone();
    let mut refused = Vec::new();
    for (name, value) in values {
        if write(format, &[(name.as_str(), value.as_slice())]).is_err() {
            carried.remove(name);
            refused.push(name.clone());
        }
    }
    let export = ["-e", env, "export", "--format", flag];
    let other = format!("{env}-{flag}");
    vault.zms(["env", "create", &other]).go().good();
    let named = |values: &Values| -> BTreeMap<String, String> {
        let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
        values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    };
    if let Some(first) = refused.first() {
        let said = vault.zms(export).go().refused(2);
        assert!(refused.iter().any(|name| said.contains(&format!("{name:?}"))), "{said}");
        // By itself too, so that it is refused for its own sake.
        let alone = [(first.clone(), values[first].clone())].into();
        vault.import(&["-e", &other], &named(&alone));
        let said = vault.zms(["-e", &other, "export", "--format", flag]).go().refused(2);
        assert!(said.contains(&format!("{first:?}")), "{said}");
        // Each format that is named carries it, by its own reader where that is at hand.
        let named = named_formats(&said);
        assert!(named.contains(&"json".to_owned()) && !named.contains(&flag.to_owned()), "{said}");
        for format in named {
            let export = ["-e", &other, "export", "--format", &format];
            let text = vault.zms(export).go().good();
            let at = ["-e", &*other];
            let one = BTreeMap::from([(first.clone(), values[first].clone())]);
            match &*format {
                "json" => {
                    let read: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap();
                    let read = read.into_iter().map(|(name, text)| (name, text.into_bytes()));
                    same(&read.collect(), &one, "the JSON that was named");
                }
                "shell" => same(&evaluated(vault, &at, "bash", &one), &one, "bash"),
                _ => assert!(!text.is_empty(), "{format}"),
            }
        }
        vault.zms(["-e", &other, "rm", first]).go().good();
    }
    assert!(carried.len() * 2 > values.len(), "{flag} refuses {} values", refused.len());
    vault.import(&["-e", &other], &named(&carried));
    let text = vault.zms(["-e", &other, "export", "--format", flag]).go().good();
    (carried, vault.file(&format!("{other}.env"), text))
}

/// What a reader that prints names and values in hex makes of a file.
fn read_by(command: &mut Command, file: &Path) -> Values {
    let output = command.arg(file).go().good();
    let json: BTreeMap<String, String> = serde_json::from_slice(&output).unwrap();
    json.into_iter().map(|(name, text)| (name, hex::decode(text).unwrap())).collect()
}

/// npm dotenv reads what is exported of an environment for it.
fn npm_reads(vault: &Scratch, env: &str, values: &Values) {
    let (carried, file) = exported(vault, env, values, Format::Dotenv, "dotenv");
    let mut node = vault.other([tool("node"), fixture("values/npm.cjs"), node_modules()]);
    same(&read_by(&mut node, &file), &carried, "npm dotenv");
}

/// The same for python-dotenv.
fn python_reads(vault: &Scratch, env: &str, values: &Values) {
    let (carried, file) = exported(vault, env, values, Format::DotenvPython, "dotenv-python");
    let mut python = vault.other([python(), fixture("values/python.py").into()]);
    same(&read_by(&mut python, &file), &carried, "python-dotenv");
}

#[test]
fn npm_dotenv_reads_every_value_or_the_export_refuses_it() {
    let Stored { vault, canary, texts } = stored(&mut Random::new());
    for (env, values) in &texts {
        npm_reads(&vault, env, values);
    }
    assert!(!canary.exists(), "something in a value was executed");
}

#[test]
fn python_dotenv_reads_every_value_or_the_export_refuses_it() {
    let Stored { vault, canary, texts } = stored(&mut Random::new());
    for (env, values) in &texts {
        python_reads(&vault, env, values);
    }
    assert!(!canary.exists(), "something in a value was executed");
}

#[test]
fn values_that_are_no_text_come_back_as_they_are() {
    let mut random = Random::new();
    let vault = Scratch::vault();
    let mut values = Values::new();
    for number in 0..(cases() / 10).clamp(10, 200) {
        let length = random.below(300);
        let mut value = random.bytes(length);
        value.retain(|byte| *byte != 0);
        value.push(0xff);
        values.insert(format!("B{number}"), value);
    }
    for (name, value) in &values {
        vault.set(&[], name, value);
        assert!(vault.zms(["get", name]).go().good() == *value, "{name}");
    }
    let run = ["run", "--pristine", "--", "/bin/cat", "/proc/self/environ"];
    same(&entries(&vault.zms(run).go().good()), &values, "a program");
    for shell in ["bash", "dash"] {
        same(&evaluated(&vault, &[], shell, &values), &values, shell);
    }
    for format in ["json", "dotenv", "dotenv-python"] {
        let said = vault.zms(["export", "--format", format]).go().refused(2);
        assert!(said.contains("UTF-8"), "{said}");
    }
    // NUL: kept, and refused by whatever can not carry it.
    let value = random.bytes(64).into_iter().chain([0, 1, 0]).collect::<Vec<u8>>();
    vault
        .zms([&["rm"][..], &values.keys().map(String::as_str).collect::<Vec<_>>()].concat())
        .go()
        .good();
    vault.set(&[], "NUL", &value);
    assert!(vault.zms(["get", "NUL"]).go().good() == value);
    let said = vault.zms(["export", "--format", "shell"]).go().refused(2);
    assert!(said.contains("\"NUL\""), "{said}");
}

#[test]
fn values_of_a_mebibyte_come_back_as_they_are() {
    let mut random = Random::new();
    let vault = Scratch::vault();
    let canary = vault.work().join("canary");
    let (mut texts, most) = (Values::new(), 1 << 20);
    for number in 0..LARGE {
        let name = format!("L{number}");
        let mut long = String::new();
        while long.len() < most {
            long += &text(&mut random, &canary);
            long += "filling filling filling";
        }
        let mut value = long.into_bytes();
        value.truncate(most);
        while std::str::from_utf8(&value).is_err() {
            value.pop();
        }
        value.resize(most, b'z');
        let file = vault.file("value", &value);
        vault.zms(["set", &name, "--file", &file.display().to_string()]).go().good();
        assert!(vault.zms(["get", &name]).go().good() == value, "{name}");
        texts.insert(name, value);
    }
    let json = vault.secrets(&[]).into_iter();
    same(&json.map(|(name, value)| (name, value.into_bytes())).collect(), &texts, "JSON");
    for shell in ["bash", "dash"] {
        same(&evaluated(&vault, &[], shell, &texts), &texts, shell);
    }
    dotenv_readers_return_a_mebibyte_or_it_is_refused(&vault, &mut random, &texts);
    // In an environment they have no room, which is said by name; so is one byte more.
    let said = vault.run(&[], &["true"]).go().refused(2);
    assert!(said.contains("L0"), "{said}");
    let file = vault.file("value", vec![b'x'; most + 1]).display().to_string();
    let said = vault.zms(["set", "MORE", "--file", &file]).go().refused(2);
    assert!(!said.contains("xxx"), "{said}");
    assert!(fs::exists(vault.home()).unwrap() && !canary.exists());
}

/// Those that mix all that there is npm dotenv can not be given; so there are some of each piece
/// that it can.
fn dotenv_readers_return_a_mebibyte_or_it_is_refused(
    vault: &Scratch,
    random: &mut Random,
    texts: &Values,
) {
    let mut values = texts.clone();
    for quote in ["'", "\"", "`", "\\", "#"] {
        let lines = format!("{quote} one\ntwo $HOME ${{HOME}} {}\n", random.below(1000));
        let mut value = lines.repeat((1 << 20) / lines.len()).into_bytes();
        value.resize(1 << 20, b'z');
        values.insert(format!("M{}", values.len()), value);
    }
    vault.zms(["env", "create", "large"]).go().good();
    let named = |(name, value): (&String, &Vec<u8>)| {
        (name.clone(), String::from_utf8(value.clone()).unwrap())
    };
    vault.import(&["-e", "large"], &values.iter().map(named).collect());
    npm_reads(vault, "large", &values);
    python_reads(vault, "large", &values);
}
