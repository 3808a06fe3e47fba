//! The key in shares, as people hold them: shown one by one, typed in word by word, on paper.

use crate::{
    machine::{Machine, run},
    terminal::Terminal,
};

const SPLIT: [&str; 6] = ["key", "split", "--shares", "3", "--threshold", "2"];

/// What stands under the title of a share that is shown.
fn words(screen: &str) -> Vec<String> {
    let mut tokens = screen.split_whitespace().peekable();
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        if let (Ok(number @ 1..=33), Some(word)) = (token.parse::<usize>(), tokens.peek())
            && word.len() >= 4
            && word.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            words.push((number, (*word).to_owned()));
        }
    }
    words.sort();
    let words: Vec<_> = words.into_iter().map(|(_, word)| word).collect();
    assert_eq!(words.len(), 33, "{screen:?}");
    words
}

/// Splits on a terminal, and writes down what it shows.
fn ceremony(machine: &Machine) -> Vec<Vec<String>> {
    let mut terminal = Terminal::start(machine, &SPLIT);
    let shares = (1..=3).map(|at| {
        terminal.until(&format!("Share {at} of 3: with nobody else looking")).press("\n");
        terminal.until_hidden("Press Enter when it is written down. ");
        let (_, shown) = terminal.screen.split_once("\x1b[?1049h").unwrap();
        let words = words(shown);
        terminal.screen.clear();
        terminal.press("\n").until("\x1b[?1049l").until("was shown");
        words
    });
    let shares = shares.collect();
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.contains("2 of 3 rebuild the key"), "{screen}");
    shares
}

#[test]
fn who_stops_in_the_midst_of_the_shares_is_told_what_to_do_with_those_written_down() {
    let machine = Machine::with_vault();
    let mut terminal = Terminal::start(&machine, &SPLIT);
    terminal.until("Share 1 of 3: with nobody else looking").press("\n");
    terminal.until_hidden("Press Enter when it is written down. ").press("\n");
    terminal.until("Share 2 of 3: with nobody else looking").press("\x04");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    let said = "1 of 3 shares were shown, and no more: throw away what was written down";
    assert!(screen.contains(said), "{screen}");
}

/// As somebody types who knows that four letters are enough.
fn short(words: &[String]) -> String {
    words.iter().map(|word| format!("{} ", &word[..4])).collect()
}

#[test]
fn the_key_is_split_lost_and_put_together_again_by_hand() {
    let (machine, other) = (Machine::with_secret(), Machine::with_secret());
    let (ours, theirs) = (ceremony(&machine), ceremony(&other));
    machine.sh("rm ~/.zexio/zms.master.key").done();
    machine.sh("zms run -- sh -c 'echo $A'").refused(5);
    machine.sh("zms key combine").refused(5);

    let mut terminal = Terminal::start(&machine, &["key", "combine"]);
    terminal.until_hidden("word 1 of 33: ");
    // A share of somebody else's vault, first.
    terminal.press(&short(&theirs[1])).until("1 more share is needed").until("word 1 of 33: ");
    // What nobody's share has: it is named with its position, and what was typed behind it is not
    // taken for another word.
    terminal
        .press(&short(&ours[2][..6]))
        .press("acxd ac")
        .until("word 7 is not in the list of words");
    terminal.press("\x15ac ").until("go on: academic, acid, ").press("\x15");
    terminal.press(&short(&ours[2][6..])).until(", and not of set ");
    terminal.until("they are kept apart").until("1 more share is needed");
    // The same again
    terminal.press(&ours[2].join("\n")).press("\n").until("share 3 of set ");
    terminal.until("was given already; 1 more share is needed");
    // Two words in each other's place: all are gone through again, and Enter keeps one.
    let mut swapped = ours[0].clone();
    swapped.swap(8, 20);
    terminal.press(&short(&swapped)).until("the checksum can not tell which. Go through them");
    terminal.press(&"\n".repeat(8)).press(&format!("{}\n", ours[0][8]));
    terminal.press(&"\n".repeat(11)).press(&format!("{}\n", ours[0][20]));
    let (code, screen) = terminal.press(&"\n".repeat(12)).end();
    assert!(code == 0 && screen.contains("It opens the vault that is here."), "{screen:?}");
    assert!(terminal.echoes());
    // One word at a time, and never two.
    for line in screen.split(['\r', '\n']) {
        assert!(!(line.contains(&ours[2][5]) && line.contains(&ours[2][6])), "{line:?}");
    }
    assert_eq!(machine.sh("zms run -- sh -c 'printf $A'").done(), "first");

    // The wrong set alone rebuilds a key too, and it does not pass.
    let mut terminal = Terminal::start(&machine, &["key", "drill"]);
    terminal.until("word 1 of 33: ").press(&short(&theirs[0])).until("is taken");
    terminal.press(&short(&theirs[2])).until("a key that this vault does not know");
    terminal.press(&short(&ours[0])).until("is taken").press(&short(&ours[1]));
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.contains("It was written nowhere"), "{screen:?}");
}

