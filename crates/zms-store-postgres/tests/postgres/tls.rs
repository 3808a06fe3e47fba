//! TLS to the database: verified, or not used at all.

use std::{fs, path::PathBuf, process::Command};

use zms_core::bundle::{Trouble, TroubleClass};
use zms_store_postgres::{Address, Database, Limits};

use crate::{
    replica::{name, runtime},
    server::{Server, is_root},
};

/// A certificate and its key, in a folder that the server can read.
struct Papers(PathBuf);

impl Papers {
    fn new(host: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("zms-tls-").tempdir().expect("made").keep();
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).expect("it is made");
        fs::write(folder.join("cert.pem"), made.cert.pem()).expect("it is written");
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        let run = |command: &mut Command| assert!(command.status().expect("it starts").success());
        run(Command::new("chmod").arg("0600").arg(folder.join("key.pem")));
        if is_root() {
            run(Command::new("chown").args(["-R", "65534"]).arg(&folder));
        }
        Self(folder)
    }

    fn server(&self) -> Server {
        let file = |name: &str| self.0.join(name).display().to_string();
        Server::start(&[
            "ssl=on",
            &format!("ssl_cert_file={}", file("cert.pem")),
            &format!("ssl_key_file={}", file("key.pem")),
        ])
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn connect(server: &Server, query: &str) -> Result<Database, Trouble> {
    let url = format!("postgres://zms@localhost:{}/postgres?{query}", server.port());
    let address = Address::parse(&url).expect("it is one");
    Database::connect(&address, Limits::default(), runtime(), name())
}

fn refused(outcome: Result<Database, Trouble>) -> String {
    match outcome {
        Ok(_) => panic!("it connected"),
        Err(trouble) => {
            assert_eq!(trouble.class, TroubleClass::Other, "{}", trouble.source);
            trouble.source.to_string()
        }
    }
}

#[test]
fn a_server_is_verified_or_not_used() {
    let papers = Papers::new("localhost");
    let server = papers.server();
    let root = format!("sslrootcert={}", papers.0.join("cert.pem").display());
    let safe = connect(&server, &format!("sslmode=verify-full&{root}")).expect("it is verified");
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'zms' AND NOT ssl";
    assert_eq!(server.sql("postgres", plain), "0");
    drop(safe);
    let stranger = refused(connect(&server, "sslmode=require"));
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    let nothing = refused(connect(&server, "sslmode=require&sslrootcert=/dev/null"));
    assert!(nothing.contains("no certificate can be read in /dev/null"), "{nothing}");
}

#[test]
fn a_server_of_another_name_is_refused() {
    let papers = Papers::new("elsewhere.example");
    let server = papers.server();
    let root = format!("sslrootcert={}", papers.0.join("cert.pem").display());
    let told = refused(connect(&server, &format!("sslmode=verify-full&{root}")));
    assert!(told.contains("NotValidForName") || told.contains("not valid for name"), "{told}");
}

#[test]
fn a_server_without_tls_is_not_used_in_its_stead() {
    let server = Server::start(&[]);
    let told = refused(connect(&server, "sslmode=require"));
    assert!(told.contains("does not support TLS"), "{told}");
}
