//! Whether requests can be answered: whether the database writes, is of this schema, and has room
//! for what each request is noted by.
//!
//! A loan is renewed in its place, for which there is room on a full disk too. So once something
//! could not be stored, room is tried for until there is some: what a request met is asked for
//! again, without waiting for a request to meet it.

use std::sync::atomic::{AtomicBool, Ordering};

use zms_core::bundle::{Trouble, TroubleClass};

use crate::{
    connection::Connections,
    database::Core,
    migrate, replica,
    trouble::{Fault, trouble},
};

/// Entries of no vault, more than fit between others, of which nothing is kept.
const ROOM: &str = "BEGIN; INSERT INTO audit
    (vault, chain, seq, time, principal, action, scope, revision, outcome, prev_hash, hash)
    SELECT '', 0, n, 0, '', 0, NULL, 0, 0, decode(repeat('00', 1900), 'hex'), ''
    FROM generate_series(1, 8) AS n";

/// Whether something could not be stored, and nobody has seen since that it can.
#[derive(Default)]
pub(crate) struct Unstored(AtomicBool);

impl Unstored {
    /// Is told of what a request met.
    pub(crate) fn met(&self, class: TroubleClass) {
        if matches!(class, TroubleClass::Full | TroubleClass::Schema) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether requests can be answered now.
pub(crate) async fn ready(core: &Core, holder: &[u8; 16]) -> Result<(), Trouble> {
    let renewed = replica::renew(&core.side, core.chains.number(), holder, "30 s");
    renewed.await.map_err(trouble)?;
    migrate::is_current(&core.side).await?;
    if core.unstored.0.load(Ordering::Relaxed) {
        is_room(&core.side).await.map_err(trouble)?;
        core.unstored.0.store(false, Ordering::Relaxed);
    }
    Ok(())
}

async fn is_room(connections: &Connections) -> Result<(), Fault> {
    connections
        .ask(async |client| {
            let put = client.batch_execute(ROOM).await;
            client.batch_execute("ROLLBACK").await?;
            Ok(put?)
        })
        .await
}
