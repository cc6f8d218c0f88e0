//! What becomes of a program whose life has ended: the verdict, and the pause before
//! the next life. Pure functions of what the program is and how it went.

use core::time::Duration;

use crate::{Autorestart, End, ExitStatus, FatalReason, Kind, ProgramSpec, Retries, Time};

/// The first pause after the machine, and not the program, made a start fail.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest such pause (PID-10: seconds at most).
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What becomes of a program whose life has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It has ended for good, as it should.
    EndedWell,
    /// It has ended for good, and not as it should.
    EndedBadly,
    /// It lives again, after a pause.
    Again,
    /// It lives again, at once.
    AtOnce,
    /// It lives again, but not before then: the machine was at fault.
    NotBefore(Time),
    /// It was what runs before the command, which runs now.
    Proceed,
    /// It failed to start too often: FATAL.
    GiveUp(FatalReason),
    /// Somebody asked for its end: it is STOPPED.
    Stopped,
}

/// How far a life had come when it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Course {
    /// It ended by itself before it was up.
    Early,
    /// It ended by itself, and had been up.
    Late,
    /// It ended because it was not ready in time.
    NotReady,
    /// What runs before the command failed.
    PreStart,
    /// It was up, and ended because it was not well.
    Unwell,
}

/// Whether this is an end that the program's exit codes list.
pub(crate) fn is_expected(spec: &ProgramSpec, end: End) -> bool {
    match end {
        End::Status(ExitStatus::Code(code)) => spec.exitcodes.contains(&code),
        End::Status(ExitStatus::Signal(_)) | End::NeverRan(_) => false,
    }
}

/// Whether an end is a failed start: it came before the program was up, and was not
/// simply all that the program had to do (RUN-3). A oneshot that does not end as it
/// should has failed however long that took (RUN-5).
pub(crate) fn is_failed_start(spec: &ProgramSpec, course: Course, end: End) -> bool {
    let is_oneshot = spec.kind == Kind::Oneshot;
    let expected = is_expected(spec, end);
    match course {
        Course::Early => !(expected && (is_oneshot || spec.autorestart != Autorestart::Always)),
        Course::Late => is_oneshot && !expected,
        Course::NotReady | Course::PreStart => true,
        Course::Unwell => false,
    }
}

/// Decides what becomes of a program. `failures` counts the failed starts in a row,
/// this one included.
pub(crate) fn judge(spec: &ProgramSpec, course: Course, end: End, failures: u32) -> Verdict {
    if is_failed_start(spec, course, end) {
        return match spec.startretries {
            Retries::Infinite => Verdict::Again,
            Retries::AtMost(most) if failures <= most => Verdict::Again,
            Retries::AtMost(_) => Verdict::GiveUp(match course {
                Course::NotReady => FatalReason::NotReady { failures },
                Course::PreStart => FatalReason::PreStart {
                    failures,
                    last: end,
                },
                Course::Early | Course::Late | Course::Unwell => FatalReason::FailedStarts {
                    failures,
                    last: end,
                },
            }),
        };
    }
    if course == Course::Unwell {
        // Who is restarted for its health's sake has not ended by itself, whatever its
        // end looks like.
        return Verdict::Again;
    }
    match (spec.autorestart, is_expected(spec, end)) {
        (Autorestart::Always, _) | (Autorestart::Unexpected, false) => Verdict::Again,
        (Autorestart::Unexpected | Autorestart::Never, true) => Verdict::EndedWell,
        (Autorestart::Never, false) => Verdict::EndedBadly,
    }
}

/// The pause before a restart: doubled from `backoff` to `backoff_max` with each of
/// the `earlier` restarts in a row, ±10 %.
pub(crate) fn pause(spec: &ProgramSpec, earlier: u32, jitter: &mut Jitter) -> Duration {
    let doubled = spec
        .backoff
        .saturating_mul(1_u32.checked_shl(earlier.min(30)).unwrap_or(1));
    jitter.apply(doubled.min(spec.backoff_max))
}

/// The pause after `earlier` temporary failures in a row, this one not counted.
pub(crate) fn pause_of_machine(earlier: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << earlier.min(10))
        .min(LONGEST_PAUSE)
}

