//! What depends on what, who is ready and well, how many there are, and what they may use.

use super::*;
use crate::limits::{Capabilities, Resource, ResourceLimit};
use crate::plan::{Address, Output, Probe, Ready};
use lastout_core::{
    Concurrency, EndPolicy, HealthAction, Healthcheck, Kind, Meaning, ProbeTimes, Readiness,
    ReadyBy, Signal,
};
use std::ffi::CString;

fn loaded(text: &str) -> Plan {
    let loaded = Folder::new(text).load();
    loaded.unwrap_or_else(|told| panic!("{told}")).plan
}

fn only(text: &str) -> (ProgramSpec, Launch) {
    let plan = loaded(&format!("[program.web]\ncommand = 'sh'\n{text}"));
    assert_eq!(plan.spec.programs.len(), 1);
    (plan.spec.programs[0].clone(), plan.launches[0].clone())
}

fn warnings(text: &str) -> Vec<String> {
    loaded(text).warnings
}

fn has(launch: &Launch, variable: &str) -> bool {
    launch
        .environment
        .contains(&CString::new(variable).unwrap())
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn tcp(host: &str, port: u16) -> Probe {
    Probe::Tcp(Address {
        host: host.to_owned(),
        port,
    })
}

#[test]
fn ready_1_a_program_that_says_so_is_given_a_socket() {
    for text in ["ready = 'notify'", "ready = { notify = true }"] {
        let (spec, launch) = only(text);
        assert_eq!(launch.ready, Some(Ready::Notify));
        assert!(launch.notify);
        assert_eq!(spec.readiness, Some(Readiness::new(ReadyBy::Message)));
        assert_eq!(spec.startsecs, Duration::ZERO);
    }
    let (spec, launch) = only("startsecs = 2\n[program.web.ready]\nfd = 3\nstart_timeout = 5");
    assert_eq!(launch.ready, Some(Ready::Descriptor(3)));
    assert!(!launch.notify);
    assert_eq!(spec.readiness.unwrap().start_timeout, seconds(5));
    assert_eq!(spec.startsecs, seconds(2));
}

#[test]
fn ready_3_a_program_is_asked() {
    let (spec, launch) = only("ready = { tcp = 'localhost:80${LASTOUT_INSTANCE}' }");
    assert_eq!(launch.ready, Some(Ready::Probe(tcp("localhost", 800))));
    let by = ReadyBy::Probe(ProbeTimes::OF_READY);
    assert_eq!(spec.readiness, Some(Readiness::new(by)));
    let (spec, launch) = only(
        "ready = { exec = 'test -e \"${A}\"', interval = '100ms', timeout = 1, start_timeout = 2 }",
    );
    let argv = ["test", "-e", "1 2"].map(|word| CString::new(word).unwrap());
    assert_eq!(launch.ready, Some(Ready::Probe(Probe::Exec(argv.to_vec()))));
    let times = ProbeTimes {
        interval: Duration::from_millis(100),
        timeout: seconds(1),
    };
    assert_eq!(spec.readiness.unwrap().by, ReadyBy::Probe(times));
    let (_, launch) = only("ready = { http = 'http://[::1]:8080/a?b' }");
    let address = Address {
        host: "::1".to_owned(),
        port: 8080,
    };
    let probe = Probe::Http {
        address,
        target: "/a?b".to_owned(),
    };
    assert_eq!(launch.ready, Some(Ready::Probe(probe)));
}

#[test]
fn health_1_what_is_not_said_is_as_dockers() {
    let (spec, launch) = only("healthcheck = { tcp = 'a:1' }");
    assert_eq!(spec.healthcheck, Some(Healthcheck::DEFAULT));
    assert_eq!(launch.health, Some(tcp("a", 1)));
    let (spec, _) = only(
        "healthcheck = { exec = 'true', interval = 1, timeout = 2, retries = 4, \
         start_period = 5, action = 'none' }",
    );
    let expected = Healthcheck {
        times: ProbeTimes {
            interval: seconds(1),
            timeout: seconds(2),
        },
        retries: 4,
        start_period: seconds(5),
        action: HealthAction::Nothing,
    };
    assert_eq!(spec.healthcheck, Some(expected));
}

#[test]
fn a_watchdog_needs_a_socket_and_says_how_often() {
    let (spec, launch) = only("watchdog = '1.5s'");
    assert_eq!(spec.watchdog, Some(Duration::from_millis(1500)));
    assert!(launch.notify && has(&launch, "WATCHDOG_USEC=1500000"));
    assert_eq!(launch.ready, None);
}

#[test]
fn what_a_program_may_use_is_what_the_file_says() {
    let (spec, launch) = only(
        "stdout = 'null'\nstderr = 'null'\npre_start = 'mkdir -p /x'\npost_stop = ['rm', '${A}']\n\
         reload_signal = 'HUP'\nnice = -5\noom_score_adj = -1000\nno_new_privileges = true\n\
         capabilities = ['CAP_CHOWN', 'kill']\n\
         rlimits = { nofile = ['64KiB', 'unlimited'], core = 0, cpu = 'unlimited' }\n",
    );
    let words = |words: &[&str]| {
        let words = words.iter();
        Some(words.map(|w| CString::new(*w).unwrap()).collect::<Vec<_>>())
    };
    assert_eq!((launch.stdout, launch.stderr), (Output::Null, Output::Null));
    assert_eq!(launch.pre_start, words(&["mkdir", "-p", "/x"]));
    assert_eq!(launch.post_stop, words(&["rm", "1 2"]));
    assert!(spec.pre_start && spec.post_stop);
    assert_eq!(spec.reload_signal, Some(Signal::HUP));
    let limits = launch.limits;
    assert_eq!((limits.nice, limits.oom_score_adj), (Some(-5), Some(-1000)));
    assert!(limits.no_new_privileges);
    assert_eq!(limits.capabilities, Some(Capabilities(1 | 1 << 5)));
    let of = |name, soft, hard| ResourceLimit {
        resource: Resource::named(name).unwrap(),
        soft,
        hard,
    };
    let expected = [
        of("cpu", u64::MAX, u64::MAX),
        of("core", 0, 0),
        of("nofile", 65536, u64::MAX),
    ];
    assert_eq!(limits.resources, expected);
    let (_, launch) = only("capabilities = []");
    assert_eq!(launch.limits.capabilities, Some(Capabilities(0)));
}

#[test]
fn env_1_the_later_of_the_sources_wins() {
    let folder = Folder::new(
        "[defaults]\nenv_file = 'default.env'\n[program.web]\ncommand = 'sh'\n\
         env_file = ['a.env', '-missing.env', 'sub/b.env']\n\
         secrets = { FROM_SECRET = 'secret', OWN = 'secret' }\nenvironment = { OWN = 'own' }\n",
    );
    folder.write("default.env", b"DEFAULT=1\n");
    folder.write(
        "a.env",
        b"# x\nA=a\nTWICE=a\nFROM_SECRET=a\nOWN=a\nPATH\nNOPE\n",
    );
    folder.write("sub/b.env", b"TWICE=' b'\n");
    folder.write("secret", b"a\xff\n\n");
    let launch = folder.load().unwrap().plan.launches.remove(0);
    let mut expected = [
        "A=a",
        "LASTOUT_PROGRAM=web",
        "OWN=own",
        "PATH=/bin",
        "TWICE=' b'",
    ]
    .map(|v| CString::new(v).unwrap())
    .to_vec();
    expected.insert(1, CString::new(b"FROM_SECRET=a\xff\n".to_vec()).unwrap());
    assert_eq!(launch.environment, expected);
}

#[test]
fn a_secret_in_a_file_that_is_wrong_is_not_told() {
    let folder = Folder::new(
        "[program.web]\ncommand = 'sh'\nenv_file = 'a.env'\nsecrets = { B = 'b', C = 'c' }\n",
    );
    folder.write("a.env", b"A=1\nmy password=x\n");
    folder.write("b", b"a\0b");
    folder.write("c", &vec![b'x'; 1024 * 1024 + 1]);
    assert_eq!(
        folder.load().unwrap_err(),
        "supervisor.toml:3:12: `env_file` in [program.web]: a.env:2: there is a blank in the \
         name\n  | env_file = 'a.env'\n  |            ^^^^^^^\n\n\
         supervisor.toml:4:17: `secrets` in [program.web]: b: there is a NUL byte, which no \
         variable can hold\n  | secrets = { B = 'b', C = 'c' }\n  |                 ^^^\n\n\
         supervisor.toml:4:26: `secrets` in [program.web]: c: larger than 1 MiB\n  \
         | secrets = { B = 'b', C = 'c' }\n  |                          ^^^"
    );
}

#[test]
fn instances_differ_in_nothing_but_their_number() {
    let plan = loaded(
        "[signals]\nUSR1 = 'forward:web:1'\nHUP = 'reload:one'\n\
         [program.one]\ncommand = 'sh ${LASTOUT_INSTANCE}'\n\
         [program.web]\nnumprocs = 3\ncommand = 'sh ${LASTOUT_PROGRAM} ${LASTOUT_INSTANCE}'\n\
         [program.after]\ncommand = 'sh'\ndepends_on = ['web']\n",
    );
    let names: Vec<&str> = plan.spec.programs.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["one", "web:0", "web:1", "web:2", "after"]);
    let [one, _, web, ..] = plan.launches.as_slice() else {
        panic!("too few");
    };
    assert_eq!(one.argv.last().unwrap(), c"0");
    assert!(has(one, "LASTOUT_PROGRAM=one") && !has(one, "LASTOUT_INSTANCE=0"));
    assert_eq!(
        web.argv,
        [c"sh", c"web", c"1"].map(std::ffi::CStr::to_owned)
    );
    assert!(has(web, "LASTOUT_PROGRAM=web") && has(web, "LASTOUT_INSTANCE=1"));
    let needs = &plan.spec.programs[4].needs;
    let programs: Vec<u32> = needs.iter().map(|need| need.program.0).collect();
    assert_eq!(programs, [1, 2, 3]);
    let Meaning::Forward(forward) = plan.spec.signals.meaning(Signal::USR1) else {
        panic!("not forwarded");
    };
    assert_eq!(forward.program, ProgramId(2));
    let meaning = plan.spec.signals.meaning(Signal::HUP);
    assert_eq!(meaning, Meaning::ReloadProgram(ProgramId(0)));
}

