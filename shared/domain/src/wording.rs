//! What the text of a task may not say: a task names a category, a place, a trade; never a
//! person, nor people by belief, opinion or origin.
//!
//! It is a rule for honest people: it stops the sentence that somebody writes without thinking,
//! and names the word, so that another one can be found. Whoever means harm finds a way round
//! any list of words; that is what the history of a task and those who read it are for.

use crate::protected;

/// The provinces and regions, and places whose names are used of people. Behind one, `人` or
/// `籍` names people by their origin.
const REGIONS: [&str; 38] = [
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
    "东北",
    "温州",
    "非洲",
    "蒙古",
];

/// What can stand behind a region's name and is no person, though it begins with `人`: `河南人才市场`
/// is a job market.
const NO_PEOPLE: [&str; 18] = [
    "人民",
    "人才",
    "人寿",
    "人保",
    "人社",
    "人防",
    "人流",
    "人口",
    "人大代表",
    "人行道",
    "人行横道",
    "人行天桥",
    "人参",
    "人均",
    "人数",
    "人事",
    "人造",
    "人工湖",
];

/// The ethnic groups of China (GB/T 3304-1991), without the `族` that is put behind each.
const ETHNIC: [&str; 56] = [
    "汉",
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
];

/// A word, and what makes it another one.
struct Word {
    text: &'static str,
    /// Characters before it: `微信访问` is no petition.
    not_after: &'static [&'static str],
    /// Characters behind it.
    not_before: &'static [&'static str],
}

/// A word that is what it says wherever it stands.
const fn word(word: &'static str) -> Word {
    Word { text: word, not_after: &[], not_before: &[] }
}

/// What makes the name of a people or of a house of worship the name of a place.
const PLACES: &[&str] = &[
    "路", "大路", "街", "大街", "巷", "大道", "道口", "广场", "桥", "站", "小学", "中学", "大学", "公园", "村", "社区",
    "小区",
];

/// Chinese words for people by belief, opinion or origin.
#[rustfmt::skip]
const CHINESE: [Word; 59] = [
    Word { text: "民族", not_after: &["中华"], not_before: PLACES },
    Word { text: "清真", not_after: &[], not_before: &["寺路", "寺街", "寺巷", "寺桥", "寺站", "寺公交站"] },
    Word { text: "教堂", not_after: &[], not_before: PLACES },
    Word { text: "天主教", not_after: &[], not_before: &["堂路", "堂街", "堂巷"] },
    Word { text: "教会", not_after: &[], not_before: &["家", "老", "孩", "居民", "大家", "群众", "市民", "学生", "他", "她", "您", "你", "自己", "了"] },
    Word { text: "道教", not_after: &["街", "频", "渠", "隧", "通"], not_before: &["育", "练", "学"] },
    Word { text: "佛教", not_after: &[], not_before: &[] },
    Word { text: "信教", not_after: &[], not_before: &["育", "学"] },
    Word { text: "政治", not_after: &["思想"], not_before: &["处", "部", "学习"] },
    Word { text: "访民", not_after: &["走", "家", "暗", "回", "接", "采"], not_before: &["宿", "营", "警", "意", "情", "间"] },
    Word { text: "示威", not_after: &[], not_before: &["力"] },
    Word { text: "游行", not_after: &["旅"], not_before: &["业", "程", "李"] },
    Word { text: "请愿", not_after: &[], not_before: &["意"] },
    Word { text: "政见", not_after: &["行"], not_before: &[] },
    Word { text: "信众", not_after: &["微", "相"], not_before: &["筹", "包", "多"] },
    Word { text: "神父", not_after: &["精"], not_before: &[] },
    Word { text: "牧师", not_after: &["畜"], not_before: &[] },
    Word { text: "传教", not_after: &["宣"], not_before: &["育"] },
    Word { text: "查经", not_after: &["检", "排", "巡", "抽", "核", "审", "清", "督", "严"], not_before: &["营", "常", "过", "手", "费", "济", "办", "销"] },
    Word { text: "维人", not_after: &["运", "思", "三", "纤"], not_before: &[] },
    Word { text: "藏民", not_after: &["收", "珍", "馆"], not_before: &["间", "国", "居", "宅"] },
    Word { text: "回民", not_after: &["送", "返", "退", "带"], not_before: &["警", "政"] },
    Word { text: "黑人", not_after: &["天", "扫", "打", "涉"], not_before: &["少", "多"] },
    Word { text: "集会", not_after: &["召", "筹", "招", "赶"], not_before: &["议", "场", "员", "计"] },
    Word { text: "种族", not_after: &["物", "品"], not_before: &[] },
    Word { text: "信访", not_after: &[], not_before: &["问", "客", "谈"] },
    Word { text: "上访", not_after: &[], not_before: &["问", "客", "谈"] },
    word("维权人"), word("维权者"), word("维权群"), word("维权律师"), word("异见"), word("异议人"),
    word("党派"), word("抗议"), word("罢工"), word("言论"),
    word("族裔"), word("籍贯"), word("宗教"), word("教徒"), word("信徒"), word("基督"),
    word("伊斯兰"), word("穆斯林"), word("喇嘛"), word("法轮"), word("阿訇"),
    word("做礼拜"), word("维族"), word("外地人"), word("外来人口"),
    word("流动人口"), word("外省人"), word("外国人"), word("外籍"), word("大胡子"), word("戴头巾"), word("蒙面纱"),
];

