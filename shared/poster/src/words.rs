//! What every poster says, in both languages. Where a line would break badly, the text says
//! itself where it is to break.

use crate::Name;

pub(crate) const PLATFORM: Name<'static> = Name { zh: "平安", en: "Ping'an" };

pub(crate) const HEADLINE: Name<'static> =
    Name { zh: "扫码加入平安信息员", en: "Scan to join as a community reporter" };

/// How to join, in the order in which it is done.
pub(crate) const STEPS: [Name<'static>; 3] = [
    Name { zh: "扫描二维码", en: "Scan the QR code\nwith your phone" },
    Name { zh: "填写手机号", en: "Enter your\nphone number" },
    Name { zh: "等待民警确认", en: "Your community police\nofficer confirms" },
];

pub(crate) const PRIVACY: Name<'static> = Name {
    zh: "您的身份信息加密保存，\n仅社区民警知晓",
    en: "Your identity is stored sealed;\nonly your community police officer knows who you are",
};

pub(crate) const CODE: Name<'static> = Name { zh: "无法扫码时手动输入", en: "Cannot scan? Type this code" };

pub(crate) const VALID_UNTIL: Name<'static> = Name { zh: "有效期至", en: "Valid until" };

pub(crate) const EMERGENCY: Name<'static> =
    Name { zh: "紧急情况请先拨打110", en: "In an emergency, call 110 first" };
