//! Addresses of secrets in a file: `zms://PROJECT/ENV[/SERVICE]/NAME`.

use zms_core::path::{ScopePath, SecretName};

/// How an address begins.
const SCHEME: &str = "zms://";

/// One address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) path: ScopePath,
    pub(super) name: String,
}

/// What stops a file from being filled in.
#[derive(Debug)]
pub(super) struct Refused {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: String,
    pub(super) hint: &'static str,
}

const FORM: &str = "an address is zms://PROJECT/ENV/NAME or zms://PROJECT/ENV/SERVICE/NAME";
const COMMENT: &str = "a file that is no template is filled in with `--addresses`; in a template begin \
                       a comment with `{# ` and name no zms:// address in it";

/// Puts a call in the place of each address in the text of a template, and gives the addresses in
/// the order of the calls' numbers. What stands in `{% raw %}` and in expressions is left as it is,
/// but for an expression that is an address and nothing else.
///
/// # Errors
/// An address that is none, and a comment that was hardly meant as one: what it swallows would be
/// missing, and nobody would be told.
pub(super) fn find(text: &str) -> Result<(String, Vec<Address>), Refused> {
    let (mut source, mut addresses) = (String::with_capacity(text.len()), Vec::new());
    let (mut rest, mut raw) = (text, false);
    while !rest.is_empty() {
        let starts: &[&str] = if raw { &["{%"] } else { &["{{", "{%", "{#", SCHEME] };
        let Some(at) = starts.iter().filter_map(|start| rest.find(start)).min() else { break };
        source.push_str(&rest[..at]);
        rest = &rest[at..];
        let refused = |why, hint| {
            let line = 1 + text[..text.len() - rest.len()].matches('\n').count();
            Refused { line, why, hint }
        };
        let end = match &rest[..2] {
            "{{" => "}}",
            "{%" => "%}",
            "{#" => "#}",
            _ => {
                let (address, length) = parse(rest.as_bytes()).map_err(|why| refused(why, FORM))?;
                call(&mut source, &mut addresses, address);
                rest = &rest[length..];
                continue;
            }
        };
        let length = rest[2..].find(end).map_or(rest.len(), |at| at + 4);
        let inner = rest[2..length].trim_end_matches(end);
        if end == "#}"
            && let Err(why) = comment(&text[..text.len() - rest.len()], inner)
        {
            return Err(refused(why, COMMENT));
        }
        let inner = inner.trim_matches(['-', '+']).trim();
        if end == "}}" && inner.starts_with(SCHEME) {
            let (address, used) = parse(inner.as_bytes()).map_err(|why| refused(why, FORM))?;
            if used < inner.len() {
                return Err(refused(format!("{inner:?} is no address"), FORM));
            }
            call(&mut source, &mut addresses, address);
        } else if raw && inner != "endraw" {
            // It is text, and so is what follows it.
            source.push_str(&rest[..2]);
            rest = &rest[2..];
            continue;
        } else {
            raw = end == "%}" && inner == "raw";
            source.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    source.push_str(rest);
    Ok((source, addresses))
}

/// Whether a comment was meant as one: it begins as comments do, which `${#1}` of a shell does not,
/// and takes no address with it.
fn comment(before: &str, inner: &str) -> Result<(), String> {
    let shell = before.ends_with('$');
    let begins = |char: char| char.is_whitespace() || (!shell && "-+#".contains(char));
    if inner.contains(SCHEME) {
        return Err("the comment that `{#` opens here would swallow an address".to_owned());
    }
    if !inner.is_empty() && !inner.starts_with(begins) {
        let opens = if shell { "${#" } else { "{#" };
        return Err(format!("`{opens}` opens a comment here, and what follows would be left out"));
    }
    Ok(())
}

/// The pieces of any file before, between and behind its addresses, and the addresses: there is one
/// piece more.
///
/// # Errors
/// An address that is none.
pub(super) fn split(file: &[u8]) -> Result<(Vec<&[u8]>, Vec<Address>), Refused> {
    let (mut pieces, mut addresses) = (Vec::new(), Vec::new());
    let (mut from, mut at) = (0, 0);
    while let Some(colon) = file[at..].iter().position(|byte| *byte == b':') {
        at += colon + 1;
        let start = (at - 1).saturating_sub("zms".len());
        if start < from || !file[start..].starts_with(SCHEME.as_bytes()) {
            continue;
        }
        let (address, length) = parse(&file[start..]).map_err(|why| {
            let line = 1 + file[..start].iter().filter(|byte| **byte == b'\n').count();
            Refused { line, why, hint: FORM }
        })?;
        pieces.push(&file[from..start]);
        addresses.push(address);
        from = start + length;
        at = from;
    }
    pieces.push(&file[from..]);
    Ok((pieces, addresses))
}

fn call(source: &mut String, addresses: &mut Vec<Address>, address: Address) {
    source.push_str(&format!("{{{{ {}({}) }}}}", super::template::ADDRESSED, addresses.len()));
    addresses.push(address);
}

/// The address that a text begins with, and how long it is. A dot or dash at its end is not part of
/// it: it ends a sentence.
fn parse(text: &[u8]) -> Result<(Address, usize), String> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/".contains(byte);
    let length = text[SCHEME.len()..].iter().take_while(|byte| part(byte)).count();
    let whole = str::from_utf8(&text[..SCHEME.len() + length]).expect("each byte is ASCII");
    let whole = whole.trim_end_matches(['.', '-']);
    let none = |why: &dyn std::fmt::Display| format!("{whole:?} is no address: {why}");
    let (path, name) = whole[SCHEME.len()..].rsplit_once('/').unwrap_or_default();
    let path = ScopePath::parse(path).map_err(|why| none(&format!("its path {why}")))?;
    if path.segments().len() < 2 {
        return Err(none(&"it names no environment"));
    }
    SecretName::parse(name).map_err(|why| none(&format!("its name {why}")))?;
    Ok((Address { path, name: name.to_owned() }, whole.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (String, Vec<String>) {
        let (source, addresses) = find(text).unwrap();
        let shown = |it: &Address| format!("{}/{}", it.path, it.name);
        (source, addresses.iter().map(shown).collect())
    }

    #[test]
    fn addresses_are_found_in_any_text() {
        let (source, addresses) = found(
            "a: \"zms://shop/staging/KEY\"\nSee zms://shop/dev/api/a.b-c. {{ zms://s/e/K }} {{- zms://s/e/L -}}",
        );
        assert_eq!(addresses, ["shop/staging/KEY", "shop/dev/api/a.b-c", "s/e/K", "s/e/L"]);
        assert_eq!(
            source,
            "a: \"{{ addressed(0) }}\"\nSee {{ addressed(1) }}. {{ addressed(2) }} {{ addressed(3) }}"
        );
    }

    #[test]
    fn what_is_no_text_of_the_template_is_left_as_it_is() {
        for text in [
            "{% raw %}zms://a/b/C {{ zms://a/b/C }} ${#1}{% endraw %}",
            "{{ \"zms://a/b/C\" }}",
            "{% if x == 'zms://a/b/C' %}{% endif %}",
            "{# one #}{#- two -#}{##}{### three\n ###}{#\nfour#}${# five #}",
            "{{ open",
            "",
        ] {
            assert_eq!(found(text), (text.to_owned(), Vec::new()));
        }
    }

    /// `{#` in a `{% raw %}` once took what followed it for a comment, up to the next `#}`.
    #[test]
    fn raw_text_ends_where_it_says_and_nowhere_else() {
        let (source, addresses) = found(
            "{% raw %}{# {{ {% if %} zms://a/b/C{%- endraw -%}zms://s/e/K {% raw %}#} }}{% endraw %}",
        );
        assert_eq!(addresses, ["s/e/K"]);
        assert_eq!(
            source,
            "{% raw %}{# {{ {% if %} zms://a/b/C{%- endraw -%}{{ addressed(0) }} {% raw %}#} }}{% endraw %}"
        );
    }

    #[test]
    fn a_comment_that_was_not_meant_as_one_is_refused_with_its_line() {
        for text in [
            "\nn=${#1} key=zms://a/b/C m=${1#} rest",
            "\nn=${#1} m=${1#}",
            "\nn=${#1}",
            "\nn=${#-} m=${1#}",
            "\n\\newcommand{\\a}[1]{#1} {1#}",
            "\n{# see\nzms://a/b/C #}",
            "\n{# zms://a/b/C",
        ] {
            let refused = find(text).unwrap_err();
            assert_eq!(refused.line, 2, "{text:?}");
            assert!(refused.hint.contains("--addresses"), "{text:?}");
        }
    }

    #[test]
    fn any_file_is_split_at_its_addresses_and_loses_no_byte() {
        let whole =
            b"\xff${#1} {{ .Values.x }} k=zms://s/e/K. {# zms://s/e/svc/a.b #}\r\nzms:/ zms:";
        let (pieces, addresses) = split(whole).unwrap();
        let shown: Vec<String> =
            addresses.iter().map(|it| format!("zms://{}/{}", it.path, it.name)).collect();
        assert_eq!(shown, ["zms://s/e/K", "zms://s/e/svc/a.b"]);
        assert_eq!(pieces[2], b" #}\r\nzms:/ zms:");
        let mut again = pieces[0].to_vec();
        for (address, piece) in shown.iter().zip(&pieces[1..]) {
            again.extend([address.as_bytes(), piece].concat());
        }
        assert_eq!(again, whole);
        assert_eq!(split(b"").unwrap().0, [b""]);
        assert_eq!(split(b"zms://a/b/C").unwrap().0, [b"", b""]);
        assert_eq!(split(b"a\nb\nzms://a/B").unwrap_err().line, 3);
    }

    #[test]
    fn what_is_no_address_is_named_with_its_line() {
        for text in
            ["\nzms://", "\nzms://a/B", "\nzms://a//b/C", "\nzms://a/../b/C", "\nzms:///a/b"]
        {
            assert_eq!(find(text).unwrap_err().line, 2, "{text:?}");
        }
        assert_eq!(find("{{ zms://a/b/C | upper }}").unwrap_err().line, 1);
    }
}
