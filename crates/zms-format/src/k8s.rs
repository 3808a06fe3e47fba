//! The manifest of a Kubernetes Secret.
//!
//! Its `data` are base64, so every byte fits. Everything stands in double quotes: base64 can look
//! like a number, and a name like a boolean.

use zeroize::Zeroizing;

use crate::format::write_with;
use crate::output::Output;
use crate::{Format, Reason, Refusal};

/// Most bytes that all values of one Secret hold together.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Longest key of a Secret.
const MAX_KEY: usize = 253;

/// What a Secret is called, and where.
pub struct Manifest {
    name: String,
    namespace: Option<String>,
}

impl Manifest {
    /// Takes names that Kubernetes accepts: a DNS subdomain for the Secret, a DNS label for the
    /// namespace (RFC 1123).
    pub fn new(name: &str, namespace: Option<&str>) -> Option<Manifest> {
        let subdomain = name.len() <= 253 && name.split('.').all(is_label);
        let namespace_good = namespace.is_none_or(|label| label.len() <= 63 && is_label(label));
        (subdomain && namespace_good)
            .then(|| Manifest { name: name.into(), namespace: namespace.map(str::to_owned) })
    }

    /// Writes `pairs` as the data of this Secret.
    pub fn write(&self, pairs: &[(&str, &[u8])]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        write_with(Format::K8s, self, pairs)
    }

    /// Appends everything before the first pair.
    pub(crate) fn push_head(&self, output: &mut Output, empty: bool) {
        output.push(b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"");
        output.push(self.name.as_bytes());
        output.push(b"\"\n");
        if let Some(namespace) = &self.namespace {
            output.push(b"  namespace: \"");
            output.push(namespace.as_bytes());
            output.push(b"\"\n");
        }
        output.push(b"type: Opaque\n");
        output.push(if empty { b"data: {}\n" } else { b"data:\n" });
    }
}

/// Any Secret, where the name is of no matter.
impl Default for Manifest {
    fn default() -> Manifest {
        Manifest { name: "zms".into(), namespace: None }
    }
}

fn is_label(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(good)
}

/// Appends `  "name": "base64"`.
pub(crate) fn push_datum(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let dots = name == "." || name.starts_with("..");
    if name.is_empty() || name.len() > MAX_KEY || dots || !name.bytes().all(good) {
        return Err(Reason::NameCharacters);
    }
    if value.len() > MAX_BYTES {
        return Err(Reason::TooLong { limit: MAX_BYTES });
    }
    output.push(b"  \"");
    output.push(name.as_bytes());
    output.push(b"\": \"");
    output.push_base64(value);
    output.push(b"\"\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kubernetes() {
        let long = "a".repeat(64);
        for (name, namespace) in [("shop", None), ("a.b-1", Some("prod")), (&long, None)] {
            assert!(Manifest::new(name, namespace).is_some(), "{name}");
        }
        for name in ["", "Shop", "a_b", "-a", "a-", "a..b", "a b", "a\nb", "\"", &"a".repeat(254)] {
            assert!(Manifest::new(name, None).is_none(), "{name:?}");
        }
        for namespace in ["", "a.b", "A", &long] {
            assert!(Manifest::new("shop", Some(namespace)).is_none(), "{namespace:?}");
        }
    }

    #[test]
    fn the_name_that_crosses_the_limit_of_a_secret_is_told() {
        let half = vec![b'x'; MAX_BYTES / 2];
        let pairs: [(&str, &[u8]); 3] = [("A", &half), ("B", &half), ("C", b"x")];
        assert!(Manifest::default().write(&pairs[..2]).is_ok());
        let refusal = Manifest::default().write(&pairs).expect_err("one byte too much");
        assert_eq!((&*refusal.name, refusal.reason), ("C", Reason::Total));
        assert!(!refusal.carried_by.contains(&Format::K8s));
    }
}
