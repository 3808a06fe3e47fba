//! The files of the vault: whose they are, who may read them, and what they lie on.

use std::path::Path;

use super::report::Report;
use crate::{
    exit::Exit,
    files::names,
    home::{Found, Home, found, try_folder},
};

/// File systems that are reached over a network, by the numbers of statfs(2). SQLite's locks and
/// its shared memory do not hold there between machines.
const NETWORKS: [(u64, &str); 8] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x0bd0_0bd0, "Lustre"),
];

/// Checks folders, files, links and the file system.
pub(super) fn check(report: &mut Report, home: &Home) {
    folders(report, home);
    key(report, home);
    let database = ["", "-wal", "-shm"].map(|end| format!("zms.db{end}"));
    private(report, "database", home.folder(), &database);
    let mut pins = names(&home.pins());
    pins.sort();
    private(report, "pins", &home.pins(), &pins);
    match try_folder(home.folder()) {
        Ok(()) => report.ok("hard links", "files can be made, whole or not at all"),
        Err(error) => report.fail(
            "hard links",
            Exit::Other,
            format!("no file can be made in {} ({error})", home.folder().display()),
            "put the vault into a folder of yours, on a file system that knows hard links",
        ),
    }
    match rustix::fs::statfs(home.folder()).map(|it| it.f_type.cast_unsigned() & 0xffff_ffff) {
        Ok(kind) => match NETWORKS.iter().find(|(number, _)| *number == kind) {
            Some((_, name)) => report.warn(
                "file system",
                format!("the vault lies on {name}, a network file system"),
                "put it on a local disk: locks may not hold, and a commit may be lost",
            ),
            None => report.ok("file system", "local"),
        },
        Err(error) => report.skip("file system", error),
    }
}

fn folders(report: &mut Report, home: &Home) {
    let inner = [home.pins(), home.allowed(), home.agent()];
    let mut sound = true;
    for folder in home.folders().into_iter().chain(inner) {
        let Some(found) = found(&folder) else { continue };
        let shown = folder.display();
        let hint = format!("chmod 700 {shown}");
        if !found.ours {
            report.fail("folder", Exit::Other, format!("{shown} belongs to somebody else"), &hint);
        } else if found.mode & 0o022 != 0 && !found.link {
            report.fail("folder", Exit::Other, format!("others can write in {shown}"), &hint);
        } else if found.mode & 0o055 != 0 && !found.link {
            report.warn("folder", format!("others can look into {shown}"), &hint);
        } else {
            continue;
        }
        sound = false;
    }
    if sound {
        report.ok("folder", format!("{}, for nobody else", home.folder().display()));
    }
}

fn key(report: &mut Report, home: &Home) {
    let path = home.key();
    let shown = path.display();
    let Some(found) = found(&path) else {
        report.skip("key file", "there is none here: tokens are all that is used");
        return;
    };
    if let Some((finding, hint)) = flaw(&path, &found, 0o077) {
        report.fail("key file", Exit::Other, finding, hint);
    } else if found.names > 1 {
        report.warn(
            "key file",
            format!("{shown} has {} names", found.names),
            "remove the others: `zms reset` wipes the key, and leaves their names to it",
        );
    } else {
        report.ok("key file", format!("{shown}, for nobody else"));
    }
}

/// Files that nobody else should read and nobody else may write.
fn private(report: &mut Report, check: &'static str, folder: &Path, names: &[String]) {
    let mut count = 0;
    let mut sound = true;
    for name in names {
        let path = folder.join(name);
        let Some(found) = found(&path) else { continue };
        count += 1;
        if let Some((finding, hint)) = flaw(&path, &found, 0o022) {
            report.fail(check, Exit::Other, finding, hint);
        } else if let Some((finding, hint)) = flaw(&path, &found, 0o077) {
            report.warn(check, finding, hint);
        } else {
            continue;
        }
        sound = false;
    }
    match (sound, count) {
        (true, 0) => report.skip(check, format!("nothing in {} yet", folder.display())),
        (true, 1) => report.ok(check, "1 file, for nobody else"),
        (true, _) => report.ok(check, format!("{count} files, for nobody else")),
        (false, _) => {}
    }
}

fn flaw(path: &Path, found: &Found, forbidden: u32) -> Option<(String, String)> {
    let shown = path.display();
    let chmod = || format!("chmod 600 {shown}");
    if found.link {
        let hint = "put the file itself there".to_owned();
        Some((format!("{shown} is a symbolic link"), hint))
    } else if !found.plain {
        let hint = "put the file itself there".to_owned();
        Some((format!("{shown} is no regular file"), hint))
    } else if !found.ours {
        Some((format!("{shown} belongs to somebody else"), format!("chown it, then {}", chmod())))
    } else if found.mode & forbidden & 0o022 != 0 {
        Some((format!("others can write {shown}"), chmod()))
    } else if found.mode & forbidden != 0 {
        Some((format!("others can read {shown}"), chmod()))
    } else {
        None
    }
}
