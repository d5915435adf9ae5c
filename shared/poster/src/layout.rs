//! Where everything stands on the sheet.
//!
//! From the top: the headline, the place, the QR code with the steps and the word on privacy
//! beside it, the code for typing, and what to do in an emergency. Only the place has room
//! that it shares out by how long its names are; all else stands still.

use crate::{
    Name, Poster, PosterError,
    draw::{Face, Ink, Item, Line, PAGE_WIDTH, Page, Path, Step, rounded},
    qr::{Code, QUIET},
    text::{Room, Setting, clean, ems, set},
    words,
};

/// The one colour: a quiet blue, dark enough to be read as text.
const ACCENT: Ink = Ink([0x17, 0x4a, 0x7c]);
/// The colour, thinned out: behind text.
const TINT: Ink = Ink([0xea, 0xf1, 0xf8]);
/// The colour, halfway: lines, and what is written small on the colour itself.
const SOFT: Ink = Ink([0xb9, 0xce, 0xe3]);
const BLACK: Ink = Ink([0x16, 0x20, 0x2c]);
const GREY: Ink = Ink([0x56, 0x63, 0x70]);
const WHITE: Ink = Ink([0xff, 0xff, 0xff]);

/// Left and right margin. No printer needs more, and nothing runs off the sheet.
const MARGIN: f32 = 16.0;
const WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
const RADIUS: f32 = 4.0;

const HEADER_TOP: f32 = 13.0;
const HEADER_HEIGHT: f32 = 43.0;
const PLACE_TOP: f32 = 61.0;
const PLACE_HEIGHT: f32 = 59.0;
const CARD_TOP: f32 = 124.0;
/// The side of the card that holds the QR code and its quiet zone.
const CARD: f32 = 112.0;
const ASIDE_LEFT: f32 = MARGIN + CARD + 8.0;
const CODE_TOP: f32 = 242.0;
const CODE_HEIGHT: f32 = 21.0;
const EMERGENCY_TOP: f32 = 268.0;
const EMERGENCY_HEIGHT: f32 = 16.0;

/// Lays out the poster.
pub(crate) fn page(poster: &Poster<'_>) -> Result<Page, PosterError> {
    let code = Code::of(poster.url)?;
    let mut sheet = Sheet::default();
    sheet.header();
    sheet.place(poster);
    sheet.card(&code);
    sheet.aside();
    sheet.code(poster);
    sheet.emergency();
    let title = format!("{} · {}", words::HEADLINE.zh, clean(poster.community.zh));
    Ok(Page { title, items: sheet.items })
}

/// How a line looks.
#[derive(Clone, Copy)]
struct Style {
    face: Face,
    size: f32,
    bold: bool,
    ink: Ink,
}

fn han(size: f32, ink: Ink) -> Style {
    Style { face: Face::Han, size, bold: false, ink }
}

fn latin(size: f32, ink: Ink) -> Style {
    Style { face: Face::Latin, size, bold: false, ink }
}

impl Style {
    fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

#[derive(Default)]
struct Sheet {
    items: Vec<Item>,
}

impl Sheet {
    fn header(&mut self) {
        self.panel((MARGIN, HEADER_TOP), (WIDTH, HEADER_HEIGHT), RADIUS, Some(ACCENT), None);
        let left = MARGIN + 10.0;
        self.line((left, HEADER_TOP + 11.5), han(5.2, SOFT).bold(), words::PLATFORM.zh);
        self.line((left + 12.5, HEADER_TOP + 11.4), latin(4.8, SOFT), words::PLATFORM.en);
        self.line((left, HEADER_TOP + 26.5), han(12.4, WHITE).bold(), words::HEADLINE.zh);
        self.line((left, HEADER_TOP + 36.3), latin(6.2, WHITE), words::HEADLINE.en);
        self.shield((MARGIN + WIDTH - 37.0, HEADER_TOP + 8.0), 27.0 / 24.0);
    }

