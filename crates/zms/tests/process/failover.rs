//! The primary is lost for good under two servers, to which 32 write, and a standby that was waited
//! for takes its place.
//!
//! Half of them speak as `zms` does, to vaults that have an owner each; half as Vault clients, with
//! check-and-set. What both saw has to be explained by one order.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use rand_core::UnwrapErr;
use serde_json::json;
use zms_client::remote::RemoteStore;
use zms_core::address::Address;

use crate::{
    history::{Ended, History, gap, goes_on},
    load,
    opening::start,
    postgres,
    register::{self, Call, Saw, order},
    replica::replica,
    replicas::ask,
    scratch::{Go, Scratch},
    server::{Server, client},
};

/// Vaults that are written to as `zms` does.
const VAULTS: u8 = 4;
/// Environments that are written to as Vault clients do.
const PLACES: usize = 4;
/// Writers of each kind.
const WRITERS: u8 = 16;
/// What allows to make vaults.
const SECRET: &str = "the secret of the failover";
/// Acknowledged writes of each kind before the primary is lost, and after.
const ENOUGH: usize = 100;

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// A vault at a server, as its owner has it.
fn remote(address: &str, number: u8) -> RemoteStore {
    let entropy = || Box::new(UnwrapErr(getrandom::SysRng));
    let address = Address::parse(address).unwrap();
    let owner = load::vault(number).owner;
    RemoteStore::new(address, &owner, now, [entropy(), entropy()]).registering(SECRET)
}

/// Where Vault clients write.
fn place(number: usize) -> String {
    format!("secret/data/default/place{number}")
}

/// A text as a register holds it.
fn held(text: &str) -> register::Value {
    let mut value = [0; 32];
    value[..text.len()].copy_from_slice(text.as_bytes());
    value
}

/// A call of a Vault client, with the version that it was told of.
struct Told {
    place: usize,
    call: Call,
    version: Option<u64>,
}

/// What Vault clients saw.
#[derive(Default)]
struct Seen(Mutex<Vec<Told>>);

impl Seen {
    fn note(&self, place: usize, begun: Instant, saw: Saw, version: Option<u64>) {
        let call = Call { saw, begun, ended: Instant::now() };
        self.0.lock().unwrap().push(Told { place, call, version });
    }

    /// When writes were acknowledged.
    fn acknowledged(&self) -> Vec<Instant> {
        let all = self.0.lock().unwrap();
        let made = all.iter().filter(|it| matches!(it.call.saw, Saw::Swapped { .. }));
        made.map(|it| it.call.ended).collect()
    }
}

/// What a place holds, and its version.
fn read(socket: &Path, token: &str, place_number: usize) -> Option<(String, u64)> {
    let (status, answer) = ask(socket, token, "GET", &place(place_number), "")?;
    let text = answer["data"]["data"]["value"].as_str().filter(|_| status == 200)?;
    Some((text.to_owned(), answer["data"]["metadata"]["version"].as_u64()?))
}

/// Reads a place and puts another value there with check-and-set, again and again.
fn write_as_vault_client(socket: &Path, token: &str, who: u8, seen: &Seen, stop: &AtomicBool) {
    let at = usize::from(who) % PLACES;
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let begun = Instant::now();
        let Some((from, version)) = read(socket, token, at) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        seen.note(at, begun, Saw::Read(held(&from)), Some(version));
        let (begun, to) = (Instant::now(), format!("V{who}_{number}"));
        let body = json!({ "data": { "value": to }, "options": { "cas": version } }).to_string();
        let (from, to) = (held(&from), held(&to));
        match ask(socket, token, "POST", &place(at), &body) {
            Some((200, told)) => {
                seen.note(at, begun, Saw::Swapped { from, to }, told["data"]["version"].as_u64());
            }
            Some((400, _)) => seen.note(at, begun, Saw::Refused { from }, None),
            // A commit whose answer was lost may have been kept.
            Some((503, _)) | None => seen.note(at, begun, Saw::Perhaps { from, to }, None),
            Some(other) => panic!("{other:?}"),
        }
    }
}

/// What Vault clients write to, before they do: a vault with places, and the token for each.
fn places(scratch: &Scratch, address: &str, socket: &Path) -> Vec<String> {
    let mut init = client(scratch, address, &["init"]);
    init.env("ZMS_REGISTRATION", SECRET).go().good();
    let token = |number| {
        let name = format!("place{number}");
        client(scratch, address, &["env", "create", &name]).go().good();
        let words = ["token", "create", &name, "--write", "-e", &name];
        client(scratch, address, &words).go().text().trim().to_owned()
    };
    let tokens: Vec<String> = (0..PLACES).map(token).collect();
    for (number, token) in tokens.iter().enumerate() {
        let made = json!({ "data": { "value": "made" } }).to_string();
        let call = |path: &str, body: &str| ask(socket, token, "POST", path, body).unwrap().0;
        assert_eq!(call(&place(number), &made), 200);
        let all = r#"{"max_versions":100000}"#;
        assert_eq!(call(&place(number).replace("data", "metadata"), all), 204);
    }
    tokens
}

