//! Percent-encoding: encoders differ in what they leave as it is, in a space and in the digits.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

/// What an encoder leaves as it is beside letters and digits. Where a space is among it, that
/// becomes a plus.
const KEPT: [&str; 18] = [
    // RFC 3986: Python's `quote` where nothing is safe, PHP's `rawurlencode`, Ruby's ERB.
    "-._~",
    // Python's `quote_plus`, Go's `QueryEscape`, Ruby's CGI.
    " -._~",
    // Python's `quote`.
    "-._~/",
    // A form as in the URL standard, Java's `URLEncoder`.
    " *-._",
    // PHP's `urlencode`.
    " -._",
    // .NET's `UrlEncode`.
    " -._!*()",
    // JavaScript's `encodeURIComponent` and `encodeURI`.
    "-._~!*'()",
    "-._~!*'();/?:@&=+$,#",
    // Go's `PathEscape`, and its user, path and fragment of a URL.
    "-._~$&+=:@",
    "-._~$&+,;=",
    "-._~$&+,/:;=@",
    "-._~$&+,/:;=?@!()*",
    // RFC 3986: user and password.
    "-._~!$&'()*+,;=",
    // The URL standard, as in browsers and Node: user and password; path, now and as it was before
    // 2024; query of HTTP and of others.
    "-._~!$%&'()*+,",
    "-._~!$%&'()*+,/:;=@[\\]|",
    "-._~!$%&'()*+,/:;=@[\\]^|",
    "-._~!$%&()*+,/:;=?@[\\]^`{|}",
    "-._~!$%&'()*+,/:;=?@[\\]^`{|}",
];

const DIGITS: [&[u8; 16]; 2] = [b"0123456789ABCDEF", b"0123456789abcdef"];

/// A piece as each of the encoders writes it.
pub(super) fn percent(piece: &[u8]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let present = set(piece);
    let kept: BTreeSet<u128> = KEPT.iter().map(|kept| set(kept.as_bytes()) & present).collect();
    kept.into_iter().flat_map(move |kept| DIGITS.map(|digits| encoded(piece, kept, digits)))
}

fn encoded(piece: &[u8], kept: u128, digits: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(piece.len() * 3));
    for byte in piece {
        let keeps = byte.is_ascii_alphanumeric() || kept & set(&[*byte]) != 0;
        match byte {
            b' ' if keeps => text.push(b'+'),
            _ if keeps => text.push(*byte),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                text.extend_from_slice(&[b'%', digits[high], digits[low]]);
            }
        }
    }
    text
}

/// The ASCII characters of a text, a bit for each.
pub(super) fn set(text: &[u8]) -> u128 {
    text.iter().filter(|byte| byte.is_ascii()).fold(0, |set, byte| set | 1 << byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoder_finds_its_form() {
        let value = "a b&c<d>'e=f+g/h?i:j@k$l,m;n~o!p(q)*r\"é%";
        let forms: Vec<_> = percent(value.as_bytes()).collect();
        for encoded in [
            // Go's QueryEscape, PathEscape and user.
            "a+b%26c%3Cd%3E%27e%3Df%2Bg%2Fh%3Fi%3Aj%40k%24l%2Cm%3Bn~o%21p%28q%29%2Ar%22%C3%A9%25",
            "a%20b&c%3Cd%3E%27e=f+g%2Fh%3Fi:j@k$l%2Cm%3Bn~o%21p%28q%29%2Ar%22%C3%A9%25",
            "a%20b&c%3Cd%3E%27e=f+g%2Fh%3Fi%3Aj%40k$l,m;n~o%21p%28q%29%2Ar%22%C3%A9%25",
            // encodeURI, encodeURIComponent, URLSearchParams and a URL's password.
            "a%20b&c%3Cd%3E'e=f+g/h?i:j@k$l,m;n~o!p(q)*r%22%C3%A9%25",
            "a%20b%26c%3Cd%3E'e%3Df%2Bg%2Fh%3Fi%3Aj%40k%24l%2Cm%3Bn~o!p(q)*r%22%C3%A9%25",
            "a+b%26c%3Cd%3E%27e%3Df%2Bg%2Fh%3Fi%3Aj%40k%24l%2Cm%3Bn%7Eo%21p%28q%29*r%22%C3%A9%25",
            "a%20b&c%3Cd%3E'e%3Df+g%2Fh%3Fi%3Aj%40k$l,m%3Bn~o!p(q)*r%22%C3%A9%",
            // Python's quote.
            "a%20b%26c%3Cd%3E%27e%3Df%2Bg/h%3Fi%3Aj%40k%24l%2Cm%3Bn~o%21p%28q%29%2Ar%22%C3%A9%25",
        ] {
            let lower: Vec<u8> = encoded.split('%').enumerate().fold(vec![], |all, (at, part)| {
                let (digits, rest) = part.split_at(if at == 0 { 0 } else { part.len().min(2) });
                let sign = if at == 0 { "" } else { "%" };
                [&all, sign.as_bytes(), digits.to_lowercase().as_bytes(), rest.as_bytes()].concat()
            });
            for encoded in [encoded.as_bytes(), &lower] {
                let known = forms.iter().any(|form| form.as_slice() == encoded);
                assert!(known, "{}", String::from_utf8_lossy(encoded));
            }
        }
    }

    #[test]
    fn what_no_encoder_touches_has_few_forms() {
        assert_eq!(percent(b"letters1").count(), 2);
    }
}
