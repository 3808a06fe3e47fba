//! What all commands have in common, told once.

use crate::exit::Exit;

/// A topic's name and its text.
pub type Topic = (&'static str, fn() -> String);

/// Every topic.
pub const TOPICS: [Topic; 5] = [
    ("exit-codes", exit_codes),
    ("environment", || ENVIRONMENT.to_owned()),
    ("place", || PLACE.to_owned()),
    ("credentials", || CREDENTIALS.to_owned()),
    ("beside", || BESIDE.to_owned()),
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
Once the program of `zms run` has started, the exit code is its own.\n"
}

const ENVIRONMENT: &str = "\
Variables that zms reads

  ZMS_HOME               folder of the vault; ~/.zexio without it
  ZMS_VAULT              as --vault
  ZMS_DATABASE           the database, where it does not lie in ZMS_HOME; for `start` also the
                         address of a PostgreSQL database
  ZMS_SERVER             as --server: where the vault is kept, unless the token says
  ZMS_REGISTRATION       secret or setup code that lets `init` and `push` make a vault at a server
  ZMS_MAX_STALE          as --max-stale of `run`
  ZMS_PROJECT            as --project
  ZMS_ENV                as --env
  ZMS_SERVICE            as --service
  ZMS_TOKEN              token to act with
  ZMS_TOKEN_FILE         file that holds the token, yours alone (mode 0600)
  CREDENTIALS_DIRECTORY  set by systemd: the file zms-token in it may hold the token
  ZMS_BUNDLE             as --bundle of `run`, `get`, `ls` and `export`; no other acts then
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
  6. zms.token in the vault's folder, where `zms join` has put it

`--as-owner` uses the master key although a token is present.
";

const BESIDE: &str = "\
What zms does beside a program

`zms run` becomes the program, unless one of these flags needs it to stay beside it. It then
passes on every signal that it is sent, stops and goes on with the program, and ends with its
exit code, or by the signal that ended it. As the first process of a container it also takes in
those whose parents have ended.

--watch      looks at the vault four times a second, or is told by its server, and reads it again
             when something changed and then nothing did for a moment, or after five seconds of
             changes. Each read stands in the audit. Where a value is another one, the program is
             sent SIGTERM, after --grace SIGKILL, and started anew. With --signal it is sent that
             instead and goes on; it finds the new values by --mount or --files. A read that fails
             (revoked, expired, damaged, something missing) is told once, changes nothing for the
             program, and is tried again after 2 seconds, later after a minute at most.

--mask       shows *** for each value in what the program prints: as it is, line by line, in
             Base64, hex, percent-encoding and JSON as the usual encoders write them. Values of kind
             config and those of fewer than 5 bytes stay visible, and are named, also after a
             change; lines of fewer than 5 bytes stay visible where they are printed alone. On a
             terminal the program gets a terminal of its own, so that it behaves as ever; else it
             writes into pipes. What may be the beginning of a value is held back until more
             follows: for a second, a few bytes for a moment.

--mount      makes a named pipe, mode 0600, where who opens it reads all secrets in one file, one
             reader after the other. Nothing of it is ever stored. --max-reads N ends it after so
             many. Two that open it at the same moment share one copy: one may find it empty, or
             both a part of it. Where several read at once, use --files.

--files      makes a folder with one file for each secret, mode 0400. It must lie in memory, on a
             tmpfs.

With --mount or --files nothing is put into the environment, unless --with-env says so. Pipe and
files are gone when the run has ended; when zms is killed the program is killed too, and the next
zms command removes them.
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
