//! The labels of one data point while they are put together: from its attributes, its resource and its scope.

use std::borrow::Cow;

use super::super::receiver::Limits;
use super::super::rejected::Fault;
use super::shape::{bytes, each};
use super::{names, value};

/// Labels in order of their names; none is empty.
#[derive(Debug, Clone, Default)]
pub(super) struct LabelSet<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> LabelSet<'a> {
    /// Gives a label a value; an empty one takes the label away.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (name, value) = (name.into(), value.into());
        match self.place(&name) {
            Ok(at) if value.is_empty() => _ = self.0.remove(at),
            Ok(at) => self.0[at].1 = value,
            Err(_) if value.is_empty() => {}
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.place(name).ok().map(|at| &*self.0[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Sets what is not there yet.
    pub(super) fn fill<'o: 'a>(&mut self, others: &'o LabelSet<'_>) {
        for (name, value) in others.iter() {
            if self.get(name).is_none() {
                self.set(name, value);
            }
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(name))
    }
}

/// Key and value of a `KeyValue`.
pub(super) fn pair<'a>(message: &'a [u8], limits: &Limits) -> Result<(&'a str, Cow<'a, str>), Fault> {
    let key = std::str::from_utf8(bytes(message, 1)).map_err(|_| Fault::InvalidUtf8)?;
    Ok((key, value::text(bytes(message, 2), limits.label_value_bytes_max)?))
}

/// The attributes in a message's field of this number as labels, but for those that `skip` names. Where several come to the
/// same name, their values are joined in the order of their keys.
pub(super) fn of_attributes<'a>(
    message: &'a [u8],
    number: u32,
    skip: &[&str],
    limits: &Limits,
) -> Result<LabelSet<'a>, Fault> {
    let (mut attributes, mut fault) = (Vec::new(), None);
    each(message, number, |attribute| match pair(attribute, limits) {
        Ok((key, _)) if skip.contains(&key) => {}
        // A bound: what follows takes time by the square of it.
        Ok(_) if attributes.len() > limits.labels_max => fault = Some(Fault::TooManyLabels(limits.labels_max)),
        Ok(pair) => attributes.push(pair),
        Err(own) => fault = Some(own),
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    attributes.sort_by_key(|(key, _)| *key);
    let mut labels = LabelSet::default();
    for (key, value) in attributes {
        if !limits.otlp.translation_strategy.escapes() {
            labels.set(key, value);
            continue;
        }
        let name = names::label(key, &limits.otlp).ok_or(Fault::LabelName)?;
        match labels.get(&name) {
            Some(before) => {
                let joined = format!("{before};{value}");
                labels.set(name, joined);
            }
            None => labels.set(name, value),
        }
    }
    Ok(labels)
}
