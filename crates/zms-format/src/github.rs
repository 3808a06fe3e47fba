//! Lines for the file that `$GITHUB_ENV` names, and the commands that mask values in a job's log.
//!
//! `NAME=value` is one line; a value of several stands between a line `NAME<<DELIMITER` and the
//! delimiter alone. The runner for Windows ends lines at CR LF as well, and takes names for the
//! same whatever their case.

use zeroize::Zeroizing;

use crate::Reason;
use crate::output::Output;

/// Appends one variable.
pub(crate) fn push_variable(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let cut = |char: char| char == '=' || char.is_control();
    if name.is_empty() || name.starts_with('\u{feff}') || name.contains("<<") || name.contains(cut)
    {
        return Err(Reason::NameCharacters);
    }
    let upper = name.to_ascii_uppercase();
    if upper == "NODE_OPTIONS" || upper.starts_with("GITHUB_") || upper.starts_with("RUNNER_") {
        return Err(Reason::NameReserved);
    }
    if upper == "BASH_ENV" {
        return Err(Reason::NameOfTheShell);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    if value.ends_with(b"\r") {
        return Err(Reason::TrailingReturn);
    }
    str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    output.push(name.as_bytes());
    if value.contains(&b'\n') {
        let delimiter = delimiter(value);
        output.push(b"<<");
        output.push(delimiter.as_bytes());
        output.push(b"\n");
        output.push(value);
        output.push(b"\n");
        output.push(delimiter.as_bytes());
    } else {
        output.push(b"=");
        output.push(value);
    }
    output.push(b"\n");
    Ok(())
}

/// A line that the value does not contain.
fn delimiter(value: &[u8]) -> String {
    let is_line = |delimiter: &str| {
        value
            .split(|&byte| byte == b'\n')
            .any(|line| line.strip_suffix(b"\r").unwrap_or(line) == delimiter.as_bytes())
    };
    let mut delimiters = (0..).map(|number| format!("ZMS_{number}"));
    delimiters.find(|delimiter| !is_line(delimiter)).expect("a value has an end, numbers have none")
}

/// One `::add-mask::` command for each value that can be masked, for the log of the job.
///
/// The runner masks the value as a whole and each of its lines. It knows no mask for nothing.
pub fn github_masks(pairs: &[(&str, &[u8])]) -> Zeroizing<Vec<u8>> {
    let mut output = Output::default();
    for (_, value) in pairs {
        if str::from_utf8(value).is_ok_and(|text| text.trim().is_empty()) {
            continue;
        }
        output.push(b"::add-mask::");
        output.push_escaped(value, |byte| match byte {
            b'%' => Some(b"%25".as_slice()),
            b'\r' => Some(b"%0D".as_slice()),
            b'\n' => Some(b"%0A".as_slice()),
            _ => None,
        });
        output.push(b"\n");
    }
    output.finish()
}
