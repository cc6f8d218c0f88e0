//! The way in: from the first instruction to the loop, and out with a status.
//!
//! Signals are blocked by then (SIG-4, [`crate::linux::entry`]); descriptors 0 to 2 are filled
//! before anything is opened (PID-9), and the configuration is checked whole before
//! anything is started.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lastout_core::Signal;
use log::LevelFilter;

use crate::cli::{self, Order, Supervise};
use crate::client;
use crate::config;
use crate::face;
use crate::linux::everybody;
use crate::linux::people::People;
use crate::linux::sandbox::{self, Side};
use crate::linux::signals::Inherited;
use crate::linux::{descriptors, parent, spawn};
use crate::load::{Origin, load};
use crate::plan::{Plan, Slate};
use crate::say::{self, LogFormat};
use crate::single::{self, Command};
use crate::turn::Lastout;

/// The command line is wrong (EXIT-2).
const USAGE: u8 = 2;
/// What comes of a configuration that is wrong at the start.
const NOT_STARTED: &str = "nothing was started";

/// The configuration is wrong: EX_CONFIG of sysexits(3) (EXIT-2).
const CONFIG: u8 = 78;
/// lastout itself cannot go on (EXIT-2).
const GAVE_UP: u8 = 1;

/// Does what the command line says, and gives the exit status.
#[must_use]
pub fn run(args: Vec<OsString>, inherited: Inherited) -> u8 {
    spawn::fill_standard_descriptors();
    descriptors::note_inherited();
    let face = args.first().and_then(|name| face::of(name));
    let level = match face {
        Some(_) => LevelFilter::Error,
        None => LevelFilter::Info,
    };
    say::begin(level, LogFormat::Text);
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    if let Some(init) = face {
        return wear(face::read(init, &args), inherited);
    }
    match cli::read(&args) {
        Ok(Order::Print(text)) => print(&text),
        Ok(Order::Check { config, against }) => check(config.as_deref(), against.as_deref()),
        Ok(Order::Talk(typed)) => client::run(&typed, &inherited),
        Ok(Order::Complete(words)) => client::complete::words(&words),
        Ok(Order::Supervise(supervise)) => begin(supervise, inherited),
        Err(wrong) => {
            client::complain(&wrong.0);
            USAGE
        }
    }
}

/// Puts what was asked for on stdout.
fn print(text: &str) -> u8 {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => 0,
        Err(_) => GAVE_UP,
    }
}

/// Says on stderr what is wrong, and gives the status to leave with.
fn refuse(text: &str, code: u8) -> u8 {
    let _ = std::io::stderr().write_all(format!("{}\n", text.trim_end()).as_bytes());
    code
}

fn check(config: Option<&Path>, against: Option<&Path>) -> u8 {
    let loaded = |path| load(path, config::Options::default(), NOT_STARTED);
    let text = match (loaded(config), against) {
        (Ok(new), None) => Ok(config::explain(&new)),
        (Ok(new), Some(_)) => loaded(against).map(|old| config::explain_reload(&old, &new)),
        (Err(text), _) => Err(text),
    };
    match text {
        Ok(text) => print(&text),
        Err(text) => refuse(&text, CONFIG),
    }
}

/// Is another init.
fn wear(order: face::Order, inherited: Inherited) -> u8 {
    let mut wish = match order {
        face::Order::Say(stream, text, code) => {
            say::as_is(stream, &text);
            return code;
        }
        face::Order::Live(wish) => wish,
    };
    if let Err(text) = take_stop_timeout(&mut wish.command) {
        return refuse(&text, USAGE);
    }
    ask_for_parent_death(wish.parent_death);
    if wish.is_subreaper() {
        become_subreaper();
    }
    live(wish.into_plan(), inherited.completed(), None)
}

fn become_subreaper() {
    if let Err(error) = everybody::become_subreaper() {
        log::debug!("cannot become a subreaper: {error}; orphans will not come to us");
    }
}

fn ask_for_parent_death(signal: Option<Signal>) {
    if let Some(signal) = signal
        && let Err(error) = parent::signal_on_death(signal)
    {
        log::warn!("cannot ask for {signal} when the parent dies: {error}");
    }
}

