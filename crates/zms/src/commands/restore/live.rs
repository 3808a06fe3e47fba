//! What is there before a restore.

use std::path::PathBuf;

use zms_client::{
    SessionError,
    pins::{PinTable, PinTrouble},
};
use zms_core::{
    bundle::{Bundle, Standing, Trouble, TroubleClass},
    id::{PrincipalId, VaultId},
    pin::Pinned,
    roster::Roster,
};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use crate::{
    commands::backup::DATABASE,
    environment,
    exit::{Failure, Outcome},
    home::{Home, Scratch},
};

/// The database that a restore takes the place of.
pub enum Live {
    /// There is none.
    None,
    /// One that can be asked.
    Sound {
        /// It.
        store: SqliteStore,
        /// The generation of its roster, as it says.
        generation: u64,
    },
    /// One that can not.
    Damaged {
        /// What is wrong with it.
        why: String,
    },
}

impl Live {
    /// Looks at what is there: it must be the same vault.
    pub fn look(home: &Home, vault: VaultId) -> Outcome<Self> {
        match Self::open(home) {
            Ok(None) => Ok(Self::None),
            Ok(Some((store, found, generation))) => {
                if found.is_some_and(|found| found != vault) {
                    return Err(Failure::usage(format!(
                        "the backup is of another vault than the one in {}",
                        home.folder().display()
                    ))
                    .hint("restore it beside that with `--vault NAME`, or remove that with `zms reset`"));
                }
                Ok(Self::Sound { store, generation })
            }
            Err(trouble) if trouble.class == TroubleClass::Corrupt => {
                Ok(Self::Damaged { why: trouble.source.to_string() })
            }
            Err(trouble) => Err(SessionError::Store(trouble).into()),
        }
    }

    fn open(home: &Home) -> Result<Option<(SqliteStore, Option<VaultId>, u64)>, Trouble> {
        let Some(store) = SqliteStore::open(&home.database())? else { return Ok(None) };
        let (vault, generation) = {
            let bundle = store.bundle()?;
            (bundle.vault()?, generation(&*bundle)?)
        };
        Ok(Some((store, vault, generation)))
    }

    /// Whether it says that a principal was taken out.
    pub fn departed(&self, id: PrincipalId) -> bool {
        let Self::Sound { store, .. } = self else { return false };
        let standing = store.bundle().and_then(|bundle| bundle.standing(id));
        matches!(standing, Ok(Standing::Departed { .. }))
    }

    /// When it was used last, in unix seconds.
    pub fn newest(&self) -> Option<u64> {
        let Self::Sound { store, .. } = self else { return None };
        store.newest_entry().ok().flatten()
    }

    /// The least generation that everybody takes for newer. Pins that can not be read stop it:
    /// what they say must be outdone.
    pub fn least(&self, pinned: Result<PinTable, PinTrouble>) -> Outcome<u64> {
        let pinned = pinned.map_err(SessionError::Pins)?;
        let pinned = pinned.roster().map_or(0, |pin| pin.generation);
        let held = if let Self::Sound { generation, .. } = self { *generation } else { 0 };
        Ok(pinned.max(held).saturating_add(1))
    }

    /// Puts the restored database in its place, in one step. Gives where a damaged one is kept.
    pub fn give_way(self, home: &Home, scratch: &Scratch) -> Outcome<Option<PathBuf>> {
        let made = SqliteStore::open(&scratch.file(DATABASE)).map_err(SessionError::Store)?;
        let made = made.ok_or_else(|| Failure::other("the scratch folder is gone"))?;
        let database = home.database();
        match self {
            Self::None => {
                if !made.publish(&database).map_err(SessionError::Store)? {
                    return Err(Failure::other(
                        "a vault was made there meanwhile; nothing was changed",
                    ));
                }
            }
            Self::Sound { mut store, .. } => {
                store.become_copy(&made).map_err(SessionError::Store)?;
            }
            Self::Damaged { .. } => {
                let aside = format!("zms.db.damaged-{}", environment::now());
                let aside = home.folder().join(aside);
                made.supplant(&database, &aside).map_err(SessionError::Store)?;
                return Ok(Some(aside));
            }
        }
        Ok(None)
    }
}

fn generation(bundle: &dyn Bundle) -> Result<u64, Trouble> {
    let roster = bundle.roster()?.and_then(|signed| Roster::parse(&signed.message).ok());
    Ok(roster.map_or(0, |roster| roster.generation))
}
