//! The independent reader of `spec/reader`, on a frozen database.

use std::{
    collections::BTreeMap,
    env,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::survey::value;

/// What the reader says of a place, in the form of the survey: by name the value, or the refusal.
pub fn read(vault: &Path, key: Result<&str, &str>, place: &str) -> Value {
    let python = env::var_os("ZMS_TEST_PYTHON").expect("ZMS_TEST_PYTHON is set by ./check");
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/reader/zms_reader.py");
    let mut command = Command::new(python);
    command.arg(reader).arg("database").arg(vault.join("zms.db")).arg(place);
    let (Ok(line) | Err(line)) = key;
    if key.is_err() {
        command.arg("--key-file").arg(vault.join("zms.master.key"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return json!({ "refused": said.trim() });
    }
    let values: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    let show = |(name, text): (String, String)| (name, value(&super::base64(&text)));
    values.into_iter().map(show).collect()
}

/// What the reader should say, where zms saw this.
pub fn expected(seen: &Value) -> Value {
    if let Some(code) = seen.get("refused").and_then(Value::as_i64) {
        return json!({ "refused": code });
    }
    let seen = seen.as_object().unwrap();
    let gone: Vec<_> = seen.iter().filter(|(_, secret)| secret["value"]["refused"] == 3).collect();
    if !gone.is_empty() {
        let why = |kind: &Value| if kind == "reference" { "reference" } else { "expired" };
        let list = gone.iter().map(|(name, secret)| format!("{name} ({})", why(&secret["kind"])));
        let list: Vec<_> = list.collect();
        return json!({ "refused": format!("unreadable: {}", list.join(", ")) });
    }
    seen.iter().map(|(name, secret)| (name.clone(), secret["value"].clone())).collect()
}

/// The words for which zms ends with this code.
pub fn class(code: i64) -> &'static [&'static str] {
    match code {
        3 => &["not-found", "removed"],
        4 => &["malformed", "unknown", "revoked", "expired", "out-of-scope"],
        _ => panic!("a frozen vault is refused with {code}"),
    }
}
