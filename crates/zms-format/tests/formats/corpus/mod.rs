//! Texts of the field, and what each reader makes of them: `dotenv.json`, `yaml.json`, `toml.json`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Name to value; no value for a name without `=`.
pub type Values = BTreeMap<String, Option<Vec<u8>>>;

/// What ZMS makes of a text: pairs in order, or the error's variant and line.
pub type Read = Result<Vec<(String, Vec<u8>)>, (String, Option<u64>)>;

/// One text.
pub struct Case {
    pub name: String,
    pub input: Vec<u8>,
    pub zms: Read,
    pub npm: Values,
    /// `config()`, where the environment changes a value.
    pub npm_config: Values,
    /// `None` where python-dotenv raises.
    pub python: Option<Values>,
    /// Why ZMS differs from npm dotenv.
    pub reason: Option<String>,
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let cases: Vec<Json> = serde_json::from_str(include_str!("dotenv.json")).unwrap();
    cases.iter().map(case).collect()
}

/// One text of YAML or TOML.
pub struct TableCase {
    pub name: String,
    pub input: Vec<u8>,
    pub zms: Read,
    /// Why some reader makes something else of it.
    pub differs: Option<String>,
}

/// The cases of one of the files with tables.
pub fn table_cases(file: &str) -> Vec<TableCase> {
    let cases: Vec<Json> = serde_json::from_str(file).unwrap();
    let case = |json: &Json| TableCase {
        name: json["name"].as_str().unwrap().to_owned(),
        input: input(json),
        zms: zms(json),
        differs: json["differs"].as_str().map(str::to_owned),
    };
    cases.iter().map(case).collect()
}

fn input(json: &Json) -> Vec<u8> {
    match json["input"].as_str() {
        Some(input) => input.into(),
        None => hex::decode(json["input_hex"].as_str().unwrap()).unwrap(),
    }
}

fn zms(json: &Json) -> Read {
    match &json["zms"]["error"] {
        Json::String(error) => Err((error.clone(), json["zms"]["line"].as_u64())),
        _ => Ok(json["zms"].as_array().unwrap().iter().map(pair).collect()),
    }
}

fn case(json: &Json) -> Case {
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    let npm = values(&json["npm"]).unwrap();
    Case {
        name: text("name").unwrap(),
        input: input(json),
        zms: zms(json),
        npm_config: values(&json["npm_config"]).unwrap_or_else(|| npm.clone()),
        npm,
        python: values(&json["python"]),
        reason: text("reason"),
    }
}

fn pair(json: &Json) -> (String, Vec<u8>) {
    (json[0].as_str().unwrap().to_owned(), bytes(&json[1]).unwrap())
}

fn values(json: &Json) -> Option<Values> {
    let members = json.as_object()?.iter();
    Some(members.map(|(name, value)| (name.clone(), bytes(value))).collect())
}

/// A string stands for its UTF-8, `{"hex": ...}` for any bytes.
fn bytes(json: &Json) -> Option<Vec<u8>> {
    match &json["hex"] {
        Json::String(digits) => Some(hex::decode(digits).unwrap()),
        _ => json.as_str().map(|text| text.as_bytes().to_vec()),
    }
}
