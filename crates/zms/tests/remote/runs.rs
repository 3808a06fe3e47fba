//! `zms run` with a server: one request, a copy for when it can not be reached, changes as they come.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    thread::sleep,
    time::{Duration, SystemTime},
};

use crate::user::{User, end};

const RUN: &[&str] = &["run", "--", "sh", "-c", "printf %s \"$DATABASE_URL\""];

#[test]
fn a_run_with_a_token_is_one_request() {
    let user = User::with_vault();
    user.proxy.seen();
    assert_eq!(end(&mut user.ci(RUN)).good(), "postgres://canary-value");
    let seen = user.proxy.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].answer.starts_with(b"HTTP/1.1 200"));
    // Where nothing has changed, nothing is sent again.
    assert_eq!(end(&mut user.ci(RUN)).good(), "postgres://canary-value");
    let seen = user.proxy.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].answer.starts_with(b"HTTP/1.1 304"));
    // Each was a read, and the audit says so.
    let reads = user.zms(&["audit", "--token", "ci", "--json"]).good();
    assert_eq!(reads.matches("\"read\"").count(), 4, "{reads}");
    user.feed(&["set", "DATABASE_URL"], "postgres://new").good();
    user.proxy.seen();
    assert_eq!(end(&mut user.ci(RUN)).good(), "postgres://new");
    assert_eq!(user.proxy.seen().len(), 1);
}

#[test]
fn an_address_in_the_token_is_all_that_is_needed() {
    let user = User::with_vault();
    let token = fs::read_to_string(user.path("ci")).unwrap();
    let mut run = user.bare("nothing-here", RUN);
    run.env("ZMS_TOKEN", format!("{}@{}", token.trim(), user.proxy.address));
    assert_eq!(end(&mut run).good(), "postgres://canary-value");
}

fn copy_of(user: &User) -> std::path::PathBuf {
    let pins = user.folder.path().join("ci-home/pins");
    let mut copies = fs::read_dir(pins).unwrap().map(|entry| entry.unwrap().path());
    copies.find(|path| path.extension().is_some_and(|end| end == "copy")).unwrap()
}

#[test]
fn a_copy_is_used_where_asked_for_and_only_where_the_server_can_not_be_reached() {
    let user = User::with_vault();
    end(&mut user.ci(RUN)).good();
    let copy = copy_of(&user);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&copy).unwrap();
    assert!(!bytes.windows(6).any(|six| six == b"canary"), "a copy is ciphertext");
    let stale = [&["run", "--max-stale", "1h"], &RUN[1..]].concat();
    // A server that answers is believed, whatever it says.
    user.proxy.meddle(|_, _| {
        let refusal = b"HTTP/1.1 401 No\r\ncontent-type: application/problem+json\r\n";
        Some([&refusal[..], b"content-length: 2\r\n\r\n{}"].concat())
    });
    end(&mut user.ci(&stale)).refused(4, "refused the caller");
    // One that can not be reached.
    user.proxy.meddle(|_, _| None);
    end(&mut user.ci(RUN)).refused(125, "can not be reached");
    let ended = end(&mut user.ci(&stale));
    assert!(ended.stderr.contains("what it showed") && ended.stderr.contains("no audit"));
    assert_eq!(ended.good(), "postgres://canary-value");
    // An hour and more ago.
    let old = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() - 4000;
    let aged = |at: u64| {
        let mut aged = bytes.clone();
        aged[4..12].copy_from_slice(&at.to_be_bytes());
        aged
    };
    fs::write(&copy, aged(old)).unwrap();
    end(&mut user.ci(&stale)).refused(125, "seconds old");
    // From a clock that went back.
    fs::write(&copy, aged(old + 1_000_000)).unwrap();
    end(&mut user.ci(&stale)).refused(125, "from the future");
    // Damaged anywhere: there is no copy, or it does not open.
    let now = old + 4000;
    for at in (12..bytes.len()).step_by((bytes.len() / 15).max(1)) {
        let mut damaged = aged(now);
        damaged[at] ^= 1;
        fs::write(&copy, damaged).unwrap();
        let ended = end(&mut user.ci(&stale));
        match ended.code {
            0 => assert_eq!(ended.stdout, "postgres://canary-value"),
            code => assert!([6, 125].contains(&code) && ended.stdout.is_empty(), "{at} {code}"),
        }
    }
}

#[test]
fn a_copy_is_not_behind_what_was_seen_and_counts_no_uses() {
    let user = User::with_vault();
    end(&mut user.ci(RUN)).good();
    let copy = copy_of(&user);
    let old = fs::read(&copy).unwrap();
    user.feed(&["set", "DATABASE_URL"], "postgres://new").good();
    end(&mut user.ci(RUN)).good();
    fs::write(&copy, old).unwrap();
    user.proxy.meddle(|_, _| None);
    let stale = [&["run", "--max-stale", "1h"], &RUN[1..]].concat();
    end(&mut user.ci(&stale)).refused(6, "older");
    user.proxy.honest();
    // What is lost on its way back was used all the same.
    let counted = user.zms(&["token", "create", "thrice", "--uses", "3", "-q"]).good();
    user.file("ci", &counted);
    end(&mut user.ci(RUN)).good();
    user.proxy.meddle(|_, _| None);
    let ended = end(&mut user.ci(&stale));
    assert!(ended.code != 0 && ended.stdout.is_empty(), "{}", ended.stderr);
    user.proxy.honest();
    end(&mut user.ci(RUN)).good();
    let ended = end(&mut user.ci(RUN));
    assert_eq!((ended.code, &*ended.stdout), (4, ""), "{}", ended.stderr);
}

#[test]
fn a_program_is_started_anew_when_a_secret_changes_at_the_server() {
    let user = User::with_vault();
    let log = user.path("log");
    let script = format!("echo \"$DATABASE_URL\" >> {}; exec sleep 60", log.display());
    let mut watch = user.ci(&["run", "--watch", "--", "sh", "-c", &script]);
    let mut child = watch.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let lines = |count: usize| {
        for _ in 0..200 {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() >= count {
                return text;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("it was not started {count} times")
    };
    lines(1);
    sleep(Duration::from_millis(500));
    user.proxy.seen();
    // While nothing happens, nothing is asked but to be told.
    sleep(Duration::from_secs(2));
    assert!(user.proxy.seen().is_empty());
    user.feed(&["set", "DATABASE_URL"], "postgres://changed").good();
    assert_eq!(lines(2), "postgres://canary-value\npostgres://changed\n");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    child.wait().unwrap();
}