/// SLIP-0039 lets a passphrase change the key without a trace. Ours have none, so any is wrong.
#[test]
fn a_passphrase_that_is_wrong_does_not_pass() {
    let machine = Machine::with_vault();
    machine.sh("zms key split --shares 3 --threshold 2 --all-in-one -q > all").done();
    for (passphrase, code) in [("correct horse\n", 4), ("caf\u{e9}\n", 2), ("\x04", 2)] {
        let mut terminal = Terminal::start(&machine, &["key", "drill", "--passphrase", "all"]);
        terminal.until_hidden("Passphrase over the shares: ").press(passphrase);
        if code == 4 {
            terminal.until("a key that this vault does not know").until("word 1 of 33: ");
            terminal.press("\x04");
        }
        let (ended, screen) = terminal.end();
        assert!(ended != 0 && !screen.contains("written nowhere"), "{screen}");
    }
    machine.sh("zms key drill all").done();
}

#[test]
fn ctrl_c_restores_the_terminal_and_its_screen() {
    let machine = Machine::with_secret();
    let mut terminal = Terminal::start(&machine, &["key", "combine"]);
    terminal.until_hidden("word 1 of 33: ").press("acad\x03");
    assert_eq!(terminal.end().0, 128 + 2);
    assert!(terminal.echoes());

    let mut terminal = Terminal::start(&machine, &SPLIT);
    terminal.until("press Enter to see it ").press("\n");
    terminal.until_hidden("Press Enter when it is written down. ").press("\x03");
    let (code, screen) = terminal.end();
    assert_eq!(code, 128 + 2);
    assert!(screen.trim_end().ends_with("\x1b[?1049l") && terminal.echoes(), "{screen:?}");
    // Nothing was noted, as nobody has the shares.
    machine.sh("zms key status | grep shares").refused(1);
}

#[test]
fn a_terminal_that_can_not_wipe_a_line_shows_no_word() {
    let machine = Machine::with_vault();
    machine.sh("zms key split --shares 3 --threshold 2 --all-in-one -q > all").done();
    let all = machine.sh("grep -v '^#' all").done();
    let shares: Vec<&str> = all.lines().collect();
    let dumb = [("TERM", "dumb")];
    let mut terminal = Terminal::sized(80, &machine, &dumb, &["key", "drill"]);
    terminal.until_hidden("33 words, not shown: ").press("academic acxd\n");
    let question = "\r\n33 words, not shown: ";
    terminal.until_hidden(&format!("word 2 is not in the list of words{question}"));
    terminal.press(&format!("{}\n", shares[1]));
    terminal.until_hidden(&format!("1 more share is needed{question}"));
    terminal.press(&format!("{}\n", shares[0]));
    let (code, screen) = terminal.end();
    assert!(
        code == 0 && !screen.contains(&shares[1][..40]) && !screen.contains('\x1b'),
        "{screen}"
    );
}

/// The key file is made by who has the shares, and by nobody before.
#[test]
fn a_key_that_is_only_in_shares_leaves_no_file() {
    let machine = Machine::new();
    let flags = "--shares 3 --threshold 2 --sheets sheets";
    machine.sh(&format!("zms init {flags} --no-key-file")).done();
    machine.sh("zms ls").refused(5);
    machine.sh("zms key drill sheets/*-1-of-3.html sheets/*-2-of-3.html").done();
    machine.sh("test ! -e ~/.zexio/zms.master.key").done();
    machine.sh("zms key combine sheets/*-1-of-3.html sheets/*-2-of-3.html").done();
    machine.sh("zms ls").done();
}

