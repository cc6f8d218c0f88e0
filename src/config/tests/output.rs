//! Where output goes, and what is doubted about it.

use super::*;
use crate::linux::testing::in_process;
use crate::plan::{Destination, LineFormat, LogFile, Output, Ready, Relayed};
use lastout_core::{Change, Readiness, ReadyBy};
use std::os::unix::fs::symlink;

fn loaded(folder: &Folder) -> Plan {
    let loaded = folder.load();
    loaded.unwrap_or_else(|told| panic!("{told}")).plan
}

fn only(text: &str) -> Launch {
    let text = format!("[program.web]\ncommand = 'sh'\n{text}");
    loaded(&Folder::new(&text)).launches.remove(0)
}

fn own(format: LineFormat) -> Output {
    let to = Destination::Own;
    Output::Relayed(Relayed { format, to })
}

fn file(format: LineFormat, file: LogFile) -> Output {
    let to = Destination::File(file);
    Output::Relayed(Relayed { format, to })
}

/// A file in a folder of its own, as it is written into a configuration.
fn at(folder: &Folder, name: &str) -> String {
    folder.0.path().join(name).to_str().unwrap().to_owned()
}

/// What a configuration is warned of. `DIR` in it stands for its folder.
fn warnings(text: &str) -> Vec<String> {
    let folder = Folder::new("");
    let text = text.replace("DIR", &at(&folder, ""));
    folder.write("supervisor.toml", text.as_bytes());
    loaded(&folder).warnings
}

#[test]
fn log_1_output_is_inherited_unless_something_is_said() {
    let launch = only("");
    let inherited = (Output::Inherit, Output::Inherit);
    assert_eq!((launch.stdout, launch.stderr), inherited);
    let launch = only("stdout = 'inherit'\nstderr = 'stdout'");
    let merged = (Output::Inherit, Output::Stdout);
    assert_eq!((launch.stdout, launch.stderr), merged);
}

#[test]
fn log_2_a_word_is_a_format_of_lastouts_own_output() {
    let launch = only("stdout = 'prefix'\nstderr = 'json'");
    assert_eq!(launch.stdout, own(LineFormat::Prefix));
    assert_eq!(launch.stderr, own(LineFormat::Json));
}

#[test]
fn log_5_a_file_has_its_defaults() {
    let folder = Folder::new("");
    let path = at(&folder, "a.log");
    let launch = only(&format!("stdout = {{ file = '{path}' }}"));
    let expected = LogFile {
        path: path.clone().into(),
        max_size: 50_000_000,
        backups: 10,
        mode: 0o640,
    };
    assert_eq!(launch.stdout, file(LineFormat::Raw, expected.clone()));
    let launch = only(&format!(
        "stderr = {{ file = '{path}', max_size = 0, backups = 0, mode = '0o600', format = 'json' }}"
    ));
    let expected = LogFile {
        max_size: 0,
        backups: 0,
        mode: 0o600,
        ..expected
    };
    assert_eq!(launch.stderr, file(LineFormat::Json, expected));
}

#[test]
fn log_5_the_name_of_a_file_has_the_programs_variables() {
    let folder = Folder::new("");
    let text = format!(
        "[defaults]\nstdout = {{ file = '{}//${{LASTOUT_PROGRAM}}-${{LASTOUT_INSTANCE}}' }}\n\
         [program.a]\ncommand = 'sh'\nnumprocs = 2\n[program.b]\ncommand = 'sh'\n",
        at(&folder, ".")
    );
    folder.write("supervisor.toml", text.as_bytes());
    let plan = loaded(&folder);
    assert_eq!(plan.warnings, [] as [&str; 0]);
    let names = ["a-0", "a-1", "b-0"].map(|name| {
        let path = folder.0.path().join(name);
        file(LineFormat::Raw, LogFile::at(path))
    });
    let outputs = plan.launches.into_iter().map(|launch| launch.stdout);
    assert_eq!(outputs.collect::<Vec<_>>(), names);
}

