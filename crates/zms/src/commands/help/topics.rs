//! What all commands have in common, told once.

use crate::exit::Exit;

/// A topic's name and its text.
pub type Topic = (&'static str, fn() -> String);

/// Every topic.
pub const TOPICS: [Topic; 4] = [
    ("exit-codes", exit_codes),
    ("environment", || ENVIRONMENT.to_owned()),
    ("place", || PLACE.to_owned()),
    ("credentials", || CREDENTIALS.to_owned()),
];

/// What each exit code means.
const CODES: [(Exit, &str); 11] = [
    (Exit::Other, "anything that has no code of its own"),
    (Exit::Usage, "the command line, a name or a file of settings is wrong"),
    (Exit::NotFound, "not found, removed, or required and missing"),
    (Exit::Denied, "the token is malformed, unknown, expired or revoked, or it is out of scope"),
    (Exit::Locked, "a key or token is needed and there is none"),
    (Exit::Integrity, "something does not verify, or was rolled back"),
    (Exit::Conflict, "somebody else was faster: look, and try again"),
    (Exit::Audit, "the audit entry can not be stored, so nothing was given out"),
    (Exit::BeforeExec, "`zms run` failed before the program started"),
    (Exit::NotExecutable, "the program of `zms run` can not be executed"),
    (Exit::NoProgram, "the program of `zms run` was not found"),
];

fn exit_codes() -> String {
    let mut text = "Exit codes\n\n    0  it worked\n".to_owned();
    for (exit, meaning) in CODES {
        text += &format!("  {:>3}  {meaning}\n", exit as u8);
    }
    text + "\n\
Once the program of `zms run` has started, the exit code is its own: zms is not there any more.\n"
}

const ENVIRONMENT: &str = "\
Variables that zms reads

  ZMS_HOME               folder of the vault; ~/.zexio without it
  ZMS_VAULT              as --vault
  ZMS_DATABASE           the database, where it does not lie in ZMS_HOME
  ZMS_PROJECT            as --project
  ZMS_ENV                as --env
  ZMS_SERVICE            as --service
  ZMS_TOKEN              token to act with
  ZMS_TOKEN_FILE         file that holds the token, yours alone (mode 0600)
  CREDENTIALS_DIRECTORY  set by systemd: the file zms-token in it may hold the token
  ZMS_BUNDLE             as --bundle of `run`, `get`, `ls` and `export`; other commands then refuse
  ZMS_PIN                what another machine has seen of the vault (`zms status --pin` prints it):
                         what is older is refused
  ZMS_MAX_ROSTER_AGE     as --max-roster-age, for all commands
  NO_COLOR               no colour, unless it is empty
  TERM=dumb              no colour either
  LC_ALL LC_CTYPE LANG   whether cut text ends in one character or in three dots

`zms run` passes on to the program what begins with anything but ZMS_.
";

const PLACE: &str = "\
Where a command acts

A secret lives at project / environment / service, the service being optional. A place sees its
own secrets and those of the places above it; the nearest one counts. Each level is taken from
the first of these that names it:

  1. the flags -p, -e and -s
  2. the variables ZMS_PROJECT, ZMS_ENV and ZMS_SERVICE
  3. the scope of the token in use
  4. zms.toml in this folder or one above it (`zms use` writes it)
  5. default / development

A name that does not exist is an error, never a reason to take another one. No file of a folder
may choose production: name it by flag, variable or token.
";

const CREDENTIALS: &str = "\
As whom a command acts

With a token a command acts as that token, else as the owner with the master key. The token is
taken from the first of these that is there, and then used or refused:

  1. --token-fd N, a file descriptor
  2. the variable ZMS_TOKEN
  3. the file that ZMS_TOKEN_FILE names
  4. the file zms-token in systemd's CREDENTIALS_DIRECTORY
  5. for `zms run` only: ZMS_TOKEN in a .env file of this folder that `zms allow` has trusted

`--as-owner` uses the master key although a token is present.
";

#[cfg(test)]
mod tests {
    use super::{CODES, TOPICS};

    #[test]
    fn exit_codes_are_told_once_and_in_order() {
        let codes: Vec<u8> = CODES.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 125, 126, 127]);
    }

    #[test]
    fn no_topic_hides_a_command() {
        for (name, text) in TOPICS {
            assert!(crate::cli::command().find_subcommand(name).is_none(), "{name}");
            assert!(text().lines().all(|line| line.chars().count() <= 100), "{name}");
        }
    }
}
