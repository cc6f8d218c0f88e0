//! What README.md shows of talking to it is what is printed.

use std::path::Path;

use lastout_harness::configuration::Configuration;
use lastout_harness::must;

use super::lastout;

const FILE: &str = r#"
    [defaults]
    startsecs = 0
    [program.cache]
    command = "sleep 1000"
    [program.db]
    command = "sleep 1000"
    ready = { notify = true, start_timeout = 1000 }
    [program.web]
    command = ["sh", "-c", "trap 'sleep 0.2; exit 0' TERM; echo set; while :; do sleep 0.1; done"]
    [program.mailer]
    command = ["sh", "-c", "exit 3"]
    backoff = 1000
    backoff_max = 1000
    startsecs = 1
    [program.report]
    command = "sleep 1000"
    depends_on = ["db"]
"#;

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = must(std::fs::read_to_string(readme), "README.md");
    let (_, section) = readme.split_once("## Talking to it").unwrap();
    let (_, shown) = section.split_once("```\n$ ").unwrap();
    let (shown, _) = shown.split_once("```\n").unwrap();
    let configuration = Configuration::new(FILE);
    let started = ["cache: started", "db: started", "mailer: starts again in"];
    let _run = configuration.run_until(&[&["set"][..], &started].concat());
    for step in shown.split("$ ") {
        let (command, expected) = step.split_once('\n').unwrap();
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let said = lastout(&configuration, &words);
        assert_eq!(said.err, "", "{command}");
        assert_eq!(plain(&said.out), plain(expected), "{command}\n{}", said.out);
    }
}

/// Without what differs from run to run: how far columns are apart, numbers, and their
/// units.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for line in text.lines() {
        for word in line.split_whitespace() {
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            plain.push_str(if is_number { "0" } else { word });
            plain.push(' ');
        }
        plain.push('\n');
    }
    plain.replace("0 min 0 s", "0 s")
}
