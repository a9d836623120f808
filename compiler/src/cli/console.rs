//! Standard output and standard error, and whether they are terminals that want colour.
//!
//! A reader that closes the pipe (`polity check | head`) ends the output quietly; the exit code stays what it was.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};
use std::rc::Rc;

use anstream::{AutoStream, ColorChoice};

use super::Failure;
use crate::report::text;

/// Where a command's output goes.
pub struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    colour: bool,
    colour_on_error: bool,
    interactive: bool,
    /// The reader of standard output has gone; nothing more is written.
    closed: bool,
}

impl Console {
    /// The process's own. Colour only on a terminal, and as `NO_COLOR`, `CLICOLOR` and `TERM` say.
    pub fn standard() -> Self {
        // Whoever watches sees each line as it comes; a pipe or a file is written in larger pieces.
        let out: Box<dyn Write> = match io::stdout().is_terminal() {
            true => Box::new(io::stdout()),
            false => Box::new(io::BufWriter::new(io::stdout())),
        };
        let wants = |choice| choice != ColorChoice::Never;
        Self {
            colour: wants(AutoStream::choice(&io::stdout())),
            colour_on_error: wants(AutoStream::choice(&io::stderr())),
            interactive: io::stderr().is_terminal(),
            ..Self::plain(out, Box::new(io::stderr()))
        }
    }

    /// Without colour and without progress, to any two writers.
    pub fn plain(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            out,
            err,
            colour: false,
            colour_on_error: false,
            interactive: false,
            closed: false,
        }
    }

    /// As if somebody watched standard error.
    #[cfg(test)]
    pub(super) fn watched(self) -> Self {
        Self {
            interactive: true,
            ..self
        }
    }

    /// Whether results may have colour.
    pub fn colour(&self) -> bool {
        self.colour
    }
    /// Whether remarks may have colour.
    pub fn colour_on_error(&self) -> bool {
        self.colour_on_error
    }
    /// Whether somebody watches standard error.
    pub(super) fn interactive(&self) -> bool {
        self.interactive
    }

    /// Writes a result.
    ///
    /// # Errors
    /// Where standard output cannot be written to, a closed pipe apart.
    pub fn result(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes a result that need not be text.
    ///
    /// # Errors
    /// As [`Console::result`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let written = self.out.write_all(bytes);
        self.unless_closed(written)
    }

    /// Writes everything else, after the results so far. If standard error is gone there is nobody left to tell.
    pub fn remark(&mut self, text: &str) {
        // What cannot be written stays in the buffer, and fails again at the end.
        let _ = self.out.flush();
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Says why a command failed.
    pub fn failure(&mut self, failure: &Failure) {
        let text = text::failure(failure.message(), failure.help(), self.colour_on_error);
        self.remark(&text);
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// As [`Console::result`].
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_closed(flushed)
    }

    fn unless_closed(&mut self, written: io::Result<()>) -> Result<(), Failure> {
        match written {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::environment(format!(
                "cannot write to standard output: {error}"
            ))),
        }
    }
}

/// What was written to a console that nobody watches.
#[derive(Clone, Default)]
pub(super) struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    /// What is not UTF-8 is replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_output_and_nothing_else() {
        let mut console = Console::plain(Box::new(Broken(io::ErrorKind::BrokenPipe)), Box::new(io::sink()));
        assert_eq!(console.result("a"), Ok(()));
        assert_eq!(console.result("b"), Ok(()));
        assert_eq!(console.flush(), Ok(()));
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut console = Console::plain(Box::new(Broken(io::ErrorKind::StorageFull)), Box::new(io::sink()));
        assert!(console.result("a").is_err());
        assert!(console.flush().is_err());
    }
}
