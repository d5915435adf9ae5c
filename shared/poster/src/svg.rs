//! A page as SVG.

use std::fmt::Write;

use crate::draw::{Face, Ink, Item, Line, PAGE_HEIGHT, PAGE_WIDTH, Page, Path, Step};

/// Chinese fonts of the usual systems, in turn.
const HAN: &str = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif";
/// A Latin font first, so that marks like ’ are not as wide as a Chinese character.
const LATIN: &str =
    "Helvetica,Arial,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif";

/// Writes the page.
pub(crate) fn write(page: &Page) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut svg, page);
    svg
}

fn write_all(svg: &mut String, page: &Page) -> std::fmt::Result {
    let (width, height) = (number(PAGE_WIDTH), number(PAGE_HEIGHT));
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
         viewBox=\"0 0 {width} {height}\" xml:lang=\"zh-CN\" font-family=\"{HAN}\">"
    )?;
    writeln!(svg, "<title>{}</title>", escape(&page.title))?;
    writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
    for item in &page.items {
        match item {
            Item::Path(path) => write_path(svg, path)?,
            Item::Line(line) => write_line(svg, line)?,
        }
    }
    writeln!(svg, "</svg>")
}

fn write_path(svg: &mut String, path: &Path) -> std::fmt::Result {
    let (x, y) = path.origin;
    write!(svg, "<path transform=\"translate({} {})", number(x), number(y))?;
    if (path.unit - 1.0).abs() > f32::EPSILON {
        // More digits than elsewhere: what is off here is off by as much as the path is wide.
        write!(svg, " scale({:.5})", path.unit)?;
    }
    match path.fill {
        Some(ink) => write!(svg, "\" fill=\"{}\" fill-rule=\"evenodd\"", colour(ink))?,
        None => write!(svg, "\" fill=\"none\"")?,
    }
    if let Some((ink, width)) = path.stroke {
        write!(svg, " stroke=\"{}\" stroke-width=\"{}\"", colour(ink), number(width))?;
        write!(svg, " stroke-linecap=\"round\" stroke-linejoin=\"round\"")?;
    }
    write!(svg, " d=\"")?;
    let mut at = (0.0_f32, 0.0_f32);
    for step in &path.steps {
        match *step {
            Step::Move(x, y) => {
                write!(svg, "M{} {}", number(x), number(y))?;
                at = (x, y);
            }
            Step::Line(x, y) => {
                if same(x, at.0) {
                    write!(svg, "V{}", number(y))?;
                } else if same(y, at.1) {
                    write!(svg, "H{}", number(x))?;
                } else {
                    write!(svg, "L{} {}", number(x), number(y))?;
                }
                at = (x, y);
            }
            Step::Curve(points) => {
                let numbers = points.map(|(x, y)| format!("{} {}", number(x), number(y)));
                write!(svg, "C{}", numbers.join(" "))?;
                at = points[2];
            }
            Step::Close => write!(svg, "Z")?,
        }
    }
    writeln!(svg, "\"/>")
}

fn write_line(svg: &mut String, line: &Line) -> std::fmt::Result {
    write!(svg, "<text x=\"{}\" y=\"{}\"", number(line.x), number(line.baseline))?;
    write!(svg, " font-size=\"{}\" fill=\"{}\"", number(line.size), colour(line.ink))?;
    if line.face == Face::Latin {
        write!(svg, " font-family=\"{LATIN}\"")?;
    }
    if line.bold {
        write!(svg, " font-weight=\"700\"")?;
    }
    if line.tracking > 0.0 {
        write!(svg, " letter-spacing=\"{}\"", number(line.tracking))?;
    }
    writeln!(svg, ">{}</text>", escape(&line.text))
}

/// Whether two lengths are written the same.
fn same(a: f32, b: f32) -> bool {
    (a - b).abs() < 0.001
}

/// A length, to a hundredth of its unit.
fn number(value: f32) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn colour(Ink([red, green, blue]): Ink) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The text as it may stand in XML, in an element or an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
