//! Audit entries on their way to an engine and back: arrays in deterministic CBOR.
//! spec/engine.md#http

use minicbor::{Decode, Encode};
use zms_crypto::parts::Malformed;

use crate::{
    audit::{Action, Entry, Event, Outcome},
    cbor,
    id::{PrincipalId, ScopeId},
};

/// Most entries that are handed in at once: they are one transaction, and others wait for it.
pub const MAX_EVENTS: usize = 10_000;

/// Why a list of entries is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It is no list of entries.
    Malformed,
    /// There are more than [`MAX_EVENTS`].
    TooMany,
}

impl From<Malformed> for Unlisted {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// An entry as its principal hands it in. Who and when is the engine's to say.
#[derive(Encode, Decode)]
#[cbor(array)]
struct EventWire {
    #[n(0)]
    action: u8,
    #[n(1)]
    scope: Option<ScopeId>,
    #[n(2)]
    revision: u64,
    #[n(3)]
    outcome: u8,
}

/// An entry as it is kept.
#[derive(Encode, Decode)]
#[cbor(array)]
struct EntryWire {
    #[n(0)]
    seq: u64,
    #[n(1)]
    time: u64,
    #[n(2)]
    principal: PrincipalId,
    #[n(3)]
    action: u8,
    #[n(4)]
    scope: Option<ScopeId>,
    #[n(5)]
    revision: u64,
    #[n(6)]
    outcome: u8,
    #[cbor(n(7), with = "minicbor::bytes")]
    prev_hash: [u8; 32],
    #[cbor(n(8), with = "minicbor::bytes")]
    hash: [u8; 32],
}

/// A chain and its last place.
#[derive(Encode, Decode)]
#[cbor(array)]
struct ChainWire {
    #[n(0)]
    chain: u64,
    #[n(1)]
    last: u64,
}

fn encoded<T: Encode<()>>(list: &[T]) -> Vec<u8> {
    minicbor::to_vec(list).expect("a vector takes every encoding")
}

/// Reads the one encoding of a list. Each item is far longer than what it takes in memory is long,
/// so a body of some size takes a small multiple of it.
fn decoded<'b, T: Decode<'b, ()> + Encode<()>>(body: &'b [u8]) -> Result<Vec<T>, Malformed> {
    cbor::decode(body)
}

/// What a principal hands in.
pub fn encode_events(events: &[Event]) -> Vec<u8> {
    let wire = |event: &Event| EventWire {
        action: event.action as u8,
        scope: event.scope,
        revision: event.revision,
        outcome: event.outcome as u8,
    };
    encoded(&events.iter().map(wire).collect::<Vec<_>>())
}

/// Reads what `principal` handed in at `time`.
///
/// # Errors
/// [`Unlisted`] for anything but the one encoding of at most [`MAX_EVENTS`] entries.
pub fn decode_events(
    body: &[u8],
    principal: PrincipalId,
    time: u64,
) -> Result<Vec<Event>, Unlisted> {
    // Told by its head, before anything of it takes room in memory.
    let announced = minicbor::Decoder::new(body).array().map_err(|_| Malformed)?;
    if announced.is_some_and(|count| count > MAX_EVENTS as u64) {
        return Err(Unlisted::TooMany);
    }
    let list: Vec<EventWire> = decoded(body)?;
    let event = |wire: EventWire| {
        let EventWire { action, scope, revision, outcome } = wire;
        let action = Action::from_number(action).ok_or(Malformed)?;
        let outcome = Outcome::from_number(outcome).ok_or(Malformed)?;
        Ok(Event { time, principal, action, scope, revision, outcome })
    };
    list.into_iter().map(event).collect()
}

/// Entries of one chain, as they are kept.
pub fn encode_entries(entries: &[Entry]) -> Vec<u8> {
    let wire = |entry: &Entry| EntryWire {
        seq: entry.seq,
        time: entry.event.time,
        principal: entry.event.principal,
        action: entry.event.action as u8,
        scope: entry.event.scope,
        revision: entry.event.revision,
        outcome: entry.event.outcome as u8,
        prev_hash: entry.prev_hash,
        hash: entry.hash,
    };
    encoded(&entries.iter().map(wire).collect::<Vec<_>>())
}

/// Reads entries of `chain`. Says nothing of their hashes.
///
/// # Errors
/// [`Malformed`] for anything but the one encoding.
pub fn decode_entries(body: &[u8], chain: u64) -> Result<Vec<Entry>, Malformed> {
    let list: Vec<EntryWire> = decoded(body)?;
    let entry = |wire: EntryWire| {
        let action = Action::from_number(wire.action).ok_or(Malformed)?;
        let outcome = Outcome::from_number(wire.outcome).ok_or(Malformed)?;
        let EntryWire { seq, time, principal, scope, revision, prev_hash, hash, .. } = wire;
        let event = Event { time, principal, action, scope, revision, outcome };
        Ok(Entry { chain, seq, event, prev_hash, hash })
    };
    list.into_iter().map(entry).collect()
}

/// Every chain with its last place.
pub fn encode_chains(chains: &[(u64, u64)]) -> Vec<u8> {
    let wire = |(chain, last): &(u64, u64)| ChainWire { chain: *chain, last: *last };
    encoded(&chains.iter().map(wire).collect::<Vec<_>>())
}

/// Reads a list of chains.
///
/// # Errors
/// [`Malformed`] for anything but the one encoding.
pub fn decode_chains(body: &[u8]) -> Result<Vec<(u64, u64)>, Malformed> {
    let list: Vec<ChainWire> = decoded(body)?;
    Ok(list.into_iter().map(|wire| (wire.chain, wire.last)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VaultId;

    const ID: PrincipalId = PrincipalId([3; 16]);

    fn events() -> Vec<Event> {
        let event = |action, scope, revision, outcome| Event {
            time: 7,
            principal: ID,
            action,
            scope,
            revision,
            outcome,
        };
        vec![
            event(Action::Read, Some(ScopeId([1; 16])), 2, Outcome::Done),
            event(Action::Expose, None, 0, Outcome::Denied),
        ]
    }

    #[test]
    fn what_is_listed_comes_back_as_it_was() {
        assert_eq!(decode_events(&encode_events(&events()), ID, 7), Ok(events()));
        let mut entries = Vec::new();
        for (seq, event) in (1..).zip(events()) {
            let before = entries.last().map_or([0; 32], |entry: &Entry| entry.hash);
            entries.push(Entry::new(VaultId([9; 16]), 5, seq, before, event));
        }
        assert_eq!(decode_entries(&encode_entries(&entries), 5), Ok(entries));
        let chains = vec![(0, 1), (5, u64::MAX)];
        assert_eq!(decode_chains(&encode_chains(&chains)), Ok(chains));
    }

    #[test]
    fn a_list_has_one_encoding() {
        let good = encode_events(&events());
        for end in 0..good.len() {
            assert!(decode_events(&good[..end], ID, 7).is_err(), "cut at {end}");
        }
        assert!(decode_events(&[&good[..], &[0]].concat(), ID, 7).is_err());
        // An unknown action and outcome, an item that is longer, a length in a longer spelling,
        // a list without an end, nothing, and a length that is cut off.
        for bad in [
            &[0x81, 0x84, 0x18, 99, 0xf6, 0, 1][..],
            &[0x81, 0x84, 1, 0xf6, 0, 9],
            &[0x81, 0x85, 1, 0xf6, 0, 1, 0],
            &[0x98, 1, 0x84, 1, 0xf6, 0, 1],
            &[0x9f, 0x84, 1, 0xf6, 0, 1, 0xff],
            &[],
            &[0x9b, 0xff],
        ] {
            let refused = Err(Unlisted::Malformed);
            assert_eq!(decode_events(bad, ID, 7), refused, "{bad:x?}");
        }
        let larger_than_memory = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(decode_events(&larger_than_memory, ID, 7), Err(Unlisted::TooMany));
        assert!(decode_events(&[0x81, 0x84, 1, 0xf6, 0, 1], ID, 7).is_ok());
        let many = vec![events().remove(1); MAX_EVENTS + 1];
        assert_eq!(decode_events(&encode_events(&many), ID, 7), Err(Unlisted::TooMany));
        assert!(decode_events(&encode_events(&many[1..]), ID, 7).is_ok());
    }
}
