//! Which shares are wanted, and where they go.

use std::path::PathBuf;

use zms_crypto::share::{Group, Scheme};

use crate::exit::{Failure, Outcome};

/// Heading of the flags that say which shares are made.
const HEADING: &str = "Shares";

/// The flags that say which shares are made.
#[derive(clap::Args)]
pub struct Wanted {
    /// How many shares there are, at most 16
    #[arg(long, value_name = "N", requires = "threshold", conflicts_with = "group", help_heading = HEADING)]
    pub shares: Option<u8>,
    /// How many of them are needed, at least 2 of several
    #[arg(long, value_name = "K", requires = "shares", help_heading = HEADING)]
    pub threshold: Option<u8>,
    /// A group of shares, as 2of3: 2 of its 3 shares are needed. May be given several times
    #[arg(long, value_name = "KofN", value_parser = group, help_heading = HEADING)]
    pub group: Vec<Group>,
    /// How many of the groups are needed
    #[arg(long, value_name = "N", requires = "group", help_heading = HEADING)]
    pub groups_needed: Option<u8>,
    /// Write a printable page for each share into this folder
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    pub sheets: Option<PathBuf>,
    /// Put all shares into one file, or print all of them
    #[arg(long, help_heading = HEADING)]
    pub all_in_one: bool,
}

fn group(text: &str) -> Result<Group, String> {
    let numbers = text.split_once("of");
    let parsed = numbers.and_then(|(threshold, count)| {
        Some(Group { threshold: threshold.trim().parse().ok()?, count: count.trim().parse().ok()? })
    });
    parsed
        .ok_or_else(|| "it is written as 2of3: how many are needed, and how many there are".into())
}

impl Wanted {
    /// Whether any of the flags is there.
    pub fn any(&self) -> bool {
        let numbers = [self.shares, self.threshold, self.groups_needed];
        let named = numbers.iter().any(Option::is_some) || !self.group.is_empty();
        named || self.sheets.is_some() || self.all_in_one
    }

    /// The scheme that the flags describe; `None` where they ask for no shares.
    pub fn scheme(&self) -> Outcome<Option<Scheme>> {
        let scheme = match (self.shares, self.threshold, self.groups_needed, &self.group[..]) {
            (Some(count), Some(threshold), ..) => Scheme::single(threshold, count),
            (.., []) => return Ok(None),
            (_, _, None, [only]) => Scheme::new(1, &[*only]),
            (_, _, Some(needed), groups) => Scheme::new(needed, groups),
            (_, _, None, groups) => {
                return Err(Failure::usage(format!(
                    "it is not said how many of the {} groups are needed",
                    groups.len()
                ))
                .hint("add `--groups-needed N`"));
            }
        };
        scheme.map(Some).map_err(|why| {
            Failure::usage(why).hint(
                "for example `--shares 5 --threshold 3`, or `--group 2of3 --group 3of5 \
                 --groups-needed 2`",
            )
        })
    }
}
