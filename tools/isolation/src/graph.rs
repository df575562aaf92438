//! A directed graph with labelled edges, its strongly connected components, and the shortest cycle of one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A directed graph over nodes `0..nodes`, built once, in compressed rows.
#[derive(Debug)]
pub struct Graph<L> {
    /// The edges of node n are `edges[rows[n]..rows[n + 1]]`.
    rows: Vec<usize>,
    edges: Vec<(u32, L)>,
}

impl<L: Copy> Graph<L> {
    /// Builds it from (source, target, label).
    pub fn new(nodes: usize, list: &[(u32, u32, L)]) -> Self {
        let mut rows = vec![0; nodes + 1];
        for &(source, ..) in list {
            rows[source as usize + 1] += 1;
        }
        for n in 0..nodes {
            rows[n + 1] += rows[n];
        }
        let mut free = rows.clone();
        // Any label does as a filler: every place is written exactly once.
        let mut edges = match list.first() {
            Some(&(_, target, label)) => vec![(target, label); list.len()],
            None => Vec::new(),
        };
        for &(source, target, label) in list {
            edges[free[source as usize]] = (target, label);
            free[source as usize] += 1;
        }
        Self { rows, edges }
    }

    fn nodes(&self) -> usize {
        self.rows.len() - 1
    }

    /// The number of edges.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    fn edges(&self, node: u32) -> &[(u32, L)] {
        &self.edges[self.rows[node as usize]..self.rows[node as usize + 1]]
    }

    /// The strongly connected components of more than one node (Tarjan 1972, without recursion).
    pub fn components(&self) -> Vec<Vec<u32>> {
        const UNSEEN: u32 = u32::MAX;
        let nodes = self.nodes();
        let mut index = vec![UNSEEN; nodes];
        let mut low = vec![0; nodes];
        let mut on_stack = vec![false; nodes];
        let mut stack = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        let mut next = 0;
        let mut components = Vec::new();
        for root in 0..nodes as u32 {
            if index[root as usize] != UNSEEN {
                continue;
            }
            path.push((root, 0));
            while let Some(&mut (node, ref mut edge)) = path.last_mut() {
                let n = node as usize;
                if *edge == 0 {
                    index[n] = next;
                    low[n] = next;
                    next += 1;
                    stack.push(node);
                    on_stack[n] = true;
                }
                if let Some(&(target, _)) = self.edges(node).get(*edge) {
                    *edge += 1;
                    let t = target as usize;
                    if index[t] == UNSEEN {
                        path.push((target, 0));
                    } else if on_stack[t] {
                        low[n] = low[n].min(index[t]);
                    }
                    continue;
                }
                path.pop();
                if let Some(&(parent, _)) = path.last() {
                    low[parent as usize] = low[parent as usize].min(low[n]);
                }
                if low[n] == index[n] {
                    let mut component = Vec::new();
                    while let Some(member) = stack.pop() {
                        on_stack[member as usize] = false;
                        component.push(member);
                        if member == node {
                            break;
                        }
                    }
                    if component.len() > 1 {
                        components.push(component);
                    }
                }
            }
        }
        components
    }

    /// The cheapest cycle within `component`, trying at most `starts_max` nodes for which `may_start` holds,
    /// as (node, label of the edge that leaves it).
    pub fn cheapest_cycle(
        &self,
        component: &[u32],
        starts_max: usize,
        may_start: impl Fn(u32) -> bool,
        cost: impl Fn(L) -> u32,
    ) -> Vec<(u32, L)> {
        let members: std::collections::HashSet<u32> = component.iter().copied().collect();
        let mut best: Option<(u32, Vec<(u32, L)>)> = None;
        for &start in component.iter().filter(|&&n| may_start(n)).take(starts_max) {
            let bound = best.as_ref().map_or(u32::MAX, |(cost, _)| *cost);
            if let Some(found) = self.cycle_through(start, &members, bound, &cost) {
                best = Some(found);
            }
        }
        best.map(|(_, cycle)| cycle).unwrap_or_default()
    }

    /// The cheapest way from `start` back to it that costs less than `bound` (Dijkstra).
    fn cycle_through(
        &self,
        start: u32,
        members: &std::collections::HashSet<u32>,
        bound: u32,
        cost: impl Fn(L) -> u32,
    ) -> Option<(u32, Vec<(u32, L)>)> {
        let mut reached: HashMap<u32, (u32, u32, L)> = HashMap::new();
        let mut queue = BinaryHeap::from([(Reverse(0), start)]);
        while let Some((Reverse(so_far), node)) = queue.pop() {
            if so_far > 0 && node == start {
                break;
            }
            if node != start && reached.get(&node).is_some_and(|&(best, ..)| best < so_far) {
                continue;
            }
            for &(target, label) in self.edges(node).iter().filter(|(t, _)| members.contains(t)) {
                let total = so_far + cost(label);
                if total < bound && reached.get(&target).is_none_or(|&(best, ..)| total < best) {
                    reached.insert(target, (total, node, label));
                    queue.push((Reverse(total), target));
                }
            }
        }
        let &(total, mut node, label) = reached.get(&start)?;
        let mut cycle = vec![(node, label)];
        while node != start {
            let &(_, previous, label) = reached.get(&node)?;
            cycle.push((previous, label));
            node = previous;
        }
        cycle.reverse();
        Some((total, cycle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_cheapest_cycle() {
        // 0 -> 1 -> 2 -> 0 and the dearer shortcut 1 -> 0; 3 hangs on; 4 and 5 turn around each other.
        let list = [
            (0, 1, 1),
            (1, 2, 1),
            (2, 0, 1),
            (1, 0, 5),
            (2, 3, 1),
            (4, 5, 1),
            (5, 4, 1),
        ];
        let graph = Graph::new(6, &list);
        let mut components = graph.components();
        components.iter_mut().for_each(|c| c.sort_unstable());
        components.sort();
        assert_eq!(components, [vec![0, 1, 2], vec![4, 5]]);
        let cycle = graph.cheapest_cycle(&components[0], 10, |n| n == 0, |cost| cost);
        assert_eq!(cycle, [(0, 1), (1, 1), (2, 1)]);
        let cycle = graph.cheapest_cycle(&components[0], 10, |n| n == 0, |_| 1);
        assert_eq!(cycle, [(0, 1), (1, 5)]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let list: Vec<(u32, u32, ())> = (0..1_000_000).map(|n| (n, n + 1, ())).collect();
        assert!(Graph::new(1_000_001, &list).components().is_empty());
    }
}
