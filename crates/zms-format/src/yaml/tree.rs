//! Reads YAML of several levels.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle};

use super::YamlError;
use super::read::{Events, is, is_null, owned, value};
use crate::tree::{MAX_LEVELS, MAX_NODES, Node, Tree};

/// A mapping or list that is still open.
struct Open {
    line: usize,
    tree: Node<'static>,
    /// The name whose value comes next.
    name: Option<String>,
    /// The names so far, and their lines.
    seen: HashMap<String, usize>,
}

/// Reads one document. Levels, values and names are bounded, anchors and aliases refused, and no name
/// stands twice in one mapping. It costs no stack.
pub(crate) fn tree(text: &[u8]) -> Result<Tree<'static>, YamlError> {
    let mut events = Events::of(text)?;
    let mut open: Vec<Open> = Vec::new();
    let mut whole = None;
    let mut left = MAX_NODES;
    loop {
        let (event, span) = events.next()?;
        let line = span.start.line();
        let tag_ok = |tag: &Option<_>, name| tag.is_none() || is(tag.as_deref(), name);
        let done = match event {
            Event::StreamEnd => return whole.ok_or(YamlError::NotMapping),
            Event::DocumentStart(_) if whole.is_some() => {
                return Err(YamlError::Documents { line });
            }
            Event::MappingStart(anchor, tag) | Event::SequenceStart(anchor, tag) if anchor > 0 => {
                drop(tag);
                return Err(YamlError::Alias { line, name: name_of(&open) });
            }
            Event::Alias(_) | Event::Scalar(_, _, 1.., _) => {
                return Err(YamlError::Alias { line, name: name_of(&open) });
            }
            Event::MappingStart(_, tag) if tag_ok(&tag, "map") => {
                begin(&mut open, line, Node::Map(Vec::new()))?;
                continue;
            }
            Event::SequenceStart(_, tag) if tag_ok(&tag, "seq") => {
                begin(&mut open, line, Node::List(Vec::new()))?;
                continue;
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                return Err(YamlError::Tag { line, name: name_of(&open) });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let Open { line, tree, .. } = open.pop().expect("what ends has begun");
                Tree { line, source: None, node: tree }
            }
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if let Some(Open { tree: Node::Map(_), name: name @ None, seen, .. }) =
                    open.last_mut()
                {
                    if plain && text == "<<" {
                        return Err(YamlError::Merge { line });
                    }
                    let key = text.into_owned();
                    if let Some(first) = seen.insert(key.clone(), line) {
                        return Err(YamlError::Repeated { line, first, name: key });
                    }
                    *name = Some(key);
                    continue;
                }
                if !tag_ok(&tag, "str") {
                    return Err(YamlError::Tag { line, name: name_of(&open) });
                }
                let text = owned(text);
                let null = plain && is_null(&text);
                let node = if null { Node::Null } else { Node::Text(value(text)) };
                Tree { line, source: None, node }
            }
            _ => continue,
        };
        left = left.checked_sub(1).ok_or(YamlError::TooMany)?;
        match open.last_mut() {
            None => whole = Some(done),
            Some(Open { tree: Node::Map(members), name, line, .. }) => {
                let name = name.take().ok_or(YamlError::Key { line: *line })?;
                members.push((name, done));
            }
            Some(Open { tree: Node::List(items), .. }) => items.push(done),
            Some(_) => {}
        }
    }
}

/// Opens a level below the one that is open. A mapping or list can not be a name.
fn begin(open: &mut Vec<Open>, line: usize, tree: Node<'static>) -> Result<(), YamlError> {
    if open.len() == MAX_LEVELS {
        return Err(YamlError::TooDeep { line });
    }
    if let Some(Open { tree: Node::Map(_), name: None, .. }) = open.last() {
        return Err(YamlError::Key { line });
    }
    open.push(Open { line, tree, name: None, seen: HashMap::new() });
    Ok(())
}

/// The name that is being read, for an error.
fn name_of(open: &[Open]) -> String {
    open.iter().rev().find_map(|level| level.name.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> YamlError {
        tree(text.as_bytes()).err().expect("must be refused")
    }

    #[test]
    fn levels_are_read_with_their_lines() {
        let read = tree(b"a:\n  b: [1, 'x']\nc: null\n").expect("readable");
        let list = read.get("a").and_then(|a| a.get("b")).and_then(Tree::list).expect("there");
        assert_eq!((list[1].text(), list[1].line), (Some("x"), 2));
        assert!(matches!(read.get("c").expect("there").node, Node::Null));
    }

    #[test]
    fn attack_aliases_are_never_expanded_on_any_level() {
        let mut laughs = String::from("a: &a [lol]\n");
        for level in b'b'..=b'z' {
            let (name, last) = (char::from(level), char::from(level - 1));
            laughs += &format!("{name}: &{name} [*{last}, *{last}, *{last}, *{last}]\n");
        }
        assert_eq!(error(&laughs), YamlError::Alias { line: 1, name: "a".into() });
        assert_eq!(error("a: &a {b: *a}"), YamlError::Alias { line: 1, name: "a".into() });
        assert_eq!(error("a:\n  <<: *b\n"), YamlError::Merge { line: 2 });
        assert!(matches!(error("a: {b: *c}"), YamlError::Syntax { line: 1, .. }));
    }

    #[test]
    fn depth_length_and_repeated_names_are_refused() {
        for deep in ["[", "{a: ", "- ", "? "] {
            assert!(tree(deep.repeat(300_000).as_bytes()).is_err(), "{deep}");
        }
        assert_eq!(
            error(&format!("{}{}", "[".repeat(17), "]".repeat(17))),
            YamlError::TooDeep { line: 1 }
        );
        assert!(tree(format!("{}{}", "[".repeat(16), "]".repeat(16)).as_bytes()).is_ok());
        assert_eq!(error(&format!("[0{}]", ",0".repeat(MAX_NODES))), YamlError::TooMany);
        assert_eq!(
            error("a:\n  b: 1\n  b: 2"),
            YamlError::Repeated { line: 3, first: 2, name: "b".into() }
        );
        assert_eq!(error("? [a]\n: b\n"), YamlError::Key { line: 1 });
        assert_eq!(error("a: 1\n---\nb: 2\n"), YamlError::Documents { line: 2 });
        assert_eq!(error(""), YamlError::NotMapping);
    }
}
