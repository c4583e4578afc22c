//! What a terminal does with text: colours, drawing over the last picture, numbers and curves as people read them.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::time::Duration;

/// Wraps text in colours, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: impl Display) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    pub(super) fn bold(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: impl Display) -> String {
        self.wrap("2", text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.wrap("31", text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.wrap("32", text)
    }

    pub(super) fn cyan(self, text: impl Display) -> String {
        self.wrap("36", text)
    }
}

/// A part of the terminal that is drawn over and over. The cursor comes back when this is dropped.
#[derive(Debug)]
pub(super) struct Screen<W: Write> {
    out: W,
    /// Lines of the last picture.
    height: usize,
}

impl<W: Write> Screen<W> {
    /// Hides the cursor, and has lines cut at the terminal's edge: a wrapped line would not be drawn over.
    pub(super) fn open(mut out: W) -> io::Result<Self> {
        out.write_all(b"\x1b[?25l\x1b[?7l")?;
        Ok(Self { out, height: 0 })
    }

    /// Replaces the last picture.
    pub(super) fn draw(&mut self, picture: &str) -> io::Result<()> {
        let mut bytes = String::new();
        if self.height > 0 {
            let _ = write!(bytes, "\x1b[{}A\r", self.height);
        }
        for line in picture.lines() {
            bytes.push_str(line);
            bytes.push_str("\x1b[K\n");
        }
        bytes.push_str("\x1b[J");
        self.height = picture.lines().count();
        self.out.write_all(bytes.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // Nobody is left to tell where even this fails.
        let _ = self.out.write_all(b"\x1b[?7h\x1b[?25h").and_then(|()| self.out.flush());
    }
}

/// Values as a row of blocks, the newest last: an eighth of a line's height for each eighth of `max`.
pub(super) fn curve(values: impl IntoIterator<Item = f64>, max: f64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |value: f64| {
        let eighths = BLOCKS.iter().enumerate().rev();
        eighths
            .map(|(at, block)| (at as f64 / 8.0, *block))
            .find(|(from, _)| value > from * max)
            .map(|(_, block)| block)
    };
    values.into_iter().map(|value| block(value).unwrap_or('▁')).collect()
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate or another value that isn't negative, rounded to a whole number, in groups of three.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates and takes NaN to zero")]
pub(super) fn rounded(value: f64) -> String {
    grouped(value.round() as u64)
}

/// A part of a whole, from 0 to 1, as a percentage. What is not zero never reads as zero.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.0001 { "<0.01 %".to_owned() } else { format!("{:.2} %", share * 100.0) }
}

/// Minutes and seconds, as a stop watch shows them.
pub(super) fn stopwatch(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
