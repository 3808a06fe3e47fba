//! Pins as a text, for machines that can not keep any: handed from one that has seen the vault.
//! spec/pins.md#text

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zms_core::{
    id::VaultId,
    pin::{Pins, RosterPin},
};

use super::{PinTable, PinTrouble};

const PREFIX: &str = "zms_pin_1";
/// Longest text: the ways to a hundred scopes.
const MOST: usize = 16 * 1024;

/// Pins that were handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedPins(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The roster alone.
    Roster(RosterPin),
    /// A whole file of pins.
    Table(Vec<u8>),
}

impl HandedPins {
    /// Reads a text; `None` for what can be none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST {
            return None;
        }
        if let Some(table) = text.strip_prefix(PREFIX) {
            return URL_SAFE_NO_PAD.decode(table).ok().map(Form::Table).map(Self);
        }
        let mut parts = text.split('.');
        let (generation, version) = (number(parts.next()?)?, number(parts.next()?)?);
        let mut hash = [0; 32];
        let digits = parts.next().filter(|hash| !hash.bytes().any(|it| it.is_ascii_uppercase()))?;
        hex::decode_to_slice(digits, &mut hash).ok()?;
        let roster = RosterPin { generation, version, hash };
        parts.next().is_none().then_some(Self(Form::Roster(roster)))
    }

    /// The pins, which must be of a vault.
    ///
    /// # Errors
    /// [`PinTrouble::Handed`].
    pub fn of(&self, vault: VaultId) -> Result<PinTable, PinTrouble> {
        match &self.0 {
            Form::Table(bytes) => PinTable::read(bytes.clone(), vault).ok_or(PinTrouble::Handed),
            Form::Roster(roster) => {
                let pins = Pins { roster: Some(*roster), ..Pins::default() };
                Ok(PinTable::default().advanced(vault, &pins))
            }
        }
    }

    /// The text of what was seen of a vault.
    pub fn text(vault: VaultId, pins: &Pins) -> String {
        let table = PinTable::default().advanced(vault, pins).into_bytes();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(table))
    }
}

/// A number from 1, as it is printed.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use zms_core::{
        id::ScopeId,
        pin::{HeadPin, Pinned},
    };

    use super::*;

    #[test]
    fn what_is_handed_on_is_what_was_seen() {
        let vault = VaultId([7; 16]);
        let roster = RosterPin { generation: 1, version: 12, hash: [0xab; 32] };
        let (lineage, head) =
            (vec![vault.root(), ScopeId([3; 16])], HeadPin { revision: 4, hash: [5; 32] });
        let pins = Pins { roster: Some(roster), heads: [(lineage.clone(), head)].into() };
        let text = HandedPins::text(vault, &pins);
        let table = HandedPins::parse(&text).unwrap().of(vault).unwrap();
        assert_eq!((table.roster(), table.head(&lineage)), (Some(roster), Some(head)));
        let short = format!("1.12.{}", "ab".repeat(32));
        let short = HandedPins::parse(&short).unwrap().of(vault).unwrap();
        assert_eq!((short.roster(), short.head(&lineage)), (Some(roster), None));
        assert!(HandedPins::parse(&text).unwrap().of(VaultId([8; 16])).is_err());
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        let hash = "ab".repeat(32);
        for text in [
            String::new(),
            "zms_pin_1!".to_owned(),
            format!("1.{hash}"),
            format!("0.1.{hash}"),
            format!("1.0.{hash}"),
            format!("+1.1.{hash}"),
            format!("01.1.{hash}"),
            format!("1.1.{hash}."),
            format!("1.1.{}", hash.to_uppercase()),
            format!("1.1.{}", &hash[2..]),
            format!(" 1.1.{hash}"),
            format!("zms_pin_1{}", "A".repeat(20_000)),
        ] {
            assert_eq!(HandedPins::parse(&text), None, "{text}");
        }
        assert!(HandedPins::parse("zms_pin_1AAAA").unwrap().of(VaultId([7; 16])).is_err());
    }
}
