//! Compares what a vault shows with what it once showed.

use serde_json::Value;

/// Where two forms differ, at most ten of it.
#[track_caller]
pub fn same(what: &str, expected: &Value, is: &Value) {
    fn walk(at: &str, expected: &Value, is: &Value, wrong: &mut Vec<String>) {
        match (expected, is) {
            (Value::Object(one), Value::Object(other)) => {
                for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                    walk(&format!("{at} / {key}"), &expected[key], &is[key], wrong);
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (number, (one, other)) in one.iter().zip(other).enumerate() {
                    walk(&format!("{at} [{number}]"), one, other, wrong);
                }
            }
            _ if expected == is => {}
            _ => wrong.push(format!("{at}: was {expected}, is {is}")),
        }
    }
    let mut wrong = Vec::new();
    walk(what, expected, is, &mut wrong);
    wrong.truncate(10);
    assert!(wrong.is_empty(), "a frozen vault reads otherwise:\n{}", wrong.join("\n"));
}
