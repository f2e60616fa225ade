use std::fmt::Write as _;

use super::frame::{Colour, Frame, Line};

const CHARACTER: f64 = 7.8;
const LINE: f64 = 18.0;
const MARGIN: f64 = 18.0;

/// A frame as an SVG picture of monospace text.
#[must_use]
pub(crate) fn svg(frame: &Frame) -> String {
    let columns = frame.lines.iter().map(Line::width).max().unwrap_or(0);
    let width = columns as f64 * CHARACTER + 2.0 * MARGIN;
    let height = frame.lines.len() as f64 * LINE + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\" xml:space=\"preserve\">\n"
    );
    for (at, line) in frame.lines.iter().enumerate() {
        add(&mut text, line, MARGIN + (at as f64 + 0.75) * LINE);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

/// Each piece stands at its own place and has its own length, so that columns meet whatever font is there.
fn add(text: &mut String, line: &Line, y: f64) {
    let mut column = 0;
    for piece in &line.0 {
        let shown = piece.text.trim_end();
        let (count, skipped) = (piece.text.chars().count(), shown.chars().take_while(|c| *c == ' ').count());
        let words = shown.trim_start();
        if !words.is_empty() {
            let x = MARGIN + (column + skipped) as f64 * CHARACTER;
            let length = words.chars().count() as f64 * CHARACTER;
            let (fill, weight) = look(piece.colour);
            writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" fill=\"{fill}\"{weight}>{}</text>", escaped(words))
                .expect("writing into a string cannot fail");
        }
        column += count;
    }
}

const fn look(colour: Colour) -> (&'static str, &'static str) {
    match colour {
        Colour::Plain => ("#c9d1d9", ""),
        Colour::Faint => ("#6e7681", ""),
        Colour::Strong => ("#f0f6fc", " font-weight=\"bold\""),
        Colour::Good => ("#3fb950", ""),
        Colour::Busy => ("#58a6ff", ""),
        Colour::Trouble => ("#d29922", ""),
        Colour::Bad => ("#f85149", ""),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_holds_every_word_where_it_stands_and_is_well_formed() {
        let line = Line::default()
            .cell("a<b", 5, Colour::Plain)
            .cell("  ", 2, Colour::Good)
            .text("c&d", Colour::Bad);
        let picture = svg(&Frame { lines: vec![Line::default(), line], ..Frame::default() });
        assert!(picture.contains(">a&lt;b</text>") && picture.contains(">c&amp;d</text>"), "{picture}");
        assert_eq!(picture.matches("<text ").count(), 2, "blanks are not drawn");
        assert!(picture.contains(&format!("x=\"{:.1}\"", MARGIN + 7.0 * CHARACTER)), "{picture}");
        assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    }
}
