//! STOP-1: whoever is born while everybody leaves is told, too.

use crate::{assert_times, run_until};

/// Deaf from its last signal on, a while later leaves a daemon behind and leaves.
const MOTHER: &str = r#"trap \"trap '' TERM; sleep 0.3; PROBE daemon --name newborn; exit 0\" TERM; echo mother: ready; while :; do sleep 0.05; done"#;

#[test]
fn stop_1_who_is_born_by_a_program_that_was_told_is_told() {
    let text = format!(
        "[program.mother]\ncommand = [\"/bin/sh\", \"-c\", \"{MOTHER}\"]\nstopsignal = \"TERM\"\n"
    );
    let (_file, mut run) = run_until(&text, &["mother: ready"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "newborn: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "is killed", 0);
}

#[test]
fn stop_1_who_is_born_by_a_stray_that_was_told_is_told() {
    let text = format!(
        "[program.web]\ncommand = \"PROBE last-words --name web\"\n\
         [program.maker]\ncommand = [\"/bin/sh\", \"-c\", \"({MOTHER}) & exit 0\"]\n\
         leftovers = \"keep\"\nautorestart = \"never\"\nstartsecs = 0\n"
    );
    let (_file, mut run) = run_until(&text, &["mother: ready", "web: ready", "maker: exit 0"]);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    assert_times(run.lines(), "newborn: got SIGTERM, leaving", 1);
    assert_times(run.lines(), "is killed", 0);
}
