//! Who may make vaults.

use std::sync::Arc;

use axum::http::StatusCode;
use zms_core::{
    bundle::Bundle,
    engine::{path, register_key},
};
use zms_server::{
    Limits, Once, Register, router,
    vaults::{Folder, Vaults},
};
use zms_store::contract::vault::{NOW, Vault};

use crate::asked::{SECRET, World, engine_of, signed};

#[tokio::test]
async fn who_has_the_secret_makes_a_vault_that_opens() {
    let mut world = World::empty();
    let batch = world.vault.init();
    for wrong in ["", "another secret"] {
        let answer = world.register(&batch, wrong).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "unauthenticated".into())
        );
    }
    assert!(!world.folder.path().join("zms.db").exists());
    let answer = world.register(&batch, SECRET).await;
    assert_eq!((answer.status, answer.commits()), (StatusCode::CREATED, 1));
    let packed = world.bundle(&world.vault.owner, "").await.packed();
    assert_eq!(packed.vault().unwrap(), Some(world.vault.id));
    // Whoever lost the answer asks again.
    assert_eq!(world.register(&batch, SECRET).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_vault_is_made_once_and_nothing_is_left_of_what_is_refused() {
    let mut world = World::empty();
    let mut wrong = world.vault.init();
    wrong.members.clear();
    let answer = world.register(&wrong, SECRET).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "refused".into()));
    let left = std::fs::read_dir(world.folder.path()).unwrap().count();
    assert_eq!(left, 0, "what was refused left something");
    world.make().await;
    let mut other = Vault::unmade();
    other.id.0[0] ^= 1;
    let batch = other.init();
    let answer = world.register(&batch, SECRET).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "exists".into()));
}

#[tokio::test]
async fn a_code_is_good_for_one_vault() {
    let once = Register::Once(Once::new(register_key("a code")));
    let mut world = World::with(once, Limits::default());
    let mut wrong = world.vault.init();
    wrong.members.clear();
    assert_eq!(world.register(&wrong, "a code").await.status, StatusCode::FORBIDDEN);
    let batch = world.vault.init();
    assert_eq!(world.register(&batch, "a code").await.status, StatusCode::CREATED);
    // Whoever lost the answer asks again, and nobody asks for another vault.
    assert_eq!(world.register(&batch, "a code").await.status, StatusCode::CREATED);
    let mut other = Vault::unmade();
    other.id.0[0] ^= 1;
    let batch = other.init();
    assert_eq!(world.register(&batch, "a code").await.status, StatusCode::UNAUTHORIZED);
}

/// Each of several servers over an empty database prints one, as it can not know of the others.
#[tokio::test]
async fn of_the_codes_of_several_servers_one_makes_a_vault() {
    let code = |code: &str| Register::Once(Once::new(register_key(code)));
    let mut world = World::with(code("a code"), Limits::default());
    let second = world.server_beside(code("another code"));
    let batch = world.vault.init();
    assert_eq!(world.register(&batch, "a code").await.status, StatusCode::CREATED);
    world.router = second;
    let mut other = Vault::unmade();
    other.id.0[0] ^= 1;
    let refused = world.register(&other.init(), "another code").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_makes_a_vault_where_nobody_may() {
    let mut world = World::with(Register::Nobody, Limits::default());
    let batch = world.vault.init();
    assert_eq!(world.register(&batch, SECRET).await.code(), "unauthenticated");
    // Not even whoever guesses what strangers are checked with.
    let blind = zms_crypto::Key::from_bytes(&[0; 32]);
    let sent = signed(world.vault.owner.id(), &blind, "POST", path::VAULTS, b"x", NOW, 1);
    assert_eq!(sent.to(&world.router).await.code(), "unauthenticated");
}

/// Whoever makes a vault names its members, and no one asks them.
#[tokio::test]
async fn attack_another_vault_names_the_owner_of_this_one() {
    let mut world = World::empty();
    let folder = Arc::new(Folder::new(world.folder.path().to_owned()));
    let register = Register::Secret(register_key(SECRET));
    world.router = router(&engine_of(folder.clone(), register, Limits::default()));
    world.make().await;
    folder.joined(zms_core::id::VaultId([9; 16]), &[world.vault.owner.id()]);
    let owner = world.vault.owner.duplicate();
    let answer = world.get(&owner, &path::bundle(path::Named::Own)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.packed().vault().unwrap(), Some(world.vault.id));
}
