//! Which audit chain this replica appends to.
//!
//! A chain is lent for a while and lent again: so the numbers stay few, however often replicas come
//! and go. That two never share one costs no correctness, see [`crate::audit`].

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{connection::Connections, database::Core, trouble::Fault};

/// How often a loan is renewed: three times before it ends.
const RENEWAL: Duration = Duration::from_secs(10);

/// Borrows the first chain that nobody holds, or a new one.
pub(crate) async fn borrow(connections: &Connections, holder: &[u8; 16]) -> Result<i64, Fault> {
    let holder = &holder[..];
    loop {
        let lent = connections
            .ask(async |client| {
                let free = "SELECT chain FROM replica WHERE until < now() ORDER BY chain LIMIT 1";
                if let Some(row) = client.query_opt(free, &[]).await? {
                    let chain: i64 = row.try_get(0)?;
                    let take = "UPDATE replica SET holder = $2, until = now() + INTERVAL '30 s'
                                WHERE chain = $1 AND until < now()";
                    let taken = client.execute(take, &[&chain, &holder]).await? == 1;
                    return Ok(taken.then_some(chain));
                }
                let add = "INSERT INTO replica (chain, holder, until)
                           SELECT coalesce(max(chain) + 1, 0), $1, now() + INTERVAL '30 s'
                           FROM replica
                           ON CONFLICT (chain) DO NOTHING RETURNING chain";
                let added = client.query_opt(add, &[&holder]).await?;
                Ok(added.map(|row| row.try_get(0)).transpose()?)
            })
            .await?;
        if let Some(chain) = lent {
            return Ok(chain);
        }
    }
}

/// Renews the loan until the task is stopped. Who could not for too long borrows anew.
pub(crate) async fn keep(core: Arc<Core>, holder: [u8; 16]) {
    loop {
        sleep(RENEWAL).await;
        let chain = core.chains.number();
        // Where the database is away, there is nothing to append to either.
        let renewed = renew(&core.side, chain, &holder, "30 s").await;
        if let Ok(false) = renewed
            && let Ok(other) = borrow(&core.side, &holder).await
        {
            core.chains.switch(other);
        }
    }
}

/// Whether the chain is still ours, for so long from now.
pub(crate) async fn renew(
    connections: &Connections,
    chain: i64,
    holder: &[u8; 16],
    how_long: &str,
) -> Result<bool, Fault> {
    let holder = &holder[..];
    let renew = format!(
        "UPDATE replica SET until = now() + INTERVAL '{how_long}' WHERE chain = $1 AND holder = $2"
    );
    connections
        .ask(async |client| {
            let renew = client.prepare_cached(&renew).await?;
            Ok(client.execute(&renew, &[&chain, &holder]).await? == 1)
        })
        .await
}
