//! The client of the control socket: every subcommand against a real lastout, its exit
//! statuses, what it says when nobody answers, and completions.

use std::process::{Command, Output, Stdio};

use lastout_harness::configuration::Configuration;
use lastout_harness::{binaries, must};

mod acts;
mod alone;
mod asks;
mod completions;
mod engine;
mod logs;
mod readme;

/// What a command said, and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// `lastout WORDS…`, to a run of this configuration.
fn lastout(configuration: &Configuration, words: &[&str]) -> Said {
    run(command(words).env("LASTOUT_SOCKET", configuration.socket()))
}

/// `lastout WORDS…`, still to be started, with no environment but PATH.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(binaries::lastout());
    command.args(words).env_clear().env("PATH", "/usr/bin:/bin");
    command
}

#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn run(command: &mut Command) -> Said {
    let output: Output = must(command.stdin(Stdio::null()).output(), "start the client");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

impl Said {
    /// That it ended like that, and said nothing on stderr; what it said on stdout.
    #[track_caller]
    fn expect(self, code: i32) -> String {
        assert_eq!((self.code, self.err.as_str()), (code, ""), "{}", self.out);
        self.out
    }

    /// That it was refused with this one line, and nothing on stdout.
    #[track_caller]
    fn expect_refusal(self, code: i32, line: &str) {
        let said = (self.code, self.out.as_str(), self.err.as_str());
        assert_eq!(said, (code, "", format!("{line}\n").as_str()));
    }
}

/// A text in which every time that differs from run to run is 0.
fn timeless(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let without = words.map(|word| match word.trim_end().split_once('.') {
        Some((whole, rest)) if whole.parse::<u32>().is_ok() && rest.parse::<u32>().is_ok() => {
            word.replace(word.trim_end(), "0")
        }
        Some(_) | None => word.to_owned(),
    });
    without.collect()
}
