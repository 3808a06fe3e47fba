//! What `zms` writes a Vault client reads, and the other way round, history included.

use serde_json::{Value, json};
use zms_client::Session;
use zms_core::{
    change::write::Edit,
    path::SecretName,
    record::{Payload, Reference, ValueKind},
};
use zms_crypto::SecretBytes;

use crate::world::{World, now, path};

const DATA: &str = "/v1/secret/data/shop/production";

fn secret(name: &str, value: &str) -> Payload {
    Payload {
        name: SecretName::parse(name).expect("a good name"),
        value: SecretBytes::from(value.as_bytes()),
        kind: ValueKind::Secret,
        note: String::new(),
        created_at: now(),
        expires_at: None,
    }
}

/// As `zms set` does.
fn set(session: &mut Session, at: &str, mut payload: impl FnMut() -> Payload) -> u64 {
    let written = session.write(&|_| Ok(path(at)), |_| Ok(vec![Edit::Put(payload())]));
    written.expect("written").expect("a revision").revision
}

/// As `zms export` does.
fn export(session: &mut Session, at: &str) -> Vec<(String, String)> {
    let view = session.read(&|_| Ok(path(at))).expect("it is read");
    let pair = |winner: zms_core::merge::Winner<'_>| {
        let held = view.merged.resolve(winner, view.now).expect("readable");
        // EXPOSE: a secret of this test.
        let value = String::from_utf8(held.value.expose().clone()).expect("text");
        (winner.payload.name.to_string(), value)
    };
    view.merged.winners().map(pair).collect()
}

async fn read(world: &World, at: &str) -> Value {
    let (_, answer) = world.call("GET", at, &world.root(), "").await;
    answer["data"]["data"].clone()
}

