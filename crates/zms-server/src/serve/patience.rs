//! A connection whose other end has to take what it is sent.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::idle::{Activity, Working};
use crate::layers::bodies::PACE;

/// Fails once it was waited for so long, beside a second for each 16 KiB that were taken meanwhile: who
/// asks and does not listen, or a byte now and then, is not kept.
pub(super) struct Patient<S> {
    stream: S,
    most: Duration,
    /// How long was waited and is not paid for.
    waited: Duration,
    /// Since when the other end takes nothing more, and what ends that.
    over: Option<(Instant, Pin<Box<Sleep>>, Working)>,
    activity: Activity,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, most: Duration, activity: Activity) -> Self {
        Self { stream, most, waited: Duration::ZERO, over: None, activity }
    }

    /// What came of an attempt to send, as long as there is patience.
    fn wait<T>(
        &mut self,
        came: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(outcome) = &came {
            if let Some((since, ..)) = self.over.take() {
                self.waited += since.elapsed();
            }
            let bytes = outcome.as_ref().map_or(0, taken) as u64;
            let paid = Duration::from_micros(bytes.saturating_mul(1_000_000) / PACE);
            self.waited = self.waited.saturating_sub(paid);
            return came;
        }
        let left = self.most.saturating_sub(self.waited);
        let begin = || (Instant::now(), Box::pin(sleep(left)), self.activity.begin());
        let (_, over, _) = self.over.get_or_insert_with(begin);
        ready!(over.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let came = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wait(came, |taken| *taken, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let came = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wait(came, |taken| *taken, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came = Pin::new(&mut self.stream).poll_flush(cx);
        self.wait(came, |()| 0, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wait(came, |()| 0, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn who_takes_its_time_is_waited_for_and_who_takes_nothing_is_not() {
        let most = Duration::from_millis(900);
        let piece = PACE as usize / 2;
        let (ours, mut theirs) = duplex(piece);
        let mut ours = Patient::new(ours, most, Activity::new());
        let all = vec![7; 10 * piece];
        let sending = tokio::spawn(async move { ours.write_all(&all).await });
        let mut taken = vec![0; piece];
        for _ in 0..7 {
            sleep(most / 4).await;
            theirs.read_exact(&mut taken).await.expect("it comes");
        }
        assert!(!sending.is_finished());
        let failed = sending.await.expect("no panic").expect_err("nobody listens");
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn while_an_answer_waits_to_be_taken_its_connection_is_not_idle() {
        let (ours, mut theirs) = duplex(16);
        let activity = Activity::new();
        let mut ours = Patient::new(ours, Duration::from_secs(60), activity.clone());
        let idle_at = async || {
            sleep(Duration::from_millis(2)).await;
            activity.idle_at(Duration::ZERO)
        };
        assert_eq!(idle_at().await, idle_at().await, "nothing is sent yet");
        let sending = tokio::spawn(async move { ours.write_all(&[7; 32]).await.map(|()| ours) });
        assert!(idle_at().await < idle_at().await, "it waits");
        theirs.read_exact(&mut [0; 32]).await.expect("it comes");
        let _ours = sending.await.expect("no panic").expect("all is taken");
        assert_eq!(idle_at().await, idle_at().await, "all is taken");
    }

    #[tokio::test]
    async fn attack_a_byte_now_and_then_is_taken_of_an_answer() {
        let most = Duration::from_millis(900);
        let (ours, mut theirs) = duplex(16);
        let mut ours = Patient::new(ours, most, Activity::new());
        let start = Instant::now();
        let sending = tokio::spawn(async move { ours.write_all(&[7; 16 * 1024]).await });
        while !sending.is_finished() {
            sleep(most / 20).await;
            assert!(start.elapsed() < most * 10, "it goes on");
            let _there_may_be_none = theirs.read(&mut [0; 1]).await;
        }
        let failed = sending.await.expect("no panic").expect_err("it is too slow");
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }
}
