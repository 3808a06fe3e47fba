//! A server that is not honest: the client ends in the right error, never in a wrong value.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rusqlite::Connection;

use crate::{
    proxy::{asks_for_a_bundle, body_of},
    user::{User, end},
};

const GET: &[&str] = &["get", "DATABASE_URL", "-q"];
const VALUE: &str = "postgres://canary-value";

/// What a client may end in whatever it is told: the value that is there, or nothing and an error.
#[track_caller]
fn right_or_nothing(ended: &crate::user::Ended) -> i32 {
    match ended.code {
        0 => assert_eq!(ended.stdout, VALUE),
        _ => assert_eq!(ended.stdout, "", "{}", ended.stderr),
    }
    ended.code
}

#[test]
fn attack_every_kind_of_byte_of_an_answer_is_changed() {
    let user = User::with_vault();
    assert_eq!(end(&mut user.ci(GET)).good(), VALUE);
    let answer = user.proxy.seen().into_iter().rfind(|it| asks_for_a_bundle(&it.request)).unwrap();
    let start = body_of(&answer.answer);
    let length = answer.answer.len() - start;
    let (mut refused, step) = (0, (length / 40).max(1));
    for at in (0..length).step_by(step) {
        user.proxy.meddle(move |request, mut answer| {
            if asks_for_a_bundle(request) && answer.len() == start + length {
                answer[start + at] ^= 1;
            }
            Some(answer)
        });
        let mut get = user.ci(GET);
        // A home without what it saw before: there is nothing but the answer.
        get.env("ZMS_HOME", user.path(&format!("fresh-{at}")));
        let code = right_or_nothing(&end(&mut get));
        assert!([0, 1, 4, 6].contains(&code), "{at}: {code}");
        refused += usize::from(code == 6);
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn attack_an_answer_is_cut_anywhere() {
    let user = User::with_vault();
    end(&mut user.ci(GET)).good();
    for part in 1..20 {
        let cut = move |_: &[u8], mut answer: Vec<u8>| {
            let body = body_of(&answer);
            let length = answer.len() - body;
            let head = String::from_utf8_lossy(&answer[..body]).into_owned();
            let kept = length * part / 20;
            let head = head
                .replace(&format!("content-length: {length}"), &format!("content-length: {kept}"));
            answer = [head.as_bytes(), &answer[body..body + kept]].concat();
            Some(answer)
        };
        user.proxy.meddle(cut);
        let code = right_or_nothing(&end(&mut user.ci(GET)));
        assert_eq!(code, 6, "cut at {part}/20 of the body");
    }
    user.proxy.meddle(|_, _| None);
    end(&mut user.ci(GET)).refused(1, "the server can not be reached");
}

#[test]
fn attack_an_older_state_is_shown_again() {
    let user = User::with_vault();
    end(&mut user.ci(GET)).good();
    let old = user.proxy.seen().into_iter().rfind(|it| asks_for_a_bundle(&it.request)).unwrap();
    user.feed(&["set", "DATABASE_URL"], "postgres://newer").good();
    assert_eq!(end(&mut user.ci(GET)).good(), "postgres://newer");
    // What was answered before, to the same question: genuine, and behind what was seen.
    let replayed = old.answer;
    user.proxy.meddle(move |request, answer| {
        Some(if asks_for_a_bundle(request) { replayed.clone() } else { answer })
    });
    end(&mut user.ci(GET)).refused(6, "older");
    // Who has seen nothing can be shown it: that is the limit, and it is a genuine state.
    let mut first = user.ci(GET);
    first.env("ZMS_HOME", user.path("never"));
    assert_eq!(end(&mut first).good(), VALUE);
}

#[test]
fn attack_a_branch_overtakes_what_was_seen() {
    let user = User::with_vault();
    // The branch: a copy of the engine's database, in which others go on.
    let other = User::new();
    user.copy_to(&other);
    for round in 0..3 {
        let mut command = user.command(&["set", "BRANCH"]);
        command.env("ZMS_SERVER", other.address());
        // The owner's own home has seen only the trunk: it writes on the branch from a copy.
        command.env("ZMS_HOME", user.folder.path().join("twin"));
        if round == 0 {
            let copied = std::process::Command::new("cp")
                .arg("-a")
                .arg(user.folder.path().join("home"))
                .arg(user.folder.path().join("twin"))
                .status();
            assert!(copied.unwrap().success());
        }
        crate::user::fed(&mut command, &format!("branch {round}")).good();
    }
    user.feed(&["set", "DATABASE_URL"], "postgres://trunk").good();
    assert_eq!(end(&mut user.ci(GET)).good(), "postgres://trunk");
    // Higher numbers, another line of history.
    let mut command = user.ci(GET);
    command.env("ZMS_SERVER", other.address());
    end(&mut command).refused(6, "older");
}

#[test]
fn attack_rows_of_the_server_are_swapped_dropped_and_put_in() {
    let edits: [(&str, &str, i32); 7] = [
        (
            "a record is gone",
            "DELETE FROM record WHERE name_index = (SELECT max(name_index) FROM record)",
            6,
        ),
        (
            "two records have each other's content",
            "UPDATE record SET envelope = (SELECT other.envelope FROM record other WHERE \
             other.scope = record.scope AND other.name_index <> record.name_index), hash = \
             (SELECT other.hash FROM record other WHERE other.scope = record.scope AND \
             other.name_index <> record.name_index)",
            6,
        ),
        ("a record says it is of another revision", "UPDATE record SET rev_from = rev_from + 1", 6),
        // Who holds the key of a scope needs none to get there.
        ("the child entries are gone", "DELETE FROM child", 0),
        (
            "each member has another's keyring",
            "WITH before AS MATERIALIZED (SELECT principal, keyring FROM member) \
             UPDATE member SET keyring = (SELECT before.keyring FROM before WHERE \
             before.principal <> member.principal)",
            6,
        ),
        ("another authority signs", "UPDATE authority SET vk = zeroblob(32)", 0),
        ("the roster is another", "UPDATE roster SET signature = zeroblob(64)", 6),
    ];
    let user = User::with_vault();
    for (what, sql, expected) in edits {
        let evil = User::new();
        user.copy_to(&evil);
        let changed = Connection::open(evil.database()).unwrap().execute(sql, []).unwrap();
        assert!(changed > 0, "{what}");
        let mut get = user.ci(GET);
        get.env("ZMS_SERVER", evil.address()).env("ZMS_HOME", user.path(what));
        let ended = end(&mut get);
        let said = ended.stderr.clone();
        let code = right_or_nothing(&ended);
        assert_eq!(code, expected, "{what}: {said}");
    }
}

#[test]
fn attack_a_server_of_another_vault_answers() {
    let (user, evil) = (User::with_vault(), User::with_vault());
    end(&mut user.ci(GET)).good();
    // The evil one's answer to its own token, handed to ours.
    let mut own = evil.ci(GET);
    end(&mut own).good();
    let theirs = evil.proxy.seen().into_iter().rfind(|it| asks_for_a_bundle(&it.request)).unwrap();
    user.proxy.meddle(move |_, _| Some(theirs.answer.clone()));
    right_or_nothing(&end(&mut user.ci(GET)));
    let ended = end(&mut user.ci(GET));
    assert!(ended.code != 0, "{}", ended.stdout);
    // One that does not know us at all.
    let mut stranger = user.ci(GET);
    stranger.env("ZMS_SERVER", evil.address());
    end(&mut stranger).refused(4, "the server refused the caller");
}

#[test]
fn attack_answers_of_all_kinds_are_feigned() {
    let user = User::with_vault();
    let answers: [(&str, i32, &str); 9] = [
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            1,
            "points elsewhere",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nok",
            1,
            "no server of ZMS",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.zms.bundle\r\nzms-commits: 1\r\ncontent-length: 2\r\n\r\nok",
            6,
            "damaged or changed",
        ),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", 1, "no server of ZMS"),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", 1, "can not be reached"),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}",
            4,
            "the clocks here and there",
        ),
        (
            "HTTP/1.1 503 No\r\ncontent-type: application/problem+json\r\ncontent-length: 16\r\n\r\n{\"code\":\"audit\"}",
            8,
            "audit",
        ),
        (
            "HTTP/1.1 403 No\r\ncontent-type: application/problem+json\r\ncontent-length: 33\r\n\r\n{\"detail\":\"\\u001b[31mred\\u0007.\"}",
            4,
            "[31mred.",
        ),
        ("NONSENSE\r\n\r\n", 1, "does not speak HTTP"),
    ];
    for (answer, code, says) in answers {
        user.proxy.meddle(move |_, _| Some(answer.as_bytes().to_vec()));
        let ended = end(&mut user.ci(GET));
        assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
        ended.refused(code, says);
    }
}

