//! An engine with a vault, and who asks it.

use std::{cell::Cell, net::IpAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use zms_core::{
    audit::Action,
    batch::Batch,
    bundle::Packed,
    engine::{self, CommitQuery, path, path::Named},
    id::PrincipalId,
    principal::Principal,
    request::{Asked, sign},
};
use zms_crypto::Key;
use zms_server::{Engine, Limits, Names, Peer, Register, Routes, Setup, router, vaults::Vaults};
use zms_store::{
    Store,
    contract::vault::{NOW, Vault},
    memory::MemoryStore,
};

pub const NAME: &str = "zms.example.com";
pub const SECRET: &str = "a registration secret";

/// An engine, and a vault on it whose twin is at hand to prepare changes on.
pub struct World {
    pub router: Routes,
    pub engine: Arc<Engine>,
    pub folder: TempDir,
    pub vault: Vault,
    pub twin: MemoryStore,
    nonce: Cell<u64>,
    rng: ChaCha20Rng,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The word of a refusal.
    pub fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).expect("a refusal is JSON");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        problem["code"].as_str().expect("a refusal has a code").to_owned()
    }

    pub fn commits(&self) -> u64 {
        self.headers[engine::COMMITS].to_str().unwrap().parse().expect("a number")
    }

    pub fn packed(&self) -> Packed {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        assert_eq!(self.headers["content-type"], engine::BUNDLE_TYPE);
        Packed::decode(&self.body).expect("a bundle")
    }
}

/// A request as it would be sent, to be spoilt.
pub struct Sent {
    pub method: &'static str,
    pub target: String,
    pub host: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub address: Option<IpAddr>,
}

impl Sent {
    pub async fn to(self, router: &Routes) -> Answer {
        let mut request =
            Request::builder().method(self.method).uri(&self.target).header("host", &self.host);
        if !self.body.is_empty() {
            request = request.header("content-length", self.body.len());
            request = request.header("content-type", engine::CBOR_TYPE);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(self.body)).expect("a good request");
        request.extensions_mut().insert(Peer { address: self.address });
        let response = router.clone().oneshot(request).await.expect("it always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("it is in memory").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Takes a header's place.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(held, _)| held != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub fn now() -> u64 {
    NOW
}

/// A signed request, made at a time.
pub fn signed(
    who: PrincipalId,
    key: &Key,
    method: &'static str,
    target: &str,
    body: &[u8],
    at: u64,
    nonce: u64,
) -> Sent {
    let (path, query) = target
        .split_once('?')
        .map_or((target, "?".to_owned()), |(path, query)| (path, format!("?{query}")));
    let asked = Asked { method, authority: NAME, path, query: &query };
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&nonce.to_be_bytes());
    let headers = sign(key, who, &asked, body, at, bytes);
    Sent {
        method,
        target: target.to_owned(),
        host: NAME.to_owned(),
        headers: vec![
            (engine::CONTENT_DIGEST.to_owned(), headers.content_digest),
            (engine::SIGNATURE_INPUT.to_owned(), headers.signature_input),
            (engine::SIGNATURE.to_owned(), headers.signature),
        ],
        body: body.to_vec(),
        address: "192.0.2.1".parse().ok(),
    }
}

pub fn engine_of(vaults: Arc<dyn Vaults>, register: Register, limits: Limits) -> Arc<Engine> {
    let names = Names::new([NAME.to_owned()]);
    let blind = Key::from_bytes(&[0; 32]);
    Engine::new(Setup { vaults, names, register, limits, clock: now, blind })
}

impl World {
    /// An engine without a vault.
    pub fn empty() -> Self {
        Self::with(Register::Secret(engine::register_key(SECRET)), Limits::default())
    }

    pub fn with(register: Register, limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let engine = engine_of(crate::kept(folder.path()), register, limits);
        Self {
            router: router(&engine),
            engine,
            folder,
            vault: Vault::unmade(),
            twin: MemoryStore::default(),
            nonce: Cell::new(1),
            rng: ChaCha20Rng::seed_from_u64(1),
        }
    }

    /// Another server over what this one keeps.
    pub fn server_beside(&self, register: Register) -> Routes {
        router(&engine_of(crate::kept(self.folder.path()), register, Limits::default()))
    }

    /// An engine with a vault in which nothing is written.
    pub async fn made() -> Self {
        let mut world = Self::empty();
        world.make().await;
        world
    }

    /// Makes the vault.
    pub async fn make(&mut self) {
        let batch = self.vault.init();
        let answer = self.register(&batch, SECRET).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        self.twin.commit(&batch, &[]).expect("the twin follows");
    }

    /// A request to make a vault, signed and not sent.
    pub fn register_of(&mut self, batch: &Batch, secret: &str) -> Sent {
        let key = engine::register_key(secret);
        let body = batch.encode(&key, &mut self.rng);
        let owner = self.vault.owner.id();
        signed(owner, &key, "POST", path::VAULTS, &body, NOW, self.nonce())
    }

    pub async fn register(&mut self, batch: &Batch, secret: &str) -> Answer {
        let sent = self.register_of(batch, secret);
        sent.to(&self.router).await
    }

    pub fn nonce(&self) -> u64 {
        self.nonce.replace(self.nonce.get() + 1)
    }

    pub fn named(&self) -> Named {
        Named::Vault(self.vault.id)
    }

    /// A request of a principal, signed and not sent.
    pub fn request(&self, who: &Principal, method: &'static str, target: &str) -> Sent {
        self.request_with(who, method, target, &[])
    }

    pub fn request_with(
        &self,
        who: &Principal,
        method: &'static str,
        target: &str,
        body: &[u8],
    ) -> Sent {
        signed(who.id(), &who.request_key(), method, target, body, NOW, self.nonce())
    }

    pub async fn get(&self, who: &Principal, target: &str) -> Answer {
        self.request(who, "GET", target).to(&self.router).await
    }

    /// A bundle with this query.
    pub async fn bundle(&self, who: &Principal, query: &str) -> Answer {
        let path = path::bundle(self.named());
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        self.get(who, &target).await
    }

    /// A commit, signed and not sent.
    pub fn commit_of(&mut self, who: &Principal, batch: &Batch, action: Action) -> Sent {
        let body = batch.encode(&who.request_key(), &mut self.rng);
        let query = CommitQuery { action }.encode();
        let target = format!("{}?{query}", path::commits(self.named()));
        self.request_with(who, "POST", &target, &body)
    }

    pub async fn commit(&mut self, who: &Principal, batch: &Batch, action: Action) -> Answer {
        let sent = self.commit_of(who, batch, action);
        sent.to(&self.router).await
    }

    /// A commit of the owner, which is kept here and by the twin.
    pub async fn commits(&mut self, batch: &Batch, action: Action) -> Answer {
        let owner = self.vault.owner.duplicate();
        let answer = self.commit(&owner, batch, action).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        self.twin.commit(batch, &[]).expect("the twin follows");
        answer
    }

    /// A token that writes in `shop/production`.
    pub async fn token(&mut self, label: &str) -> Principal {
        let (batch, token) = self.vault.token(&self.twin, label);
        self.commits(&batch, Action::Grant).await;
        token
    }
}
