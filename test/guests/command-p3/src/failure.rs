use std::fmt::{Debug, Display, Formatter};

/// Why a subcommand failed, as the line that stderr gets.
pub struct Failure(String);

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// An argument that the subcommand cannot use.
    pub fn invalid(reason: impl Display) -> Self {
        Self(format!("InvalidInput ({reason})"))
    }
}

/// Each WASI package has its own `ErrorCode`.
impl<E: Debug> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(format!("{error:?}"))
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