/// Where a page can not be written, none of its set is left.
#[test]
fn a_folder_that_takes_no_file_keeps_no_share() {
    let machine = Machine::with_vault();
    machine.sh("mkdir -m 500 closed").done();
    let said = machine.sh("zms key split --shares 3 --threshold 2 --sheets closed").refused(1);
    assert!(said.contains("can not be written: permission denied"), "{said}");
    machine.sh("ls closed | grep . ").refused(1);
    machine.sh("zms key status | grep shares").refused(1);
}

/// Looks for codes of that kind alone: in random words and modules, zbarimg now and then sees a bar
/// code of a few digits.
const SCAN: &str = "zbarimg -q --raw -S disable -S qrcode.enable";

/// Prints sheets as people do, reads their codes as a phone does.
#[test]
fn a_printed_sheet_is_one_page_and_its_code_says_the_share() {
    let machine = Machine::with_vault();
    machine.sh("zms key split --shares 3 --threshold 2 --sheets sheets").done();
    machine
        .sh("zms key split --group 2of2 --group 2of3 --groups-needed 2 --sheets one --all-in-one")
        .done();
    let words = |file: &str| {
        let list = format!("grep -o '<li>[a-z]*</li>' {file} | sed 's/<[^>]*>//g'");
        let words = machine.sh(&list).done();
        let words: Vec<&str> = words.split_whitespace().collect();
        words.chunks(33).map(|share| share.join(" ")).collect::<Vec<_>>()
    };
    machine.sh("cp sheets/*-2-of-3.html letter.html; cp one/*.html all.html").done();
    machine.sh("sed 's/@page {/@page { size: A4;/' letter.html > a4.html").done();
    for (name, pages, size) in [("letter", 1, "letter"), ("a4", 1, "A4"), ("all", 5, "letter")] {
        let file = machine.home().join("app").join(format!("{name}.html"));
        let mut chromium = machine.command("chromium");
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]);
        chromium.arg(format!("--print-to-pdf={name}.pdf"));
        chromium.arg(format!("file://{}", file.display()));
        run(chromium).done();
        let info = machine.sh(&format!("pdfinfo {name}.pdf")).done();
        assert!(info.contains(&format!("Pages:           {pages}\n")), "{name}: {info}");
        assert!(info.contains(&format!("({size})")), "{name}: {info}");
        machine.sh(&format!("pdftoppm -r 150 -png {name}.pdf {name}")).done();
        let read = machine.sh(&format!("{SCAN} {name}-*.png 2>&-")).done();
        let read: Vec<&str> = read.lines().collect();
        assert_eq!(read, words(&format!("{name}.html")), "{name}");
        let text = machine.sh(&format!("pdftotext -layout {name}.pdf -")).done();
        let sheet_id = machine.sh("zms key status --json").done();
        let json: serde_json::Value = serde_json::from_str(&sheet_id).unwrap();
        let id =
            format!("{}-{}", json["vault"].as_str().unwrap(), json["principal"].as_str().unwrap());
        assert_eq!(text.matches(&id).count(), pages, "{name}: {text}");
    }
    let text = machine.sh("pdftotext -layout letter.pdf -").done();
    for part in ["Share 2 of 3", "any 2 of the 3 shares", "Made on", "zms key combine", "33 "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What a phone reads, put into files, rebuilds the key.
    let scan = format!("for n in 1 2 3 4; do {SCAN} all-$n.png 2>&- > scanned-$n; done");
    machine.sh(&scan).done();
    machine.sh("zms key drill scanned-*").done();
}

/// A page asks nobody for anything: it has no script, and its policy lets it load nothing.
#[test]
fn a_sheet_needs_and_loads_nothing() {
    let machine = Machine::with_vault();
    machine.sh("zms key split --shares 3 --threshold 2 --sheets sheets").done();
    let html = machine.sh("cat sheets/*-1-of-3.html").done();
    assert!(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for part in ["<script", "http://", "https://", "src=", "url(", "@import", " on"] {
        let found: Vec<_> = html.match_indices(part).collect();
        let attribute = |at: usize| html[at..].chars().take(12).collect::<String>().contains('=');
        assert!(found.iter().all(|(at, _)| part == " on" && !attribute(*at)), "{part}");
    }
}
