//! Ranges of addresses in CIDR text (RFC 4632). spec/roster.md#limits

use std::net::IpAddr;

/// A range of addresses that a member may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    first: u128,
    /// Bits in which addresses of the range are alike, of 128.
    alike: u32,
}

/// An address as one of IPv6: those of IPv4 have a place there (RFC 4291 section 2.5.5.2).
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Range {
    /// Reads `192.0.2.0/24`, or a single address; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (most, above) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let alike = bits.unwrap_or(most);
        (alike <= most).then(|| Self { first: number(address), alike: alike + above })
    }

    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differ = self.first ^ number(address);
        differ.checked_shr(128 - self.alike).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_own_addresses_and_no_others() {
        let cases = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7/24", "192.0.2.1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
        ];
        for (range, address, held) in cases {
            let range = Range::parse(range).expect("a good range");
            assert_eq!(range.holds(address.parse().expect("an address")), held, "{address}");
        }
        for bad in ["", "192.0.2.0/33", "192.0.2/24", "2001:db8::/129", "a/8", "192.0.2.0/-1"] {
            assert_eq!(Range::parse(bad), None, "{bad}");
        }
    }
}
