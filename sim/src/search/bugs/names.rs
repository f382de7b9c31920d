//! What the planted bugs are called, from the sources of core, by a build that has none of them.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

/// The names in the catalogue under a checkout's `core/src/planted`, in its order.
///
/// # Errors
/// If there is no catalogue, or no name in it.
pub fn names(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let path = checkout.join("core/src/planted/catalogue.rs");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let names: Vec<String> = text.lines().filter_map(name).map(str::to_owned).collect();
    ensure!(!names.is_empty(), "no bug has a name in {}", path.display());
    Ok(names)
}

/// The name in a line of the table, as in `GapTooWide = "gap-too-wide",`.
fn name(line: &str) -> Option<&str> {
    let (variant, name) = line.trim().strip_suffix("\",")?.split_once(" = \"")?;
    variant.bytes().all(|b| b.is_ascii_alphanumeric()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_name_and_nothing_else_has() {
        assert_eq!(name("    GapTooWide = \"gap-too-wide\","), Some("gap-too-wide"));
        assert_eq!(name("    /// A gap is \"one = too\" wide."), None);
        assert_eq!(name("    ($(#[doc = $what:literal] $bug:ident = $name:literal,)*) => {"), None);
    }
}
