//! `numprocs`.

use lastout_harness::configuration::Configuration;
use lastout_harness::lines::Stream;

use crate::assert_said;

const TELLS: &str = "command = ['sh', '-c', \
    'echo $LASTOUT_PROGRAM .$LASTOUT_INSTANCE. ${LASTOUT_PROGRAM} ${LASTOUT_INSTANCE}; exec PROBE last-words']";

#[test]
fn env_1_each_instance_has_its_name_and_knows_its_number() {
    let file = Configuration::new(&format!(
        "[program.web]\n{TELLS}\nnumprocs = 3\nstartsecs = 0\n"
    ));
    let mut run = file.run_until(&["all programs are up"]);
    run.lines().wait_for_times("last-words: ready", 3);
    for number in 0..3 {
        run.wait_for_line(&format!("lastout: web:{number}: started"));
    }
    let mut said = run.lines().of(Stream::Stdout);
    said.retain(|line| line.starts_with("web"));
    said.sort();
    // The name in the keys is that in the environment.
    for (number, line) in said.iter().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], words[2], "{said:?}");
        assert_eq!(words[1], format!(".{number}."), "{said:?}");
        assert_eq!(words[3], number.to_string(), "{said:?}");
    }
    assert_eq!(said.len(), 3);
    assert_eq!(run.stop(libc::SIGTERM).0, 0);
    for number in 0..3 {
        run.wait_for_line(&format!("web:{number}: told SIGTERM"));
    }
}

#[test]
fn env_1_a_single_one_has_no_number() {
    let file = Configuration::new(&format!("[program.web]\n{TELLS}\n"));
    let run = file.run_until(&["last-words: ready"]);
    assert_said(&run, &["web .. web 0"]);
    run.wait_for_line("lastout: web: started");
}

#[test]
fn who_depends_on_a_program_of_many_waits_for_all_of_its_instances() {
    let file = Configuration::new(
        r#"
        [program.db]
        command = ["sh", "-c", "sleep 0.${LASTOUT_INSTANCE}; systemd-notify --ready; exec PROBE last-words"]
        ready = "notify"
        numprocs = 3
        [program.web]
        command = "PROBE last-words --name web"
        depends_on = ["db"]
        "#,
    );
    let run = file.run_until(&["web: started"]);
    for number in 0..3 {
        let ready = format!("db:{number}: ready");
        run.lines()
            .assert_in_order(Stream::Stderr, &[&ready, "web: started"]);
    }
}
