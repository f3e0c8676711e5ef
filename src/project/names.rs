//! The name that was probably meant.

/// Returns the candidate that is nearest to `name`, when one is near enough to be a slip of the pen.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = name.to_lowercase();
    // Longer than any real name: comparing it would only take time.
    if name.chars().count() > 100 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&name, &candidate.to_lowercase())?, candidate)))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Returns how many slips lie between two names, if that is few for their length.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    // What both begin with, up to a dot, is no likeness: two properties have `properties.` in common.
    let shared = name.rfind('.').map_or(0, |dot| dot + 1);
    let (name, candidate) = match (&name[shared..], candidate.strip_prefix(&name[..shared])) {
        (name, Some(candidate)) => (name, candidate),
        (_, None) => (name, candidate),
    };
    let limit = (name.chars().count() / 3).max(1);
    // To count the slips is dear, and a project has many names.
    if name.chars().count().abs_diff(candidate.chars().count()) > limit {
        return None;
    }
    let distance = strsim::osa_distance(name, candidate);
    // A longer word that begins as the other is another word: `country` is no slip for `count`.
    let is_longer = distance > 1 && (name.starts_with(candidate) || candidate.starts_with(name));
    (distance <= limit && distance < candidate.chars().count() && !is_longer).then_some(distance)
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
        assert_eq!(nearest("properties.mehtod", ["properties.method"]), Some("properties.method"));
        assert_eq!(nearest("proprties.method", ["properties.method"]), Some("properties.method"));
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(nearest("country", ["name", "time", "plan_tier"]), None);
        assert_eq!(nearest("y", ["x"]), None);
        assert_eq!(nearest("country", ["count"]), None);
        assert_eq!(nearest("properties.country", ["properties.method", "properties.seats"]), None);
        assert_eq!(nearest(&"a".repeat(5000), ["aa"]), None);
    }
}
