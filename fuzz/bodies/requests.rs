//! What is asked of everything in a request to an engine that is ours to read: queries, headers.

use zms_core::{
    engine::{AuditQuery, BundleQuery, ChangesQuery, CommitQuery},
    request::{Asked, Claim, Headers},
};
use zms_crypto::Key;

/// Any text, as a query and, cut at its line ends, as the headers that authenticate a request.
pub fn fuzz_requests(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(query) = BundleQuery::parse(text) {
        assert_eq!(query.encode(), text);
    }
    if let Ok(query) = CommitQuery::parse(text) {
        assert_eq!(query.encode(), text);
    }
    if let Ok(query) = ChangesQuery::parse(text) {
        assert_eq!(query.encode(), text);
    }
    if let Ok(query) = AuditQuery::parse(text) {
        assert_eq!(query.encode(), text);
    }
    let mut lines = text.split('\n').map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let headers = Headers { content_digest: line(), signature_input: line(), signature: line() };
    if let Ok(claim) = Claim::parse(&headers) {
        let asked = Asked { method: "GET", authority: "a", path: "/", query: "?" };
        let key = Key::from_bytes(&[7; 32]);
        assert!(claim.verify(&key, &asked, b"", claim.created).is_err(), "nobody has signed it");
    }
}
