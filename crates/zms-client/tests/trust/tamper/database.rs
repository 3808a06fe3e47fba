//! Every field of every row of a database file, flipped, swapped with its sibling, and dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, params_from_iter, types::Value};
use tempfile::TempDir;
use zms_client::{Session, TokenRequest, pins::PinFolder};
use zms_core::{
    audit::first_bad,
    change::rekey::Spoiled,
    id::{PrincipalId, VaultId, WrappedId},
    open::{Opening, Reading},
    pin::Pins,
    principal::{Kind, Principal},
    roster::{Limits, Right},
    tree_head::proof_positions,
};
use zms_crypto::Key;
use zms_store::{Keeper, Noted, Request, Store, Waiting};
use zms_store_sqlite::{SqliteStore, schema};

use super::{Reader, Table, binds_readers, full, judge, outcomes, session};
use crate::{
    class::Class,
    world::{NOW, Values, now, path, request, rng, seedling, set_clock, twin, values, write},
};

const AT: &str = "shop/api";

/// A small vault with something in every table, and readers who have seen it grow.
struct Small {
    home: TempDir,
    database: PathBuf,
    vault: VaultId,
    readers: Vec<Reader>,
    /// A token that has left.
    gone: Reader,
    /// Entries of the honest audit.
    entries: usize,
    needs: Needs,
}

/// Which rows the readers need, by how the vault was made. The others may be changed and missed by
/// nobody: a member who neither reads nor wrote what is read, a scope beside the way, a message from
/// before what the oldest pins have seen, a hash in nobody's proof.
struct Needs {
    /// The readers.
    principals: [Vec<u8>; 2],
    /// The scopes from the top down to where they read, each with its newest revision, and with the
    /// one that who is behind has seen.
    way: BTreeMap<Vec<u8>, [i64; 2]>,
    /// The same of the roster.
    roster: [i64; 2],
    /// Hashes of the members' tree that stand in the readers' proofs, by their number.
    nodes: BTreeSet<usize>,
}

/// The newest number of each key in a table, or of all rows under no key.
fn newest(raw: &Connection, key: &str, number: &str, table: &str) -> BTreeMap<Vec<u8>, i64> {
    let sql = format!("SELECT {key}, max({number}) FROM {table} GROUP BY 1");
    let mut select = raw.prepare(&sql).expect("a table");
    let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).expect("rows are read")
}

/// The newest revision of each scope, and version of the roster.
fn seen(database: &Path) -> (BTreeMap<Vec<u8>, i64>, i64) {
    let raw = Connection::open(database).expect("the database opens");
    let roster = newest(&raw, "x''", "version", "roster");
    (newest(&raw, "scope", "revision", "revision"), roster[&Vec::new()])
}

impl Needs {
    fn of(
        database: &Path,
        owner: &Principal,
        token: &Principal,
        behind: &(BTreeMap<Vec<u8>, i64>, i64),
    ) -> Self {
        let store = Small::open(database).expect("the honest one opens");
        let bundle = store.bundle().expect("no trouble");
        let pins = Pins::default();
        let opening = Opening::begin(owner, &*bundle, &pins, now()).expect("it opens");
        let way = opening.way(&path(AT), Reading::Everything).expect("the way opens");
        let (scopes, roster) = seen(database);
        let ends = |id: Vec<u8>| {
            let ends = [scopes[&id], behind.0[&id]];
            (id, ends)
        };
        let principals = [owner, token].map(|who| who.id().0.to_vec());
        let raw = Connection::open(database).expect("the database opens");
        let count = raw.query_row("SELECT count(*) FROM leaf", (), |row| row.get::<_, i64>(0));
        let count = usize::try_from(count.expect("a count")).expect("a small number");
        let proof = |who: &Vec<u8>| {
            let sql = "SELECT at FROM leaf WHERE principal = ?1";
            let at: i64 = raw.query_row(sql, [who], |row| row.get(0)).expect("a member");
            proof_positions(count, usize::try_from(at).expect("a small number"))
        };
        let nodes = principals.iter().flat_map(proof).map(|(_, number)| number).collect();
        let way = way.iter().map(|scope| ends(scope.id().0.to_vec())).collect();
        Self { principals, way, roster: [roster, behind.1], nodes }
    }

