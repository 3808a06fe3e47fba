//! CSV (RFC 4180) with a heading, as `infisical export --format=csv` writes it.

use super::{Import, ImportError, Imported, MAX_SECRETS};
use crate::output::Output;
use crate::{Entry, Value};

/// Most fields of a row.
const MAX_FIELDS: usize = 1000;

/// Why a CSV file was refused. Names places, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// Some bytes of a heading or name are not UTF-8.
    #[error("line {line} is not UTF-8 text")]
    NotUtf8 {
        /// Counted from 1.
        line: usize,
    },
    /// The first row does not name the columns.
    #[error("the first line does not name the columns Key and Value")]
    NoHeading,
    /// A row has more or fewer fields than the heading.
    #[error("line {line} has {found} fields, and the first line {wanted}")]
    Fields {
        /// Counted from 1.
        line: usize,
        /// Fields of this row.
        found: usize,
        /// Fields of the heading.
        wanted: usize,
    },
    /// A row has more fields than any table of secrets.
    #[error("line {line} has more than 1000 fields")]
    TooManyFields {
        /// Counted from 1.
        line: usize,
    },
    /// A quote stands where none may, or is never closed.
    #[error("line {line}: a quote is not closed, or stands inside a field without quotes")]
    Quote {
        /// Line where the field begins, counted from 1.
        line: usize,
    },
}

impl CsvError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            CsvError::NotUtf8 { .. } => "save it as UTF-8 and import it again",
            CsvError::NoHeading => "begin the file with `Key,Value`",
            CsvError::TooManyFields { .. } => "keep the columns Key, Value and Comment only",
            CsvError::Fields { .. } => "put double quotes around a value that holds a comma",
            CsvError::Quote { .. } => {
                "put double quotes around the whole field, and write each in it twice"
            }
        }
    }
}

/// Whether a text begins with the heading that Infisical writes.
pub(super) fn is_heading(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.trim_ascii_end().eq_ignore_ascii_case(b"key,value")
}

/// One row and the line where it begins.
struct Row {
    line: usize,
    fields: Vec<Value>,
}

/// Reads names from the column Key or Name, values from Value, and notes from Comment or Note.
pub(super) fn parse(text: &[u8]) -> Result<Import, ImportError> {
    let mut reader = Reader { rest: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), line: 1 };
    let heading = reader.row()?.ok_or(CsvError::NoHeading)?;
    let names = heading.fields.iter().map(|field| word(field, 1));
    let names = names.collect::<Result<Vec<String>, _>>()?;
    let column = |wanted: [&str; 2]| {
        names.iter().position(|name| wanted.iter().any(|it| name.eq_ignore_ascii_case(it)))
    };
    let key = column(["key", "name"]).ok_or(CsvError::NoHeading)?;
    let value = column(["value", "value"]).ok_or(CsvError::NoHeading)?;
    let comment = column(["comment", "note"]);
    let mut import = Import::of(None);
    for (position, name) in names.iter().enumerate() {
        if position != key && position != value && Some(position) != comment {
            import.leave_out(format!("the column {name}"), "is none of Key, Value and Comment");
        }
    }
    while let Some(Row { line, mut fields }) = reader.row()? {
        // An empty line is no row.
        if fields.len() == 1 && fields[0].expose().is_empty() {
            continue;
        }
        if fields.len() != names.len() {
            let (found, wanted) = (fields.len(), names.len());
            return Err(CsvError::Fields { line, found, wanted }.into());
        }
        if import.secrets.len() == MAX_SECRETS {
            return Err(ImportError::TooMany);
        }
        let name = word(&fields[key], line)?;
        let comment = comment.map(|at| word(&fields[at], line)).transpose()?.unwrap_or_default();
        let value = fields.swap_remove(value);
        let entry = Entry { name, value, line, notes: vec![] };
        import.secrets.push(Imported { entry, comment, json: false });
    }
    Ok(import)
}

/// The text of what is no secret.
fn word(field: &Value, line: usize) -> Result<String, CsvError> {
    // EXPOSE: a heading, a name or a note.
    String::from_utf8(field.expose().clone()).map_err(|_| CsvError::NotUtf8 { line })
}

struct Reader<'t> {
    rest: &'t [u8],
    line: usize,
}

