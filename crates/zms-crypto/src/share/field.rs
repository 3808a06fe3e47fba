//! GF(256) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197 section 4.2), without tables: the steps are the
//! same whatever the bytes are.

use std::hint::black_box;

/// The product of two elements. Their sum is `^`.
pub(super) fn multiply(a: u8, b: u8) -> u8 {
    let (mut power, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= power & mask(b >> bit);
        power = (power << 1) ^ (0x1b & mask(power >> 7));
    }
    product
}

/// The inverse of an element, a^254; 0 for 0, which has none.
pub(super) fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + .. + 128.
    let (mut power, mut product) = (a, 1);
    for _ in 0..7 {
        power = multiply(power, power);
        product = multiply(product, power);
    }
    product
}

/// All ones where the lowest bit is set. What the compiler does not see it can not turn into a
/// branch.
fn mask(bit: u8) -> u8 {
    black_box((bit & 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long multiplication and division of polynomials, one step after the other.
    fn by_the_book(a: u8, b: u8) -> u8 {
        let mut product = 0_u16;
        for bit in 0..8 {
            if b & (1 << bit) != 0 {
                product ^= u16::from(a) << bit;
            }
        }
        for bit in (8..16).rev() {
            if product & (1 << bit) != 0 {
                product ^= 0x11b << (bit - 8);
            }
        }
        u8::try_from(product).expect("the remainder has eight bits")
    }

    #[test]
    fn every_product_is_that_of_the_book() {
        assert_eq!(multiply(0x57, 0x83), 0xc1, "FIPS 197, section 4.2");
        assert_eq!(multiply(0x57, 0x13), 0xfe, "FIPS 197, section 4.2.1");
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), by_the_book(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn every_element_times_its_inverse_is_one() {
        assert_eq!(invert(0), 0);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }
}