/// Supervises.
fn begin(supervise: Supervise, inherited: Inherited) -> u8 {
    let Supervise {
        config,
        mut command,
        parent_death,
        sandbox,
        control,
        level,
    } = supervise;
    let mut origin = None;
    let single = config.is_none() && !command.argv.is_empty();
    let (mut plan, level, format) = if single {
        if let Err(text) = take_stop_timeout(&mut command) {
            return refuse(&text, USAGE);
        }
        let level = level
            .or_else(level_of_environment)
            .unwrap_or(LevelFilter::Info);
        (single::plan(&command, seed()), level, LogFormat::Text)
    } else {
        let options = options(&command);
        match load(config.as_deref(), options.clone(), NOT_STARTED) {
            Ok(loaded) => {
                origin = Some(Origin {
                    path: loaded.path,
                    options,
                    level,
                });
                let level = level.unwrap_or(loaded.log_level);
                (loaded.plan, level, loaded.log_format)
            }
            Err(text) => return refuse(&text, CONFIG),
        }
    };
    if control {
        plan.control.get_or_insert_default();
    }
    say::begin(level, format);
    ask_for_parent_death(parent_death);
    if sandbox {
        match sandbox::enter() {
            Ok(Side::Inside) => {}
            Ok(Side::Outside(code)) => return code,
            Err(error) => return refuse(&format!("lastout: --sandbox: {error}"), GAVE_UP),
        }
    }
    become_subreaper();
    live(plan, inherited, origin)
}

fn live(plan: Plan, inherited: Inherited, origin: Option<Origin>) -> u8 {
    for warning in &plan.warnings {
        log::warn!("{warning}");
    }
    if plan.spec.main.is_none() {
        descriptors::close_inherited();
    }
    let mut people = People::adopt(inherited);
    if plan
        .launches
        .iter()
        .any(|launch| launch.slate == Slate::Clean)
    {
        people.expect_programs();
    }
    match Lastout::new(plan, people, origin) {
        Ok(lastout) => lastout.live(),
        Err(error) => refuse(&format!("lastout: cannot begin: {error}"), GAVE_UP),
    }
}

/// What the command line says about a configuration.
fn options(command: &Command) -> config::Options {
    let main = (!command.argv.is_empty()).then(|| {
        // In a configuration the command ends as any program does.
        let defaults = lastout_core::ProgramSpec::new("");
        let mut program = single::program(command, String::from("main"));
        program.stopwaitsecs = defaults.stopwaitsecs;
        let mut launch = single::launch(&command.argv);
        // Whoever started lastout hears from lastout when all are up (ENV-1, UP-1).
        launch
            .environment
            .retain(|entry| !entry.to_bytes().starts_with(b"NOTIFY_SOCKET="));
        (program, launch)
    });
    config::Options {
        stop_timeout: command.stop_timeout,
        command: main,
        strict: command.strict,
        expected_codes: command.expected_codes.clone(),
        seed: seed(),
    }
}

/// `$LASTOUT_STOP_TIMEOUT`, where the command line has none: the entrypoint of an image
/// is often somebody else's.
fn take_stop_timeout(command: &mut Command) -> Result<(), String> {
    const NAME: &str = "LASTOUT_STOP_TIMEOUT";
    let Some(text) = std::env::var_os(NAME).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    if command.stop_timeout.is_none() {
        let duration = text.to_str().ok_or_else(|| String::from("it is not UTF-8"));
        let duration = duration.and_then(config::parse_duration);
        command.stop_timeout =
            Some(duration.map_err(|error| format!("lastout: ${NAME}: {error}"))?);
    }
    Ok(())
}

/// `$LASTOUT_LOG`, if it is a level.
fn level_of_environment() -> Option<LevelFilter> {
    let text = std::env::var_os("LASTOUT_LOG")?;
    let level = text.to_str().and_then(|text| text.parse().ok());
    if level.is_none() && text != OsStr::new("") {
        log::warn!("$LASTOUT_LOG is none of error, warn, info, debug, trace; it is info then");
    }
    level
}

/// Where the jitter begins: different in each life.
fn seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_secs().rotate_left(32) ^ u64::from(now.subsec_nanos()) ^ u64::from(std::process::id())
}
