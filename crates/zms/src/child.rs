//! Hands the process over to a program: its environment as a value, then `execve`.
#![expect(unsafe_code, reason = "execve takes pointer arrays; there is no safe form")]

use std::{
    collections::BTreeMap,
    ffi::{CStr, OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
};

use zeroize::Zeroizing;

use crate::{
    exit::{Exit, Failure, Outcome},
    hygiene::Inherited,
};

/// Longest `NAME=value` with its final NUL that the system passes on (Linux `MAX_ARG_STRLEN`).
pub const MAX_ENTRY: usize = 131_072;

/// Prefix of our own variables, none of which a child gets.
pub const OURS: &str = "ZMS_";

/// Where programs are looked for when PATH is not set.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Names that make a program load, run or trust something else.
const LOADERS: [&str; 80] = [
    "PATH",
    "IFS",
    "ENV",
    "SHELL",
    "HOME",
    "CLASSPATH",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "INPUTRC",
    "TERMINFO",
    "TERMCAP",
    "SUDO_ASKPASS",
    "SSH_ASKPASS",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "ZDOTDIR",
    "FPATH",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "LOCPATH",
    "NLSPATH",
    "RES_OPTIONS",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "MAKEFLAGS",
    "GNUMAKEFLAGS",
    "MAKEFILES",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONUSERBASE",
    "PYTHONBREAKPOINT",
    "PIP_CONFIG_FILE",
    "PERL5OPT",
    "PERL5LIB",
    "PERLLIB",
    "PERL5DB",
    "RUBYOPT",
    "RUBYLIB",
    "BUNDLE_GEMFILE",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "MAVEN_OPTS",
    "GRADLE_OPTS",
    "DOTNET_STARTUP_HOOKS",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "ERL_FLAGS",
    "ERL_AFLAGS",
    "ERL_ZFLAGS",
    "GOFLAGS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "R_PROFILE",
    "R_PROFILE_USER",
    "JULIA_LOAD_PATH",
    "JULIA_DEPOT_PATH",
    "BASH_LOADABLES_PATH",
    "GEM_HOME",
    "GEM_PATH",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "LESSOPEN",
];
/// The same by their beginning, in any case: npm reads its settings so.
const LOADER_PREFIXES: [&str; 15] = [
    "LD_",
    "DYLD_",
    "GIT_",
    "BASH_FUNC_",
    "NPM_CONFIG_",
    "YARN_RC_",
    "LUA_INIT",
    "LUA_PATH",
    "LUA_CPATH",
    "R_LIBS",
    "R_ENVIRON",
    "CORECLR_",
    "COR_",
    "CARGO_BUILD_",
    OURS,
];

/// Whether a name is one that only an explicit `--allow` lets through.
pub fn loader(name: &str) -> bool {
    let begins = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    LOADERS.contains(&name) || LOADER_PREFIXES.iter().any(|prefix| begins(prefix))
}

/// Whether programs and shells can read a variable of this name: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn variable_name(name: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(first)
        && name.bytes().all(|byte| first(byte) || byte.is_ascii_digit())
}

/// The environment of the child. Values are wiped when it is dropped.
#[derive(Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, Zeroizing<Vec<u8>>>);

impl Environment {
    /// A second custody of the same.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// What we inherited, without what is ours.
    pub fn inherited(all: Vec<(OsString, OsString)>) -> Self {
        let theirs = all.into_iter().filter(|(name, _)| !ours(name));
        Self(
            theirs
                .map(|(name, value)| (name, Zeroizing::new(value.into_encoded_bytes())))
                .collect(),
        )
    }

