//! Finds out as whom a command acts: a token where there is one, else the owner.

use std::{
    fs::File,
    os::fd::{BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;
use zms_core::{
    address::Address,
    id::PrincipalId,
    key_file::{KeyFile, Protection},
    principal::{Kind, Principal},
};
use zms_crypto::{
    Key,
    text::{SeedKind, parse_seed},
};

use crate::{
    agent, allowed, environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_credential, read_private, read_small},
    master_key::{Protect, opener},
    server,
};

/// Longest token with its address, in bytes.
const MAX_TOKEN: usize = 1024;

/// Where a key came from that has no file.
pub const AGENT: &str = "the agent";

/// Which sources a command may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Those the user names.
    Named,
    /// Also an allowed `.env` of the working folder. For `run` only: such a token never writes.
    WithFolder,
}

/// Who acts.
pub struct Caller {
    /// The principal.
    pub principal: Principal,
    /// Where it came from, for people.
    pub source: String,
    /// Whether it is the owner, by the master key.
    pub owner: bool,
    /// The server that a token names.
    pub address: Option<Address>,
}

/// Finds the caller. A token that is there is used or refused; nothing falls back to anything.
pub fn caller(
    home: &Home,
    as_owner: bool,
    token_fd: Option<i32>,
    sources: Sources,
) -> Outcome<Caller> {
    if as_owner {
        return owner(home);
    }
    match token(home, token_fd, sources)? {
        Some((text, source)) => from_text(&text, source),
        None => owner(home),
    }
}

/// The token that is named; `None` where none is. The master key is not looked at.
pub fn token_caller(home: &Home, token_fd: Option<i32>) -> Outcome<Option<Caller>> {
    token(home, token_fd, Sources::Named)?
        .map(|(text, source)| from_text(&text, source))
        .transpose()
}

/// Whether a token is present, and where from; it is not parsed.
fn token(
    home: &Home,
    token_fd: Option<i32>,
    sources: Sources,
) -> Outcome<Option<(Zeroizing<String>, String)>> {
    if let Some(number) = token_fd {
        let shown = format!("file descriptor {number}");
        let text = read_small(File::from(descriptor(number)?), &shown, Exit::Denied)?;
        return Ok(Some((line(text), shown)));
    }
    if let Some(text) = environment::raw("ZMS_TOKEN") {
        if text.is_empty() {
            return Err(Failure::new(Exit::Denied, "ZMS_TOKEN is set but empty")
                .hint("set it to a token, or unset it"));
        }
        // What is not UTF-8 is no token; it is refused as such, further down.
        let text = text.into_string().unwrap_or_default();
        return Ok(Some((Zeroizing::new(text), "ZMS_TOKEN".to_owned())));
    }
    if let Some(path) = environment::raw("ZMS_TOKEN_FILE") {
        if path.is_empty() {
            return Err(Failure::usage("ZMS_TOKEN_FILE is set but empty")
                .hint("set it to a file that holds a token, or unset it"));
        }
        let path = PathBuf::from(path);
        let text = read_private(&path, Exit::Denied)?.ok_or_else(|| {
            Failure::not_found(format!("{} does not exist", path.display()))
                .hint("ZMS_TOKEN_FILE must name a file that holds a token")
        })?;
        return Ok(Some((line(text), path.display().to_string())));
    }
    if let Some(path) = environment::credential("zms-token")
        && let Some(text) = read_credential(&path, Exit::Denied)?
    {
        return Ok(Some((line(text), path.display().to_string())));
    }
    if sources == Sources::WithFolder
        && let Some(found) = allowed::token(home)?
    {
        return Ok(Some(found));
    }
    if files::exists(&home.key()) {
        return Ok(None);
    }
    let path = home.token();
    Ok(read_private(&path, Exit::Denied)?.map(|text| (line(text), path.display().to_string())))
}

/// A token that is named, as it stands there.
pub fn named_token(
    home: &Home,
    token_fd: Option<i32>,
) -> Outcome<Option<(Zeroizing<String>, String)>> {
    token(home, token_fd, Sources::Named)
}

fn descriptor(number: i32) -> Outcome<OwnedFd> {
    if number < 3 {
        return Err(Failure::usage("--token-fd takes a descriptor of 3 or more"));
    }
    // A copy is taken of whatever is open there; a number that is not open is refused.
    #[expect(unsafe_code, reason = "the number comes from the command line; dup checks it")]
    // SAFETY: the borrow lives for two system calls that fail on a descriptor that is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let unopened = |_| Failure::usage(format!("file descriptor {number} is not open"));
    let copy = rustix::io::fcntl_dupfd_cloexec(borrowed, 3).map_err(unopened)?;
    // What is named stays open here, and a program that is started does not get it.
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC).map_err(unopened)?;
    Ok(copy)
}

