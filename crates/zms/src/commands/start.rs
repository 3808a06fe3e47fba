//! `zms start`.

mod certificate;
mod keeping;
mod names;
mod opening;
mod registration;
mod serving;
mod telling;

use std::path::PathBuf;

use zms_server::{Limits, serve::Listen};

use self::{keeping::KeepArgs, opening::GatewayArgs};
use crate::{exit::Outcome, session::Context};

/// Serve vaults to other machines, Vault clients and programs
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms start                                  the vault of this home, on 127.0.0.1:3030
  zms start --listen unix:/run/zms/zms.sock --data /var/lib/zms
  zms start --listen 0.0.0.0:3030 --name zms.example.com:3030 --data /var/lib/zms \\
    --tls-cert cert.pem --tls-key key.pem --registration-file secret
  zms start --listen 0.0.0.0:3030 --name 192.0.2.7:3030 --tls-self-signed
  ZMS_DATABASE=postgres://zms@db1,db2/zms zms start      one of several over a database
  zms start --server https://zms.example.com:3030        a gateway here, before a server elsewhere

The server keeps ciphertext and checks signatures; it holds no key that opens anything. Whoever has
the registration secret may make vaults on it with `zms init --server`. Where there is no secret and
no vault yet, a setup code is printed that is good for one.

On this machine alone, Vault clients and plain HTTP are answered as well: the gateway opens what the
token of a request opens, for that request. From elsewhere only with --gateway. docs/vault.md

It runs until it is told to end, by `zms stop`, Ctrl-C or SIGTERM, and answers what was asked before.
Sockets that systemd hands over are listened on beside those that are named. docs/server.md tells
more: TLS, limits, logs, metrics, backups. docs/postgresql.md is about databases.")]
pub struct Args {
    /// Listen there: ADDRESS:PORT, or unix:/PATH; may be repeated [default: 127.0.0.1:3030]
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    listen: Vec<Listen>,
    /// Host and port by which clients call this server; may be repeated
    #[arg(long = "name", value_name = "HOST:PORT", value_parser = names::name)]
    names: Vec<String>,
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
    keep: KeepArgs,
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Log lines for people, or JSON
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
    /// Log from this level on; `debug` has every request
    #[arg(long, value_name = "LEVEL", default_value = "info",
        value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: String,
}

/// What one caller may ask.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Most connections at the same time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    connections: usize,
    /// Most of them from one address, save this machine; 0 is without a limit
    #[arg(long, value_name = "N", default_value_t = 256)]
    connections_address: usize,
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
            connections_per_address: self.connections_address,
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
    serving::check_protected(&listens, args.protected())?;
    // What they are called does not depend on the ports that the system gives.
    names::names(&args.names, &listens)?;
    serving::run(context, args, &listens)
}

impl Args {
    /// Whether TLS is spoken.
    const fn protected(&self) -> bool {
        self.tls_cert.is_some() || self.tls_self_signed
    }
}