/// Pseudo-random numbers for the jitter, so that what crashed together does not
/// restart together. Seeded: the same seed gives the same pauses.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    /// The next number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `pause`, a tenth less to a tenth more.
    fn apply(&mut self, pause: Duration) -> Duration {
        let per_mille = u32::try_from(self.next() % 201).unwrap_or(100);
        pause.saturating_mul(900 + per_mille) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;

    const EXIT_0: End = End::Status(ExitStatus::Code(0));
    const EXIT_1: End = End::Status(ExitStatus::Code(1));
    const TERMED: End = End::Status(ExitStatus::Signal(Signal::TERM));

    fn program(autorestart: Autorestart) -> ProgramSpec {
        ProgramSpec {
            autorestart,
            ..ProgramSpec::new("p")
        }
    }

    #[test]
    fn a_program_that_was_up_is_judged_by_autorestart_and_exitcodes() {
        for (autorestart, end, verdict) in [
            (Autorestart::Always, EXIT_0, Verdict::Again),
            (Autorestart::Always, EXIT_1, Verdict::Again),
            (Autorestart::Unexpected, EXIT_0, Verdict::EndedWell),
            (Autorestart::Unexpected, EXIT_1, Verdict::Again),
            (Autorestart::Unexpected, TERMED, Verdict::Again),
            (Autorestart::Never, EXIT_0, Verdict::EndedWell),
            (Autorestart::Never, EXIT_1, Verdict::EndedBadly),
        ] {
            assert_eq!(
                judge(&program(autorestart), Course::Late, end, 0),
                verdict,
                "{autorestart:?} {end:?}"
            );
        }
    }

    #[test]
    fn run_3_an_expected_exit_before_running_is_a_failed_start_only_with_always() {
        assert_eq!(
            judge(&program(Autorestart::Unexpected), Course::Early, EXIT_0, 0),
            Verdict::EndedWell
        );
        assert_eq!(
            judge(&program(Autorestart::Never), Course::Early, EXIT_0, 0),
            Verdict::EndedWell
        );
        assert!(is_failed_start(
            &program(Autorestart::Always),
            Course::Early,
            EXIT_0
        ));
        assert!(is_failed_start(
            &program(Autorestart::Never),
            Course::Early,
            EXIT_1
        ));
    }

    #[test]
    fn run_5_a_oneshot_that_fails_late_has_failed_to_start_and_one_that_is_done_has_not() {
        let oneshot = |autorestart| ProgramSpec {
            kind: Kind::Oneshot,
            ..program(autorestart)
        };
        for autorestart in [Autorestart::Unexpected, Autorestart::Never] {
            let spec = oneshot(autorestart);
            assert!(is_failed_start(&spec, Course::Late, EXIT_1));
            assert_eq!(judge(&spec, Course::Late, EXIT_1, 3), Verdict::Again);
            assert_eq!(judge(&spec, Course::Early, EXIT_0, 0), Verdict::EndedWell);
            assert_eq!(judge(&spec, Course::Late, EXIT_0, 0), Verdict::EndedWell);
        }
        let spec = oneshot(Autorestart::Always);
        assert!(!is_failed_start(&spec, Course::Early, EXIT_0));
        assert_eq!(judge(&spec, Course::Early, EXIT_0, 0), Verdict::Again);
    }

    #[test]
    fn ready_4_whatever_the_end_looks_like_who_was_not_ready_has_failed_to_start() {
        let spec = program(Autorestart::Unexpected);
        assert_eq!(judge(&spec, Course::NotReady, EXIT_0, 1), Verdict::Again);
        assert_eq!(
            judge(&spec, Course::NotReady, EXIT_0, 4),
            Verdict::GiveUp(FatalReason::NotReady { failures: 4 })
        );
    }

    #[test]
    fn health_1_who_is_not_well_is_started_again_whatever_autorestart_says() {
        for autorestart in [
            Autorestart::Never,
            Autorestart::Unexpected,
            Autorestart::Always,
        ] {
            let spec = program(autorestart);
            assert_eq!(judge(&spec, Course::Unwell, EXIT_0, 0), Verdict::Again);
        }
    }

    #[test]
    fn the_fourth_failed_start_of_three_retries_is_the_last() {
        let spec = program(Autorestart::Unexpected);
        assert_eq!(judge(&spec, Course::Early, EXIT_1, 3), Verdict::Again);
        let reason = FatalReason::FailedStarts {
            failures: 4,
            last: EXIT_1,
        };
        assert_eq!(
            judge(&spec, Course::Early, EXIT_1, 4),
            Verdict::GiveUp(reason)
        );
        let endless = ProgramSpec {
            startretries: Retries::Infinite,
            ..spec
        };
        assert_eq!(
            judge(&endless, Course::Early, EXIT_1, 4_000_000),
            Verdict::Again
        );
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum_with_a_tenth_of_jitter() {
        let spec = program(Autorestart::Always);
        let mut jitter = Jitter::new(7);
        for (earlier, seconds) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (4, 16),
            (5, 30),
            (40, 30),
            (u32::MAX, 30),
        ] {
            for _ in 0..100 {
                let pause = pause(&spec, earlier, &mut jitter);
                let middle = Duration::from_secs(seconds);
                assert!(
                    pause >= middle * 9 / 10 && pause <= middle * 11 / 10,
                    "{earlier} {pause:?}"
                );
            }
        }
    }

    #[test]
    fn pid_10_pauses_after_the_machines_failures_are_seconds_at_most() {
        assert_eq!(pause_of_machine(0), Duration::from_millis(100));
        assert_eq!(pause_of_machine(1), Duration::from_millis(200));
        assert_eq!(pause_of_machine(u32::MAX), Duration::from_secs(5));
    }
}