    /// A shield with a tick, on a grid of 24 by 24.
    fn shield(&mut self, origin: (f32, f32), unit: f32) {
        let outline = vec![
            Step::Move(12.0, 1.2),
            Step::Curve([(9.2, 3.4), (6.2, 4.5), (2.8, 4.7)]),
            Step::Line(2.8, 11.4),
            Step::Curve([(2.8, 17.0), (6.4, 20.9), (12.0, 22.8)]),
            Step::Curve([(17.6, 20.9), (21.2, 17.0), (21.2, 11.4)]),
            Step::Line(21.2, 4.7),
            Step::Curve([(17.8, 4.5), (14.8, 3.4), (12.0, 1.2)]),
            Step::Close,
        ];
        let tick = vec![Step::Move(7.4, 12.0), Step::Line(10.8, 15.3), Step::Line(16.8, 8.8)];
        for (steps, ink, width) in [(outline, SOFT, 1.1), (tick, WHITE, 1.9)] {
            self.items.push(Item::Path(Path { origin, unit, steps, fill: None, stroke: Some((ink, width)) }));
        }
    }

    /// The names of the district and the community, in the middle of their room.
    fn place(&mut self, poster: &Poster<'_>) {
        /// How often the names are tried a little smaller, until they fit above each other.
        const TRIES: u16 = 10;
        let blocks = |scale: f32| {
            let name = |text: &str, style: Style, two: bool| {
                let size = style.size * scale;
                let room = Room { width: WIDTH, size, least: 3.0, two };
                (set(&clean(text), style.face, room), style)
            };
            let Name { zh, en } = poster.district;
            let district = [name(zh, han(8.6, GREY), false), name(en, latin(5.4, GREY), false)];
            let Name { zh, en } = poster.community;
            let community = [name(zh, han(19.8, ACCENT).bold(), true), name(en, latin(9.0, BLACK), true)];
            [district, community].concat()
        };
        let mut names = Vec::new();
        for attempt in 0..TRIES {
            names = blocks(1.0 - 0.06 * f32::from(attempt));
            if height(&names) <= PLACE_HEIGHT {
                break;
            }
        }
        let mut top = PLACE_TOP + (PLACE_HEIGHT - height(&names)).max(0.0) / 2.0;
        for (index, (setting, style)) in names.iter().enumerate() {
            for line in &setting.lines {
                let baseline = top + setting.size * ASCENT;
                self.line((MARGIN, baseline), Style { size: setting.size, ..*style }, line);
                top += setting.size * LEADING;
            }
            top += GAPS.get(index).copied().unwrap_or_default();
        }
    }

    /// The QR code in its frame. The white between them is the quiet zone.
    fn card(&mut self, code: &Code) {
        self.panel((MARGIN, CARD_TOP), (CARD, CARD), RADIUS, None, Some((SOFT, 0.6)));
        let unit = CARD / f32::from(code.side + 2 * QUIET);
        let quiet = f32::from(QUIET) * unit;
        let origin = (MARGIN + quiet, CARD_TOP + quiet);
        // Black, and not nearly so: for a camera in bad light.
        let fill = Some(Ink([0, 0, 0]));
        self.items.push(Item::Path(Path { origin, unit, steps: code.outline(), fill, stroke: None }));
    }

    /// The steps, and below them the word on privacy.
    fn aside(&mut self) {
        const DISC: f32 = 9.4;
        const STEP: f32 = 25.6;
        /// Between a number and what it stands before.
        const BESIDE: f32 = 3.6;
        let room = PAGE_WIDTH - MARGIN - ASIDE_LEFT;
        let text_left = ASIDE_LEFT + DISC + BESIDE;
        let mut top = CARD_TOP;
        for (number, Name { zh, en }) in ["1", "2", "3"].into_iter().zip(words::STEPS) {
            self.panel((ASIDE_LEFT, top), (DISC, DISC), DISC / 2.0, Some(ACCENT), None);
            let centred = ASIDE_LEFT + (DISC - 0.556 * 5.4) / 2.0;
            self.line((centred, top + DISC / 2.0 + 1.95), latin(5.4, WHITE).bold(), number);
            self.line((text_left, top + 6.7), han(6.2, BLACK).bold(), zh);
            self.paragraph((text_left, top + 12.6), room - DISC - BESIDE, latin(3.9, GREY), en);
            top += STEP;
        }
        let line = vec![Step::Move(0.0, 0.0), Step::Line(room, 0.0)];
        let stroke = Some((SOFT, 0.4));
        let origin = (ASIDE_LEFT, top + 1.0);
        self.items.push(Item::Path(Path { origin, unit: 1.0, steps: line, fill: None, stroke }));
        let after = self.paragraph((ASIDE_LEFT, top + 8.6), room, han(4.7, ACCENT), words::PRIVACY.zh);
        self.paragraph((ASIDE_LEFT, after + 1.0), room, latin(3.8, GREY), words::PRIVACY.en);
    }

