//! A program that starts a daemon the old way, and forgets it.
//!
//! ```text
//! forgets-child [--stay] [--signal QUIT] [--after 500ms] [--child-after 200ms]
//! ```
//!
//! The child forks twice and starts a session of its own, so that it is nobody's child
//! but the init's, and no signal to the program or to its process group reaches it.
//! The program leaves at once, or with `--stay` when it is asked to. An init that only
//! passes signals on and then ends takes the child along with SIGKILL, in the middle of
//! whatever it did; a good one tells it too, and the child says
//! `forgotten child: got SIGTERM, leaving`.

use std::time::Duration;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::process::{self, Side};
use lastout_example_programs::{fail, say, signals};

struct Options {
    stays: bool,
    signal: i32,
    after: Duration,
    child_after: Duration,
}

fn main() {
    let mut arguments = Arguments::of_this_process();
    let options = Options {
        stays: arguments.flag("--stay"),
        signal: arguments.signal("--signal", libc::SIGTERM),
        after: arguments.duration("--after", Duration::ZERO),
        child_after: arguments.duration("--child-after", Duration::from_millis(200)),
    };
    arguments.finish();

    // Blocked before the fork: the child inherits the mask, and a signal that comes
    // before it is ready waits for it.
    signals::block(signals::Set::of(options.signal));
    daemonize(&options);

    if options.stays {
        say("forgets-child: ready");
        leave_when_told("forgets-child", options.signal, options.after);
    }
    say("forgets-child: leaving, my child stays behind");
    process::exit(0);
}

/// Forks a child that forks the daemon and leaves, as `daemon(7)` describes it.
fn daemonize(options: &Options) {
    match process::fork() {
        Ok(Side::Parent(pid)) => {
            let _ = process::wait_for_child(pid);
        }
        Ok(Side::Child) => {
            process::leave_session();
            match process::fork() {
                Ok(Side::Parent(_)) => process::exit(0),
                Ok(Side::Child) => {
                    say("forgotten child: ready");
                    leave_when_told("forgotten child", options.signal, options.child_after);
                }
                Err(error) => fail(1, &format!("forgets-child: cannot fork: error {error}")),
            }
        }
        Err(error) => fail(1, &format!("forgets-child: cannot fork: error {error}")),
    }
}

fn leave_when_told(name: &str, signal: i32, after: Duration) -> ! {
    signals::wait_for(signal);
    say(&format!("{name}: got {}, leaving", signals::name(signal)));
    // What a real program would do now: finish its work.
    std::thread::sleep(after);
    process::exit(0)
}
