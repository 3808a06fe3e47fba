//! The vault that most bundles start from, and who holds what in it.

use rand_chacha::ChaCha20Rng;
use zms_core::{
    record::{Payload, Reference, ValueKind},
    roster::Right,
};
use zms_crypto::{SecretBytes, text::SeedKind};

use crate::world::{Holder, World, path, secret};

/// The scope that most cases read.
pub(super) const API: &str = "shop/production/api";

/// A vault with records, and its members.
pub(super) struct Cast {
    pub(super) world: World,
    /// Reads `shop/production/api` and inherits.
    pub(super) reader: Holder,
    /// Reads `shop/production/api` and does not inherit.
    pub(super) alone: Holder,
    /// An agent's token that reads `shop`.
    pub(super) agent: Holder,
    /// Writes `shop/production`.
    pub(super) writer: Holder,
    /// Reads `shop/production/api` for an hour.
    pub(super) timed: Holder,
    /// A second administrator.
    pub(super) second: Holder,
}

/// A reference to a name in a scope.
pub(super) fn reference(name: &str, to: &str, target: &str) -> Payload {
    let to = Reference { path: path(to), name: secret(target, b"").name };
    let value = SecretBytes::new(to.encode());
    Payload { value, kind: ValueKind::Reference, ..secret(name, b"") }
}

/// All that the reader sees in `shop/production/api`.
pub(super) const SEEN: &[(&str, &[u8])] = &[
    ("ALIAS", b"postgres://production"),
    ("ALIAS_OF_ALIAS", b"postgres://production"),
    ("BINARY", &[0, 1, 0xff, b'\n']),
    ("DATABASE_URL", b"postgres://api"),
    ("EMPTY", b""),
    ("Gr\u{f6}\u{df}e", b"gro\xc3\x9f"),
    ("JSON", b"{\"port\": 3030}"),
    ("LARGE", &[b'x'; 3000]),
    ("LEVEL", b"warn"),
    ("REGION", b"eu-west-1"),
];

impl Cast {
    pub(super) fn new(rng: &mut ChaCha20Rng) -> Self {
        let mut world = World::new(rng);
        let config = |payload| Payload { kind: ValueKind::Config, ..payload };
        let note = "as given by the provider".to_owned();
        world.set(
            None,
            "shop",
            vec![
                config(secret("REGION", b"eu-west-1")),
                secret("LEVEL", b"info"),
                secret("DATABASE_URL", b"postgres://shop"),
            ],
        );
        world.set(
            None,
            "shop/production",
            vec![
                Payload { note, ..secret("DATABASE_URL", b"postgres://production") },
                config(secret("LEVEL", b"warn")),
                secret("EMPTY", b""),
                Payload { kind: ValueKind::File, ..secret("BINARY", &[0, 1, 0xff, b'\n']) },
                Payload { kind: ValueKind::Json, ..secret("JSON", b"{\"port\": 3030}") },
            ],
        );
        world.set(None, "shop/staging", vec![secret("DATABASE_URL", b"postgres://staging")]);
        world.set(None, "lab/development", vec![secret("LAB", b"rats")]);
        let api = [(API, Right::Read, true)];
        let reader = world.token(SeedKind::Service, "reader", &api, None);
        let alone = world.token(SeedKind::Service, "alone", &[(API, Right::Read, false)], None);
        let agent = world.token(SeedKind::Agent, "agent", &[("shop", Right::Read, true)], None);
        let writes = [("shop/production", Right::Write, true)];
        let writer = world.token(SeedKind::Service, "writer", &writes, None);
        let hour = Some(world.now + 3600);
        let timed = world.token(SeedKind::Service, "timed", &api, hour);
        let second = world.administrator();
        world.set(
            Some(&writer),
            API,
            vec![
                secret("DATABASE_URL", b"postgres://api"),
                reference("ALIAS", "shop/production", "DATABASE_URL"),
                reference("ALIAS_OF_ALIAS", API, "ALIAS"),
                secret("Gr\u{f6}\u{df}e", "gro\u{df}".as_bytes()),
            ],
        );
        world.set(Some(&writer), API, vec![secret("LARGE", &[b'x'; 3000])]);
        Self { world, reader, alone, agent, writer, timed, second }
    }
}
