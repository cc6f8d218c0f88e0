//! The command line: what was typed, and what it means.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lastout_core::Signal;
use lexopt::Arg::{Long, Short, Value};
use lexopt::{Arg, Parser};
use log::LevelFilter;

use crate::client::verbs::{ASKING, COMMANDS, Command as Subcommand};
use crate::client::{self, complete};
use crate::config::{nearest, parse_duration};
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
    /// Ask a running lastout, or print what a shell needs to complete.
    Talk(client::Typed),
    /// Print the words that may stand where the last of these stands.
    Complete(Vec<OsString>),
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

/// `lastout --help`, up to the subcommands.
const USAGE: &str = "\
The init and process supervisor for containers that is last out

Usage: lastout [OPTIONS] [-c FILE]
       lastout [OPTIONS] -- COMMAND [ARG]...
       lastout SUBCOMMAND ...

";

/// The rest of it.
const OPTIONS: &str = "
Options:
  -c, --config <FILE>            Supervise what FILE says
  -g, --group                    Forward signals to the command's process group
  -e, --expect <CODE>            This exit status counts as 0 (repeatable)
  -p, --parent-death <SIGNAL>    Send lastout SIGNAL when its parent dies
  -r, --rewrite <FROM:TO>        Forward TO for FROM; 0 drops it (repeatable)
      --stop-timeout <DURATION>  The whole shutdown takes 9, or 1m30s, at most
      --strict                   Exit with 137 when anything had to be killed
      --control                  Have a control socket with a command, too
      --sandbox                  Run in a PID namespace, as in a container
  -v, --verbose...               Say more; twice: much more
  -q, --quiet                    Say only errors
  -h, --help                     Print help
  -V, --version                  Print version

Exit status: the command's own (128+n when signal n ended it, 127 not found,
126 not executable); of a configuration 0 after an asked-for shutdown, else that
of the program that ended it; 2 wrong command line; 78 wrong configuration.

The configuration is FILE, $LASTOUT_CONFIG, or the first of ./supervisor.toml,
/etc/lastout/supervisor.toml and /etc/supervisor.toml. $LASTOUT_STOP_TIMEOUT and
$LASTOUT_LOG (error, warn, info, debug, trace) are as --stop-timeout and -v.
";

/// `lastout --version`.
const VERSION: &str = concat!("lastout ", env!("CARGO_PKG_VERSION"), "\n");

/// The long names of the options, for whoever mistypes or completes one.
pub(crate) const LONG: [&str; 13] = [
    "config",
    "group",
    "expect",
    "parent-death",
    "rewrite",
    "stop-timeout",
    "strict",
    "control",
    "sandbox",
    "verbose",
    "quiet",
    "help",
    "version",
];

/// Reads a command line, the program's own name included.
///
/// # Errors
/// One line that says what is wrong.
pub fn read(args: &[OsString]) -> Result<Order, Wrong> {
    if let [_, first, rest @ ..] = args
        && let Some(order) = subcommand(first, rest)
    {
        return order;
    }
    if args.last().map(OsString::as_os_str) == Some(OsStr::new("--"))
        && args.iter().filter(|arg| *arg == "--").count() == 1
    {
        return Err(wrong("a command is missing after `--`"));
    }
    if let Some(argv) = bare_command(args) {
        return Ok(Order::Supervise(Supervise::of(argv)));
    }
    let mut words = Parser::from_args(args.iter().skip(1));
    supervise(&mut words)
}

/// A command line whose first word is a subcommand.
fn subcommand(first: &OsStr, rest: &[OsString]) -> Option<Result<Order, Wrong>> {
    let first = first.to_str()?;
    let command = match (first, rest) {
        (complete::WORD, _) => return Some(Ok(Order::Complete(rest.to_vec()))),
        ("help", []) => return Some(Ok(Order::Print(help()))),
        ("help", [about]) => {
            let about = about.to_string_lossy();
            let help = Subcommand::named(&about).map(|it| Order::Print(client::help(it)));
            return Some(help.ok_or_else(|| wrong(&no_subcommand(&about))));
        }
        _ => Subcommand::named(first)?,
    };
    Some(match client::Typed::read(command, rest) {
        Ok(typed) => Ok(order_of(typed)),
        Err(what) => {
            let text = format!("lastout: {what} (see `lastout {first} --help`)");
            Err(Wrong(text))
        }
    })
}

fn order_of(typed: client::Typed) -> Order {
    let path = |option| typed.option(option).map(PathBuf::from);
    match typed.command.name {
        _ if typed.wants_help => Order::Print(client::help(typed.command)),
        "check" => Order::Check {
            config: path("config"),
            against: path("against"),
        },
        "version" => Order::Print(VERSION.to_owned()),
        _ => Order::Talk(typed),
    }
}

