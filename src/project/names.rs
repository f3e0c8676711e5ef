//! The name that was probably meant.

/// Returns the candidate that is nearest to `name`, when one is near enough to be a slip of the pen.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    // Longer than any real name: comparing it would only take time.
    if length > 100 {
        return None;
    }
    let limit = (length / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= limit && distance < candidate.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use crate::project::names::nearest;

    #[test]
    fn slips_are_near() {
        let names = ["name", "time", "plan_tier", "x"];
        assert_eq!(nearest("nmae", names), Some("name"));
        assert_eq!(nearest("plantier", names), Some("plan_tier"));
        assert_eq!(nearest("TIME", names), Some("time"));
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(nearest("country", ["name", "time", "plan_tier"]), None);
        assert_eq!(nearest("y", ["x"]), None);
        assert_eq!(nearest(&"a".repeat(5000), ["aa"]), None);
    }
}
