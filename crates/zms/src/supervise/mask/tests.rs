use super::*;

fn masked(values: &[&[u8]], chunks: &[&[u8]]) -> Vec<u8> {
    let mut mask = Mask::new(Rc::new(Words::new(values.iter().copied()).unwrap()));
    let mut out = Vec::new();
    chunks.iter().for_each(|chunk| mask.feed(chunk, &mut out));
    mask.release(&mut out);
    out
}

fn text(values: &[&str], said: &str) -> String {
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    String::from_utf8(masked(&values, &[said.as_bytes()])).unwrap()
}

#[test]
fn a_value_is_hidden_and_nothing_else() {
    assert_eq!(
        text(&["hunter22"], "the password is hunter22, not hunter2."),
        "the password is ***, not hunter2."
    );
    assert_eq!(text(&["hunter22"], ""), "");
    assert_eq!(text(&[], "nothing to hide"), "nothing to hide");
}

#[test]
fn every_usual_form_is_hidden() {
    let value = "p/ss w+rd \"é\"\tü!";
    for said in [
        "p/ss w+rd \"é\"\tü!",
        "702f73732077", // the beginning of its hex stays: it is not the value
    ] {
        assert_eq!(text(&[value], said).contains("***"), said == value, "{said}");
    }
    let json = serde_json::to_string(value).unwrap();
    for said in [
        hex::encode(value),
        hex::encode_upper(value),
        "p%2Fss%20w%2Brd%20%22%C3%A9%22%09%C3%BC%21".to_owned(),
        "p%2fss%20w%2brd%20%22%c3%a9%22%09%c3%bc%21".to_owned(),
        "p/ss%20w%2Brd%20%22%C3%A9%22%09%C3%BC%21".to_owned(),
        "p%2Fss%20w%2Brd%20%22%C3%A9%22%09%C3%BC!".to_owned(),
        "p%2Fss+w%2Brd+%22%C3%A9%22%09%C3%BC%21".to_owned(),
        json[1..json.len() - 1].to_owned(),
        r#"p\/ss w+rd \"é\"\tü!"#.to_owned(),
        r#"p/ss w+rd \"\u00e9\"\t\u00fc!"#.to_owned(),
        r#"p\/ss w+rd \"\u00E9\"\t\u00FC!"#.to_owned(),
    ] {
        assert_eq!(text(&[value], &format!("<{said}>")), "<***>", "{said}");
    }
}

#[test]
fn base64_is_hidden_wherever_it_stands_in_what_is_encoded() {
    use base64::{Engine, engine::general_purpose as engines};
    for length in 5..40 {
        let value: Vec<u8> = (0..length).map(|at| (at * 37 + 11) as u8).collect();
        for (before, after) in
            [("", ""), ("u:", ""), ("a", "b"), ("user:", "@host"), ("abc", "xyz")]
        {
            let whole = [before.as_bytes(), &value, after.as_bytes()].concat();
            for said in [engines::STANDARD.encode(&whole), engines::URL_SAFE_NO_PAD.encode(&whole)]
            {
                let out = String::from_utf8(masked(&[&value], &[said.as_bytes()])).unwrap();
                let (start, end) = out.split_once("***").unwrap_or_else(|| panic!("{said} {out}"));
                // What is left decodes to what stood around it, and at most six bits more.
                assert!(start.len() * 6 <= before.len() * 8 + 6, "{said} {out}");
                assert!(
                    end.trim_end_matches('=').len() <= (after.len() * 8).div_ceil(6),
                    "{said} {out}"
                );
            }
        }
    }
}

#[test]
fn the_last_bits_are_hidden_in_whatever_base64_they_are() {
    use base64::{Engine, engine::general_purpose as engines};
    // In both alphabets it looks the same, but for the character that has its last bits.
    for after in [0x80, 0xc0_u8] {
        let whole = [&b"secret7o"[..], &[after]].concat();
        for said in [engines::STANDARD.encode(&whole), engines::URL_SAFE.encode(&whole)] {
            assert!("+/-_".contains(&said[10..11]), "{said}");
            let out = masked(&[b"secret7o"], &[said.as_bytes()]);
            assert_eq!(String::from_utf8(out).unwrap(), format!("***{}", &said[11..]));
        }
    }
}

#[test]
fn base64_in_lines_is_hidden() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let value: Vec<u8> = (0..200_u8).map(|at| at.wrapping_mul(91)).collect();
    // The last line has any length, also one that is too short to be told on its own.
    for (width, length) in [64, 76].into_iter().flat_map(|width| (90..200).map(move |l| (width, l)))
    {
        let encoded = STANDARD.encode(&value[..length]);
        let lines: Vec<&[u8]> = encoded.as_bytes().chunks(width).collect();
        for end in [&b"\n"[..], b"\r\n"] {
            let out = masked(&[&value[..length]], &[&lines.join(end)]);
            let out = String::from_utf8(out).unwrap();
            let hidden = |line: &str| ["***", ""].contains(&line.trim_end_matches('='));
            assert!(out.lines().all(hidden), "{length} {width} {out}");
        }
    }
}

