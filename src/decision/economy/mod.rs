//! Money and shared limits: what a workload may cost, and who gets how much of what there is for several.
//!
//! In: prices, budgets, what each workload wants. Out: a count that the budget affords, a share for each workload.
//! Money is counted in whole billionths and time in milliseconds, so that sums do not depend on the order or on the
//! number of steps in which they were made.
//!
//! Never here: a clock; a currency (whoever writes prices and budgets in the same one need not name it).

mod divide;
mod layer;
mod money;
mod spend;
mod written;

#[cfg(test)]
mod tests;

pub(super) use layer::economy;

pub use divide::{Claim, Division, Limit, Requests, Resource, Share, divide};
pub use money::Money;
pub use spend::{Budget, Cost, Per, Spend};
