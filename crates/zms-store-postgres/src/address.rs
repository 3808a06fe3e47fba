//! Where the database is: a URL as PostgreSQL's own clients take it, with several hosts.

use std::{path::PathBuf, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// How long a connection may take to be made, on each host.
const CONNECT: Duration = Duration::from_secs(2);
/// How long what was sent may go without an acknowledgement, before the connection is given up.
const UNHEARD: Duration = Duration::from_secs(5);

/// The address of a database, parsed.
///
/// `postgres://user:password@one,two:5433/name`, with what PostgreSQL's clients know behind `?`.
/// Among several hosts it is the one that takes writes, unless `target_session_attrs` says
/// otherwise. TLS is off on a local socket and on loopback, and elsewhere as strict as
/// `sslmode=verify-full`, unless `sslmode=disable` gives it up; there is nothing between the two.
/// `sslrootcert` names a file with the authorities to trust instead of the system's.
pub struct Address {
    pub(crate) config: Config,
    pub(crate) authorities: Option<PathBuf>,
}

/// Why an address is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin as one.
    #[error("it does not begin with postgres://")]
    Scheme,
    /// The driver does not understand it. What it says never holds a password.
    #[error("{0}")]
    Malformed(String),
    /// It names no host.
    #[error("it names no host")]
    NoHost,
    /// It names no user.
    #[error("it names no user")]
    NoUser,
    /// A word for TLS that there is none of.
    #[error("sslmode is disable, require or verify-full; TLS always verifies the server")]
    SslMode,
}

impl Address {
    /// Whether a text is meant as an address of a database.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if !Self::is_one(text) {
            return Err(AddressError::Scheme);
        }
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut kept, mut tls, mut authorities) = (Vec::new(), None, None);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("sslmode", "disable")) => tls = Some(SslMode::Disable),
                Some(("sslmode", "require" | "verify-full")) => tls = Some(SslMode::Require),
                Some(("sslmode", _)) => return Err(AddressError::SslMode),
                Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(path)),
                _ => kept.push(part),
            }
        }
        let rest =
            if kept.is_empty() { url.to_owned() } else { format!("{url}?{}", kept.join("&")) };
        let malformed = |error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            AddressError::Malformed(why.unwrap_or_else(|| error.to_string()))
        };
        let mut config = Config::from_str(&rest).map_err(malformed)?;
        settle(&mut config, tls, kept.iter().any(|part| part.starts_with("target_session_attrs=")));
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(AddressError::NoHost);
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(AddressError::NoUser);
        }
        Ok(Self { config, authorities })
    }

    /// Its hosts and ports, without user and password: what may stand in a log.
    pub fn hosts(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| {
            let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        hosts.collect::<Vec<_>>().join(",")
    }
}

/// What holds unless the address says otherwise.
fn settle(config: &mut Config, tls: Option<SslMode>, chosen: bool) {
    if !chosen {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNHEARD);
    }
    if config.get_application_name().is_none() {
        config.application_name("zms");
    }
    config.keepalives_idle(UNHEARD);
    config.keepalives_interval(Duration::from_secs(2));
    config.keepalives_retries(3);
    let near = config.get_hosts().iter().all(is_near) && config.get_hostaddrs().is_empty();
    let default = if near { SslMode::Disable } else { SslMode::Require };
    config.ssl_mode(tls.unwrap_or(default));
}

fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Config {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).config
    }

    #[test]
    fn several_hosts_are_asked_for_the_one_that_takes_writes() {
        let address = Address::parse("postgres://zms:pw@one,two:5433/vaults").unwrap();
        assert_eq!(address.hosts(), "one:5432,two:5433");
        let attributes = address.config.get_target_session_attrs();
        assert_eq!(attributes, TargetSessionAttrs::ReadWrite);
        let any = parsed("postgres://zms@one,two/vaults?target_session_attrs=any");
        assert_eq!(any.get_target_session_attrs(), TargetSessionAttrs::Any);
    }

    #[test]
    fn tls_is_strict_or_off() {
        for (text, mode) in [
            ("postgres://zms@db.example.com/vaults", SslMode::Require),
            ("postgres://zms@localhost,db.example.com/vaults", SslMode::Require),
            ("postgres://zms@db.example.com/vaults?sslmode=verify-full", SslMode::Require),
            ("postgres://zms@db.example.com/vaults?sslmode=disable", SslMode::Disable),
            ("postgres://zms@127.0.0.1/vaults", SslMode::Disable),
            ("postgres://zms@127.0.0.1/vaults?sslmode=require", SslMode::Require),
            ("postgres://zms@%2Frun%2Fpostgresql/vaults", SslMode::Disable),
        ] {
            assert_eq!(parsed(text).get_ssl_mode(), mode, "{text}");
        }
        let prefer = Address::parse("postgres://zms@db/vaults?sslmode=prefer");
        assert!(matches!(prefer, Err(AddressError::SslMode)));
        let own =
            Address::parse("postgres://zms@db/vaults?sslrootcert=/etc/ca.pem&connect_timeout=9");
        let own = own.unwrap();
        assert_eq!(own.authorities.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
        assert_eq!(own.config.get_connect_timeout(), Some(&Duration::from_secs(9)));
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_told() {
        for text in ["", "mysql://a@b/c", "zms.db", "postgres://", "postgres://zms@/vaults"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        for text in [
            "postgres://zms:geheim@host:port/vaults",
            "postgres://zms:geheim@host/vaults?nonsense=1",
            "postgres://zms:geheim@host/vaults?connect_timeout=geheim2",
            "postgres://:geheim@host/vaults",
        ] {
            let Err(error) = Address::parse(text) else { panic!("{text} was taken") };
            assert!(!format!("{error} {error:?}").contains("geheim@"), "{error:?}");
        }
    }
}
