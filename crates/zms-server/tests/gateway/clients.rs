//! Clients of others, unmodified, against the gateway on a socket of its own.
//!
//! `./check` installs them and says where they are: `ZMS_TEST_PYTHON`, `ZMS_TEST_NODE_MODULES`.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::World;

fn setting(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: run `./check`, which sets it")).into()
}

/// A port of this machine.
pub fn port() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Answers there for as long as the test's runtime lives, or until what is returned is dropped.
pub fn serve(listener: TcpListener, router: impl Into<Router>) -> JoinSet<()> {
    let router = router.into();
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            connections.spawn(async move {
                let server = Builder::new(TokioExecutor::new());
                let _ended = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    serving
}

/// A vault with one path, served, and the owner's token.
pub fn served() -> (Arc<World>, String, String) {
    let world = Arc::new(World::new());
    let (listener, address) = port();
    serve(listener, world.router.clone()).detach_all();
    let address = format!("http://{address}");
    let root = world.root();
    (world, address, root)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/clients").join(name)
}

/// A program of the Python environment.
fn program(name: &str) -> PathBuf {
    setting("ZMS_TEST_PYTHON").with_file_name(name)
}

async fn run(mut command: Command, address: &str, token: &str) -> Output {
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/local/bin").env("HOME", "/nonexistent");
    command.env("VAULT_ADDR", address).env("VAULT_TOKEN", token).env("LC_ALL", "C.UTF-8");
    command.env("BAO_ADDR", address).env("BAO_TOKEN", token);
    if let Ok(modules) = std::env::var("ZMS_TEST_NODE_MODULES") {
        command.env("NODE_PATH", modules);
    }
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.expect("it ran").expect("it is there")
}

fn told(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// `bao` with such words; what it printed.
async fn bao(address: &str, token: &str, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(program("bao"));
    command.args(words);
    let output = run(command, address, token).await;
    (output.status.code().expect("an exit code"), told(&output))
}

async fn bao_json(address: &str, token: &str, words: &[&str]) -> Value {
    let words = [words, &["-format=json"]].concat();
    let (code, text) = bao(address, token, &words).await;
    assert_eq!(code, 0, "{words:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{words:?}: {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bao_keeps_values_and_versions() {
    let (world, at, root) = served();
    let status = bao(&at, &root, &["status"]).await;
    assert_eq!(status.0, 0, "{}", status.1);
    let own = bao_json(&at, &root, &["token", "lookup"]).await;
    assert_eq!(own["data"]["policies"], json!(["root"]));
    for value in ["1", "2", "3"] {
        let put = ["kv", "put", "-mount=secret", "shop/production", &format!("A={value}")];
        assert_eq!(bao(&at, &root, &put).await.0, 0);
    }
    let get = ["kv", "get", "-mount=secret", "shop/production"];
    let old = ["kv", "get", "-version=1", "-mount=secret", "shop/production"];
    let data = |answer: &Value| answer["data"]["data"]["A"].clone();
    // The format comes before the path: what follows that is taken for data.
    let in_json = |words: &[&'static str]| {
        let options = words.iter().position(|word| word.starts_with('-') || word.contains('/'));
        let mut words = words.to_vec();
        words.insert(options.unwrap_or(words.len()), "-format=json");
        words
    };
    let read = async |words: &[&'static str]| {
        let (code, text) = bao(&at, &root, &in_json(words)).await;
        assert!(code == 0 || code == 2, "{text}");
        serde_json::from_str::<Value>(&text).unwrap_or(Value::Null)
    };
    assert_eq!(data(&read(&get).await), "3");
    assert_eq!(data(&read(&old).await), "1");
    assert_eq!(read(&["kv", "list", "secret/"]).await, json!(["shop/"]));
    assert_eq!(read(&["kv", "list", "secret/shop"]).await, json!(["production"]));
    let cas = ["kv", "put", "-cas=1", "-mount=secret", "shop/production", "A=x"];
    let (code, text) = bao(&at, &root, &cas).await;
    assert!(code == 2 && text.contains("check-and-set"), "{text}");
    for words in [
        &["kv", "patch", "-mount=secret", "shop/production", "B=b"][..],
        &["kv", "patch", "-method=rw", "-mount=secret", "shop/production", "C=c"],
        &["kv", "delete", "-mount=secret", "shop/production"],
        &["kv", "undelete", "-versions=5", "-mount=secret", "shop/production"],
        &["kv", "destroy", "-versions=1", "-mount=secret", "shop/production"],
        &["kv", "delete", "-versions=2", "-mount=secret", "shop/production"],
        &[
            "kv",
            "metadata",
            "put",
            "-max-versions=7",
            "-custom-metadata=owner=me",
            "-mount=secret",
            "shop/production",
        ],
        &["kv", "metadata", "patch", "-custom-metadata=team=t", "-mount=secret", "shop/production"],
        &["kv", "rollback", "-version=3", "-mount=secret", "shop/production"],
        &["secrets", "enable", "-path=kv3", "-version=2", "kv"],
        &["kv", "put", "kv3/app", "K=v"],
        &["secrets", "list"],
        &["secrets", "disable", "kv3"],
    ] {
        let (code, text) = bao(&at, &root, words).await;
        assert_eq!(code, 0, "{words:?}: {text}");
    }
    assert_eq!(data(&read(&get).await), "3", "rolled back");
    let metadata = read(&["kv", "metadata", "get", "-mount=secret", "shop/production"]).await;
    let versions = &metadata["data"]["versions"];
    assert_eq!(versions["1"]["destroyed"], true, "{metadata}");
    assert_eq!(metadata["data"]["custom_metadata"], json!({"owner":"me","team":"t"}));
    assert_eq!(metadata["data"]["max_versions"], 7);
    let mut zms = world.owner();
    let names = zms.names(&crate::world::path("shop"), true).expect("listed");
    assert_eq!(names, ["shop/production/A"], "zms sees the same");
    let gone = ["kv", "metadata", "delete", "-mount=secret", "shop/production"];
    assert_eq!(bao(&at, &root, &gone).await.0, 0);
    assert_eq!(bao(&at, &root, &get).await.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bao_wraps_and_unwraps() {
    let (world, at, root) = served();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let reader = crate::world::text(&world.made("app", false, None, 0));
    let json =
        |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| panic!("{text}"));
    let wrapped = async |words: &[&str]| {
        let (code, text) = bao(&at, &root, words).await;
        assert_eq!(code, 0, "{words:?}: {text}");
        json(&text)["wrap_info"]["token"].as_str().expect("a token").to_owned()
    };
    let get = ["kv", "get", "-wrap-ttl=60s", "-format=json", "-mount=secret", "app"];
    // With a token of one's own beside it, and with none.
    for own in [reader.as_str(), ""] {
        let token = wrapped(&get).await;
        let words = ["unwrap", "-format=json", &token];
        let (code, text) = bao(&at, own, &words).await;
        assert_eq!((code, &json(&text)["data"]["data"]["A"]), (0, &json!("1")), "{text}");
        let (code, text) = bao(&at, own, &words).await;
        assert!(code == 2 && text.contains("wrapping token is not valid"), "{text}");
    }
    let wrap = ["write", "-wrap-ttl=5m", "-format=json", "sys/wrapping/wrap", "K=v"];
    let token = wrapped(&wrap).await;
    let named = format!("token={token}");
    let look = ["write", "-format=json", "sys/wrapping/lookup", &named];
    let (_, text) = bao(&at, &reader, &look).await;
    assert_eq!(json(&text)["data"]["creation_ttl"], 300, "{text}");
    let again = wrapped(&["write", "-format=json", "sys/wrapping/rewrap", &named]).await;
    assert_ne!(bao(&at, &reader, &["unwrap", &token]).await.0, 0, "it was wrapped anew");
    let (_, text) = bao(&at, &reader, &["unwrap", "-field=K", &again]).await;
    assert_eq!(text.trim_end(), "v");
    let create = ["token", "create", "-wrap-ttl=60s", "-format=json", "-policy=read:app"];
    let token = wrapped(&create).await;
    let (_, text) = bao(&at, "", &["unwrap", "-format=json", &token]).await;
    assert_eq!(json(&text)["auth"]["token_policies"], json!(["read:app"]), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bao_agent_logs_in_and_renders_a_template() {
    let (world, at, root) = served();
    let put = ["kv", "put", "-mount=secret", "app", "PASSWORD=from the vault"];
    assert_eq!(bao(&at, &root, &put).await.0, 0);
    let who = world.made("app", false, None, 0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("role"), who.id().to_string()).expect("written");
    std::fs::write(file("secret"), crate::world::text(&who)).expect("written");
    let template = "{{ with secret \"secret/data/app\" }}{{ .Data.data.PASSWORD }}{{ end }}";
    let config = format!(
        "exit_after_auth = true\nvault {{ address = {at:?} }}\n\
         auto_auth {{ method \"approle\" {{ config = {{ role_id_file_path = {:?}, \
         secret_id_file_path = {:?}, remove_secret_id_file_after_reading = false }} }} }}\n\
         template {{ contents = {template:?}\n destination = {:?} }}\n",
        file("role"),
        file("secret"),
        file("out")
    );
    std::fs::write(file("agent.hcl"), config).expect("written");
    let mut command = Command::new("timeout");
    command.arg("60").arg(program("bao")).args(["agent", "-log-level=error"]);
    command.arg(format!("-config={}", file("agent.hcl").display()));
    let output = run(command, &at, "").await;
    assert!(output.status.success(), "{}", told(&output));
    let rendered = std::fs::read_to_string(file("out")).expect("rendered");
    assert_eq!(rendered, "from the vault");
}

/// Runs a script that checks for itself, and says `ok` at the end.
async fn checks(mut command: Command, address: &str, token: &str, child: &str) {
    command.env("LC_ALL", "C.UTF-8").arg(address).arg(token).arg(child);
    let output = run(command, address, token).await;
    let text = told(&output);
    assert!(output.status.success() && text.trim_end().ends_with("ok"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hvac_does_all_of_kv() {
    let (world, at, root) = served();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let child = world.made("app", false, Some(crate::world::now() + 3600), 0);
    let mut command = Command::new(setting("ZMS_TEST_PYTHON"));
    command.arg(script("hvac_client.py"));
    checks(command, &at, &root, &crate::world::text(&child)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_vault_reads_and_writes() {
    let (world, at, root) = served();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1"}}"#).await;
    let child = crate::world::text(&world.made("app", false, None, 0));
    let mut command = Command::new("node");
    command.arg(script("node_vault_client.cjs"));
    checks(command, &at, &root, &child).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ansible_looks_up_and_writes() {
    let (world, at, root) = served();
    world.call("POST", "/v1/secret/data/app", &root, r#"{"data":{"A":"1","B":"2"}}"#).await;
    let child = crate::world::text(&world.made("app", true, None, 0));
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program("ansible-playbook"));
    command.arg("-i").arg("localhost,").arg(script("ansible.yml"));
    command
        .arg("-e")
        .arg(format!("ansible_hashi_vault_url={at}"))
        .arg("-e")
        .arg(format!("ansible_hashi_vault_token={child}"));
    command.arg("-e").arg(format!("python={}", setting("ZMS_TEST_PYTHON").display()));
    command.current_dir(folder.path());
    let home = folder.path().join("home");
    let mut wrapped = Command::new("env");
    wrapped
        .arg(format!("HOME={}", home.display()))
        .arg(format!("ANSIBLE_LOCAL_TEMP={}", home.display()));
    wrapped.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
    let output = run(wrapped, &at, &child).await;
    assert!(output.status.success(), "{}", told(&output));
    let (_, answer) = world.call("GET", "/v1/secret/data/app/from-ansible", &root, "").await;
    assert_eq!(answer["data"]["data"], json!({"C": "3"}));
}
