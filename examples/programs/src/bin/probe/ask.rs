//! A client of a control socket, as any user.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use lastout_example_programs::arguments::Arguments;
use lastout_example_programs::{fail, say};

/// Sends one line after the other, and tells the answer to each.
pub(crate) fn ask(mut arguments: Arguments) {
    let path = arguments.first("a socket");
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) => fail(1, &format!("cannot connect to {path}: {error}")),
    };
    let mut answers = BufReader::new(&stream);
    while let Some(line) = arguments.another() {
        // Who is refused has it said before he asks.
        let _ = (&stream).write_all(format!("{line}\n").as_bytes());
        let mut answer = String::new();
        match answers.read_line(&mut answer) {
            Ok(0) | Err(_) => return say("closed"),
            Ok(_) => say(answer.trim_end()),
        }
    }
}
