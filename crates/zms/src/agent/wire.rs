//! What is said between a command and the agent. Both are the same program, so there is one version
//! of it; whoever says anything else is not answered.

/// What every message begins with.
pub(super) const HELLO: [u8; 4] = *b"ZMA\x01";

/// What an agent is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Ask {
    /// The key, and until when it is held.
    Key = b'k',
    /// Until when the key is held.
    Until = b'u',
    /// To forget it and end.
    Lock = b'l',
}

impl Ask {
    /// The message.
    pub(super) fn request(self) -> [u8; HELLO.len() + 1] {
        let [a, b, c, d] = HELLO;
        [a, b, c, d, self as u8]
    }

    /// Reads the message.
    pub(super) fn read(request: &[u8; HELLO.len() + 1]) -> Option<Self> {
        [Self::Key, Self::Until, Self::Lock].into_iter().find(|ask| ask.request() == *request)
    }
}

/// An answer: until when the key is held. The key itself may follow.
pub(super) fn answer(until: u64) -> Vec<u8> {
    [&HELLO[..], &until.to_be_bytes()].concat()
}

/// Reads an answer.
pub(super) fn until(answer: &[u8; HELLO.len() + 8]) -> Option<u64> {
    let (hello, until) = answer.split_first_chunk()?;
    (*hello == HELLO).then(|| until.first_chunk().map(|until| u64::from_be_bytes(*until)))?
}

/// What an agent is told when it is started, behind which the key comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Orders {
    /// Until when the key is to be held, in unix seconds.
    pub(super) until: u64,
    /// How many seconds that is from now.
    pub(super) seconds: u64,
}

impl Orders {
    /// Length of the message.
    pub(super) const LENGTH: usize = HELLO.len() + 8 + 8;

    /// The message.
    pub(super) fn write(self) -> Vec<u8> {
        [&answer(self.until)[..], &self.seconds.to_be_bytes()].concat()
    }

    /// Reads the message.
    pub(super) fn read(message: &[u8; Self::LENGTH]) -> Option<Self> {
        let (until, seconds) = message.split_at(HELLO.len() + 8);
        let seconds = u64::from_be_bytes(seconds.try_into().ok()?);
        Some(Self { until: self::until(until.try_into().ok()?)?, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_heard() {
        for ask in [Ask::Key, Ask::Until, Ask::Lock] {
            assert_eq!(Ask::read(&ask.request()), Some(ask));
        }
        assert_eq!(until(answer(1 << 40).as_slice().try_into().unwrap()), Some(1 << 40));
        let orders = Orders { until: 9, seconds: 7 };
        assert_eq!(Orders::read(orders.write().as_slice().try_into().unwrap()), Some(orders));
    }

    #[test]
    fn what_is_said_in_other_words_is_not_answered() {
        assert_eq!(Ask::read(b"ZMA\x02k"), None);
        assert_eq!(Ask::read(b"ZMA\x01x"), None);
        assert_eq!(until(&[0; 12]), None);
        assert_eq!(Orders::read(&[0; Orders::LENGTH]), None);
    }
}
