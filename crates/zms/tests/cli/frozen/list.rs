//! The list of what is frozen: a file on it never changes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use zms_crypto::digest::sha256;

use super::folder::root;

/// The list of hashes, as it is written.
pub fn listed() -> String {
    fs::read_to_string(root().join("SHA256SUMS")).unwrap()
}

/// Hashes by path.
pub fn sums(list: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (sum, path) = line.split_once("  ").unwrap();
        (path.to_owned(), sum.to_owned())
    };
    list.lines().map(line).collect()
}

/// Every file of every folder there is, with its hash.
pub fn found() -> BTreeMap<String, String> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, files) } else { files.push(path) }
        }
    }
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.retain(|path| path.parent() != Some(&root()));
    let sum = |path: PathBuf| {
        let sum = hex::encode(sha256(&[&fs::read(&path).unwrap()]));
        (path.strip_prefix(root()).unwrap().display().to_string(), sum)
    };
    files.into_iter().map(sum).collect()
}

#[test]
fn what_is_frozen_never_changes() {
    let (written, is) = (sums(&listed()), found());
    for (path, sum) in &written {
        assert_eq!(is.get(path), Some(sum), "{path} was changed or removed: bring it back");
    }
    for path in is.keys() {
        assert!(written.contains_key(path), "{path} is not in SHA256SUMS");
    }
}
