//! A vault of this machine goes to a server, and comes back.

use crate::{
    store::SECRET,
    user::{User, end, fed},
};

#[test]
fn a_vault_is_pushed_and_pulled_with_everything_that_opens_it() {
    let user = User::new();
    let here = |args: &[&str]| user.bare("home", args);
    end(&mut here(&["init"])).good();
    fed(&mut here(&["set", "A"]), "one").good();
    end(&mut here(&["env", "protect", "production", "--yes"])).good();
    end(&mut here(&["service", "create", "api", "-e", "staging"])).good();
    fed(&mut here(&["set", "BA", "-e", "staging", "-s", "api"]), "two").good();
    let token = end(&mut here(&["token", "create", "api", "-e", "staging", "-s", "api", "-q"]));
    user.file("ci", &token.good());
    let names = |home: &[&str]| end(&mut user.bare("home", home)).good();
    let before = names(&["search", "A", "--json"]);

    let address = user.address();
    let push = ["push", "--server", &address];
    end(&mut here(&push)).refused(5, "registration secret is needed");
    let mut wrong = here(&push);
    end(wrong.env("ZMS_REGISTRATION", "another"))
        .refused(4, "the server refused the registration secret");
    let mut dry = here(&[&push[..], &["--dry-run"]].concat());
    assert!(end(&mut dry).stderr.contains("would move 2 secrets in 6 scopes, and 2 members"));
    let mut pushed = here(&push);
    let ended = end(pushed.env("ZMS_REGISTRATION", SECRET));
    assert!(
        ended.stderr.contains("2 secrets in 6 scopes, and 2 members are kept by"),
        "{}",
        ended.stderr
    );
    ended.good();
    // The home remembers, the master key is the same, and so are tokens.
    assert!(names(&["status"]).contains(&address));
    assert_eq!(names(&["search", "A", "--json"]), before);
    assert_eq!(names(&["get", "A", "-q"]), "one");
    let get = ["get", "BA", "-q"];
    assert_eq!(end(&mut user.ci(&get)).good(), "two");
    fed(&mut here(&["set", "A"]), "three").good();
    let mut again = here(&push);
    end(again.env("ZMS_REGISTRATION", SECRET)).refused(2, "is kept by");
    assert!(user.folder.path().join("home/zms.db.moved").exists());
    assert!(!user.folder.path().join("home/zms.db").exists());

    let ended = end(&mut here(&["pull"]));
    assert!(ended.stderr.contains("2 secrets in 6 scopes"), "{}", ended.stderr);
    ended.good();
    assert_eq!(names(&["get", "A", "-q"]), "three");
    let mut local = user.bare("home", &get);
    local.env("ZMS_TOKEN_FILE", user.path("ci"));
    assert_eq!(end(&mut local).good(), "two");
    assert!(!names(&["status"]).contains(&address));
    end(&mut here(&["pull"])).refused(2, "is on this machine");
    end(&mut here(&["doctor"])).good();
}

#[test]
fn a_push_that_is_interrupted_leaves_one_vault_that_counts() {
    let user = User::new();
    let here = |args: &[&str]| user.bare("home", args);
    end(&mut here(&["init"])).good();
    fed(&mut here(&["set", "A"]), "one").good();
    let address = user.address();
    user.proxy.meddle(|_, _| None);
    let mut push = here(&["push", "--server", &address]);
    end(push.env("ZMS_REGISTRATION", SECRET))
        .refused(1, "whether the change was kept is not known");
    user.proxy.honest();
    // Here it is as it was; and there it is named as what it is.
    assert_eq!(end(&mut here(&["get", "A", "-q"])).good(), "one");
    let mut push = here(&["push", "--server", &address]);
    end(push.env("ZMS_REGISTRATION", SECRET))
        .refused(1, &format!("the vault is at {address} already"));
    let mut there = here(&["get", "A", "-q", "--server", &address]);
    assert_eq!(end(&mut there).good(), "one");
}