    /// Whether some reader needs the field of a row: then nobody may overlook that it was changed.
    fn needs(&self, rows: &Rows, column: usize, row: &[Value], to: Option<&Value>) -> bool {
        let name = rows.columns[column].as_str();
        let of =
            |name: &str| &row[rows.columns.iter().position(|it| it == name).expect("a column")];
        let blob = |name: &str| match of(name) {
            Value::Blob(bytes) => bytes.clone(),
            other => panic!("{name} is {other:?}"),
        };
        let number = |name: &str| match of(name) {
            Value::Integer(number) => *number,
            other => panic!("{name} is {other:?}"),
        };
        // The signature of the newest, and the messages behind what somebody has seen. The number of
        // the newest may grow: it stays the newest.
        let chained = |[newest, behind]: [i64; 2], field: &str, number: i64| match field {
            "signature" => number == newest,
            "revision" | "version" if number == newest => !matches!(to, Some(Value::Integer(_))),
            _ => number == newest || number > behind,
        };
        match rows.table.as_str() {
            "member" | "leaf" => self.principals.contains(&blob("principal")),
            "roster" => chained(self.roster, name, number("version")),
            "revision" => self
                .way
                .get(&blob("scope"))
                .is_some_and(|ends| chained(*ends, name, number("revision"))),
            "record" | "child" => self.way.contains_key(&blob("scope")),
            "node" if name == "hashes" => {
                let before = blob("hashes");
                let Some(Value::Blob(after)) = to else { return true };
                let changed = before.iter().zip(after).position(|(one, other)| one != other);
                changed.is_some_and(|at| self.nodes.contains(&(at / 32)))
            }
            _ => true,
        }
    }
}

struct Maker {
    database: PathBuf,
    pins: PathBuf,
}

impl Maker {
    fn session(&self, who: &Principal) -> Session {
        let store = SqliteStore::open(&self.database).expect("no trouble").expect("it is there");
        let pins = PinFolder::new(self.pins.clone());
        Session::new(Box::new(store), twin(who), pins, now, Box::new(rng()))
    }

    /// Two answers that wait to be unwrapped.
    fn keep_answers(&self) {
        let mut store =
            SqliteStore::open(&self.database).expect("no trouble").expect("it is there");
        for number in [1, 2] {
            let (id, expires) = (WrappedId([number; 16]), NOW + u64::from(number));
            let waiting = Waiting { id, expires, sealed: vec![number; 172] };
            assert!(store.keep_wrapped(&waiting, NOW).expect("kept"));
        }
    }

    /// Two requests that were noted.
    fn note_requests(&self) {
        let mut store =
            SqliteStore::open(&self.database).expect("no trouble").expect("it is there");
        for number in [1, 2] {
            let (principal, mac) = (PrincipalId([number; 16]), [number; 32]);
            let request = Request { principal, mac, good_until: NOW + u64::from(number) };
            let noted = store.note_once(&request, NOW, None, &[]);
            assert_eq!(noted.expect("no trouble"), Noted::Done);
        }
    }

    fn read(&self, who: &Principal) -> Values {
        values(&mut self.session(who), AT).expect("the honest database reads")
    }
}

