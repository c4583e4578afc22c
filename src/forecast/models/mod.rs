//! The models that stand behind [`Forecaster`], by name.

use super::Forecaster;

/// The model that rules call `name`; `None` where there is none.
#[must_use]
pub fn by_name(_name: &str) -> Option<Box<dyn Forecaster>> {
    None
}
