/// Seeds that found something before, with what they found.
const FOUND: &str = include_str!("../regressions.txt");

/// The seeds that found something before, in the order in which they are written down.
pub fn regressions() -> impl Iterator<Item = u64> {
    let lines = FOUND.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| {
        let seed = line.split_whitespace().next().unwrap_or_default();
        seed.parse().expect("every line of regressions.txt begins with a seed")
    })
}
