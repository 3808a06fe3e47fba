//! Random 16-byte ids, one type per role so that they can not be swapped.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use zms_crypto::CryptoRng;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The bare bytes.
            pub const fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                encoder.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let bytes = decoder.bytes()?;
                Self::try_from(bytes).map_err(|_| decode::Error::message("an id has 16 bytes"))
            }
        }
    };
}

id!(
    /// A vault; also the id of its root scope.
    VaultId
);
id!(
    /// A scope. Random, never used twice.
    ScopeId
);
id!(
    /// A principal: the first 16 bytes of a hash of its verifying key.
    PrincipalId
);
id!(
    /// Blind index of a secret's name within a scope and epoch.
    NameIndex
);
id!(
    /// Blind index of a child's name within a scope and epoch.
    ChildIndex
);
id!(
    /// An answer that waits for its wrapping token: derived from the token's seed.
    WrappedId
);

impl VaultId {
    /// The scope at the top of the tree.
    pub const fn root(self) -> ScopeId {
        ScopeId(self.0)
    }

    /// Makes a new random id.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(ScopeId::generate(rng).0)
    }
}

impl ScopeId {
    /// Makes a new random id.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self(id)
    }
}
