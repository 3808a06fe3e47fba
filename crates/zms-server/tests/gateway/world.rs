//! A vault in a temporary folder, and the gateway over it.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use http_body_util::BodyExt;
use rand_core::UnwrapErr;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use zms_client::{Session, TokenRequest, TokenScope};
use zms_core::{
    id::VaultId,
    path::{ScopePath, Segment},
    principal::{Kind, Principal},
};
use zms_crypto::{CryptoRng, Key, text::encode_seed};
use zms_server::{
    Engine, Limits, Names, Register, Setup,
    gateway::{Gateway, Hosts, Members, router},
    router_with,
    vaults::OneFile,
};
use zms_store_sqlite::SqliteStore;

/// Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The system's entropy.
pub fn entropy() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

/// A path that is a good one.
pub fn path(text: &str) -> ScopePath {
    ScopePath::parse(text).expect("a good path")
}

/// The gateway over a file, as `around` has it answer.
fn opened(file: PathBuf, limits: Limits, around: Around) -> Router {
    let vaults = Arc::new(OneFile::new(file));
    let engine = Engine::new(Setup {
        vaults: Arc::<OneFile>::clone(&vaults),
        names: Names::new(["localhost:3030".to_owned()]),
        register: Register::Nobody,
        limits,
        clock: now,
        blind: Key::generate(&mut *entropy()),
    });
    let gateway = Arc::new(Gateway {
        origin: Arc::new(Members::new(vaults)),
        hosts: Hosts::new([]),
        pins: None,
        clock: now,
        entropy,
        proven: Arc::default(),
    });
    around(&engine, gateway)
}

/// What stands around a gateway.
type Around = fn(&Arc<Engine>, Arc<Gateway>) -> Router;

/// As much as anybody likes.
fn unlimited() -> Limits {
    Limits { per_principal: 0, failures: 0, ..Limits::default() }
}

/// A vault, its owner, and the gateway.
pub struct World {
    folder: TempDir,
    owner: Principal,
    /// The gateway.
    pub router: Router,
}

impl World {
    /// A new vault without scopes.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut *entropy()));
        let file = folder.path().join("zms.db");
        let store = SqliteStore::create(&file).expect("a database");
        let mut session = Session::forgetful(Box::new(store), owner.duplicate(), now, entropy());
        session.init(VaultId::generate(&mut *entropy()), Vec::new()).expect("a vault");
        Self { folder, owner, router: opened(file, unlimited(), router) }
    }

    /// The same within a whole server that is called `localhost:3030` and has limits.
    pub fn limited(limits: Limits) -> Self {
        let mut world = Self::new();
        world.router =
            opened(world.file(), limits, |engine, gateway| router_with(engine, gateway).into());
        world
    }

    /// A gateway that has just begun, over the same database.
    pub fn restarted(mut self) -> Self {
        self.router = opened(self.file(), unlimited(), router);
        self
    }

    /// Its database.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("zms.db")
    }

    /// The owner at work, as `zms` is.
    pub fn owner(&self) -> Session {
        self.session(&self.owner)
    }

    /// Somebody at work, as `zms` is.
    pub fn session(&self, who: &Principal) -> Session {
        let store = SqliteStore::open(&self.folder.path().join("zms.db"));
        let store = store.expect("it opens").expect("it is there");
        Session::forgetful(Box::new(store), who.duplicate(), now, entropy())
    }

    /// The owner's seed as an administrator's token.
    pub fn root(&self) -> String {
        text(&self.owner)
    }

    /// A new token for one path.
    pub fn token(&self, at: &str, write: bool) -> String {
        text(&self.made(at, write, None, 0))
    }

    /// A new token's principal.
    pub fn made(&self, at: &str, write: bool, expires: Option<u64>, uses: u32) -> Principal {
        let label =
            format!("{}-{}", at.replace('/', "."), self.owner().tokens().expect("listed").len());
        let request = TokenRequest {
            label: Segment::parse(&label).expect("a good name"),
            scopes: vec![TokenScope { path: path(at), write, inherit: true }],
            expires,
            limits: zms_core::roster::Limits::of_uses(uses),
            administers: false,
        };
        self.owner().create_token(&request).expect("a token")
    }

    /// One request with a token and a body.
    pub async fn call(&self, method: &str, at: &str, token: &str, body: &str) -> (u16, Value) {
        self.call_with(method, at, token, body, &[]).await
    }

    /// The same with more headers.
    pub async fn call_with(
        &self,
        method: &str,
        at: &str,
        token: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request =
            Request::builder().method(method).uri(at).header("host", "localhost:3030");
        if !token.is_empty() {
            request = request.header("x-vault-token", token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "PATCH" {
            request = request.header("content-type", "application/merge-patch+json");
        }
        let response =
            self.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
        read(response).await
    }

    /// Any request.
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("an answer")
    }
}

/// A principal's token as text.
pub fn text(who: &Principal) -> String {
    // EXPOSE: a token of this test.
    encode_seed(who.kind().into(), who.seed()).expose().clone()
}

/// The status and the JSON of an answer; null where there is none.
pub async fn read(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Somebody whom no vault knows.
pub fn stranger() -> Principal {
    Principal::from_seed(Kind::Service, Key::generate(&mut *entropy()))
}
