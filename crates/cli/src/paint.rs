//! The only place that writes to the terminal: data to stdout, talk to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes what the user asked for to stdout, as it is.
///
/// # Errors
/// When stdout cannot be written; a reader that left early (`| head`) is no error.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says a line on stderr. Nobody is there to be told when even that fails.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether stdout wants colours: a terminal, and nobody said `NO_COLOR`.
pub(crate) fn stdout_has_colours() -> bool {
    io::stdout().is_terminal() && console::colors_enabled()
}
