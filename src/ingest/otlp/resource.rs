//! Who sends: a resource's attributes as `job`, `instance`, further labels of all its series, and the series `target_info`.

use std::borrow::Cow;

use super::super::receiver::Limits;
use super::super::rejected::Fault;
use super::labels::{LabelSet, of_attributes, pair};
use super::names;
use super::shape::{bytes, each};

/// The attributes that say which process it is.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// What the labels of a resource's series have in common.
#[derive(Debug, Default)]
pub(super) struct Resource<'a> {
    message: &'a [u8],
    /// Attributes that the settings promote. They are set where a point has no such label of its own.
    promoted: LabelSet<'a>,
    /// `job` and `instance`, which take the place of a point's own.
    identity: LabelSet<'a>,
    /// Whether there is anything to tell of it but its identity.
    has_more: bool,
}

impl<'a> Resource<'a> {
    /// Reads a `Resource` message.
    pub(super) fn read(message: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        let mut resource = Self { message, ..Self::default() };
        let mut identity: [Option<Cow<'a, str>>; 3] = [const { None }; 3];
        let (mut attributes, mut fault) = (0_usize, None);
        each(message, 1, |attribute| {
            attributes += 1;
            if let Err(own) = resource.take(attribute, &mut identity, limits) {
                fault = Some(own);
            }
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        resource.has_more = attributes > identity.iter().flatten().count();
        let [namespace, name, instance] = identity;
        let job = name.map(|name| match namespace {
            Some(namespace) => Cow::Owned(format!("{namespace}/{name}")),
            None => name,
        });
        resource.identity.set("job", job.unwrap_or_default());
        resource.identity.set("instance", instance.unwrap_or_default());
        Ok(resource)
    }

    fn take(
        &mut self,
        attribute: &'a [u8],
        identity: &mut [Option<Cow<'a, str>>; 3],
        limits: &Limits,
    ) -> Result<(), Fault> {
        let key = std::str::from_utf8(bytes(attribute, 1)).map_err(|_| Fault::InvalidUtf8)?;
        let identifies = IDENTIFYING.iter().position(|own| *own == key);
        let promotes = limits.otlp.promotes(key);
        if identifies.is_none() && !promotes {
            return Ok(());
        }
        let (_, value) = pair(attribute, limits)?;
        if promotes {
            let name = names::label(key, &limits.otlp).ok_or(Fault::LabelName)?;
            if self.promoted.iter().count() > limits.labels_max {
                return Err(Fault::TooManyLabels(limits.labels_max));
            }
            self.promoted.set(name, value.clone());
        }
        // Of two with the same key the first one counts.
        if let Some(place) = identifies.and_then(|at| identity.get_mut(at)).filter(|place| place.is_none()) {
            *place = Some(value);
        }
        Ok(())
    }

    /// Adds what the resource says to the labels of one of its points.
    pub(super) fn complete<'p>(&'p self, labels: &mut LabelSet<'p>) {
        labels.fill(&self.promoted);
        self.identify(labels);
    }

    fn identify<'p>(&'p self, labels: &mut LabelSet<'p>) {
        for (name, value) in self.identity.iter() {
            labels.set(name, value);
        }
    }

    /// The labels of `target_info`, without its name; `None` where there is nothing to tell, or nobody to tell it of.
    pub(super) fn info(&self, limits: &Limits) -> Result<Option<LabelSet<'_>>, Fault> {
        if !self.has_more {
            return Ok(None);
        }
        let skip: &[&str] = if limits.otlp.keep_identifying_resource_attributes { &[] } else { &IDENTIFYING };
        let mut labels = of_attributes(self.message, 1, skip, limits)?;
        self.identify(&mut labels);
        let identified = ["job", "instance"].into_iter().any(|name| labels.get(name).is_some());
        Ok(identified.then_some(labels))
    }
}

/// What a scope's series have in common, where the settings promote it.
#[derive(Debug, Default)]
pub(super) struct Scope<'a>(LabelSet<'a>);

impl<'a> Scope<'a> {
    /// Reads the scope of a `ScopeMetrics` message.
    pub(super) fn read(scope_metrics: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        let scope = bytes(scope_metrics, 1);
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Fault::InvalidUtf8);
        let mut labels = LabelSet::default();
        if !limits.otlp.promote_scope_metadata || bytes(scope, 1).is_empty() {
            return Ok(Self(labels));
        }
        let mut fault = None;
        each(scope, 3, |attribute| {
            let named = pair(attribute, limits).and_then(|(key, value)| {
                let name = names::label(&format!("otel_scope_{key}"), &limits.otlp).ok_or(Fault::LabelName)?;
                if labels.iter().count() > limits.labels_max {
                    return Err(Fault::TooManyLabels(limits.labels_max));
                }
                labels.set(name, value);
                Ok(())
            });
            fault = named.err().or(fault.take());
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        labels.set("otel_scope_name", text(bytes(scope, 1))?);
        labels.set("otel_scope_version", text(bytes(scope, 2))?);
        labels.set("otel_scope_schema_url", text(bytes(scope_metrics, 3))?);
        Ok(Self(labels))
    }

    pub(super) fn complete<'p>(&'p self, labels: &mut LabelSet<'p>) {
        for (name, value) in self.0.iter() {
            labels.set(name, value);
        }
    }
}
