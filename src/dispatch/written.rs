//! The routing as Alertmanager writes it, for people and tools that read its configuration.

use std::fmt::Write as _;

use super::routing::{Route, Routing};
use crate::config::GroupBy;

impl Routing {
    /// The tree and the receivers' names as YAML, without addresses and secrets: `amtool config routes` reads it.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = "route:\n".to_owned();
        self.write_route(self.root(), 1, &mut text);
        text.push_str("receivers:\n");
        for receiver in self.receivers() {
            let _ = writeln!(text, "- name: {}", quoted(&receiver.name.value));
        }
        text
    }

    fn write_route(&self, route: &Route, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let _ = writeln!(text, "{indent}receiver: {}", quoted(&route.receiver.name.value));
        match &route.group_by {
            GroupBy::All => _ = writeln!(text, "{indent}group_by: ['...']"),
            GroupBy::Labels(labels) if labels.is_empty() => {}
            GroupBy::Labels(labels) => {
                let labels: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
                let _ = writeln!(text, "{indent}group_by: [{}]", labels.join(", "));
            }
        }
        if !route.matchers.is_empty() {
            let _ = writeln!(text, "{indent}matchers:");
            for matcher in &route.matchers {
                let _ = writeln!(text, "{indent}- {}", quoted(&matcher.to_string()));
            }
        }
        if route.continues {
            let _ = writeln!(text, "{indent}continue: true");
        }
        let mut below = self.below(route).peekable();
        if below.peek().is_some() {
            let _ = writeln!(text, "{indent}routes:");
        }
        for child in below {
            let mut item = String::new();
            self.write_route(child, depth + 1, &mut item);
            // The first line of a list's item carries its dash.
            text.push_str(&item.replacen(&"  ".repeat(depth + 1), &format!("{indent}- "), 1));
        }
    }
}

/// A text in single quotes, as YAML has it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
