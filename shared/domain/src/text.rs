//! Text that people read, in both languages of the platform.

use serde::{Deserialize, Serialize};

/// A sentence in Chinese and in English, always both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Simplified Chinese, as it is shown to people in the district.
    pub zh_cn: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both languages at once.
    pub fn new(zh_cn: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh_cn: zh_cn.into(), en: en.into() }
    }
}
