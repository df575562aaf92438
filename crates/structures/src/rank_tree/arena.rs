//! Arena: nodes of one kind, each with an allocation of its own, named by numbers that are half a pointer long.

/// The number that no node has.
pub(super) const NONE: u32 = u32::MAX;

/// See the module.
pub(super) struct Arena<T> {
    nodes: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Arena<T> {
        Arena {
            nodes: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// What the arena and its nodes have taken from the allocator.
    pub(super) fn heap_bytes(&self) -> usize {
        self.len() * size_of::<T>()
            + self.nodes.capacity() * size_of::<Option<Box<T>>>()
            + self.free.capacity() * size_of::<u32>()
    }

    /// A number for a new node.
    pub(super) fn add(&mut self, node: Box<T>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.nodes[number as usize] = Some(node);
            return number;
        }
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact(1 + self.nodes.len() / 8);
        }
        self.nodes.push(Some(node));
        (self.nodes.len() - 1) as u32
    }

    /// Frees a node.
    pub(super) fn remove(&mut self, number: u32) {
        self.nodes[number as usize] = None;
        self.free.push(number);
        if self.len() == 0 {
            *self = Arena::new();
        }
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> &T {
        self.nodes[number as usize]
            .as_deref()
            .expect("a node in use")
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> &mut T {
        self.nodes[number as usize]
            .as_deref_mut()
            .expect("a node in use")
    }

    /// Two different nodes.
    pub(super) fn get_two(&mut self, first: u32, second: u32) -> (&mut T, &mut T) {
        let both = self
            .nodes
            .get_disjoint_mut([first as usize, second as usize]);
        let [Some(first), Some(second)] = both.expect("two different nodes") else {
            panic!("two nodes in use")
        };
        (first, second)
    }
}
