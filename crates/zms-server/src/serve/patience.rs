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
    time::{Sleep, sleep},
};

/// Fails once nothing of what is to be sent was taken for so long: who asks and does not listen is
/// not kept.
pub(super) struct Patient<S> {
    stream: S,
    most: Duration,
    /// Runs since the other end took nothing more.
    over: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, most: Duration) -> Self {
        Self { stream, most, over: None }
    }

    /// What came of an attempt to send, as long as there is patience.
    fn wait<T>(&mut self, came: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if came.is_ready() {
            self.over = None;
            return came;
        }
        let most = self.most;
        let over = self.over.get_or_insert_with(|| Box::pin(sleep(most)));
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
        self.wait(came, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let came = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wait(came, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came = Pin::new(&mut self.stream).poll_flush(cx);
        self.wait(came, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wait(came, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn who_takes_a_little_is_waited_for_and_who_takes_nothing_is_not() {
        let most = Duration::from_millis(900);
        let (ours, mut theirs) = duplex(16);
        let mut ours = Patient::new(ours, most);
        let sending = tokio::spawn(async move { ours.write_all(&[7; 160]).await });
        for _ in 0..6 {
            sleep(most / 4).await;
            theirs.read_exact(&mut [0; 16]).await.expect("it comes");
        }
        assert!(!sending.is_finished());
        let failed = sending.await.expect("no panic").expect_err("nobody listens");
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }
}
