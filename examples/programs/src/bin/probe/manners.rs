//! How one process takes signals, and how it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::signals::{self, Arrived, Set};
use lastout_example_programs::{fail, process, say};

/// Says each signal it gets, real-time ones as often as they come, until a TERM.
pub(crate) fn signals(mut arguments: Arguments) {
    let until = arguments.count("--until", u64::MAX);
    let only_totals = arguments.flag("--only-totals");
    let with_sender = arguments.flag("--with-sender");
    let last = arguments.signal("--ends-on", libc::SIGTERM);
    arguments.finish();

    signals::set_mask(Set::ALL);
    say("signals: ready");
    let mut totals: BTreeMap<i32, u64> = BTreeMap::new();
    for _ in 0..until {
        let Some(arrived) = signals::wait(Set::ALL, None) else {
            break;
        };
        *totals.entry(arrived.number).or_default() += 1;
        if !only_totals {
            say(&told(arrived, with_sender));
        }
        if arrived.number == last {
            break;
        }
    }
    for (number, count) in totals {
        say(&format!("total {} {count}", signals::name(number)));
    }
    say("signals: end");
}

fn told(arrived: Arrived, with_sender: bool) -> String {
    let name = signals::name(arrived.number);
    if with_sender {
        format!("got {name} code {} from {}", arrived.code, arrived.sender)
    } else {
        format!("got {name}")
    }
}

/// Exits with a code, now or after a while.
pub(crate) fn exit(mut arguments: Arguments) {
    let after = arguments.duration("--after", Duration::ZERO);
    let code = arguments.first("a code");
    arguments.finish();
    let Ok(code) = code.parse() else {
        fail(2, &format!("probe exit: {code} is no number"));
    };
    std::thread::sleep(after);
    process::exit(code)
}

/// Dies of a signal.
pub(crate) fn kill_self(mut arguments: Arguments) {
    let text = arguments.first("a signal");
    arguments.finish();
    let Some(number) = signals::number(&text) else {
        fail(2, &format!("probe kill-self: {text} is no signal"));
    };
    signals::ignore(number, false);
    signals::set_mask(Set::NONE);
    let _ = signals::send(process::id(), number);
    fail(3, &format!("probe kill-self: survived {text}"));
}

/// Stops itself, and then says what made it go on.
pub(crate) fn stop_self(mut arguments: Arguments) {
    let name = arguments
        .value("--name")
        .unwrap_or_else(|| String::from("stop-self"));
    arguments.finish();
    signals::block(Set::of(libc::SIGTERM));
    say(&format!("{name}: stopping"));
    let _ = signals::send(process::id(), libc::SIGSTOP);
    say(&format!("{name}: went on"));
    signals::wait_for(libc::SIGTERM);
    say(&format!("{name}: got SIGTERM, leaving"));
}

/// How a process with last words behaves.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) name: String,
    pub(crate) signal: i32,
    pub(crate) after: Duration,
    pub(crate) ignores: bool,
    pub(crate) status: i32,
}

impl Manners {
    /// Takes --name, --signal, --after, --ignore-term, --exit.
    pub(crate) fn from(arguments: &mut Arguments, name: &str) -> Self {
        Manners {
            name: arguments
                .value("--name")
                .unwrap_or_else(|| String::from(name)),
            signal: arguments.signal("--signal", libc::SIGTERM),
            after: arguments.duration("--after", Duration::ZERO),
            ignores: arguments.flag("--ignore-term"),
            status: arguments.count("--exit", 0) as i32,
        }
    }

    /// The arguments from which [`Manners::from`] makes the same again.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut words = vec![
            String::from("--name"),
            self.name.clone(),
            String::from("--signal"),
            self.signal.to_string(),
            String::from("--after"),
            format!("{}us", self.after.as_micros()),
            String::from("--exit"),
            self.status.to_string(),
        ];
        if self.ignores {
            words.push(String::from("--ignore-term"));
        }
        words
    }

    /// Says ready, waits to be told, says the last words, leaves; or stays, if that is
    /// its manner. Everything is blocked, so that no other signal ends it.
    pub(crate) fn live(&self) -> ! {
        signals::set_mask(Set::ALL);
        say(&format!("{}: ready", self.name));
        loop {
            let Some(arrived) = signals::wait(Set::ALL.without(libc::SIGCHLD), None) else {
                process::exit(70);
            };
            let signal = signals::name(arrived.number);
            if arrived.number != self.signal {
                say(&format!("{}: got {signal}", self.name));
            } else if self.ignores {
                say(&format!("{}: got {signal}, staying", self.name));
            } else {
                say(&format!("{}: got {signal}, leaving", self.name));
                break;
            }
        }
        std::thread::sleep(self.after);
        process::exit(self.status)
    }
}

/// The plain thing: a process with last words.
pub(crate) fn last_words(mut arguments: Arguments) {
    let manners = Manners::from(&mut arguments, "last-words");
    arguments.finish();
    manners.live()
}
