//! Nobody but its own user is answered.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    time::Duration,
};

use super::Vault;
use crate::{
    scratch::Go,
    tools::{python, tool},
};

const ASK: &[u8] = b"ZMA\x01k";

/// What a user hears who asks for the key.
fn heard_by(vault: &Vault, uid: u32) -> String {
    let line = "import socket, sys\n\
                s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); heard = b''\n\
                try:\n  s.sendall(b'ZMA\\x01k')\n  while more := s.recv(100): heard += more\n\
                except OSError: pass\n\
                print(heard.hex())";
    let mut command = std::process::Command::new(tool("setpriv"));
    command.args([&format!("--reuid={uid}"), &format!("--regid={uid}"), "--clear-groups"]);
    command.arg(python()).args(["-c", line]).arg(vault.socket());
    command.go().text().trim().to_owned()
}

#[test]
fn attack_another_user_is_not_answered_and_root_is_another_user() {
    let vault = Vault::of_stranger();
    vault.unlock(&[]);
    // As if the folders did not keep others away.
    for path in [vault.scratch.home(), vault.scratch.home().join("agent")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap();
    }
    fs::set_permissions(vault.socket(), fs::Permissions::from_mode(0o777)).unwrap();
    let own = heard_by(&vault, 65534);
    assert!(own.ends_with(&hex::encode(vault.seed().expose())), "the same question is a good one");
    assert_eq!(heard_by(&vault, 65533), "");
    let mut root = UnixStream::connect(vault.socket()).unwrap();
    root.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _closed = root.write_all(ASK);
    let mut heard = Vec::new();
    let _reset = root.read_to_end(&mut heard);
    assert_eq!(heard, b"");
    assert_eq!(heard_by(&vault, 65534), own, "it still serves its own");
}

#[test]
fn attack_who_says_nothing_or_nonsense_holds_nobody_up() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    let silent: Vec<_> = (0..3).map(|_| UnixStream::connect(vault.socket()).unwrap()).collect();
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"ZMA\x02k", &[0; 4096]] {
        let mut stream = UnixStream::connect(vault.socket()).unwrap();
        let _closed = stream.write_all(nonsense);
        let mut heard = Vec::new();
        let _reset = stream.read_to_end(&mut heard);
        assert_eq!(heard, b"", "{nonsense:?}");
    }
    // Whoever asks and goes away before the answer.
    for _ in 0..20 {
        UnixStream::connect(vault.socket()).unwrap().write_all(ASK).unwrap();
    }
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
    drop(silent);
}