#[test]
fn dep_1_what_goes_without_saying_is_the_most_that_can_be_true() {
    let plan = loaded(
        "[program.app]\ncommand = 'sh'\ndepends_on = ['plain', 'told', 'once']\n\
         [program.plain]\ncommand = 'sh'\n[program.told]\ncommand = 'sh'\nready = 'notify'\n\
         [program.once]\ncommand = 'sh'\ntype = 'oneshot'\n\
         [program.said]\ncommand = 'sh'\n\
         depends_on = { plain = 'ready', told = 'started', once = 'started' }\n",
    );
    let needs = |number: usize| -> Vec<(u32, Condition)> {
        let needs = plan.spec.programs[number].needs.iter();
        needs.map(|need| (need.program.0, need.condition)).collect()
    };
    let expected = [Condition::Started, Condition::Ready, Condition::Completed];
    assert_eq!(
        needs(0),
        [1, 2, 3].into_iter().zip(expected).collect::<Vec<_>>()
    );
    let expected = [Condition::Ready, Condition::Started, Condition::Started];
    assert_eq!(
        needs(4),
        [1, 2, 3].into_iter().zip(expected).collect::<Vec<_>>()
    );
    assert_eq!(plan.warnings, [] as [&str; 0]);
}

#[test]
fn the_command_waits_for_the_end_of_oneshots() {
    let folder =
        Folder::new("[program.a]\ncommand = 'sh'\n[program.b]\ncommand = 'sh'\ntype = 'oneshot'\n");
    let plan = folder.load_with(&[], plans::with_command()).unwrap().plan;
    let conditions = plan.spec.programs[2]
        .needs
        .iter()
        .map(|need| need.condition);
    let expected = [Condition::Ready, Condition::Completed];
    assert_eq!(conditions.collect::<Vec<_>>(), expected);
}

