//! Which crossings of a road network can be reached from each other, both ways.

/// For each node the number of its component: nodes have the same one if each can be reached from the
/// other. Edges of nodes that do not exist are left out.
pub(super) fn components(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let (mut ahead, mut back) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
    for (from, to) in edges {
        if let (Some(ahead), Some(back)) = (ahead.get_mut(*from), back.get_mut(*to)) {
            ahead.push(*to);
            back.push(*from);
        }
    }
    // Whoever is finished last in a walk along the roads begins a walk against them: it reaches
    // those who also reach it (Kosaraju).
    let mut finished = Vec::with_capacity(nodes);
    let mut seen = vec![false; nodes];
    for start in 0..nodes {
        walk(start, &ahead, &mut seen, |node| finished.push(node));
    }
    let mut found = vec![0; nodes];
    let mut seen = vec![false; nodes];
    for (number, start) in finished.into_iter().rev().enumerate() {
        walk(start, &back, &mut seen, |node| {
            if let Some(place) = found.get_mut(node) {
                *place = number;
            }
        });
    }
    found
}

/// Walks to everything that was not seen yet, and tells of each node after all that it leads to.
fn walk(start: usize, along: &[Vec<usize>], seen: &mut [bool], mut done: impl FnMut(usize)) {
    let mut is_new = |node: usize| match seen.get_mut(node) {
        Some(seen @ false) => {
            *seen = true;
            true
        }
        _ => false,
    };
    if !is_new(start) {
        return;
    }
    let mut path = vec![(start, 0)];
    while let Some((node, next)) = path.last_mut() {
        let to = along.get(*node).and_then(|ends| ends.get(*next)).copied();
        *next += 1;
        match to {
            Some(to) if is_new(to) => path.push((to, 0)),
            Some(_) => {}
            None => {
                done(*node);
                path.pop();
            }
        }
    }
}

/// Which nodes to keep: those of the largest component and of others that are no mere car park, at least
/// a tenth as large (islands have roads of their own).
pub(super) fn kept(nodes: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let of = components(nodes, edges);
    let mut sizes = vec![0_usize; nodes];
    for number in &of {
        if let Some(size) = sizes.get_mut(*number) {
            *size += 1;
        }
    }
    let least = sizes.iter().max().map_or(0, |largest| largest.div_ceil(10)).max(2);
    of.iter().map(|number| sizes.get(*number).is_some_and(|size| *size >= least)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_lead_to_each_other_are_together() {
        // A ring 0-1-2, a way out to 3 and on to a ring 4-5, and 6 by itself.
        let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 4), (6, 0), (9, 1)];
        let of = components(7, &edges);
        assert!(of[0] == of[1] && of[1] == of[2] && of[4] == of[5]);
        let mut distinct = of.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 4, "{of:?}");
        assert_eq!(kept(7, &edges), [true, true, true, false, true, true, false]);
        assert_eq!(kept(0, &[]), Vec::<bool>::new());
        // One-way streets without a way back hold nobody.
        assert_eq!(kept(3, &[(0, 1), (1, 2)]), [false; 3]);
    }

    #[test]
    fn what_is_small_beside_the_rest_is_left_out() {
        let ring = |from: usize, size: usize| {
            (0..size).map(move |n| (from + n, from + (n + 1) % size)).collect::<Vec<_>>()
        };
        let edges = [ring(0, 40), ring(40, 4), ring(44, 3)].concat();
        let kept = kept(47, &edges);
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 44);
        assert!(kept[43] && !kept[44]);
    }

    #[test]
    fn a_long_road_takes_no_stack() {
        let edges: Vec<_> = (0..300_000).flat_map(|n| [(n, n + 1), (n + 1, n)]).collect();
        assert!(kept(300_001, &edges).into_iter().all(|kept| kept));
    }
}
