//! A bundle as JSON, and back.

use zms_core::{
    bundle::Witness,
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    pin::{HeadPin, Pins, RosterPin},
    record::{Envelope, StoredRecord},
    revision::SignedMessage,
};

use crate::{
    json::{Json, hex, list, map},
    tree::{proof_from_json, proof_to_json},
    world::{Member, Scope, Vault},
};

fn signed_to_json(signed: &SignedMessage) -> Json {
    map([("message", hex(&signed.message)), ("signature", hex(&signed.signature))])
}

fn signed_from_json(signed: &Json) -> SignedMessage {
    SignedMessage { message: signed["message"].bytes(), signature: signed["signature"].array() }
}

fn numbered_to_json(messages: &[(u64, Vec<u8>)]) -> Json {
    let numbered = |(number, message): &(u64, Vec<u8>)| {
        map([("number", Json::Number(*number)), ("message", hex(message))])
    };
    list(messages.iter().map(numbered))
}

fn numbered_from_json(messages: &Json) -> Vec<(u64, Vec<u8>)> {
    let numbered = |message: &Json| (message["number"].number(), message["message"].bytes());
    messages.list().iter().map(numbered).collect()
}

fn optional(bytes: Option<&Vec<u8>>) -> Json {
    bytes.map_or(Json::Null, |bytes| hex(bytes))
}

fn present<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    let Json::Map(mut pairs) = map(pairs) else { unreachable!("a map was made") };
    pairs.retain(|(_, value)| value.is_some());
    Json::Map(pairs)
}

fn member_to_json(member: &Member) -> Json {
    present([
        ("line", hex(&member.witness.line)),
        ("escrow_hash", hex(&member.witness.escrow)),
        ("keyring_hash", hex(&member.witness.keyring)),
        ("proof", proof_to_json(&member.witness.proof)),
        ("keyring", optional(member.keyring.as_ref())),
        ("escrow", optional(member.escrow.as_ref())),
    ])
}

fn member_from_json(member: &Json) -> Member {
    let sealed = |key: &str| Some(&member[key]).filter(|sealed| sealed.is_some()).map(Json::bytes);
    Member {
        witness: Witness {
            line: member["line"].bytes(),
            escrow: member["escrow_hash"].array(),
            keyring: member["keyring_hash"].array(),
            proof: proof_from_json(&member["proof"]),
        },
        keyring: sealed("keyring"),
        escrow: sealed("escrow"),
    }
}

fn record_to_json(record: &StoredRecord) -> Json {
    let envelope = match &record.envelope {
        Envelope::Whole(bytes) => ("envelope", hex(bytes)),
        Envelope::Bare(hash) => ("envelope_hash", hex(hash)),
    };
    map([
        ("name_index", hex(record.name_index.as_bytes())),
        ("rev_from", Json::Number(record.rev_from)),
        ("epoch", Json::Number(record.epoch.into())),
        envelope,
    ])
}

fn epoch(json: &Json) -> u32 {
    u32::try_from(json.number()).expect("an epoch")
}

fn record_from_json(record: &Json) -> StoredRecord {
    StoredRecord {
        name_index: NameIndex(record["name_index"].array()),
        rev_from: record["rev_from"].number(),
        epoch: epoch(&record["epoch"]),
        envelope: match &record["envelope"] {
            Json::Null => Envelope::Bare(record["envelope_hash"].array()),
            whole => Envelope::Whole(whole.bytes()),
        },
    }
}

fn child_to_json(child: &StoredChild) -> Json {
    map([
        ("child_index", hex(child.child_index.as_bytes())),
        ("child", hex(child.child.as_bytes())),
        ("child_epoch", Json::Number(child.child_epoch.into())),
        ("envelope", hex(&child.envelope)),
    ])
}

fn child_from_json(child: &Json) -> StoredChild {
    StoredChild {
        child_index: ChildIndex(child["child_index"].array()),
        child: ScopeId(child["child"].array()),
        child_epoch: epoch(&child["child_epoch"]),
        envelope: child["envelope"].bytes(),
    }
}

