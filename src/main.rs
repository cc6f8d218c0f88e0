//! The program `lastout`: which mode, which exit status. What it is made of is in the
//! library; here is only the way in and out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(lastout::run())
}
