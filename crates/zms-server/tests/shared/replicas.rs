//! Engines that know nothing of each other but their database.

use std::{fs, time::Duration};

use axum::http::{StatusCode, header};
use tokio::time::{Instant, sleep, timeout};
use zms_core::{audit::Action, engine::path};
use zms_server::{Limits, Register, router};
use zms_store::contract::vault::put;

use crate::asked::{World, engine_of};

/// Another engine on the same database.
fn beside(world: &World) -> axum::Router {
    let url = fs::read_to_string(world.folder.path().join("url")).unwrap();
    let vaults = crate::on(&url, crate::Limits { connections: 4, ..crate::Limits::default() });
    router(&engine_of(vaults, Register::Nobody, Limits::default()))
}

#[tokio::test]
async fn what_one_engine_keeps_every_other_one_shows_at_once() {
    let mut world = World::made().await;
    let others = [beside(&world), beside(&world)];
    let owner = world.vault.owner.duplicate();
    let target = path::bundle(world.named());
    let mut etags = Vec::new();
    for round in 1..10 {
        let value = format!("{round}");
        let batch =
            world.vault.write(&world.twin, "shop/production", &[put("A", value.as_bytes())]);
        let commits = world.commits(&batch, Action::Write).await.commits();
        for other in &others {
            let answer = world.request(&owner, "GET", &target).to(other).await;
            assert_eq!((answer.status, answer.commits()), (StatusCode::OK, commits));
            // Both made it, and it is the same.
            let etag = answer.headers[header::ETAG].clone();
            let own = world.get(&owner, &target).await;
            assert_eq!((&own.headers[header::ETAG], &own.body), (&etag, &answer.body));
            let asked = world.request(&owner, "GET", &target);
            let asked = asked.with("if-none-match", etag.to_str().unwrap());
            assert_eq!(asked.to(other).await.status, StatusCode::NOT_MODIFIED);
            assert!(etags.last() != Some(&(round - 1, etag.clone())), "it is another state");
            etags.push((round, etag));
        }
    }
}

#[tokio::test]
async fn a_token_that_one_engine_takes_out_is_refused_by_every_other_one() {
    let mut world = World::made().await;
    let token = world.token("leaves").await;
    let other = beside(&world);
    let target = path::bundle(world.named());
    let before = world.request(&token, "GET", &target).to(&other).await;
    assert_eq!(before.status, StatusCode::OK);
    let batch = world.vault.revoke(&world.twin, token.id());
    world.commits(&batch, Action::Revoke).await;
    let after = world.request(&token, "GET", &target).to(&other).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_waits_at_one_engine_hears_of_what_another_keeps() {
    let mut world = World::made().await;
    let other = beside(&world);
    let owner = world.vault.owner.duplicate();
    for commits in 1..4 {
        let target = format!("{}?after={commits}&wait=50", path::changes(world.named()));
        let waits = world.request(&owner, "GET", &target);
        let router = other.clone();
        let waiting = tokio::spawn(async move { waits.to(&router).await });
        sleep(Duration::from_millis(200)).await;
        let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"x")]);
        world.commits(&batch, Action::Write).await;
        let begun = Instant::now();
        let answer = timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
        assert_eq!((answer.status, answer.commits()), (StatusCode::OK, commits + 1));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
