//! A program that leaves when it is asked to: the good citizen.
//!
//! ```text
//! leaves-on-term [--name web] [--signal QUIT] [--after 500ms] [--exit 0]
//! ```
//!
//! It says `NAME: ready` when it can be asked, and `NAME: got SIGTERM, leaving` as its
//! last words. `--after` is how long it then takes to finish its work.

use std::time::Duration;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{process, say, signals};

fn main() {
    let mut arguments = Arguments::of_this_process();
    let name = arguments
        .value("--name")
        .unwrap_or_else(|| String::from("leaves-on-term"));
    let signal = arguments.signal("--signal", libc::SIGTERM);
    let after = arguments.duration("--after", Duration::ZERO);
    let status = arguments.count("--exit", 0);
    arguments.finish();

    // From here on the signal does not kill: it waits until it is asked for.
    signals::block(signals::Set::of(signal));
    say(&format!("{name}: ready"));

    signals::wait_for(signal);
    say(&format!("{name}: got {}, leaving", signals::name(signal)));

    // What a real server would do now: finish its requests, write its state.
    std::thread::sleep(after);
    process::exit(status as i32);
}
