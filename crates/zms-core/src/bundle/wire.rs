//! What an encoded bundle consists of. spec/bundle.md#encoded
//!
//! Every list element has a least size, so that what is decoded takes a small multiple of what
//! came, however it is filled.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use zms_crypto::{digest::sha256, sign::Signature};

use crate::{
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::SignedMessage,
    tree_head::{MAX_PROOF, Step},
};

/// Fewest bytes of any message or line.
const LEAST_MESSAGE: usize = 100;
/// Most bytes of any message or line: rights on a hundred thousand scopes.
const MOST_MESSAGE: usize = 4 << 20;
/// Fewest bytes of any envelope: header, nonce, padded content, tag.
const LEAST_SEALED: usize = 4 + 24 + 128 + 16;
/// A side and a hash.
const STEP: usize = 33;

/// Bytes of at least `LEAST` and at most `MOST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sized<const LEAST: usize, const MOST: usize>(pub(crate) Vec<u8>);

/// A signed message, or a member's line.
pub(crate) type Message = Sized<LEAST_MESSAGE, MOST_MESSAGE>;
/// An envelope.
pub(crate) type Sealed = Sized<LEAST_SEALED, { usize::MAX }>;

impl<C, const LEAST: usize, const MOST: usize> Encode<C> for Sized<LEAST, MOST> {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C, const LEAST: usize, const MOST: usize> Decode<'b, C> for Sized<LEAST, MOST> {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = decoder.bytes()?;
        if (LEAST..=MOST).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(decode::Error::message("too short or too long"))
        }
    }
}

/// A message with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Signed {
    #[n(1)]
    pub(crate) message: Message,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) signature: Signature,
}

impl From<SignedMessage> for Signed {
    fn from(signed: SignedMessage) -> Self {
        Self { message: Sized(signed.message), signature: signed.signature }
    }
}

impl Signed {
    pub(crate) fn shown(&self) -> SignedMessage {
        SignedMessage { message: self.message.0.clone(), signature: self.signature }
    }
}

/// What is sealed, or its hash: exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Whole(Sealed),
    Bare([u8; 32]),
}

impl Part {
    pub(crate) fn hash(&self) -> [u8; 32] {
        match self {
            Self::Whole(sealed) => sha256(&[&sealed.0]),
            Self::Bare(hash) => *hash,
        }
    }

    pub(crate) fn whole(&self) -> Option<Vec<u8>> {
        match self {
            Self::Whole(sealed) => Some(sealed.0.clone()),
            Self::Bare(_) => None,
        }
    }

    /// Its bytes here.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Whole(sealed) => sealed.0.len(),
            Self::Bare(hash) => hash.len(),
        }
    }

    fn envelope(&self, wanted: bool) -> Envelope {
        match self {
            Self::Whole(sealed) if wanted => Envelope::Whole(sealed.0.clone()),
            part => Envelope::Bare(part.hash()),
        }
    }
}

impl From<Envelope> for Part {
    fn from(envelope: Envelope) -> Self {
        match envelope {
            Envelope::Whole(bytes) => Self::Whole(Sized(bytes)),
            Envelope::Bare(hash) => Self::Bare(hash),
        }
    }
}

/// A byte string: one of 32 bytes is a hash, for no envelope is that short.
impl<C> Encode<C> for Part {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Whole(sealed) => sealed.encode(encoder, context),
            Self::Bare(hash) => encoder.bytes(hash)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Part {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let mut ahead = decoder.clone();
        if let Ok(hash) = <[u8; 32]>::try_from(ahead.bytes()?) {
            *decoder = ahead;
            return Ok(Self::Bare(hash));
        }
        Sealed::decode(decoder, context).map(Self::Whole)
    }
}

/// Steps from a leaf to the tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof(pub(crate) Vec<Step>);

