//! Exchanges that were recorded with OpenBao 2.7.2, sent to the gateway: the same status, the same
//! shape of JSON and the same words of refusals, save what `tests/data/differences.json` lists.

use axum::{body::Body, http::Request};
use serde_json::{Map, Value};

use crate::world::{World, now, read, text};

const CAPTURES: &str = include_str!("../data/openbao-captures.json");
const DIFFERENCES: &str = include_str!("../data/differences.json");

/// What a value looks like: its names and kinds, not what it holds. Of maps by version or by mount
/// only that they are maps.
fn shape(value: &Value, name: &str) -> Value {
    let kind = |text: &str| Value::String(text.to_owned());
    match value {
        Value::Object(_) if ["versions", "secret", "auth/"].contains(&name) => kind("map"),
        Value::Object(map) => Value::Object(
            map.iter().map(|(name, held)| (name.clone(), shape(held, name))).collect(),
        ),
        Value::Array(list) if name == "keys" => Value::Array(list.clone()),
        Value::Array(list) if name == "errors" => Value::Array(list.clone()),
        Value::Array(_) => kind("list"),
        Value::String(_) => kind("text"),
        Value::Number(_) => kind("number"),
        Value::Bool(_) => kind("bool"),
        Value::Null => kind("null"),
    }
}

/// Takes out what a difference names, with a `*` for every name on a level.
fn without(value: &mut Value, way: &str) {
    let (name, rest) = way.split_once('.').map_or((way, None), |(name, rest)| (name, Some(rest)));
    let Value::Object(map) = value else { return };
    match rest {
        None => drop(map.remove(name)),
        Some(rest) => map
            .iter_mut()
            .filter(|(held, _)| name == "*" || *held == name)
            .for_each(|(_, held)| without(held, rest)),
    }
}

#[tokio::test]
async fn recorded_exchanges_are_answered_as_openbao_does() {
    let captures: Map<String, Value> = serde_json::from_str(CAPTURES).expect("JSON");
    let differences: Map<String, Value> = serde_json::from_str(DIFFERENCES).expect("JSON");
    let everywhere = differences["everywhere"]["without"].as_array().expect("a list").clone();
    let world = World::new();
    let mut child = None;
    let (mut wrong, mut replayed) = (Vec::new(), 0);
    for (name, capture) in &captures {
        let difference = differences.get(name);
        if difference.is_some_and(|difference| difference["skip"] == true) {
            continue;
        }
        let request = &capture["request"];
        let mut builder = Request::builder()
            .method(request["method"].as_str().expect("a method"))
            .uri(request["path"].as_str().expect("a path"))
            .header("host", "localhost");
        for (header, value) in request["headers"].as_object().expect("headers") {
            let value = value.as_str().expect("text");
            if value.contains("TOKEN") && child.is_none() {
                child = Some(text(&world.made("app", false, Some(now() + 3600), 0)));
            }
            let value = match value {
                "root" => world.root(),
                "Bearer root" => format!("Bearer {}", world.root()),
                "TOKEN" => child.clone().expect("made above"),
                other => other.to_owned(),
            };
            builder = builder.header(header, value);
        }
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let answer = world.send(builder.body(Body::from(body)).expect("a request")).await;
        let head = answer.headers().clone();
        let (status, body) = read(answer).await;
        replayed += 1;
        assert_eq!(head["cache-control"], "no-store", "{name}");
        let wanted = difference.map_or(&Value::Null, |difference| &difference["status"]);
        let wanted = wanted.as_u64().or(capture["status"].as_u64()).expect("a status");
        let (mut is, mut was) = (shape(&body, ""), shape(&capture["body"], ""));
        let own = difference.and_then(|difference| difference["without"].as_array());
        for way in everywhere.iter().chain(own.into_iter().flatten()) {
            let way = way.as_str().expect("text");
            without(&mut is, way);
            without(&mut was, way);
        }
        let body_differs = difference.is_some_and(|difference| difference["body"] == true);
        if u64::from(status) != wanted || is != was && !body_differs {
            wrong.push(format!(
                "{name}: {status} (wanted {wanted})\n   {body}\n   {}",
                capture["body"]
            ));
        }
    }
    for (name, difference) in &differences {
        assert!(difference["why"].is_string(), "{name} has no reason");
        assert!(name == "everywhere" || captures.contains_key(name), "{name} was not recorded");
    }
    assert!(wrong.is_empty(), "{} of {replayed} differ:\n{}", wrong.len(), wrong.join("\n"));
}
