//! The tree's invariants, for tests.

use super::*;

impl RankTree {
    /// Items are in order, counts and first items are those below, leaves are linked in order, no node is empty.
    /// Returns the handles, sorted.
    pub(crate) fn check(
        &self,
        items: &impl Items,
        order_of: impl Fn(Handle) -> Order,
    ) -> Vec<Handle> {
        let mut leaves = Vec::new();
        if self.root != NONE {
            let child = self.check_node(self.root, self.height, &mut leaves);
            assert_eq!(child.count as usize, self.len);
        }
        assert_eq!(leaves.len(), self.leaves.len());
        let mut handles = Vec::new();
        for (at, &number) in leaves.iter().enumerate() {
            let leaf = self.leaves.get(number);
            let neighbour = |at: usize| leaves.get(at).copied().unwrap_or(NONE);
            assert_eq!(
                (leaf.prev, leaf.next),
                (neighbour(at.wrapping_sub(1)), neighbour(at + 1))
            );
            for (&order, &handle) in leaf.orders().iter().zip(leaf.handles()) {
                assert_eq!(order, order_of(handle));
                handles.push(handle);
            }
        }
        assert_eq!(handles.len(), self.len);
        let key = |handle: &Handle| (order_of(*handle), items.member(*handle));
        assert!(handles.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
        handles.sort();
        handles
    }

    fn check_node(&self, number: u32, levels: usize, leaves: &mut Vec<u32>) -> Child {
        if levels == 0 {
            leaves.push(number);
            return self.leaf_as_child(number);
        }
        let inner = self.inners.get(number);
        assert!(inner.len() > 0);
        for index in 0..inner.len() {
            let child = inner.child(index);
            let found = self.check_node(child.number, levels - 1, leaves);
            assert_eq!((child.count, child.first), (found.count, found.first));
        }
        self.inner_as_child(number)
    }

    /// Items over places for them.
    pub(crate) fn fill(&self) -> f64 {
        self.len as f64 / (self.leaves.len() * LEAF_ITEMS) as f64
    }
}
