//! A database in trouble, as clients of an engine see it.

use std::{net::IpAddr, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use zms_core::audit::Action;
use zms_server::{Limits, Register, Routes, router};
use zms_store::contract::vault::put;

use crate::{
    asked::{Answer, NAME, World, engine_of},
    server::Server,
};

const HASTY: crate::Limits = crate::Limits {
    connections: 4,
    statement: Duration::from_secs(1),
    wait: Duration::from_millis(500),
    stale: Duration::ZERO,
    kept: 1 << 20,
};

async fn ready(router: &Routes) -> StatusCode {
    let mut asked = Request::get("/readyz").header("host", NAME).body(Body::empty()).unwrap();
    asked.extensions_mut().insert(zms_server::Peer { address: None::<IpAddr> });
    router.clone().oneshot(asked).await.unwrap().status()
}

fn refused(answer: &Answer) -> bool {
    let refused = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(!refused || answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
    assert!(!String::from_utf8_lossy(&answer.body).contains("postgres"), "the cause stays here");
    refused
}

/// A vault that was read, on a server that the test may harm.
async fn world() -> (Server, World) {
    let server = tokio::task::spawn_blocking(|| Server::start(&[])).await.unwrap();
    let vaults = crate::on(&server.url("postgres"), HASTY);
    let register = Register::Secret(zms_core::engine::register_key(crate::asked::SECRET));
    let mut world = World::empty();
    world.engine = engine_of(vaults, register, Limits::default());
    world.router = router(&world.engine);
    world.make().await;
    let owner = world.vault.owner.duplicate();
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    world.commits(&batch, Action::Write).await;
    assert_eq!(world.bundle(&owner, "").await.status, StatusCode::OK);
    (server, world)
}

async fn all_refused(world: &mut World) {
    let owner = world.vault.owner.duplicate();
    let begun = Instant::now();
    assert!(refused(&world.bundle(&owner, "").await), "also what is at hand: it can not be noted");
    assert!(refused(&world.bundle(&owner, "records=none").await), "it may be old");
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"two")]);
    assert!(refused(&world.commit(&owner, &batch, Action::Write).await));
    // What was seen of it may be a second old.
    while ready(&world.router).await != StatusCode::SERVICE_UNAVAILABLE {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

async fn recovered(world: &mut World) {
    let owner = world.vault.owner.duplicate();
    let begun = Instant::now();
    while ready(&world.router).await != StatusCode::OK {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not ready again");
        sleep(Duration::from_millis(100)).await;
    }
    let answer = world.bundle(&owner, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn a_database_that_is_gone_and_comes_back() {
    let (mut server, mut world) = world().await;
    assert_eq!(ready(&world.router).await, StatusCode::OK);
    server.kill();
    all_refused(&mut world).await;
    server = tokio::task::spawn_blocking(move || {
        server.restart(&[]);
        server
    })
    .await
    .unwrap();
    recovered(&mut world).await;
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"three")]);
    world.commits(&batch, Action::Write).await;
    drop(server);
}

#[tokio::test]
async fn a_database_that_hangs_and_goes_on() {
    let (server, mut world) = world().await;
    server.hang();
    all_refused(&mut world).await;
    server.wake();
    recovered(&mut world).await;
}

#[tokio::test]
async fn tables_that_are_another_versions() {
    let (server, world) = world().await;
    server.sql("postgres", "ALTER TABLE audit RENAME TO audited");
    let owner = world.vault.owner.duplicate();
    assert!(refused(&world.bundle(&owner, "").await));
    server.sql("postgres", "ALTER TABLE audited RENAME TO audit");
    assert_eq!(world.bundle(&owner, "").await.status, StatusCode::OK);
}
