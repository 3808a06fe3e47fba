//! Rows as columns: in full for programs, and fitted into the terminal for people.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::{shown_word, terminal::unicode};

/// Columns that a cell is not cut below.
const LEAST: usize = 12;
/// The same for the last one, which is the least important.
const LEAST_OF_LAST: usize = 8;
/// Columns of a date, which is what is left of a time.
const DATE: usize = 10;
/// Blanks between two columns.
const GAP: usize = 2;

/// Every cell in full, and no heading.
pub fn plain(columns: usize, rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| shown_word(cell)).collect()).collect();
    let count = |cell: &str| cell.chars().count();
    let widths = widest(columns, &rows, count);
    rows.iter().map(|row| line(row, &widths, count)).collect()
}

/// Within `width` columns, under a heading. The last column gives way first, then times become
/// dates, then the widest column gives way. The first column never gives way: it is what the next command is given.
/// Where that is not enough each row stands as a block of lines, with nothing cut.
pub fn fitted(heading: &[&str], rows: &[Vec<String>], width: usize, styled: bool) -> String {
    fitted_with(heading, rows, width, styled, if unicode() { "…" } else { "..." })
}

fn fitted_with(
    heading: &[&str],
    rows: &[Vec<String>],
    width: usize,
    styled: bool,
    mark: &str,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let bold = if styled { Style::new().bold() } else { Style::new() };
    // A column in which nobody says anything takes no room.
    let used: Vec<usize> = (0..heading.len())
        .filter(|at| rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let heading: Vec<String> = used.iter().map(|at| heading[*at].to_owned()).collect();
    let cell =
        |row: &Vec<String>, at: usize| row.get(at).map_or(String::new(), |it| shown_word(it));
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| used.iter().map(|at| cell(row, *at)).collect()).collect();
    let mut widths = widest(heading.len(), &rows, UnicodeWidthStr::width);
    for (width, name) in widths.iter_mut().zip(&heading) {
        *width = (*width).max(name.len());
    }
    let times: Vec<bool> = (0..heading.len()).map(|at| holds_times(&rows, at)).collect();
    if !shrink(&mut widths, &heading, &times, width) {
        return blocks(&heading, &rows, bold);
    }
    let mut text =
        format!("{bold}{}{bold:#}\n", line(&heading, &widths, UnicodeWidthStr::width).trim_end());
    for row in rows {
        let mark = |at: usize| if times[at] { "" } else { mark };
        let cells = row.iter().zip(&widths).enumerate();
        let cut = cells.map(|(at, (cell, width))| cut(cell, *width, mark(at)));
        text += &line(&cut.collect::<Vec<_>>(), &widths, UnicodeWidthStr::width);
    }
    text
}

fn widest(columns: usize, rows: &[Vec<String>], measure: impl Fn(&str) -> usize) -> Vec<usize> {
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(measure(cell));
        }
    }
    widths
}

/// Whether a column holds times, which need no mark where they are cut to dates.
fn holds_times(rows: &[Vec<String>], at: usize) -> bool {
    let time =
        |cell: &str| cell.len() == 20 && cell.ends_with('Z') && cell.get(10..11) == Some("T");
    let mut cells = rows.iter().map(|row| row[at].as_str()).filter(|cell| cell.width() > DATE);
    cells.clone().next().is_some() && cells.all(time)
}

/// Makes columns narrower until they fit; false where they do not.
fn shrink(widths: &mut [usize], heading: &[String], times: &[bool], width: usize) -> bool {
    let last = widths.len() - 1;
    let gaps = GAP * last;
    let least = |at: usize| {
        let least = if at == last { LEAST_OF_LAST } else { LEAST };
        heading[at].len().max(if times[at] { DATE } else { least })
    };
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        if over == 0 {
            return true;
        }
        let can = |at: &usize| widths[*at] > least(*at);
        let text = |at: &usize| !times[*at] && can(at);
        let widest = (1..last).filter(text).max_by_key(|at| widths[*at]);
        let time = (1..=last).rfind(|at| times[*at] && can(at));
        match Some(last).filter(|at| *at > 0 && text(at)).or(time).or(widest) {
            Some(at) if times[at] => widths[at] = least(at),
            Some(at) => widths[at] -= if at == last { over.min(widths[at] - least(at)) } else { 1 },
            None => return false,
        }
    }
}

