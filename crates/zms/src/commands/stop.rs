//! `zms stop`.

use std::{path::PathBuf, thread, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    environment,
    exit::{Failure, Outcome, utc},
    home::serving::{Serving, running},
    session::Context,
};

/// How long a server may take to answer what was asked before.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// End the server of this home, once it has answered what was asked
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms stop
  zms stop --dry-run                 whether one runs, and where it listens
  zms stop --data /var/lib/zms")]
pub struct Args {
    /// The server of this folder of vaults
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Say which server runs, and leave it alone
    #[arg(long)]
    dry_run: bool,
}

/// Tells the server to end, and waits until it has.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let folder = match &args.data {
        Some(folder) => environment::folder()?.join(folder),
        None => context.folder_to_make()?.folder().to_owned(),
    };
    let Some(serving) = running(&folder)? else {
        if context.output.json {
            return context.output.json(serde_json::json!({ "server": null }));
        }
        context.output.note(format!("no server of {} runs", folder.display()));
        return Ok(());
    };
    if !args.dry_run {
        end(&serving)?;
        let over = environment::stopwatch();
        while running(&folder)?.is_some_and(|it| it.pid == serving.pid) {
            if over() > PATIENCE {
                let why = format!("the server (process {}) has not ended", serving.pid);
                return Err(Failure::other(why).hint(format!("kill -9 {}", serving.pid)));
            }
            thread::sleep(LOOK);
        }
    }
    if context.output.json {
        return context.output.json(serde_json::json!({
            "server": serving, "ended": !args.dry_run,
        }));
    }
    let Serving { pid, listen, since } = &serving;
    let on = listen.join(", ");
    context.output.note(match args.dry_run {
        true => format!("a server (process {pid}) serves on {on} since {}", utc(*since)),
        false => format!("the server (process {pid}) on {on} has ended"),
    });
    Ok(())
}

/// Asks the process to end. It holds the lock, so the number is still its own.
fn end(serving: &Serving) -> Outcome {
    let pid =
        Pid::from_raw(serving.pid).ok_or_else(|| Failure::other("the server has no number"))?;
    let asked = pidfd_open(pid, PidfdFlags::empty())
        .and_then(|process| pidfd_send_signal(process, Signal::TERM));
    asked.map_err(|error| {
        let why = crate::home::plain(&error.into());
        Failure::other(format!(
            "the server (process {pid}) can not be told to end: {why}",
            pid = serving.pid
        ))
        .hint("whoever started it can, or its service manager")
    })
}
