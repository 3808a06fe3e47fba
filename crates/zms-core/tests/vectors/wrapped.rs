//! `wrapped.json`: answers that wait for their token.

use rand_chacha::ChaCha20Rng;
use zms_core::{
    id::{PrincipalId, ScopeId, VaultId},
    wrapped::{Wrapped, WrappingToken},
};
use zms_crypto::SecretBytes;

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

fn shown(wrapped: &Wrapped) -> Json {
    let scope = |(scope, revision): &(ScopeId, u64)| {
        map([("scope", hex(scope.as_bytes())), ("revision", Json::Number(*revision))])
    };
    map([
        ("answer", hex(wrapped.answer.expose())),
        ("path", text(&wrapped.path)),
        ("created_at", Json::Number(wrapped.created_at)),
        ("ttl", Json::Number(wrapped.ttl)),
        ("principal", hex(wrapped.principal.as_bytes())),
        ("scopes", list(wrapped.scopes.iter().map(scope))),
    ])
}

fn make(rng: &mut ChaCha20Rng) -> Vec<Json> {
    let vault = VaultId::generate(rng);
    let token = WrappingToken::generate(vault, rng);
    let wrapped = |answer: &[u8], scopes: &[(ScopeId, u64)]| Wrapped {
        answer: SecretBytes::from(answer),
        path: "secret/data/shop/production".to_owned(),
        created_at: 1_900_000_000,
        ttl: 60,
        principal: PrincipalId([7; 16]),
        scopes: scopes.to_vec(),
    };
    let case = |title: &str, token: &str, sealed: &[u8]| {
        map([("name", text(title)), ("token", text(token)), ("sealed", hex(sealed))])
    };
    let own = token.text().expose().clone();
    let mut accept = |title: &str, wrapped: &Wrapped| {
        let sealed = wrapped.seal(&token, rng);
        let case = case(title, &own, &sealed).with("wrapped", shown(wrapped));
        let id = case.with("id", hex(token.id().as_bytes()));
        (id.with("vault", hex(vault.as_bytes())), sealed)
    };
    let scopes = [(ScopeId([1; 16]), 3), (ScopeId([2; 16]), 1 << 40)];
    let (one, sealed) = accept("an answer about two scopes", &wrapped(b"{\"a\":1}", &scopes));
    let (none, _) = accept("an answer about none", &wrapped(b"", &[]));
    let long = Wrapped { ttl: 32 * 86_400 + 1, ..wrapped(b"{}", &[]) };
    let long = long.seal(&token, rng);
    let flip = |at: usize| {
        let mut sealed = sealed.clone();
        sealed[at] ^= 1;
        sealed
    };
    let other = WrappingToken::generate(vault, rng).text().expose().clone();
    vec![
        one,
        none,
        case("another token", &other, &sealed),
        case("another header", &own, &flip(2)),
        case("another nonce", &own, &flip(4)),
        case("another ciphertext", &own, &flip(28)),
        case("another tag", &own, &flip(sealed.len() - 1)),
        case("a byte less", &own, &sealed[1..]),
        case("it waits for too long", &own, &long),
        case("a token in upper case", &own.to_uppercase(), &sealed),
        case("a token with another checksum", &format!("{}q", &own[..89]), &sealed),
        case("a token with a character more", &format!("{own}q"), &sealed),
        case("a token with an address", &format!("{own}@localhost"), &sealed),
        case("no token", "", &sealed),
    ]
}

#[test]
fn wrapped() {
    for case in cases("wrapped.json", "Answers that wait: spec/wrapped.md", make) {
        let token = WrappingToken::parse(case["token"].text()).ok();
        let sealed = case["sealed"].bytes();
        let opened = token.and_then(|token| {
            let opened = Wrapped::open(&token, &sealed).ok()?;
            assert_eq!(token.id().as_bytes(), case["id"].bytes(), "{}", name(&case));
            assert_eq!(token.vault().as_bytes(), case["vault"].bytes(), "{}", name(&case));
            Some(shown(&opened).write())
        });
        let wanted = case["wrapped"].is_some().then(|| case["wrapped"].write());
        assert_eq!(opened, wanted, "{}", name(&case));
    }
}
