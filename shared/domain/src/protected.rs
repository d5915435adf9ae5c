//! What no list of a district may name: who people are, and what they think.

/// What is said of a name that was refused.
pub(crate) const DETAIL: &str =
    "names people by origin, belief or opinion; lists name trades and places, never people for who they are";

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
}
