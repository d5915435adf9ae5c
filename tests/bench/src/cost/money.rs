//! Money in whole numbers: a trillionth of a dollar is small enough for a unit of DynamoDB, and never rounded until it is shown.

use std::{fmt, iter::Sum, ops::Add};

use serde::Deserialize;

/// Trillionths in a dollar.
const PICO: u128 = 1_000_000_000_000;
/// Digits behind the point that a price may have.
const DIGITS: usize = 12;

/// An amount in trillionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u128);

impl Money {
    /// So many trillionths of a dollar.
    pub const fn pico(pico: u128) -> Self {
        Self(pico)
    }

    /// The same, so many times.
    #[must_use]
    pub const fn times(self, count: u128) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// An even part of it, rounded down; all of it for none.
    #[must_use]
    pub fn over(self, parts: u128) -> Self {
        Self(self.0.checked_div(parts).unwrap_or(self.0))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Money {
    /// In dollars: to the cent from a dollar on, else to the hundredth of a cent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: usize = if self.0 >= PICO { 2 } else { 4 };
        let step = PICO / if digits == 2 { 100 } else { 10_000 };
        let rounded = (self.0 + step / 2) / step;
        let unit = PICO / step;
        write!(f, "{}.{:0digits$}", rounded / unit, rounded % unit)
    }
}

/// What so many of a thing cost.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    dollars: String,
    per: u64,
    /// What is paid for.
    pub unit: String,
    /// Where it is published.
    pub source: String,
    /// Where it was read, if anywhere.
    pub found_in: Option<String>,
}

impl Price {
    /// What a quantity costs, of which `parts` are one of what is paid for: milliseconds and MB of a GB-second.
    /// Rounded down to a trillionth of a dollar.
    ///
    /// # Errors
    ///
    /// The price is no amount with at most twelve digits behind the point, or is for nothing.
    pub fn of_parts(&self, quantity: u128, parts: u128) -> Result<Money, String> {
        let wrong = || format!("{:?} for {} is no price", self.dollars, self.per);
        let (whole, part) = self.dollars.split_once('.').unwrap_or((&self.dollars, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > DIGITS {
            return Err(wrong());
        }
        let pico: u128 = format!("{whole}{part:0<DIGITS$}").parse().map_err(|_| wrong())?;
        let all = pico.checked_mul(quantity).ok_or_else(wrong)?;
        all.checked_div(u128::from(self.per) * parts).map(Money).ok_or_else(wrong)
    }

    /// What a quantity costs.
    ///
    /// # Errors
    ///
    /// As [`Price::of_parts`].
    pub fn of(&self, quantity: u128) -> Result<Money, String> {
        self.of_parts(quantity, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(dollars: &str, per: u64) -> Price {
        Price { dollars: dollars.to_owned(), per, unit: String::new(), source: String::new(), found_in: None }
    }

    #[test]
    fn amounts_are_exact_and_shown_to_the_cent() {
        for (dollars, per, quantity, shown) in [
            ("0.625", 1_000_000, 1_000_000, "0.6250"),
            ("0.625", 1_000_000, 3_575_000, "2.23"),
            ("0.0000133334", 1, 87_000, "1.16"),
            ("1.00", 1, 15, "15.00"),
            ("3", 1, 0, "0.0000"),
            ("0.005", 1_000, 1, "0.0000"),
        ] {
            assert_eq!(price(dollars, per).of(quantity).unwrap().to_string(), shown, "{quantity} at {dollars}");
        }
        assert_eq!(price("0.625", 1_000_000).of(1).unwrap(), Money::pico(625_000));
        assert_eq!(price("0.0000133334", 1).of_parts(1_024_000, 1_024_000).unwrap(), Money::pico(13_333_400));
    }

    #[test]
    fn what_is_no_price_is_said_to_be_none() {
        for (dollars, per) in [("", 1), ("-1", 1), ("1e3", 1), ("0.1234567890123", 1), ("1", 0)] {
            assert!(price(dollars, per).of(1).is_err(), "{dollars} for {per}");
        }
    }

    #[test]
    fn twice_as_much_costs_twice_as_much() {
        for quantity in [1, 7, 1_000, 123_456_789] {
            let price = price("0.625", 1_000_000);
            assert_eq!(price.of(2 * quantity).unwrap(), price.of(quantity).unwrap().times(2));
        }
    }
}
