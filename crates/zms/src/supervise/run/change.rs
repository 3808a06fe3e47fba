//! What is done when the vault has changed.

use std::{rc::Rc, time::Instant};

use super::{Run, start};
use crate::{
    exit::{Failure, Outcome},
    supervise::{Handed, Handover, content, signals::send, visible, watch::Watch, words},
};

impl Run<'_> {
    /// Looks whether the vault has changed, and acts where it is time.
    pub(super) fn look(&mut self, now: Instant) {
        let (Some(watch), Some(watching)) = (&mut self.watch, &mut self.plan.watch) else { return };
        if watch.looks(now) && watching.source.moved() {
            watch.change(now);
        }
        if self.ended.is_some() || !watch.reads(now) {
            return;
        }
        match watching.source.read() {
            Ok(handover) => {
                watch.succeeded();
                self.told = None;
                if handover != *self.next.as_ref().unwrap_or(&self.given) {
                    self.renew(handover, now);
                }
            }
            Err(failure) => {
                watch.failed(now);
                self.complain(&failure);
            }
        }
    }

    /// Says why a change could not be passed on, once for each reason.
    fn complain(&mut self, failure: &Failure) {
        if self.told.as_ref() != Some(&failure.message) {
            self.told = Some(failure.message.clone());
            let output = self.plan.output;
            self.say(|| {
                output.warn(format!("{failure}; the program goes on with what it has"));
            });
        }
    }

    /// Lets words stand on lines of their own also where the terminal is taken.
    fn say(&mut self, words: impl FnOnce()) {
        match &mut self.terminal {
            Some(terminal) => {
                terminal.leave();
                words();
                terminal.take();
            }
            None => words(),
        }
    }

    /// Passes a change on: by a signal, or by starting the program anew.
    fn renew(&mut self, handover: Handover, now: Instant) {
        let names = changed(&self.given.secrets, &handover.secrets);
        let output = self.plan.output;
        let Some(watching) = &self.plan.watch else { return };
        if let Some(signal) = watching.signal {
            if let Err(failure) = self.give(&handover) {
                return self.complain(&failure);
            }
            self.given = handover;
            self.say(|| output.note(format!("changed: {names}; the program is told")));
            return send(self.child.pid, signal);
        }
        let grace = watching.grace;
        if let Err(failure) = self.hide(&handover) {
            return self.complain(&failure);
        }
        self.next = Some(handover);
        self.say(|| output.note(format!("changed: {names}; the program is started anew")));
        if self.kill_at.is_none() {
            self.kill_at = Some(now + grace);
            send(self.child.pid, libc::SIGTERM);
            self.child.send_all(libc::SIGCONT);
        }
    }

    /// Puts a handover where the program finds it while it runs, and hides it in its output.
    fn give(&mut self, handover: &Handover) -> Outcome {
        let mounting = self.plan.mount.as_ref();
        let text = mounting.map(|mounting| content(&handover.secrets, mounting.format));
        let text = text.transpose()?;
        self.hide(handover)?;
        if let Some(folder) = &mut self.folder {
            folder.fill(&handover.secrets)?;
        }
        if let Some((mount, text)) = self.mount.as_mut().zip(text) {
            mount.serve(&text)?;
        }
        Ok(())
    }

    /// Hides the values of a handover in what is printed from now on, beside all before them, and
    /// says which are newly left visible.
    fn hide(&mut self, handover: &Handover) -> Outcome {
        if !self.plan.mask {
            return Ok(());
        }
        if let Some(looked_for) = words(&mut self.known, &handover.secrets)? {
            let looked_for = Rc::new(looked_for);
            self.relays.iter_mut().for_each(|relay| relay.replace(&looked_for));
        }
        let shown = visible(&self.known, &handover.secrets);
        let before = std::mem::replace(&mut self.shown, shown);
        let new = self.shown.iter().filter(|name| !before.contains(name));
        let new: Vec<&str> = new.map(String::as_str).collect();
        if !new.is_empty() {
            let (output, names) = (self.plan.output, new.join(", "));
            self.say(|| output.note(format!("not masked: {names}")));
        }
        Ok(())
    }

    /// Starts the program again where that is why it has ended.
    pub(super) fn again(&mut self, now: Instant) -> Outcome<bool> {
        let Some(mut handover) = self.next.take().filter(|_| !self.ending) else {
            return Ok(false);
        };
        if let Some(watching) = &mut self.plan.watch
            && watching.source.moved()
            && let Ok(newest) = watching.source.read()
            && self.hide(&newest).is_ok()
        {
            handover = newest;
            self.watch = Some(Watch::new(now));
        }
        self.give(&handover)?;
        self.given = handover;
        if let Some(terminal) = &self.terminal {
            // What the last program made of it is no reason not to start the next.
            let _as_it_is = terminal.freshen();
        }
        self.ended = None;
        self.keys.clear();
        let terminal = self.terminal.as_ref();
        self.child = start(&self.plan, &self.given, &self.relays, terminal, self.signals)?;
        Ok(true)
    }
}

/// Names of secrets that differ, for people.
fn changed(before: &[Handed], after: &[Handed]) -> String {
    let differs = |secret: &&Handed, others: &[Handed]| !others.contains(secret);
    let gone = before.iter().filter(|secret| differs(secret, after));
    let new = after.iter().filter(|secret| differs(secret, before));
    let mut names: Vec<&str> = gone.chain(new).map(|secret| secret.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
