//! Writes key/value pairs of a TOML table.

use crate::Reason;
use crate::output::Output;
use crate::quoted::{is_unprintable, push_quoted};

/// Appends `name = "value"` in TOML 1.0, which readers of 1.1 read alike.
pub(crate) fn push_pair(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let value = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if is_bare(name) {
        output.push(name.as_bytes());
    } else {
        push_quoted(output, name, is_unprintable);
    }
    output.push(b" = ");
    push_quoted(output, value, is_unprintable);
    output.push(b"\n");
    Ok(())
}

/// A dot would make two keys of one, so it is not among these.
fn is_bare(name: &str) -> bool {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !name.is_empty() && name.bytes().all(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare_where_toml_allows_it() {
        let written = |name| {
            let mut output = Output::default();
            push_pair(&mut output, name, b"x").expect("UTF-8");
            String::from_utf8(output.finish().to_vec()).expect("UTF-8")
        };
        assert_eq!(written("A_b-1"), "A_b-1 = \"x\"\n");
        assert_eq!(written("A.B"), "\"A.B\" = \"x\"\n");
        assert_eq!(written(""), "\"\" = \"x\"\n");
        assert_eq!(written("\u{e9}"), "\"\u{e9}\" = \"x\"\n");
    }
}
