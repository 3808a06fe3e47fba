//! Every command that writes. Each is killed, and refused by the disk, where it writes.

use super::{
    errors, kill,
    story::{
        Again::{Adds, Done, Replaces, Resumes, Same, Spends, Taken, TakenForGood, Turns},
        story,
    },
};
use crate::scratch::{Scratch, numbered};

macro_rules! stories {
    ($($name:ident => $story:expr;)*) => {$(
        #[test]
        fn $name() {
            let told = $story.told();
            kill::survives(&told);
            errors::survives(&told);
        }
    )*};
}

stories! {
    set => story(&["set", "A"], Same).input("new\n");
    set_of_a_token => story(&["set", "A", "-e", "staging"], Same).input("new\n").with("bystander");
    set_keep_value => story(&["set", "A", "--keep-value", "--note", "new", "--expires", "2090-01-01"], Same);
    set_a_reference => story(&["set", "R", "--ref", "default/development/A"], Same);
    import => story(&["import", "-"], Same).input(serde_json::to_string(&numbered("MORE", 100)).unwrap());
    edit => story(&["edit", "A", "KEPT_1", "--yes"], Done(3)).files(&[("edited", "A=edited\n")])
        .variables(&[("EDITOR", "cp edited")]);
    set_personal => story(&["set", "A", "--personal"], Same).input("mine\n");
    set_personal_over_another => story(&["set", "A", "--personal"], Same).input("mine\n").after(&[
        &["set", "A", "--personal"], &["set", "KEPT_1", "--personal", "-e", "staging"],
    ]);
    rm_personal => story(&["rm", "A", "--personal"], Done(3)).after(&[
        &["set", "A", "--personal"], &["set", "KEPT_1", "--personal"],
    ]);
    rm => story(&["rm", "A", "KEPT_1"], Done(3));
    mv => story(&["mv", "A", "Z"], Done(3));
    mv_to_another_scope => story(&["mv", "A", "KEPT_1", "--to-env", "staging"], Done(3));
    mv_over_another => story(&["mv", "A", "--to", "default/staging/api", "--as", "B", "--force"], Done(3));
    cp => story(&["cp", "A", "Z"], Done(2));
    cp_to_another_scope => story(&["cp", "A", "KEPT_1", "--to-env", "staging"], Done(2));
    undo => story(&["undo"], Turns);
    rollback => story(&["rollback", "2"], Same);

    project_create => story(&["project", "create", "shop"], Done(2));
    project_rename => story(&["project", "rename", "shop", "store"], Done(3)).after(SHOP);
    project_rm => story(&["project", "rm", "shop", "--yes"], Done(3)).after(SHOP);
    env_create => story(&["env", "create", "preview", "--protected"], Done(2));
    env_rename => story(&["env", "rename", "staging", "stage"], Done(3));
    env_rm => story(&["env", "rm", "staging", "--yes"], Done(3));
    env_copy => story(&["env", "copy", "staging", "preview"], Done(2));
    env_protect => story(&["env", "protect", "staging"], Same);
    env_unprotect => story(&["env", "unprotect", "staging", "--yes"], Same).after(&[&["env", "protect", "staging"]]);
    service_create => story(&["service", "create", "jobs", "-e", "staging"], Done(2));
    service_rename => story(&["service", "rename", "api", "web", "-e", "staging"], Done(3));
    service_rm => story(&["service", "rm", "api", "-e", "staging", "--yes"], Done(3));

    token_create => story(&["token", "create", "web", "-e", "development"], Taken);
    token_create_counted => story(&["token", "create", "web", "-e", "development", "--uses", "3", "--write"], Taken);
    token_create_admin => story(&["token", "create", "second", "--admin"], TakenForGood);
    token_rotate => story(&["token", "rotate", "ci"], Replaces);
    token_revoke => story(&["token", "revoke", "ci", "--yes"], Resumes);
    token_revoke_of_a_writer => story(&["token", "revoke", "writer", "--yes"], Resumes).after(&[
        &["token", "create", "writer", "-e", "staging", "--write"],
    ]);
    use_of_a_counted_token => story(&["get", "A"], Spends).with("counted").after(&[
        &["token", "create", "counted", "-e", "development", "--uses", "2"],
    ]);

    member_add => story(&["member", "add", "alice", "-e", "development", "--write"], Taken);
    member_add_admin => story(&["member", "add", "carol", "--admin"], TakenForGood);
    member_rm => story(&["member", "rm", "alice", "--yes"], Resumes).after(&[
        &["member", "add", "alice", "-e", "development", "--write"],
    ]);
    roster_refresh => story(&["roster", "refresh"], Adds).shows(roster);

    bundle_create => story(&["bundle", "create", "app.zms", "--token", "ci"], Same);
    bundle_create_over_another => story(&["bundle", "create", "app.zms", "--token", "ci"], Same).after(&[
        &["bundle", "create", "app.zms", "--token", "bystander"],
    ]);
    render => story(&["render", "app.tmpl", "-o", "app.conf"], Done(2)).files(TEMPLATE);
    render_over_another => story(&["render", "app.tmpl", "-o", "app.conf", "--force"], Same)
        .files(REPLACED);
    run_noted_in_a_file => story(&["run", "-e", "development", "--bundle", "app.zms", "--audit-to", "app.audit", "--", "echo", "begun"], Adds)
        .after(BUNDLE).with("ci");
    get_noted_in_a_file => story(&["get", "A", "-e", "development", "--bundle", "app.zms", "--audit-to", "app.audit"], Adds)
        .after(BUNDLE).with("ci");

    audit_checkpoint => story(&["audit", "checkpoint", "--out", "audit.note"], Done(2));
    use_place => story(&["use", "default", "-e", "staging"], Same);
    allow => story(&["allow"], Same).folder_token("bystander");
}

const SHOP: &[&[&str]] = &[&["project", "create", "shop"], &["set", "OF_SHOP", "-p", "shop"]];
const BUNDLE: &[&[&str]] = &[&["bundle", "create", "app.zms", "--token", "ci"]];
const TEMPLATE: &[(&str, &str)] = &[("app.tmpl", TEXT)];
const REPLACED: &[(&str, &str)] = &[("app.tmpl", TEXT), ("app.conf", "older\n")];
const TEXT: &str = "a = {{ A }}\n{% if KEPT_1 %}kept{% endif %}\n";

/// The roster's version, as the next one tells it.
fn roster(vault: &Scratch) -> String {
    vault.copy().json(&["roster", "refresh"])["roster"].to_string()
}
