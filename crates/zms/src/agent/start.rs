//! Starts an agent, and hands it the key.

use std::{
    io::Read,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::absolute,
    process::{Command, Stdio},
};

use zms_crypto::Key;

use super::{NAME, lock, tell, wire::Orders};
use crate::{
    environment,
    exit::{Failure, Outcome},
    home::{Home, trouble},
};

/// Has a new agent hold a key; one that is there already ends. Gives until when it is held, in
/// unix seconds.
pub fn start(home: &Home, seed: &Key, now: u64, seconds: u64) -> Outcome<u64> {
    lock(home)?;
    let failed = |error| trouble(&error, "the agent can not be started");
    let until = now.saturating_add(seconds);
    let (ours, its) = UnixStream::pair().map_err(failed)?;
    // This very program, whatever lies at its path by now; nothing of ours goes with it but where
    // the vault lies.
    let mut agent = Command::new("/proc/self/exe");
    agent.env_clear();
    if environment::raw("ZMS_DATABASE").is_some() {
        agent.env("ZMS_DATABASE", absolute(home.database()).map_err(failed)?);
    }
    if let Some(address) = home.server() {
        agent.env("ZMS_SERVER", address.to_string());
    }
    let mut agent = agent
        .arg0(NAME)
        .arg(home.name())
        .env("ZMS_HOME", absolute(home.base()).map_err(failed)?)
        .current_dir("/")
        .stdin(OwnedFd::from(its))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let told = tell(&ours, &Orders { until, seconds }.write());
    // EXPOSE: the agent is what holds the key from now on. The way is ours and its alone.
    let told = told.and_then(|()| tell(&ours, seed.expose()));
    drop(ours);
    let mut ready = Vec::new();
    let mut said = agent.stdout.take().expect("it has a pipe");
    let heard = said.read_to_end(&mut ready);
    if told.and(heard).is_ok() && ready == b"\n" {
        return Ok(until);
    }
    let _ended = agent.wait();
    let said = String::from_utf8_lossy(&ready);
    let why = said.trim();
    let failure = Failure::other(if why.is_empty() {
        "the agent can not be started".to_owned()
    } else {
        format!("the agent can not be started: {why}")
    });
    Err(failure)
}
