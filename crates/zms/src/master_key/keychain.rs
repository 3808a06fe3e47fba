//! The key of a key file in the keychain of the session: on Linux the Secret Service.
//!
//! It is asked by this same program, executed again: whatever copies the bus makes end with that
//! process, one that waits for somebody at a locked keychain can be ended, and what was stored is
//! read back by another process than the one that stored it.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, Stdio},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;
use zms_core::key_file::KeyFile;
use zms_crypto::Key;

use super::credential;
use crate::{
    agent::tell,
    exit::{Exit, Failure, Outcome},
    home::trouble,
    prompt,
};

/// What this program is called where it asks the keychain.
pub const NAME: &str = "zms-keychain";

/// Whose entries they are.
#[cfg(feature = "keychain")]
const SERVICE: &str = "zms";

/// Longest wait in seconds, where somebody may be asked to open the keychain, and where nobody is.
const WAITS: [i64; 2] = [60, 10];

/// The name of a key file's entry. A new file has a new salt, so its entry takes no other's place.
fn entry(file: &KeyFile) -> String {
    format!("{}/{}", file.vault(), hex::encode(file.salt()))
}

/// Keeps the key of a file.
pub(super) fn store(file: &KeyFile, key: &Key) -> Outcome {
    ask("store", file, Some(&credential::text(key)))?.map(drop).ok_or_else(|| lost(file))
}

/// The key of a file.
pub(super) fn fetch(file: &KeyFile) -> Outcome<Key> {
    let text = ask("fetch", file, None)?;
    text.as_deref().and_then(|text| credential::read(text)).ok_or_else(|| lost(file))
}

/// Removes the key of a file that is no longer in use.
pub fn forget(file: &KeyFile) -> Outcome {
    ask("forget", file, None).map(drop)
}

fn lost(file: &KeyFile) -> Failure {
    let what = format!("the keychain holds no entry {} of zms", entry(file));
    Failure::new(Exit::Locked, what).hint(
        "log in as on the machine that made it, or put a copy of the key file back that was made \
         with another protection",
    )
}

/// What another process of ours learns from the keychain; `None` where there is no such entry.
fn ask(what: &str, file: &KeyFile, input: Option<&str>) -> Outcome<Option<Zeroizing<String>>> {
    let failed = |error| trouble(&error, "the keychain can not be asked");
    let (ours, its) = UnixStream::pair().map_err(failed)?;
    let mut helper = Command::new("/proc/self/exe")
        .arg0(NAME)
        .args([what, &entry(file)])
        .env_remove("ZMS_TOKEN")
        .stdin(OwnedFd::from(its))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // One that ended already says below why.
    let _told = tell(&ours, input.unwrap_or_default().as_bytes());
    drop(ours);
    if !ends_in_time(&helper).map_err(failed)? {
        let _gone = helper.kill().and_then(|()| helper.wait());
        return Err(Failure::new(Exit::Locked, "the keychain does not answer")
            .hint("unlock it in your session, then try again"));
    }
    let mut said = Zeroizing::new(String::with_capacity(128));
    let mut why = String::new();
    let mut stdout = helper.stdout.take().expect("it has a pipe").take(100);
    let heard = stdout.read_to_string(&mut said);
    let stderr = helper.stderr.take().expect("it has a pipe").take(4096);
    let heard = heard.and(io::BufReader::new(stderr).read_to_string(&mut why));
    heard.map_err(failed)?;
    match helper.wait().map_err(failed)?.code() {
        Some(0) => Ok(Some(said)),
        Some(code) if code == Exit::NotFound as i32 => Ok(None),
        _ => Err(Failure::new(
            Exit::Locked,
            format!("the keychain can not be used: {}", said_of(&why)),
        )
        .hint(
            "it takes a session with a Secret Service (GNOME Keyring, KWallet, KeePassXC); \
                 over SSH, `zms unlock` in the session before",
        )),
    }
}

/// What a helper said was wrong.
fn said_of(stderr: &str) -> &str {
    stderr.trim().trim_start_matches("error: ")
}

/// Whether a helper closes its stdout before it takes too long.
fn ends_in_time(helper: &Child) -> io::Result<bool> {
    let seconds = if prompt::possible() { WAITS[0] } else { WAITS[1] };
    let stdout = helper.stdout.as_ref().expect("it has a pipe");
    let mut waiting = [PollFd::new(stdout, PollFlags::IN)];
    Ok(poll(&mut waiting, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 }))? > 0)
}

/// Asks the keychain, in a process of its own.
#[cfg(feature = "keychain")]
pub fn serve(words: &[OsString]) -> Outcome {
    use std::io::Write as _;
    let word = |at: usize| words.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    keyring::Entry::store_status().as_ref().map_err(Failure::other)?;
    let entry = keyring::Entry::new(SERVICE, word(2)).map_err(refused)?;
    match word(1) {
        "store" => {
            let mut text = Zeroizing::new(String::with_capacity(128));
            io::stdin().take(100).read_to_string(&mut text).map_err(Failure::other)?;
            entry.set_password(text.trim_end()).map_err(refused)
        }
        "fetch" => {
            let text = Zeroizing::new(entry.get_password().map_err(refused)?);
            io::stdout().write_all(text.as_bytes()).map_err(Failure::other)
        }
        "forget" => entry.delete_credential().map_err(refused),
        _ => Err(Failure::usage("this is no command: `zms key protect keychain` uses it")),
    }
}

#[cfg(feature = "keychain")]
fn refused(error: keyring::Error) -> Failure {
    match error {
        keyring::Error::NoEntry => Failure::not_found("no such entry"),
        error => Failure::other(error),
    }
}

/// As above, of a program that was built without it.
#[cfg(not(feature = "keychain"))]
pub fn serve(_: &[OsString]) -> Outcome {
    Err(Failure::other("this zms was built without it"))
}
