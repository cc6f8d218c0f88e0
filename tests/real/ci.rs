//! A CI container: services from a file, tests as the command, their exit status out.

use lastout_harness::recipe::Recipe;

use crate::assert_in_order;

#[test]
fn exit_2_the_tests_run_when_the_services_are_ready_and_their_success_is_the_containers() {
    let mut played = Recipe::of("ci").play(&[]);
    assert_eq!(played.run.wait(), 0, "{}", played.run.lines().text());
    played.run.wait_for_line("test: passed");
    assert_in_order(
        &played,
        &[
            "redis: started",
            "redis: ready",
            "main: started",
            "redis: told SIGTERM",
            "redis: left after",
            "everybody left",
        ],
    );
}

#[test]
fn exit_2_a_test_that_fails_gives_the_container_its_status() {
    let test = "redis-cli PING; exit 3";
    let mut played = Recipe::of("ci").play(&["sh", "-c", test]);
    assert_eq!(played.run.wait(), 3, "{}", played.run.lines().text());
    played.run.wait_for_line("PONG");
    assert!(played.run.lines().has("everybody left"));
}

#[test]
fn exit_2_a_service_that_does_not_come_up_fails_the_run_and_no_test_is_started() {
    let services = "[program.redis]\ncommand = ['redis-server', '--port', 'nonsense']\n\
                    ready = 'notify'\nautorestart = 'never'\nstartretries = 0";
    let mut played = Recipe::of("ci").file("services.toml", services).play(&[]);
    assert_eq!(played.run.wait(), 1, "{}", played.run.lines().text());
    assert!(!played.run.lines().has("main: started"));
}
