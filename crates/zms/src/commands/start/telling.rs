//! What whoever starts a server is told.

use zms_core::address::Address;
use zms_server::{
    Names,
    gateway::Hosts,
    serve::{Listen, tls::Tls},
};

use crate::{exit::Outcome, output::Output};

/// What a server that begins has to say.
pub struct Told<'a> {
    pub listens: &'a [Listen],
    pub names: &'a Names,
    pub tls: Option<&'a Tls>,
    /// The setup code, where nobody could make a vault otherwise.
    pub code: Option<&'a str>,
    /// What the gateway answers to, where there is one.
    pub hosts: Option<&'a Hosts>,
    /// The engine elsewhere that a gateway is before.
    pub upstream: Option<&'a Address>,
}

impl Told<'_> {
    /// Says it.
    pub fn tell(&self, output: Output) -> Outcome {
        let addresses = self.addresses();
        let fingerprint = self.tls.map(|tls| hex::encode(tls.fingerprint()));
        if output.json {
            return output.json(serde_json::json!({
                "listen": self.listens.iter().map(Listen::to_string).collect::<Vec<_>>(),
                "addresses": addresses,
                "fingerprint": fingerprint,
                "gateway": self.hosts.is_some(),
                "upstream": self.upstream.map(ToString::to_string),
                "setup_code": self.code,
            }));
        }
        for listen in self.listens {
            output.note(format!("serving on {listen}"));
        }
        if let Some(upstream) = self.upstream {
            output.note(format!("the vaults are kept by {upstream}, and opened here"));
        } else {
            for address in &addresses {
                let same = format!("clients say `--server {address}`, or ZMS_SERVER={address}");
                output.note(same);
            }
        }
        if let Some(address) = self.for_vault_clients(&addresses) {
            output.note(format!("Vault clients say VAULT_ADDR={address}, and a token of ZMS"));
        }
        if let Some(fingerprint) = fingerprint {
            let print = format!("the certificate has the SHA-256 fingerprint {fingerprint}");
            output.note(print);
        }
        if let Some(code) = self.code {
            output.note(format!(
                "there is no vault yet. This setup code makes one, and is not shown again: {code}"
            ));
        }
        Ok(())
    }

    /// The first address that the gateway answers to: not every name of an engine is one of it.
    fn for_vault_clients<'s>(&self, addresses: &'s [String]) -> Option<&'s str> {
        let hosts = self.hosts?;
        let bare = addresses.iter().map(|it| it.split("/sha256:").next().unwrap_or(it));
        bare.into_iter().find(|address| {
            let name = address.split_once("://").map(|(_, name)| name);
            name.is_none_or(|name| hosts.hold(name))
        })
    }

    /// The addresses that clients can be given.
    fn addresses(&self) -> Vec<String> {
        let pin = self.tls.filter(|tls| tls.is_own()).map(|tls| hex::encode(tls.fingerprint()));
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut addresses = Vec::new();
        if self.listens.iter().any(|listen| matches!(listen, Listen::Tcp(_))) {
            // Of a unix socket's name nobody outside of it knows.
            for name in self.names.iter().filter(|name| !name.starts_with("localhost")) {
                let pin = pin.as_ref().map(|pin| format!("/sha256:{pin}")).unwrap_or_default();
                addresses.push(format!("{scheme}://{name}{pin}"));
            }
        }
        addresses.extend(self.listens.iter().filter_map(|listen| match listen {
            Listen::Unix(path) => Some(format!("unix:{}", path.display())),
            Listen::Tcp(_) => None,
        }));
        addresses
    }
}