    /// The code for typing, and how long it is valid.
    fn code(&mut self, poster: &Poster<'_>) {
        const RIGHT: f32 = 128.0;
        self.panel((MARGIN, CODE_TOP), (WIDTH, CODE_HEIGHT), RADIUS, Some(TINT), None);
        let cells = [
            (6.0, words::CODE, poster.code, RIGHT - 12.0, 9.8, 0.06),
            (RIGHT, words::VALID_UNTIL, poster.valid_until, WIDTH - RIGHT - 6.0, 7.6, 0.0),
        ];
        for (left, label, value, width, size, tracking) in cells {
            let left = MARGIN + left;
            self.line((left, CODE_TOP + 6.8), han(3.9, ACCENT), label.zh);
            let beside = left + ems(label.zh, Face::Han) * 3.9 + 2.4;
            self.line((beside, CODE_TOP + 6.8), latin(3.6, GREY), label.en);
            let room = Room { width: width / (1.0 + 1.5 * tracking), size, least: 3.0, two: false };
            let Setting { lines, size } = set(&clean(value), Face::Latin, room);
            let style = latin(size, BLACK).bold();
            for text in lines {
                self.tracked((left, CODE_TOP + 17.4), style, &text, tracking * size);
            }
        }
    }

    fn emergency(&mut self) {
        self.panel((MARGIN, EMERGENCY_TOP), (WIDTH, EMERGENCY_HEIGHT), RADIUS, Some(ACCENT), None);
        let baseline = EMERGENCY_TOP + 10.6;
        self.line((MARGIN + 6.0, baseline), han(7.4, WHITE).bold(), words::EMERGENCY.zh);
        self.line((MARGIN + 96.0, baseline - 0.2), latin(5.4, WHITE), words::EMERGENCY.en);
    }

    fn panel(
        &mut self,
        origin: (f32, f32),
        (width, height): (f32, f32),
        radius: f32,
        fill: Option<Ink>,
        stroke: Option<(Ink, f32)>,
    ) {
        let steps = rounded(width, height, radius);
        self.items.push(Item::Path(Path { origin, unit: 1.0, steps, fill, stroke }));
    }

    /// Breaks a text at the width; returns where the next line would stand.
    fn paragraph(&mut self, (x, mut baseline): (f32, f32), width: f32, style: Style, text: &str) -> f32 {
        for line in crate::text::wrap(text, style.face, width / style.size) {
            self.line((x, baseline), style, &line);
            baseline += style.size * LEADING;
        }
        baseline
    }

    fn line(&mut self, at: (f32, f32), style: Style, text: &str) {
        self.tracked(at, style, text, 0.0);
    }

    fn tracked(&mut self, (x, baseline): (f32, f32), style: Style, text: &str, tracking: f32) {
        let Style { face, size, bold, ink } = style;
        if !text.is_empty() {
            self.items.push(Item::Line(Line { x, baseline, size, face, bold, tracking, ink, text: text.to_owned() }));
        }
    }
}

/// From one line to the next, as a multiple of the size.
const LEADING: f32 = 1.25;
/// From the top of a line to where its letters stand.
const ASCENT: f32 = 0.96;
/// Below each name: most between the district and the community.
const GAPS: [f32; 3] = [0.4, 3.6, 1.0];

/// How high names are above each other.
fn height(names: &[(Setting, Style)]) -> f32 {
    let lines = |setting: &Setting| setting.lines.iter().map(|_| setting.size * LEADING).sum::<f32>();
    names.iter().map(|(setting, _)| lines(setting)).sum::<f32>() + GAPS.iter().sum::<f32>()
}
