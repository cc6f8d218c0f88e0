//! The command line: what was typed, and what it means.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use lastout_core::Signal;
use log::LevelFilter;

use crate::config::parse_duration;
use crate::single::Command;

/// What lastout is to do.
#[derive(Debug)]
pub enum Order {
    /// Supervise a configuration, a command, or both.
    Supervise(Supervise),
    /// Check a configuration.
    Check {
        /// `-c FILE`.
        config: Option<PathBuf>,
        /// `--against FILE`: print what a reload from that one to it would do.
        against: Option<PathBuf>,
    },
    /// Print this on stdout: help, or the version.
    Print(String),
}

/// What to supervise, and how.
#[derive(Debug)]
pub struct Supervise {
    /// `-c FILE`.
    pub config: Option<PathBuf>,
    /// The command and what was said of it. Its `argv` is empty where there is none.
    pub command: Command,
    /// `-p SIGNAL`.
    pub parent_death: Option<Signal>,
    /// `--sandbox`.
    pub sandbox: bool,
    /// `--control`.
    pub control: bool,
    /// `-v`, `-vv`, `-q`.
    pub level: Option<LevelFilter>,
}

/// What is wrong with a command line: one line that says what, and where help is.
#[derive(Debug)]
pub struct Wrong(pub String);

const AFTER_HELP: &str = "\
Exit status: the command's own (128+n when signal n ended it, 127 not found,
126 not executable); of a configuration 0 after an asked-for shutdown, else that
of the program that ended it; 2 wrong command line; 78 wrong configuration.

The configuration is FILE, $LASTOUT_CONFIG, or the first of ./supervisor.toml,
/etc/lastout/supervisor.toml and /etc/supervisor.toml. $LASTOUT_STOP_TIMEOUT and
$LASTOUT_LOG (error, warn, info, debug, trace) are as --stop-timeout and -v.";

