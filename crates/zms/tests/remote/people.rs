//! People join a vault at a server, each on a machine of their own.

use crate::user::{User, end, fed};

#[test]
fn an_administrator_who_joins_has_a_key_that_was_never_anywhere_else() {
    let user = User::with_vault();
    let given = user.zms(&["member", "add", "carol", "--admin", "-q"]).good();
    let given = format!("{}@{}", given.trim(), user.proxy.address);
    user.file("given", &given);
    let hers = |args: &[&str]| {
        let mut command = user.bare("carol", args);
        command.env_remove("ZMS_SERVER");
        command
    };
    let mut join = hers(&["join"]);
    let ended = end(join.env("ZMS_TOKEN_FILE", user.path("given")));
    assert!(ended.stderr.contains("What you were given is void now"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    ended.good();
    assert_eq!(end(&mut hers(&["get", "API_KEY", "-q"])).good(), "canary-key");
    fed(&mut hers(&["set", "HERS"]), "from carol").good();
    let log = user.zms(&["log"]).good();
    assert!(log.contains("@carol"), "{log}");
    let people = user.zms(&["member", "ls"]).good();
    assert!(people.contains("carol") && people.contains("everything"), "{people}");
    // Whoever intercepted what was given has nothing.
    let mut stolen = user.bare("thief", &["get", "API_KEY"]);
    end(stolen.env("ZMS_TOKEN_FILE", user.path("given"))).refused(4, "refused the caller");
    let mut twice = user.bare("thief", &["join"]);
    end(twice.env("ZMS_TOKEN_FILE", user.path("given"))).refused(4, "refused the caller");
    let mut again = hers(&["join"]);
    end(again.env("ZMS_TOKEN_FILE", user.path("given"))).refused(1, "there is a vault already");
}

#[test]
fn a_person_joins_with_what_they_may_and_is_taken_out_again() {
    let user = User::with_vault();
    let given = user.zms(&["member", "add", "alice@example.com", "--write", "-q"]).good();
    let given = format!("{}@{}", given.trim(), user.proxy.address);
    user.file("given", &given);
    let hers = |args: &[&str]| user.bare("alice", args);
    end(&mut hers(&["join"])).refused(5, "what you were given is needed");
    let mut join = hers(&["join", "--protect", "systemd"]);
    end(join.env("ZMS_TOKEN_FILE", user.path("given")))
        .refused(2, "--protect is for the master key of an administrator");
    let mut join = hers(&["join"]);
    end(join.env("ZMS_TOKEN_FILE", user.path("given"))).good();
    fed(&mut hers(&["set", "HERS"]), "from alice").good();
    assert_eq!(end(&mut hers(&["get", "HERS", "-q"])).good(), "from alice");
    end(&mut hers(&["get", "A", "-e", "production"])).refused(4, "production");
    let history = user.zms(&["history", "HERS"]).good();
    assert!(history.contains("@alice@example.com"), "{history}");
    end(&mut user.command(&["member", "add", "alice@example.com"])).refused(2, "exists already");
    end(&mut user.command(&["member", "add", "Alice"])).refused(2, "no name of a person");
    user.zms(&["member", "rm", "alice@example.com", "--yes"]).good();
    end(&mut hers(&["get", "HERS"])).refused(4, "refused the caller");
    assert!(!user.zms(&["member", "ls"]).good().contains("alice"));
}
