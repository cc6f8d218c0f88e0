//! The verbs, who may use them, and which fields they have. The tables of docs/protocol.md.

/// What a client asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// Who are you?
    Hello,
    /// How are the programs?
    Status,
    /// Start programs.
    Start,
    /// Stop programs.
    Stop,
    /// Stop programs and start them again.
    Restart,
    /// Send programs a signal.
    Signal,
    /// Read the configuration again.
    Reload,
    /// Have programs read their own configuration again.
    ReloadPrograms,
    /// Answer when programs have come to a state.
    Wait,
    /// What programs have written.
    Logs,
    /// What happened.
    Events,
    /// Who is there.
    Tree,
    /// What keeps a program from running, or the shutdown waiting.
    Why,
    /// Is all well?
    Health,
    /// Who was stopped at last, and how that went.
    Report,
    /// End the container.
    Shutdown,
}

/// What a verb does to others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// It only asks: root, lastout's own user, and `[control] readers`.
    Ask,
    /// It changes something: root and lastout's own user.
    Act,
}

/// A field of a request beside its verb.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// Names and patterns of programs.
    Programs,
    /// Whether to answer when it is decided, and not at once.
    Wait,
    /// How long to wait at most.
    Timeout,
    /// Which signal.
    Signal,
    /// To which part of the tree.
    Scope,
    /// Only say what would be done.
    DryRun,
    /// Until which state to wait.
    For,
    /// stdout or stderr.
    Stream,
    /// How many of the last lines.
    Lines,
    /// Go on with what comes.
    Follow,
    /// The exit status.
    Code,
}

impl Verb {
    /// All of them, in the order of docs/protocol.md.
    pub const ALL: [Verb; 16] = [
        Verb::Hello,
        Verb::Status,
        Verb::Start,
        Verb::Stop,
        Verb::Restart,
        Verb::Signal,
        Verb::Reload,
        Verb::ReloadPrograms,
        Verb::Wait,
        Verb::Logs,
        Verb::Events,
        Verb::Tree,
        Verb::Why,
        Verb::Health,
        Verb::Report,
        Verb::Shutdown,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verb::Hello => "hello",
            Verb::Status => "status",
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::Signal => "signal",
            Verb::Reload => "reload",
            Verb::ReloadPrograms => "reload-programs",
            Verb::Wait => "wait",
            Verb::Logs => "logs",
            Verb::Events => "events",
            Verb::Tree => "tree",
            Verb::Why => "why",
            Verb::Health => "health",
            Verb::Report => "report",
            Verb::Shutdown => "shutdown",
        }
    }

    /// The verb of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// Who may use it.
    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Verb::Hello
            | Verb::Status
            | Verb::Wait
            | Verb::Logs
            | Verb::Events
            | Verb::Tree
            | Verb::Why
            | Verb::Health
            | Verb::Report => Access::Ask,
            Verb::Start
            | Verb::Stop
            | Verb::Restart
            | Verb::Signal
            | Verb::Reload
            | Verb::ReloadPrograms
            | Verb::Shutdown => Access::Act,
        }
    }

    /// What else a request with it may say.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Verb::Hello | Verb::Tree | Verb::Health | Verb::Report => &[],
            Verb::Status | Verb::Why => &[Field::Programs],
            Verb::Start | Verb::Stop | Verb::Restart | Verb::ReloadPrograms => {
                &[Field::Programs, Field::Wait, Field::Timeout]
            }
            Verb::Signal => &[Field::Programs, Field::Signal, Field::Scope],
            Verb::Reload => &[Field::DryRun],
            Verb::Wait => &[Field::Programs, Field::For, Field::Timeout],
            Verb::Logs => &[Field::Programs, Field::Stream, Field::Lines, Field::Follow],
            Verb::Events => &[Field::Programs, Field::Follow],
            Verb::Shutdown => &[Field::Code],
        }
    }
}

impl Field {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Programs => "programs",
            Field::Wait => "wait",
            Field::Timeout => "timeout",
            Field::Signal => "signal",
            Field::Scope => "scope",
            Field::DryRun => "dry_run",
            Field::For => "for",
            Field::Stream => "stream",
            Field::Lines => "lines",
            Field::Follow => "follow",
            Field::Code => "code",
        }
    }
}
