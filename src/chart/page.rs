//! A page that needs nothing else: one HTML file with its pictures and texts within.

use std::fmt::Write as _;

use super::Chart;

/// The page's own look; the charts bring theirs.
const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f6f7f9;--sheet:#fff;--ink:#16202b;--soft:#5a6775;--line:#dfe4ea}
@media(prefers-color-scheme:dark){:root{--ground:#0f1419;--sheet:#171e26;--ink:#e4eaf0;--soft:#93a1b0;--line:#2a343f}}
body{margin:0 auto;max-width:1080px;padding:24px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}p{margin:4px 0 12px;color:var(--soft)}
figure{margin:12px 0;border:1px solid var(--line);border-radius:6px;overflow:hidden;background:var(--sheet)}
figure svg{display:block;width:100%;height:auto}
table{border-collapse:collapse;font-size:13px;background:var(--sheet);border:1px solid var(--line);font-variant-numeric:tabular-nums}
th,td{padding:4px 7px;white-space:nowrap;border-bottom:1px solid var(--line);text-align:right}th:first-child,td:first-child{text-align:left}
pre{background:var(--sheet);border:1px solid var(--line);border-radius:6px;padding:12px;overflow-x:auto}
.wide{overflow-x:auto}
";

/// A page while it is written: parts stand in the order in which they are added.
#[derive(Debug, Clone)]
pub struct Page {
    text: String,
}

impl Page {
    #[must_use]
    pub fn new(title: &str) -> Self {
        let title = escape(title);
        let text = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n"
        );
        Self { text }
    }

    /// A heading within the page.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.add(format_args!("<h2>{}</h2>", escape(text)))
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.add(format_args!("<p>{}</p>", escape(text)))
    }

    /// Text as it stands: rules to copy, a decision.
    pub fn verbatim(&mut self, text: &str) -> &mut Self {
        self.add(format_args!("<pre>{}</pre>", escape(text)))
    }

    /// A table; the first column is of words, the others of numbers.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        let row = |cells: &mut dyn Iterator<Item = &str>, tag: &str| {
            cells.fold(String::from("<tr>"), |row, cell| format!("{row}<{tag}>{}</{tag}>", escape(cell))) + "</tr>"
        };
        let head = row(&mut head.iter().copied(), "th");
        let rows: Vec<String> = rows.iter().map(|cells| row(&mut cells.iter().map(String::as_str), "td")).collect();
        self.add(format_args!("<div class=\"wide\"><table>\n{head}\n{}\n</table></div>", rows.join("\n")))
    }

    /// A picture over the whole width, `height` pixels high where the width is 1,030.
    pub fn chart(&mut self, chart: &Chart, height: u32) -> &mut Self {
        self.add(format_args!("<figure>{}</figure>", chart.svg(1030, height)))
    }

    /// A picture of another kind, as an SVG that its writer has escaped.
    pub fn figure(&mut self, svg: &str) -> &mut Self {
        self.add(format_args!("<figure>{svg}</figure>"))
    }

    /// The page, closed.
    #[must_use]
    pub fn finish(&self) -> String {
        format!("{}</body>\n</html>\n", self.text)
    }

    fn add(&mut self, part: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a String can't fail.
        let _ = writeln!(self.text, "{part}");
        self
    }
}

/// Text for between tags and within quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no other control signs.
            sign if sign.is_control() && !matches!(sign, '\n' | '\t') => {}
            sign => escaped.push(sign),
        }
    }
    escaped
}
