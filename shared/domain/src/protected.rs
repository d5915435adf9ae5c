//! What no list of a district and no task may name: who people are, and what they think.

/// What is said of a name that was refused.
pub(crate) const DETAIL: &str =
    "names people by origin, belief or opinion; lists name trades and places, never people for who they are";

/// The longest run of digits that a task may hold. Mobile numbers have 11 and identity
/// numbers 15 or 18 (GB 11643): whoever is looked for by one of those is a person, and that
/// is not asked of residents.
const MAX_DIGITS: usize = 10;

/// Words that stand for ethnicity, religion, political view, petitioning or lawful speech.
/// Place names often hold `寺` or `庙`, so those alone are not refused.
const WORDS: [&str; 58] = [
    "民族",
    "族裔",
    "汉族",
    "回族",
    "藏族",
    "满族",
    "蒙古族",
    "壮族",
    "苗族",
    "彝族",
    "朝鲜族",
    "哈萨克",
    "维吾尔",
    "维族",
    "种族",
    "籍贯",
    "宗教",
    "信教",
    "教徒",
    "信徒",
    "信众",
    "教会",
    "教堂",
    "清真",
    "佛教",
    "道教",
    "基督",
    "天主教",
    "伊斯兰",
    "穆斯林",
    "喇嘛",
    "法轮",
    "政治",
    "政见",
    "党派",
    "异见",
    "维权",
    "上访",
    "信访",
    "请愿",
    "ethnic",
    "race",
    "racial",
    "minority",
    "uyghur",
    "uighur",
    "tibetan",
    "religio",
    "church",
    "mosque",
    "muslim",
    "christian",
    "buddhis",
    "islam",
    "politic",
    "dissident",
    "petition",
    "activist",
];

/// Whether a name of a list names people for who they are or what they think.
pub(crate) fn names_protected(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| holds(&text, word))
}

/// Whether a text in small letters holds a word of the list.
fn holds(text: &str, word: &str) -> bool {
    // `race` alone is a word; inside of another (`terrace`) it is not.
    if word == "race" {
        text.split(|c: char| !c.is_alphanumeric()).any(|part| part == "race")
    } else {
        text.contains(word)
    }
}

/// The provinces and regions. Behind the name of one, `人` or `籍` names people by their origin.
const REGIONS: [&str; 34] = [
    "北京",
    "天津",
    "河北",
    "山西",
    "内蒙古",
    "辽宁",
    "吉林",
    "黑龙江",
    "上海",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "广西",
    "海南",
    "重庆",
    "四川",
    "贵州",
    "云南",
    "西藏",
    "陕西",
    "甘肃",
    "青海",
    "宁夏",
    "新疆",
    "台湾",
    "香港",
    "澳门",
];
/// Other words for people by where they come from.
const OUTSIDERS: [&str; 4] = ["外地人", "外来人口", "外省人", "外国人"];

/// Why the text of a task is refused, if it is: it names a category, a place, a trade; never
/// a person, nor people by belief, opinion or origin.
pub(crate) fn refuse_text(text: &str) -> Option<String> {
    if let Some(word) = protected_word(text) {
        return Some(format!(
            "names people by origin, belief or opinion (\u{201c}{word}\u{201d}); a task names a category, a place, a trade"
        ));
    }
    let mut digits = 0;
    for character in text.chars() {
        match character {
            c if c.is_numeric() => digits += 1,
            // People write numbers in groups.
            ' ' | '-' => {}
            _ => digits = 0,
        }
        if digits > MAX_DIGITS {
            return Some("holds a phone or identity number; a task never names a person".to_owned());
        }
    }
    None
}

/// The word in a text that names people for who they are or what they think.
fn protected_word(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let listed =
        WORDS.iter().find(|word| holds(&lower, word)).or_else(|| OUTSIDERS.iter().find(|w| lower.contains(**w)));
    if let Some(word) = listed {
        return Some((*word).to_owned());
    }
    REGIONS.iter().find_map(|region| {
        let mut rests = lower.match_indices(region).map(|(at, _)| &lower[at + region.len()..]);
        // `上海人民路` is a street.
        let by_origin = |rest: &str| (rest.starts_with('人') && !rest.starts_with("人民")) || rest.starts_with('籍');
        rests.find(|rest| by_origin(rest)).map(|rest| format!("{region}{}", rest.chars().next().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_not_listed_for_who_they_are() {
        for refused in
            ["少数民族商户", "清真餐饮", "Mosque staff", "上访人员", "ethnic_shops", "race", "Political groups"]
        {
            assert!(names_protected(refused), "{refused}");
        }
        for taken in
            ["出租车", "废品回收", "白塔寺地铁站", "terrace-cafe", "School No. 1", "taxi", "快递", "Fuel depot"]
        {
            assert!(!names_protected(taken), "{taken}");
        }
    }

    #[test]
    fn a_task_names_no_person_and_no_people() {
        for refused in [
            "留意信教人员",
            "留意河南人聚集的地方",
            "新疆籍商贩",
            "外地人开的店",
            "看见 138 0013 8000 的机主请报告",
            "身份证号 11010519491231002X",
            "Watch the Muslim shops",
        ] {
            assert!(refuse_text(refused).is_some(), "{refused}");
        }
        for taken in [
            "上海人民路一带有人倒卖电动车电池，请留意夜间出入的货车。",
            "废品回收站请登记大量收购的电缆。",
            "拨打 110，楼号 2-301，2026-08-12 之前",
            "Scrap dealers: look out for cut cables.",
        ] {
            assert_eq!(refuse_text(taken), None, "{taken}");
        }
        assert!(refuse_text("河南人").unwrap().contains("河南人"), "the word is named, so that it can be replaced");
    }
}