impl Small {
    fn new() -> Self {
        set_clock(NOW);
        let home = tempfile::tempdir().expect("a scratch folder");
        let (database, pins) = (home.path().join("zms.db"), home.path().join("pins"));
        let mut rng = rng();
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng));
        let vault = VaultId::generate(&mut rng);
        let store = SqliteStore::create(&database).expect("a new database");
        let leaf = |name| seedling(name, vec![]);
        let tree = vec![seedling("shop", vec![leaf("api"), leaf("web")]), leaf("lab")];
        Session::new(
            Box::new(store),
            twin(&owner),
            PinFolder::new(pins.clone()),
            now,
            Box::new(rng),
        )
        .init(vault, tree)
        .expect("a new vault");
        let maker = Maker { database: database.clone(), pins: pins.clone() };
        let mut work = maker.session(&owner);
        let mut set = |at, name, value: &str| {
            write(&mut work, at, name, value.as_bytes()).expect("the owner may write");
        };
        for at in ["shop", "shop/api", "shop/web"] {
            set(at, "WHERE", &format!("first in {at}"));
            set(at, "WHERE", at);
        }
        set("shop", "SHARED", "shop");
        let mut work = maker.session(&owner);
        let token =
            work.create_token(&request("reads", &[(AT, Right::Read, true)])).expect("minted");
        let leaves = work
            .create_token(&request("leaves", &[("shop/web", Right::Write, true)]))
            .expect("minted");
        write(&mut maker.session(&leaves), "shop/web", "ITS", b"own").expect("may write");
        let twice = TokenRequest {
            limits: Limits::of_uses(2),
            ..request("twice", &[(AT, Right::Read, true)])
        };
        maker.read(&work.create_token(&twice).expect("minted"));
        let once = TokenRequest {
            limits: Limits::of_uses(1),
            ..request("once", &[(AT, Right::Read, true)])
        };
        maker.read(&work.create_token(&once).expect("minted"));
        maker.keep_answers();
        maker.note_requests();
        work.revoke(&[leaves.id()]).expect("revoked");
        work.rekey_pending(Spoiled::Report, |_| {}).expect("re-keyed");
        let mut older: Vec<Values> = Vec::new();
        older.push(maker.read(&token));
        maker.read(&owner);
        let mid = home.path().join("mid");
        copy_folder(&pins, &mid);
        let behind = seen(&database);
        for value in ["b", "c"] {
            write(&mut work, "shop/api", "LATER", value.as_bytes()).expect("may write");
            write(&mut work, "shop", "LATER", b"above").expect("may write");
            older.push(maker.read(&token));
            work.create_token(&request(value, &[("shop/api", Right::Write, true)]))
                .expect("minted");
        }
        write(&mut work, "shop/api", "LAST", b"d").expect("may write");
        let truth = maker.read(&token);
        assert_eq!(maker.read(&owner), truth);
        let reader = |name, who: &Principal, pins| Reader {
            name,
            who: twin(who),
            at: AT,
            pins,
            truth: truth.clone(),
            older: older.clone(),
        };
        let readers = vec![
            reader("the owner, new", &owner, None),
            reader("the owner, behind", &owner, Some(mid.clone())),
            reader("the owner, pinned", &owner, Some(pins.clone())),
            reader("the token, new", &token, None),
            reader("the token, behind", &token, Some(mid)),
            reader("the token, pinned", &token, Some(pins)),
        ];
        let gone = Reader { truth: Values::new(), ..reader("the departed", &leaves, None) };
        let store = Self::open(&database).expect("the honest one opens");
        let entries = store.audit_read(0, 0, usize::MAX).expect("no trouble").len();
        let needs = Needs::of(&database, &owner, &token, &behind);
        Self { home, database, vault, readers, gone, entries, needs }
    }

    fn owner(&self) -> &Reader {
        &self.readers[2]
    }

    /// A copy to tamper with, in a folder that goes when it is done with.
    fn copy(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir_in(self.home.path()).expect("a scratch folder");
        let copy = folder.path().join("zms.db");
        std::fs::copy(&self.database, &copy).expect("a database can be copied");
        (folder, copy)
    }

    fn open(path: &Path) -> Result<Box<dyn Store>, Class> {
        let store = SqliteStore::open(path).map_err(|_| Class::Trouble)?;
        Ok(Box::new(store.expect("it is there")))
    }

    /// Judges what all readers meet; whether any of them missed anything.
    fn judged(&self, copy: &Path, column: &str, classes: &BTreeSet<String>, case: &str) -> bool {
        let mut missed = false;
        // What no reader needs is read by two of them.
        let few = if binds_readers(classes) || full() { 0..6 } else { 2..4 };
        for reader in &self.readers[few] {
            for met in outcomes(&|| Self::open(copy), reader, self.home.path()) {
                missed |= met.as_ref() != Ok(&reader.truth);
                judge(column, classes, reader, &met).unwrap_or_else(|why| panic!("{case}: {why}"));
            }
        }
        for met in outcomes(&|| Self::open(copy), &self.gone, self.home.path()) {
            assert!(met.is_err(), "{case}: {column} lets in who has left");
            missed |= met != Err(Class::Departed);
        }
        missed
    }

    /// Whether an administrator is refused the list of members.
    fn administrator_misses(&self, copy: &Path) -> bool {
        let opened = Self::open(copy);
        let tokens = opened.and_then(|store| {
            let mut session = session(store, self.owner(), self.home.path());
            session.tokens().map_err(Class::from)
        });
        tokens.is_err()
    }

    fn audit_misses(&self, copy: &Path) -> bool {
        let read = Self::open(copy)
            .and_then(|store| store.audit_read(0, 0, usize::MAX).map_err(|_| Class::Trouble));
        read.map_or(true, |entries| {
            first_bad(self.vault, &entries).is_some() || entries.len() < self.entries
        })
    }
}

fn copy_folder(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(to).expect("a new folder");
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("an entry");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a file can be copied");
    }
}

/// A connection that does not wait for the disk: what it writes is thrown away.
fn raw(database: &Path) -> Connection {
    let raw = Connection::open(database).expect("a copy opens");
    raw.execute_batch("PRAGMA synchronous = OFF").expect("it is no part of the database");
    raw
}

