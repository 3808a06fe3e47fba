//! Just enough JSON for the vectors: maps keep their order, numbers are unsigned, text is ASCII
//! with escapes.

use std::{fmt::Write as _, ops::Index};

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

static NULL: Json = Json::Null;

impl Index<&str> for Json {
    type Output = Self;

    /// The value of a key; null where it is absent.
    fn index(&self, key: &str) -> &Self {
        let Self::Map(pairs) = self else { return &NULL };
        let found = pairs.iter().find(|(name, _)| name == key);
        found.map_or(&NULL, |(_, value)| value)
    }
}

/// A map of the pairs given.
pub(crate) fn map<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    Json::Map(pairs.map(|(key, value)| (key.to_owned(), value)).into())
}

/// Text.
pub(crate) fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

/// Bytes, as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> Json {
    Json::Text(::hex::encode(bytes))
}

/// A list of what an iterator yields.
pub(crate) fn list(items: impl IntoIterator<Item = Json>) -> Json {
    Json::List(items.into_iter().collect())
}

impl Json {
    /// Whether the value is there.
    pub(crate) fn is_some(&self) -> bool {
        *self != Self::Null
    }

    pub(crate) fn as_bool(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            other => panic!("no boolean: {other:?}"),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Number(value) => *value,
            other => panic!("no number: {other:?}"),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(value) => value,
            other => panic!("no text: {other:?}"),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        ::hex::decode(self.text()).expect("the text is hex")
    }

    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        self.bytes().try_into().expect("the length is as stated")
    }

    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Null => &[],
            other => panic!("no list: {other:?}"),
        }
    }

    pub(crate) fn pairs(&self) -> &[(String, Self)] {
        match self {
            Self::Map(pairs) => pairs,
            Self::Null => &[],
            other => panic!("no map: {other:?}"),
        }
    }

    /// Adds or replaces a key.
    pub(crate) fn with(mut self, key: &str, value: Self) -> Self {
        let Self::Map(pairs) = &mut self else { panic!("no map") };
        pairs.retain(|(name, _)| name != key);
        pairs.push((key.to_owned(), value));
        self
    }

    /// The text of the value, maps and lists one item a line.
    pub(crate) fn write(&self) -> String {
        let mut out = String::new();
        self.write_at(0, &mut out);
        out.push('\n');
        out
    }

    fn write_at(&self, depth: usize, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => write!(out, "{value}").expect("text takes all"),
            Self::Number(value) => write!(out, "{value}").expect("text takes all"),
            Self::Text(value) => write_text(value, out),
            Self::List(items) => {
                let lines = items.iter().map(|item| (None, item));
                write_lines(('[', ']'), lines, depth, out);
            }
            Self::Map(pairs) => {
                let lines = pairs.iter().map(|(key, value)| (Some(key), value));
                write_lines(('{', '}'), lines, depth, out);
            }
        }
    }

    /// Reads one value and nothing behind it.
    pub(crate) fn read(text: &str) -> Self {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value();
        reader.space();
        assert_eq!(reader.at, text.len(), "something follows the value");
        value
    }
}

