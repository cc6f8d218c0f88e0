//! What can be typed as the first word, and behind it. The one table of it: the reader
//! ([`super::typed`]), help, completions, the manual page and docs/cli.md are made from it
//! or checked against it.

use crate::control::wire::Field;

/// A first word.
#[derive(Debug)]
pub struct Command {
    /// The word.
    pub name: &'static str,
    /// Which of `lastout --help`'s groups it stands in.
    pub group: Group,
    /// What stands behind it beside options.
    pub operands: Operands,
    /// What it does, in a line.
    pub about: &'static str,
    /// Its options, beside those that all of its group have.
    pub options: &'static [Opt],
}

/// The groups of `lastout --help`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    /// It asks a running lastout.
    Ask,
    /// It makes a running lastout do something.
    Act,
    /// It talks to nobody.
    Alone,
}

/// What a command takes beside options.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operands {
    /// Nothing.
    Nothing,
    /// Names and patterns of programs, if any.
    Programs,
    /// At least one of them.
    SomePrograms,
    /// A signal, and at least one of them.
    SignalAndPrograms,
    /// A shell.
    Shell,
}

/// An option.
#[derive(Debug, Eq, PartialEq)]
pub struct Opt {
    /// Its letter, where it has one.
    pub short: Option<char>,
    /// Its long form, without the dashes.
    pub long: &'static str,
    /// What its value is called, where it has one.
    pub value: Option<&'static str>,
    /// What it does, in a line.
    pub about: &'static str,
    /// What it says to lastout.
    pub(super) says: Says,
}

/// What an option is in a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Says {
    /// Nothing, it is the client's own.
    Nothing,
    /// This field is true, or not.
    Flag(Field, bool),
    /// This field is this word.
    Word(Field, &'static str),
    /// This field is the option's value.
    Value(Field),
}

const fn flag(long: &'static str, about: &'static str, says: Says) -> Opt {
    Opt {
        short: None,
        long,
        value: None,
        about,
        says,
    }
}

const fn valued(long: &'static str, value: &'static str, about: &'static str, says: Says) -> Opt {
    Opt {
        short: None,
        long,
        value: Some(value),
        about,
        says,
    }
}

const fn with(short: char, opt: Opt) -> Opt {
    Opt {
        short: Some(short),
        ..opt
    }
}

const TIMEOUT: Opt = valued(
    "timeout",
    "DURATION",
    "Wait for 9, or 1m30s, at most",
    Says::Value(Field::Timeout),
);
const NO_WAIT: Opt = flag(
    "no-wait",
    "Do not wait until it is done",
    Says::Flag(Field::Wait, false),
);
const FOLLOW: Opt = with(
    'f',
    flag(
        "follow",
        "Go on with what comes",
        Says::Flag(Field::Follow, true),
    ),
);
const CONFIG: Opt = with(
    'c',
    valued(
        "config",
        "FILE",
        "The file [default: searched as for a start]",
        Says::Nothing,
    ),
);

/// What all have that talk to a running lastout.
pub static ASKING: &[Opt] = &[
    valued("socket", "PATH", "Where lastout listens", Says::Nothing),
    flag("json", "Print what lastout answers as it is", Says::Nothing),
];

/// What all have.
pub static HELP: Opt = with('h', flag("help", "Print help", Says::Nothing));

const fn command(
    group: Group,
    name: &'static str,
    operands: Operands,
    about: &'static str,
    options: &'static [Opt],
) -> Command {
    Command {
        name,
        group,
        operands,
        about,
        options,
    }
}