#[test]
fn stop_5_the_times_of_a_chain_add_up() {
    let chain = "[program.a]\ncommand = 'sh'\nstopwaitsecs = 5\n\
                 [program.b]\ncommand = 'sh'\ndepends_on = ['a']\nstopwaitsecs = 7\n\
                 [program.c]\ncommand = 'sh'\ndepends_on = ['b', 'a']\n\
                 [program.d]\ncommand = 'sh'\ndepends_on = ['c']\nstopwaitsecs = 3\n\
                 [program.e]\ncommand = 'sh'\ndepends_on = ['a']\nstopwaitsecs = 9\n";
    let plan = loaded(chain);
    assert_eq!(plan.spec.stop_timeout, Some(seconds(15)));
    assert_eq!(plan.warnings, [] as [&str; 0]);
    let asked_for = format!("{chain}[supervisor]\nstop_timeout = 12\nstartup_timeout = 3\n");
    let plan = loaded(&asked_for);
    assert_eq!(plan.spec.startup_timeout, Some(seconds(3)));
    assert_eq!(
        plan.warnings,
        [
            "supervisor.toml:13:14: `d`, `c`, `b`, `a` end one after the other: their \
          `stopwaitsecs` (15s together) are longer than the whole shutdown may take (12s)"
        ]
    );
}

