//! A clock that is wrong by a year: an end is told by it and by nothing else, and no wrong clock
//! makes anything that a right one refuses.

use super::disk::library;
use crate::{
    proxy::{Proxy, forward},
    scratch::{Go, Ran, Scratch},
    server::{Server, client},
};

const YEAR: i64 = 365 * 24 * 60 * 60;

/// The words before a command that give it a clock that is so many seconds ahead.
fn clock(ahead: i64) -> [String; 3] {
    ["env".to_owned(), format!("LD_PRELOAD={}", library().display()), format!("AHEAD={ahead}")]
}

/// The program under such a clock, the owner's or with a token.
fn at(ahead: i64, vault: &Scratch, token: Option<&str>, args: &[&str], input: &str) -> Ran {
    let mut command = vault.under(&clock(ahead), args);
    token.map(|token| command.env("ZMS_TOKEN", token));
    command.feed(input.as_bytes())
}

#[test]
fn a_token_ends_by_the_clock_and_comes_back_with_it() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let month = vault.token(&["month", "--ttl", "30d"]);
    let get = |ahead| at(ahead, &vault, Some(&month), &["get", "A"], "");
    assert_eq!(get(0).text(), "1");
    assert_eq!(get(YEAR / 13).text(), "1");
    for ahead in [YEAR / 12, YEAR] {
        let said = get(ahead).refused(4);
        assert!(said.contains("the token expired on "), "{said}");
    }
    assert_eq!(get(0).text(), "1");
    // One whose time has not come is no such thing: it reads, and what it signs counts as of then.
    assert_eq!(get(-YEAR).text(), "1");
    // Made where the clock is ahead, it ends by that clock too.
    let made = at(YEAR, &vault, None, &["token", "create", "later", "--ttl", "30d"], "").text();
    let later = at(YEAR * 2, &vault, Some(made.trim()), &["get", "A"], "");
    later.refused(4);
    for ahead in [0, YEAR] {
        assert_eq!(at(ahead, &vault, Some(made.trim()), &["get", "A"], "").text(), "1");
    }
}

/// Under the clock of the machine the vault is whole, and gives what was written last.
fn whole(vault: &Scratch, held: &str) {
    assert_eq!(vault.zms(["get", "A"]).go().text(), held);
    vault.zms(["audit", "verify"]).go().good();
}

#[test]
fn what_was_written_under_a_wrong_clock_is_good_under_a_right_one() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "0");
    let writer = vault.token(&["writer", "--write"]);
    let mut number = 0;
    for ahead in [YEAR, -YEAR, 0, YEAR] {
        for token in [None, Some(&*writer)] {
            number += 1;
            let value = number.to_string();
            at(ahead, &vault, token, &["set", "A"], &format!("{value}\n")).good();
            whole(&vault, &value);
        }
        let name = format!("t-{number}");
        let made = at(ahead, &vault, None, &["token", "create", &name, "--write"], "").text();
        // Nothing that a member signs counts from before it was one, wherever it acts.
        number += 1;
        let value = number.to_string();
        let mut set = vault.zms(["set", "A"]);
        set.env("ZMS_TOKEN", made.trim()).feed(format!("{value}\n").as_bytes()).good();
        whole(&vault, &value);
        at(ahead, &vault, None, &["token", "revoke", &name, "--yes"], "").good();
        whole(&vault, &value);
        vault.zms(["get", "A"]).env("ZMS_TOKEN", made.trim()).go().refused(4);
    }
    assert_eq!(vault.json(&["history", "A"])["versions"].as_array().unwrap().len(), number + 1);
    // The vault tells of a clock that is behind what it has seen.
    let doctor = vault.zms(["doctor"]).go();
    let found = String::from_utf8(doctor.stdout).unwrap();
    assert!(found.contains("FAIL  clock") && found.contains("the vault was used on"), "{found}");
    let at_its_time = at(YEAR, &vault, None, &["doctor"], "").text();
    assert!(at_its_time.contains("ok    clock"), "{at_its_time}");
}

/// What was recorded on a wire without TLS is good for a minute, by the server's clock.
#[test]
fn attack_a_request_that_was_recorded_is_sent_again_when_its_time_is_over() {
    let (scratch, proxy) = (Scratch::empty(), Proxy::listen());
    let options = ["--name", &proxy.address.to_string()];
    let server = Server::start(&scratch, &options);
    proxy.to(server.socket().to_owned());
    let address = format!("http://{}", proxy.address);
    let mut init = client(&scratch, &address, &["init"]);
    init.env("ZMS_REGISTRATION", server.code()).go().good();
    client(&scratch, &address, &["set", "A"]).feed(b"1\n").good();
    client(&scratch, &address, &["get", "A"]).go().good();
    client(&scratch, &address, &["audit"]).go().good();
    let seen = proxy.seen();
    let recorded = |begins: &str| {
        let found = seen.iter().rfind(|it| it.request.starts_with(begins.as_bytes()));
        found.unwrap_or_else(|| panic!("no {begins}")).request.clone()
    };
    let requests = [
        "GET /v1/vaults/-/bundle",
        "GET /v1/vaults/-/audit",
        "POST /v1/vaults/-/commits",
        "POST /v1/vaults ",
    ]
    .map(recorded);
    let answered = |server: &Server| {
        requests.each_ref().map(|request| {
            let answer = forward(server.socket(), request).unwrap();
            String::from_utf8_lossy(&answer[9..12]).into_owned()
        })
    };
    // As long as it is good it is a lost answer that is told again, and changes nothing.
    assert_eq!(answered(&server), ["200", "200", "200", "201"]);
    server.kill();
    // One minute, and another that clocks may be apart.
    for (ahead, status) in [(180, "401"), (YEAR, "401"), (-180, "401"), (0, "200")] {
        let server = Server::start_under(&scratch, &clock(ahead), &options);
        let answers = answered(&server);
        assert!(answers[..3].iter().all(|it| it == status), "{ahead}: {answers:?}");
        assert_eq!(answers[3], "401", "its code went with the server that gave it");
        server.kill();
    }
    assert_eq!(client(&scratch, &address, &["get", "A"]).go().code(), 1, "nobody serves");
    let server = Server::start(&scratch, &options);
    assert_eq!(client(&scratch, &address, &["get", "A"]).go().text(), "1");
    server.kill();
}
