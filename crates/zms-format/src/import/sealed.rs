//! Values that a tool has encrypted: as secrets they would be wrong, and look right.

use super::{Import, ImportError, Tool};

/// Shortest text that dotenvx makes of an empty value, in characters of base64.
const DOTENVX_LEAST: usize = 100;

/// Refuses an import that still holds one.
pub(super) fn refuse(import: &Import) -> Result<(), ImportError> {
    for secret in &import.secrets {
        // EXPOSE: how it begins and ends.
        let tool = tool_of(secret.entry.value.expose());
        if let Some(tool) = tool {
            let (line, name) = (secret.entry.line, secret.entry.name.clone());
            return Err(ImportError::Sealed { line, name, tool });
        }
    }
    Ok(())
}

/// Whether a value is what SOPS or dotenvx writes in place of one.
fn tool_of(value: &[u8]) -> Option<Tool> {
    if value.starts_with(b"ENC[AES256_GCM,data:") && value.ends_with(b"]") {
        return Some(Tool::Sops);
    }
    let sealed = value.strip_prefix(b"encrypted:")?;
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    (sealed.len() >= DOTENVX_LEAST && sealed.iter().all(base64)).then_some(Tool::Dotenvx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_tool_has_encrypted_counts() {
        let sops = b"ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A=,type:str]";
        assert_eq!(tool_of(sops), Some(Tool::Sops));
        let dotenvx = ["encrypted:", &"BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3".repeat(4)].concat();
        assert_eq!(tool_of(dotenvx.as_bytes()), Some(Tool::Dotenvx));
        for plain in [&b"ENC[AES256_GCM,data:"[..], b"encrypted:yes", b"ENC[x]", b""] {
            assert_eq!(tool_of(plain), None);
        }
    }
}
