//! A database on a small disk of its own, that can be full.

use std::{fs, path::PathBuf, process::Command};

use super::Server;

/// A disk that holds one database, taken away in the end.
pub struct SmallDisk<'s> {
    server: &'s Server,
    database: &'static str,
    folder: PathBuf,
}

impl<'s> SmallDisk<'s> {
    /// Makes a database on one.
    pub(super) fn with(server: &'s Server, database: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix("zms-small-").tempdir().expect("made").keep();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0700,uid=65534,gid=65534", "tmpfs"])
            .arg(&folder)
            .status();
        assert!(mounted.expect("it starts").success(), "a test that is root can mount");
        let space = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
        server.sql("postgres", &space);
        server.sql("postgres", &format!("CREATE DATABASE {database} TABLESPACE small"));
        Self { server, database, folder }
    }

    /// Fills it, in pieces that get smaller, so that next to nothing is left.
    pub fn fill(&self) {
        for (piece, rows) in [("large", 40_000), ("middling", 4000), ("small", 300), ("least", 1)] {
            let filled = (0..200).find(|number| {
                let noise = format!(
                    "CREATE TABLE {piece}{number} AS
                     SELECT md5(random()::text) AS it FROM generate_series(1, {rows})"
                );
                !self.server.try_sql(self.database, &noise)
            });
            assert!(filled.is_some(), "the disk gets full");
        }
    }

    /// Makes room again.
    pub fn relieve(&self) {
        self.server.sql(self.database, "DROP TABLE large0");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
        let _ = fs::remove_dir(&self.folder);
    }
}
