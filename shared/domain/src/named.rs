//! Closed lists with one stable name for each value.

/// A closed list of values, each with the one name it has in the API, in records and in logs.
pub trait Named: Copy + Eq + 'static {
    /// Every value, in the order in which people list them.
    const ALL: &'static [Self];

    /// The stable name: `snake_case`, never changed once it has been released.
    fn name(self) -> &'static str;

    /// The value with this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

/// Declares an enum of plain values with its names written out beside them, so that the
/// name in the records cannot drift when a variant is renamed.
macro_rules! named {
    (
        $(#[$meta:meta])*
        $vis:vis enum $Name:ident {
            $( $(#[$variant_meta:meta])* $Variant:ident = $name:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $Name {
            $( $(#[$variant_meta])* #[serde(rename = $name)] $Variant, )+
        }

        impl $crate::named::Named for $Name {
            const ALL: &'static [Self] = &[$( Self::$Variant, )+];

            fn name(self) -> &'static str {
                match self { $( Self::$Variant => $name, )+ }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::named::Named::name(*self))
            }
        }
    };
}

pub(crate) use named;
