//! The settings of a function, from environment variables.

/// A variable that must be set is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingVariable(pub &'static str);

impl std::fmt::Display for MissingVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the environment variable {} is not set", self.0)
    }
}

impl std::error::Error for MissingVariable {}

/// The environment of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment;

impl Environment {
    /// A variable that must be set.
    pub fn get(self, name: &'static str) -> Result<String, MissingVariable> {
        self.find(name).ok_or(MissingVariable(name))
    }

    /// A variable that may be set.
    pub fn find(self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// A variable that has a default.
    pub fn get_or(self, name: &'static str, default: &str) -> String {
        self.get(name).unwrap_or_else(|_| default.to_owned())
    }
}
