//! Serves, from the sockets to the end.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use zms_crypto::Key;
use zms_server::{
    Engine, Names, Setup, router,
    serve::{Listen, Listener, log, manager, serve, tls::Tls},
    vaults::{Folder, OneFile, Vaults},
};

use super::{Args, certificate::tls, names::names, registration::register};
use crate::{
    environment,
    exit::{Failure, Outcome},
    files,
    home::{
        check_folder, plain,
        serving::{Held, Serving},
        trouble,
    },
    session::{Context, unopened},
};

/// Threads that wait for disks at the same time.
const WAITING: usize = 64;

/// Begins to serve, says so, and goes on until a signal.
pub fn run(context: &Context, args: &Args, listens: &[Listen]) -> Outcome {
    let (vaults, folder) = vaults(context, args)?;
    // What can not be served is refused before anything listens.
    vaults.ready().map_err(unopened)?;
    let mut held = Held::take(&folder)?;
    let (register, code) = register(args.registration_file.as_deref(), &*vaults)?;
    raise_descriptors();
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(WAITING)
        .build()
        .map_err(|error| Failure::other(format!("no thread can be made: {}", plain(&error))))?;
    runtime.block_on(async {
        let listeners = bound(listens).await?;
        let listens = addresses(&listeners)?;
        let names = names(&args.names, &listens)?;
        let tls = tls(args, &folder, &names)?.map(Arc::new);
        let format = if args.log_format == "json" { log::Format::Json } else { log::Format::Text };
        log::begin(format, &args.log_level);
        let blind = Key::generate(&mut *environment::entropy());
        let (limits, clock) = (args.limits.limits(), environment::now as fn() -> u64);
        let setup = Setup { vaults, names: names.clone(), register, limits, clock, blind };
        let engine = Engine::new(setup);
        let (listen, pid) = (listens.iter().map(Listen::to_string).collect(), std::process::id());
        let pid = i32::try_from(pid).unwrap_or_default();
        held.say(&Serving { pid, listen, since: environment::now() })?;
        say(context, &listens, &names, tls.as_deref(), code.as_deref().map(String::as_str))?;
        manager::ready();
        let router = router(&engine);
        serve(engine, router, listeners, tls, told_to_end()).await;
        manager::stopping();
        Ok(())
    })
}

/// Where the vaults are, and the folder that belongs to the server.
fn vaults(context: &Context, args: &Args) -> Outcome<(Arc<dyn Vaults>, PathBuf)> {
    if let Some(folder) = &args.data {
        let folder = environment::folder()?.join(folder);
        if !files::exists(&folder) {
            let missing = Failure::not_found(format!("{} does not exist", folder.display()));
            return Err(missing.hint(format!("mkdir -m 700 {}", folder.display())));
        }
        check_folder(&folder)?;
        return Ok((Arc::new(Folder::new(folder.clone())), folder));
    }
    let home = context.home_to_make()?;
    home.make()?;
    Ok((Arc::new(OneFile::new(home.database())), home.folder().to_owned()))
}

/// Listens, on what is named and on what the service manager gives.
async fn bound(listens: &[Listen]) -> Outcome<Vec<Listener>> {
    let inherited = manager::inherited();
    let mut listeners = inherited
        .map_err(|error| trouble(&error, "a socket that was handed over can not be used"))?;
    // Who is handed sockets and names none wants no others.
    let default = listeners.is_empty() || listens != ["127.0.0.1:3030".parse().expect("good")];
    for listen in listens.iter().filter(|_| default) {
        let listener = listen.bind().await.map_err(|error| {
            let why = plain(&error.source);
            Failure::other(format!("{error}: {why}"))
                .hint("end what listens there, or choose another place with --listen")
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn addresses(listeners: &[Listener]) -> Outcome<Vec<Listen>> {
    let listens: Result<Vec<Listen>, _> = listeners.iter().map(Listener::listen).collect();
    listens.map_err(|error| trouble(&error, "a socket does not say where it is"))
}

/// Until a signal. One that asks for a reload changes nothing: files are looked at anyway.
async fn told_to_end() {
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = signals.map(signal) else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hangup.recv() => {}
        }
    }
}

/// As many connections as the system allows.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _refused = setrlimit(Resource::Nofile, limit);
}

/// What whoever starts it needs to know.
fn say(
    context: &Context,
    listens: &[Listen],
    names: &Names,
    tls: Option<&Tls>,
    code: Option<&str>,
) -> Outcome {
    let addresses = addresses_of(listens, names, tls);
    let fingerprint = tls.map(|tls| hex::encode(tls.fingerprint()));
    if context.output.json {
        context.output.json(serde_json::json!({
            "listen": listens.iter().map(Listen::to_string).collect::<Vec<_>>(),
            "addresses": addresses,
            "fingerprint": fingerprint,
            "setup_code": code,
        }))?;
        return Ok(());
    }
    for listen in listens {
        context.output.note(format!("serving on {listen}"));
    }
    for address in &addresses {
        context.output.note(format!("clients say `--server {address}`, or ZMS_SERVER={address}"));
    }
    if let Some(fingerprint) = fingerprint {
        context.output.note(format!("the certificate has the SHA-256 fingerprint {fingerprint}"));
    }
    if let Some(code) = code {
        context.output.note(format!(
            "there is no vault yet. This setup code makes one, and is not shown again: {code}"
        ));
    }
    Ok(())
}

/// The addresses that clients can be given.
fn addresses_of(listens: &[Listen], names: &Names, tls: Option<&Tls>) -> Vec<String> {
    let pin = tls.filter(|tls| tls.is_own()).map(|tls| hex::encode(tls.fingerprint()));
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut addresses = Vec::new();
    if listens.iter().any(|listen| matches!(listen, Listen::Tcp(_))) {
        // Of a unix socket's name nobody outside of it knows.
        for name in names.iter().filter(|name| !name.starts_with("localhost")) {
            let pin = pin.as_ref().map(|pin| format!("/sha256:{pin}")).unwrap_or_default();
            addresses.push(format!("{scheme}://{name}{pin}"));
        }
    }
    addresses.extend(listens.iter().filter_map(|listen| match listen {
        Listen::Unix(path) => Some(format!("unix:{}", shown(path))),
        Listen::Tcp(_) => None,
    }));
    addresses
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
