//! `.tfvars` files, by HashiCorp's parser of HCL compiled for node, and by Terraform itself where
//! it is installed.

use std::path::Path;
use std::process::Command;

use crate::random::Random;
use crate::readers::{self, Values};
use crate::written::{Written, assert_same};
use zms_format::{Format, Reason, write};

#[test]
fn hcl_reads_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Tfvars, &folder.path().join("canary"));
    // The parser takes minutes for a megabyte.
    let short = |value: &Vec<u8>| value.len() < 10_000;
    for expected in &written.pairs {
        let mut expected = expected.clone();
        expected.retain(|_, value| value.as_ref().is_some_and(short));
        let pairs = expected.iter().map(|(name, value)| (&**name, value.as_deref().unwrap()));
        let text = write(Format::Tfvars, &pairs.collect::<Vec<_>>()).unwrap();
        let files = readers::files(folder.path(), [&*text]);
        let read = readers::ask_node("hcl.cjs", &files).remove(0).unwrap();
        assert_same(&read, &expected, "hcl");
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

#[test]
fn hcl_reads_back_every_sequence_that_begins_a_template() {
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let pieces = ["$", "%", "{", "}", "\\", "\"", "~", "a", "\n", "${a}", "%{if a}", "$${"];
    let values: Vec<(String, String)> = (0..crate::random::case_count())
        .map(|n| (format!("K{n}"), (0..random.below(7)).map(|_| random.pick(&pieces)).collect()))
        .collect();
    let pairs: Vec<(&str, &[u8])> = values.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
    let files = readers::files(folder.path(), [&*write(Format::Tfvars, &pairs).unwrap()]);
    let expected = values.into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
    let read = readers::ask_node("hcl.cjs", &files).remove(0).unwrap();
    assert_same(&read, &expected.collect(), "hcl");
}

#[test]
fn no_spelling_gives_terraform_a_refused_value() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[u8], Reason, &[&str]); 3] = [
        (b"\xff", Reason::NotUtf8, &["\\u00ff", "\\udcff", "\\xff"]),
        ("e\u{301}".as_bytes(), Reason::NotNormal, &["e\u{301}", "\\u0065\\u0301", "e\\u0301"]),
        ("\u{2126}".as_bytes(), Reason::NotNormal, &["\u{2126}", "\\u2126", "\\U00002126"]),
    ];
    for (value, reason, contents) in cases {
        let refusal = write(Format::Tfvars, &[("K", value)]).expect_err("must be refused");
        assert_eq!(refusal.reason, reason);
        assert!(!refusal.carried_by.is_empty());
        let texts = contents.iter().flat_map(|content| {
            [format!("K = \"{content}\"\n"), format!("K = <<E\n{content}\nE\n")]
        });
        let files = readers::files(folder.path(), texts);
        for answer in readers::ask_node("hcl.cjs", &files) {
            assert_ne!(answer.unwrap_or_default().remove("K"), Some(Some(value.to_vec())));
        }
    }
}

#[test]
fn hcl_takes_no_refused_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "1a", "a.b", "a b", "-a", "a/b", "a$", "\"a b\""] {
        let refusal = write(Format::Tfvars, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::NameCharacters, "{name:?}");
        let files = readers::files(folder.path(), [format!("{name} = \"x\"\n")]);
        assert_eq!(readers::ask_node("hcl.cjs", &files), [None], "{name:?}");
    }
}

/// Terraform can not be installed everywhere this is tested; where it is, it has the last word.
#[test]
fn terraform_itself_reads_back_values_and_refuses_reserved_names() {
    if Command::new("terraform").arg("version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Tfvars, &folder.path().join("canary"));
    let (text, mut expected) = (&written.texts[0], written.pairs[0].clone());
    // Its answer is text as well: huge values only make it slow.
    expected.retain(|_, value| value.as_ref().is_some_and(|value| value.len() < 100_000));
    let read = terraform(folder.path(), text, &expected);
    assert_same(&read.expect("a plan"), &expected, "terraform");
    for name in
        ["count", "depends_on", "for_each", "lifecycle", "locals", "providers", "source", "version"]
    {
        let refusal = write(Format::Tfvars, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::NameReserved);
        let text = format!("{name} = \"x\"\n");
        let wanted = [(name.to_owned(), Some(b"x".to_vec()))].into();
        assert!(terraform(folder.path(), text.as_bytes(), &wanted).is_none(), "{name}");
    }
}

/// The outputs of a module that hands on each variable, if Terraform accepts it.
fn terraform(folder: &Path, vars: &[u8], names: &Values) -> Option<Values> {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let mut module = String::new();
    for name in names.keys() {
        module.push_str(&format!("variable \"{name}\" {{}}\noutput \"{name}\" {{\n"));
        module.push_str(&format!("  value = var.{name}\n}}\n"));
    }
    std::fs::write(folder.path().join("main.tf"), module).unwrap();
    std::fs::write(folder.path().join("terraform.tfvars"), vars).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = readers::clean_command("terraform");
        command.env("TF_CLI_CONFIG_FILE", "/dev/null").env("CHECKPOINT_DISABLE", "1");
        command.current_dir(folder.path()).args(arguments).output().unwrap()
    };
    if !run(&["apply", "-auto-approve", "-no-color"]).status.success() {
        return None;
    }
    let outputs: serde_json::Value =
        serde_json::from_slice(&run(&["output", "-json"]).stdout).unwrap();
    let value =
        |output: &serde_json::Value| output["value"].as_str().map(|v| v.as_bytes().to_vec());
    let outputs = outputs.as_object().unwrap().iter();
    Some(outputs.map(|(name, output)| (name.clone(), value(output))).collect())
}