/// One table of the honest database: its key's columns, and all rows.
struct Rows {
    table: String,
    columns: Vec<String>,
    key: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

fn rows(database: &Path, table: &str, columns: &[String]) -> Rows {
    let raw = Connection::open(database).expect("the database opens");
    let key = columns.iter().enumerate().filter(|(_, column)| {
        let sql = "SELECT pk FROM pragma_table_info(?1) WHERE name = ?2";
        let place: i64 = raw.query_row(sql, [table, column], |row| row.get(0)).expect("a column");
        place > 0
    });
    let key = key.map(|(at, _)| at).collect();
    let mut select = raw.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let width = columns.len();
    let found = select.query_map((), |row| (0..width).map(|at| row.get(at)).collect());
    let rows = found.and_then(Iterator::collect).expect("rows are read");
    Rows { table: table.to_owned(), columns: columns.to_vec(), key, rows }
}

impl Rows {
    fn set(
        &self,
        raw: &Connection,
        row: &[Value],
        column: usize,
        to: &Value,
    ) -> rusqlite::Result<()> {
        let held: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(at, key)| format!("{} = ?{}", self.columns[*key], at + 2))
            .collect();
        let (name, table) = (&self.columns[column], &self.table);
        let sql = format!("UPDATE {table} SET {name} = ?1 WHERE {}", held.join(" AND "));
        let key = self.key.iter().map(|key| &row[*key]);
        let changed = raw.execute(&sql, params_from_iter([to].into_iter().chain(key)))?;
        assert_eq!(changed, 1, "the row is there");
        Ok(())
    }

    fn delete(&self, raw: &Connection, row: &[Value]) {
        let held: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(at, key)| format!("{} = ?{}", self.columns[*key], at + 1))
            .collect();
        let sql = format!("DELETE FROM {} WHERE {}", self.table, held.join(" AND "));
        let changed = raw.execute(&sql, params_from_iter(self.key.iter().map(|key| &row[*key])));
        assert_eq!(changed, Ok(1), "the row is there");
    }

    /// Exchanges one column of two rows.
    fn swap(
        &self,
        raw: &Connection,
        one: usize,
        two: usize,
        column: usize,
    ) -> rusqlite::Result<()> {
        let (left, right) = (&self.rows[one], &self.rows[two]);
        if !self.key.contains(&column) {
            self.set(raw, left, column, &right[column])?;
            return self.set(raw, right, column, &left[column]);
        }
        // A column of the key: both rows go and come back.
        let (mut to_left, mut to_right) = (left.clone(), right.clone());
        std::mem::swap(&mut to_left[column], &mut to_right[column]);
        self.delete(raw, left);
        self.delete(raw, right);
        for row in [to_left, to_right] {
            let places: Vec<String> = (1..=row.len()).map(|at| format!("?{at}")).collect();
            let sql = format!("INSERT INTO {} VALUES ({})", self.table, places.join(", "));
            raw.execute(&sql, params_from_iter(row))?;
        }
        Ok(())
    }
}

/// Whether it is the members' tree: more than a signature, and nothing but hashes.
fn of_hashes(bytes: &[u8]) -> bool {
    bytes.len() > 64 && bytes.len().is_multiple_of(32)
}

fn flipped(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(number) if full() => {
            vec![Value::Integer(number + 1), Value::Integer(number ^ 64)]
        }
        Value::Integer(number) => vec![Value::Integer(number + 1)],
        Value::Blob(bytes) if !bytes.is_empty() => {
            let flip = |at: usize| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at % 8);
                Value::Blob(bytes)
            };
            if full() {
                return (0..bytes.len()).map(flip).collect();
            }
            let mut places = BTreeSet::from([bytes.len() / 2]);
            // Several hashes in a row are each a field.
            places.extend((0..bytes.len()).step_by(32).filter(|_| of_hashes(bytes)));
            places.into_iter().map(flip).collect()
        }
        Value::Null => vec![Value::Blob(vec![7; 16])],
        _ => vec![],
    }
}

/// What came of all cases of one column.
#[derive(Default)]
struct Tally {
    cases: u32,
    refused: u32,
    missed: u32,
    /// Of rows that no reader needs.
    overlooked: u32,
    administrators: u32,
    audits: u32,
}

