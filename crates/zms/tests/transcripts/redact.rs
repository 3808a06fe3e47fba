//! What is different each time stands as what it is, in brackets.

/// Replaces what is different each time.
pub fn redact(text: &str) -> String {
    const TIME: &[u8] = b"0000-00-00T00:00:00Z";
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (mut safe, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let shape = rest.bytes().take(TIME.len());
        let shape = shape.map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        let time = shape.eq(TIME.iter().copied());
        let run = rest.bytes().take_while(word).count();
        let hex = rest[..run].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (length, name) = match run {
            _ if time => (TIME.len(), "[TIME]"),
            2 if let Some(length) = duration(rest) => (length, "[SOON]"),
            66 if rest.starts_with("zms_st_1") || rest.starts_with("zms_at_1") => (run, "[TOKEN]"),
            64 if hex => (run, "[HASH]"),
            100.. if rest.starts_with("zms_pin_1") => (run, "[PIN]"),
            32 if hex => (run, "[ID]"),
            // The start of an id, as far as it is shown.
            8 if hex => (run, "[ID]"),
            4 if hex && set(&safe) => (run, "[SET]"),
            1.. if size(&rest[..run], &rest[run..], &safe) => (run, "[SIZE]"),
            0 => (first.len_utf8(), &rest[..first.len_utf8()]),
            _ => (run, &rest[..run]),
        };
        safe += name;
        rest = &rest[length..];
    }
    safe
}

/// How long the estimate is that comes next, where one does: a machine may be slow.
fn duration(text: &str) -> Option<usize> {
    let short = ["in less than a second", "in about a second"];
    if let Some(short) = short.into_iter().find(|short| text.starts_with(short)) {
        return Some(short.len());
    }
    let (begin, end) = ("in about ", " seconds");
    let digits = text.strip_prefix(begin)?.bytes().take_while(u8::is_ascii_digit).count();
    let length = begin.len() + digits;
    (digits > 0 && text[length..].starts_with(end)).then_some(length + end.len())
}

/// Whether the name of a set of shares comes next.
fn set(before: &str) -> bool {
    let word = before.trim_end_matches(' ');
    let named = word.len() < before.len() && word.ends_with("set");
    named || ["\"set\": \"", "zms-share-", "zms-shares-"].iter().any(|end| before.ends_with(end))
}

/// Whether a number is the size of a file.
fn size(number: &str, behind: &str, before: &str) -> bool {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits && (behind.starts_with(" KiB") || before.ends_with("_bytes\": "))
}
