//! A recovery sheet: one share on one page, to be printed. spec/shares.md#sheets

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use super::set::{Member, Set};
use crate::exit::{Failure, Outcome, utc};

/// Light modules around a code.
const QUIET: usize = 4;
const STYLE: &str = include_str!("sheet.css");

/// A document with these shares, a page each.
pub fn document(set: &Set, members: &[Member<'_>]) -> Outcome<Zeroizing<String>> {
    let title = match members {
        [only] => format!("{} - ZMS vault {}", only.title(), set.vault_name),
        _ => format!("Shares of ZMS vault {}", set.vault_name),
    };
    let mut html = Zeroizing::new(String::with_capacity(8 * 1024 + members.len() * 64 * 1024));
    html.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<meta name=\"robots\" content=\"noindex\">\n",
    );
    html.extend(["<title>", &title, "</title>\n<style>\n", STYLE, "</style>\n</head>\n<body>\n"]);
    for member in members {
        page(&mut html, set, member)?;
    }
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

fn page(html: &mut Zeroizing<String>, set: &Set, member: &Member<'_>) -> Outcome {
    let (vault, key) = (set.claim.vault.to_string(), set.claim.key.to_string());
    let (title, needed, name) = (member.title(), member.needed(), set.name());
    let (date, at) = (utc(set.at), utc(set.at));
    let day = date.get(..10).unwrap_or(&at);
    html.extend(["<section data-vault=\"", &vault, "\" data-key=\"", &key, "\">\n"]);
    html.extend(["<header><p>ZMS recovery sheet</p><h1>", &title, "</h1>\n"]);
    html.extend(["<p>To rebuild the key it takes ", &needed, "."]);
    html.push_str(" Fewer tell nothing of it.</p></header>\n");
    html.push_str("<div class=\"both\">\n<ol class=\"share\">\n");
    let words = member.words();
    // EXPOSE: the sheet is for who keeps the share.
    for word in words.expose().split(' ') {
        html.extend(["<li>", word, "</li>\n"]);
    }
    html.push_str("</ol>\n<figure>");
    // EXPOSE: the code says what the words say.
    code(html, words.expose())?;
    html.push_str("<figcaption>The same words, to be scanned.</figcaption></figure>\n</div>\n");
    html.push_str("<dl>\n");
    for (what, text) in [
        ("Vault", set.vault_name.as_str()),
        ("Sheet id", &set.claim.to_string()),
        ("Set", &name),
        ("Made on", day),
        ("Kept by", ""),
    ] {
        html.extend(["<dt>", what, "</dt><dd>", text, "</dd>\n"]);
    }
    html.push_str("</dl>\n");
    html.push_str(ADVICE);
    html.push_str("</section>\n");
    Ok(())
}

/// What to do with a sheet.
const ADVICE: &str = "\
<h2>What to do with this sheet</h2>
<ul>
<li>Keep it on paper, where the others of its set are not, and where nobody else reads it. Remove the \
file that it was printed from.</li>
<li>To check it: <code>zms key verify-share</code> asks for the words and says whether they are right.</li>
<li>To rebuild the key: <code>zms key combine</code> asks for one share after the other, in any order. \
Type the words, or put what the code says into a file and name that. On a machine without the vault's \
database, name the sheet id as well.</li>
<li>To practise that: <code>zms key drill</code> rebuilds the key, compares it, and writes nothing.</li>
<li>If it is lost, or others have seen it: <code>zms key split --rotate</code> replaces the key and makes \
new shares. Until then this one stays good.</li>
</ul>
";

/// The code as a drawing: one path, in runs of dark modules.
fn code(html: &mut Zeroizing<String>, text: &str) -> Outcome {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Failure::other)?;
    let width = code.width();
    let side = (width + 2 * QUIET).to_string();
    html.extend(["<svg viewBox=\"0 0 ", &side, " ", &side, "\" role=\"img\" "]);
    html.push_str("aria-label=\"QR code\" shape-rendering=\"crispEdges\"><path d=\"");
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|color| **color == row[x]).count();
            if row[x] == Color::Dark {
                let at = [x + QUIET, y + QUIET, run].map(|number| number.to_string());
                html.extend(["M", &at[0], " ", &at[1], "h", &at[2], "v1h-", &at[2], "z"]);
            }
            x += run;
        }
    }
    html.push_str("\"/></svg>");
    Ok(())
}
