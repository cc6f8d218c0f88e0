//! A program that does not leave when it is asked to, and has to be killed.
//!
//! ```text
//! ignores-term [--name stubborn]
//! ```
//!
//! It says `NAME: got SIGTERM, staying` each time, and goes on.

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{say, signals};

fn main() {
    let mut arguments = Arguments::of_this_process();
    let name = arguments
        .value("--name")
        .unwrap_or_else(|| String::from("ignores-term"));
    arguments.finish();

    signals::block(signals::Set::of(libc::SIGTERM));
    say(&format!("{name}: ready"));
    loop {
        signals::wait_for(libc::SIGTERM);
        say(&format!("{name}: got SIGTERM, staying"));
    }
}
