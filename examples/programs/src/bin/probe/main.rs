//! One program that does whatever a test of an init needs done inside of a container
//! without a shell: it tells what it was started with and which signals it gets, and
//! it misbehaves in every way that an init has to cope with.
//!
//! ```text
//! probe signals [--until N] [--only-totals] [--with-sender] [--ends-on QUIT]
//! probe state [--stay]
//! probe exit CODE [--after 500ms]
//! probe well [--every 300ms]
//! probe kill-self SIGNAL
//! probe stop-self [--name N]
//! probe last-words [--name N] [--signal S] [--after D] [--ignore-term] [--exit CODE]
//! probe daemon [the options of last-words] [--uid N] [--keep-environment] [--stay]
//! probe family [--after D] [--signal S] [--leader-leaves]
//! probe orphans N [--at-once K] [--stay]
//! probe forks N [--stay]
//! probe hydra [--heads N] [--every 1ms] [--for 60s] [--sessions]
//! probe fill [--bytes N] [--stream stderr] [--nonblocking]
//! probe eat-memory BYTES
//! probe notify [--name N] STEP...
//! probe serve [--listen 127.0.0.1:8080] [--status FILE]
//! probe send SIGNAL PID [COUNT] [--queue VALUE]
//! probe ask SOCKET LINE...
//! probe zombies [--until-none]
//! probe launch [--open FD:PATH]... [--close FD]... [--ignore SIGNAL]... [--block SIGNAL]... [--nofile N]
//!              [--nproc N] [--uid N] [--directory D] [--umask N] [--clear-environment]
//!              [--mount-proc] [--own-run] [--hide DIRECTORY]... [--bind FILE:PLACE]... [--own-network]
//!              [--root DIRECTORY] [--zombie]
//!              -- COMMAND...
//! probe parent [--bystander] -- COMMAND...
//! ```
//!
//! There is no Rust runtime before `main`: it would open closed descriptors 0 to 2
//! and ignore SIGPIPE, and `state` would tell lies.

#![no_main]

mod ask;
mod crowd;
mod flood;
mod launch;
mod manners;
mod notify;
mod serve;
mod state;
mod well;

use std::ffi::CStr;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, process};

/// What the C library calls.
// SAFETY: nothing else in this binary is called main.
#[unsafe(no_mangle)]
extern "C" fn main(count: i32, values: *const *const libc::c_char) -> i32 {
    let mut words = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: the C library passes `count` pointers to strings that live as long as
        // the process.
        let word = unsafe { CStr::from_ptr(*values.add(index)) };
        words.push(word.to_string_lossy().into_owned());
    }
    let mut arguments = Arguments::new(words);
    let verb = arguments.first("a verb");
    match verb.as_str() {
        "signals" => manners::signals(arguments),
        "state" => state::state(arguments),
        "exit" => manners::exit(arguments),
        "well" => well::well(arguments),
        "kill-self" => manners::kill_self(arguments),
        "stop-self" => manners::stop_self(arguments),
        "last-words" => manners::last_words(arguments),
        "daemon" => crowd::daemon(arguments),
        "family" => crowd::family(arguments),
        "orphans" => crowd::orphans(arguments),
        "forks" => crowd::forks(arguments),
        "hydra" => crowd::hydra(arguments),
        "fill" => flood::fill(arguments),
        "eat-memory" => flood::eat_memory(arguments),
        "notify" => notify::notify(arguments),
        "serve" => serve::serve(arguments),
        "send" => flood::send(arguments),
        "zombies" => state::zombies(arguments),
        "ask" => ask::ask(arguments),
        "launch" => launch::launch(arguments),
        "parent" => launch::parent(arguments),
        _ => fail(2, &format!("probe: does not know {verb}")),
    }
    process::exit(0)
}
