//! The description of the API.

use utoipa::OpenApi;
use zms_server::openapi::Document;

use crate::asked::World;

/// `ZMS_UPDATE=1 cargo test -p zms-server --test engine description` writes it anew.
#[test]
fn the_description_in_the_repository_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let mut made = Document::openapi().to_pretty_json().expect("it is JSON");
    made.push('\n');
    if std::env::var_os("ZMS_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == made, "docs/openapi.json is not what the code says");
}

#[tokio::test]
async fn the_description_is_served() {
    let world = World::empty();
    let mut sent = world.request(&world.vault.owner, "GET", "/openapi.json");
    sent.headers.clear();
    let answer = sent.to(&world.router).await;
    let served: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(served, serde_json::to_value(Document::openapi()).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}
