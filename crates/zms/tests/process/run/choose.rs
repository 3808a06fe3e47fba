//! Which secrets the program gets, under which names, and what they may not touch.

use std::collections::BTreeMap;

use crate::scratch::{Go, Scratch};

/// The environment of the program.
fn seen(vault: &Scratch, options: &[&str]) -> BTreeMap<String, String> {
    let environ = vault
        .run(options, &["cat", "/proc/self/environ"])
        .env("PORT", "80")
        .env("HOSTNAME", "here")
        .go()
        .text();
    let pair = |entry: &str| entry.split_once('=').map(|(name, value)| (name.into(), value.into()));
    environ.split('\0').filter_map(pair).collect()
}

fn vault() -> Scratch {
    let vault = Scratch::vault();
    for (name, value) in [("API_KEY", "key"), ("DATABASE_URL", "db"), ("PORT", "8080")] {
        vault.set(&[], name, value);
    }
    vault
}

#[track_caller]
fn has(seen: &BTreeMap<String, String>, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        assert_eq!(seen.get(*name).map(String::as_str), *value, "{name}");
    }
}

#[test]
fn secrets_are_chosen_and_renamed() {
    let vault = vault();
    has(&seen(&vault, &[]), &[("API_KEY", Some("key")), ("PORT", Some("8080"))]);
    let only = seen(&vault, &["--only", "API_KEY,DATABASE_URL"]);
    has(&only, &[("API_KEY", Some("key")), ("DATABASE_URL", Some("db")), ("PORT", Some("80"))]);
    let except = seen(&vault, &["--except", "API_KEY", "--except", "PORT"]);
    has(&except, &[("API_KEY", None), ("DATABASE_URL", Some("db")), ("PORT", Some("80"))]);
    let prefix = seen(&vault, &["--prefix", "APP_", "--map", "PORT=LISTEN"]);
    has(&prefix, &[("APP_API_KEY", Some("key")), ("API_KEY", None), ("LISTEN", Some("8080"))]);
    has(&prefix, &[("PORT", Some("80")), ("APP_PORT", None), ("APP_LISTEN", None)]);
    let swapped = seen(&vault, &["--map", "API_KEY=PORT,PORT=API_KEY"]);
    has(&swapped, &[("API_KEY", Some("8080")), ("PORT", Some("key"))]);
}

#[test]
fn inherited_variables_stay_where_that_is_asked_for() {
    let vault = vault();
    has(&seen(&vault, &["--preserve", "PORT,HOSTNAME"]), &[("PORT", Some("80"))]);
    let kept = seen(&vault, &["--no-override"]);
    has(&kept, &[("PORT", Some("80")), ("API_KEY", Some("key")), ("HOSTNAME", Some("here"))]);
    let pristine = seen(&vault, &["--pristine"]);
    let names: Vec<&str> = pristine.keys().map(String::as_str).collect();
    assert_eq!(names, ["API_KEY", "DATABASE_URL", "PORT"]);
}

#[test]
fn a_name_that_is_not_there_is_refused_with_the_nearest() {
    let vault = vault();
    for options in [["--only", "API_KEX"], ["--except", "API_KEX"], ["--map", "API_KEX=A"]] {
        let said = vault.run(&options, &["true"]).go().refused(3);
        assert!(said.contains("did you mean API_KEY?"), "{said}");
    }
    vault.run(&["--map", "API_KEY=PORT"], &["true"]).go().refused(2);
    vault.run(&["--map", "API_KEY"], &["true"]).go().refused(2);
    vault.run(&["--map", "API_KEY=A-B"], &["true"]).go().refused(2);
}

#[test]
fn attack_names_that_load_something_are_refused_unless_they_are_meant() {
    let names = [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "NODE_OPTIONS",
        "PATH",
        "BASH_ENV",
        "ENV",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "GIT_SSH",
        "GIT_CONFIG_COUNT",
        "BASH_FUNC_x",
        "DYLD_INSERT_LIBRARIES",
        "GCONV_PATH",
        "IFS",
        "HOME",
        "ZMS_TOKEN",
        "ZMS_HOME",
        "npm_config_script_shell",
    ];
    for name in names {
        let vault = Scratch::vault();
        vault.set(&[], name, "/nowhere");
        let said = vault.run(&[], &["touch", "x"]).go().refused(4);
        assert!(said.contains(name) && said.contains("--allow"), "{said}");
        assert!(!vault.work().join("x").exists());
        vault.run(&["--except", name], &["true"]).go().good();
        let allowed = vault.run(&["--allow", name], &["/bin/cat", "/proc/self/environ"]).go();
        assert!(allowed.text().contains(&format!("{name}=/nowhere\0")));
    }
}

#[test]
fn attack_a_loader_name_does_not_come_in_by_another_way() {
    let vault = vault();
    vault.set(&[], "PRELOAD", "/nowhere");
    vault.run(&["--map", "API_KEY=LD_PRELOAD"], &["true"]).go().refused(4);
    vault.run(&["--prefix", "LD_"], &["true"]).go().refused(4);
    vault.run(&["--prefix", "LD_", "--allow", "LD_PORT"], &["true"]).go().refused(4);
    vault.run(&["--map", "API_KEY=ZMS_TOKEN"], &["true"]).go().refused(4);
}

#[test]
fn what_is_required_stops_the_program_while_it_is_missing() {
    let vault = vault();
    vault.run(&["--required"], &["true"]).go().refused(2);
    let settings = "[secrets.API_KEY]\nrequired = true\n[secrets.STRIPE_KEY]\nrequired = true\n\
                    [secrets.LATER]\ntype = \"url\"\n";
    vault.file("zms.toml", settings);
    let said = vault.run(&["--required"], &["touch", "x"]).go().refused(3);
    assert!(said.contains("STRIPE_KEY") && !said.contains("LATER"), "{said}");
    assert!(!vault.work().join("x").exists());
    vault.set(&[], "STRIPE_KEY", "s");
    vault.run(&["--required"], &["true"]).go().good();
    vault.run(&["--required", "--except", "API_KEY"], &["true"]).go().refused(3);
}

#[test]
fn explain_and_dry_run_show_names_and_run_nothing() {
    let vault = vault();
    let explained = vault.run(&["--explain"], &["touch", "x"]).env("PORT", "80").go().text();
    assert!(explained.contains("default/development/API_KEY"), "{explained}");
    assert!(explained.contains("replaces the inherited one"), "{explained}");
    let dry = vault.run(&["--dry-run", "--except", "PORT"], &["touch", "x"]).go().text();
    assert_eq!(dry, "API_KEY\nDATABASE_URL\n");
    let json = vault.json(&["run", "--dry-run"]);
    assert_eq!(json["variables"][0]["variable"], "API_KEY");
    for text in [explained, dry, json.to_string()] {
        assert!(!text.contains("8080") && !text.contains("\"key\""), "{text}");
    }
    assert!(!vault.work().join("x").exists());
}
