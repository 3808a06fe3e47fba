//! A real browser, and a page that would like to read and write at a gateway of its own machine.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Html,
    routing::get,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    clients::{port, serve},
    world::{World, text},
};

const DATA: &str = "/v1/secret/data/app";
const CANARY: &str = "canary-7be0";

/// What came to the gateway: method and path, and how that was answered.
type Seen = Arc<Mutex<Vec<(String, u16)>>>;

/// Everything that comes by is written down.
fn watched(router: Router, seen: &Seen) -> Router {
    let seen = Arc::clone(seen);
    router.layer(from_fn(move |request: Request, next: Next| {
        let seen = Arc::clone(&seen);
        let what = format!("{} {}", request.method(), request.uri().path());
        async move {
            let answer = next.run(request).await;
            seen.lock().expect("nobody panicked").push((what, answer.status().as_u16()));
            answer
        }
    }))
}

/// What a page tells once all its tries have ended.
async fn told(url: String) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("timeout");
    command.args(["120", "chromium", "--headless", "--no-sandbox", "--disable-gpu"]);
    command.args(["--no-first-run", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", folder.path().display())).arg(url);
    command.env("HOME", folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ran");
    let output = output.expect("chromium is installed: scripts/tools does");
    let dump = String::from_utf8(output.stdout).expect("it is text");
    let told = dump.split_once("<pre id=\"told\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (told, _) = told.unwrap_or_else(|| panic!("{dump}"));
    let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"))
}

/// A gateway with one secret, the page, and what the page is told of both.
struct Scene {
    world: World,
    page: Router,
    gateway: SocketAddr,
    seen: Seen,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let body = json!({"data": {"A": CANARY}}).to_string();
        assert_eq!(world.call("POST", DATA, &world.root(), &body).await.0, 200);
        let who = world.made("app", true, None, 0);
        let (listener, gateway) = port();
        let page = include_str!("clients/page.html").replace("TOKEN", &text(&who));
        let page = page.replace("GATEWAY", &format!("http://{gateway}"));
        let page = page.replace("\"ID\"", &format!("\"{}\"", who.id()));
        let ended = Arc::new(Notify::new());
        let ends = Arc::clone(&ended);
        let page = Router::new()
            .route("/page", get(async move || Html(page)))
            .route("/ended", get(async move || ends.notify_one()))
            .route("/wait", get(async move || ended.notified().await));
        let seen = Seen::default();
        let router = watched(world.router.clone(), &seen).merge(page.clone());
        serve(listener, router).detach_all();
        Self { world, page, gateway, seen }
    }

    /// How many entries the audit has.
    fn entries(&self) -> usize {
        let mut owner = self.world.owner();
        let mut reader = owner.audit().expect("the audit opens");
        reader.last(usize::MAX, &|_| true).expect("it is read").len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_a_page_of_another_origin_in_a_real_browser() {
    let scene = Scene::new().await;
    let (listener, elsewhere) = port();
    serve(listener, scene.page.clone()).detach_all();
    let before = scene.entries();
    // Another port of the same site, and another site.
    for host in ["127.0.0.1", "localhost"] {
        let told = told(format!("http://{host}:{}/page", elsewhere.port())).await;
        let tries = told.as_object().expect("a map");
        assert_eq!(tries.len(), 13, "{told}");
        for (name, learned) in tries {
            let kind = match name.as_str() {
                "no_cors" | "no_cors_write" | "form" | "form_login" => "opaque",
                "events" | "script" | "image" => "error",
                _ => "TypeError",
            };
            assert_eq!((&learned["kind"], &learned["text"]), (&json!(kind), &json!("")), "{name}");
        }
        let seen = std::mem::take(&mut *scene.seen.lock().expect("nobody panicked"));
        let sent = |what: &str| seen.iter().any(|(seen, _)| seen == what);
        for what in [
            format!("GET {DATA}"),
            format!("POST {DATA}"),
            format!("OPTIONS {DATA}"),
            "POST /v1/auth/approle/login".to_owned(),
        ] {
            assert!(sent(&what), "{what} did not come: {seen:?}");
        }
        // A route that has its methods listed refuses the question whether it may be asked itself.
        let refused = |(what, status): &(String, u16)| {
            *status == 421 || *status == 405 && what.starts_with("OPTIONS")
        };
        assert!(seen.len() >= 10 && seen.iter().all(refused), "{seen:?}");
    }
    assert_eq!(scene.entries(), before, "nothing was read, written or tried in a vault");
    let (_, answer) = scene.world.call("GET", DATA, &scene.world.root(), "").await;
    assert_eq!(answer["data"]["data"], json!({"A": CANARY}));
    assert_eq!(answer["data"]["metadata"]["version"], 1);
}

/// The same page where it may: so the test above would see it if it could elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_the_gateways_own_origin_reads_and_writes() {
    let scene = Scene::new().await;
    let told = told(format!("http://{}/page", scene.gateway)).await;
    let learned = |name: &str| told[name]["text"].as_str().unwrap_or_default().to_owned();
    assert!(learned("token").contains(CANARY) && learned("bearer").contains(CANARY), "{told}");
    assert_eq!(told["write"]["status"], 200, "{told}");
    assert!(learned("native").contains("written by a page"), "{told}");
    assert!(learned("form_login").contains("client_token"), "{told}");
    for without in ["simple", "query", "no_cors", "no_cors_write", "form"] {
        assert!(learned(without).contains("permission denied"), "{without}: {told}");
    }
    let (_, answer) = scene.world.call("GET", DATA, &scene.world.root(), "").await;
    assert_eq!(answer["data"]["data"], json!({"A": "written by a page"}));
}