    /// Whether a variable is set.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(OsStr::new(name))
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.0.insert(name.into(), Zeroizing::new(value.to_vec()));
    }

    /// `NAME=value` with a final NUL, each.
    fn entries(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let entry = |(name, value): (&OsString, &Zeroizing<Vec<u8>>)| {
            Zeroizing::new([name.as_bytes(), b"=", value, b"\0"].concat())
        };
        self.0.iter().map(entry).collect()
    }

    /// The variable that takes the most room.
    fn largest(&self) -> String {
        let size = |(name, value): &(&OsString, &Zeroizing<Vec<u8>>)| name.len() + value.len();
        let largest = self.0.iter().max_by_key(size);
        largest.map(|(name, _)| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn ours(name: &OsStr) -> bool {
    name.as_bytes().starts_with(OURS.as_bytes())
}

/// Executes a program in place of this process; returns only where that fails. It gets its
/// arguments as typed, and no shell ever sees them.
pub fn execute(
    command: &[OsString],
    environment: &Environment,
    path: Option<OsString>,
    inherited: &Inherited,
) -> Failure {
    match prepare(command) {
        Ok(arguments) => {
            let entries = environment.entries();
            inherited.restore();
            let error = search(&command[0], path, &arguments, &entries);
            explain(&command[0], environment, &error)
        }
        Err(failure) => failure,
    }
}

fn prepare(command: &[OsString]) -> Outcome<Vec<Zeroizing<Vec<u8>>>> {
    let nul = |argument: &OsString| {
        if argument.as_bytes().contains(&0) {
            return Err(Failure::usage("an argument contains a NUL byte"));
        }
        Ok(Zeroizing::new([argument.as_bytes(), b"\0"].concat()))
    };
    command.iter().map(nul).collect()
}

/// Looks a program up as execvp does, but hands a file without `#!` to no shell.
fn search(
    program: &OsStr,
    path: Option<OsString>,
    arguments: &[Zeroizing<Vec<u8>>],
    entries: &[Zeroizing<Vec<u8>>],
) -> io::Error {
    if program.as_bytes().contains(&b'/') {
        return execve(program.as_bytes(), arguments, entries);
    }
    if program.is_empty() {
        return io::Error::from_raw_os_error(libc::ENOENT);
    }
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    let mut refused = None;
    for folder in path.as_bytes().split(|byte| *byte == b':') {
        let folder = if folder.is_empty() { b"." } else { folder };
        let file = [folder, b"/", program.as_bytes()].concat();
        let error = execve(&file, arguments, entries);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => refused = Some(error),
            _ => return error,
        }
    }
    refused.unwrap_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
}

fn execve(
    file: &[u8],
    arguments: &[Zeroizing<Vec<u8>>],
    entries: &[Zeroizing<Vec<u8>>],
) -> io::Error {
    let file = [file, b"\0"].concat();
    let Ok(file) = CStr::from_bytes_with_nul(&file) else {
        return io::Error::from_raw_os_error(libc::ENOENT);
    };
    let pointers = |strings: &[Zeroizing<Vec<u8>>]| -> Vec<*const libc::c_char> {
        let pointers = strings.iter().map(|string| string.as_ptr().cast());
        pointers.chain([std::ptr::null()]).collect()
    };
    let (arguments, entries) = (pointers(arguments), pointers(entries));
    // SAFETY: both arrays end with a null pointer, and every string in them with a NUL byte; all
    // of them outlive the call, which either replaces the process or changes nothing.
    unsafe { libc::execve(file.as_ptr(), arguments.as_ptr(), entries.as_ptr()) };
    io::Error::last_os_error()
}

fn explain(program: &OsStr, environment: &Environment, error: &io::Error) -> Failure {
    let shown = program.to_string_lossy();
    match error.raw_os_error() {
        Some(libc::ENOENT) => Failure::new(Exit::NoProgram, format!("{shown} was not found"))
            .hint("name a program on PATH, or its file; shell words need a shell: `-- sh -c '…'`"),
        Some(libc::E2BIG) => Failure::new(
            Exit::BeforeExec,
            format!(
                "the environment is larger than this system passes on; the largest variable is {}",
                environment.largest()
            ),
        )
        .hint("leave some out with `--except`, or choose with `--only`"),
        Some(libc::ENOEXEC) => {
            Failure::new(Exit::NotExecutable, format!("{shown} is no program, and has no #! line"))
                .hint("name its interpreter: `-- sh FILE`")
        }
        _ => {
            let failure = Failure::new(Exit::NotExecutable, format!("{shown} can not be executed"));
            let message = crate::home::trouble(error, failure.message.clone()).message;
            Failure { message, ..failure }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_loader_names_are_known() {
        for name in ["LD_PRELOAD", "NODE_OPTIONS", "PATH", "BASH_ENV", "GIT_SSH", "ZMS_TOKEN"] {
            assert!(loader(name), "{name}");
        }
        for name in
            ["NPM_CONFIG_SCRIPT_SHELL", "npm_config_script_shell", "LUA_CPATH_5_4", "R_LIBS_USER"]
        {
            assert!(loader(name), "{name}");
        }
        for name in ["DATABASE_URL", "PATHS", "HOMEPAGE", "CORE_URL", "GITHUB_TOKEN"] {
            assert!(!loader(name), "{name}");
        }
    }

    #[test]
    fn only_portable_names_are_variables() {
        assert!(["A", "_x", "a_B9"].into_iter().all(variable_name));
        assert!(["", "9A", "A-B", "A.B", "É", "A B"].into_iter().all(|name| !variable_name(name)));
    }

    #[test]
    fn nothing_of_ours_is_inherited() {
        let all = vec![("ZMS_TOKEN".into(), "t".into()), ("A".into(), "b".into())];
        let environment = Environment::inherited(all);
        assert!(environment.has("A") && !environment.has("ZMS_TOKEN"));
        let entries: Vec<_> = environment.entries().iter().map(|entry| entry.to_vec()).collect();
        assert_eq!(entries, [b"A=b\0".to_vec()]);
    }
}
