//! Whether secrets are opened for those who can not do it themselves.

use std::sync::Arc;

use zms_server::{
    Engine, Names, Routes,
    gateway::{Gateway, Hosts},
    router, router_of_gateway, router_with,
    serve::Listen,
};

use super::keeping::Kept;
use crate::{
    environment,
    exit::{Failure, Outcome},
};

/// The gateway.
#[derive(clap::Args)]
#[command(next_help_heading = "Gateway")]
pub struct GatewayArgs {
    /// Open secrets for Vault clients and plain HTTP from other machines too, under every --name
    #[arg(long)]
    gateway: bool,
    /// Open none: requests of `zms` alone are answered
    #[arg(long, conflicts_with = "gateway")]
    no_gateway: bool,
}

impl GatewayArgs {
    /// Whether there is one: unasked only where nobody else's machine reaches it.
    fn opens(&self, listens: &[Listen]) -> bool {
        !self.no_gateway && (self.gateway || listens.iter().all(Listen::is_local))
    }

    /// What the gateway answers to, where there is one: with `--gateway` every name, those that
    /// follow from where it listens too.
    pub fn hosts(&self, given: &[String], names: &Names, listens: &[Listen]) -> Option<Hosts> {
        if !self.opens(listens) {
            return None;
        }
        // A proxy in front hands on names that were not meant to be opened for.
        let meant = self.gateway || given.is_empty();
        Some(Hosts::new(names.iter().filter(|_| meant).map(str::to_owned)))
    }

    /// All routes of a server with these vaults.
    pub fn router(engine: &Arc<Engine>, kept: &Kept, hosts: Option<&Hosts>) -> Outcome<Routes> {
        let Some(hosts) = hosts else {
            return match &kept.upstream {
                None => Ok(router(engine)),
                Some(upstream) => Err(Failure::usage(format!(
                    "{upstream} keeps the vault, and there is no gateway: nothing is to be served"
                ))
                .hint("listen on 127.0.0.1 or a unix socket, or say --gateway")),
            };
        };
        let gateway = Arc::new(Gateway {
            origin: Arc::clone(&kept.origin),
            hosts: hosts.clone(),
            pins: kept.pins.clone(),
            clock: environment::now,
            entropy: environment::entropy,
            proven: Arc::default(),
        });
        Ok(match kept.upstream {
            None => router_with(engine, gateway),
            Some(_) => router_of_gateway(engine, gateway),
        })
    }
}
