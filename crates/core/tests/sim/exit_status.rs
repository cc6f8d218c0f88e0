//! The container's exit status, worked out a second time: EXIT-1, EXIT-2, EXIT-3.

use lastout_core::{Cause, End, Signal, Spec};

use crate::facts::Stop;
use crate::shadow::{Fate, Life, Shadow};

/// The status that is due when lastout leaves now.
pub(crate) fn exit_status(
    spec: &Spec,
    shadows: &[Shadow],
    stop: &Stop,
    first_failure: Option<End>,
) -> u8 {
    if spec.strict && stop.killed {
        return 137;
    }
    let unless_zero = |end: End| end.as_code().max(1);
    match stop.cause {
        Cause::NotReady(_) | Cause::Unhealthy(_) | Cause::StartupTimeout(_) => 1,
        Cause::NothingLeft => first_failure.map_or(0, unless_zero),
        Cause::Ended(program, end) if spec.main == Some(program) => mapped(spec, end.as_code()),
        Cause::Ended(program, end) => match went_well(&shadows[program.0 as usize]) {
            true => end.as_code(),
            false => unless_zero(end),
        },
        Cause::Requested(Some(code)) => code,
        Cause::Requested(None) => mapped_main(spec, shadows, Signal::TERM),
        Cause::Asked(signal) => mapped_main(spec, shadows, signal),
    }
}

/// The status of the command, if there is one.
fn mapped_main(spec: &Spec, shadows: &[Shadow], signal: Signal) -> u8 {
    let Some(main) = spec.main else { return 0 };
    let shadow = &shadows[main.0 as usize];
    mapped(
        spec,
        match (shadow.last.end, shadow.has_leader()) {
            // It hangs in the kernel, and SIGKILL will end it some day.
            (_, true) => 137,
            // It never ran, so it would have died of the signal that came.
            (None, false) => 128 + signal.number() as u8,
            (Some(End::NeverRan(failure)), false) if failure.is_temporary() => {
                128 + signal.number() as u8
            }
            (Some(end), false) => end.as_code(),
        },
    )
}

fn mapped(spec: &Spec, code: u8) -> u8 {
    match spec.expected_codes.contains(&code) {
        true => 0,
        false => code,
    }
}

fn went_well(shadow: &Shadow) -> bool {
    match &shadow.life {
        Life::Done { well, .. } => *well,
        Life::Alive(run) => {
            let fate = run.then.or(run.leader);
            fate.is_some_and(|(_, fate)| fate == Fate::Well)
        }
        Life::Waiting | Life::Between(..) | Life::Pause(_) | Life::Fatal { .. } => false,
    }
}
