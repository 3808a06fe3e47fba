//! Addresses of secrets in a text: `zms://PROJECT/ENV[/SERVICE]/NAME`.

use zms_core::path::{ScopePath, SecretName};

/// How an address begins.
const SCHEME: &str = "zms://";

/// One address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) path: ScopePath,
    pub(super) name: String,
}

/// Where in a template a scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    Raw,
}

/// Puts a call in the place of each address in the text of a template, and gives the addresses in
/// the order of the calls' numbers. What stands in `{% raw %}`, in comments and in expressions is
/// left as it is, but for an expression that is an address and nothing else.
///
/// # Errors
/// The line, from 1, of an address that is none, and why.
pub(super) fn find(text: &str) -> Result<(String, Vec<Address>), (usize, String)> {
    let (mut source, mut addresses) = (String::with_capacity(text.len()), Vec::new());
    let (mut rest, mut within) = (text, Within::Text);
    while !rest.is_empty() {
        let starts = ["{{", "{%", "{#", SCHEME].map(|start| rest.find(start));
        let Some(at) = starts.into_iter().flatten().min() else { break };
        source.push_str(&rest[..at]);
        rest = &rest[at..];
        let line = || 1 + text[..text.len() - rest.len()].matches('\n').count();
        if within == Within::Text && rest.starts_with(SCHEME) {
            let (address, length) = parse(rest).map_err(|why| (line(), why))?;
            call(&mut source, &mut addresses, address);
            rest = &rest[length..];
            continue;
        }
        let end = match &rest[..2] {
            "{{" => "}}",
            "{%" => "%}",
            "{#" => "#}",
            _ => {
                source.push_str(SCHEME);
                rest = &rest[SCHEME.len()..];
                continue;
            }
        };
        let length = rest[2..].find(end).map_or(rest.len(), |at| at + 4);
        let inner = rest[2..length].trim_end_matches(end).trim_matches(['-', '+']).trim();
        if within == Within::Text && end == "}}" && inner.starts_with(SCHEME) {
            let (address, used) = parse(inner).map_err(|why| (line(), why))?;
            if used < inner.len() {
                return Err((line(), format!("{inner:?} is no address")));
            }
            call(&mut source, &mut addresses, address);
        } else {
            match (end, inner) {
                ("%}", "raw") => within = Within::Raw,
                ("%}", "endraw") => within = Within::Text,
                _ => {}
            }
            source.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    source.push_str(rest);
    Ok((source, addresses))
}

fn call(source: &mut String, addresses: &mut Vec<Address>, address: Address) {
    source.push_str(&format!("{{{{ {}({}) }}}}", super::template::ADDRESSED, addresses.len()));
    addresses.push(address);
}

/// The address that a text begins with, and how long it is. A dot or dash at its end is not part of
/// it: it ends a sentence.
fn parse(text: &str) -> Result<(Address, usize), String> {
    let part = |char: char| char.is_ascii_alphanumeric() || "._-/".contains(char);
    let length =
        text[SCHEME.len()..].find(|char| !part(char)).map_or(text.len(), |at| at + SCHEME.len());
    let whole = text[..length].trim_end_matches(['.', '-']);
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
            "{# zms://a/b/C #}",
            "{% raw %}zms://a/b/C {{ zms://a/b/C }}{% endraw %}",
            "{{ \"zms://a/b/C\" }}",
            "{% if x == 'zms://a/b/C' %}{% endif %}",
            "{{ open",
            "",
        ] {
            assert_eq!(found(text), (text.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn what_is_no_address_is_named_with_its_line() {
        for text in
            ["\nzms://", "\nzms://a/B", "\nzms://a//b/C", "\nzms://a/../b/C", "\nzms:///a/b"]
        {
            assert_eq!(find(text).unwrap_err().0, 2, "{text:?}");
        }
        assert_eq!(find("{{ zms://a/b/C | upper }}").unwrap_err().0, 1);
    }
}
