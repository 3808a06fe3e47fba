//! Requests that change vaults, made ahead: what an engine is handed has been signed elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::{Value, json};
use zms_core::{
    audit::Action,
    engine::{self, CommitQuery, path, path::Named},
    id::{PrincipalId, VaultId},
    request::{Asked, sign},
};
use zms_crypto::Key;
use zms_store::{
    Store,
    contract::vault::{Vault, put},
    memory::MemoryStore,
};

/// Secrets of the scope that is written to.
const IN_SCOPE: u32 = 100;
/// Reads that are made for each vault, to be sent by turns.
const READS: usize = 16;

/// For each of so many vaults: the requests that make it, reads of a token in it, and for each of so many
/// of its scopes so many commits, each on top of the one before. Those of one scope leave the others
/// as they are, so that as many can write in one vault without a lost race.
pub fn prepared(authority: &str, secret: &str, vaults: u32, scopes: u32, count: u32) -> Value {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    let mut caller = Caller { authority, rng: ChaCha20Rng::from_seed(seed) };
    (0..vaults).map(|_| caller.vault(&engine::register_key(secret), scopes, count)).collect()
}

struct Caller<'a> {
    authority: &'a str,
    rng: ChaCha20Rng,
}

impl Caller<'_> {
    fn vault(&mut self, register: &Key, scopes: u32, count: u32) -> Value {
        let mut vault = Vault::unmade();
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        vault.id = VaultId(id);
        let (mut twin, key) = (MemoryStore::default(), vault.owner.request_key());
        let batch = vault.init();
        twin.commit(&batch, &[]).unwrap();
        let owner = vault.owner.id();
        let body = batch.encode(register, &mut self.rng);
        let mut make = vec![self.request((owner, register), "POST", path::VAULTS, &body)];
        let target = path::commits(Named::Vault(vault.id));
        let target = |action| format!("{target}?{}", CommitQuery { action }.encode());
        let (grant, target) = (target(Action::Grant), target(Action::Write));
        let (mut writes, mut places) = (Vec::new(), vec!["shop/production".to_owned()]);
        for number in 1..scopes {
            let name = format!("load-{number}");
            let batch = vault.plant(&twin, "shop", &name);
            twin.commit(&batch, &[]).unwrap();
            let body = batch.encode(&key, &mut self.rng);
            make.push(self.request((owner, &key), "POST", &target, &body));
            places.push(format!("shop/{name}"));
        }
        let (batch, reader) = vault.token(&twin, "reader");
        twin.commit(&batch, &[]).unwrap();
        let body = batch.encode(&key, &mut self.rng);
        make.push(self.request((owner, &key), "POST", &grant, &body));
        for place in places {
            let values = (0..IN_SCOPE).map(|at| put(&format!("SECRET_{at}"), &[b'x'; 48]));
            let (mut values, mut own) = (values.collect::<Vec<_>>(), Vec::new());
            for at in 0..=count {
                let batch = vault.write(&twin, &place, &values);
                twin.commit(&batch, &[]).unwrap();
                let body = batch.encode(&key, &mut self.rng);
                let request = self.request((owner, &key), "POST", &target, &body);
                if at == 0 { &mut make } else { &mut own }.push(request);
                values = vec![put(&format!("SECRET_{}", at % IN_SCOPE), &at.to_le_bytes())];
            }
            writes.push(own);
        }
        let target = format!("{}?of=own", path::bundle(Named::Vault(vault.id)));
        let who = (reader.id(), &reader.request_key());
        let reads = (0..READS).map(|_| self.request(who, "GET", &target, &[]));
        json!({ "make": make, "reads": reads.collect::<Vec<_>>(), "writes": writes })
    }

    /// A whole request, in Base64.
    fn request(
        &mut self,
        (who, key): (PrincipalId, &Key),
        method: &str,
        target: &str,
        body: &[u8],
    ) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = format!("?{query}");
        let asked = Asked { method, authority: self.authority, path, query: &query };
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let signed = sign(key, who, &asked, body, now, nonce);
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for (name, value) in [
            (engine::CONTENT_DIGEST, &signed.content_digest),
            (engine::SIGNATURE_INPUT, &signed.signature_input),
            (engine::SIGNATURE, &signed.signature),
        ] {
            request += &format!("{name}: {value}\r\n");
        }
        if method == "POST" {
            request += &format!("content-type: {}\r\n", engine::CBOR_TYPE);
            request += &format!("content-length: {}\r\n", body.len());
        }
        STANDARD.encode([request.as_bytes(), b"\r\n", body].concat())
    }
}
