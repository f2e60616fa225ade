/// A screenful: lines of coloured pieces, drawn on a terminal or as a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The lines, from the top.
    pub(crate) lines: Vec<Line>,
    /// The whole in one sentence, where there is no screen.
    pub(crate) sentence: String,
    /// How many incidents are open.
    pub(crate) trouble: usize,
}

/// One line, from the left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(pub Vec<Piece>);

/// A text in one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The text, without control characters.
    pub(crate) text: String,
    /// Its colour.
    pub(crate) colour: Colour,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Usual text.
    Plain,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
    /// All is well.
    Good,
    /// Under way.
    Busy,
    /// Being recovered.
    Trouble,
    /// Stopped.
    Bad,
}

impl Line {
    /// The same with another piece; `width` characters wide, longer text is cut.
    #[must_use]
    pub(crate) fn cell(mut self, text: &str, width: usize, colour: Colour) -> Self {
        let mut text: String = text.chars().take(width).collect();
        let shown = text.chars().count();
        text.extend(std::iter::repeat_n(' ', width - shown));
        self.0.push(Piece { text, colour });
        self
    }

    /// The same with a piece as wide as its text.
    #[must_use]
    pub(crate) fn text(mut self, text: impl Into<String>, colour: Colour) -> Self {
        self.0.push(Piece { text: text.into(), colour });
        self
    }

    /// How many characters wide it is.
    #[must_use]
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|piece| piece.text.chars().count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_as_wide_as_they_are_told() {
        let line =
            Line::default().cell("ab", 4, Colour::Plain).cell("●●●", 2, Colour::Good).text("x", Colour::Bad);
        let texts: Vec<&str> = line.0.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(texts, ["ab  ", "●●", "x"]);
        assert_eq!(line.width(), 7);
    }
}
