//! A line on standard error that says what takes so long: on a terminal only, and after a second only.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use super::Console;

/// What is quicker than this needs no word; after the command line's convention.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the spinner turns: as often as the eye follows.
const TURN: Duration = Duration::from_millis(100);

/// Tells what is being done now.
pub(super) struct Progress {
    stages: Option<Sender<String>>,
}

impl Progress {
    /// `verifying the trail`: shown if it is still so when the first second is over.
    pub(super) fn say(&self, stage: &str) {
        if let Some(stages) = &self.stages {
            // Whoever draws may be gone; the work goes on.
            let _ = stages.send(stage.to_owned());
        }
    }
}

/// Does the work, and shows what it says of itself if somebody watches.
pub(super) fn with_progress<T>(console: &Console, stage: &str, work: impl FnOnce(&Progress) -> T) -> T {
    if !console.interactive() {
        return work(&Progress { stages: None });
    }
    std::thread::scope(|scope| {
        let (stages, said) = channel::<String>();
        scope.spawn(move || {
            let mut stage = stage.to_owned();
            let patience_ends = clock() + PATIENCE;
            let bar = loop {
                match said.recv_timeout(patience_ends.saturating_duration_since(clock())) {
                    Ok(next) => stage = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break ProgressBar::new_spinner().with_message(stage),
                }
            };
            bar.enable_steady_tick(TURN);
            for next in said {
                bar.set_message(next);
            }
            bar.finish_and_clear();
        });
        // Dropped with the work's end, even by a panic: the drawing thread then clears its line and ends.
        let progress = Progress { stages: Some(stages) };
        work(&progress)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "progress is drawn at the edge, and decides nothing"
)]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_whether_or_not_somebody_watches() {
        let console = || Console::plain(Box::new(std::io::sink()), Box::new(std::io::sink()));
        for console in [console(), console().watched()] {
            let done = with_progress(&console, "adding", |progress| {
                progress.say("still adding");
                1 + 1
            });
            assert_eq!(done, 2);
        }
    }
}
