use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    metrics::Metric,
    value::{Kind, Value},
};

/// The values of all metrics of a process; cheap to clone, every clone is the same registry.
///
/// A series is looked up once and kept: counting on it takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Mutex<BTreeMap<&'static str, Family>>>);

#[derive(Debug)]
struct Family {
    help: &'static str,
    kind: &'static str,
    labels: &'static [&'static str],
    series: BTreeMap<Box<[Box<str>]>, Value>,
}

impl Registry {
    /// The series of a metric with these label values, new at zero when there is none yet.
    ///
    /// # Panics
    /// Never: a name has one kind, which the catalogue's test proves.
    pub fn series<K: Kind, const N: usize>(&self, metric: &'static Metric<K, N>, labels: [&str; N]) -> K {
        let mut families = self.lock();
        let family = families.entry(metric.name).or_insert_with(|| Family {
            help: metric.help,
            kind: K::TYPE,
            labels: &metric.labels,
            series: BTreeMap::new(),
        });
        let value = family.series.entry(key(labels)).or_insert_with(|| K::default().into_value());
        K::of(value).expect("a metric's name has one kind, as the catalogue is unique by name")
    }

    /// Forgets the series with these label values: it is not written any more.
    pub fn forget<K: Kind, const N: usize>(&self, metric: &'static Metric<K, N>, labels: [&str; N]) {
        if let Some(family) = self.lock().get_mut(metric.name) {
            family.series.remove(&key(labels));
        }
    }

    /// All values in Prometheus' text format (`text/plain; version=0.0.4`).
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.lock().iter() {
            if !family.series.is_empty() {
                family.write(name, &mut text).expect("writing to a String cannot fail");
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Family>> {
        // A panic elsewhere leaves the map whole: it is changed by single insertions and removals only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Family {
    fn write(&self, name: &str, text: &mut String) -> std::fmt::Result {
        writeln!(text, "# HELP {name} {}", self.help)?;
        writeln!(text, "# TYPE {name} {}", self.kind)?;
        for (values, value) in &self.series {
            let pairs = self.pairs(values);
            match value {
                Value::Counter(counter) => line(text, name, "", &pairs, None, &counter.value().to_string())?,
                Value::Gauge(gauge) => line(text, name, "", &pairs, None, &number(gauge.value()))?,
                Value::Histogram(histogram) => {
                    for (bound, count) in histogram.cumulative() {
                        line(text, name, "_bucket", &pairs, Some(&number(bound)), &count.to_string())?;
                    }
                    let (count, sum) = histogram.totals();
                    line(text, name, "_sum", &pairs, None, &number(sum))?;
                    line(text, name, "_count", &pairs, None, &count.to_string())?;
                }
            }
        }
        Ok(())
    }

    fn pairs(&self, values: &[Box<str>]) -> Vec<String> {
        self.labels
            .iter()
            .zip(values)
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect()
    }
}

fn line(
    text: &mut String,
    name: &str,
    suffix: &str,
    pairs: &[String],
    bound: Option<&str>,
    value: &str,
) -> std::fmt::Result {
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let labels: Vec<&str> = pairs.iter().chain(&bound).map(String::as_str).collect();
    if labels.is_empty() {
        return writeln!(text, "{name}{suffix} {value}");
    }
    writeln!(text, "{name}{suffix}{{{}}} {value}", labels.join(","))
}

fn key<const N: usize>(labels: [&str; N]) -> Box<[Box<str>]> {
    labels.map(Box::from).into()
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    #[test]
    fn a_series_is_found_again_until_it_is_forgotten() {
        let registry = Registry::default();
        registry.series(&metrics::REFUSALS, ["gap"]).add(2);
        registry.clone().series(&metrics::REFUSALS, ["gap"]).add(1);
        assert_eq!(registry.series(&metrics::REFUSALS, ["gap"]).value(), 3);
        registry.forget(&metrics::REFUSALS, ["gap"]);
        assert_eq!(registry.render(), "");
    }

    #[test]
    fn label_values_are_escaped() {
        let registry = Registry::default();
        registry.series(&metrics::BROKER_INCIDENT, ["a\"b\\c\nd"]).set(1.0);
        assert!(registry.render().contains(r#"{server="a\"b\\c\nd"} 1"#));
    }

    #[test]
    fn a_histogram_is_written_with_its_ranges_sum_and_count() {
        let registry = Registry::default();
        registry.series(&metrics::JOURNAL_COMMIT, []).observe(0.002);
        let text = registry.render();
        for line in [
            "_bucket{le=\"0.001\"} 0",
            "_bucket{le=\"0.002\"} 1",
            "_bucket{le=\"+Inf\"} 1",
            "_sum 0.002",
            "_count 1",
        ] {
            assert!(
                text.contains(&format!("warden_journal_commit_duration_seconds{line}\n")),
                "{line} in\n{text}"
            );
        }
    }
}