fn write_lines<'a>(
    (open, close): (char, char),
    lines: impl Iterator<Item = (Option<&'a String>, &'a Json)>,
    depth: usize,
    out: &mut String,
) {
    let mut separator = "";
    out.push(open);
    for (key, value) in lines {
        write!(out, "{separator}\n{}", " ".repeat(depth + 1)).expect("text takes all");
        if let Some(key) = key {
            write_text(key, out);
            out.push_str(": ");
        }
        value.write_at(depth + 1, out);
        separator = ",";
    }
    if !separator.is_empty() {
        write!(out, "\n{}", " ".repeat(depth)).expect("text takes all");
    }
    out.push(close);
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(char @ ('"' | '\\')) => out.extend(['\\', char]),
            Some(char @ ' '..='~') => out.push(char),
            _ => write!(out, "\\u{unit:04x}").expect("text takes all"),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> char {
        self.text[self.at..].chars().next().expect("the text goes on")
    }

    fn take(&mut self) -> char {
        let char = self.peek();
        self.at += char.len_utf8();
        char
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn word(&mut self, word: &str, value: Json) -> Json {
        assert!(self.text[self.at..].starts_with(word), "at {}", self.at);
        self.at += word.len();
        value
    }

    fn value(&mut self) -> Json {
        self.space();
        match self.peek() {
            'n' => self.word("null", Json::Null),
            't' => self.word("true", Json::Bool(true)),
            'f' => self.word("false", Json::Bool(false)),
            '"' => Json::Text(self.string()),
            '[' => Json::List(self.items(']', Self::value)),
            '{' => Json::Map(self.items('}', Self::pair)),
            _ => self.digits(),
        }
    }

    fn digits(&mut self) -> Json {
        let rest = &self.text[self.at..];
        let end = rest.find(|char: char| !char.is_ascii_digit());
        let digits = &rest[..end.unwrap_or(rest.len())];
        self.at += digits.len();
        Json::Number(digits.parse().expect("a number of 64 bits"))
    }

    fn pair(&mut self) -> (String, Json) {
        self.space();
        let key = self.string();
        self.space();
        assert_eq!(self.take(), ':');
        (key, self.value())
    }

    fn items<T>(&mut self, close: char, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.take();
        self.space();
        if self.peek() == close {
            self.take();
            return items;
        }
        loop {
            items.push(item(self));
            self.space();
            match self.take() {
                ',' => {}
                end => {
                    assert_eq!(end, close);
                    return items;
                }
            }
        }
    }

    fn string(&mut self) -> String {
        assert_eq!(self.take(), '"');
        let mut units = Vec::new();
        loop {
            match self.take() {
                '"' => return String::from_utf16(&units).expect("surrogates come in pairs"),
                '\\' if self.peek() == 'u' => {
                    self.take();
                    let digits = &self.text[self.at..self.at + 4];
                    units.push(u16::from_str_radix(digits, 16).expect("four hex digits"));
                    self.at += 4;
                }
                '\\' => units.push(self.take() as u16),
                char => units.extend(char.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}

/// What must be set in `from` to get `to`: a list of `{"at": [key, ..], "to": value}`; without
/// `to`, the key is taken out. Lists are replaced as a whole.
pub(crate) fn difference(from: &Json, to: &Json) -> Json {
    let mut changes = Vec::new();
    differ(from, to, &mut Vec::new(), &mut changes);
    Json::List(changes)
}

fn differ(from: &Json, to: &Json, at: &mut Vec<String>, changes: &mut Vec<Json>) {
    if from == to {
        return;
    }
    let (Json::Map(old), Json::Map(new)) = (from, to) else {
        let change = map([("at", list(at.iter().map(|key| text(key))))]);
        changes.push(if to.is_some() { change.with("to", to.clone()) } else { change });
        return;
    };
    let gone = old.iter().filter(|(key, _)| !to[key].is_some());
    for (key, _) in new.iter().chain(gone) {
        at.push(key.clone());
        differ(&from[key], &to[key], at, changes);
        at.pop();
    }
}

/// Applies what [`difference`] found.
pub(crate) fn apply(mut to: Json, changes: &Json) -> Json {
    for change in changes.list() {
        let at: Vec<&str> = change["at"].list().iter().map(Json::text).collect();
        to = set(to, &at, &change["to"]);
    }
    to
}

fn set(at: Json, keys: &[&str], value: &Json) -> Json {
    let Some((key, rest)) = keys.split_first() else {
        return value.clone();
    };
    let Json::Map(mut pairs) = at else { panic!("no map to change") };
    match pairs.iter_mut().find(|(name, _)| name == key) {
        Some((_, held)) => *held = set(std::mem::replace(held, Json::Null), rest, value),
        None => pairs.push(((*key).to_owned(), set(Json::Null, rest, value))),
    }
    pairs.retain(|(_, value)| value.is_some());
    Json::Map(pairs)
}
