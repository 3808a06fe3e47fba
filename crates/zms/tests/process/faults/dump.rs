//! Everything that a vault shows to whoever may look, so that one state can be told from another.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::scratch::{Go, Scratch};

/// Texts of tokens, by name.
pub type Tokens = BTreeMap<String, String>;

/// What is seen, by where; without ids, times and numbers of revisions.
pub type Dump = BTreeMap<String, String>;

/// Name under which a story keeps a token whose uses are counted.
pub const COUNTED: &str = "counted";

/// The revisions of each place, oldest first: the number, and what changed.
pub type Logs = BTreeMap<String, Vec<(u64, Value)>>;

/// The flags that name a place.
fn place(path: &str) -> Vec<&str> {
    ["-p", "-e", "-s"]
        .into_iter()
        .zip(path.split('/'))
        .flat_map(|(flag, name)| [flag, name])
        .collect()
}

fn names(vault: &Scratch, args: &[&str]) -> Vec<String> {
    let names = vault.json(args)["names"].clone();
    serde_json::from_value(names).unwrap()
}

/// Every place of a vault, reached from the top.
pub fn places(vault: &Scratch) -> Vec<String> {
    let mut places = Vec::new();
    for project in names(vault, &["project", "ls"]) {
        for env in names(vault, &["env", "ls", "-p", &project]) {
            let services = names(vault, &["service", "ls", "-p", &project, "-e", &env]);
            let env = format!("{project}/{env}");
            places.extend(services.into_iter().map(|service| format!("{env}/{service}")));
            places.push(env);
        }
    }
    places
}

/// Looks at all there is, as the owner and as each token.
pub fn dump(vault: &Scratch, tokens: &Tokens) -> Dump {
    let mut dump = Dump::new();
    for path in places(vault) {
        let place = place(&path);
        of_place(vault, &path, &place, &mut dump);
        for (name, token) in tokens.iter().filter(|(name, _)| *name != COUNTED) {
            dump.insert(format!("{path} for {name}"), as_token(vault, &place, token));
        }
    }
    for mut token in vault.json(&["token", "ls"])["tokens"].as_array().unwrap().clone() {
        let name = token["name"].to_string();
        token.as_object_mut().unwrap().retain(|key, _| !["id", "created"].contains(&&**key));
        dump.insert(format!("token {name}"), token.to_string());
    }
    if let Some(token) = tokens.get(COUNTED) {
        dump.insert(format!("uses of {COUNTED}"), uses_left(vault, token).to_string());
    }
    of_folder(vault, &mut dump);
    dump
}

fn of_place(vault: &Scratch, path: &str, place: &[&str], dump: &mut Dump) {
    let values = vault.secrets(place);
    for mut secret in vault.json(&[place, &["ls"]].concat())["secrets"].as_array().unwrap().clone()
    {
        secret.as_object_mut().unwrap().retain(|key, _| !["revision", "updated"].contains(&&**key));
        let name = secret["name"].as_str().unwrap().to_owned();
        let mut value = values.get(&name).cloned().unwrap_or_default();
        if secret["personal"] == true {
            let get = [place, &["get", &name, "--personal"]].concat();
            value += &format!(", for the owner {}", vault.zms(get).go().text());
        }
        dump.insert(format!("{path} {name}"), format!("{value} {secret}"));
    }
    assert!(values.keys().all(|name| dump.contains_key(&format!("{path} {name}"))));
    // A place that is protected asks before it looks for what it is to remove.
    let code = vault.zms([place, &["rm", "NEVER_SET"]].concat()).go().code();
    let protected = [(2, "protected"), (3, "open")].into_iter().find(|(exit, _)| *exit == code);
    dump.insert(path.to_owned(), protected.unwrap().1.to_owned());
}

/// What a token sees in a place.
fn as_token(vault: &Scratch, place: &[&str], token: &str) -> String {
    let mut export = vault.zms([place, &["export", "--format", "json"]].concat());
    let ran = export.env("ZMS_TOKEN", token).go();
    if ran.code() == 4 { "refused".to_owned() } else { ran.text() }
}

/// How often a token can still be used: tried on a copy.
fn uses_left(vault: &Scratch, token: &str) -> usize {
    let copy = vault.copy();
    let once = || copy.zms(["ls"]).env("ZMS_TOKEN", token).go().code();
    (0..9).take_while(|_| once() == 0).count()
}

/// Files of the working folder, and what they mean to the program.
fn of_folder(vault: &Scratch, dump: &mut Dump) {
    for name in files(vault).into_iter().filter(|name| !name.contains(".new.")) {
        let text = match name.rsplit_once('.') {
            // Each has another time: whether it is a good one is what counts.
            Some((_, "note")) => {
                let verify = ["audit", "verify", "--checkpoint", &name];
                vault.zms(verify).go().code().to_string()
            }
            // As above; and a file without an entry is as good as none.
            Some((_, "audit")) => match fs::read_to_string(vault.work().join(&name)).unwrap() {
                text if text.is_empty() => continue,
                text => {
                    vault.zms(["audit", "verify", "--file", &name]).go().good();
                    format!("{} entries", text.lines().count())
                }
            },
            // Followed only where it is allowed.
            _ if name == ".env" => vault.run(&[], &["true"]).go().code().to_string(),
            _ => fs::read_to_string(vault.work().join(&name)).unwrap(),
        };
        dump.insert(format!("file {name}"), text);
    }
}

/// Names of what lies in the working folder.
pub fn files(vault: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(vault.work()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The log of each place. Numbers without gaps, from the first.
pub fn logs(vault: &Scratch) -> Logs {
    let log = |path: String| {
        let answer = vault.json(&[&place(&path)[..], &["log"]].concat());
        let newest_first = answer["revisions"].as_array().unwrap().iter();
        let numbered = |at: &Value| (at["revision"].as_u64().unwrap(), at["changes"].clone());
        let log: Vec<_> = newest_first.rev().map(numbered).collect();
        assert!(log.iter().map(|(number, _)| *number).eq(1..=log.len() as u64), "{path}: {log:?}");
        (path, log)
    };
    places(vault).into_iter().map(log).collect()
}

/// What is in one dump and not in the other, for people.
pub fn differences(one: &Dump, other: &Dump) -> String {
    let of = |from: &Dump, to: &Dump, sign: &str| -> String {
        let only = from.iter().filter(|(key, text)| to.get(*key) != Some(text));
        only.map(|(key, text)| format!("{sign} {key}: {text}\n")).collect()
    };
    of(one, other, "-") + &of(other, one, "+")
}