/// All of them, in the order of `lastout --help`.
pub static COMMANDS: &[Command] = &[
    command(
        Group::Ask,
        "status",
        Operands::Programs,
        "How the programs are; exit status 3 when not all is well",
        &[],
    ),
    command(
        Group::Ask,
        "why",
        Operands::Programs,
        "What keeps programs from running, or from ending",
        &[],
    ),
    command(
        Group::Ask,
        "tree",
        Operands::Nothing,
        "Every process, and when it would be told to end",
        &[],
    ),
    command(
        Group::Ask,
        "logs",
        Operands::Programs,
        "What programs have written",
        &[
            FOLLOW,
            with(
                'n',
                valued(
                    "lines",
                    "N",
                    "Only the last N lines of what is kept",
                    Says::Value(Field::Lines),
                ),
            ),
            flag(
                "stdout",
                "Only what they wrote to it",
                Says::Word(Field::Stream, "stdout"),
            ),
            flag(
                "stderr",
                "Only what they wrote to it",
                Says::Word(Field::Stream, "stderr"),
            ),
            flag("timestamps", "With the time of each line", Says::Nothing),
        ],
    ),
    command(
        Group::Ask,
        "events",
        Operands::Programs,
        "What happened",
        &[FOLLOW],
    ),
    command(
        Group::Ask,
        "report",
        Operands::Nothing,
        "How the last stop of a program went",
        &[],
    ),
    command(
        Group::Ask,
        "health",
        Operands::Nothing,
        "Exit status 0 when all is up, ready and healthy, else 1 and why",
        &[],
    ),
    command(
        Group::Ask,
        "wait",
        Operands::SomePrograms,
        "Wait until programs are in a state",
        &[
            valued(
                "for",
                "STATE",
                "running, ready, healthy, exited or stopped (needed)",
                Says::Value(Field::For),
            ),
            TIMEOUT,
        ],
    ),
    command(
        Group::Act,
        "start",
        Operands::SomePrograms,
        "Start programs, and what they need",
        &[NO_WAIT, TIMEOUT],
    ),
    command(
        Group::Act,
        "stop",
        Operands::SomePrograms,
        "Stop programs until they are started again",
        &[NO_WAIT, TIMEOUT],
    ),
    command(
        Group::Act,
        "restart",
        Operands::SomePrograms,
        "Stop programs and start them again",
        &[NO_WAIT, TIMEOUT],
    ),
    command(
        Group::Act,
        "signal",
        Operands::SignalAndPrograms,
        "Send programs a signal",
        &[flag(
            "tree",
            "To all their processes",
            Says::Word(Field::Scope, "tree"),
        )],
    ),
    command(
        Group::Act,
        "reload",
        Operands::Programs,
        "Read the configuration again; have programs read theirs",
        &[
            flag(
                "dry-run",
                "Only print what would be done",
                Says::Flag(Field::DryRun, true),
            ),
            NO_WAIT,
            TIMEOUT,
        ],
    ),
    command(
        Group::Act,
        "shutdown",
        Operands::Nothing,
        "End the container",
        &[valued(
            "code",
            "CODE",
            "With this exit status",
            Says::Value(Field::Code),
        )],
    ),
    command(
        Group::Alone,
        "check",
        Operands::Nothing,
        "Print what a configuration would run, in start order",
        &[
            CONFIG,
            valued(
                "against",
                "OLD",
                "Print what a reload from OLD to it would do",
                Says::Nothing,
            ),
        ],
    ),
    command(
        Group::Alone,
        "completions",
        Operands::Shell,
        "Print what bash, zsh or fish needs to complete",
        &[],
    ),
    command(
        Group::Alone,
        "version",
        Operands::Nothing,
        "Print the version",
        &[],
    ),
];

impl Command {
    /// The command of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// The first that has such an option of its own.
    #[must_use]
    pub fn with_option(is_it: &dyn Fn(&Opt) -> bool) -> Option<&'static str> {
        let mut commands = COMMANDS.iter();
        let found = commands.find(|command| command.options.iter().any(is_it));
        found.map(|command| command.name)
    }

    /// All its options.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        let asking = match self.group {
            Group::Ask | Group::Act => ASKING,
            Group::Alone => &[],
        };
        let help = std::iter::once(&HELP);
        self.options.iter().chain(asking).chain(help)
    }
}

impl Operands {
    /// As help shows them, with a blank in front.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Operands::Nothing => "",
            Operands::Programs => " [NAME]...",
            Operands::SomePrograms => " NAME...",
            Operands::SignalAndPrograms => " SIGNAL NAME...",
            Operands::Shell => " bash|zsh|fish",
        }
    }
}
