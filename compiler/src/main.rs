//! The `polity` binary: hands its arguments over, and turns what came of them into an exit code.

use std::process::ExitCode;

/// Compiling makes and drops millions of small things on several threads, at which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    polity::cli::run(std::env::args_os()).into()
}
