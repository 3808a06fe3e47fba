//! 1Password: `op item get NAME --format json`, one item after another.

use std::collections::HashMap;

use super::{Import, ImportError, all};
use crate::tree::Tree;

/// An item, several, or the fields that `--fields` chose.
pub(super) fn fits(tree: &Tree<'_>) -> bool {
    let item = |item: &Tree<'_>| item.has("category") && item.has("id") && item.has("title");
    let field = |item: &Tree<'_>| item.has("id") && item.has("type") && item.has("label");
    item(tree) || field(tree) || all(tree, |it| item(it) || field(it))
}

/// A field that holds something.
struct Field<'t> {
    label: String,
    section: String,
    value: Tree<'t>,
}

/// Every field with a value, by its label. Where two have one label, the section's stands before it.
pub(super) fn read(tree: Tree<'_>, import: &mut Import) -> Result<(), ImportError> {
    let mut fields = Vec::new();
    for mut item in tree.into_items() {
        if !item.has("category") {
            fields.extend(field(item));
            continue;
        }
        let title = item.word("title").to_owned();
        for file in item.take("files").map(Tree::into_items).unwrap_or_default() {
            let name = format!("{title}/{}", file.word("name"));
            import.leave_out(name, "is a file, which the export only names: see `op read`");
        }
        let own = item.take("fields").map(Tree::into_items).unwrap_or_default();
        fields.extend(own.into_iter().filter_map(field));
    }
    let mut labels: HashMap<String, usize> = HashMap::new();
    for field in &fields {
        *labels.entry(field.label.clone()).or_default() += 1;
    }
    for Field { label, section, value } in fields {
        let unclear = labels[&label] > 1 && !section.is_empty();
        let name = if unclear { format!("{section}_{label}") } else { label };
        import.add(name, value, "")?;
    }
    Ok(())
}

/// A field, if it holds something: an item has empty ones for what its form asks.
fn field(mut tree: Tree<'_>) -> Option<Field<'_>> {
    let label = [tree.word("label"), tree.word("id")].into_iter().find(|it| !it.is_empty())?;
    let label = label.to_owned();
    let section = tree.get("section").map(|it| {
        let label = it.word("label");
        if label.is_empty() { it.word("id") } else { label }
    });
    let section = section.unwrap_or_default().to_owned();
    let value = tree.take("value")?;
    (value.text() != Some("")).then_some(Field { label, section, value })
}
