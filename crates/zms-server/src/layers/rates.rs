//! How much one address and one principal may ask: a second's worth at once, and so many a second.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32};

use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use zms_core::id::PrincipalId;

use crate::{limits::Limits, problem::Problem};

type Keyed<K> = Option<DefaultKeyedRateLimiter<K>>;

/// Counts requests.
pub(crate) struct Rates {
    addresses: Keyed<IpAddr>,
    principals: Keyed<PrincipalId>,
    strangers: Keyed<IpAddr>,
}

/// At most so many; 0 is without a limit. Twice as many may come at once.
fn keyed<K: Clone + Eq + Hash>(most: u32, quota: fn(NonZeroU32) -> Quota) -> Keyed<K> {
    let most = NonZeroU32::new(most)?;
    Some(RateLimiter::keyed(quota(most).allow_burst(most.saturating_mul(TWICE))))
}

const TWICE: NonZeroU32 = NonZeroU32::new(2).expect("it is not zero");

/// Whoever has a network of IPv6 has all of its addresses: they count as one.
pub(crate) fn origin(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.into(),
            None => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        },
    }
}

/// So many that have asked are known at most before the others among them are forgotten: anybody can
/// make up who he is.
const MOST: usize = 1 << 16;

fn take<K: Clone + Eq + Hash>(rates: &Keyed<K>, key: &K) -> Result<(), Problem> {
    if let Some(rates) = rates.as_ref().filter(|rates| rates.len() > MOST) {
        rates.retain_recent();
    }
    match rates {
        Some(rates) if rates.check_key(key).is_err() => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limited",
            "too many requests: wait a moment",
        )
        .retry_after(1)),
        _ => Ok(()),
    }
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            addresses: keyed(limits.per_address, Quota::per_second),
            principals: keyed(limits.per_principal, Quota::per_second),
            strangers: keyed(limits.failures, Quota::per_minute),
        }
    }

    /// Counts a request from an address. A unix socket has none: its mode says who may use it.
    pub(crate) fn address(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        address.map_or(Ok(()), |address| take(&self.addresses, &origin(address)))
    }

    /// Counts a request of a principal that is who it says. At a gateway that is whoever has a token:
    /// whether a vault knows it does not make a difference.
    pub(crate) fn principal(&self, principal: PrincipalId) -> Result<(), Problem> {
        take(&self.principals, &principal)
    }

    /// Counts the refusal of a stranger: who guesses is slowed down before who asks a lot.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        address.map_or(Ok(()), |address| take(&self.strangers, &origin(address)))
    }

    /// Forgets who has not asked for a while.
    pub(crate) fn forget(&self) {
        fn forget<K: Clone + Eq + Hash>(rates: &Keyed<K>) {
            if let Some(rates) = rates {
                rates.retain_recent();
                rates.shrink_to_fit();
            }
        }
        forget(&self.addresses);
        forget(&self.principals);
        forget(&self.strangers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_much_waits_and_nobody_else() {
        let limits = Limits { per_address: 2, per_principal: 0, failures: 0, ..Limits::default() };
        let rates = Rates::new(&limits);
        let [one, other]: [Option<IpAddr>; 2] =
            ["2001:db8::1", "2001:db8:0:1::1"].map(|text| text.parse().ok());
        for _ in 0..4 {
            assert!(rates.address(one).is_ok());
        }
        assert!(rates.address(one).is_err());
        assert!(rates.address("2001:db8::ffff".parse().ok()).is_err());
        assert!(rates.address(other).is_ok());
        for _ in 0..100 {
            assert!(rates.address(None).is_ok() && rates.principal(PrincipalId([1; 16])).is_ok());
        }
    }

    #[test]
    fn attack_principals_that_are_made_up_do_not_fill_the_memory() {
        let rates = Rates::new(&Limits { per_principal: 10_000, ..Limits::default() });
        for number in 0..4 * MOST as u128 {
            assert!(rates.principal(PrincipalId(number.to_be_bytes())).is_ok());
        }
        let kept = rates.principals.as_ref().expect("there is a limit").len();
        assert!(kept <= MOST + 1, "{kept}");
    }
}
