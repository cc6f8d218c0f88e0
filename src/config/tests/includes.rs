//! Configurations of more than one file.

use super::*;

fn names(loaded: &Loaded) -> Vec<&str> {
    let programs = loaded.plan.spec.programs.iter();
    programs.map(|program| program.name.as_str()).collect()
}

fn program(name: &str) -> Vec<u8> {
    format!("[program.{name}]\ncommand = 'true'\n").into_bytes()
}

#[test]
fn included_files_follow_the_main_file_sorted_by_name() {
    let folder = Folder::new("include = ['conf.d/*.toml', 'last']\n[program.z]\ncommand = 'true'");
    folder.write("conf.d/20.toml", &program("y"));
    folder.write("conf.d/10.toml", &program("x"));
    folder.write("conf.d/.hidden.toml", b"no toml");
    folder.write("conf.d/10.toml.bak", b"no toml");
    folder.write("last", &program("a"));
    assert_eq!(names(&folder.load().unwrap()), ["z", "x", "y", "a"]);
}

#[test]
fn defaults_and_signals_hold_across_files() {
    let folder = Folder::new("include = ['*.toml']\n[defaults]\npriority = 7\n");
    folder.write("a.toml", &program("a"));
    folder.write(
        "b.toml",
        b"[signals]\nHUP = 'forward:a'\n[supervisor]\nstop_timeout = 3\n",
    );
    let loaded = folder.load().unwrap();
    assert_eq!(loaded.plan.spec.programs[0].priority, 7);
    assert_eq!(loaded.plan.spec.stop_timeout, Some(Duration::from_secs(3)));
}

#[test]
fn a_file_that_two_patterns_match_is_taken_once() {
    let folder = Folder::new("include = ['*.toml', 'a*', 'a.toml', './a.toml']\n");
    folder.write("a.toml", &program("a"));
    assert_eq!(names(&folder.load().unwrap()), ["a"]);
}

#[test]
fn a_pattern_without_a_match_is_a_warning() {
    let folder = Folder::new("include = ['${D:-no}/*', 'x?']\n[program.a]\ncommand = 'true'");
    assert_eq!(
        folder.load().unwrap().plan.warnings,
        [
            "supervisor.toml:1:12: `include` in the file: `no/*` matches no file",
            "supervisor.toml:1:26: `include` in the file: `x?` matches no file",
        ]
    );
}

#[test]
fn what_two_files_set_names_both() {
    let twice = "[supervisor]\nlog_level = 'info'\n[signals]\nPWR = 'ignore'\n\
                 [defaults]\nuser = '1'\n[program.a]\ncommand = 'true'\n";
    let folder = Folder::new(&format!("include = ['b']\n{twice}"));
    folder.write("b", twice.as_bytes());
    assert_eq!(
        folder.load().unwrap_err(),
        "b:2:1: `log_level` in [supervisor] is set twice\n  \
         | log_level = 'info'\n  | ^^^^^^^^^\n  the first is at supervisor.toml:3:1\n\n\
         b:4:1: `PWR` in [signals] is set twice\n  \
         | PWR = 'ignore'\n  | ^^^\n  the first is at supervisor.toml:5:1\n\n\
         b:6:1: `user` in [defaults] is set twice\n  \
         | user = '1'\n  | ^^^^\n  the first is at supervisor.toml:7:1\n\n\
         b:7:10: a second program `a`\n  \
         | [program.a]\n  |          ^\n  the first is at supervisor.toml:8:10"
    );
}

#[test]
fn an_included_file_includes_nothing() {
    let folder = Folder::new("include = ['b']\n");
    folder.write("b", b"include = ['c']\n[program.a]\ncommand = 'true'\n");
    assert_eq!(
        folder.load().unwrap_err(),
        "b:1:1: `include` in an included file\n  | include = ['c']\n  | ^^^^^^^\n  \
         only the main file includes others\n  it is supervisor.toml:1:12"
    );
}

#[test]
fn errors_name_the_file_that_they_are_in() {
    let folder = Folder::new("include = ['b', 'c', 'dev', 'utf8']\nx = 1\n");
    folder.write("b", b"[program.a]\ncommand = 'true'\nuser = 1\n");
    folder.write("c", b"= 2\n");
    folder.write("dev/x", b"");
    folder.write("utf8", b"\n\xff");
    let told = folder.load().unwrap_err();
    let lines = told.lines().filter(|line| !line.starts_with(' '));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        [
            "supervisor.toml:1:22: dev: not a regular file, but a directory",
            "supervisor.toml:1:29: utf8:2: not UTF-8",
            "supervisor.toml:2:1: unknown key `x` in the file",
            "b:3:8: `user` in [program.a]: expected a string, found an integer",
            "c:1:1: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`",
        ]
    );
}

#[test]
fn the_main_file_is_named_when_it_cannot_be_read() {
    let folder = Folder::new("");
    fs::remove_file(folder.0.path().join("supervisor.toml")).unwrap();
    assert_eq!(
        folder.load().unwrap_err(),
        "supervisor.toml: cannot read: No such file or directory"
    );
}
