//! A text of several levels, as the exports of tools have them.

use crate::Value;

/// Most levels of a text: no tool's export has more than half of them.
pub const MAX_LEVELS: usize = 16;

/// Most values of a text, on all levels.
pub(crate) const MAX_NODES: usize = 1_000_000;

/// One value and where it stands.
pub(crate) struct Tree<'t> {
    /// Line where it starts, counted from 1.
    pub(crate) line: usize,
    /// Its exact text, where that is JSON.
    pub(crate) source: Option<&'t str>,
    /// What it is.
    pub(crate) node: Node<'t>,
}

/// What a value is.
pub(crate) enum Node<'t> {
    /// A string; of a number, boolean or date its exact text.
    Text(Value),
    /// Nothing.
    Null,
    /// A list.
    List(Vec<Tree<'t>>),
    /// Names and values in order, no name twice.
    Map(Vec<(String, Tree<'t>)>),
}

impl<'t> Tree<'t> {
    /// The member of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Tree<'t>> {
        let Node::Map(members) = &self.node else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, tree)| tree)
    }

    /// Whether there is a member of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether it is a list or has levels below it.
    pub(crate) fn is_deep(&self) -> bool {
        matches!(self.node, Node::List(_) | Node::Map(_))
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<&[Tree<'t>]> {
        let Node::List(items) = &self.node else { return None };
        Some(items)
    }

    /// The text of what is no secret: a name, a kind, a note.
    pub(crate) fn text(&self) -> Option<&str> {
        let Node::Text(value) = &self.node else { return None };
        // EXPOSE: what stands beside a secret in an export.
        str::from_utf8(value.expose()).ok()
    }

    /// The text of a member that is no secret; empty where there is none.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.get(name).and_then(Tree::text).unwrap_or_default()
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Tree<'t>> {
        let Node::Map(members) = &mut self.node else { return None };
        let at = members.iter().position(|(member, _)| member == name)?;
        Some(members.swap_remove(at).1)
    }

    /// The members of a map; none of anything else.
    pub(crate) fn into_members(self) -> Vec<(String, Tree<'t>)> {
        match self.node {
            Node::Map(members) => members,
            _ => Vec::new(),
        }
    }

    /// The items of a list; of anything else, it alone.
    pub(crate) fn into_items(self) -> Vec<Tree<'t>> {
        match self.node {
            Node::List(items) => items,
            _ => vec![self],
        }
    }
}
