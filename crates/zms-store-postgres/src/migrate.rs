//! Schemas, each following the one before. A migration is never edited, only followed.
//!
//! Several replicas may start at once: a row is locked by the one that migrates, and the others
//! find its work done.

use zms_core::bundle::{Trouble, TroubleClass};

use crate::{
    connection::{Connections, Kind, Link},
    retry::Retry,
    trouble::{Fault, trouble},
};

/// What leads from schema number 0, the empty one, to each next.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_vault.sql"),
    include_str!("migrations/0002_wrapped.sql"),
    include_str!("migrations/0003_request.sql"),
];

/// Brings the database to the newest schema. Where it has it already, nothing is written: the role
/// that serves need not be the one that may change the schema.
pub(crate) fn bring_up(connections: &Connections, migrations: &[&str]) -> Result<(), Trouble> {
    let mut retry = Retry::new();
    loop {
        let link = connections.link().map_err(trouble)?;
        match run(&link, migrations) {
            Ok(outcome) => return outcome,
            // Two that make the same table at once: one of them is told so in one of two ways.
            Err(fault) if fault.is_lost_race() || fault.is_taken() || fault.is_there_already() => {
                drop(link);
                if !retry.pause() {
                    return Err(trouble(fault));
                }
            }
            Err(fault) => return Err(trouble(fault)),
        }
    }
}

fn run(link: &Link, migrations: &[&str]) -> Result<Result<(), Trouble>, Fault> {
    let newest = migrations.len() as i64;
    let found = match version(link, "") {
        Err(fault) if fault.is_missing_table() => None,
        found => found?,
    };
    match found {
        Some(found) if found == newest => return Ok(Ok(())),
        Some(found) if found > newest => {
            let what = format!("its schema has number {found}");
            return Ok(Err(Trouble::new(TroubleClass::Newer, what)));
        }
        Some(_) => {}
        None => {
            link.script(
                "CREATE TABLE IF NOT EXISTS zms_schema (
                     one SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL
                 );
                 INSERT INTO zms_schema VALUES (1, 0) ON CONFLICT (one) DO NOTHING",
            )?;
        }
    }
    link.begin(Kind::Migrating)?;
    let found = version(link, "FOR UPDATE")?.unwrap_or(0);
    for migration in migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
        link.script(migration)?;
    }
    link.execute("UPDATE zms_schema SET version = $1 WHERE version < $1", &[&newest])?;
    link.commit()?;
    Ok(Ok(()))
}

/// Nobody has brought it to another schema meanwhile.
pub(crate) async fn is_current(connections: &Connections) -> Result<(), Trouble> {
    let sql = "SELECT version FROM zms_schema WHERE one = 1";
    let found = connections.ask(async |client| {
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, &[]).await?.try_get::<_, i64>(0)?)
    });
    match found.await.map_err(trouble)? {
        found if found == MIGRATIONS.len() as i64 => Ok(()),
        found => Err(Trouble::new(TroubleClass::Schema, format!("its schema has number {found}"))),
    }
}

