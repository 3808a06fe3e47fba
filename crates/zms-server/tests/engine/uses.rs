//! Tokens that may be used so many times.

use axum::http::StatusCode;
use zms_core::{
    audit::{Action, Outcome},
    change::token::{Grant, NewToken, TokenKind, create},
    engine::path,
    open::Reading,
    path::{ScopePath, Segment},
    principal::Principal,
    roster::Limits,
};
use zms_store::contract::vault::{NOW, put};

use crate::{asked::World, audit::read};

async fn limited(world: &mut World, uses: u32) -> Principal {
    held_to(world, "few", Limits::of_uses(uses), None).await
}

async fn held_to(
    world: &mut World,
    label: &str,
    limits: Limits,
    expires: Option<u64>,
) -> Principal {
    let twin = &world.twin;
    let (batch, token) = world.vault.opened(twin, |opening, rng| {
        let way =
            opening.way(&ScopePath::parse("shop/production").unwrap(), Reading::Last).unwrap();
        let new = NewToken {
            label: Segment::parse(label).unwrap(),
            kind: TokenKind::Service,
            grants: vec![Grant { way: &way, write: false, inherit: true }],
            expires,
            limits,
        };
        create(opening, &new, rng).unwrap()
    });
    world.commits(&batch, Action::Grant).await;
    token
}

#[tokio::test]
async fn attack_uses_taken_at_once() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let target = path::bundle(world.named());
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let (sent, router) = (world.request(&token, "GET", &target), world.router.clone());
            tokio::spawn(async move { sent.to(&router).await })
        })
        .collect();
    let mut served = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::OK => served += 1,
            _ => assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "used".into())),
        }
    }
    assert_eq!(served, 1);
    let denied = read(&world).await.into_iter().filter(|it| it.event.outcome == Outcome::Denied);
    assert_eq!(denied.count(), 49);
}

#[tokio::test]
async fn the_same_request_again_takes_no_use() {
    let mut world = World::made().await;
    let token = limited(&mut world, 2).await;
    let target = path::bundle(world.named());
    let sent = |nonce| {
        let (key, at) = (token.request_key(), NOW);
        crate::asked::signed(token.id(), &key, "GET", &target, &[], at, nonce).to(&world.router)
    };
    let first = sent(7).await;
    for _ in 0..3 {
        assert_eq!(sent(7).await.body, first.body);
    }
    assert_eq!(sent(8).await.status, StatusCode::OK);
    assert_eq!(sent(9).await.code(), "used");
    assert_eq!(sent(7).await.status, StatusCode::OK);
    // What shows no record is no use.
    assert_eq!(world.bundle(&token, "records=none").await.status, StatusCode::OK);
}

/// A server that took a use and whose answer was lost may be gone.
#[tokio::test]
async fn the_same_request_again_takes_no_use_at_another_server_either() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let beside = world.server_beside(zms_server::Register::Nobody);
    let target = path::bundle(world.named());
    let sent = |nonce| {
        let (key, at) = (token.request_key(), NOW);
        crate::asked::signed(token.id(), &key, "GET", &target, &[], at, nonce)
    };
    assert_eq!(sent(7).to(&world.router).await.status, StatusCode::OK);
    assert_eq!(sent(7).to(&beside).await.status, StatusCode::OK);
    assert_eq!(sent(8).to(&beside).await.code(), "used");
}

/// What a commit is made from may be had without a use.
#[tokio::test]
async fn attack_a_token_without_uses_left_commits() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    // Not its own change, but the use is taken before that is found out.
    let first = world.commit(&token, &batch, Action::Write).await;
    assert_eq!((first.status, first.code()), (StatusCode::FORBIDDEN, "denied".into()));
    let second = world.commit(&token, &batch, Action::Write).await;
    assert_eq!((second.status, second.code()), (StatusCode::FORBIDDEN, "used".into()));
    assert_eq!(world.bundle(&token, "").await.code(), "used");
    let last = read(&world).await.into_iter().rev().find(|it| it.event.principal == token.id());
    assert_eq!(last.map(|it| it.event.outcome), Some(Outcome::Denied));
}

#[tokio::test]
async fn attack_a_token_comes_from_elsewhere_or_too_late() {
    let mut world = World::made().await;
    let here = |ranges: &[&str]| Limits {
        addresses: ranges.iter().map(|range| (*range).to_owned()).collect(),
        uses: 0,
    };
    // Who asks comes from 192.0.2.1, and the clock stands still.
    for (label, limits, expires, refused) in [
        ("near", here(&["198.51.100.0/24", "192.0.2.0/24"]), None, None),
        ("far", here(&["198.51.100.0/24", "2001:db8::/32"]), None, Some("address")),
        ("unread", here(&["no range"]), None, Some("address")),
        ("in-time", Limits::default(), Some(NOW), None),
        ("late", Limits::default(), Some(NOW - 1), Some("expired")),
    ] {
        let token = held_to(&mut world, label, limits, expires).await;
        let before = read(&world).await.len();
        let answer = world.bundle(&token, "").await;
        match refused {
            None => assert_eq!(answer.status, StatusCode::OK, "{label}"),
            Some(code) => {
                assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, code));
                let noted = read(&world).await.split_off(before);
                assert!(noted.iter().any(|it| it.event.outcome == Outcome::Denied), "{label}");
            }
        }
    }
}