/// The text without one final line break.
fn line(text: Zeroizing<String>) -> Zeroizing<String> {
    match text.strip_suffix('\n') {
        Some(line) => Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()),
        None => text,
    }
}

/// Who a token makes of who has it.
pub fn from_text(text: &str, source: String) -> Outcome<Caller> {
    let malformed = || {
        Failure::new(Exit::Denied, format!("malformed token in {source}")).hint(
            "copy it again, whole and on one line: it starts with zms_st_1 and its last six \
             characters are a checksum",
        )
    };
    if text.len() > MAX_TOKEN {
        return Err(malformed());
    }
    let (seed, address) = text.split_once('@').map_or((text, None), |(s, a)| (s, Some(a)));
    let (kind, seed) = parse_seed(seed).map_err(|_| malformed())?;
    if kind == SeedKind::Master {
        return Err(Failure::new(Exit::Denied, format!("{source} holds a master key, no token"))
            .hint(
                "a master key never belongs into an environment: make a token with \
                   `zms token create`, and rotate the key if others could see it",
            ));
    }
    let address = address.map(|text| {
        let named = format!("what follows the @ of the token in {source}");
        server::address(text, &named).map_err(|failure| Failure { exit: Exit::Denied, ..failure })
    });
    let principal = Principal::from_seed(Kind::from(kind), seed);
    Ok(Caller { principal, source, owner: false, address: address.transpose()? })
}

/// The owner: by the master key file, or by the agent that holds its key.
pub fn owner(home: &Home) -> Outcome<Caller> {
    home.check()?;
    let path = home.key();
    let text = read_private(&path, Exit::Integrity)?;
    let file = text.as_deref().map(|text| parse(text, &path)).transpose()?;
    if file.as_ref().is_none_or(|file| file.protection() != Protection::None)
        && let Some(seed) = agent::key(home)?
    {
        return by_agent(home, seed, file.as_ref().map(KeyFile::principal));
    }
    owner_by(&path).map_err(|failure| match file {
        None if home.server().is_some() || files::exists(&home.database()) => {
            failure.hint(format!(
                "set ZMS_TOKEN to a token, put the key file back, or put the key together from its \
             shares: `zms unlock{0}` for a while, `zms key combine{0}` into the file",
                home.as_typed()
            ))
        }
        _ => failure,
    })
}

/// The owner, by a file that somebody names.
pub fn owner_named(path: &Path) -> Outcome<Caller> {
    let missing = || Failure::not_found(format!("{} does not exist", path.display()));
    owner_in(path)?.ok_or_else(missing)
}

/// The owner, by a file that holds a master key, whatever an agent holds.
pub fn owner_by(path: &Path) -> Outcome<Caller> {
    owner_in(path)?.ok_or_else(|| {
        let what = format!("no token, and no master key at {}", path.display());
        Failure::new(Exit::Locked, what)
            .hint("set ZMS_TOKEN to a token, or make a vault with `zms init`")
    })
}

fn owner_in(path: &Path) -> Outcome<Option<Caller>> {
    let Some(text) = read_private(path, Exit::Integrity)? else { return Ok(None) };
    let principal = opener::open(&parse(&text, path)?, path)?;
    let source = path.display().to_string();
    Ok(Some(Caller { principal, source, owner: true, address: None }))
}

fn by_agent(home: &Home, seed: Key, expected: Option<PrincipalId>) -> Outcome<Caller> {
    let principal = Principal::from_seed(Kind::Administrator, seed);
    if expected.is_some_and(|expected| expected != principal.id()) {
        return Err(Failure::new(Exit::Integrity, "the agent holds another key than the key file")
            .hint(format!("`zms lock{}`, then unlock it again", home.as_typed())));
    }
    let source = match expected {
        Some(_) => home.key().display().to_string(),
        None => AGENT.to_owned(),
    };
    Ok(Caller { principal, source, owner: true, address: None })
}

fn parse(text: &str, path: &Path) -> Outcome<KeyFile> {
    KeyFile::parse(text)
        .map_err(|error| Failure::new(Exit::Integrity, format!("{} {error}", path.display())))
}

/// How the master key file is protected, as the file says; `None` where none can be read.
pub fn protection(home: &Home) -> Option<Protect> {
    let text = read_private(&home.key(), Exit::Integrity).ok()??;
    Some(KeyFile::parse(&text).ok()?.protection().into())
}
