//! Every command's help has examples, and each of them is a command line that parses.

use clap::{Command, Parser};

use super::Cli;

/// What stands in an example from `zms` on, as a shell would split it.
fn words(line: &str) -> Vec<String> {
    let begin = line.find("zms ").expect("an example names zms");
    let line = line[begin..].split("  ").next().unwrap_or_default();
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for char in line.chars().chain([' ']) {
        match (quote, char) {
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') if !word.is_empty() => words.push(std::mem::take(&mut word)),
            (None, ' ') => {}
            (None, '|' | '>' | '<' | '&' | ';' | ')') => {
                // The shell's from here on.
                words.extend(Some(word).filter(|word| !word.is_empty()));
                return words;
            }
            _ => word.push(char),
        }
    }
    words
}

/// The examples of a command: indented lines with a command of ours.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_long_help().or(command.get_after_help());
    let text = help.map(ToString::to_string).unwrap_or_default();
    let ours = |line: &&str| {
        let begins = line.find("zms ").map(|at| line[..at].ends_with([' ', '(']));
        line.starts_with("  ") && begins == Some(true)
    };
    let text = text.replace("\\\n", " ");
    text.lines().filter(ours).map(str::to_owned).collect()
}

fn check(command: &Command, path: &str, wrong: &mut Vec<String>) {
    let path = format!("{path}{}", command.get_name());
    let examples = examples(command);
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if examples.is_empty() || !(help.contains("Examples:\n") || path == "zms") {
        wrong.push(format!(
            "`{path} --help` has no example: give it `after_help = \"Examples:\\n  {path} ...\"`"
        ));
    }
    for example in examples {
        let help_is_fine = |error: &clap::Error| !error.use_stderr();
        let parsed = Cli::try_parse_from(words(&example));
        if let Some(error) = parsed.err().filter(|error| !help_is_fine(error)) {
            wrong.push(format!("an example of `{path} --help` does not parse: {example}\n{error}"));
        }
    }
    for below in command.get_subcommands() {
        check(below, &format!("{path} "), wrong);
    }
}

#[test]
fn every_command_has_examples_that_parse() {
    let mut wrong = Vec::new();
    check(&super::command(), "", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_command_line_is_consistent() {
    super::command().debug_assert();
}

#[test]
fn an_example_is_split_as_a_shell_would() {
    let line = "  pass show 'a b' | zms set A --note 'x  y'";
    assert_eq!(words("  zms get A > a  what"), ["zms", "get", "A"]);
    assert_eq!(
        words("  eval \"$(zms export --format shell)\""),
        ["zms", "export", "--format", "shell"]
    );
    assert_eq!(words(&line.replace("  y", " y")), ["zms", "set", "A", "--note", "x y"]);
}
