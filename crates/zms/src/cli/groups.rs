//! The help of `zms` itself, with its commands by what they are for.

use clap::{Command, builder::StyledStr};

use crate::output;

/// Every command by what it is for. A name that is not there yet is passed over.
const GROUPS: [(&str, &[&str]); 10] = [
    (
        "Vault",
        &[
            "init", "status", "doctor", "unlock", "lock", "use", "allow", "vault", "backup",
            "restore", "reset",
        ],
    ),
    (
        "Secrets",
        &[
            "set", "get", "ls", "rm", "mv", "cp", "edit", "history", "log", "diff", "rollback",
            "undo", "check", "generate", "search",
        ],
    ),
    ("In and out", &["import", "export", "render", "bundle"]),
    ("Run", &["run"]),
    ("Structure", &["project", "env", "service"]),
    ("Tokens", &["token", "member", "admin", "exposure", "roster"]),
    ("Keys", &["key"]),
    ("Audit", &["audit", "scan", "guard"]),
    ("Server", &["start", "stop", "join", "push", "pull", "dashboard", "mcp"]),
    ("Help", &["completions", "man", "help"]),
];

/// Holds the place of the groups.
const HERE: &str = "[groups]";

/// The help of `zms` itself.
pub fn help() -> StyledStr {
    let command = super::command();
    let width = output::width().unwrap_or(100).min(100);
    let style = *command.get_styles().get_header();
    let mut text = String::new();
    for (group, names) in GROUPS {
        let commands: Vec<&Command> =
            names.iter().filter_map(|name| command.find_subcommand(name)).collect();
        if !commands.is_empty() {
            text += &format!("{style}{group}:{style:#}\n");
        }
        for command in commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text += &entry(command.get_name(), &about, width);
        }
    }
    let help = command
        .mut_subcommands(|command| command.hide(true))
        .override_usage("zms [OPTIONS] <COMMAND>")
        // clap would wrap what is wrapped already, so it comes in afterwards.
        .before_help(HERE)
        .help_template(
            "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}",
        )
        .render_help();
    StyledStr::from(help.ansi().to_string().replace(HERE, text.trim_end()))
}

/// A name and what it does, in lines of at most `width` columns.
fn entry(name: &str, about: &str, width: usize) -> String {
    const INDENT: usize = 15;
    let mut text = format!("  {name:<width$}", width = INDENT - 2);
    let mut at = INDENT;
    for word in about.split(' ') {
        if at > INDENT && at + 1 + word.len() > width {
            text += &format!("\n{:INDENT$}", "");
            at = INDENT;
        }
        if at > INDENT {
            text.push(' ');
            at += 1;
        }
        text += word;
        at += word.len();
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, entry};

    #[test]
    fn every_command_stands_in_exactly_one_group() {
        for command in crate::cli::command().get_subcommands() {
            let name = command.get_name();
            let found = GROUPS.iter().flat_map(|(_, names)| *names).filter(|it| **it == name);
            assert_eq!(found.count(), 1, "name {name:?} in one of GROUPS of cli/groups.rs");
        }
    }

    #[test]
    fn an_entry_stays_within_its_width() {
        let text = entry("import", "Put every secret of a file into the vault", 40);
        assert_eq!(
            text,
            "  import       Put every secret of a\n               file into the vault\n"
        );
    }
}