/// English words for the same. One that ends in `*` stands for all that begin so.
const ENGLISH: [&str; 28] = [
    "ethnic*",
    "racial*",
    "minorities",
    "minority",
    "uyghur*",
    "uighur*",
    "tibetan*",
    "religio*",
    "church",
    "churches",
    "mosque*",
    "muslim*",
    "christian*",
    "buddhis*",
    "islam*",
    "catholic*",
    "politic*",
    "dissident*",
    "petitioner*",
    "petitioning",
    "activist*",
    "protest*",
    "rally",
    "rallies",
    "foreigner*",
    "immigrant*",
    "migrants",
    "headscar*",
];

/// What makes the English name of a house of worship the name of a place.
const STREETS: [&str; 7] = ["street", "road", "lane", "square", "avenue", "bridge", "station"];

/// Why the text of a task is refused, if it is.
pub(crate) fn refuse(text: &str) -> Option<String> {
    let text: String = text.chars().map(narrow).collect::<String>().to_lowercase();
    // Blanks between the characters of a word, also such as cannot be seen, do not make it another one.
    let joined: String = text.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)).collect();
    if let Some(found) = chinese(&joined).or_else(|| english(&text)) {
        return Some(format!(
            "names people by origin, belief or opinion (\u{201c}{found}\u{201d}); a task names a category, a place, a trade"
        ));
    }
    if describes_a_person(&joined) || holds_a_persons_number(&text) {
        return Some("describes a person, or holds a phone or identity number; a task never names a person".to_owned());
    }
    None
}

/// The name of a field of a form: a label, which the rule for the lists of a district holds for as well.
pub(crate) fn refuse_label(label: &str) -> Option<String> {
    if protected::names_protected(label) { Some(protected::DETAIL.to_owned()) } else { refuse(label) }
}

/// The ordinary form of a full-width letter, digit or sign.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// The word of the text that names people, if one does.
fn chinese(text: &str) -> Option<String> {
    let listed = CHINESE.iter().find(|Word { text: word, not_after, not_before }| {
        text.match_indices(word).any(|(at, _)| {
            let (before, behind) = (&text[..at], &text[at + word.len()..]);
            !not_after.iter().any(|other| before.ends_with(other))
                && !not_before.iter().any(|other| behind.starts_with(other))
        })
    });
    if let Some(found) = listed {
        return Some(found.text.to_owned());
    }
    let people = |name: &&str, mark: &str, none: &[&str]| {
        let found = format!("{name}{mark}");
        let is_one = text.match_indices(&found).any(|(at, _)| {
            let rest = &text[at + name.len()..];
            !none.iter().any(|word| rest.starts_with(word))
        });
        is_one.then_some(found)
    };
    let by_origin =
        REGIONS.iter().find_map(|region| people(region, "人", &NO_PEOPLE).or_else(|| people(region, "籍", &[])));
    // An aquarium is no people, and neither is who goes to work.
    by_origin.or_else(|| {
        ETHNIC.iter().find_map(|name| people(name, "族", &["族馆", "族箱", "族店", "族市场", "族用品", "族自治"]))
    })
}

fn english(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_street = |i: usize| words.get(i + 1).is_some_and(|next| STREETS.contains(next));
    let found = words.iter().enumerate().find(|(i, word)| {
        let listed = ENGLISH.iter().any(|entry| match entry.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => *word == entry,
        });
        listed && !is_street(*i)
    });
    found.map(|(_, word)| (*word).to_owned())
}

/// Whether a text says of which sex and age somebody is, as a search for a person does: `男，45岁`.
fn describes_a_person(text: &str) -> bool {
    text.match_indices(['男', '女']).any(|(at, sex)| {
        let rest = text[at + sex.len()..].trim_start_matches(['性', '子', ',', '、', ';']);
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        (1..=3).contains(&digits) && rest[digits..].starts_with('岁')
    })
}

