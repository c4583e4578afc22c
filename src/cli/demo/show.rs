//! Where frames go: a table that is drawn in place, or lines that a log can keep.

use std::io::{self, Write};
use std::time::Duration;

use super::frame::Frame;
use super::paint::{Paint, Screen};
use super::table;

/// How often the table is drawn again, in real time: fast enough to look alive, slow enough to be read.
const TABLE_INTERVAL: Duration = Duration::from_millis(250);

/// How often plain lines are written, in real time.
const LINES_INTERVAL: Duration = Duration::from_secs(5);

/// Shows frames.
#[derive(Debug)]
pub(super) struct Show<W: Write> {
    way: Way<W>,
    paint: Paint,
    /// Real time since the start at which the next frame is wanted.
    due: Duration,
}

#[derive(Debug)]
enum Way<W: Write> {
    Table(Screen<W>),
    Lines {
        out: W,
        /// The newest decision that was written.
        written: u64,
    },
}

impl<W: Write> Show<W> {
    pub(super) fn open(out: W, plain: bool, paint: Paint) -> io::Result<Self> {
        if plain {
            // The first lines come when there is something to say.
            return Ok(Self { way: Way::Lines { out, written: 0 }, paint, due: LINES_INTERVAL });
        }
        Ok(Self { way: Way::Table(Screen::open(out)?), paint, due: Duration::ZERO })
    }

    /// Whether a new frame is wanted; asks for the next one after that.
    pub(super) fn is_due(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.due {
            return false;
        }
        self.due = elapsed + if matches!(self.way, Way::Table(_)) { TABLE_INTERVAL } else { LINES_INTERVAL };
        true
    }

    pub(super) fn draw(&mut self, frame: &Frame) -> io::Result<()> {
        match &mut self.way {
            Way::Table(screen) => screen.draw(&table::render(frame, self.paint)),
            Way::Lines { out, written } => {
                for line in frame.decisions.iter().filter(|line| line.id > *written) {
                    writeln!(out, "{}", table::decision(line, self.paint))?;
                }
                *written = frame.decisions.last().map_or(*written, |line| line.id);
                out.write_all(table::plain(frame).as_bytes())?;
                out.flush()
            }
        }
    }
}
