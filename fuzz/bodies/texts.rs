//! What is asked of every text that a person or a program hands over: it is read or refused.

use zms_core::{
    address::Address,
    handover::Handover,
    key_file::KeyFile,
    path::{ScopePath, SecretName, Segment},
};
use zms_crypto::{
    share::Share,
    text::{encode_seed, encode_wrapping, parse_seed, parse_wrapping},
};

/// Any text, as each of them, and behind what each begins with.
pub fn fuzz_texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for start in ["", "zms_st_1", "zms_mcp_1", "zms_at_1", "ZMS-MASTER-KEY-1"] {
        let whole = format!("{start}{text}");
        if let Ok((kind, seed)) = parse_seed(&whole) {
            assert!(*encode_seed(kind, &seed).expose() == whole, "a token has one spelling");
        }
    }
    for whole in [text.to_owned(), format!("zms_wt1{text}")] {
        if let Ok((vault, seed)) = parse_wrapping(&whole) {
            assert!(*encode_wrapping(&vault, &seed).expose() == whole, "one spelling");
        }
    }
    if let Ok(share) = Share::parse(text) {
        let words = share.to_words();
        assert!(Share::parse(words.expose()).is_ok(), "a share reads what it writes");
    }
    if let Ok(path) = ScopePath::parse(text)
        && !path.segments().is_empty()
    {
        assert_eq!(ScopePath::parse(&path.to_string()), Ok(path));
    }
    if let Ok(address) = Address::parse(text) {
        assert_eq!(Address::parse(&address.to_string()), Ok(address));
    }
    let _ = SecretName::parse(text);
    let _ = Segment::parse(text);
    let _ = Handover::parse(text);
    let rule = "-----BEGIN ZMS MASTER KEY-----";
    let _ = KeyFile::parse(text);
    let _ = KeyFile::parse(&format!("{rule}\n{text}\n{}\n", rule.replace("BEGIN", "END")));
}
