//! Serves, from the sockets to the end.

use std::{io, sync::Arc};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use zms_crypto::Key;
use zms_server::{
    Engine, Register, Setup,
    serve::{Listen, Listener, log, manager, serve},
};

use super::{
    Args, certificate::tls, names::names, opening::GatewayArgs, registration::register,
    telling::Told,
};
use crate::{
    environment,
    exit::{Failure, Outcome},
    home::{
        plain,
        serving::{Held, Serving},
        trouble,
    },
    session::{Context, unopened},
};

/// Threads that wait for disks at the same time.
const WAITING: usize = 64;

/// Begins to serve, says so, and goes on until a signal.
pub fn run(context: &Context, args: &Args, listens: &[Listen]) -> Outcome {
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(WAITING)
        .build()
        .map_err(no_thread)?;
    let kept = args.keep.open(context, runtime.handle())?;
    // What can not be served is refused before anything listens.
    if kept.upstream.is_none() {
        kept.vaults.ready().map_err(unopened)?;
    }
    let mut held = Held::take(&kept.folder)?;
    let (register, code) = match kept.upstream {
        None => register(args.registration_file.as_deref(), &*kept.vaults)?,
        Some(_) => (Register::Nobody, None),
    };
    raise_descriptors();
    runtime.block_on(async {
        let listeners = bound(listens).await?;
        let listens = addresses(&listeners)?;
        check_protected(&listens, args.protected())?;
        let names = names(&args.names, &listens)?;
        let hosts = args.gateway.hosts(&args.names, &names, &listens);
        let tls = tls(args, &kept.folder, &names)?.map(Arc::new);
        let format = if args.log_format == "json" { log::Format::Json } else { log::Format::Text };
        log::begin(format, &args.log_level);
        let engine = Engine::new(Setup {
            vaults: Arc::clone(&kept.vaults),
            names: names.clone(),
            register,
            limits: args.limits.limits(),
            clock: environment::now,
            blind: Key::generate(&mut *environment::entropy()),
        });
        let routes = GatewayArgs::router(&engine, &kept, hosts.as_ref())?;
        let (listen, pid) = (listens.iter().map(Listen::to_string).collect(), std::process::id());
        let pid = i32::try_from(pid).unwrap_or_default();
        held.say(&Serving { pid, listen, since: environment::now() })?;
        let code = code.as_deref().map(String::as_str);
        let tls_told = tls.as_deref();
        Told {
            listens: &listens,
            names: &names,
            tls: tls_told,
            code,
            hosts: hosts.as_ref(),
            upstream: kept.upstream.as_ref(),
        }
        .tell(context.output)?;
        manager::ready();
        let served = serve(engine, routes, listeners, tls, told_to_end()).await;
        manager::stopping();
        served.map_err(no_thread)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "an error is mapped")]
fn no_thread(error: io::Error) -> Failure {
    Failure::other(format!("no thread can be made: {}", plain(&error)))
}

/// Refuses what others reach and could listen to.
pub fn check_protected(listens: &[Listen], protected: bool) -> Outcome {
    let open = listens.iter().find(|listen| !listen.is_local());
    let Some(open) = open.filter(|_| !protected) else { return Ok(()) };
    let why = format!("{open} is reached by others, and there is no TLS");
    Err(Failure::usage(why).hint(
        "name a certificate with --tls-cert and --tls-key, or have one made with \
         --tls-self-signed; behind a proxy that speaks TLS listen on 127.0.0.1",
    ))
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
