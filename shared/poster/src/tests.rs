use proptest::prelude::*;

use super::*;
use crate::{
    draw::{Face, Item, Line, PAGE_HEIGHT, PAGE_WIDTH, Page, Step},
    qr::QUIET,
    text::ems,
};

const URL: &str = "https://join.example.org/join?c=7KQ4M-2XD9H";

fn poster<'a>(zh: &'a str, en: &'a str) -> Poster<'a> {
    let name = Name { zh, en };
    Poster { district: name, community: name, url: URL, code: "7KQ4M-2XD9H", valid_until: "2026-12-31" }
}

fn ordinary() -> Poster<'static> {
    let district = Name { zh: "河西区", en: "Hexi District" };
    Poster { district, ..poster("玉兰社区", "Yulan Community") }
}

/// All that is written on a page, each line with a blank after it.
fn said(page: &Page) -> String {
    lines(page).flat_map(|line| [line.text.as_str(), " "]).collect()
}

fn lines(page: &Page) -> impl Iterator<Item = &Line> {
    page.items.iter().filter_map(|item| if let Item::Line(line) = item { Some(line) } else { None })
}

#[test]
fn the_svg_of_a_poster() {
    insta::assert_snapshot!("poster", svg(&ordinary()).unwrap());
}

#[test]
fn the_same_poster_is_the_same_bytes() {
    assert_eq!(svg(&ordinary()).unwrap(), svg(&ordinary()).unwrap());
    assert_eq!(pdf(&ordinary()).unwrap(), pdf(&ordinary()).unwrap());
}

#[test]
fn everything_is_said_in_both_languages() {
    let svg = svg(&ordinary()).unwrap();
    let page = layout::page(&ordinary()).unwrap();
    let said = said(&page);
    let fixed = [words::HEADLINE, words::PRIVACY, words::CODE, words::VALID_UNTIL, words::EMERGENCY];
    for Name { zh, en } in fixed.into_iter().chain(words::STEPS) {
        // Lines are put together with a blank, which Chinese does not have.
        assert!(said.replace(' ', "").contains(&zh.replace('\n', "")), "{zh}");
        assert!(said.contains(&en.replace('\n', " ")), "{en}");
    }
    for text in ["河西区", "Hexi District", "玉兰社区", "Yulan Community", "7KQ4M-2XD9H", "2026-12-31"] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text}");
    }
}

