//! `$env:NAME = …` lines for PowerShell, on Windows and elsewhere.
//!
//! Between single quotes PowerShell gives a meaning to quotes only, and `''` is one of them
//! (about_Quoting_Rules); but its idea of a quote includes U+2018 to U+201B, files may be read in
//! another encoding, and a pipe is cut into lines. So only printable ASCII stands as it is, and
//! anything else as the base64 of its UTF-8.

use crate::Reason;
use crate::output::Output;
use crate::shell::is_identifier;

/// Longest variable of Windows, in UTF-16 units (about_Environment_Variables).
const MAX_UNITS: usize = 32_767;

/// Appends `$env:NAME = 'value'` on one line.
pub(crate) fn push_assignment(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    if !is_identifier(name) {
        return Err(Reason::NameCharacters);
    }
    if OWNED_BY_POWERSHELL.iter().any(|owned| owned.eq_ignore_ascii_case(name)) {
        return Err(Reason::NameOfTheShell);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    let text = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if text.encode_utf16().count() > MAX_UNITS {
        return Err(Reason::TooLong { limit: MAX_UNITS });
    }
    output.push(b"$env:");
    output.push(name.as_bytes());
    output.push(b" = ");
    if value.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        output.push(b"'");
        output.push_escaped(value, |byte| (byte == b'\'').then_some(b"''".as_slice()));
        output.push(b"'\n");
    } else {
        output.push(b"[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('");
        output.push_base64(value);
        output.push(b"'))\n");
    }
    Ok(())
}

/// Variables that decide what PowerShell loads and whether it runs scripts.
const OWNED_BY_POWERSHELL: &[&str] = &["PSExecutionPolicyPreference", "PSModulePath"];