#[test]
fn log_5_only_a_regular_file_is_written_to_and_no_link_followed() {
    let folder = Folder::new("");
    folder.write("file", b"");
    symlink(at(&folder, "file"), at(&folder, "link")).unwrap();
    symlink("/dev/stdout", at(&folder, "out")).unwrap();
    symlink("/nowhere", at(&folder, "dangling")).unwrap();
    let fifo = folder.0.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let socket = at(&folder, "socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    for (name, what) in [
        ("file", ""),
        ("link", "a link, and links are not followed"),
        ("out", "a link, and links are not followed"),
        ("dangling", "a link, and links are not followed"),
        ("fifo", "a FIFO, not a regular file"),
        ("socket", "a socket, not a regular file"),
        ("", "a directory"),
    ] {
        let path = at(&folder, name);
        // What is made ready before its start is no other.
        for more in ["", "pre_start = 'true'\n"] {
            let path = path.trim_end_matches('/');
            let text = format!("[program.a]\ncommand = 'sh'\n{more}stdout = {{ file = '{path}' }}");
            folder.write("supervisor.toml", text.as_bytes());
            let told = folder.load().map(|_| String::new());
            let told = told.unwrap_or_else(|told| told);
            assert_eq!(told.is_empty(), what.is_empty(), "{name}: {told}");
            assert!(told.contains(what), "{name}: {told}");
        }
    }
}

#[test]
fn a_folder_that_somebody_may_make_need_not_be_there() {
    let file = "stdout = { file = '/nowhere/a.log' }\n";
    for more in ["pre_start = 'mkdir -p /nowhere'\n", "depends_on = ['b']\n"] {
        let text = format!(
            "[program.a]\ncommand = 'sh'\n{file}{more}[program.b]\ncommand = 'sh'\npriority = 1\n"
        );
        assert_eq!(warnings(&text), [] as [&str; 0]);
    }
}

#[test]
fn several_may_write_to_one_file() {
    let folder = Folder::new("");
    for format in ["prefix", "json"] {
        let text = format!(
            "[defaults]\nstdout = {{ file = '{0}', format = '{format}' }}\n\
             stderr = {{ file = '{0}' , format = '{format}'}}\n\
             [program.a]\ncommand = 'sh'\nnumprocs = 3\n[program.b]\ncommand = 'sh'\n",
            at(&folder, "all.log")
        );
        folder.write("supervisor.toml", text.as_bytes());
        assert_eq!(loaded(&folder).warnings, [] as [&str; 0]);
    }
}

#[test]
fn a_folder_under_two_names_is_one() {
    let folder = Folder::new("");
    fs::create_dir(at(&folder, "logs")).unwrap();
    symlink("logs", at(&folder, "link")).unwrap();
    let text = format!(
        "[program.a]\ncommand = 'sh'\nstdout = {{ file = '{0}/logs/a', backups = 1 }}\n\
         stderr = {{ file = '{0}/link/a', backups = 2 }}\n",
        at(&folder, "")
    );
    folder.write("supervisor.toml", text.as_bytes());
    let told = folder.load().unwrap_err();
    assert!(told.contains("with another `backups`"), "{told}");
}