/// Reads a QR code out of its outline: a module is dark when its middle is inside.
fn decode(steps: &[Step]) -> String {
    const PIXELS: usize = 3;
    let mut upright = Vec::new();
    let (mut start, mut at, mut side) = ((0.0, 0.0), (0.0, 0.0), 0.0_f32);
    for &step in steps {
        let to = match step {
            Step::Move(x, y) => {
                (start, at) = ((x, y), (x, y));
                continue;
            }
            Step::Line(x, y) => (x, y),
            Step::Close => start,
            Step::Curve(_) => panic!("modules have no curves"),
        };
        if (at.0 - to.0).abs() < 0.01 {
            upright.push((to.0, at.1.min(to.1), at.1.max(to.1)));
        }
        at = to;
        side = side.max(to.0);
    }
    let mut modules = 0_u16;
    while f32::from(modules) + 0.5 < side {
        modules += 1;
    }
    let across = modules + 2 * QUIET;
    let mut dark = Vec::new();
    for row in 0..across {
        for column in 0..across {
            let middle = |module: u16| f32::from(module) - f32::from(QUIET) + 0.5;
            let (x, y) = (middle(column), middle(row));
            let left_of_it = upright.iter().filter(|&&(edge, top, bottom)| edge < x && top < y && y < bottom);
            dark.push(left_of_it.count() % 2 == 1);
        }
    }
    let across = usize::from(across);
    let pixels = across * PIXELS;
    let shade = |x, y| if dark[y / PIXELS * across + x / PIXELS] { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, shade);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

/// The longest path of an SVG.
fn path_of_svg(svg: &str) -> Vec<Step> {
    let data = svg.split(" d=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let data = data.max_by_key(|data| data.len()).unwrap();
    let mut steps = Vec::new();
    let mut at = (0.0, 0.0);
    for ring in data.split_terminator('Z') {
        let starts: Vec<usize> = ring.match_indices(char::is_alphabetic).map(|(start, _)| start).collect();
        let ends = starts.iter().copied().skip(1).chain([ring.len()]);
        for (&start, end) in starts.iter().zip(ends) {
            let numbers: Vec<f32> = ring[start + 1..end].split(' ').map(|number| number.parse().unwrap()).collect();
            match &ring[start..=start] {
                "H" => at.0 = numbers[0],
                "V" => at.1 = numbers[0],
                _ => at = (numbers[0], numbers[1]),
            }
            steps.push(if start == 0 { Step::Move(at.0, at.1) } else { Step::Line(at.0, at.1) });
        }
        steps.push(Step::Close);
    }
    steps
}

/// The longest path of a PDF.
fn path_of_pdf(pdf: &[u8]) -> Vec<Step> {
    let text = String::from_utf8_lossy(pdf);
    let drawing = text.split("q\n").max_by_key(|part| part.matches(" l\n").count()).unwrap();
    let mut steps = Vec::new();
    for line in drawing.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse().unwrap();
        match words.last().copied() {
            Some("m") => steps.push(Step::Move(number(0), number(1))),
            Some("l") => steps.push(Step::Line(number(0), number(1))),
            Some("h") => steps.push(Step::Close),
            _ => {}
        }
    }
    steps
}

#[test]
fn the_code_holds_the_address_in_both_files() {
    let long = format!("{URL}&{}", "x".repeat(300));
    for url in ["h", "https://a.cn/1", URL, &long] {
        let poster = Poster { url, ..ordinary() };
        assert_eq!(decode(&path_of_svg(&svg(&poster).unwrap())), url);
        assert_eq!(decode(&path_of_pdf(&pdf(&poster).unwrap())), url);
    }
}

#[test]
fn the_code_is_large_and_has_its_quiet_zone() {
    let long = format!("{URL}&{}", "x".repeat(300));
    for url in ["h", URL, &long] {
        let page = layout::page(&Poster { url, ..ordinary() }).unwrap();
        let path = page.items.iter().filter_map(|item| if let Item::Path(path) = item { Some(path) } else { None });
        let path = path.max_by_key(|path| path.steps.len()).unwrap();
        let side = f32::from(qr::Code::of(url).unwrap().side) * path.unit;
        assert!(side >= 90.0, "{side}");
        let quiet = f32::from(QUIET) * path.unit;
        let around = (path.origin.0 - quiet)..(path.origin.0 + side + quiet);
        let below = (path.origin.1 - quiet)..(path.origin.1 + side + quiet);
        for line in lines(&page) {
            assert!(!(around.contains(&line.x) && below.contains(&line.baseline)), "{} is too near", line.text);
        }
    }
}

#[test]
fn an_address_that_no_phone_could_read_is_refused() {
    for url in ["", &"x".repeat(500), &"x".repeat(5000)] {
        assert_eq!(svg(&Poster { url, ..ordinary() }), Err(PosterError::Url));
        assert_eq!(pdf(&Poster { url, ..ordinary() }), Err(PosterError::Url));
    }
}

#[test]
fn names_are_escaped() {
    let svg = svg(&poster("甲<b>&乙", "A&B's \"<i>\"")).unwrap();
    assert!(svg.contains(">甲&lt;b&gt;&amp;乙</text>"));
    assert!(svg.contains(">A&amp;B&#39;s &quot;&lt;i&gt;&quot;</text>"));
    let pdf = pdf(&poster("甲", "A) Tj (\\B")).unwrap();
    // Unbalanced brackets and backslashes are either marked or written as numbers.
    assert!(!String::from_utf8_lossy(&pdf).contains("(A) Tj"));
}

#[test]
fn what_the_fonts_do_not_have_is_shown_as_missing() {
    assert_eq!(text::clean(" 玉\t兰\n😀\u{202e}社\u{0}区 "), "玉 兰 〓〓社〓区");
    assert_eq!(text::clean("Yùlán — “A”"), "Yùlán — “A”");
    // A rare character: a screen may have it, the printed file says that it has not.
    assert!(svg(&poster("𬒈村", "a")).unwrap().contains("𬒈村"));
    let content = pdf::content_of(&layout::page(&poster("𬒈", "a")).unwrap());
    let content = String::from_utf8(content).unwrap();
    assert!(content.contains(r"(0\023) Tj"), "the two bytes of 〓 are not shown");
}

/// Asserts that nothing stands outside of the sheet's margins or on something else.
fn assert_fits(page: &Page) {
    for line in lines(page) {
        let count = f32::from(u16::try_from(line.text.chars().count()).unwrap());
        let right = line.x + ems(&line.text, line.face) * line.size + line.tracking * count;
        assert!(line.x >= 15.0 && right <= PAGE_WIDTH - 15.0, "{line:?} ends at {right}");
        assert!(line.baseline >= 15.0 && line.baseline <= PAGE_HEIGHT - 15.0, "{line:?}");
        assert!(line.size >= 2.9, "{line:?} is too small");
    }
    // The names, which are between the headline and the code, do not touch each other.
    let names: Vec<&Line> = lines(page).filter(|line| (60.0..124.0).contains(&line.baseline)).collect();
    for pair in names.windows(2) {
        assert!(pair[1].baseline - pair[0].baseline >= pair[1].size * 0.99, "{pair:?}");
    }
    if let Some(last) = names.last() {
        assert!(last.baseline + 0.25 * last.size <= 124.0, "{last:?}");
    }
}

#[test]
fn long_names_fit() {
    for zh in ["社".repeat(40), "社区".repeat(400), format!("社{}", "（".repeat(39)), "W".repeat(80)] {
        for en in ["Community ".repeat(8), "W".repeat(80), "W".repeat(4000), "社".repeat(80), "i".repeat(80)] {
            assert_fits(&layout::page(&poster(&zh, &en)).unwrap());
        }
    }
}

#[test]
fn long_names_are_whole() {
    let zh = "河西区尖山街道玉兰花园北里第十二居民小区与天塔湖畔文化教育综合服务示范社区居民委员";
    let en = "Yulan Garden North Twelfth Residential Quarter and Tianta Lakeside Model Communit";
    let page = layout::page(&poster(zh, en)).unwrap();
    let said = said(&page);
    assert_eq!(said.replace(' ', "").matches(zh).count(), 2);
    assert_eq!(said.matches(en).count(), 2);
}

#[test]
fn lines_break_where_a_reader_expects_it() {
    let room = text::Room { width: 60.0, size: 10.0, least: 3.0, two: true };
    let lines = |text: &str, face| text::set(text, face, room).lines;
    assert_eq!(lines("Yulan Garden Community", Face::Latin), ["Yulan Garden", "Community"]);
    assert_eq!(lines("天塔街道环湖（中里）社区", Face::Han), ["天塔街道环湖", "（中里）社区"]);
    assert_eq!(lines("玉兰社区", Face::Han), ["玉兰社区"]);
}

/// Reads XML as strictly as this image needs: tags close in order, and no `<` or `&` stands
/// bare.
fn assert_balanced(xml: &str) {
    let mut open = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        assert_eq!(tag.matches('"').count() % 2, 0);
        for reference in text.split('&').skip(1) {
            let name = reference.split_once(';').expect("a reference ends").0;
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "{name}");
        }
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }
    assert!(open.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_name_makes_two_whole_files(
        zh in any::<String>(),
        en in "\\PC{0,120}|[ -~]{0,120}",
        code in any::<String>(),
        valid_until in any::<String>(),
    ) {
        let poster = Poster { code: &code, valid_until: &valid_until, ..poster(&zh, &en) };
        assert_balanced(&svg(&poster).unwrap());
        assert_fits(&layout::page(&poster).unwrap());
        let pdf = pdf(&poster).unwrap();
        prop_assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"));
    }
}

proptest! {
    // Reading a code takes longer than all else here.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_address_of_a_usual_length_can_be_read_back(url in "https://[a-z0-9./?=&%-]{1,200}") {
        let code = qr::Code::of(&url).unwrap();
        prop_assert_eq!(decode(&code.outline()), url);
    }
}
