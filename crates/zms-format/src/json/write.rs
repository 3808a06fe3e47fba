//! Writes members of a JSON object.

use crate::Reason;
use crate::output::Output;
use crate::quoted::push_quoted;

/// Appends `  "name": "value"`, without a comma.
pub(crate) fn push_member(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let value = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    output.push(b"  ");
    push_quoted(output, name, |_| false);
    output.push(b": ");
    push_quoted(output, value, |_| false);
    Ok(())
}