/// `lastout --help`.
fn help() -> String {
    [USAGE, &client::overview(), OPTIONS].concat()
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

/// Supervision: options, and a command behind `--`.
fn supervise(words: &mut Parser) -> Result<Order, Wrong> {
    let mut order = Supervise::of(&[]);
    let (mut verbose, mut quiet) = (0, false);
    // Behind `--` is the command, whatever it looks like.
    while !is_command_next(words) {
        let Some(word) = words.next().map_err(odd)? else {
            break;
        };
        let command = &mut order.command;
        match word {
            Short('c') | Long("config") => {
                order.config = Some(value(words, "config <FILE>")?.into());
            }
            Short('g') | Long("group") => command.group = true,
            Short('e') | Long("expect") => {
                let codes = &mut command.expected_codes;
                codes.push(parsed(words, "expect <CODE>", code)?);
            }
            Short('p') | Long("parent-death") => {
                order.parent_death = Some(parsed(words, "parent-death <SIGNAL>", signal)?);
            }
            Short('r') | Long("rewrite") => {
                let rewrites = &mut command.rewrites;
                rewrites.push(parsed(words, "rewrite <FROM:TO>", rewrite)?);
            }
            Long("stop-timeout") => {
                let time = parsed(words, "stop-timeout <DURATION>", parse_duration)?;
                command.stop_timeout = Some(time);
            }
            Long("strict") => command.strict = true,
            Long("control") => order.control = true,
            Long("sandbox") => order.sandbox = true,
            Short('v') | Long("verbose") => verbose += 1,
            Short('q') | Long("quiet") => quiet = true,
            Short('h') | Long("help") => return Ok(Order::Print(help())),
            Short('V') | Long("version") => return Ok(Order::Print(VERSION.to_owned())),
            unknown @ (Short(_) | Long(_) | Value(_)) => {
                return Err(wrong(&unknown_text(unknown)));
            }
        }
    }
    order.level = level(verbose, quiet)?;
    if let Ok(command) = words.raw_args() {
        order.command.argv = command.skip(1).collect();
    }
    is_about_a_command(&order.command)?;
    Ok(Order::Supervise(order))
}

/// Whether the next word is `--`.
fn is_command_next(words: &mut Parser) -> bool {
    let rest = words.try_raw_args();
    rest.is_some_and(|rest| rest.peek() == Some(OsStr::new("--")))
}

fn level(verbose: u8, quiet: bool) -> Result<Option<LevelFilter>, Wrong> {
    match (quiet, verbose) {
        (true, 1..) => Err(wrong("`--quiet` and `--verbose` are opposites")),
        (true, 0) => Ok(Some(LevelFilter::Error)),
        (false, 0) => Ok(None),
        (false, 1) => Ok(Some(LevelFilter::Debug)),
        (false, _) => Ok(Some(LevelFilter::Trace)),
    }
}

/// What is said of a command needs one.
fn is_about_a_command(command: &Command) -> Result<(), Wrong> {
    if !command.argv.is_empty() {
        return Ok(());
    }
    for (given, option) in [
        (command.group, "-g"),
        (!command.expected_codes.is_empty(), "-e"),
        (!command.rewrites.is_empty(), "-r"),
    ] {
        if given {
            let text = format!("{option} is about a command, and there is none after `--`");
            return Err(wrong(&text));
        }
    }
    Ok(())
}

/// The value of the option before, which help shows like that.
fn value(words: &mut Parser, option: &str) -> Result<OsString, Wrong> {
    let next = words.value();
    next.map_err(|_| wrong(&format!("a value is missing after `--{option}`")))
}

/// The same, as what it means.
fn parsed<T>(
    words: &mut Parser,
    option: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, Wrong> {
    let value = value(words, option)?;
    let text = value.to_string_lossy();
    parse(&text)
        .map_err(|error| wrong(&format!("invalid value `{text}` for `--{option}`: {error}")))
}

/// What the parser itself does not take: a value where there is to be none.
fn odd(error: lexopt::Error) -> Wrong {
    wrong(&odd_text(error))
}

/// The same without where help is.
pub(crate) fn odd_text(error: lexopt::Error) -> String {
    if let lexopt::Error::UnexpectedValue { option, value } = error {
        let value = value.to_string_lossy();
        return format!("`{option}` has no value, and got `{value}`");
    }
    error.to_string()
}

/// What is wrong with a word that was not expected where it is.
fn unknown_text(word: Arg<'_>) -> String {
    match word {
        Short(letter) => match Subcommand::with_option(&|opt| opt.short == Some(letter)) {
            // `supervisord -n` is another one: both are possible.
            Some(command) => {
                format!("there is no option `-{letter}`; `lastout {command} -{letter}` has it")
            }
            None => format!("there is no option `-{letter}`"),
        },
        Long(name) if ASKING.iter().any(|opt| opt.long == name) => {
            format!("`--{name}` comes after a subcommand, as in `lastout status --{name}`")
        }
        Long(name) => match nearest(name, &mut LONG.into_iter()) {
            Some(near) => format!("there is no option `--{name}`; did you mean `--{near}`?"),
            None => match Subcommand::with_option(&|opt| opt.long == name) {
                Some(command) => {
                    format!("there is no option `--{name}`; `lastout {command} --{name}` has it")
                }
                None => format!("there is no option `--{name}`"),
            },
        },
        Value(word) => {
            let word = word.to_string_lossy();
            match Subcommand::named(&word) {
                Some(_) => format!("`{word}` comes first, and takes none of the other options"),
                None => no_subcommand(&word),
            }
        }
    }
}

fn no_subcommand(word: &str) -> String {
    // A command without `--` before it is what users of other inits type.
    let command = format!("a command goes after `--`, as in `lastout -- {word}`");
    if let Some(here) = elsewhere(word) {
        return format!("no subcommand named `{word}`; here it is `lastout {here}`, and {command}");
    }
    let near = nearest(word, &mut COMMANDS.iter().map(|command| command.name));
    match near {
        Some(near) => format!("no subcommand named `{word}`; did you mean `lastout {near}`?"),
        None => format!("no subcommand named `{word}`; {command}"),
    }
}

/// What does here what supervisorctl, systemctl or a shell calls so.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "tail" | "fg" | "attach" | "journalctl" => "logs -f",
        "reread" => "reload --dry-run",
        "update" | "add" | "remove" | "daemon-reload" => "reload",
        "pid" | "avail" | "ps" | "ls" | "list" | "show" | "is-active" => "status",
        "top" | "pstree" => "tree",
        "kill" => "signal",
        "up" => "start",
        "down" => "stop",
        "halt" | "poweroff" => "shutdown",
        "validate" => "check",
        _ => return None,
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