fn version(link: &Link, lock: &str) -> Result<Option<i64>, Fault> {
    let sql = format!("SELECT version FROM zms_schema WHERE one = 1 {lock}");
    link.one(&sql, &[], |row| Ok(row.try_get(0)?))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use zms_store::{Store, contract::vault::Vault};

    use super::*;
    use crate::{
        Address, Database, Limits,
        testing::{replica, server::Server},
    };

    /// Today's schema in one step, and two that might come.
    const NEXT: &[&str] = &[
        concat!(
            include_str!("migrations/0001_vault.sql"),
            include_str!("migrations/0002_wrapped.sql"),
            include_str!("migrations/0003_request.sql")
        ),
        "CREATE TABLE extra (id BIGINT PRIMARY KEY);",
        "ALTER TABLE extra ADD COLUMN more TEXT; INSERT INTO extra VALUES (7, 'seven');",
    ];

    fn open(url: &str, migrations: &[&str]) -> Result<Database, Trouble> {
        let address = Address::parse(url).expect("it is one");
        let (runtime, name) = (replica::runtime(), replica::name());
        Database::connect_with(&address, Limits::default(), runtime, name, migrations)
    }

    #[test]
    fn an_older_database_is_brought_up_and_a_newer_one_refused() {
        let server = Server::shared();
        let database = server.new_database();
        let url = server.url(&database);
        let store =
            |migrations| Arc::new(open(&url, migrations).unwrap()).vault(Vault::unmade().id);
        Vault::written(&mut store(&NEXT[..1]));
        let scope = Vault::unmade().scope(&store(NEXT), "shop/production");
        assert_eq!(scope.open_records().unwrap().len(), 3);
        assert_eq!(server.sql(&database, "SELECT id, more FROM extra"), "7|seven");
        assert_eq!(server.sql(&database, "SELECT version FROM zms_schema"), "3");
        let Err(trouble) = open(&url, &NEXT[..1]) else {
            panic!("an older program opened a newer database");
        };
        assert_eq!(trouble.class, TroubleClass::Newer);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let server = Server::shared();
        let database = server.new_database();
        let url = server.url(&database);
        let mut store = Arc::new(open(&url, &NEXT[..1]).unwrap()).vault(Vault::unmade().id);
        Vault::written(&mut store);
        let broken = [NEXT[0], NEXT[1], "INSERT INTO extra VALUES ('no number');"];
        assert!(open(&url, &broken).is_err());
        assert_eq!(server.sql(&database, "SELECT version FROM zms_schema"), "1");
        assert_eq!(server.sql(&database, "SELECT to_regclass('extra') IS NULL"), "t");
        assert_eq!(store.audit_read(0, 0, 9).unwrap().len(), 2);
    }

    #[test]
    fn replicas_that_start_at_once_on_an_empty_database_all_find_it_new() {
        let server = Server::shared();
        for _ in 0..3 {
            let database = server.new_database();
            let url = server.url(&database);
            let chains = thread::scope(|scope| {
                let start = || open(&url, NEXT).unwrap_or_else(|it| panic!("{it}: {}", it.source));
                let replicas: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                replicas.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
            });
            let mut chains: Vec<u64> = chains.iter().map(Database::chain).collect();
            chains.sort_unstable();
            assert_eq!(chains, (0..8).collect::<Vec<_>>(), "each has a chain of its own");
            assert_eq!(server.sql(&database, "SELECT count(*) FROM extra"), "1");
        }
    }

    #[test]
    fn a_database_of_something_else_is_left_alone() {
        let server = Server::shared();
        let database = server.new_database();
        server.sql(&database, "CREATE TABLE vault (wine TEXT); INSERT INTO vault VALUES ('1982')");
        let Err(trouble) = open(&server.url(&database), MIGRATIONS) else {
            panic!("somebody's wines were taken for a vault");
        };
        assert_eq!(trouble.class, TroubleClass::Corrupt);
        assert_eq!(server.sql(&database, "SELECT wine FROM vault"), "1982");
    }

    #[test]
    fn a_role_that_may_not_change_the_schema_serves() {
        let server = Server::shared();
        let database = server.new_database();
        let url = server.url(&database);
        drop(open(&url, MIGRATIONS).unwrap());
        server.sql(
            &database,
            "DROP ROLE IF EXISTS servant; CREATE ROLE servant LOGIN;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO servant;",
        );
        let url = url.replace("zms@", "servant@");
        let mut store = Arc::new(open(&url, MIGRATIONS).unwrap()).vault(Vault::unmade().id);
        Vault::written(&mut store);
        let newer = [MIGRATIONS, &["CREATE TABLE extra (id BIGINT PRIMARY KEY);"]].concat();
        assert!(open(&url, &newer).is_err());
    }
}