/// One line of columns; a cell that is too wide moves those behind it.
pub fn line(row: &[String], widths: &[usize], measure: impl Fn(&str) -> usize) -> String {
    let mut text = String::new();
    let last = row.len().saturating_sub(1);
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let pad = if at == last { 0 } else { width.saturating_sub(measure(cell)) + GAP };
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', pad));
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
    text
}

/// A cell within so many columns, with a mark where something is missing.
fn cut(cell: &str, width: usize, mark: &str) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let room = width - mark.width();
    let mut text = String::new();
    for char in cell.chars() {
        // Measured as a whole: what joins with the character before it has no width of its own.
        text.push(char);
        if text.width() > room {
            text.pop();
            break;
        }
    }
    text + mark
}

fn blocks(heading: &[String], rows: &[Vec<String>], bold: Style) -> String {
    let widest = heading.iter().skip(1).map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        text += &format!("{bold}{}{bold:#}\n", row[0]);
        let named = heading.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
        for (name, cell) in named {
            text += &format!("  {:<widest$}  {cell}\n", name.to_lowercase());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::{fitted_with, plain};

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn programs_get_every_cell_and_no_heading() {
        let rows = rows(&[&["A", "first", ""], &["LONGER", "x", "a note"]]);
        assert_eq!(plain(3, &rows), "A       first\nLONGER  x      a note\n");
    }

    #[test]
    fn the_last_column_gives_way_first_and_then_the_widest() {
        let rows = rows(&[&["NAME_OF_IT", "default/development", "a note of some length"]]);
        let table = |width| fitted_with(&["NAME", "FROM", "NOTE"], &rows, width, false, "…");
        assert_eq!(
            table(46),
            "NAME        FROM                 NOTE\n\
             NAME_OF_IT  default/development  a note of so…\n"
        );
        assert_eq!(
            table(34),
            "NAME        FROM          NOTE\nNAME_OF_IT  default/dev…  a note …\n"
        );
        assert_eq!(
            table(29),
            "NAME_OF_IT\n  from  default/development\n  note  a note of some length\n"
        );
    }

    #[test]
    fn a_time_becomes_a_date_before_a_table_becomes_blocks() {
        let rows = rows(&[&["A", "2026-11-24T02:28:22Z"], &["B", "never"]]);
        let table = |width| fitted_with(&["NAME", "EXPIRES"], &rows, width, false, "…");
        assert_eq!(table(26), "NAME  EXPIRES\nA     2026-11-24T02:28:22Z\nB     never\n");
        assert_eq!(table(25), "NAME  EXPIRES\nA     2026-11-24\nB     never\n");
        assert_eq!(table(15), "A\n  expires  2026-11-24T02:28:22Z\nB\n  expires  never\n");
    }

    #[test]
    fn wide_characters_take_two_columns_and_others_none() {
        let rows = rows(&[&["秘密", "x"], &["e\u{301}", "y"]]);
        let text = fitted_with(&["NAME", "V"], &rows, 80, false, "…");
        assert_eq!(text, "NAME  V\n秘密  x\ne\u{301}     y\n");
    }

    #[test]
    fn a_cell_is_one_line() {
        let rows = rows(&[&["A", "x\nB  forged\x1b[2J"]]);
        let text = fitted_with(&["NAME", "NOTE"], &rows, 80, false, "…");
        assert_eq!(text, "NAME  NOTE\nA     x\\nB  forged\\u{1b}[2J\n");
    }

    #[test]
    fn an_empty_column_and_an_empty_table_take_no_room() {
        let empty = fitted_with(&["NAME", "NOTE"], &[], 80, false, "…");
        assert_eq!(empty, "");
        let rows = rows(&[&["A", ""]]);
        assert_eq!(fitted_with(&["NAME", "NOTE"], &rows, 80, true, "…"), "\x1b[1mNAME\x1b[0m\nA\n");
    }

    proptest! {
        #[test]
        fn no_line_of_a_table_is_wider_than_the_terminal(
            cells in proptest::collection::vec(proptest::collection::vec(".{0,30}", 4), 1..6),
            width in 12_usize..200,
            mark in prop_oneof![Just("…"), Just("...")],
        ) {
            let text = fitted_with(&["A", "B", "C", "D"], &cells, width, false, mark);
            // Blocks have no heading, and cut nothing.
            if text.starts_with("A  ") {
                for line in text.lines() {
                    prop_assert!(line.width() <= width, "{line:?}");
                }
            }
        }
    }
}