fn scope_to_json(scope: &Scope) -> Json {
    let past = scope.past.iter().map(|(epoch, sealed)| (epoch.to_string(), hex(sealed)));
    map([
        ("head", signed_to_json(&scope.head)),
        ("messages", numbered_to_json(&scope.messages)),
        ("records", list(scope.records.iter().map(record_to_json))),
        ("children", list(scope.children.iter().map(child_to_json))),
        ("past", Json::Map(past.collect())),
    ])
}

fn scope_from_json(scope: &Json) -> Scope {
    let past = scope["past"].pairs().iter();
    Scope {
        head: signed_from_json(&scope["head"]),
        messages: numbered_from_json(&scope["messages"]),
        records: scope["records"].list().iter().map(record_from_json).collect(),
        children: scope["children"].list().iter().map(child_from_json).collect(),
        past: past
            .map(|(epoch, sealed)| (epoch.parse().expect("an epoch"), sealed.bytes()))
            .collect(),
    }
}

/// A vault's state, as the vectors spell it.
pub(crate) fn vault_to_json(vault: &Vault) -> Json {
    let by_id = |pairs: Vec<(String, Json)>| Json::Map(pairs);
    let members = vault.members.iter().map(|(id, member)| (id.to_string(), member_to_json(member)));
    let departed = vault.departed.iter().map(|(id, at)| (id.to_string(), Json::Number(*at)));
    let scopes = vault.scopes.iter().map(|(id, scope)| (id.to_string(), scope_to_json(scope)));
    present([
        ("vault", vault.id.map_or(Json::Null, |id| hex(id.as_bytes()))),
        ("roster", vault.roster.as_ref().map_or(Json::Null, signed_to_json)),
        ("rosters", numbered_to_json(&vault.rosters)),
        ("members", by_id(members.collect())),
        ("departed", by_id(departed.collect())),
        ("scopes", by_id(scopes.collect())),
    ])
}

fn id(text: &str) -> [u8; 16] {
    Json::Text(text.to_owned()).array()
}

/// Reads a vault's state.
pub(crate) fn vault_from_json(vault: &Json) -> Vault {
    let (members, departed, scopes) = (
        vault["members"].pairs().iter(),
        vault["departed"].pairs().iter(),
        vault["scopes"].pairs().iter(),
    );
    Vault {
        id: Some(&vault["vault"]).filter(|id| id.is_some()).map(|id| VaultId(id.array())),
        roster: Some(&vault["roster"]).filter(|roster| roster.is_some()).map(signed_from_json),
        rosters: numbered_from_json(&vault["rosters"]),
        members: members
            .map(|(key, member)| (PrincipalId(id(key)), member_from_json(member)))
            .collect(),
        departed: departed.map(|(key, at)| (PrincipalId(id(key)), at.number())).collect(),
        scopes: scopes.map(|(key, scope)| (ScopeId(id(key)), scope_from_json(scope))).collect(),
    }
}

/// Pins, as the vectors spell them.
pub(crate) fn pins_to_json(pins: &Pins) -> Json {
    let roster = pins.roster.map_or(Json::Null, |roster| {
        map([
            ("generation", Json::Number(roster.generation)),
            ("version", Json::Number(roster.version)),
            ("hash", hex(&roster.hash)),
        ])
    });
    let heads = pins.heads.iter().map(|(lineage, head)| {
        map([
            ("lineage", list(lineage.iter().map(|id| hex(id.as_bytes())))),
            ("revision", Json::Number(head.revision)),
            ("hash", hex(&head.hash)),
        ])
    });
    map([("roster", roster), ("heads", list(heads))])
}

/// Reads pins; none where there are none.
pub(crate) fn pins_from_json(pins: &Json) -> Pins {
    let roster = Some(&pins["roster"]).filter(|roster| roster.is_some());
    let heads = pins["heads"].list().iter().map(|head| {
        let lineage = head["lineage"].list().iter().map(|id| ScopeId(id.array()));
        let pin = HeadPin { revision: head["revision"].number(), hash: head["hash"].array() };
        (lineage.collect(), pin)
    });
    Pins {
        roster: roster.map(|roster| RosterPin {
            generation: roster["generation"].number(),
            version: roster["version"].number(),
            hash: roster["hash"].array(),
        }),
        heads: heads.collect(),
    }
}
