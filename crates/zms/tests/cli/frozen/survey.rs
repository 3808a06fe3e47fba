//! Everything that a vault shows, in a form of its own: what is written in `expected.json` stays,
//! however the commands come to print it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use zms_crypto::digest::sha256;

use crate::machine::{Machine, Ran, run};

/// Most bytes of a value that stand in the file as they are.
const SHORT: usize = 200;

/// Who looks.
#[derive(Clone, Copy)]
pub enum Who<'t> {
    Owner,
    Token(&'t str),
}

/// Runs zms as somebody, at a place such as `shop/production/api`.
pub fn zms(machine: &Machine, who: Who<'_>, place: &str, args: &[&str]) -> Ran {
    let flags =
        ["-p", "-e", "-s"].into_iter().zip(place.split('/').filter(|name| !name.is_empty()));
    let flags = flags.flat_map(|(flag, name)| [flag, name]);
    let mut command = machine.zms(&flags.chain(args.iter().copied()).collect::<Vec<_>>());
    if let Who::Token(token) = who {
        command.env("ZMS_TOKEN", token);
    }
    run(command)
}

/// What a command that must succeed answers.
#[track_caller]
pub fn answer(machine: &Machine, who: Who<'_>, place: &str, args: &[&str]) -> Value {
    let ran = zms(machine, who, place, &[args, &["--json"]].concat());
    serde_json::from_str(&ran.done()).unwrap()
}

/// A value, or what tells it from every other.
pub fn value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= SHORT => json!(text),
        _ => json!({ "bytes": bytes.len(), "sha256": hex::encode(sha256(&[bytes])) }),
    }
}

/// The named fields of an object.
fn pick(object: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), object[*field].clone())).collect()
}

/// Every environment and service.
pub fn places(machine: &Machine) -> Vec<String> {
    let names = |place: &str, level: &str| -> Vec<String> {
        let names = answer(machine, Who::Owner, place, &[level, "ls"])["names"].take();
        let names: Vec<String> = serde_json::from_value(names).unwrap();
        let above = if place.is_empty() { String::new() } else { format!("{place}/") };
        names.into_iter().map(|name| format!("{above}{name}")).collect()
    };
    let mut places = Vec::new();
    for project in names("", "project") {
        for environment in names(&project, "env") {
            let services = names(&environment, "service");
            places.push(environment);
            places.extend(services);
        }
    }
    places
}

/// What somebody sees at a place: each secret, or how the refusal ends.
pub fn seen(machine: &Machine, who: Who<'_>, place: &str) -> Value {
    let ran = zms(machine, who, place, &["ls", "--json"]);
    if ran.code != 0 {
        return json!({ "refused": ran.code });
    }
    let list: Value = serde_json::from_slice(&ran.out).unwrap();
    let mut secrets = BTreeMap::new();
    for secret in list["secrets"].as_array().unwrap() {
        let name = secret["name"].as_str().unwrap();
        let ran = zms(machine, who, place, &["get", "--", name]);
        let mut shown = pick(secret, &["path", "kind", "note", "expires"]);
        shown["value"] =
            if ran.code == 0 { value(&ran.out) } else { json!({ "refused": ran.code }) };
        secrets.insert(name.to_owned(), shown);
    }
    json!(secrets)
}

/// All revisions of a place, and all versions of every secret that ever stood there.
pub fn past(machine: &Machine, place: &str) -> Value {
    let log = answer(machine, Who::Owner, place, &["log", "-n", "1000"])["revisions"].take();
    let (mut revisions, mut names) = (Vec::new(), BTreeSet::new());
    for revision in log.as_array().unwrap() {
        let mut shown = pick(revision, &["revision", "time", "author", "author_proven", "epoch"]);
        let changes = revision["changes"].as_array().unwrap();
        names.extend(changes.iter().map(|change| change["name"].as_str().unwrap().to_owned()));
        let change = |change: &Value| pick(change, &["name", "effect", "before", "after"]);
        shown["changes"] = changes.iter().map(change).collect();
        revisions.push(shown);
    }
    let secrets: BTreeMap<_, _> =
        names.into_iter().map(|name| (name.clone(), versions(machine, place, &name))).collect();
    json!({ "revisions": revisions, "secrets": secrets })
}

/// All versions of a secret, the newest first.
pub fn versions(machine: &Machine, place: &str, name: &str) -> Value {
    let args = ["history", "--reveal", "--", name];
    let ran = zms(machine, Who::Owner, place, &[&["--json"], &args[..]].concat());
    let mut history: Value = serde_json::from_str(&ran.done()).unwrap();
    let show = |version: &Value| {
        let fields = ["revision", "from", "by", "set", "kind", "note", "expires", "ended_by"];
        let mut shown = pick(version, &fields);
        let bytes = match (&version["value"], &version["value_base64"]) {
            (Value::String(text), _) => text.clone().into_bytes(),
            (_, Value::String(text)) => crate::frozen::base64(text),
            _ => Vec::new(),
        };
        shown["value"] = value(&bytes);
        shown["refers_to"] = version["refers_to"].clone();
        shown
    };
    history["versions"].take().as_array().unwrap().iter().map(show).collect()
}

/// All members, the owner too.
pub fn members(machine: &Machine) -> Value {
    let mut list = answer(machine, Who::Owner, "", &["token", "ls"])["tokens"].take();
    let fields = ["id", "name", "kind", "created", "expires", "uses", "scopes"];
    list.as_array_mut().unwrap().iter().map(|token| pick(token, &fields)).collect()
}

/// How long the audit is, and its last hash.
pub fn audit(machine: &Machine) -> Value {
    let verified = answer(machine, Who::Owner, "", &["audit", "verify"]);
    assert_eq!(verified["good"], true, "{verified}");
    let end = |chain: &Value| json!({ "chain": chain["chain"], "seq": chain["last"]["seq"], "hash": chain["last"]["hash"] });
    verified["chains"].as_array().unwrap().iter().map(end).collect()
}
