//! One measured number beside what it is held against.

use std::fmt::Write as _;

/// A measured number, its floor and its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was measured, such as `journal.rows.256`.
    pub name: String,
    /// The measured value in `unit`; finite.
    pub value: f64,
    /// The unit, such as `rows/s` or `ms`.
    pub unit: &'static str,
    /// What a bare prototype of the same work reached in the same run, in `unit`.
    pub floor: Option<f64>,
    /// `value` over `floor`.
    pub ratio: Option<f64>,
    /// The target in words, such as `ratio >= 0.7`.
    pub target: String,
    /// Whether the target was met.
    pub ok: bool,
}

impl Figure {
    /// A value that has to reach `share` of its floor.
    #[must_use]
    pub fn at_least_of_floor(name: String, value: f64, unit: &'static str, floor: f64, share: f64) -> Self {
        let ratio = value / floor;
        let target = format!("ratio >= {share}");
        Self { name, value, unit, floor: Some(floor), ratio: Some(ratio), target, ok: ratio >= share }
    }

    /// A value that has to reach `least`.
    #[must_use]
    pub fn at_least(name: String, value: f64, unit: &'static str, least: f64) -> Self {
        let target = format!(">= {least} {unit}");
        Self { name, value, unit, floor: None, ratio: None, target, ok: value >= least }
    }

    /// A value that must not pass `limit`.
    #[must_use]
    pub fn at_most(name: String, value: f64, unit: &'static str, limit: f64) -> Self {
        let target = format!("<= {limit} {unit}");
        Self { name, value, unit, floor: None, ratio: None, target, ok: value <= limit }
    }

    /// A value without a target, for orientation.
    #[must_use]
    pub fn noted(name: String, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, floor: None, ratio: None, target: String::new(), ok: true }
    }

    /// The same beside what a bare prototype, or the same work without something, reached.
    #[must_use]
    pub fn beside(self, floor: f64) -> Self {
        Self { floor: Some(floor), ratio: Some(self.value / floor), ..self }
    }

    /// The figure as one line of JSON with exactly the keys `name`, `value`, `unit`, `floor`, `ratio`, `target`, `ok`.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!(
            r#"{{"name":{},"value":{},"unit":{},"floor":{},"ratio":{},"target":{},"ok":{}}}"#,
            text(&self.name),
            number(Some(self.value)),
            text(self.unit),
            number(self.floor),
            number(self.ratio),
            text(&self.target),
            self.ok
        )
    }
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn text(raw: &str) -> String {
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    for c in raw.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes any text");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_one_line_of_json_with_every_key() {
        let met = Figure::at_least_of_floor("journal.rows.64".into(), 75.0, "rows/s", 100.0, 0.7);
        assert_eq!(
            met.to_json(),
            r#"{"name":"journal.rows.64","value":75,"unit":"rows/s","floor":100,"ratio":0.75,"target":"ratio >= 0.7","ok":true}"#
        );
        let missed = Figure::at_most("say \"p99\"\n".into(), 5.5, "ms", 5.0);
        assert_eq!(
            missed.to_json(),
            r#"{"name":"say \"p99\"\u000a","value":5.5,"unit":"ms","floor":null,"ratio":null,"target":"<= 5 ms","ok":false}"#
        );
    }
}