#[test]
fn attack_a_commit_is_swallowed_doubled_and_answered_wrongly() {
    let user = User::with_vault();
    // Kept, and the answer is lost: asked again, it is answered as the first time.
    let lost = Arc::new(Mutex::new(0));
    let count = Arc::clone(&lost);
    user.proxy.meddle(move |request, answer| {
        let mut count = count.lock().unwrap();
        *count += usize::from(request.starts_with(b"POST /v1/vaults/-/commits"));
        if request.starts_with(b"POST /v1/vaults/-/commits") && *count == 1 {
            None
        } else {
            Some(answer)
        }
    });
    user.feed(&["set", "ONCE"], "1").good();
    assert_eq!(*lost.lock().unwrap(), 2);
    user.proxy.honest();
    let history = user.zms(&["history", "ONCE", "--json"]).good();
    assert_eq!(history.matches("\"created\"").count().max(1), 1, "{history}");
    // Never kept, and said to be: who looks sees that it is not there.
    user.proxy.meddle(|request, answer| {
        let commit = request.starts_with(b"POST /v1/vaults/-/commits");
        if !commit {
            return Some(answer);
        }
        Some(b"HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\ncontent-length: 16\r\n\r\n{\"code\":\"moved\"}".to_vec())
    });
    let mut set = user.command(&["set", "ONCE"]);
    let ended = crate::user::fed(&mut set, "2");
    assert_eq!(ended.code, 7, "{}", ended.stderr);
}