#[test]
fn a_folder_that_may_be_made_by_then_is_no_error() {
    for (key, is_fine) in [
        ("pre_start = 'mkdir /nowhere'", true),
        ("depends_on = ['b']", true),
        ("depends_on = []", false),
    ] {
        let text = format!(
            "[program.a]\ncommand = 'sh'\ndirectory = '/nowhere'\n{key}\n[program.b]\ncommand = 'sh'\n"
        );
        assert_eq!(Folder::new(&text).load().is_ok(), is_fine, "{key}");
    }
}

#[test]
fn what_is_legal_but_surely_not_meant_is_told() {
    let text = "[supervisor]\nstartup_timeout = 30\n\
        [program.once]\ncommand = 'sh'\ntype = 'oneshot'\nautorestart = true\n\
        [program.slow]\ncommand = 'sh'\nready = { tcp = 'a:1', start_timeout = 40, interval = 50 }\n\
        [program.off]\ncommand = 'sh'\nautostart = false\n\
        [program.nginx]\ncommand = '/usr/sbin/nginx -g \"daemon off;\"'\ndepends_on = ['off']\n\
        [program.fpm]\ncommand = 'php-fpm8.2 -F'\ndepends_on = { nginx = 'completed' }\n\
        [program.said]\ncommand = 'nginx'\nstopsignal = 'TERM'\n\
        [program.exec]\ncommand = 'sh'\nhealthcheck = { exec = 'no-such' }\npre_start = '/nowhere'\n";
    let told: Vec<String> = warnings(text)
        .into_iter()
        .filter(|w| !w.contains("the command `/usr") && !w.contains("the command `nginx"))
        .filter(|w| !w.contains("the command `php"))
        .collect();
    assert_eq!(
        told,
        [
            "supervisor.toml:2:19: `startup_timeout` is shorter than `slow` alone may take",
            "supervisor.toml:6:15: `once`: a oneshot that is always started again is never done",
            "supervisor.toml:9:9: `slow`: `start_timeout` is shorter than its `interval` or its `timeout`",
            "supervisor.toml:14:11: `nginx`: at SIGTERM nginx drops its connections; \
             `stopsignal = \"QUIT\"` lets it finish",
            "supervisor.toml:15:15: `off` does not start by itself, and this waits until it does",
            "supervisor.toml:17:11: `fpm`: at SIGTERM php-fpm drops its requests; \
             `stopsignal = \"QUIT\"` lets it finish",
            "supervisor.toml:18:16: `nginx` is a service: it is to run on, and this waits for \
             its end",
            "supervisor.toml:24:15: `exec`: the command `no-such` is not in its PATH (`/bin`)",
            "supervisor.toml:25:13: `exec`: the command `/nowhere`: No such file or directory",
        ]
    );
}

