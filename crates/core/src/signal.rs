//! Signals by number and by name, as Linux numbers them on x86, ARM, RISC-V and
//! POWER. Real-time signals are named as programs built with glibc know them:
//! RTMIN is 34, whatever the C library of this binary keeps for itself.

use core::fmt;
use core::str::FromStr;

/// A signal number from 1 to 64.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Signal(u8);

/// Why a text is not a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotASignal;

/// The standard signals; the index is the number less one.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Second names that people use.
const ALIASES: [(&str, u8); 4] = [("CLD", 17), ("IOT", 6), ("POLL", 29), ("UNUSED", 31)];

const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

impl Signal {
    /// Hangup.
    pub const HUP: Signal = Signal(1);
    /// Interrupt, Ctrl-C.
    pub const INT: Signal = Signal(2);
    /// Quit, Ctrl-\.
    pub const QUIT: Signal = Signal(3);
    /// Abort.
    pub const ABRT: Signal = Signal(6);
    /// Kill; cannot be caught.
    pub const KILL: Signal = Signal(9);
    /// User-defined 1.
    pub const USR1: Signal = Signal(10);
    /// User-defined 2.
    pub const USR2: Signal = Signal(12);
    /// A pipe without reader.
    pub const PIPE: Signal = Signal(13);
    /// The polite request to end.
    pub const TERM: Signal = Signal(15);
    /// A child ended, stopped or went on.
    pub const CHLD: Signal = Signal(17);
    /// Go on.
    pub const CONT: Signal = Signal(18);
    /// Stop; cannot be caught.
    pub const STOP: Signal = Signal(19);
    /// Ctrl-Z.
    pub const TSTP: Signal = Signal(20);
    /// Read from the terminal while not in front.
    pub const TTIN: Signal = Signal(21);
    /// Wrote to the terminal while not in front.
    pub const TTOU: Signal = Signal(22);
    /// The terminal's size changed.
    pub const WINCH: Signal = Signal(28);
    /// Power failure.
    pub const PWR: Signal = Signal(30);
    /// What systemd takes for "halt", and containers of it for "stop".
    pub const RTMIN_3: Signal = Signal(RTMIN + 3);

    /// The signal of that number, if there is one.
    #[must_use]
    pub const fn new(number: i32) -> Option<Signal> {
        if number >= 1 && number <= RTMAX as i32 {
            Some(Signal(number as u8))
        } else {
            None
        }
    }

    /// Its number, 1 to 64.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// Whether several of them may be pending at once.
    #[must_use]
    pub const fn is_real_time(self) -> bool {
        self.0 > 31
    }

    /// Whether a process may do something else about it than what the kernel says.
    #[must_use]
    pub const fn can_be_caught(self) -> bool {
        self.0 != Signal::KILL.0 && self.0 != Signal::STOP.0
    }

    /// Every signal, in order of number.
    pub fn all() -> impl Iterator<Item = Signal> {
        (1..=RTMAX).map(Signal)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1..=31 => write!(f, "SIG{}", NAMES[usize::from(self.0) - 1]),
            RTMIN => f.write_str("SIGRTMIN"),
            35..=RTMAX => write!(f, "SIGRTMIN+{}", self.0 - RTMIN),
            // 32 and 33 belong to the C library and have no name.
            _ => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Signal {
    type Err = NotASignal;

    /// Reads `TERM`, `SIGTERM`, `sigterm`, `RTMIN`, `RTMIN+3`, `RTMAX-1` or `15`.
    fn from_str(text: &str) -> Result<Signal, NotASignal> {
        if let Ok(number) = text.parse::<u8>() {
            return Signal::new(i32::from(number)).ok_or(NotASignal);
        }
        let name = match text.get(..3) {
            Some(start) if start.eq_ignore_ascii_case("SIG") => &text[3..],
            Some(_) | None => text,
        };
        if let Some(index) = NAMES.iter().position(|n| n.eq_ignore_ascii_case(name)) {
            return Signal::new(index as i32 + 1).ok_or(NotASignal);
        }
        if let Some(alias) = ALIASES.iter().find(|a| a.0.eq_ignore_ascii_case(name)) {
            return Ok(Signal(alias.1));
        }
        real_time(name).ok_or(NotASignal)
    }
}

/// Reads `RTMIN`, `RTMIN+n`, `RTMAX` or `RTMAX-n`.
fn real_time(name: &str) -> Option<Signal> {
    let start = name.get(..5)?;
    let offset = match &name.as_bytes()[5..] {
        [] => 0,
        [b'+' | b'-', b'0'..=b'9', ..] => name[6..].parse::<u8>().ok()?,
        _ => return None,
    };
    let down = name[5..].starts_with('-');
    let number = if start.eq_ignore_ascii_case("RTMIN") && !down {
        RTMIN.checked_add(offset)?
    } else if start.eq_ignore_ascii_case("RTMAX") && (down || offset == 0) {
        RTMAX.checked_sub(offset)?
    } else {
        return None;
    };
    (RTMIN..=RTMAX).contains(&number).then_some(Signal(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_name_is_read_back_as_its_signal() {
        for signal in Signal::all().filter(|s| !(32..=33).contains(&s.number())) {
            assert_eq!(signal.to_string().parse(), Ok(signal), "{signal}");
            assert_eq!(signal.number().to_string().parse(), Ok(signal), "{signal}");
        }
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigterm", 15),
            ("Term", 15),
            ("RTMIN+3", 37),
            ("SIGRTMIN+3", 37),
            ("RTMAX", 64),
            ("RTMAX-1", 63),
            ("9", 9),
            ("CLD", 17),
        ] {
            assert_eq!(
                text.parse::<Signal>().map(Signal::number),
                Ok(number),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for text in [
            "",
            "SIG",
            "0",
            "65",
            "-1",
            "TERMINATE",
            "RTMIN+31",
            "RTMIN-1",
            "RTMAX+1",
            "RTMAX-31",
            "RTMIN+",
            "RTMIN++1",
            "é",
            "SIGé",
            "RTMI\u{e9}",
        ] {
            assert_eq!(text.parse::<Signal>(), Err(NotASignal), "{text}");
        }
    }
}
