//! Other autoscalers' objects → rule files of ours, and what could not be carried over.
//!
//! In: YAML or JSON documents, as files hold them, `kubectl get -o yaml` prints them or an API server sends them:
//! `HorizontalPodAutoscaler` (all versions), KEDA's `ScaledObject`, and the predictive objects of Crane, of
//! `predictive-horizontal-pod-autoscaler` and of AHPA. Out: a [`File`] for each namespace, with comments that say where
//! each rule came from, and a [`Note`] for everything that a rule can't say or says in another way.
//! Never here: a field that is dropped in silence. What nobody has read of an object is a note.
//!
//! `document` finds the objects, `fields` walks one and remembers what was read, `hpa`, `keda` and `predictive` make a
//! `draft` of it, `promql` writes expressions over the usual series, and `render` writes the drafts down.

mod behavior;
mod document;
mod draft;
mod fields;
mod hpa;
mod keda;
mod legacy;
mod metrics;
mod notes;
mod predictive;
mod promql;
mod quantity;
mod render;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use document::{Document, documents};
pub use notes::{Note, Weight};
pub use promql::Names;

use draft::Draft;
use notes::Notes;

/// What came of an import.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// One for each namespace, in the order of their names.
    pub files: Vec<File>,
    /// In the order of the documents.
    pub notes: Vec<Note>,
    /// Autoscalers that were found.
    pub found: usize,
    /// Objects of other kinds, which are nothing to us.
    pub others: usize,
}

impl Imported {
    /// How many things were left out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.notes.iter().filter(|note| note.weight == Weight::LeftOut).count()
    }
}

/// The rules of one namespace.
#[derive(Debug, Clone)]
pub struct File {
    pub namespace: String,
    pub rules: usize,
    group: String,
}

impl File {
    /// The file's text, a rule file of its own.
    #[must_use]
    pub fn text(&self) -> String {
        text([self])
    }
}

/// One rule file that holds the groups of all of these.
#[must_use]
pub fn text<'a>(files: impl IntoIterator<Item = &'a File>) -> String {
    let groups: String = files.into_iter().map(|file| file.group.as_str()).collect();
    if groups.is_empty() { "groups: []\n".to_owned() } else { format!("{}{groups}", render::HEAD) }
}

/// Turns the autoscalers among `documents` into rules.
#[must_use]
pub fn import(documents: &[Document], names: &Names) -> Imported {
    let notes = Notes::default();
    let scaled_objects: BTreeSet<String> =
        documents.iter().filter(|document| document.kind() == "ScaledObject").map(Document::id).collect();
    let mut imported = Imported::default();
    let mut drafts: Vec<Draft> = Vec::new();
    for document in documents {
        let notes = notes.about(document);
        let draft = match (document.group(), document.kind()) {
            ("autoscaling", "HorizontalPodAutoscaler") => hpa::draft(document, names, &notes, &scaled_objects),
            ("keda.sh", "ScaledObject") => keda::draft(document, names, &notes),
            ("keda.sh", "ScaledJob") => {
                notes.left_out("spec", "a ScaledJob starts Jobs; Headroom scales what has a scale subresource");
                None
            }
            ("autoscaling.crane.io", "EffectiveHorizontalPodAutoscaler") => predictive::crane(document, names, &notes),
            ("jamiethompson.me", "PredictiveHorizontalPodAutoscaler") => predictive::phpa(document, names, &notes),
            ("autoscaling.alibabacloud.com", "AdvancedHorizontalPodAutoscaler") => {
                predictive::ahpa(document, names, &notes)
            }
            _ => {
                imported.others += 1;
                continue;
            }
        };
        imported.found += 1;
        let Some(draft) = draft else { continue };
        if draft.name.trim().is_empty() {
            notes.left_out("metadata.name", "it has no name, and a rule needs one; name it and import again");
            continue;
        }
        match drafts.iter().find(|other| other.target == draft.target) {
            // Two rules for one workload are refused by `headroom check`, and two autoscalers of it fight already.
            Some(other) => notes.left_out(
                "spec.scaleTargetRef",
                format!(
                    "{} scales the same workload; keep one of the two, or merge their metrics by hand",
                    other.origin
                ),
            ),
            None => drafts.push(draft),
        }
    }
    name_apart(&mut drafts);
    imported.files = files(&drafts);
    imported.notes = notes.into_list();
    imported
}

/// Rules are named as their objects are; where two namespaces have one of the same name, by the namespace too.
fn name_apart(drafts: &mut [Draft]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for draft in drafts.iter() {
        *seen.entry(draft.name.clone()).or_default() += 1;
    }
    let shared = |draft: &&mut Draft| seen.get(&draft.name).is_some_and(|count| *count > 1);
    for draft in drafts.iter_mut().filter(shared) {
        // A slash, which no object's name has, so that the new name is nobody else's. Of two objects of one name and
        // namespace, the kinds differ.
        draft.name = format!("{}/{}/{}", draft.target.namespace, draft.kind.to_lowercase(), draft.name);
    }
}

fn files(drafts: &[Draft]) -> Vec<File> {
    let namespaces: BTreeSet<&str> = drafts.iter().map(|draft| draft.target.namespace.as_str()).collect();
    let file = |namespace: &str| {
        let own: Vec<&Draft> = drafts.iter().filter(|draft| draft.target.namespace == namespace).collect();
        File { namespace: namespace.to_owned(), rules: own.len(), group: render::group(namespace, &own) }
    };
    namespaces.into_iter().map(file).collect()
}