#[test]
fn a_chain_as_long_as_the_file_is_followed() {
    let mut text = String::from("[program.p0]\ncommand = 'sh'\n");
    for i in 1..5000 {
        let before = i - 1;
        text += &format!("[program.p{i}]\ncommand = 'sh'\ndepends_on = ['p{before}']\n");
    }
    assert_eq!(loaded(&text).spec.programs.len(), 5000);
    let cycle = text.replace("[program.p0]", "[program.p0]\ndepends_on = ['p4999']");
    let told = Folder::new(&cycle).load().unwrap_err();
    assert!(
        told.contains("a cycle: `p0` needs `p4999`, `p4999` needs `p4998`"),
        "{told}"
    );
    assert!(told.lines().count() < 20, "{told}");
}

#[test]
fn ten_thousand_instances_are_all_there_are() {
    let plan = loaded(
        "[defaults]\nnumprocs = 1000\ncommand = 'sh ${LASTOUT_INSTANCE}'\n[program.a]\n[program.b]\n\
         [program.c]\n[program.d]\n[program.e]\n[program.f]\n[program.g]\n[program.h]\n\
         [program.i]\n[program.j]\n",
    );
    assert_eq!(plan.spec.programs.len(), 10_000);
    assert_eq!(
        plan.launches.last().unwrap().argv,
        [c"sh", c"999"].map(std::ffi::CStr::to_owned)
    );
    let needy = "[program.a]\ncommand = 'sh'\nnumprocs = 1000\n\
                 [program.b]\ncommand = 'sh'\nnumprocs = 1000\ndepends_on = ['a']\n\
                 [program.c]\ncommand = 'sh'\ndepends_on = ['a']\n";
    let told = Folder::new(needy).load().unwrap_err();
    assert!(
        told.contains("more than 1000000 instances are needed in all"),
        "{told}"
    );
}

#[test]
fn what_has_a_schedule_is_a_oneshot_that_may_fail() {
    let (spec, launch) = only("schedule = '30 2 * * *'\nconcurrency = 'replace'");
    assert_eq!(spec.schedule, Some(Concurrency::Replace));
    assert_eq!(spec.kind, Kind::Oneshot);
    assert_eq!(spec.on_failure, EndPolicy::Ignore);
    assert_eq!(launch.schedule.unwrap().next_after(0), Some(9000));
    let text = "[defaults]\ntimezone = 'Asia/Tokyo'\nconcurrency = 'allow'\n\
                [program.service]\ncommand = 'sh'\n\
                [program.job]\ncommand = 'sh'\ntype = 'oneshot'\nschedule = '30 2 * * *'\n\
                on_failure = 'shutdown'\n";
    let folder = Folder::new(text);
    let plan = folder.load_with(&[], plans::with_command()).unwrap().plan;
    let [service, job, main] = plan.spec.programs.as_slice() else {
        panic!("not three");
    };
    assert_eq!((service.schedule, service.kind), (None, Kind::Service));
    assert_eq!(job.schedule, Some(Concurrency::Allow));
    assert_eq!(job.on_failure, EndPolicy::Shutdown);
    let next = plan.launches[1].schedule.as_ref().unwrap().next_after(0);
    assert_eq!(next, Some(9000 + 15 * 3600));
    let needed: Vec<u32> = main.needs.iter().map(|need| need.program.0).collect();
    assert_eq!(needed, [0]);
}

#[test]
fn times_that_do_not_count_or_never_come_are_told() {
    let text = "[program.a]\ncommand = 'sh'\nschedule = '@daily'\nautostart = false\n\
                [program.b]\ncommand = 'sh'\nschedule = '0 0 31 2 *'\nautorestart = 'always'\n";
    assert_eq!(
        warnings(text),
        [
            "supervisor.toml:4:13: `a`: its times do not count: it runs when it is asked to",
            "supervisor.toml:7:12: `schedule` in [program.b]: no such time ever comes",
            "supervisor.toml:8:15: `b`: a oneshot that is always started again is never done",
        ]
    );
}
