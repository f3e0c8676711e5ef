//! An order of what depends on each other, and the circles in which there is none.

/// A circle: each node, with the place among its edges of the one that leads to the next; the last one leads to the first.
pub(super) type Circle = Vec<(usize, usize)>;

/// Orders nodes so that each comes after those that its edges lead to, as far as there is such an order, and in the order in
/// which they stand besides. Returns the circles too, each from the node that stands first; of circles with a node in common
/// at least one.
pub(super) fn order(edges: &[Vec<usize>]) -> (Vec<usize>, Vec<Circle>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        InCircle,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let (mut order, mut circles) = (Vec::with_capacity(edges.len()), Vec::new());
    for root in 0..edges.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        // A walk in depth with its own stack: chains may be long.
        let mut stack: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some((node, edge)) = stack.pop() {
            let Some(next) = edges[node].get(edge).copied() else {
                marks[node] = Mark::Done;
                order.push(node);
                continue;
            };
            stack.push((node, edge + 1));
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::Open;
                    stack.push((next, 0));
                }
                Mark::Open => {
                    let from = stack.iter().position(|(each, _)| *each == next).unwrap_or(0);
                    // What is on the stack stands behind the edge that it went along.
                    let mut circle: Circle = stack[from..].iter().map(|(each, edge)| (*each, edge - 1)).collect();
                    circle.iter().for_each(|(each, _)| marks[*each] = Mark::InCircle);
                    let first = (0..circle.len()).min_by_key(|place| circle[*place].0).unwrap_or(0);
                    circle.rotate_left(first);
                    circles.push(circle);
                }
                Mark::InCircle | Mark::Done => {}
            }
        }
    }
    (order, circles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_after_what_it_depends_on_and_else_where_it_stands() {
        let (order, circles) = order(&[vec![], vec![3], vec![0], vec![2]]);
        assert_eq!((order, circles), (vec![0, 2, 3, 1], vec![]));
    }

    #[test]
    fn a_circle_is_found_once_from_the_first_of_it() {
        // 0 leads into 3 -> 1 -> 2 -> 3, and 4 leads to itself.
        let (order, circles) = order(&[vec![3], vec![2], vec![3], vec![1], vec![0, 4]]);
        assert_eq!(order, [2, 1, 3, 0, 4]);
        assert_eq!(circles, [vec![(1, 0), (2, 0), (3, 0)], vec![(4, 1)]]);
    }

    #[test]
    fn a_long_chain_is_no_deep_call() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|node| vec![(node + 1) % 200_000]).collect();
        let (order, circles) = order(&edges);
        assert_eq!((order.len(), circles.len(), circles[0].len()), (200_000, 1, 200_000));
    }
}
