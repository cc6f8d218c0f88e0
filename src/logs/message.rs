//! What PID 1 and the relay say to each other: each message is one datagram of a
//! SOCK_SEQPACKET pair, in bytes of our own, since both ends are the same program.
//!
//! Nothing is trusted all the same: bytes that are no message are `None`, whatever they
//! are. A datagram has at most [`MOST_BYTES`]; who sends looks that it has no more.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use log::Level;

use crate::plan::{Destination, LineFormat, LogFile, Relayed};

/// How long a message may be: less than a socket takes by default (net.core.wmem_default
/// is 208 KiB), more than the longest names and paths need.
pub const MOST_BYTES: usize = 64 * 1024;

/// One pipe of one life of a program; never used again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceId(pub u64);

/// Which of its descriptors a program wrote to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channel {
    /// Descriptor 1, and 2 where it goes the same way.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Channel {
    /// As it is called in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Stdout => "stdout",
            Channel::Stderr => "stderr",
        }
    }
}

/// From PID 1 to the relay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Order {
    /// Reads this from now on. The reading end of the pipe comes with it.
    Adopt(Adopt),
    /// Closes its files and opens them by their names again (USR1).
    Reopen,
    /// Writes all that there is now, says [`News::Finished`], and ends.
    Finish,
    /// Tells a client what was written. The client's socket comes with it.
    Serve(Query),
}

/// A pipe to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adopt {
    /// Its name in the news.
    pub source: SourceId,
    /// Who writes to it.
    pub program: String,
    /// The leader's pid, as the lines of JSON tell it.
    pub pid: u32,
    /// As what it was given to the program.
    pub channel: Channel,
    /// What becomes of the lines.
    pub relayed: Relayed,
    /// The text of the line that makes the program ready (`ready.log`).
    pub ready: Option<Vec<u8>>,
}

/// What a client wants to see.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// Of which programs; empty: of all.
    pub programs: Vec<String>,
    /// Of which descriptor; `None`: of both.
    pub channel: Option<Channel>,
    /// How many lines of what is kept, the last ones; `None`: all.
    pub lines: Option<u32>,
    /// Whether it wants what comes, too.
    pub follow: bool,
}

/// From the relay to PID 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// The line that makes the program ready has come.
    Ready(SourceId),
    /// Nobody can write to it any more, and all that was written is passed on.
    Ended(SourceId),
    /// A line for lastout's log.
    Say {
        /// How bad it is.
        level: Level,
        /// What it is, the program's name in front.
        text: String,
    },
    /// The client of an [`Order::Serve`] is its own now; in the order in which they came.
    Served,
    /// After [`Order::Finish`]: everything is written, or its loss was told.
    Finished,
}

impl Order {
    /// Appends it to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Order::Adopt(adopt) => {
                bytes.push(1);
                adopt.encode(bytes);
            }
            Order::Reopen => bytes.push(2),
            Order::Finish => bytes.push(3),
            Order::Serve(query) => {
                bytes.push(4);
                query.encode(bytes);
            }
        }
    }

    /// What these bytes say, if they say anything.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Order> {
        let mut rest = Rest(bytes);
        let order = match rest.byte()? {
            1 => Order::Adopt(Adopt::decode(&mut rest)?),
            2 => Order::Reopen,
            3 => Order::Finish,
            4 => Order::Serve(Query::decode(&mut rest)?),
            _ => return None,
        };
        rest.end(order)
    }
}

impl News {
    /// Appends it to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            News::Ready(source) => {
                bytes.push(1);
                put_u64(bytes, source.0);
            }
            News::Ended(source) => {
                bytes.push(2);
                put_u64(bytes, source.0);
            }
            News::Say { level, text } => {
                bytes.push(3);
                bytes.push(*level as u8);
                put_bytes(bytes, text.as_bytes());
            }
            News::Finished => bytes.push(4),
            News::Served => bytes.push(5),
        }
    }

    /// What these bytes say, if they say anything.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<News> {
        let mut rest = Rest(bytes);
        let news = match rest.byte()? {
            1 => News::Ready(SourceId(rest.u64()?)),
            2 => News::Ended(SourceId(rest.u64()?)),
            3 => {
                let level = rest.byte()?;
                News::Say {
                    level: Level::iter().find(|known| *known as u8 == level)?,
                    text: rest.text()?,
                }
            }
            4 => News::Finished,
            5 => News::Served,
            _ => return None,
        };
        rest.end(news)
    }
}

impl Adopt {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_u64(bytes, self.source.0);
        put_bytes(bytes, self.program.as_bytes());
        put_u32(bytes, self.pid);
        put_channel(bytes, Some(self.channel));
        bytes.push(match self.relayed.format {
            LineFormat::Raw => 1,
            LineFormat::Prefix => 2,
            LineFormat::Json => 3,
        });
        match &self.relayed.to {
            Destination::Own => bytes.push(1),
            Destination::File(file) => {
                bytes.push(2);
                put_bytes(bytes, file.path.as_os_str().as_bytes());
                put_u64(bytes, file.max_size);
                put_u32(bytes, file.backups);
                put_u32(bytes, file.mode);
            }
        }
        match &self.ready {
            None => bytes.push(0),
            Some(text) => {
                bytes.push(1);
                put_bytes(bytes, text);
            }
        }
    }

    fn decode(rest: &mut Rest<'_>) -> Option<Adopt> {
        Some(Adopt {
            source: SourceId(rest.u64()?),
            program: rest.text()?,
            pid: rest.u32()?,
            channel: rest.channel()??,
            relayed: Relayed {
                format: match rest.byte()? {
                    1 => LineFormat::Raw,
                    2 => LineFormat::Prefix,
                    3 => LineFormat::Json,
                    _ => return None,
                },
                to: match rest.byte()? {
                    1 => Destination::Own,
                    2 => Destination::File(LogFile {
                        path: PathBuf::from(OsString::from_vec(rest.bytes()?.to_vec())),
                        max_size: rest.u64()?,
                        backups: rest.u32()?,
                        mode: rest.u32()?,
                    }),
                    _ => return None,
                },
            },
            ready: match rest.byte()? {
                0 => None,
                1 => Some(rest.bytes()?.to_vec()),
                _ => return None,
            },
        })
    }
}

