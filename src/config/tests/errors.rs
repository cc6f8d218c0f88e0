//! What is wrong, word for word. The texts are in keys.txt and files.txt: what is
//! written, `---`, what is told, `=====`.

use super::*;

/// Every wrong value of a key of a program.
const KEYS: &str = include_str!("keys.txt");

/// Whole files with something wrong in them.
const FILES: &str = include_str!("files.txt");

fn cases(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let cases = text.split("\n=====\n").filter(|case| !case.is_empty());
    cases.map(|case| case.split_once("\n---\n").unwrap())
}

#[test]
fn every_wrong_value_is_told_with_place_and_hint() {
    for (key, expected) in cases(KEYS) {
        let command = match key.starts_with("command") {
            true => "",
            false => "command = 'true'\n",
        };
        let text = format!("[program.a]\n{command}{key}\n");
        let told = Folder::new(&text).load().unwrap_err();
        assert_eq!(told, expected, "\n{key}\n---\n{told}\n=====");
    }
}

#[test]
fn every_wrong_file_is_told_with_place_and_hint() {
    for (text, expected) in cases(FILES) {
        let told = Folder::new(text).load().unwrap_err();
        assert_eq!(told, expected, "\n{text}\n---\n{told}\n=====");
    }
}

#[test]
fn no_key_takes_every_type() {
    for key in keys::PROGRAM {
        for section in ["[defaults]", "[program.a]"] {
            let text = format!("{section}\n{key} = 1979-05-27\n[program.b]\ncommand = 'b'\n");
            let told = Folder::new(&text).load().unwrap_err();
            let expected = format!("`{key}` in {section}: expected ");
            assert!(told.contains(&expected), "{told}");
            assert!(told.contains("found a date"), "{told}");
        }
    }
    let of_supervisor = keys::SUPERVISOR.map(|key| ("[supervisor]", key));
    let of_control = keys::CONTROL.map(|key| ("[control]", key));
    for (section, key) in of_supervisor.into_iter().chain(of_control) {
        let text = format!("{section}\n{key} = 1979-05-27\n");
        let told = Folder::new(&text).load().unwrap_err();
        assert!(told.contains("found a date"), "{told}");
    }
}

#[test]
fn an_error_of_the_defaults_is_told_once() {
    let text = "[defaults]\npriority = 'x'\nuser = '${NOPE}'\n\
                [program.a]\ncommand = 'a'\n[program.b]\ncommand = 'b'\n";
    let told = Folder::new(text).load().unwrap_err();
    assert_eq!(
        told.matches("`priority` in [defaults]").count(),
        1,
        "{told}"
    );
    assert_eq!(told.matches("`user` in [defaults]").count(), 1, "{told}");
    let unused = "[defaults]\npriority = 'x'\n[program.a]\ncommand = 'a'\npriority = 1\n";
    let told = Folder::new(unused).load().unwrap_err();
    assert!(told.contains("`priority` in [defaults]"), "{told}");
}

#[test]
fn the_name_of_the_command_is_taken() {
    let text = "[program.main]\ncommand = 'a'\nstdin = 'inherit'\n";
    let options = plans::with_command();
    let told = Folder::new(text).load_with(&[], options).unwrap_err();
    assert_eq!(
        told,
        "supervisor.toml:1:10: the name `main` is that of the command on the command line\n  \
         | [program.main]\n  |          ^^^^\n\n\
         supervisor.toml:3:9: `main` cannot have lastout's stdin\n  \
         | stdin = 'inherit'\n  |         ^^^^^^^^^\n  \
         the command on the command line (`main`) has it"
    );
    assert!(Folder::new(text).load().is_ok());
}

#[test]
fn names_have_64_characters_at_most() {
    let named = |name: &str| Folder::new(&format!("[program.'{name}']\ncommand = 'a'\n")).load();
    assert!(named(&"x".repeat(64)).is_ok());
    assert!(named("A-z_0.9").is_ok());
    let told = named(&"x".repeat(65)).unwrap_err();
    assert!(told.contains("longer than 64 characters"), "{told}");
    for name in ["", "é", "a:b", "a/b"] {
        let told = named(name).unwrap_err();
        assert!(told.contains("is not a program's"), "{told}");
    }
}

#[test]
fn variables_that_win_are_checked() {
    let variables = [("LASTOUT_LOG", "loud"), ("LASTOUT_STOP_TIMEOUT", "x")];
    let folder = Folder::new("[program.a]\ncommand = 'a'\n");
    let told = folder
        .load_with(&variables, Options::default())
        .unwrap_err();
    assert_eq!(
        told,
        "$LASTOUT_LOG: unknown level `loud`; valid: error, warn, info, debug, trace\n\n\
         $LASTOUT_STOP_TIMEOUT: not a duration; a number of seconds (10, 0.5) or a string \
         (\"500ms\", \"1m30s\", \"1h\", \"2d\")"
    );
}

#[test]
fn a_file_without_a_program_needs_a_command() {
    let folder = Folder::new("# nothing\n");
    assert_eq!(
        folder.load().unwrap_err(),
        "supervisor.toml: there is no program in it\n  [program.NAME] with a `command` is one"
    );
    assert!(folder.load_with(&[], plans::with_command()).is_ok());
}

#[test]
fn users_that_cannot_be_told_are_no_error() {
    let folder = Folder::new("[program.a]\ncommand = 'a'\nuser = 'nobody-knows:them'\n");
    let surroundings = Surroundings {
        environment: &Environment::default(),
        accounts: &UnknownAccounts,
        has_terminal: false,
    };
    let path = folder.0.path().join("supervisor.toml");
    assert!(load(&path, surroundings, Options::default()).is_ok());
}