#[test]
fn attack_an_answer_takes_its_time() {
    let user = User::with_vault();
    user.proxy.meddle(|_, answer| {
        std::thread::sleep(Duration::from_secs(1));
        Some(answer)
    });
    assert_eq!(end(&mut user.ci(GET)).good(), VALUE);
    user.proxy.meddle(|_, answer| {
        std::thread::sleep(Duration::from_secs(45));
        Some(answer)
    });
    end(&mut user.ci(GET)).refused(1, "does not answer in time");
}

/// As the server words it; that it does so of more than 64 MiB is shown where stores keep their
/// promises over HTTP.
#[test]
fn of_what_the_server_gives_out_less_at_once_it_is_said_how_to_ask_for_less() {
    let user = User::with_vault();
    user.proxy.meddle(|request, answer| {
        if !asks_for_a_bundle(request) {
            return Some(answer);
        }
        let body = "{\"title\":\"Unprocessable Entity\",\"status\":422,\
                    \"code\":\"bundle-too-large\",\
                    \"detail\":\"the bundle would be larger than it may be: ask for fewer scopes\"}";
        let head = format!(
            "HTTP/1.1 422 Unprocessable Entity\r\ncontent-type: application/problem+json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        Some([head.as_bytes(), body.as_bytes()].concat())
    });
    for (words, code) in [(&["run", "--", "true"][..], 125), (&["export"], 1), (GET, 1)] {
        let ended = end(&mut user.ci(words));
        assert!(ended.stderr.contains("or one secret: `zms get NAME`"), "{}", ended.stderr);
        ended.refused(code, "the server gives out less at once");
    }
}
