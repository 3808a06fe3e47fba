//! `export` lines for POSIX shells.
//!
//! Between single quotes a shell gives no byte a meaning but the single quote itself (POSIX.1
//! Shell Command Language, 2.2.2), so every value but one with NUL fits. What remains are the
//! names: some variables run, calculate or refuse what they are given.

use crate::Reason;
use crate::output::Output;

/// Quotes `value` as one word of a POSIX shell: `it's` becomes `'it'\''s'`.
///
/// A value with NUL fits in no shell word; the caller has refused it.
pub fn quote(value: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let mut output = Output::with_capacity(value.len() + 2);
    push_quoted(&mut output, value);
    output.finish()
}

fn push_quoted(output: &mut Output, value: &[u8]) {
    output.push(b"'");
    output.push_escaped(value, |byte| (byte == b'\'').then_some(br"'\''".as_slice()));
    output.push(b"'");
}

/// Appends `export NAME='value'`.
pub(crate) fn push_export(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    if !is_identifier(name) {
        return Err(Reason::NameCharacters);
    }
    if OWNED_BY_SHELLS.contains(&name) {
        return Err(Reason::NameOfTheShell);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    output.push(b"export ");
    output.push(name.as_bytes());
    output.push(b"=");
    push_quoted(output, value);
    output.push(b"\n");
    Ok(())
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Variables that do not simply keep what they are given.
#[rustfmt::skip]
const OWNED_BY_SHELLS: &[&str] = &[
    // Run or expanded by the shell: at start, before a prompt, while tracing, on new mail.
    "BASH_ENV", "ENV", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4", "MAIL", "MAILPATH",
    // Calculated: bash evaluates `RANDOM='a[$(cmd)]'`, command and all.
    "HISTCMD", "OPTIND", "RANDOM", "SECONDS", "SRANDOM",
    // Read-only in bash.
    "BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID",
    // Forgotten, or overwritten at once by bash.
    "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_CMDS",
    "BASH_COMMAND", "BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "COMP_WORDS",
    "COPROC", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "FUNCNAME", "GROUPS", "LINENO",
    "PIPESTATUS", "_",
    // Change how the shell itself goes on reading.
    "BASH_COMPAT", "BASH_LOADABLES_PATH", "BASH_XTRACEFD", "GLOBIGNORE", "IFS", "POSIXLY_CORRECT",
    "TMOUT",
    // Calculated, read-only or run by zsh (zshparam(1)).
    "ARGC", "BAUD", "COLUMNS", "DIRSTACKSIZE", "EGID", "ERRNO", "FUNCNEST", "GID", "HISTSIZE",
    "KEYTIMEOUT", "LINES", "LISTMAX", "LOGCHECK", "MAILCHECK", "NULLCMD", "PERIOD", "PROMPT",
    "PROMPT2", "PROMPT3", "PROMPT4", "READNULLCMD", "RPROMPT", "RPROMPT2", "RPS1", "RPS2",
    "SAVEHIST", "SHLVL", "SPROMPT", "TRY_BLOCK_ERROR", "TRY_BLOCK_INTERRUPT", "TTYIDLE",
    "HISTCHARS", "KEYBOARD_HACK", "USERNAME", "ZDOTDIR", "ZSH_EVAL_CONTEXT", "ZSH_SUBSHELL", "argv",
    "histchars", "pipestatus", "prompt", "status",
    // Arrays and tables of zsh (zshmodules(1), zsh/parameter among them), which take no text.
    "aliases", "builtins", "cdpath", "commands", "dirstack", "dis_aliases", "dis_builtins",
    "dis_functions", "dis_functions_source", "dis_galiases", "dis_patchars", "dis_reswords",
    "dis_saliases", "fignore", "fpath", "funcfiletrace", "funcsourcetrace", "funcstack", "functions",
    "functions_source", "functrace", "galiases", "history", "historywords", "jobdirs", "jobstates",
    "jobtexts", "keymaps", "mailpath", "manpath", "module_path", "modules", "nameddirs", "options",
    "parameters", "patchars", "path", "psvar", "reswords", "saliases", "signals", "termcap",
    "terminfo", "userdirs", "usergroups", "watch", "widgets", "zsh_eval_context",
    "zsh_scheduled_events",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_quote_is_closed_escaped_and_opened_again() {
        assert_eq!(*quote(b"it's"), br"'it'\''s'");
        assert_eq!(*quote(b""), b"''");
        assert_eq!(*quote(b"$(id) `id` \\ \"\n"), b"'$(id) `id` \\ \"\n'");
    }

    #[test]
    fn only_identifiers_are_exported() {
        for name in ["", "1A", "A-B", "A.B", "A B", "Ä", "A=B", "A;id"] {
            let refused = push_export(&mut Output::default(), name, b"x");
            assert_eq!(refused, Err(Reason::NameCharacters), "{name:?}");
        }
        for name in ["A", "_A1", "a_b"] {
            assert!(push_export(&mut Output::default(), name, b"x").is_ok(), "{name:?}");
        }
    }

    #[test]
    fn attack_a_variable_that_the_shell_runs_is_refused() {
        for name in ["PROMPT_COMMAND", "PS4", "BASH_ENV", "ENV", "RANDOM", "OPTIND"] {
            let refused = push_export(&mut Output::default(), name, b"a[$(id)]");
            assert_eq!(refused, Err(Reason::NameOfTheShell), "{name}");
        }
    }
}
