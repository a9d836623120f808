//! The `polity` binary: hands its arguments over, and turns what came of them into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    polity::cli::run(std::env::args_os()).into()
}
