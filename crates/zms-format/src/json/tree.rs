//! Reads JSON of several levels, and one document after another.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::JsonError;
use super::read::Members;
use super::string::decode;
use crate::lines::Lines;
use crate::tree::{MAX_LEVELS, MAX_NODES, Node, Tree};

/// Reads all documents of a text; of several, a list. Levels, values and names are bounded, and no
/// name stands twice in one object.
pub(crate) fn tree(text: &[u8]) -> Result<Tree<'_>, JsonError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader =
        Reader { start: text.as_ptr().addr(), lines: Lines::new(text), left: MAX_NODES };
    let mut documents = Vec::new();
    for raw in serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>() {
        documents.push(reader.read(raw.map_err(|error| broken(&error))?, "", 0)?);
    }
    match documents.len() {
        1 => Ok(documents.remove(0)),
        _ => Ok(Tree { line: 1, source: None, node: Node::List(documents) }),
    }
}

/// One member of an object.
pub struct Member<'t> {
    /// Its name.
    pub name: String,
    /// Its exact text.
    pub source: &'t str,
    /// What it holds, where it is a string.
    pub text: Option<crate::Value>,
}

/// Reads the members of one object, in order, each with its exact text. Everything below them is
/// read too: no name stands twice, no string holds half a surrogate pair, and objects and lists
/// lie at most [`MAX_LEVELS`] deep.
///
/// # Errors
/// [`JsonError`]; its text names places and keys, never a value.
pub fn json_members(text: &[u8]) -> Result<Vec<Member<'_>>, JsonError> {
    let Node::Map(members) = tree(text)?.node else { return Err(JsonError::NotObject) };
    Ok(members.into_iter().map(member).collect())
}

fn member<'t>((name, tree): (String, Tree<'t>)) -> Member<'t> {
    let source = tree.source.unwrap_or_default();
    let text = match tree.node {
        Node::Text(text) if source.starts_with('"') => Some(text),
        _ => None,
    };
    Member { name, source, text }
}

fn broken(error: &serde_json::Error) -> JsonError {
    match error.classify() {
        Category::Data => JsonError::TooMany,
        _ => JsonError::Syntax { line: error.line(), column: error.column() },
    }
}

struct Reader<'t> {
    /// Address of the text.
    start: usize,
    lines: Lines<'t>,
    /// How many more values may come.
    left: usize,
}

impl<'t> Reader<'t> {
    /// Reads one value. Its depth is bounded before anything below it is looked at.
    fn read(&mut self, raw: &'t RawValue, name: &str, level: usize) -> Result<Tree<'t>, JsonError> {
        let text = raw.get();
        let line = self.lines.of(text.as_ptr().addr() - self.start);
        self.left = self.left.checked_sub(1).ok_or(JsonError::TooMany)?;
        let deep = text.starts_with(['{', '[']);
        if deep && level == MAX_LEVELS {
            return Err(JsonError::TooDeep { line });
        }
        let node = match text.as_bytes() {
            [b'"', content @ .., b'"'] => Node::Text(
                decode(content).ok_or(JsonError::LoneSurrogate { line, name: name.to_owned() })?,
            ),
            [b'{', ..] => {
                let members: Members<'t> = serde_json::from_str(text).map_err(|it| broken(&it))?;
                let (mut seen, mut map) = (HashMap::new(), Vec::with_capacity(members.0.len()));
                for (name, raw) in members.0 {
                    let tree = self.read(raw, &name, level + 1)?;
                    let line = tree.line;
                    if let Some(first) = seen.insert(name.clone(), line) {
                        return Err(JsonError::Repeated { line, first, name });
                    }
                    map.push((name, tree));
                }
                Node::Map(map)
            }
            [b'[', ..] => {
                let items: Items<'t> = serde_json::from_str(text).map_err(|it| broken(&it))?;
                let items = items.0.into_iter().map(|raw| self.read(raw, name, level + 1));
                Node::List(items.collect::<Result<_, _>>()?)
            }
            b"null" => Node::Null,
            number_or_bool => Node::Text(crate::Value::from(number_or_bool)),
        };
        Ok(Tree { line, source: Some(text), node })
    }
}

/// Source texts of a list's items.
struct Items<'t>(Vec<&'t RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MAX_NODES {
                return Err(A::Error::custom("too many"));
            }
            items.push(item);
        }
        Ok(Items(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> JsonError {
        tree(text.as_bytes()).err().expect("must be refused")
    }

    #[test]
    fn one_document_and_several_are_read_with_their_lines() {
        let one = tree(b"{\"a\":\n{\"b\": [1,\n2]}}").expect("readable");
        let list = one.get("a").and_then(|a| a.get("b")).expect("there");
        assert_eq!((list.line, list.source), (2, Some("[1,\n2]")));
        assert_eq!(list.list().expect("a list")[1].line, 3);
        let several = tree(b"{\"a\":1}\n{\"a\":2}\n").expect("readable");
        assert_eq!(several.list().expect("a list").len(), 2);
        assert!(tree(b"").expect("nothing is no document").list().is_some_and(<[_]>::is_empty));
    }

    #[test]
    fn depth_length_and_repeated_names_are_refused() {
        assert_eq!(
            error(&"[".repeat(1_000_000)).to_string(),
            "line 1, column 1000000: not valid JSON"
        );
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(error(&deep), JsonError::TooDeep { line: 1 });
        assert!(tree(format!("{}{}", "[".repeat(16), "]".repeat(16)).as_bytes()).is_ok());
        assert_eq!(error(&format!("[0{}]", ",0".repeat(MAX_NODES))), JsonError::TooMany);
        assert_eq!(error(&format!("[{}0]", "[0,0],".repeat(MAX_NODES / 2))), JsonError::TooMany);
        let name = "b".to_owned();
        assert_eq!(
            error("{\"a\":{\"b\":1,\n\"\\u0062\":2}}"),
            JsonError::Repeated { line: 2, first: 1, name }
        );
    }
}