impl Reader<'_> {
    /// The next row; `None` at the end of the text.
    fn row(&mut self) -> Result<Option<Row>, CsvError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Row { line: self.line, fields: Vec::new() };
        loop {
            if row.fields.len() == MAX_FIELDS {
                return Err(CsvError::TooManyFields { line: row.line });
            }
            row.fields.push(self.field()?);
            match self.rest {
                [b',', rest @ ..] => self.rest = rest,
                [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => {
                    self.rest = rest;
                    self.line += 1;
                    return Ok(Some(row));
                }
                [] => return Ok(Some(row)),
                _ => return Err(CsvError::Quote { line: row.line }),
            }
        }
    }

    /// A field, up to the comma or line break behind it.
    fn field(&mut self) -> Result<Value, CsvError> {
        let line = self.line;
        let Some(mut rest) = self.rest.strip_prefix(b"\"") else {
            let ends = |byte: &u8| matches!(byte, b',' | b'\n');
            let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            let (field, end) = match field {
                [field @ .., b'\r'] if rest.starts_with(b"\n") => (field, end - 1),
                field => (field, end),
            };
            if field.contains(&b'"') {
                return Err(CsvError::Quote { line });
            }
            self.rest = &self.rest[end..];
            return Ok(Value::from(field));
        };
        let mut output = Output::default();
        loop {
            let end = rest.iter().position(|byte| *byte == b'"').ok_or(CsvError::Quote { line })?;
            let (part, behind) = rest.split_at(end);
            self.line += part.iter().filter(|byte| **byte == b'\n').count();
            output.push(part);
            match behind {
                [b'"', b'"', more @ ..] => {
                    output.push(b"\"");
                    rest = more;
                }
                [_, more @ ..] => {
                    self.rest = more;
                    return Ok(output.into_value());
                }
                [] => return Err(CsvError::Quote { line }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String, usize)> {
        let import = parse(text.as_bytes()).expect("readable");
        let show = |it: &Imported| {
            let value = String::from_utf8(it.entry.value.expose().clone()).expect("UTF-8");
            (it.entry.name.clone(), value, it.comment.clone(), it.entry.line)
        };
        import.secrets.iter().map(show).collect()
    }

    fn error(text: &str) -> CsvError {
        let error = parse(text.as_bytes()).expect_err("must be refused");
        let ImportError::Csv(error) = error else { panic!("{error:?}") };
        error
    }

    #[test]
    fn quotes_commas_and_line_breaks_are_read() {
        let rows = read("Key,Value\r\nA,1\r\nB,\"x,\"\"y\"\"\nz\"\r\n\r\nC,\nD,a b\r\n");
        let lines: Vec<_> = rows.iter().map(|row| (&row.0[..], &row.1[..], row.3)).collect();
        let expected = [("A", "1", 2), ("B", "x,\"y\"\nz", 3), ("C", "", 6), ("D", "a b", 7)];
        assert_eq!(lines, expected);
        let row = ("A".to_owned(), "1".to_owned(), "why".to_owned(), 2);
        assert_eq!(read("comment,name,value\nwhy,A,1"), [row]);
        assert_eq!(parse(b"Key,Value,Tags\nA,1,x\n").expect("readable").left_out.len(), 1);
    }

    #[test]
    fn what_is_no_table_is_refused_and_never_quoted() {
        assert_eq!(error(""), CsvError::NoHeading);
        assert_eq!(error("A,canary\n"), CsvError::NoHeading);
        let fields = CsvError::Fields { line: 2, found: 3, wanted: 2 };
        assert_eq!(error("Key,Value\nA,canary,x\n"), fields);
        for quote in ["A,\"canary", "A,ca\"nary", "A,\"canary\"x\n"] {
            assert_eq!(error(&format!("Key,Value\n{quote}")), CsvError::Quote { line: 2 });
        }
        assert_eq!(parse(b"Key,Value\n\xff,1\n").err(), Some(CsvError::NotUtf8 { line: 2 }.into()));
    }

    #[test]
    fn rows_and_fields_are_bounded_before_they_are_kept() {
        let wide = format!("Key,Value{}", ",".repeat(MAX_FIELDS));
        assert_eq!(error(&wide), CsvError::TooManyFields { line: 1 });
        let long = format!("Key,Value\n{}not,a,row\n", "A,1\n".repeat(MAX_SECRETS + 1));
        assert_eq!(parse(long.as_bytes()).err(), Some(ImportError::TooMany));
    }
}
