//! Writes sample briefings into a folder: a week, a year, and a district in which nothing has happened.

mod sample;

use std::{error::Error, fs, path::PathBuf};

use pingan_domain::briefing::{Audience, Language};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    fs::create_dir_all(&folder)?;
    for (name, briefing) in [
        ("week", sample::week(Audience::District)?),
        ("stations", sample::week(Audience::Stations)?),
        ("year", sample::year()?),
        ("empty", sample::empty()?),
        ("hostile", sample::hostile("<script>alert(1)</script>")?),
    ] {
        for (file, language) in [("zh-cn", Language::Chinese), ("en", Language::English)] {
            fs::write(folder.join(format!("{name}-{file}.html")), pingan_briefing::page(&briefing, language)?)?;
        }
        fs::write(folder.join(format!("{name}.json")), pingan_briefing::json(&briefing)?)?;
    }
    Ok(())
}
