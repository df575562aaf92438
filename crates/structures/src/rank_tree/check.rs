//! The tree's invariants, for tests.

use super::*;

impl RankTree {
    /// Items are in order, counts and first items are those below, leaves are linked in order, no node is empty.
    /// Returns the handles, sorted.
    pub(crate) fn check(&self, members: &impl Members) -> Vec<Handle> {
        let mut leaves = Vec::new();
        if self.root != NONE {
            let child = self.check_node(self.root, self.height, &mut leaves, members);
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
            leaf.check(members);
            handles.extend_from_slice(leaf.handles());
        }
        assert_eq!(handles.len(), self.len);
        let key = |handle: &Handle| (members.order(*handle), members.member(*handle));
        assert!(handles.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
        handles.sort();
        handles
    }

    fn check_node(
        &self,
        number: u32,
        levels: usize,
        leaves: &mut Vec<u32>,
        members: &impl Members,
    ) -> Child {
        if levels == 0 {
            leaves.push(number);
            return self.leaf_as_child(number, members);
        }
        let inner = self.inners.get(number);
        assert!(inner.len() > 0);
        for index in 0..inner.len() {
            let child = inner.child(index);
            let found = self.check_node(child.number, levels - 1, leaves, members);
            assert_eq!((child.count, child.first), (found.count, found.first));
        }
        self.inner_as_child(number)
    }
}