/// Whether a text holds a number by which a person is looked for: that of a mobile phone (11
/// digits that begin with 13 to 19, with the country's 86 before them or without), or of an
/// identity card (15 digits, or 18 of which the last may be X: GB 11643).
fn holds_a_persons_number(text: &str) -> bool {
    let mobile = |number: &str| number.len() == 11 && number.starts_with('1') && number.as_bytes()[1] >= b'3';
    runs(text).iter().any(|groups| {
        (0..groups.len()).any(|from| {
            let alone = &groups[from];
            let is_one =
                mobile(alone) || alone.strip_prefix("86").is_some_and(mobile) || matches!(alone.len(), 15 | 18);
            // As people write them in groups.
            let grouped = |shape: &[usize]| {
                let part = groups.get(from..from + shape.len()).unwrap_or_default();
                let fits = part.len() == shape.len() && part.iter().zip(shape).all(|(group, len)| group.len() == *len);
                if fits { part.concat() } else { String::new() }
            };
            is_one
                || [&[3, 4, 4][..], &[3, 8], &[7, 4]].iter().any(|shape| mobile(&grouped(shape)))
                || !grouped(&[6, 8, 4]).is_empty()
        })
    })
}

/// The digits of a text in groups: those of one run have a single blank, hyphen or dot between them.
fn runs(text: &str) -> Vec<Vec<String>> {
    let mut runs: Vec<Vec<String>> = Vec::new();
    let (mut group, mut apart) = (String::new(), usize::MAX);
    for c in text.chars().chain(['\n']) {
        let is_check = c == 'x' && (group.len() == 17 || group.len() == 3);
        if c.is_ascii_digit() || is_check {
            group.push(c);
            continue;
        }
        if !group.is_empty() {
            match runs.last_mut().filter(|_| apart == 1) {
                Some(run) => run.push(std::mem::take(&mut group)),
                None => runs.push(vec![std::mem::take(&mut group)]),
            }
            apart = 0;
        }
        apart = if matches!(c, ' ' | '-' | '.' | '·') { apart.saturating_add(1) } else { usize::MAX };
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_names_no_person_and_no_people() {
        for refused in [
            "留意信教人员",
            "留意河南人聚集的地方",
            "新疆籍商贩",
            "外地人开的店",
            "新 疆 人开的店",
            "维\u{200B}吾尔族摊贩",
            "留意藏民",
            "回民摊点",
            "土家族务工人员",
            "登记流动人口",
            "查经聚会请报告",
            "访民进京",
            "留意异议人士",
            "教会聚会地点",
            "留意有政治倾向的人",
            "发表不满言论者",
            "准备集会抗议的人",
            "信访局门口的人",
            "民族商户",
            "清真餐饮",
            "戴头巾的妇女",
            "外籍人员",
            "东北人",
            "ｍｕｓｌｉｍ shops",
            "Watch the Muslim shops",
            "people at the church",
            "political activists",
            "留意张伟，男，45岁，住3号楼",
            "女性、30岁",
            "看见 138 0013 8000 的机主请报告",
            "联系 +86 138-0013-8000",
            "电话１３８００１３８０００",
            "13800138000 13900139000",
            "201 13800138000",
            "138.0013.8000",
            "身份证号 11010519491231002X",
            "110105 19491231 002X",
            "110105491231002",
        ] {
            assert!(refuse(refused).is_some(), "{refused}");
        }
        for taken in [
            "上海人民路一带有人倒卖电动车电池，请留意夜间出入的货车。",
            "废品回收站请登记大量收购的电缆。",
            "拨打 110，楼号 2-301，2026-08-12 之前",
            "2026-08-12 - 2026-08-14 每晚 20:00-06:00，301 302 303 304 室",
            "河南人才市场门口和上海人行道的井盖，上海人流密集场所，重庆人口密集区",
            "派出所电话 022-23456789，反诈热线 12345 96110 12315",
            "请勿通过微信访问不明链接，不要在网上访问可疑网站",
            "请教会家中老人安装反诈APP",
            "各街道教育引导租客登记，开展诚信教育和电信教育宣传",
            "警惕以代理维权、代理退保为名的诈骗",
            "民族路口、清真寺路口、教堂街的井盖松动",
            "开展安全宣传教育，检查经营场所和民宿，走访民营企业和民宿，排查经营性自建房",
            "旅游行业请参加消防演练，请愿意参加的志愿者报名，谨防微信众筹诈骗",
            "天黑人少时请结伴而行；运维人员、扫黑人员请出示证件；召集会议前检查出口",
            "请将拾到的证件送回民警处，收藏民间字画谨防受骗，水族店的用电安全，吉林人参市场",
            "行政见习人员到岗，步道教练请提醒学员，中华民族传统节日期间注意防火",
            "水族馆门口的地面湿滑，问题请联系分局政治处",
            "Scrap dealers: look out for cut cables. Street race, safety competition, Church Street.",
        ] {
            assert_eq!(refuse(taken), None, "{taken}");
        }
        assert!(refuse("河南人").unwrap().contains("河南人"), "the word is named, so that it can be replaced");
        assert!(refuse_label("religion").is_some() && refuse_label("seen").is_none());
    }
}
