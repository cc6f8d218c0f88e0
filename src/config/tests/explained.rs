//! What `lastout check` shows, word for word.

use super::*;

#[test]
fn start_order_is_priority_and_then_the_file() {
    let folder = Folder::new(
        "[program.z]\ncommand = ['sh', '-c', \"trap 'echo bye' TERM\\nsleep 1\"]\n\
         [program.a]\ncommand = 'sh'\nuser = 'root:0'\ndirectory = '/'\numask = '7'\n\
         autostart = false\n[program.first]\npriority = 1\ncommand = 'sh'\n",
    );
    let loaded = folder
        .load_with(&[("PATH", "/bin")], plans::with_command())
        .unwrap();
    let text = explain(&loaded);
    let expected = "\
supervisor.toml: 4 programs, in the order of their start

first
  command     sh
  start       priority 1; up after 1s; 3 retries, pauses of 1s to 30s
  restart     unless it exits with 0
  its end     well: the container goes on; badly: the container ends
  stop        SIGTERM to it, killed after 10s

z
  command     sh -c 'trap '\\''echo bye'\\'' TERM⏎ sleep 1'
  start       priority 999; up after 1s; 3 retries, pauses of 1s to 30s
  restart     unless it exits with 0
  its end     well: the container goes on; badly: the container ends
  stop        SIGTERM to it, killed after 10s

a (not by itself)
  command     sh
  directory   /
  user        root:0
  umask       007
  start       priority 999; up after 1s; 3 retries, pauses of 1s to 30s
  restart     unless it exits with 0
  its end     well: the container goes on; badly: the container ends
  stop        SIGTERM to it, killed after 10s

main (the command, when all are up; its end is the end)
  command     cargo test
  stop        SIGTERM to it, killed only at the end of the shutdown

lastout
  shutdown    within 9s
  signals     HUP reload; INT QUIT TERM PWR RTMIN+3 shutdown; USR1 reopen-logs;
              USR2 log-state
  log         info, as text
";
    assert_eq!(text, expected);
}

#[test]
fn check_shows_the_order_of_the_start_with_its_reasons() {
    let text = "[supervisor]\nstartup_timeout = '2m'\n[signals]\nHUP = 'reload:proxy:0'\n\
        [program.proxy]\ncommand = 'sh'\nnumprocs = 3\ndepends_on = { app = 'ready', log = 'started' }\n\
        priority = 1\nhealthcheck = { tcp = '[::1]:80', action = 'none' }\nreload_signal = 'HUP'\n\
        [program.last]\ncommand = 'sh'\ndepends_on = ['proxy', 'app']\nstdout = 'null'\n\
        ready = 'notify'\nwatchdog = 30\ncapabilities = []\n\
        [program.app]\ncommand = 'sh'\ndepends_on = ['migrate', 'db']\nstartsecs = 2\n\
        ready = { http = 'http://localhost:8080/health?full' }\npre_start = 'mkdir -p /x'\n\
        post_stop = ['rm', '-r', '/x y']\nrlimits = { core = 0, nofile = [1024, 'unlimited'] }\n\
        stdout = { file = '/app.log' }\n\
        stderr = { file = '/app.err', max_size = '64KiB', backups = 0, mode = '600', format = 'json' }\n\
        nice = 5\noom_score_adj = -500\nno_new_privileges = true\ncapabilities = ['KILL', 'CHOWN']\n\
        [program.migrate]\ncommand = 'sh'\ntype = 'oneshot'\nstartretries = 0\ndepends_on = ['db']\n\
        [program.db]\ncommand = 'sh'\nready = { exec = 'pg_isready -q', interval = '500ms' }\n\
        [program.log]\ncommand = 'sh'\npriority = 2000\nstdout = 'prefix'\nstderr = 'stdout'\n\
        ready = { log = 'listening on' }\n\
        [program.job]\ncommand = 'sh'\nschedule = '30 2 * * *'\ntimezone = 'Asia/Tokyo'\n\
        concurrency = 'replace'\n";
    let loaded = Folder::new(text).load().unwrap();
    let text = explain::explain_at(&loaded, 0);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let expected = include_str!("explained.txt");
    assert_eq!(text, expected, "{text}");
}
