//! PostgreSQL, a migration that needs it, and an app that needs both.

use std::path::Path;

use lastout_harness::recipe::{Played, Recipe};
use lastout_harness::{must, wait_until};

use crate::{assert_in_order, kill, leader_of, stop};

const DATA: &str = "/var/lib/postgresql/data";

#[test]
fn ready_1_dep_1_stop_4_the_app_has_its_database_from_its_first_word_to_its_last() {
    let data = must(tempfile::tempdir(), "make a folder");
    let mut played = play(data.path());
    played.run.wait_for_line("app: here, events so far: 1");
    assert_in_order(
        &played,
        &[
            "db: started",
            "db: ready",
            "migrate: started",
            "migrate: done",
            "app: started",
        ],
    );
    assert_eq!(sql(&played, "SELECT what FROM events"), "start\n");

    stop(&mut played);
    assert_in_order(
        &played,
        &[
            "app: told SIGTERM",
            "app: left after",
            "db: told SIGINT",
            "db: left after",
        ],
    );
    let lines = played.run.lines();
    lines.wait_for("app: wrote its last words");
    lines.wait_for("received fast shutdown request");
    lines.wait_for("database system is shut down");

    // The last words are there, and the database finds nothing to repair.
    let mut played = play(data.path());
    played.run.wait_for_line("app: here, events so far: 3");
    played.run.wait_for_line("database system was shut down at");
    assert!(!played.run.lines().has("not properly shut down"));
    stop(&mut played);
}

#[test]
fn stop_3_dep_1_a_postmaster_that_was_killed_starts_anew_without_its_orphans_while_the_app_stays() {
    let data = must(tempfile::tempdir(), "make a folder");
    let mut played = play(data.path());
    played.run.wait_for_line("app: here, events so far: 1");
    let app = leader_of(&played, "app");
    // Who only waits notices that the postmaster is gone. Who computes goes on, and no new
    // one starts beside him.
    let endless = "DO 'BEGIN LOOP END LOOP; END'";
    let mut client = played.begin(&psql(endless));
    let is_active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'";
    wait_until("somebody computes", || sql(&played, is_active) == "2\n");

    kill(leader_of(&played, "postgres"));
    let ended = must(client.wait(), "psql");
    assert!(!ended.success(), "whose query was endless");
    played.run.lines().wait_for_times("db: ready", 2);
    assert_eq!(sql(&played, "SELECT what FROM events"), "start\n");
    let lines = played.run.lines();
    lines.wait_for("automatic recovery in progress");
    // What it says of children of its predecessor that are still at the data.
    assert!(!lines.has("still in use"), "{}", lines.text());
    assert_eq!(leader_of(&played, "app"), app);
    stop(&mut played);
}

#[test]
fn dep_2_exit_2_a_migration_that_fails_keeps_the_app_from_starting_and_ends_the_container() {
    let data = must(tempfile::tempdir(), "make a folder");
    let mut played = Recipe::of("postgres-app")
        .volume(data.path(), DATA)
        .file("migrate.sql", "SELECT nonsense;")
        .play(&[]);
    // psql's status when a script fails.
    assert_eq!(played.run.wait(), 3);
    let lines = played.run.lines();
    assert!(!lines.has("app: started"), "{}", lines.text());
    lines.wait_for("database system is shut down");
    assert!(lines.has("everybody left"), "{}", lines.text());
}

fn play(data: &Path) -> Played {
    Recipe::of("postgres-app").volume(data, DATA).play(&[])
}

fn psql(query: &str) -> [&str; 6] {
    let host = "--host=/run/postgresql";
    ["psql", host, "--username=app", "postgres", "-qAtc", query]
}

/// What the app's own user gets for this query.
fn sql(played: &Played, query: &str) -> String {
    played.exec(&psql(query))
}