#[test]
fn what_is_doubtful_about_output_is_a_warning() {
    let told = warnings(
        "[program.a]\ncommand = 'sh'\nstdout = 'null'\nstderr = 'stdout'\n\
         [program.b]\ncommand = 'sh'\nstdout = 'prefix'\nstdin = 'inherit'\n\
         [program.c]\ncommand = 'sh'\nstdout = { file = 'DIRc.log', max_size = '1KiB' }\n\
         stderr = { file = '/dev/shm/lastout-c.log' }\n\
         [program.d]\ncommand = 'sh'\nnumprocs = 3\nstdout = { file = 'DIRd.log' }\n\
         stderr = { file = 'DIRd.log' }\n\
         [program.e]\ncommand = 'sh'\nstdout = { file = 'DIRd.log' }\n\
         stderr = { file = 'DIRd.log.10' }\n\
         [program.f]\ncommand = 'sh'\nstdout = { file = 'DIRd.log.11' }\n\
         stderr = { file = 'DIRd.log.01' }\n",
    );
    let expected = [
        "supervisor.toml:4:10: `a`: it goes where `stdout` goes, to /dev/null",
        "supervisor.toml:8:9: `b`: its stdout is no terminal, since it goes through the relay",
        "supervisor.toml:11:19: `stdout.file` in [program.c]: `c.log` is rotated all the time: \
         every 1KiB",
        "supervisor.toml:12:19: `stderr.file` in [program.c]: `/dev/shm/lastout-c.log` is kept in \
         memory",
        "supervisor.toml:16:19: `stdout.file` in [program.d]: to `d.log` all instances of `d` \
         write: with `format = \"prefix\"` each line says whose it is",
        "supervisor.toml:17:19: `stderr.file` in [program.d]: to `d.log` all instances of `d` \
         write: with `format = \"prefix\"` each line says whose it is",
        "supervisor.toml:20:19: `stdout.file` in [program.e]: to `d.log` `d` writes, too: with \
         `format = \"prefix\"` each line says whose it is",
        "supervisor.toml:21:19: `stderr.file` in [program.e]: `d.log.10` is what `d.log` is \
         called when it is rotated",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_file_that_cannot_be_written_to_is_a_warning() {
    let folder = Folder::new("");
    let text = "[program.a]\ncommand = 'sh'\nstdout = { file = '/etc/a.log' }\n\
                stderr = { file = '/etc/passwd' }\n\
                [program.b]\ncommand = 'sh'\npre_start = 'true'\nstdout = { file = '/etc/b.log' }\n";
    folder.write("supervisor.toml", text.as_bytes());
    let path = folder.0.path();
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        path,
        nix::sys::stat::Mode::from_bits_truncate(0o755),
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    )
    .unwrap();
    in_process(|| {
        let nobody = nix::unistd::Uid::from_raw(65_534);
        if nix::unistd::geteuid().is_root() {
            nix::unistd::setresuid(nobody, nobody, nobody).unwrap();
        }
        let expected = [
            "supervisor.toml:3:19: `stdout.file` in [program.a]: `/etc/a.log` cannot be written \
             to: Permission denied",
            "supervisor.toml:4:19: `stderr.file` in [program.a]: `/etc/passwd` cannot be written \
             to: Permission denied",
        ];
        assert_eq!(loaded(&folder).warnings, expected);
    });
}

#[test]
fn ready_3_who_waits_for_a_line_has_somebody_who_reads_it() {
    let unchanged = || own(LineFormat::Raw);
    for (text, stdout, stderr) in [
        ("", unchanged(), unchanged()),
        ("stdout = 'null'", Output::Null, unchanged()),
        ("stderr = 'null'", unchanged(), Output::Null),
        ("stderr = 'stdout'", unchanged(), Output::Stdout),
        ("stdout = 'json'", own(LineFormat::Json), unchanged()),
    ] {
        let launch = only(&format!("ready = {{ log = 'is up $HOME' }}\n{text}"));
        assert_eq!((launch.stdout, launch.stderr), (stdout, stderr), "{text}");
        assert_eq!(launch.ready, Some(Ready::Line(b"is up $HOME".to_vec())));
    }
    let folder =
        Folder::new("[program.a]\ncommand = 'sh'\nready = { log = 'x', start_timeout = 5 }");
    let spec = loaded(&folder).spec.programs.remove(0);
    let mut expected = Readiness::new(ReadyBy::Message);
    expected.start_timeout = Duration::from_secs(5);
    assert_eq!(spec.readiness, Some(expected));
}

#[test]
fn reload_2_other_output_or_another_line_needs_a_restart() {
    let a = || only("ready = { log = 'a' }");
    for (new, change) in [
        ("ready = { log = 'a' }", Change::Same),
        ("ready = { log = 'b' }", Change::Restart),
        ("ready = { log = 'a' }\nstdout = 'prefix'", Change::Restart),
        ("ready = { log = 'a' }\nstderr = 'stdout'", Change::Restart),
        ("stdout = 'null'", Change::Restart),
    ] {
        assert_eq!(a().change_to(&only(new)), change, "{new}");
    }
}
