//! The last backup: when it was made, and whether the key in use opens it.

use zms_core::{id::VaultId, key_file::KeyFile};

use super::report::Report;
use crate::{
    environment,
    exit::Exit,
    home::{Home, read_private},
    last_backup::{LastBackup, OLD},
};

/// Checks what is known of it. Needs no key.
pub(super) fn check(report: &mut Report, home: &Home, vault: Option<VaultId>) {
    let Some(vault) = vault else { return };
    let now = environment::now();
    let Some(last) = LastBackup::of(home, &vault.to_string()) else {
        let hint = "`zms backup FILE`, and keep it on another disk";
        return report.warn("backup", "none that is known of here", hint);
    };
    let text = read_private(&home.key(), Exit::Integrity).ok().flatten();
    let key = text.and_then(|text| KeyFile::parse(&text).ok()).map(|file| file.principal());
    if key.is_some_and(|key| !last.opens_for(key)) {
        report.warn(
            "backup",
            "the master key was replaced since: the last one opens with the old key only",
            "`zms backup FILE`",
        );
    } else if last.age(now) > OLD {
        report.warn("backup", last.shown(now), "it is old: `zms backup FILE`");
    } else {
        report.ok("backup", last.shown(now));
    }
}
