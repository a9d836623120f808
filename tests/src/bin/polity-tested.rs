//! The command line as a process of its own, which cargo builds for the suite wherever it runs. It is
//! `compiler/src/main.rs` over again, since one package cannot ask cargo for another's binary.

fn main() -> std::process::ExitCode {
    polity::cli::run(std::env::args_os()).into()
}
