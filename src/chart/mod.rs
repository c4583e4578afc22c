//! Lines and bands over time → a picture: an SVG, a page that holds several, or a terminal's signs.
//!
//! In come points (a NaN is a hole, and is drawn as one), out goes text. A picture needs nothing from elsewhere: no
//! script, no font, no address; its colours follow the reader's light or dark. Nothing here knows what it draws.

mod axis;
mod page;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;

pub use page::{Page, escape};
pub use terminal::Size;

use crate::time::Timestamp;

/// What a line or band stands for by its colour; the same as on the page of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What was measured.
    Ink,
    /// What is there: capacity, ready replicas.
    Blue,
    /// What is asked for or expected.
    Orange,
    /// What is short.
    Red,
    /// What is well.
    Green,
    /// What is only beside it.
    Grey,
}

/// How a line goes from one point to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    Solid,
    Dashed,
    /// Level until the next point: replica counts.
    Steps,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    pub tone: Tone,
    pub stroke: Stroke,
    /// Oldest first. A value that is not finite is a hole in the curve.
    pub points: Vec<(Timestamp, f64)>,
}

/// The space between two curves.
#[derive(Debug, Clone)]
pub struct Band {
    /// Its name in the legend.
    pub name: String,
    pub tone: Tone,
    /// Oldest first: when, from, to. A value that is not finite is a hole in the band.
    pub points: Vec<(Timestamp, f64, f64)>,
}

/// A moment worth a word: a vertical line.
#[derive(Debug, Clone)]
pub struct Mark {
    pub at: Timestamp,
    pub text: String,
}

/// A picture of values over time. Bands are drawn first, then lines, the last on top.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What is seen, in a few words.
    pub title: String,
    /// The unit of the values, or what they count; may be empty.
    pub unit: String,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
    pub marks: Vec<Mark>,
}

impl Chart {
    /// The picture as an SVG of `width` × `height` pixels that stands alone, or within a page.
    #[must_use]
    pub fn svg(&self, width: u32, height: u32) -> String {
        svg::render(self, width, height)
    }

    /// The picture in signs of a terminal, `size.columns` × `size.rows` of them, with colours where `size.colours`.
    #[must_use]
    pub fn terminal(&self, size: Size) -> String {
        terminal::render(self, size)
    }

    /// Each finite value with its time.
    fn finite(&self) -> impl Iterator<Item = (Timestamp, f64)> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().copied());
        let bands = self.bands.iter().flat_map(|band| band.points.iter());
        let edges = bands.flat_map(|&(at, low, high)| [(at, low), (at, high)]);
        lines.chain(edges).filter(|(_, value)| value.is_finite())
    }

    /// From the first point to the last, holes too; `None` where there is no point.
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
        let bands = self.bands.iter().flat_map(|band| band.points.iter().map(|point| point.0));
        let (first, last) = lines
            .chain(bands)
            .fold((Timestamp::MAX, Timestamp::MIN), |(first, last), at| (first.min(at), last.max(at)));
        (first <= last).then_some((first, last))
    }
}
