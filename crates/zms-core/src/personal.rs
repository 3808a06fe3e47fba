//! Personal values: one person's, on one machine, sealed apart from the vault. spec/personal.md

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, SecretBytes,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
};

use crate::{
    cbor,
    id::{PrincipalId, VaultId},
    path::{ScopePath, SecretName, Segment},
    principal::Principal,
    record::MAX_VALUE,
};

/// One value that stands over the secret of a scope.
pub struct PersonalValue {
    /// The scope.
    pub path: ScopePath,
    /// The secret's name, whether the vault has one or not.
    pub name: SecretName,
    /// The value, at most [`MAX_VALUE`] bytes.
    pub value: SecretBytes,
    /// Unix seconds.
    pub created_at: u64,
}

/// All personal values of a principal: one for each path and name, in that order.
#[derive(Default)]
pub struct Personal(Vec<PersonalValue>);

#[derive(Encode, Decode)]
#[cbor(map)]
struct ValueWire<'b> {
    #[b(1)]
    path: Vec<&'b str>,
    #[b(2)]
    name: &'b str,
    #[b(3)]
    value: &'b ByteSlice,
    #[n(4)]
    created_at: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct PersonalWire<'b> {
    #[b(1)]
    values: Vec<ValueWire<'b>>,
}

fn associated_data(vault: VaultId, principal: PrincipalId) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/personal")
        .bytes(vault.as_bytes())
        .bytes(principal.as_bytes())
        .finish()
}

impl Personal {
    /// The values, by path and name.
    pub fn values(&self) -> &[PersonalValue] {
        &self.0
    }

    /// The value that stands over a secret of exactly that scope.
    pub fn find(&self, path: &ScopePath, name: &SecretName) -> Option<&PersonalValue> {
        self.place(path, name).ok().map(|at| &self.0[at])
    }

    /// Sets a value, whether there was one or not.
    pub fn put(&mut self, value: PersonalValue) {
        match self.place(&value.path, &value.name) {
            Ok(at) => self.0[at] = value,
            Err(at) => self.0.insert(at, value),
        }
    }

    /// Removes a value. Whether it was there.
    pub fn remove(&mut self, path: &ScopePath, name: &SecretName) -> bool {
        let found = self.place(path, name);
        found.is_ok_and(|at| {
            self.0.remove(at);
            true
        })
    }

    fn place(&self, path: &ScopePath, name: &SecretName) -> Result<usize, usize> {
        self.0.binary_search_by(|held| (&held.path, &held.name).cmp(&(path, name)))
    }

    /// Seals them for a principal, under a key that only its seed gives.
    pub fn seal(&self, principal: &Principal, vault: VaultId, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut capacity = 64;
        let values = self.0.iter().map(|held| {
            // EXPOSE: the value is about to be sealed.
            let value = held.value.expose();
            capacity += value.len() + held.name.as_str().len() + 16 * 130 + 64;
            ValueWire {
                path: held.path.segments().iter().map(Segment::as_str).collect(),
                name: held.name.as_str(),
                value: value[..].into(),
                created_at: held.created_at,
            }
        });
        let values = values.collect();
        let encoded = cbor::encode(&PersonalWire { values }, capacity);
        let data = associated_data(vault, principal.id());
        seal_box(&principal.personal_key(), &data, &encoded, rng)
    }

    /// Opens what was sealed for a principal of a vault.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open(principal: &Principal, vault: VaultId, sealed: &[u8]) -> Result<Self, Unopened> {
        let data = associated_data(vault, principal.id());
        let opened = open_box(&principal.personal_key(), &data, sealed)?;
        // EXPOSE: parsed in place; each value is copied into custody of its own.
        let wire: PersonalWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
        let values = wire.values.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let ascending = values.is_sorted_by(|a, b| (&a.path, &a.name) < (&b.path, &b.name));
        if ascending { Ok(Self(values)) } else { Err(Unopened) }
    }
}

fn read(wire: ValueWire<'_>) -> Result<PersonalValue, Unopened> {
    let segments = wire.path.into_iter().map(Segment::parse);
    let segments = segments.collect::<Result<_, _>>().map_err(|_| Unopened)?;
    if wire.value.len() > MAX_VALUE {
        return Err(Unopened);
    }
    Ok(PersonalValue {
        path: ScopePath::new(segments).map_err(|_| Unopened)?,
        name: SecretName::parse(wire.name).map_err(|_| Unopened)?,
        value: SecretBytes::from(&wire.value[..]),
        created_at: wire.created_at,
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use zms_crypto::Key;

    use super::*;
    use crate::principal::Kind;

    fn owner(seed: u8) -> Principal {
        Principal::from_seed(Kind::Administrator, Key::from_bytes(&[seed; 32]))
    }

    fn value(path: &str, name: &str, value: &str) -> PersonalValue {
        PersonalValue {
            path: ScopePath::parse(path).expect("a path"),
            name: SecretName::parse(name).expect("a name"),
            value: SecretBytes::from(value.as_bytes()),
            created_at: 1_800_000_000,
        }
    }

    fn held() -> Personal {
        let mut personal = Personal::default();
        for (path, name) in [("shop/qa", "B"), ("shop/dev", "B"), ("shop/dev", "A")] {
            personal.put(value(path, name, "first"));
        }
        personal.put(value("shop/dev", "A", "second"));
        personal
    }

    #[test]
    fn one_value_stands_for_each_path_and_name() {
        let mut personal = held();
        let shown = |personal: &Personal| {
            let show = |it: &PersonalValue| format!("{}/{}", it.path, it.name);
            personal.values().iter().map(show).collect::<Vec<_>>()
        };
        assert_eq!(shown(&personal), ["shop/dev/A", "shop/dev/B", "shop/qa/B"]);
        let PersonalValue { path, name, .. } = value("shop/dev", "A", "");
        assert_eq!(personal.find(&path, &name).expect("there").value.expose(), b"second");
        assert!(personal.remove(&path, &name) && !personal.remove(&path, &name));
        assert_eq!(shown(&personal), ["shop/dev/B", "shop/qa/B"]);
    }

    #[test]
    fn attack_only_the_same_seed_opens_them_for_the_same_vault() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let vault = VaultId([7; 16]);
        let sealed = held().seal(&owner(1), vault, &mut rng);
        let opened = Personal::open(&owner(1), vault, &sealed).expect("its own");
        assert_eq!(opened.values().len(), 3);
        assert!(Personal::open(&owner(2), vault, &sealed).is_err());
        assert!(Personal::open(&owner(1), VaultId([8; 16]), &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(Personal::open(&owner(1), vault, &changed).is_err(), "byte {at}");
        }
        let text = String::from_utf8_lossy(&sealed);
        assert!(!text.contains("second") && !text.contains("shop"));
    }
}
