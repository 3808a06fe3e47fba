//! `zms start`.

mod certificate;
mod names;
mod registration;
mod serving;

use std::path::PathBuf;

use zms_server::{Limits, serve::Listen};

use crate::{
    exit::{Failure, Outcome},
    session::Context,
};

/// Serve vaults to other machines, without being able to read them
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms start                                  the vault of this home, on 127.0.0.1:3030
  zms start --listen unix:/run/zms/zms.sock --data /var/lib/zms
  zms start --listen 0.0.0.0:3030 --name zms.example.com:3030 --data /var/lib/zms \\
    --tls-cert cert.pem --tls-key key.pem --registration-file secret
  zms start --listen 0.0.0.0:3030 --name 192.0.2.7:3030 --tls-self-signed

The server keeps ciphertext and checks signatures; it holds no key that opens anything. Whoever has
the registration secret may make vaults on it with `zms init --server`. Where there is no secret and
no vault yet, a setup code is printed that is good for one.

It runs until it is told to end, by `zms stop`, Ctrl-C or SIGTERM, and answers what was asked before.
Sockets that systemd hands over are listened on beside those that are named. docs/server.md tells
more: TLS, limits, logs, metrics, backups.")]
pub struct Args {
    /// Listen there: ADDRESS:PORT, or unix:/PATH; may be repeated [default: 127.0.0.1:3030]
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    listen: Vec<Listen>,
    /// Host and port by which clients call this server; may be repeated
    #[arg(long = "name", value_name = "HOST:PORT", value_parser = names::name)]
    names: Vec<String>,
    /// Keep many vaults in this folder, a file each, instead of that of this home
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// File of the secret that allows to make vaults; also in ZMS_REGISTRATION
    #[arg(long, value_name = "FILE")]
    registration_file: Option<PathBuf>,
    /// Certificate and its chain, in PEM; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a certificate once, which clients know by the fingerprint in the address
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Log lines for people, or JSON
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
    /// Log from this level on; `debug` has every request
    #[arg(long, value_name = "LEVEL", default_value = "info",
        value_parser = ["error", "warn", "info", "debug"])]
    log_level: String,
}

/// What one caller may ask.
#[derive(clap::Args)]
struct LimitArgs {
    /// Most connections at the same time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    connections: usize,
    /// Most requests a second from one address; 0 is without a limit
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate_address: u32,
    /// Most requests a second of one token; 0 is without a limit
    #[arg(long, value_name = "N", default_value_t = 200)]
    rate_token: u32,
    /// Most refusals of strangers a minute from one address; 0 is without a limit
    #[arg(long, value_name = "N", default_value_t = 120)]
    rate_refused: u32,
}

fn listen(text: &str) -> Result<Listen, &'static str> {
    text.parse()
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        Limits {
            connections: self.connections.max(1),
            per_address: self.rate_address,
            per_principal: self.rate_token,
            failures: self.rate_refused,
            ..Limits::default()
        }
    }
}

/// Serves until it is told to end.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let listens = match args.listen.is_empty() {
        true => vec!["127.0.0.1:3030".parse().expect("it is an address")],
        false => args.listen.clone(),
    };
    let protected = args.tls_cert.is_some() || args.tls_self_signed;
    if let Some(open) = listens.iter().find(|listen| !listen.is_local()).filter(|_| !protected) {
        return Err(Failure::usage(format!("{open} is reached by others, and there is no TLS"))
            .hint(
                "name a certificate with --tls-cert and --tls-key, or have one made with \
             --tls-self-signed; behind a proxy that speaks TLS listen on 127.0.0.1",
            ));
    }
    serving::run(context, args, &listens)
}
