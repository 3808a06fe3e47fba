//! Every citation of a spec page in the code leads to a page, and to a heading of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::spec;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The anchors of a page, made from its headings as common Markdown viewers do.
fn anchors(page: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(spec().join(page));
    let text = text.unwrap_or_else(|error| panic!("spec/{page}: {error}"));
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|char| char.is_alphanumeric() || *char == '-').collect()
    };
    headings.map(anchor).collect()
}

/// `page.md` and `#heading` of every citation in a text.
fn citations(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split("spec/").skip(1).filter_map(|rest| {
        let end = rest.find(|char: char| !(char.is_ascii_alphanumeric() || "-.#/".contains(char)));
        let cited = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
        let (page, heading) = match cited.split_once('#') {
            Some((page, heading)) => (page, Some(heading)),
            None => (cited, None),
        };
        page.ends_with(".md").then_some((page, heading))
    })
}

#[test]
fn every_citation_of_the_spec_resolves() {
    let crates = spec().join("../crates");
    let (mut found, mut seen) = (Vec::new(), 0);
    sources(&crates, &mut found);
    for source in found {
        let text = fs::read_to_string(&source).expect("a source file is text");
        for (page, heading) in citations(&text).filter(|(page, _)| *page != "page.md") {
            let anchors = anchors(page);
            let known = heading.is_none_or(|heading| anchors.contains(heading));
            assert!(known, "{} cites spec/{page}#{}", source.display(), heading.unwrap_or(""));
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} citations were found");
}

/// `page.md` and `#heading` of every link of one page to another, or to itself.
fn links(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        let (page, heading) = target.split_once('#').unwrap_or((target, ""));
        let own = page.is_empty() || page.ends_with(".md");
        own.then_some((page, Some(heading).filter(|heading| !heading.is_empty())))
    })
}

#[test]
fn every_link_within_the_spec_resolves() {
    let mut seen = 0;
    for entry in fs::read_dir(spec()).expect("the spec is a folder") {
        let path = entry.expect("a folder can be listed").path();
        let file = path.file_name().and_then(|name| name.to_str()).expect("named in ASCII");
        if !file.ends_with(".md") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a page is text");
        for (page, heading) in links(&text) {
            let page = if page.is_empty() { file } else { page };
            let known = heading.is_none_or(|heading| anchors(page).contains(heading));
            assert!(known, "{file} links to {page}#{}", heading.unwrap_or(""));
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} links were found");
}

#[test]
fn a_citation_is_read_to_its_end() {
    let text = "// spec/keys.md#labels; (spec/pins.md). [x](spec/vectors) `spec/<page>.md`";
    let found: Vec<_> = citations(text).collect();
    assert_eq!(found, [("keys.md", Some("labels")), ("pins.md", None)]);
}
