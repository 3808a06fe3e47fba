//! The crate vaultrs, unmodified, against the gateway on a socket of its own.

use std::collections::HashMap;

use ::vaultrs::{
    api::{
        self,
        kv2::requests::{ReadSecretRequest, SetSecretMetadataRequest, SetSecretRequestOptions},
    },
    auth::approle,
    client::{VaultClient, VaultClientSettingsBuilder},
    kv2, sys, token,
};
use serde_json::{Value, json};

use crate::clients::served;

fn client(at: &str, token: &str) -> VaultClient {
    // Which of them it is has to be said once in a process; these requests need none.
    let _said_before = rustls::crypto::ring::default_provider().install_default();
    let settings = VaultClientSettingsBuilder::default().address(at).token(token).build();
    VaultClient::new(settings.expect("settings")).expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vaultrs_keeps_values_and_versions() {
    let (world, at, root) = served();
    let client = client(&at, &root);
    let first = kv2::set(&client, "secret", "rs", &json!({"a": "1"})).await.expect("set");
    assert_eq!(first.version, 1);
    let cas = |cas| SetSecretRequestOptions { cas };
    let (two, three) = (json!({"a": "2", "n": 5}), json!({"a": "3"}));
    kv2::set_with_options(&client, "secret", "rs", &two, cas(1)).await.expect("set");
    let late = kv2::set_with_options(&client, "secret", "rs", &three, cas(1)).await;
    assert!(late.is_err_and(|error| format!("{error:?}").contains("check-and-set")));
    let read: Value = kv2::read(&client, "secret", "rs").await.expect("read");
    assert_eq!(read, two);
    let old: Value = kv2::read_version(&client, "secret", "rs", 1).await.expect("read");
    assert_eq!(old, json!({"a": "1"}));
    assert_eq!(kv2::list(&client, "secret", "").await.expect("listed"), ["rs"]);
    let said = HashMap::from([("owner".to_owned(), "me".to_owned())]);
    let mut said =
        SetSecretMetadataRequest::builder().max_versions(7_u64).custom_metadata(said).clone();
    kv2::set_metadata(&client, "secret", "rs", Some(&mut said)).await.expect("said");
    kv2::delete_versions(&client, "secret", "rs", vec![1]).await.expect("deleted");
    kv2::undelete_versions(&client, "secret", "rs", vec![1]).await.expect("undeleted");
    kv2::destroy_versions(&client, "secret", "rs", vec![1]).await.expect("destroyed");
    let metadata = kv2::read_metadata(&client, "secret", "rs").await.expect("read");
    assert!(metadata.versions["1"].destroyed && !metadata.versions["2"].destroyed);
    assert_eq!((metadata.current_version, metadata.max_versions), (2, 7));
    kv2::delete_latest(&client, "secret", "rs").await.expect("deleted");
    assert!(kv2::read::<Value>(&client, "secret", "rs").await.is_err());
    kv2::delete_metadata(&client, "secret", "rs").await.expect("deleted");
    assert!(kv2::read_metadata(&client, "secret", "rs").await.is_err());
    sys::health(&client).await.expect("it is well");
    let own = token::lookup_self(&client).await.expect("looked at");
    assert_eq!(own.policies, ["root"]);
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let who = world.made("app", false, None, 0);
    let (id, secret) = (who.id().to_string(), crate::world::text(&who));
    let logged = approle::login(&client, "approle", &id, &secret).await.expect("logged in");
    assert_eq!(logged.client_token, secret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vaultrs_wraps_and_unwraps() {
    let (world, at, root) = served();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let client = client(&at, &root);
    let read = ReadSecretRequest::builder().mount("secret").path("app").build().expect("a request");
    let wrapped = api::wrap(&client, read).await.expect("wrapped");
    let looked = wrapped.lookup(&client).await.expect("looked at");
    assert_eq!((looked.creation_path.as_str(), looked.creation_ttl), ("secret/data/app", 600));
    let token = wrapped.info.token.clone();
    let given: Value = sys::wrapping::unwrap(&client, Some(&token)).await.expect("unwrapped");
    assert_eq!(given["data"], json!({"A": "1"}));
    let again = sys::wrapping::unwrap::<Value>(&client, Some(&token)).await;
    assert!(again.is_err_and(|error| format!("{error:?}").contains("does not exist")));
}