/// The init and process supervisor for containers that is last out.
#[derive(Debug, Parser)]
#[command(
    name = "lastout",
    version,
    override_usage = "lastout [OPTIONS] [-c FILE]\n       lastout [OPTIONS] -- COMMAND [ARG]...\n       lastout SUBCOMMAND ...",
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Typed {
    #[command(subcommand)]
    subcommand: Option<Sub>,
    /// Supervise what FILE says
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Forward signals to the command's process group
    #[arg(short, long)]
    group: bool,
    /// This exit status counts as 0 (repeatable)
    #[arg(short, long, value_name = "CODE", value_parser = code, action = ArgAction::Append)]
    expect: Vec<u8>,
    /// Send lastout SIGNAL when its parent dies
    #[arg(short, long, value_name = "SIGNAL", value_parser = signal)]
    parent_death: Option<Signal>,
    /// Forward TO for FROM; 0 drops it (repeatable)
    #[arg(short, long, value_name = "FROM:TO", value_parser = rewrite, action = ArgAction::Append)]
    rewrite: Vec<(Signal, Option<Signal>)>,
    /// The whole shutdown takes 9, or 1m30s, at most
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    stop_timeout: Option<Duration>,
    /// Exit with 137 when anything had to be killed
    #[arg(long)]
    strict: bool,
    /// Have a control socket without a configuration, too
    #[arg(long)]
    control: bool,
    /// Run in a PID namespace, as in a container
    #[arg(long)]
    sandbox: bool,
    /// Say more; twice: much more
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Say only errors
    #[arg(short, long)]
    quiet: bool,
    /// The command to be the init of, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Check a configuration and print what it would run, in start order
    Check {
        /// The file [default: searched as for a start]
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print what a reload from FILE to it would do
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Print the version
    Version,
}

/// Reads a command line, the program's own name included.
///
/// # Errors
/// One line that says what is wrong.
pub fn read(args: &[OsString]) -> Result<Order, Wrong> {
    if args.last().map(OsString::as_os_str) == Some(OsStr::new("--"))
        && args.iter().filter(|arg| *arg == "--").count() == 1
    {
        return Err(wrong("a command is missing after `--`"));
    }
    if let Some(argv) = bare_command(args) {
        return Ok(Order::Supervise(Supervise::of(argv)));
    }
    if matches!(args, [_, only] if only == "help") {
        return Ok(Order::Print(Typed::command().render_help().to_string()));
    }
    let typed = match Typed::try_parse_from(args) {
        Ok(typed) => typed,
        Err(error) => return explain(&error, args),
    };
    match typed.subcommand {
        Some(Sub::Check { config, against }) => Ok(Order::Check { config, against }),
        Some(Sub::Version) => Ok(Order::Print(Typed::command().render_version())),
        None => supervise(typed).map(Order::Supervise),
    }
}

/// The command of `lastout -- COMMAND [ARG]...`, which is how engines and most images
/// start an init. There is no option to be read, and whoever reads them costs more than
/// all the rest of a start.
fn bare_command(args: &[OsString]) -> Option<&[OsString]> {
    match args {
        [_, dashes, argv @ ..] if dashes == "--" && !argv.is_empty() => Some(argv),
        _ => None,
    }
}

impl Supervise {
    /// The command, and nothing was said of it.
    fn of(argv: &[OsString]) -> Supervise {
        Supervise {
            config: None,
            command: Command {
                argv: argv.to_vec(),
                ..Command::default()
            },
            parent_death: None,
            sandbox: false,
            control: false,
            level: None,
        }
    }
}

fn supervise(typed: Typed) -> Result<Supervise, Wrong> {
    if typed.command.is_empty() {
        for (given, option) in [
            (typed.group, "-g"),
            (!typed.expect.is_empty(), "-e"),
            (!typed.rewrite.is_empty(), "-r"),
        ] {
            if given {
                let text = format!("{option} is about a command, and there is none after `--`");
                return Err(wrong(&text));
            }
        }
    }
    Ok(Supervise {
        config: typed.config,
        command: Command {
            argv: typed.command,
            group: typed.group,
            rewrites: typed.rewrite,
            expected_codes: typed.expect,
            stop_timeout: typed.stop_timeout,
            strict: typed.strict,
        },
        parent_death: typed.parent_death,
        sandbox: typed.sandbox,
        control: typed.control,
        level: match (typed.quiet, typed.verbose) {
            (true, _) => Some(LevelFilter::Error),
            (false, 0) => None,
            (false, 1) => Some(LevelFilter::Debug),
            (false, _) => Some(LevelFilter::Trace),
        },
    })
}

/// clap's several paragraphs as one line; help and version as what is to be printed.
fn explain(error: &clap::Error, args: &[OsString]) -> Result<Order, Wrong> {
    use clap::error::ErrorKind;
    let text = error.render().to_string();
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Ok(Order::Print(text));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("wrong command line");
    let first = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    let tip = lines.find_map(|line| line.strip_prefix("tip: "));
    // That a word goes behind `--` is good advice for a command, not for an option.
    let tip = tip.filter(|tip| !tip.contains("as a value"));
    let unknown = matches!(
        kind,
        ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument
    );
    let what = match unknown_word(error).filter(|_| unknown) {
        Some(word) => unknown_text(&word, args),
        None => first,
    };
    Err(wrong(&match tip {
        Some(tip) => format!("{what}; {tip}"),
        None => what,
    }))
}

/// What is wrong with a word that was not expected where it is.
fn unknown_text(word: &str, args: &[OsString]) -> String {
    let subcommand = args.get(1).filter(|first| is_subcommand(first));
    match subcommand {
        Some(name) => format!("`{}` does not take `{word}`", name.to_string_lossy()),
        None if word.starts_with('-') => format!("there is no option `{word}`"),
        None if is_subcommand(OsStr::new(word)) => {
            format!("`{word}` comes first, and takes none of the other options")
        }
        // A command without `--` before it is what users of other inits type.
        None => format!(
            "no subcommand named `{word}`; a command goes after `--`, as in `lastout -- {word}`"
        ),
    }
}

fn is_subcommand(word: &OsStr) -> bool {
    word == "check" || word == "version"
}

/// The word that was not expected.
fn unknown_word(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue};
    let kinds = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg];
    error.context().find_map(|(kind, value)| {
        let ContextValue::String(word) = value else {
            return None;
        };
        kinds.contains(&kind).then(|| word.clone())
    })
}

fn wrong(what: &str) -> Wrong {
    Wrong(format!("lastout: {what} (see `lastout --help`)"))
}

fn signal(text: &str) -> Result<Signal, String> {
    text.parse().map_err(|_| {
        String::from("expected a signal: a name as TERM or SIGTERM, RTMIN+n, or a number")
    })
}

fn rewrite(text: &str) -> Result<(Signal, Option<Signal>), String> {
    let (from, to) = text
        .split_once(':')
        .ok_or("expected FROM:TO, as TERM:QUIT; 0 as TO drops it")?;
    let from = signal(from)?;
    if !from.can_be_caught() || from == Signal::CHLD {
        return Err(format!("{from} cannot be forwarded"));
    }
    if to == "0" {
        return Ok((from, None));
    }
    Ok((from, Some(signal(to)?)))
}

fn code(text: &str) -> Result<u8, String> {
    text.parse()
        .map_err(|_| String::from("expected an exit status, 0 to 255"))
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}
