//! The working folder: secrets that still lie in plain text.

use super::report::Report;
use crate::{
    environment,
    files::{names, read_found},
    home::found,
};

/// Ends of names that say that a file holds no real values.
const SAMPLES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

/// Looks for `.env` files and what they hold.
pub(super) fn check(report: &mut Report) {
    let folder = match environment::folder() {
        Ok(folder) => folder,
        Err(failure) => return report.skip(".env files", failure.message),
    };
    let mut names = names(&folder);
    let sample = |name: &String| SAMPLES.iter().any(|end| name.ends_with(end));
    names.retain(|name| (name == ".env" || name.starts_with(".env.")) && !sample(name));
    names.sort();
    let mut clean = true;
    for name in &names {
        let path = folder.join(name);
        let Ok(Some(text)) = read_found(&path) else { continue };
        let Ok(entries) = zms_format::parse_dotenv(&text) else {
            report.warn(".env files", format!("{name} can not be understood"), "look into it");
            clean = false;
            continue;
        };
        let tokens = entries.iter().filter(|entry| entry.name == "ZMS_TOKEN").count();
        let values = entries.len() - tokens;
        if values > 0 {
            let what = if values == 1 { "1 value".to_owned() } else { format!("{values} values") };
            report.warn(
                ".env files",
                format!("{name} holds {what} in plain text"),
                format!("`zms import {name} --delete`"),
            );
            clean = false;
        }
        if tokens > 0 && found(&path).is_some_and(|found| found.mode & 0o077 != 0) {
            report.warn(
                ".env files",
                format!("{name} names a ZMS_TOKEN, and others can read it"),
                format!("chmod 600 {name}"),
            );
            clean = false;
        }
    }
    if clean {
        report.ok(".env files", "none here holds values in plain text");
    }
}
