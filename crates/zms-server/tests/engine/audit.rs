//! The audit, as clients write and read it.

use axum::http::StatusCode;
use zms_core::{
    audit::{Action, Entry, Event, Outcome, first_bad},
    engine::{MAX_EVENTS, decode_chains, decode_entries, encode_events, path},
    id::ScopeId,
};
use zms_server::Register;
use zms_store::contract::vault::NOW;

use crate::asked::World;

/// All entries, read as the owner.
pub async fn read(world: &World) -> Vec<Entry> {
    let target = format!("{}?chain=0&after=0&limit=10000", path::audit(world.named()));
    let answer = world.get(&world.vault.owner, &target).await;
    assert_eq!(answer.status, StatusCode::OK);
    decode_entries(&answer.body, 0).expect("a list of entries")
}

#[tokio::test]
async fn entries_are_the_callers_and_of_now_whatever_it_says() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let event = Event {
        time: 1,
        principal: world.vault.owner.id(),
        action: Action::Expose,
        scope: Some(ScopeId([7; 16])),
        revision: 9,
        outcome: Outcome::Integrity,
    };
    let target = path::audit(world.named());
    let body = encode_events(std::slice::from_ref(&event));
    let answer = world.request_with(&token, "POST", &target, &body).to(&world.router).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    let entries = read(&world).await;
    assert_eq!(first_bad(world.vault.id, &entries), None);
    let last = entries.last().expect("it was noted");
    assert_eq!(last.event, Event { time: NOW, principal: token.id(), ..event });
    let chains = world.get(&world.vault.owner, &path::audit_chains(world.named())).await;
    assert_eq!(decode_chains(&chains.body), Ok(vec![(0, last.seq)]));
}

#[tokio::test]
async fn attack_entries_that_were_captured_are_handed_in_again() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let event = Event {
        time: NOW,
        principal: token.id(),
        action: Action::Bundle,
        scope: None,
        revision: 0,
        outcome: Outcome::Done,
    };
    let (target, body) = (path::audit(world.named()), encode_events(&[event]));
    let captured = || {
        let key = token.request_key();
        crate::asked::signed(token.id(), &key, "POST", &target, &body, NOW, 7)
    };
    let before = read(&world).await.len();
    let beside = world.server_beside(Register::Nobody);
    for router in [&world.router, &world.router, &beside] {
        // Whoever lost the answer is told the same as who steals the request.
        assert_eq!(captured().to(router).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(read(&world).await.len(), before + 1);
}

#[tokio::test]
async fn only_administrators_read_it_and_who_tries_is_noted() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let before = read(&world).await.len();
    let page = format!("{}?chain=0&after=0&limit=1", path::audit(world.named()));
    for target in [page, path::audit_chains(world.named())] {
        let answer = world.get(&token, &target).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "denied".into()));
    }
    let noted = read(&world).await.split_off(before);
    assert_eq!(noted.len(), 2);
    assert!(
        noted
            .iter()
            .all(|it| { it.event.principal == token.id() && it.event.outcome == Outcome::Denied })
    );
}

#[tokio::test]
async fn a_list_that_is_none_is_refused_and_changes_nothing() {
    let world = World::made().await;
    let before = read(&world).await;
    let target = path::audit(world.named());
    for body in [&b"\x81\x84\x18\x63\xf6\x00\x01"[..], b"\x81", b"no list"] {
        let sent = world.request_with(&world.vault.owner, "POST", &target, body);
        let answer = sent.to(&world.router).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "malformed".into()));
    }
    assert_eq!(read(&world).await, before);
}

#[tokio::test]
async fn attack_more_entries_than_are_taken_at_once() {
    let world = World::made().await;
    let (before, target) = (read(&world).await, path::audit(world.named()));
    let event = zms_store::contract::vault::event(world.vault.owner.id(), Action::Bundle);
    let events = vec![event; MAX_EVENTS + 1];
    let hand_in = async |events: &[Event]| {
        let body = encode_events(events);
        world.request_with(&world.vault.owner, "POST", &target, &body).to(&world.router).await
    };
    let answer = hand_in(&events).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::PAYLOAD_TOO_LARGE, "too-many".into()));
    assert_eq!(read(&world).await, before);
    assert_eq!(hand_in(&events[1..]).await.status, StatusCode::NO_CONTENT);
}