#[test]
fn lines_of_a_value_are_hidden_each() {
    let key = "-----BEGIN KEY-----\nMIIEvgIBADAN\n  short\nabcd\n  }\n-----END KEY-----\n";
    assert_eq!(text(&[key], key), "***");
    assert_eq!(text(&[key], &key.replace('\n', "\r\n")), "***");
    assert_eq!(text(&[key], "1: MIIEvgIBADAN\n2: short\n"), "1: ***\n2: ***\n");
    // Too short to be told from anything else, blanks or not.
    assert_eq!(text(&[key], "3: abcd\n  }\n  }"), "3: abcd\n  }\n  }");
}

#[test]
fn short_values_are_left_alone() {
    assert_eq!(text(&["dev", "true"], "dev is true"), "dev is true");
}

#[test]
fn values_that_overlap_are_hidden_as_one() {
    assert_eq!(text(&["abcdef", "defghi"], "-abcdefghi-"), "-***-");
    assert_eq!(text(&["abcdef", "xabcdefgh"], "xabcdefg abcdef"), "x***g ***");
    assert_eq!(text(&["aaaaa"], "aaaaaaaaaaaa b"), "*** b");
}

#[test]
fn what_can_be_no_value_appears_at_once_and_what_can_be_is_held_back() {
    let words = Rc::new(Words::new([&b"zebra-zebra"[..]]).unwrap());
    let (mut mask, mut out) = (Mask::new(words), Vec::new());
    mask.feed(b"Your name: ", &mut out);
    assert_eq!((out.as_slice(), mask.waits_for()), (&b"Your name: "[..], 0));
    mask.feed(b"zeb", &mut out);
    assert_eq!((out.as_slice(), mask.waits_for()), (&b"Your name: "[..], 3));
    mask.feed(b"u", &mut out);
    assert_eq!((out.as_slice(), mask.waits_for()), (&b"Your name: zebu"[..], 0));
    out.clear();
    mask.feed(b"zebra-zebra", &mut out);
    assert_eq!((out.as_slice(), mask.waits_for()), (HIDDEN, 0));
}

#[test]
fn the_rest_of_a_value_is_hidden_when_its_beginning_was_let_go() {
    let words = Rc::new(Words::new([&b"zebra-zebra"[..]]).unwrap());
    let (mut mask, mut out) = (Mask::new(words), Vec::new());
    mask.feed(b"zeb", &mut out);
    mask.release(&mut out);
    mask.feed(b"ra-zebra!", &mut out);
    assert_eq!(out, b"zeb***!");
}

#[test]
fn more_words_can_take_over_anywhere_and_nothing_is_lost() {
    let old: [&[u8]; 3] = [b"first-value", b"value-of-old", b"first-valueabc-long"];
    let words = |values: &[&'static [u8]]| Rc::new(Words::new(values.iter().copied()).unwrap());
    let (before, after) = (words(&old), words(&[old.as_slice(), &[b"second-value"]].concat()));
    // The last one is the Base64 of the first value with a byte before and after it.
    let said = b"first-valuefirst-value-of-oldfirst-valueabc-longfirst-valueabcfirs first-value \
        IGZpcnN0LXZhbHVlIA== first";
    for at in 0..=said.len() {
        for lets_go in [false, true] {
            let run = |replaces: bool| {
                let (mut mask, mut out) = (Mask::new(Rc::clone(&before)), Vec::new());
                // A read ends here, and what it left open waits or is let go.
                mask.feed(&said[..at], &mut out);
                if lets_go {
                    mask.release(&mut out);
                }
                if replaces {
                    mask.replace(Rc::clone(&after), &mut out);
                }
                mask.feed(&said[at..], &mut out);
                mask.release(&mut out);
                String::from_utf8(out).unwrap()
            };
            let replaced = run(true);
            assert_eq!(replaced, run(false), "{at} {lets_go}");
            assert!(lets_go || !replaced.contains("first-value"), "{at} {replaced}");
        }
    }
    let (mut mask, mut out) = (Mask::new(before), Vec::new());
    mask.feed(b"first-value firs", &mut out);
    mask.replace(after, &mut out);
    mask.feed(b"t-value second-value", &mut out);
    assert_eq!(out, b"*** *** ***");
}

#[test]
fn too_much_to_look_for_is_refused() {
    // Bytes of all kinds: what looks the same in several forms counts once.
    let large: Vec<u8> = (0..1024 * 1024_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
        .collect();
    assert!(Words::new([large.as_slice()]).is_err());
}
