//! Shares of a key that is about to count: where no file holds it, somebody must before it does.

use zms_client::SessionError;
use zms_core::{
    id::{PrincipalId, VaultId},
    principal::Principal,
};
use zms_crypto::share::Scheme;

use super::{
    Claim,
    deliver::{Delivered, Delivery, Frame},
    set::Set,
    wanted::Wanted,
};
use crate::{
    agent,
    exit::{Failure, Outcome},
    files,
    home::Home,
    output::Output,
};

/// Which shares are wanted, where they go, and what was handed over.
pub struct Handout {
    scheme: Scheme,
    delivery: Delivery,
    /// The key that shares were made of.
    key: Option<PrincipalId>,
    delivered: Option<Delivered>,
}

impl Handout {
    /// As the flags say; `None` where they ask for no shares.
    pub fn plan(wanted: &Wanted, output: Output) -> Outcome<Option<Self>> {
        let Some(scheme) = wanted.scheme()? else {
            let asked = wanted.all_in_one || wanted.sheets.is_some();
            return if asked { Err(Self::unnamed()) } else { Ok(None) };
        };
        let delivery = Delivery::plan(wanted, output)?;
        Ok(Some(Self { scheme, delivery, key: None, delivered: None }))
    }

    /// Where shares are wanted, and it is not said how many.
    pub fn unnamed() -> Failure {
        Failure::usage("it is not said how many shares there are, and how many are needed")
            .hint("for example `--shares 5 --threshold 3`")
    }

    /// What would happen, in words.
    pub fn planned(&self) -> String {
        format!("shares would be made; {}", self.delivery.planned())
    }

    /// Whether they are printed on stdout.
    pub const fn prints(&self) -> bool {
        matches!(self.delivery, Delivery::Print)
    }

    /// Makes them and hands them over, once: where a race was lost, the same key is tried again.
    pub fn hand_over(
        &mut self,
        home: &Home,
        vault: VaultId,
        owner: &Principal,
        output: Output,
        frame: Frame<'_>,
    ) -> Outcome {
        if self.delivered.is_some() && self.key == Some(owner.id()) {
            return Ok(());
        }
        let claim = Claim { vault, key: owner.id() };
        self.key = Some(claim.key);
        let set = Set::make(home, owner, claim, self.scheme.clone())?;
        self.delivered = Some(self.delivery.hand_over(set, output, frame)?);
        Ok(())
    }

    /// What was handed over of a key that counts.
    pub fn counts(self) -> Outcome<Delivered> {
        self.delivered.ok_or_else(|| Failure::other("no shares were made"))
    }

    /// As [`Handout::counts`], of one that has taken another's place without a file. It is done,
    /// whatever fails with what is left of the old one.
    pub fn replaces(self, home: &Home, old: PrincipalId, output: Output) -> Outcome<Delivered> {
        let left = [agent::lock(home).map(drop), files::wipe(&home.personal(old))];
        for failure in left.into_iter().filter_map(Result::err) {
            output.warn(format!("something of the old key is left: {failure}"));
        }
        self.counts()
    }

    /// Takes shares back whose key came to nothing.
    pub fn void(self, failure: Failure) -> Failure {
        let Some(delivered) = &self.delivered else { return failure };
        delivered.take_back();
        failure.and_hint(self.delivery.void())
    }

    /// As [`Handout::void`], where the key was to take another's place. Perhaps it does all the same:
    /// then they are kept.
    pub fn fails(self, home: &Home, perhaps: bool, failure: Failure) -> Failure {
        let Some(key) = self.key else { return failure };
        if perhaps && self.delivered.is_some() {
            return failure.and_hint(
                "the key may be replaced all the same: keep the new shares and the older ones, and \
                 see by `zms key drill` which open the vault",
            );
        }
        if let Some(delivered) = &self.delivered {
            delivered.take_back();
        }
        // What can not be removed is sealed for a key that opens nothing.
        let _left = files::wipe(&home.personal(key));
        failure.and_hint(format!("the key is not replaced; {}", self.delivery.void()))
    }
}

/// Whether a change may have been done although it failed.
pub const fn perhaps(error: &SessionError) -> bool {
    matches!(error, SessionError::Store(_) | SessionError::Pins(_))
}
