//! Who records what goes over a wire without TLS.

use crate::{
    mark::Mark,
    proxy::{Exchange, body_of, forward},
    user::{User, end},
};

#[test]
fn attack_a_recording_holds_no_secret_no_name_and_nothing_that_opens() {
    let user = User::with_vault();
    user.zms(&["env", "create", "canary-place"]).good();
    user.zms(&["token", "create", "canary-label"]).good();
    end(&mut user.ci(&["get", "API_KEY"])).good();
    end(&mut user.ci(&["run", "--", "true"])).good();
    user.zms(&["ls"]).good();
    user.zms(&["history", "API_KEY"]).good();
    user.zms(&["audit"]).good();
    let seen = user.proxy.seen();
    assert!(seen.len() > 20, "{}", seen.len());
    let all: Vec<u8> = seen.iter().flat_map(|it| [&it.request[..], &it.answer].concat()).collect();
    // The search finds what is there.
    assert!(Mark::new("a path", "/v1/vaults/-/bundle".to_owned()).is_in(&all));
    let token = std::fs::read_to_string(user.path("ci")).unwrap();
    let secrets = [
        "postgres://canary-value",
        "canary-key",
        "DATABASE_URL",
        "API_KEY",
        "canary-place",
        "canary-label",
        "development",
        "default",
        "owner",
        token.trim(),
    ];
    for secret in secrets {
        assert!(!Mark::new("a secret", secret.to_owned()).is_in(&all), "{secret} was sent");
    }
    for header in ["authorization:", "cookie:", "bearer"] {
        let lower = String::from_utf8_lossy(&all).to_ascii_lowercase();
        assert!(!lower.contains(header), "{header}");
    }
}

/// The status of an answer.
fn status(answer: &[u8]) -> String {
    String::from_utf8_lossy(&answer[9..12]).into_owned()
}

#[test]
fn attack_a_request_that_was_recorded_is_good_for_nothing() {
    let user = User::with_vault();
    let engine = user.server.socket();
    user.proxy.seen();
    user.feed(&["set", "ONE"], "1").good();
    user.feed(&["set", "TWO"], "2").good();
    let seen = user.proxy.seen();
    let commit: Vec<&Exchange> =
        seen.iter().filter(|it| it.request.starts_with(b"POST /v1/vaults/-/commits")).collect();
    let bundle = seen.iter().find(|it| it.request.starts_with(b"GET /v1/vaults/-/bundle")).unwrap();
    // A write that is replayed is there already, or lost its race: it changes nothing.
    let before = user.zms(&["log", "--json"]).good();
    for recorded in &commit {
        let answer = forward(&engine, &recorded.request).unwrap();
        assert!(["200", "409"].contains(&&*status(&answer)), "{}", status(&answer));
    }
    assert_eq!(user.zms(&["log", "--json"]).good(), before);
    // A read that is replayed gives ciphertext that was seen before, or what it became.
    assert_eq!(status(&forward(&engine, &bundle.request).unwrap()), "200");
    // Any part that is altered, and it is refused.
    let text = |request: &[u8]| String::from_utf8_lossy(request).into_owned();
    let good = text(&bundle.request);
    let edits = [
        ("/bundle?", "/bundle?at=1&"),
        ("records=none", "past=1"),
        ("GET ", "PUT "),
        ("/bundle", "/audit/chains"),
        ("created=1", "created=2"),
        ("expires=1", "expires=2"),
        ("nonce=\"", "nonce=\"0"),
        ("keyid=\"", "keyid=\"0"),
        ("sha-256=:", "sha-256=:A"),
        ("signature: zms=:", "signature: zms=:A"),
    ];
    for (from, to) in edits {
        let altered = good.replacen(from, to, 1);
        assert_ne!(altered, good, "{from}");
        let answer = forward(&engine, altered.as_bytes()).unwrap();
        assert!(["400", "401", "405"].contains(&&*status(&answer)), "{from}: {}", status(&answer));
    }
    // Another body under the same signature.
    let commit = commit.first().unwrap();
    let mut altered = commit.request.clone();
    let at = body_of(&altered) + 40;
    altered[at] ^= 1;
    assert_eq!(status(&forward(&engine, &altered).unwrap()), "401");
}
