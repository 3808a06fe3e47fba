//! Answers that wait, sealed, for whoever brings their token.

use std::{fs, sync::Arc};

use serde_json::{Value, json};
use zms_core::{
    audit::{Action, Event},
    id::{PrincipalId, VaultId},
    wrapped::{MAX_KEPT, Wrapped, WrappingToken},
};
use zms_crypto::SecretBytes;
use zms_store::{Keeper, Waiting};
use zms_store_sqlite::SqliteStore;

use crate::world::{World, entropy, now, text};

const DATA: &str = "/v1/secret/data/app";
const UNWRAP: &str = "/v1/sys/wrapping/unwrap";
const CANARY: &str = "canary-51d2";
const GONE: &str = "wrapping token is not valid or does not exist";

async fn world() -> World {
    let world = World::new();
    let body = format!("{{\"data\":{{\"A\":\"{CANARY}\"}}}}");
    assert_eq!(world.call("POST", DATA, &world.root(), &body).await.0, 200);
    world.call("POST", "/v1/secret/data/other", &world.root(), r#"{"data":{}}"#).await;
    world
}

/// A request whose answer is to wait; its status and what it answers.
async fn wrapped(world: &World, method: &str, at: &str, token: &str, body: &str) -> (u16, Value) {
    world.call_with(method, at, token, body, &[("x-vault-wrap-ttl", "60")]).await
}

/// The token of such an answer.
fn wrapping(answer: &Value) -> String {
    answer["wrap_info"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn unwrap(world: &World, token: &str) -> (u16, Value) {
    world.call("POST", UNWRAP, token, "").await
}

fn keeper(world: &World) -> SqliteStore {
    SqliteStore::open(&world.file()).expect("it opens").expect("it is there")
}

fn refused(answer: &(u16, Value), status: u16, text: &str) {
    assert_eq!((answer.0, answer.1["errors"][0].as_str()), (status, Some(text)), "{answer:?}");
}

#[tokio::test]
async fn an_answer_waits_for_its_token_and_is_given_once() {
    let world = world().await;
    let reader = world.token("app", false);
    let (status, answer) = wrapped(&world, "GET", DATA, &reader, "").await;
    let info = &answer["wrap_info"];
    assert_eq!((status, &answer["data"], &info["ttl"]), (200, &Value::Null, &json!(60)));
    assert_eq!(info["creation_path"], "secret/data/app");
    assert!(!answer.to_string().contains(CANARY) && info["wrapped_accessor"].is_null(), "{answer}");
    let token = wrapping(&answer);
    for look in [
        world.call("POST", "/v1/sys/wrapping/lookup", &token, "").await,
        world.call("GET", "/v1/sys/wrapping/lookup", &token, "").await,
        world
            .call("PUT", "/v1/sys/wrapping/lookup", "", &json!({ "token": token }).to_string())
            .await,
    ] {
        assert_eq!((look.0, &look.1["data"]["creation_ttl"]), (200, &json!(60)), "{look:?}");
        assert_eq!(look.1["data"]["creation_path"], "secret/data/app");
        assert_eq!(look.1["data"]["creation_time"], info["creation_time"]);
    }
    assert_eq!(world.call("GET", DATA, &token, "").await.0, 403, "it is nobody's token");
    // Whoever unwraps may be anybody else, and a restart lies between.
    let world = world.restarted();
    let other = world.token("other", false);
    let body = json!({ "token": token }).to_string();
    let (status, answer) = world.call("PUT", UNWRAP, &other, &body).await;
    assert_eq!((status, &answer["data"]["data"]["A"]), (200, &json!(CANARY)), "{answer}");
    assert_eq!(answer["data"]["metadata"]["version"], 1);
    refused(&unwrap(&world, &token).await, 400, GONE);
    refused(&world.call("POST", "/v1/sys/wrapping/lookup", &token, "").await, 400, GONE);
    refused(&world.call("PUT", UNWRAP, &other, &body).await, 400, GONE);
}

#[tokio::test]
async fn attack_an_answer_unwrapped_by_many_at_once_is_given_to_one() {
    let world = Arc::new(world().await);
    let (_, answer) = wrapped(&world, "GET", DATA, &world.root(), "").await;
    let token = wrapping(&answer);
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..50 {
        let (world, token) = (world.clone(), token.clone());
        let verb = if at % 2 == 0 { UNWRAP } else { "/v1/sys/wrapping/rewrap" };
        tasks.spawn(async move { world.call("POST", verb, &token, "").await.0 });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 49, "{statuses:?}");
}

#[tokio::test]
async fn attack_no_other_token_opens_an_answer() {
    let world = world().await;
    let root = world.root();
    let (_, answer) = wrapped(&world, "GET", DATA, &root, "").await;
    let token = wrapping(&answer);
    let vault = WrappingToken::parse(&token).expect("a token").vault();
    let made = |vault| WrappingToken::generate(vault, &mut *entropy()).text().expose().clone();
    let long = "x".repeat(600);
    let bad = [&made(vault), &made(VaultId([9; 16])), &root, "nope", &token[1..], &long];
    for bad in bad {
        for verb in ["lookup", "unwrap", "rewrap"] {
            let at = format!("/v1/sys/wrapping/{verb}");
            refused(&world.call("POST", &at, bad, "").await, 400, GONE);
            let body = json!({ "token": bad }).to_string();
            refused(&world.call("POST", &at, &token, &body).await, 400, GONE);
        }
    }
    refused(&world.call("POST", UNWRAP, "", "").await, 400, GONE);
    assert_eq!(unwrap(&world, &token).await.0, 200, "it was not used by any of these");
}

#[tokio::test]
async fn attack_an_altered_answer_is_not_given() {
    let world = world().await;
    let (_, answer) = wrapped(&world, "GET", DATA, &world.root(), "").await;
    let (_, other) = wrapped(&world, "GET", DATA, &world.root(), "").await;
    let tokens = [answer, other].map(|answer| wrapping(&answer));
    let [id, other] = tokens.clone().map(|it| WrappingToken::parse(&it).expect("a token").id());
    let mut keeper = keeper(&world);
    let sealed = keeper.wrapped(id).expect("read").expect("it waits");
    let swapped = keeper.wrapped(other).expect("read").expect("it waits");
    let changed = |at: usize| {
        let mut sealed = sealed.clone();
        sealed[at] ^= 1;
        sealed
    };
    for sealed in [changed(0), changed(40), changed(sealed.len() - 1), swapped] {
        assert!(keeper.take_wrapped(id, &[]).expect("taken"));
        let waiting = Waiting { id, expires: now() + 60, sealed };
        assert!(keeper.keep_wrapped(&waiting, now()).expect("kept"));
        let answer = unwrap(&world, &tokens[0]).await;
        assert_eq!(answer.0, 500, "{answer:?}");
        assert!(!answer.1.to_string().contains(CANARY));
    }
}

#[tokio::test]
async fn an_answer_whose_time_is_over_is_gone() {
    let world = world().await;
    let vault = world.owner().own().expect("a member").vault;
    let mut given = Vec::new();
    // The column that the store sees says nothing about what is sealed.
    for age in [0, 59, 61, 1 << 20] {
        let token = WrappingToken::generate(vault, &mut *entropy());
        let wrapped = Wrapped {
            answer: SecretBytes::from(&b"{}"[..]),
            path: "x".to_owned(),
            created_at: now() - age,
            ttl: 60,
            principal: PrincipalId([1; 16]),
            scopes: Vec::new(),
        };
        let sealed = wrapped.seal(&token, &mut *entropy());
        let waiting = Waiting { id: token.id(), expires: now() + 3600, sealed };
        assert!(keeper(&world).keep_wrapped(&waiting, now()).expect("kept"));
        let verbs = ["lookup", "rewrap", "unwrap"];
        let verb = if age < 60 {
            UNWRAP.to_owned()
        } else {
            format!("/v1/sys/wrapping/{}", verbs[given.len() % 3])
        };
        given.push(world.call("POST", &verb, token.text().expose(), "").await.0);
    }
    assert_eq!(given, [200, 200, 400, 400]);
}

#[tokio::test]
async fn tokens_and_what_was_sent_are_wrapped_as_well() {
    let world = world().await;
    let root = world.root();
    let body = r#"{"policies":["read:app"],"ttl":"1h"}"#;
    let (_, answer) = wrapped(&world, "POST", "/v1/auth/token/create", &root, body).await;
    let (_, made) = unwrap(&world, &wrapping(&answer)).await;
    assert_eq!(answer["wrap_info"]["wrapped_accessor"], made["auth"]["accessor"], "{made}");
    let child = made["auth"]["client_token"].as_str().expect("a token");
    assert_eq!(world.call("GET", DATA, child, "").await.0, 200);
    let login = json!({"role_id": made["auth"]["accessor"], "secret_id": child}).to_string();
    let (_, answer) = wrapped(&world, "PUT", "/v1/auth/approle/login", "", &login).await;
    let (_, logged) = unwrap(&world, &wrapping(&answer)).await;
    assert_eq!(logged["auth"]["client_token"], child);
    let wrap = "/v1/sys/wrapping/wrap";
    let sent = r#"{"a":12345678901234567890123,"b":{"c":"d"}}"#;
    let unasked = "endpoint requires response wrapping to be used";
    refused(&world.call("POST", wrap, child, sent).await, 400, unasked);
    let (_, answer) = wrapped(&world, "POST", wrap, child, sent).await;
    let old = wrapping(&answer);
    let (status, again) = world.call("POST", "/v1/sys/wrapping/rewrap", &old, "").await;
    assert_eq!((status, &again["wrap_info"]["ttl"]), (200, &json!(60)), "{again}");
    assert_eq!(again["wrap_info"]["creation_path"], "sys/wrapping/wrap");
    refused(&unwrap(&world, &old).await, 400, GONE);
    let (_, given) = unwrap(&world, &wrapping(&again)).await;
    assert_eq!(given["data"], serde_json::from_str::<Value>(sent).expect("JSON"));
}

#[tokio::test]
async fn what_is_refused_or_empty_is_not_wrapped() {
    let world = world().await;
    let root = world.root();
    let kept = async |method, at, status| {
        let (found, answer) = wrapped(&world, method, at, &root, "").await;
        assert_eq!(found, status, "{answer}");
        assert!(answer["wrap_info"].is_null(), "{answer}");
    };
    kept("GET", "/v1/secret/data/nope", 404).await;
    kept("GET", "/v1/sys/health", 200).await;
    kept("DELETE", DATA, 204).await;
    assert_eq!(wrapped(&world, "GET", DATA, &world.token("other", false), "").await.0, 403);
    let stranger = text(&crate::world::stranger());
    assert_eq!(wrapped(&world, "POST", "/v1/sys/wrapping/wrap", &stranger, "{}").await.0, 403);
    for (ttl, status) in
        [("0", 200), ("", 200), ("1m0s", 200), ("x", 400), ("-1", 400), ("1.5", 400), ("769h", 400)]
    {
        let at = "/v1/auth/token/lookup-self";
        let found = world.call_with("GET", at, &root, "", &[("x-vault-wrap-ttl", ttl)]).await;
        assert_eq!(found.0, status, "{ttl}: {found:?}");
        assert_eq!(found.1["wrap_info"].is_object(), ttl == "1m0s", "{ttl}: {found:?}");
    }
    let twice = [("x-vault-wrap-ttl", "60"), ("x-vault-wrap-ttl", "0")];
    assert_eq!(world.call_with("GET", DATA, &root, "", &twice).await.0, 400);
    let (_, answer) = wrapped(&world, "GET", "/v1/auth/token/lookup-self", &root, "").await;
    let token = wrapping(&answer);
    assert_eq!(wrapped(&world, "POST", UNWRAP, &token, "").await.0, 400);
    assert_eq!(unwrap(&world, &token).await.0, 200, "that it was refused took nothing");
}

#[tokio::test]
async fn a_wrapped_answer_is_one_use_and_one_that_finds_no_room_is_not_given() {
    let world = world().await;
    let once = text(&world.made("app", false, None, 1));
    let (_, answer) = wrapped(&world, "GET", DATA, &once, "").await;
    assert_eq!(wrapped(&world, "GET", DATA, &once, "").await.0, 403);
    assert_eq!(wrapped(&world, "POST", "/v1/sys/wrapping/wrap", &once, "{}").await.0, 403);
    assert_eq!(unwrap(&world, &wrapping(&answer)).await.0, 200);
    let id = WrappingToken::generate(VaultId([1; 16]), &mut *entropy()).id();
    let sealed = vec![0; usize::try_from(MAX_KEPT).expect("it fits memory")];
    let full = Waiting { id, expires: now() + 60, sealed };
    assert!(keeper(&world).keep_wrapped(&full, now()).expect("kept"));
    let (status, answer) = wrapped(&world, "GET", DATA, &world.root(), "").await;
    assert_eq!(status, 503, "{answer}");
    assert!(!answer.to_string().contains(CANARY));
    // What was done must not look as if it was not: clients send again what fails with 5xx.
    let body = r#"{"data":{"A":"2"}}"#;
    assert_eq!(wrapped(&world, "POST", DATA, &world.root(), body).await.0, 400);
    let (_, answer) = world.call("GET", DATA, &world.root(), "").await;
    assert_eq!(answer["data"]["metadata"]["version"], 2);
}

#[tokio::test]
async fn who_wrapped_what_and_that_it_was_unwrapped_stands_in_the_audit() {
    let world = world().await;
    let who = world.made("app", false, None, 0);
    let (_, answer) = wrapped(&world, "GET", DATA, &text(&who), "").await;
    let mine = || {
        let mut owner = world.owner();
        let mut reader = owner.audit().expect("the audit opens");
        let mine = reader.last(10, &|entry| entry.event.principal == who.id());
        mine.expect("it is read").into_iter().map(|entry| entry.event).collect::<Vec<Event>>()
    };
    let actions = |events: &[Event]| events.iter().map(|it| it.action).collect::<Vec<_>>();
    assert_eq!(actions(&mine()), [Action::Read, Action::Wrap]);
    let token = wrapping(&answer);
    assert_eq!(unwrap(&world, &token).await.0, 200);
    assert_eq!(unwrap(&world, &token).await.0, 400);
    let seen = mine();
    assert_eq!(actions(&seen), [Action::Read, Action::Wrap, Action::Unwrap]);
    let about = |event: &Event| (event.scope, event.revision);
    assert!(seen[0].scope.is_some() && seen.iter().all(|it| about(it) == about(&seen[0])));
}

#[tokio::test]
async fn a_copy_of_the_disk_opens_no_answer() {
    let world = World::new();
    let sent = format!("{{\"password\":\"{CANARY}\"}}");
    let (_, answer) = wrapped(&world, "POST", "/v1/sys/wrapping/wrap", &world.root(), &sent).await;
    let token = wrapping(&answer);
    let folder = world.file().parent().expect("a folder").to_owned();
    let files = fs::read_dir(folder).expect("listed").map(|it| it.expect("listed").path());
    let disk: Vec<u8> = files.flat_map(|file| fs::read(file).expect("read")).collect();
    let holds = |bytes: &[u8]| disk.windows(bytes.len()).any(|window| window == bytes);
    let id = WrappingToken::parse(&token).expect("a token").id();
    assert!(holds(id.as_bytes()), "the search finds what is there");
    for part in [CANARY, "password", "sys/wrapping", &token[7..], &token[60..]] {
        assert!(!holds(part.as_bytes()), "{part}");
    }
    assert_eq!(unwrap(&world, &token).await.0, 200);
}
