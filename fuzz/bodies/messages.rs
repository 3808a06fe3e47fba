//! What is asked of every signed or sealed message: it is read or refused, and what is read is the
//! one encoding of what it says.

use zms_core::{
    audit::Note,
    backup::Head,
    engine::{decode_chains, decode_entries, encode_chains, encode_entries},
    record::Reference,
    revision::Revision,
    roster::{Line, Rights, Roster},
};

/// Any bytes, as each of the messages.
pub fn fuzz_messages(bytes: &[u8]) {
    if let Ok(revision) = Revision::parse(bytes) {
        assert_eq!(revision.encode(), bytes);
    }
    if let Ok(roster) = Roster::parse(bytes) {
        assert_eq!(roster.encode(), bytes);
    }
    if let Ok(line) = Line::parse(bytes) {
        assert_eq!(line.encode(), bytes);
    }
    if let Ok(rights) = Rights::parse(bytes) {
        assert_eq!(rights.encode(), bytes);
    }
    if let Some(reference) = Reference::decode(bytes) {
        assert_eq!(reference.encode(), bytes);
    }
    if let Ok(entries) = decode_entries(bytes, 0) {
        assert_eq!(encode_entries(&entries), bytes);
    }
    if let Ok(chains) = decode_chains(bytes) {
        assert_eq!(encode_chains(&chains), bytes);
    }
    let length = u32::try_from(bytes.len()).expect("it is short").to_be_bytes();
    let start = [&b"ZMS-BACKUP\x01\x01"[..], &length, bytes].concat();
    if let Ok(head) = Head::parse(&start) {
        assert_eq!(head.encode(), start);
    }
    let _ = Note::parse(bytes);
}