#[tokio::test]
async fn both_see_the_same_history() {
    let world = World::new();
    let (root, mut zms) = (world.root(), world.owner());
    world.call("POST", DATA, &root, r#"{"data":{"A":"1","B":"2"}}"#).await;
    assert_eq!(export(&mut zms, "shop/production").len(), 2);
    let revision = set(&mut zms, "shop/production", || secret("C", "3"));
    let (_, answer) = world.call("GET", DATA, &root, "").await;
    assert_eq!(answer["data"]["data"], json!({"A":"1","B":"2","C":"3"}));
    assert_eq!(answer["data"]["metadata"]["version"], revision, "the version is the revision");
    assert_eq!(read(&world, &format!("{DATA}?version=1")).await, json!({"A":"1","B":"2"}));
    let (status, _) =
        world.call("POST", DATA, &root, r#"{"data":{"A":"9"},"options":{"cas":1}}"#).await;
    assert_eq!(status, 400, "zms wrote meanwhile");
    world.call("DELETE", DATA, &root, "").await;
    assert_eq!(export(&mut zms, "shop/production"), [], "what is deleted is not injected");
    let history = zms.history(&|_| Ok(path("shop/production")), None).expect("it is read").history;
    let names = |revision| {
        let state = history.state(revision).expect("there");
        state.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(revision), names(revision + 1)),
        (vec!["A".into(), "B".into(), "C".into()], vec![])
    );
    let body = format!("{{\"versions\":[{revision}]}}");
    world.call("POST", "/v1/secret/undelete/shop/production", &root, &body).await;
    assert_eq!(export(&mut zms, "shop/production").len(), 3);
    assert_eq!(read(&world, DATA).await, json!({"A":"1","B":"2","C":"3"}));
    let edits = zms.write_from_past(&|_| Ok(path("shop/production")), |history| {
        zms_core::change::rollback::edits_to(history, 1)
            .map_err(|error| zms_core::change::ChangeError::from(error).into())
    });
    edits.expect("rolled back").expect("a revision");
    assert_eq!(read(&world, DATA).await, json!({"A":"1","B":"2"}), "a rollback is a version");
}

#[tokio::test]
async fn scopes_below_and_marks_are_no_versions() {
    let world = World::new();
    let root = world.root();
    world.call("POST", DATA, &root, r#"{"data":{"A":"1"}}"#).await;
    world.call("POST", &format!("{DATA}/api"), &root, r#"{"data":{"B":"1"}}"#).await;
    let said = r#"{"custom_metadata":{"k":"v"}}"#;
    world.call("POST", "/v1/secret/metadata/shop/production", &root, said).await;
    let body = r#"{"data":{"A":"2"},"options":{"cas":1}}"#;
    assert_eq!(world.call("POST", DATA, &root, body).await.0, 200);
    let mut zms = world.owner();
    let names = zms.names(&path("shop"), true).expect("listed");
    assert_eq!(names, ["shop/production/A", "shop/production/api/B"], "zms shows secrets alone");
    let view = zms.read(&|_| Ok(path("shop/production/api"))).expect("it is read");
    assert_eq!(view.merged.winners().count(), 2, "what is said of a scope is inherited by nobody");
}

#[tokio::test]
async fn references_lead_to_what_they_mean_and_files_to_an_error() {
    let world = World::new();
    let (root, mut zms) = (world.root(), world.owner());
    world.call("POST", "/v1/secret/data/shop", &root, r#"{"data":{"HOST":"db"}}"#).await;
    world.call("POST", DATA, &root, r#"{"data":{"A":"1"}}"#).await;
    let to = Reference { path: path("shop"), name: SecretName::parse("HOST").expect("good") };
    set(&mut zms, "shop/production", || Payload {
        value: SecretBytes::new(to.encode()),
        kind: ValueKind::Reference,
        ..secret("DB", "")
    });
    assert_eq!(read(&world, DATA).await, json!({"A":"1","DB":"db"}));
    let patched = world.call("PATCH", DATA, &root, r#"{"data":{"A":"2"}}"#).await;
    assert_eq!(patched.0, 200);
    world.call("POST", "/v1/secret/data/shop", &root, r#"{"data":{"HOST":"db2"}}"#).await;
    assert_eq!(read(&world, DATA).await, json!({"A":"2","DB":"db2"}), "a patch keeps references");
    set(&mut zms, "shop/production", || Payload {
        value: SecretBytes::from(&[0xff, 0][..]),
        ..secret("RAW", "")
    });
    let (status, answer) = world.call("GET", DATA, &root, "").await;
    assert_eq!(status, 400);
    assert!(answer["errors"][0].as_str().is_some_and(|text| text.contains("RAW")), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_once_lose_nothing() {
    let world = std::sync::Arc::new(World::new());
    let root = world.root();
    world.call("POST", DATA, &root, r#"{"data":{"n":"0"}}"#).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (world, root) = (world.clone(), root.clone());
        tasks.spawn(async move {
            let mut versions = Vec::new();
            while versions.len() < 5 {
                let (_, answer) = world.call("GET", DATA, &root, "").await;
                let (seen, data) =
                    (&answer["data"]["metadata"]["version"], &answer["data"]["data"]);
                let number: u64 = data["n"].as_str().expect("text").parse().expect("a number");
                let mut data = data.clone();
                data["n"] = json!((number + 1).to_string());
                let body = json!({"data": data, "options": {"cas": seen}}).to_string();
                let (status, answer) = world.call("POST", DATA, &root, &body).await;
                match status {
                    200 => versions.push(answer["data"]["version"].as_u64().expect("a version")),
                    400 => {}
                    other => panic!("{other}: {answer}"),
                }
            }
            versions
        });
    }
    let zms = world.clone();
    let own = tokio::task::spawn_blocking(move || {
        let mut session = zms.owner();
        let set = |at| set(&mut session, "shop/production", || secret(&format!("Z{at}"), "z"));
        (0..10).map(set).collect::<Vec<u64>>()
    });
    let mut versions = tasks.join_all().await.concat();
    versions.extend(own.await.expect("zms wrote"));
    let count = versions.len();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!((versions.len(), count), (30, 30), "no version twice");
    let data = read(&world, DATA).await;
    assert_eq!(data["n"], "20", "no update lost");
    assert_eq!(data.as_object().expect("a map").len(), 11, "nor one of zms");
}