#[test]
fn every_field_of_a_database_fails_as_the_specification_says() {
    let (small, table) = (Small::new(), Table::read());
    let (_folder, honest) = small.copy();
    let nothing = BTreeSet::new();
    assert!(!small.judged(&honest, "nothing", &nothing, "untouched"), "untouched it reads");
    assert!(!small.administrator_misses(&honest) && !small.audit_misses(&honest));
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for described in schema() {
        let rows = rows(&small.database, &described.name, &described.columns);
        assert!(!rows.rows.is_empty(), "{} holds nothing to tamper with", described.name);
        for (at, name) in rows.columns.iter().enumerate() {
            let column = format!("{}.{name}", rows.table);
            let tally = tallies.entry(column.clone()).or_default();
            let classes = table.of(&column);
            for (number, row) in rows.rows.iter().enumerate() {
                let flips = flipped(&row[at]).into_iter().map(Some);
                let swap = (number + 1 < rows.rows.len() && rows.rows[number + 1][at] != row[at])
                    .then_some(None);
                for change in flips.chain(swap) {
                    let (_folder, copy) = small.copy();
                    let mut raw = raw(&copy);
                    let tx = raw.transaction().expect("nobody else has it");
                    let done = match &change {
                        Some(to) => rows.set(&tx, row, at, to),
                        None => rows.swap(&tx, number, number + 1, at),
                    };
                    tally.cases += 1;
                    if done.and_then(|()| tx.commit()).is_err() {
                        tally.refused += 1;
                        continue;
                    }
                    drop(raw);
                    let case = format!("row {number} {row:?} to {change:?}");
                    // Reading appends to the audit.
                    tally.audits += u32::from(small.audit_misses(&copy));
                    let missed = small.judged(&copy, &column, classes, &case);
                    tally.missed += u32::from(missed);
                    if binds_readers(classes) && !missed {
                        let others = change.is_none().then(|| &rows.rows[number + 1]);
                        let mut both = [Some(row), others].into_iter().flatten();
                        let needed =
                            both.any(|row| small.needs.needs(&rows, at, row, change.as_ref()));
                        assert!(!needed, "{column}: nobody misses {case}");
                        tally.overlooked += 1;
                    }
                    tally.administrators += u32::from(small.administrator_misses(&copy));
                }
            }
        }
        tally_row_deletes(&small, &rows, &table);
    }
    for (column, tally) in &tallies {
        let (classes, done) = (table.of(column), tally.cases - tally.refused);
        assert!(tally.cases > 0, "{column} was not tampered with");
        let has = |class: &str| classes.contains(class);
        assert!(!binds_readers(classes) || tally.missed > 0, "nobody missed {column}");
        let judged = tally.missed + tally.overlooked;
        assert!(!binds_readers(classes) || judged == done, "{column}: {judged} of {done}");
        assert!(!has("refused") || done == 0, "{column} was taken");
        assert!(!has("administrator") || tally.administrators == done, "{column} of a member");
        assert!(!has("audit") || tally.audits == done, "{column} of an entry");
        let quiet = ["engine", "told", "history", "audit", "uses", "wrapped"];
        let quiet = quiet.iter().any(|class| has(class));
        assert!(!quiet || classes.len() > 1 || tally.administrators == 0, "{column}");
    }
    let named: BTreeSet<&String> = tallies.keys().collect();
    let listed: BTreeSet<&String> = table.0.keys().collect();
    assert_eq!(named, listed, "the specification names the columns there are");
}

/// A row that is gone: refused in any way, or not needed; never another value.
fn tally_row_deletes(small: &Small, rows: &Rows, table: &Table) {
    let mut classes: BTreeSet<String> =
        ["integrity", "rolled-back", "unknown", "trouble"].map(str::to_owned).into();
    // Rows that no reader needs are missed by none.
    if !rows
        .columns
        .iter()
        .any(|column| binds_readers(table.of(&format!("{}.{column}", rows.table))))
    {
        classes.clear();
    }
    for (number, row) in rows.rows.iter().enumerate() {
        let (_folder, copy) = small.copy();
        let raw = raw(&copy);
        rows.delete(&raw, row);
        drop(raw);
        let case = format!("row {number} deleted");
        if rows.table == "vault" {
            for reader in &small.readers {
                for met in outcomes(&|| Small::open(&copy), reader, small.home.path()) {
                    assert_eq!(met, Err(Class::NoVault), "{case}");
                }
            }
        } else {
            let missed = small.judged(&copy, &rows.table, &classes, &case);
            // What is needed as a message is needed as a row; any other column would do.
            let column = rows.columns.iter().position(|name| name == "message").unwrap_or(0);
            let needed = || small.needs.needs(rows, column, row, None);
            assert!(
                missed || classes.is_empty() || !needed(),
                "{}: nobody misses {case}",
                rows.table
            );
        }
    }
}
