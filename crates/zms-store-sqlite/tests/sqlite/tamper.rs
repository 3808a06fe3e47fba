//! A database in which any field holds anything: trouble or another answer, never a panic.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use tempfile::TempDir;
use zms_core::{
    audit::Action,
    bundle::{Trouble, TroubleClass, Wanted},
    id::{PrincipalId, ScopeId},
};
use zms_store::{
    CommitError, Store,
    contract::vault::{Vault, event, put},
};
use zms_store_sqlite::{SqliteStore, schema};

/// A vault with something in every table.
fn made(folder: &TempDir) -> (PathBuf, PrincipalId) {
    let path = folder.path().join("zms.db");
    let mut store = SqliteStore::create(&path).expect("the database is made");
    let mut vault = Vault::written(&mut store);
    let (batch, token) = vault.token(&store, "leaves");
    vault.commit(&mut store, &batch);
    let batch = vault.revoke(&store, token.id());
    vault.commit(&mut store, &batch);
    while let Some(batch) = vault.next_rekey(&store) {
        vault.commit(&mut store, &batch);
    }
    (path, token.id())
}

/// Reads everything, and writes once. Trouble is an answer.
fn use_it(path: &Path, batch: &zms_core::batch::Batch, token: PrincipalId) -> Vec<TroubleClass> {
    let mut classes = Vec::new();
    let mut note = |trouble: Option<Trouble>| classes.extend(trouble.map(|trouble| trouble.class));
    let mut store = match SqliteStore::open(path) {
        Ok(store) => store.expect("it is there"),
        Err(trouble) => return vec![trouble.class],
    };
    let scope = batch.scopes[0].revision.scope;
    match store.bundle() {
        Err(trouble) => note(Some(trouble)),
        Ok(bundle) => {
            for principal in [token, Vault::unmade().owner.id(), PrincipalId([1; 16])] {
                note(bundle.standing(principal).err());
                note(bundle.keyring(principal).err());
                note(bundle.escrow(principal).err());
            }
            note(bundle.vault().err());
            note(bundle.members().err());
            note(bundle.roster().err());
            note(bundle.roster_messages(0).err());
            for scope in [scope, ScopeId([1; 16])] {
                note(bundle.head(scope).err());
                note(bundle.revision_messages(scope, 0).err());
                let records = bundle.records(scope, &Wanted::All);
                let names = records.iter().flatten().map(|record| record.name_index).collect();
                note(bundle.records(scope, &Wanted::Only(names)).err());
                note(records.err());
                note(bundle.children(scope).err());
                note(bundle.past(scope, 2).err());
            }
        }
    }
    note(store.audit_read(0, 0, usize::MAX).err());
    if let Err(CommitError::Trouble(trouble)) = store.commit(batch, &[]) {
        note(Some(trouble));
    }
    note(store.audit_append(&[event(token, Action::Read)]).err());
    classes
}

#[test]
fn no_field_that_holds_anything_makes_it_panic() {
    let folder = TempDir::new().unwrap();
    let (path, token) = made(&folder);
    let store = SqliteStore::open(&path).unwrap().unwrap();
    let batch = Vault::unmade().write(&store, "shop/production", &[put("D", b"four")]);
    drop(store);
    let (mut fields, mut changed) = (0, 0);
    for table in schema() {
        for column in &table.columns {
            for value in
                ["x''", "x'00'", "zeroblob(16)", "zeroblob(64)", "-1", "9223372036854775807"]
            {
                fields += 1;
                let copy = folder.path().join(format!("{fields}.db"));
                fs::copy(&path, &copy).unwrap();
                let raw = Connection::open(&copy).unwrap();
                // What the schema itself refuses is no case.
                let sql = format!("UPDATE OR REPLACE {} SET {column} = {value}", table.name);
                changed += raw.execute(&sql, ()).unwrap_or(0);
                drop(raw);
                for class in use_it(&copy, &batch, token) {
                    let known = matches!(class, TroubleClass::Corrupt | TroubleClass::Other);
                    assert!(known, "{class:?} for {} {column} = {value}", table.name);
                }
            }
        }
    }
    assert!(fields > 200 && changed > 200, "{changed} rows in {fields} fields");
}

#[test]
fn the_schema_names_every_table() {
    let names: Vec<String> = schema().into_iter().map(|table| table.name).collect();
    for expected in ["vault", "roster", "member", "departed", "leaf", "node", "revision", "spent"] {
        assert!(names.iter().any(|name| name == expected), "{expected}");
    }
    for expected in
        ["record", "ended", "child", "past", "audit", "authority", "state", "request", "wrapped"]
    {
        assert!(names.iter().any(|name| name == expected), "{expected}");
    }
    assert_eq!(names.len(), 17);
}
