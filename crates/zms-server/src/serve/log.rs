//! The log: on stderr, as lines for people or as JSON. It holds ids, never secrets, names, paths or
//! queries.

use std::{io::IsTerminal, str::FromStr};

use tracing::Level;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Begins to log. `level` is one of error, warn, info, debug and trace. What the libraries below
/// would say is left out, at every level: they do not know what must not be said.
pub fn begin(format: Format, level: &str) {
    let level = Level::from_str(level).map_or(LevelFilter::INFO, LevelFilter::from_level);
    let ours = Targets::new()
        .with_target("zms_server", level)
        .with_target("zms_store_postgres", level)
        .with_default(LevelFilter::OFF);
    let registry = tracing_subscriber::registry().with(ours);
    match format {
        Format::Text => {
            let colour = std::io::stderr().is_terminal();
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
            registry.with(lines.with_target(false)).init();
        }
        Format::Json => {
            let lines = fmt::layer().with_writer(std::io::stderr).json().flatten_event(true);
            registry.with(lines.with_target(false).with_current_span(false)).init();
        }
    }
}
