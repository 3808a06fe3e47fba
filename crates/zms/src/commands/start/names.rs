//! What the server is called.

use zms_server::{Names, serve::Listen};

use crate::exit::{Failure, Outcome};

/// A name as it may be given: host, and a port where it is not the scheme's own.
pub fn name(text: &str) -> Result<String, String> {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let fits = |char: char| char.is_ascii_alphanumeric() || "-._[]:".contains(char);
    if host.is_empty() || !text.chars().all(fits) {
        return Err("is no HOST:PORT: no scheme, no path".to_owned());
    }
    Ok(text.to_owned())
}

/// All names: those that are given, else those that follow from where it listens.
pub fn names(given: &[String], listens: &[Listen]) -> Outcome<Names> {
    let mut names = given.to_vec();
    for listen in listens {
        match listen {
            // spec/engine.md#http
            Listen::Unix(_) => names.push("localhost".to_owned()),
            Listen::Tcp(_) if !given.is_empty() => {}
            Listen::Tcp(address) if address.ip().is_unspecified() => {
                let why = format!("{listen} does not say what clients call this server");
                return Err(Failure::usage(why).hint("say it with --name HOST:PORT"));
            }
            Listen::Tcp(address) => {
                names.push(address.to_string());
                if address.ip().is_loopback() {
                    names.push(format!("localhost:{}", address.port()));
                }
            }
        }
    }
    Ok(Names::new(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[&str], listens: &[&str]) -> Outcome<Vec<String>> {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        let listens: Vec<Listen> = listens.iter().map(|it| it.parse().expect("good")).collect();
        names(&given, &listens).map(|names| names.iter().map(str::to_owned).collect())
    }

    #[test]
    fn names_are_those_given_or_those_of_the_sockets() {
        assert_eq!(of(&[], &["127.0.0.1:3030"]).unwrap(), ["127.0.0.1:3030", "localhost:3030"]);
        assert_eq!(of(&[], &["unix:/run/zms"]).unwrap(), ["localhost"]);
        assert_eq!(of(&["zms.test"], &["0.0.0.0:443"]).unwrap(), ["zms.test"]);
        assert_eq!(
            of(&["A.test:1"], &["127.0.0.1:1", "unix:/s"]).unwrap(),
            ["a.test:1", "localhost"]
        );
        assert_eq!(of(&[], &["192.0.2.7:3030"]).unwrap(), ["192.0.2.7:3030"]);
        assert!(of(&[], &["[::]:3030"]).is_err());
    }

    #[test]
    fn a_name_has_no_scheme_and_no_path() {
        for good in ["zms.test", "zms.test:3030", "[::1]:3030", "192.0.2.7"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", ":3030", "https://zms.test", "zms.test/x", "zms test"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
