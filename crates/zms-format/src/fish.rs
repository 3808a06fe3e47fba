//! `set -gx` lines for fish.
//!
//! Between single quotes fish gives a meaning to `\'` and `\\` only (fish-language, Quotes), so
//! every value but one with NUL fits. What remains are the names that fish keeps for itself.

use crate::Reason;
use crate::output::Output;
use crate::shell::is_identifier;

/// Appends `set -gx NAME 'value'`.
pub(crate) fn push_set(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    if !is_identifier(name) {
        return Err(Reason::NameCharacters);
    }
    if OWNED_BY_FISH.contains(&name) {
        return Err(Reason::NameOfTheShell);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    output.push(b"set -gx ");
    output.push(name.as_bytes());
    output.push(b" '");
    output.push_escaped(value, |byte| match byte {
        b'\'' => Some(br"\'".as_slice()),
        b'\\' => Some(br"\\".as_slice()),
        _ => None,
    });
    output.push(b"'\n");
    Ok(())
}

/// Variables that do not simply keep what they are given.
#[rustfmt::skip]
const OWNED_BY_FISH: &[&str] = &[
    // Read-only, or calculated.
    "FISH_VERSION", "PWD", "SHLVL", "_", "fish_kill_signal", "fish_killring", "fish_pid",
    "history", "hostname", "pipestatus", "status", "status_generation", "umask", "version",
    // Where fish looks for code that it loads.
    "fish_complete_path", "fish_function_path", "fish_user_paths",
    // Change how fish itself goes on.
    "COLUMNS", "IFS", "LINES", "argv", "fish_history", "fish_read_limit", "fish_trace",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped_and_nothing_else() {
        let mut output = Output::default();
        push_set(&mut output, "A", b"it's \\n $x (id)\n").expect("fits");
        assert_eq!(*output.finish(), b"set -gx A 'it\\'s \\\\n $x (id)\n'\n");
    }
}
