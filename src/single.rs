//! The plan of `lastout -- COMMAND`: one program named after the command, never
//! restarted, whose end ends the container. After this there is no difference to a
//! configuration (PID-1).

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

use lastout_core::{Forward, Meaning, ProgramId, ProgramSpec, Scope, Signal, SignalTable, Spec};

use crate::plan::{Launch, Plan};

/// What the command line says of the command.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The command and its arguments; not empty.
    pub argv: Vec<OsString>,
    /// `-g`.
    pub group: bool,
    /// `-r FROM:TO`; no TO: dropped.
    pub rewrites: Vec<(Signal, Option<Signal>)>,
    /// `-e`.
    pub expected_codes: Vec<u8>,
    /// `--stop-timeout`.
    pub stop_timeout: Option<Duration>,
    /// `--strict`.
    pub strict: bool,
}

/// The plan of one command.
#[must_use]
pub fn plan(command: &Command, seed: u64) -> Plan {
    let main = ProgramId(0);
    let mut signals = SignalTable::forwarding(main);
    for (from, to) in &command.rewrites {
        if let Meaning::Forward(forward) = signals.meaning(*from) {
            signals.set(
                *from,
                Meaning::Forward(Forward {
                    signal: *to,
                    ..forward
                }),
            );
        }
    }
    let program = program(command, name(&command.argv));
    let spec = Spec {
        signals,
        stop_timeout: command.stop_timeout,
        main: Some(main),
        expected_codes: command.expected_codes.clone(),
        strict: command.strict,
        seed,
        ..Spec::new(vec![program])
    };
    Plan {
        spec,
        launches: vec![launch(&command.argv)],
        warnings: Vec::new(),
        face: None,
        control: None,
    }
}

/// The command as a program.
#[must_use]
pub fn program(command: &Command, name: String) -> ProgramSpec {
    let scope = if command.group {
        Scope::Group
    } else {
        Scope::Leader
    };
    ProgramSpec {
        stop_scope: scope,
        forward_scope: scope,
        ..ProgramSpec::command(name)
    }
}

/// How the command is launched: with exactly what lastout was started with (PID-8).
#[must_use]
pub fn launch(argv: &[OsString]) -> Launch {
    let argv = argv.iter();
    let argv = argv.filter_map(|arg| CString::new(arg.as_bytes()).ok());
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
        CString::new(OsString::from_vec(entry).into_vec()).ok()
    });
    Launch::as_started(argv.collect(), environment.collect())
}

/// The last part of the command's path.
fn name(argv: &[OsString]) -> String {
    let command = argv.first().map_or(OsStr::new(""), OsString::as_os_str);
    let name = Path::new(command).file_name().unwrap_or(command);
    name.to_string_lossy().into_owned()
}