impl<C> Encode<C> for Proof {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let step = |step: &Step| {
            let mut bytes = [0; STEP];
            bytes[0] = u8::from(step.left);
            bytes[1..].copy_from_slice(&step.hash);
            bytes
        };
        let steps: Vec<[u8; STEP]> = self.0.iter().map(step).collect();
        encoder.bytes(steps.as_flattened())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Proof {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let (steps, rest) = decoder.bytes()?.as_chunks::<STEP>();
        if !rest.is_empty() || steps.len() > MAX_PROOF {
            return Err(decode::Error::message("no proof"));
        }
        let step = |step: &[u8; STEP]| {
            let [left @ (0 | 1), hash @ ..] = *step else {
                return Err(decode::Error::message("no side"));
            };
            Ok(Step { left: left == 1, hash })
        };
        Ok(Self(steps.iter().map(step).collect::<Result<_, _>>()?))
    }
}

/// One member: the keyring whole for who reads the bundle, its hash for who only wrote.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Member {
    #[n(1)]
    pub(crate) principal: PrincipalId,
    #[n(2)]
    pub(crate) line: Message,
    #[n(3)]
    pub(crate) proof: Proof,
    #[n(4)]
    pub(crate) keyring: Part,
    #[n(5)]
    pub(crate) escrow: Part,
}

/// One scope.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Scope {
    #[n(1)]
    pub(crate) id: ScopeId,
    #[n(2)]
    pub(crate) head: Signed,
    /// Up to the one before the head.
    #[n(3)]
    pub(crate) messages: Vec<Message>,
    /// Absent where they were not asked for.
    #[n(4)]
    pub(crate) records: Option<Vec<Record>>,
    /// Absent where only its own secrets may be read.
    #[n(5)]
    pub(crate) children: Option<Vec<Child>>,
    /// Absent where only its present was asked for.
    #[n(6)]
    pub(crate) past: Option<Past>,
}

/// What a scope was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Past {
    #[n(1)]
    pub(crate) signatures: Vec<Numbered>,
    #[n(2)]
    pub(crate) ended: Vec<Record>,
    #[n(3)]
    pub(crate) epochs: Vec<Epoch>,
}

/// The kept signature of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Numbered {
    #[n(1)]
    pub(crate) revision: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) signature: Signature,
}

/// The sealed way from an epoch to the one before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Epoch {
    #[n(1)]
    pub(crate) epoch: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) envelope: Vec<u8>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Record {
    #[n(1)]
    pub(crate) name_index: NameIndex,
    #[n(2)]
    pub(crate) rev_from: u64,
    #[n(3)]
    pub(crate) epoch: u32,
    #[n(4)]
    pub(crate) envelope: Part,
    /// Present where it ended.
    #[n(5)]
    pub(crate) rev_to: Option<u64>,
}

impl Record {
    pub(crate) fn live(record: StoredRecord) -> Self {
        let StoredRecord { name_index, rev_from, epoch, envelope } = record;
        Self { name_index, rev_from, epoch, envelope: envelope.into(), rev_to: None }
    }

    pub(crate) fn ended(ended: EndedRecord) -> Self {
        Self { rev_to: Some(ended.rev_to), ..Self::live(ended.record) }
    }

    /// What ended records are sorted by.
    pub(crate) const fn place(&self) -> (NameIndex, u64) {
        (self.name_index, self.rev_from)
    }

    pub(crate) fn shown(&self, wanted: bool) -> StoredRecord {
        StoredRecord {
            name_index: self.name_index,
            rev_from: self.rev_from,
            epoch: self.epoch,
            envelope: self.envelope.envelope(wanted),
        }
    }
}

/// One child entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Child {
    #[n(1)]
    pub(crate) child_index: ChildIndex,
    #[n(2)]
    pub(crate) child: ScopeId,
    #[n(3)]
    pub(crate) child_epoch: u32,
    #[n(4)]
    pub(crate) envelope: Sealed,
}

impl From<StoredChild> for Child {
    fn from(child: StoredChild) -> Self {
        let StoredChild { child_index, child, child_epoch, envelope } = child;
        Self { child_index, child, child_epoch, envelope: Sized(envelope) }
    }
}

impl Child {
    pub(crate) fn shown(&self) -> StoredChild {
        StoredChild {
            child_index: self.child_index,
            child: self.child,
            child_epoch: self.child_epoch,
            envelope: self.envelope.0.clone(),
        }
    }
}
