//! The documents speak of what is there: the tests that docs/kernel.md names exist, and
//! docs/cli.md and README.md know every option of the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lastout::client::verbs::{ASKING, COMMANDS};
use lastout_harness::{binaries, must, namespace};

#[test]
fn every_test_that_the_facts_name_exists() {
    let facts = read("docs/kernel.md");
    let named: Vec<&str> = facts
        .lines()
        .filter_map(|line| line.trim_end().strip_suffix("` |")?.rsplit('`').next())
        .collect();
    assert!(named.len() > 10, "the table was not found: {named:?}");
    let sources = sources(&root());
    for name in named {
        let definition = format!("fn {name}()");
        assert!(
            sources.iter().any(|source| source.contains(&definition)),
            "docs/kernel.md names {name}, which is no test"
        );
    }
}

#[test]
fn the_manual_of_the_command_line_has_every_option() {
    let manual = read("docs/cli.md");
    let mut run = namespace::run(&["--help"]);
    assert_eq!(run.wait(), 0);
    run.lines().wait_for_end();
    let help = run.lines().text();
    let words = help.split(|c: char| c.is_whitespace() || c == ',');
    let options: Vec<&str> = words
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.starts_with('-') && word.len() > 1 && *word != "--")
        .collect();
    assert!(
        options.len() > 15,
        "the options were not found: {options:?}"
    );
    for option in options {
        // `-v` is said once where help says it with its long form.
        if option != "--verbose" && option != "--quiet" {
            assert!(
                manual.contains(option),
                "docs/cli.md does not know {option}"
            );
        }
    }
}

#[test]
fn the_manual_of_the_command_line_has_every_subcommand_and_its_options() {
    let manual = read("docs/cli.md");
    for command in COMMANDS {
        let name = command.name;
        let row = manual
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}")));
        let Some(row) = row else {
            panic!("docs/cli.md does not know {name}");
        };
        for opt in command.options {
            let long = format!("--{}", opt.long);
            assert!(
                row.contains(&long),
                "docs/cli.md does not know {name} {long}"
            );
        }
        assert!(
            row.starts_with(&format!(
                "| `{name}{}",
                command.operands.shown().replace('|', "\\|")
            )),
            "{row}"
        );
    }
    for opt in ASKING {
        assert!(manual.contains(&format!("`--{}", opt.long)), "{}", opt.long);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block")]
fn the_manual_pages_have_every_subcommand_and_every_section() {
    let script = root().join("scripts/man");
    let made = Command::new(script).arg(binaries::lastout()).output();
    let made = must(made, "scripts/man");
    assert!(made.status.success(), "{made:?}");
    let page = read("target/man/lastout.1");
    assert!(page.starts_with(".TH LASTOUT 1 "), "{page}");
    for command in COMMANDS {
        let entry = format!(".TP\n\\fB{}", command.name);
        assert!(page.contains(&entry), "{}", command.name);
    }
    assert!(page.contains(".SH SYNOPSIS\n.nf\nlastout [OPTIONS] "));
    assert!(page.contains(".SS ask a running lastout\n") && !page.contains("\noption\n"));
    // What is shown as it is fits on 80 columns, with the margin of a page.
    for printed in page.split(".nf\n").skip(1) {
        for line in printed.lines().take_while(|line| *line != ".fi") {
            let shown = line.replace('\\', "");
            assert!(shown.chars().count() <= 73, "{line}");
        }
    }
    let page = read("target/man/supervisor.toml.5");
    for section in read("docs/config.md").lines() {
        if let Some(title) = section.strip_prefix("## ").filter(|it| !it.contains('`')) {
            let title = title.to_uppercase().replace('-', "\\-");
            assert!(page.contains(&format!(".SH {title}\n")), "{title}");
        }
    }
}

#[test]
fn what_the_readme_points_at_is_there() {
    let readme = read("README.md");
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for link in links {
        assert!(root().join(link).exists(), "README.md points at {link}");
    }
    for script in ["scripts/demo", "scripts/test"] {
        assert!(
            readme.contains(&format!("```sh\n{script}\n```")),
            "{script}"
        );
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    must(fs::read_to_string(root().join(file)), file)
}

/// The text of every Rust file in `src`, `crates` and `tests`.
fn sources(root: &Path) -> Vec<String> {
    let mut folders: Vec<PathBuf> = ["src", "crates", "tests"]
        .map(|folder| root.join(folder))
        .to_vec();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in must(fs::read_dir(&folder), "read a folder") {
            let path = must(entry, "read an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                texts.push(must(fs::read_to_string(&path), "read a source"));
            }
        }
    }
    texts
}
