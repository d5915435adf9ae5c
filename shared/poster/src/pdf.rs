//! A page as PDF.

use pdf_writer::{
    Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, TextRenderingMode},
};

use crate::{
    draw::{Ink, Item, Line, PAGE_HEIGHT, PAGE_WIDTH, Page, Path, Step},
    text::{MISSING, NARROW, chinese, is_latin, latin},
};

/// PDF's points in a millimetre.
const POINTS: f32 = 72.0 / 25.4;

/// The Chinese font: on every Windows that knows Chinese, and a name that viewers elsewhere
/// take for a sans-serif one.
const HAN: Name<'static> = Name(b"SimHei");

const REGULAR: Name<'static> = Name(b"R");
const BOLD: Name<'static> = Name(b"B");
const CHINESE: Name<'static> = Name(b"H");

/// Writes the page.
pub(crate) fn write(page: &Page) -> Vec<u8> {
    let [catalog, tree, sheet, content, info] = [1, 2, 3, 4, 5].map(Ref::new);
    let [regular, bold, chinese, cid, descriptor] = [6, 7, 8, 9, 10].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr("zh-CN"));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    pdf.document_info(info).title(TextStr(&page.title));
    pdf.pages(tree).kids([sheet]).count(1);
    let mut leaf = pdf.page(sheet);
    leaf.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE_WIDTH * POINTS, PAGE_HEIGHT * POINTS)).contents(content);
    leaf.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold).pair(CHINESE, chinese);
    leaf.finish();
    pdf.stream(content, &content_of(page));
    for (font, name) in [(regular, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(font).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    chinese_font(&mut pdf, chinese, cid, descriptor);
    pdf.finish()
}

/// Names the Chinese font, and says what it looks like to a viewer that has to find another.
fn chinese_font(pdf: &mut Pdf, font: Ref, cid: Ref, descriptor: Ref) {
    pdf.type0_font(font).base_font(HAN).encoding_predefined(Name(b"UniGB-UTF16-H")).descendant_font(cid);
    let collection = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"GB1"), supplement: 5 };
    let mut chinese = pdf.cid_font(cid);
    chinese
        .subtype(CidFontType::Type2)
        .base_font(HAN)
        .system_info(collection)
        .font_descriptor(descriptor)
        .default_width(1000.0);
    // The letters with the marks of pinyin, by their numbers in the collection.
    chinese.widths().same(668, 699, 1000.0 * NARROW);
    chinese.finish();
    pdf.font_descriptor(descriptor)
        .name(HAN)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(-12.0, -156.0, 996.0, 859.0))
        .italic_angle(0.0)
        .ascent(859.0)
        .descent(-141.0)
        .cap_height(683.0)
        .stem_v(95.0);
}

/// What is drawn, uncompressed: there is little of it.
pub(crate) fn content_of(page: &Page) -> Vec<u8> {
    let mut content = Content::new();
    // From here on as on the page: in millimetres, from the upper left corner.
    content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, PAGE_HEIGHT * POINTS]);
    content.set_line_cap(LineCapStyle::RoundCap).set_line_join(LineJoinStyle::RoundJoin);
    for item in &page.items {
        match item {
            Item::Path(path) => draw_path(&mut content, path),
            Item::Line(line) => draw_line(&mut content, line),
        }
    }
    content.finish().to_vec()
}

fn draw_path(content: &mut Content, path: &Path) {
    let (x, y) = path.origin;
    content.save_state().transform([path.unit, 0.0, 0.0, path.unit, x, y]);
    if let Some(ink) = path.fill {
        let [red, green, blue] = shares(ink);
        content.set_fill_rgb(red, green, blue);
    }
    if let Some((ink, width)) = path.stroke {
        let [red, green, blue] = shares(ink);
        content.set_stroke_rgb(red, green, blue).set_line_width(width);
    }
    for step in &path.steps {
        match *step {
            Step::Move(x, y) => content.move_to(x, y),
            Step::Line(x, y) => content.line_to(x, y),
            Step::Curve([first, second, end]) => content.cubic_to(first.0, first.1, second.0, second.1, end.0, end.1),
            Step::Close => content.close_path(),
        };
    }
    match (path.fill, path.stroke) {
        (Some(_), Some(_)) => content.fill_even_odd_and_stroke(),
        (Some(_), None) => content.fill_even_odd(),
        (None, _) => content.stroke(),
    };
    content.restore_state();
}

fn draw_line(content: &mut Content, line: &Line) {
    let [red, green, blue] = shares(line.ink);
    content.save_state().begin_text().set_fill_rgb(red, green, blue).set_stroke_rgb(red, green, blue);
    // Letters would stand on their heads, since the page counts downwards.
    content.set_text_matrix([1.0, 0.0, 0.0, -1.0, line.x, line.baseline]);
    if line.tracking > 0.0 {
        content.set_char_spacing(line.tracking);
    }
    let mut characters = line.text.chars().peekable();
    while let Some(&first) = characters.peek() {
        let in_latin = is_latin(first, line.face);
        let mut run = Vec::new();
        while let Some(character) = characters.next_if(|&next| is_latin(next, line.face) == in_latin) {
            match latin(character).filter(|_| in_latin) {
                Some(byte) => run.push(byte),
                None => run.extend(utf16(character)),
            }
        }
        let font = match (in_latin, line.bold) {
            (false, _) => CHINESE,
            (true, false) => REGULAR,
            (true, true) => BOLD,
        };
        content.set_font(font, line.size);
        // There is no bold one of the Chinese font: a line around its strokes makes it so.
        if line.bold && !in_latin {
            content.set_text_rendering_mode(TextRenderingMode::FillStroke).set_line_width(line.size * 0.02);
        } else {
            content.set_text_rendering_mode(TextRenderingMode::Fill);
        }
        content.show(Str(&run));
    }
    content.end_text().restore_state();
}

/// The character as the Chinese character map reads it.
fn utf16(character: char) -> [u8; 2] {
    let character = if chinese(character) { character } else { MISSING };
    u16::try_from(u32::from(character)).unwrap_or_default().to_be_bytes()
}

/// The colour as PDF has it: shares between 0 and 1.
fn shares(Ink(parts): Ink) -> [f32; 3] {
    parts.map(|part| f32::from(part) / 255.0)
}