impl Query {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_u32(bytes, self.programs.len() as u32);
        for program in &self.programs {
            put_bytes(bytes, program.as_bytes());
        }
        put_channel(bytes, self.channel);
        match self.lines {
            None => bytes.push(0),
            Some(lines) => {
                bytes.push(1);
                put_u32(bytes, lines);
            }
        }
        bytes.push(u8::from(self.follow));
    }

    fn decode(rest: &mut Rest<'_>) -> Option<Query> {
        let mut programs = Vec::new();
        // No room is made for a number that only says that there were so many.
        for _ in 0..rest.u32()? {
            programs.push(rest.text()?);
        }
        Some(Query {
            programs,
            channel: rest.channel()?,
            lines: match rest.byte()? {
                0 => None,
                1 => Some(rest.u32()?),
                _ => return None,
            },
            follow: match rest.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        })
    }
}

fn put_u32(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, what: &[u8]) {
    put_u32(bytes, what.len() as u32);
    bytes.extend_from_slice(what);
}

fn put_channel(bytes: &mut Vec<u8>, channel: Option<Channel>) {
    bytes.push(match channel {
        None => 0,
        Some(Channel::Stdout) => 1,
        Some(Channel::Stderr) => 2,
    });
}

/// What of a datagram was not looked at yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.take(usize::try_from(count).ok()?)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn channel(&mut self) -> Option<Option<Channel>> {
        match self.byte()? {
            0 => Some(None),
            1 => Some(Some(Channel::Stdout)),
            2 => Some(Some(Channel::Stderr)),
            _ => None,
        }
    }

    /// The message, if nothing is left.
    fn end<T>(self, message: T) -> Option<T> {
        self.0.is_empty().then_some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;

    fn channels() -> impl Strategy<Value = Channel> {
        prop_oneof![Just(Channel::Stdout), Just(Channel::Stderr)]
    }

    fn relayed() -> impl Strategy<Value = Relayed> {
        let formats = prop_oneof![
            Just(LineFormat::Raw),
            Just(LineFormat::Prefix),
            Just(LineFormat::Json)
        ];
        let file = ("[^\0]{1,20}", any::<u64>(), any::<u32>(), 0_u32..0o1000);
        let file = file.prop_map(|(path, max_size, backups, mode)| {
            Destination::File(LogFile {
                path: path.into(),
                max_size,
                backups,
                mode,
            })
        });
        (formats, prop_oneof![Just(Destination::Own), file])
            .prop_map(|(format, to)| Relayed { format, to })
    }

    fn orders() -> impl Strategy<Value = Order> {
        let ready = option::of(proptest::collection::vec(any::<u8>(), 0..9));
        let adopt = (
            any::<u64>(),
            "\\PC{0,9}",
            any::<u32>(),
            channels(),
            relayed(),
            ready,
        );
        let adopt = adopt.prop_map(|(source, program, pid, channel, relayed, ready)| {
            Order::Adopt(Adopt {
                source: SourceId(source),
                program,
                pid,
                channel,
                relayed,
                ready,
            })
        });
        let programs = proptest::collection::vec("\\PC{0,9}", 0..5);
        let query = (
            programs,
            option::of(channels()),
            option::of(any::<u32>()),
            any::<bool>(),
        );
        let query = query.prop_map(|(programs, channel, lines, follow)| {
            Order::Serve(Query {
                programs,
                channel,
                lines,
                follow,
            })
        });
        prop_oneof![Just(Order::Reopen), Just(Order::Finish), adopt, query]
    }

    fn news() -> impl Strategy<Value = News> {
        let say = (1_u8..6, "\\PC{0,30}").prop_map(|(level, text)| News::Say {
            level: Level::iter().find(|known| *known as u8 == level).unwrap(),
            text,
        });
        prop_oneof![
            any::<u64>().prop_map(|id| News::Ready(SourceId(id))),
            any::<u64>().prop_map(|id| News::Ended(SourceId(id))),
            say,
            Just(News::Served),
            Just(News::Finished)
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_what_is_heard_and_nothing_less(order in orders(), news in news()) {
            let mut bytes = Vec::new();
            order.encode(&mut bytes);
            prop_assert_eq!(Order::decode(&bytes), Some(order));
            let all = bytes.len();
            for cut in 0..all {
                prop_assert_eq!(Order::decode(&bytes[..cut]), None);
            }
            bytes.push(0);
            prop_assert_eq!(Order::decode(&bytes), None);
            bytes.clear();
            news.encode(&mut bytes);
            prop_assert_eq!(News::decode(&bytes), Some(news));
        }

        #[test]
        fn bytes_that_say_nothing_do_no_harm(
            kind in 0_u8..6,
            mut bytes in proptest::collection::vec(any::<u8>(), 0..99),
        ) {
            bytes.insert(0, kind);
            let mut again = Vec::new();
            if let Some(order) = Order::decode(&bytes) {
                order.encode(&mut again);
                prop_assert_eq!(&again, &bytes);
                again.clear();
            }
            if let Some(news) = News::decode(&bytes) {
                news.encode(&mut again);
                prop_assert_eq!(&again, &bytes);
            }
        }
    }
}