/// Panics unless one order explains what was seen of each place, and what is there.
fn check(seen: Seen, socket: &Path, tokens: &[String]) -> [usize; 4] {
    let mut all: BTreeMap<usize, Vec<Told>> = BTreeMap::new();
    for told in seen.0.into_inner().unwrap() {
        all.entry(told.place).or_default().push(told);
    }
    let mut counts = [0; 4];
    for (at, told) in all {
        let ask = |path: &str| ask(socket, &tokens[at], "GET", path, "").unwrap();
        let mut versions = BTreeMap::new();
        for Told { call, version, .. } in &told {
            counts[match call.saw {
                Saw::Swapped { .. } => 0,
                Saw::Refused { .. } => 1,
                Saw::Perhaps { .. } => 2,
                Saw::Read(_) => 3,
            }] += 1;
            if let Saw::Swapped { to, .. } = call.saw {
                let version = version.expect("it is told");
                assert_eq!(versions.insert(version, to), None, "{version} was given twice");
            }
        }
        for (version, to) in versions {
            let (status, answer) = ask(&format!("{}?version={version}", place(at)));
            let value = answer["data"]["data"]["value"].as_str().map(held);
            assert_eq!((status, value), (200, Some(to)), "version {version} is lost: {answer}");
        }
        let begun = Instant::now();
        let (last, _) = read(socket, &tokens[at], at).unwrap();
        let last = Call { saw: Saw::Read(held(&last)), begun, ended: Instant::now() };
        let calls: Vec<Call> = told.iter().map(|it| it.call).chain([last]).collect();
        let count = calls.len();
        assert!(order(held("made"), calls).is_some(), "no order explains {count} calls");
    }
    counts
}

/// A server over the database of either host.
fn serve(scratch: &Scratch, name: &str, url: &str) -> Server {
    let options = ["--rate-token", "0", "--rate-address", "0"];
    let (mut command, socket) = start(scratch, name, &options);
    command.env("ZMS_DATABASE", url).env("ZMS_REGISTRATION", SECRET);
    Server::of(command, socket)
}

#[test]
fn a_lost_primary_takes_nothing_with_it_that_two_servers_acknowledged_to_32_writers() {
    let primary = postgres::Server::start(&[]);
    let standby = primary.synchronous_standby();
    let url = primary.url_with(&standby, "postgres");
    let scratch = Scratch::empty();
    let servers = ["first", "second"].map(|name| serve(&scratch, name, &url));
    let addresses = servers.each_ref().map(Server::address);
    let sockets: [PathBuf; 2] = servers.each_ref().map(|server| server.socket().to_owned());
    load::make(VAULTS, |number| remote(&addresses[0], number));
    let tokens = places(&scratch, &addresses[0], &sockets[0]);
    let (stop, history, seen) = (AtomicBool::new(false), History::default(), Seen::default());
    let go_on = || {
        goes_on(|| history.acknowledged().len(), ENOUGH)
            && goes_on(|| seen.acknowledged().len(), ENOUGH)
    };
    let (before, promoted, after) = thread::scope(|scope| {
        for who in 0..WRITERS {
            let (stop, history, seen) = (&stop, &history, &seen);
            // Each vault and place is written to through both.
            let at = usize::from(who / VAULTS) % 2;
            let (address, socket) = (&addresses[at], &sockets[at]);
            let token = &tokens[usize::from(who) % PLACES];
            scope.spawn(move || {
                let (vault, name) = (who % VAULTS, format!("W{who}"));
                load::writer(remote(address, vault), vault, &name, stop, history);
            });
            scope.spawn(move || write_as_vault_client(socket, token, who, seen, stop));
        }
        let lost = primary.lose_to(&standby, go_on);
        stop.store(true, Ordering::SeqCst);
        lost
    });
    assert!(before && after, "writes of both kinds are acknowledged, before and after");

    let [zms, vault] = [history.acknowledged(), seen.acknowledged()].map(|it| gap(it, promoted));
    let replica = replica(&standby.url("postgres"));
    history.check(|vault| replica.vault(vault));
    history.check_audit(|vault| replica.vault(vault));
    let count = |ended| history.all().iter().filter(|it| it.outcome == ended).count();
    let of_zms = [Ended::Done, Ended::Lost, Ended::Unknown].map(count);
    let of_vault = check(seen, &sockets[1], &tokens);
    client(&scratch, &addresses[1], &["audit", "verify"]).go().good();
    println!(
        "zms: {of_zms:?} reads and commits done, lost, unknown; none for {:?}, the first {:?} after \
         the promotion",
        zms.0, zms.1
    );
    println!(
        "Vault clients: {of_vault:?} writes done, refused, unknown, and reads; none for {:?}, the \
         first {:?} after the promotion",
        vault.0, vault.1
    );
}
