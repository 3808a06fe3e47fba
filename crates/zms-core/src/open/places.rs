//! Where every scope stands: a walk through the whole tree, for changes that start from an id.

use std::collections::BTreeMap;

use super::{OpenError, OpenScope, Opening, Place, way::Reading};
use crate::{id::ScopeId, path::ScopePath, scope::Lineage};

/// One place of a scope.
pub struct Stands {
    /// Names below the root.
    pub path: ScopePath,
    /// Ids from the root to the scope.
    pub lineage: Lineage,
}

/// Every place that a proven list of children leads to. The store has no say in it: a hint of
/// where to look could lead to a graft.
pub struct Places {
    by_id: BTreeMap<ScopeId, Vec<Stands>>,
    broken: Option<OpenError>,
}

impl Places {
    /// The one place of a scope; `None` where the whole tree verifies and does not hold it.
    ///
    /// # Errors
    /// Integrity, where it stands at two places, or may stand below what does not verify.
    pub fn only(&self, scope: ScopeId) -> Result<Option<&Stands>, OpenError> {
        match (self.by_id.get(&scope).map_or(&[][..], Vec::as_slice), &self.broken) {
            ([stands], _) => Ok(Some(stands)),
            ([], None) => Ok(None),
            ([], Some(broken)) => Err(broken.again()),
            ([stands, ..], _) => Err(Place::Scope(stands.path.clone()).into()),
        }
    }

    /// Whether a scope stands at more than one place.
    pub fn twice(&self, scope: ScopeId) -> bool {
        self.by_id.get(&scope).is_some_and(|stands| stands.len() > 1)
    }
}

impl Opening<'_> {
    /// Walks the whole tree below the root. What does not verify is noted and passed by.
    ///
    /// # Errors
    /// Trouble, and a root that does not verify.
    pub fn places(&self) -> Result<Places, OpenError> {
        let mut places = Places { by_id: BTreeMap::new(), broken: None };
        let mut way = self.way(&ScopePath::default(), Reading::Structure)?;
        let root = way.pop().expect("a way holds at least its target");
        places.note(&root.path, &root.lineage);
        self.walk_below(&root, &mut places)?;
        Ok(places)
    }

    fn walk_below(&self, above: &OpenScope, places: &mut Places) -> Result<(), OpenError> {
        for stored in above.stored_children() {
            // Noted before it is proven: also what is broken stands somewhere.
            match above.open_child(stored).ok().and_then(|child| above.path.child(child.name).ok())
            {
                Some(path) => places.note(&path, &[&above.lineage[..], &[stored.child]].concat()),
                None => places.miss(Place::Child(above.path.clone()).into()),
            }
            match self.below(above, stored, Reading::Structure) {
                Ok(child) => self.walk_below(&child, places)?,
                Err(OpenError::Trouble(trouble)) => return Err(trouble.into()),
                Err(error) => places.miss(error),
            }
        }
        Ok(())
    }
}

impl Places {
    fn note(&mut self, path: &ScopePath, lineage: &[ScopeId]) {
        let id = *lineage.last().expect("a lineage starts with the root");
        let stands = Stands { path: path.clone(), lineage: lineage.to_vec() };
        self.by_id.entry(id).or_default().push(stands);
    }

    fn miss(&mut self, error: OpenError) {
        self.broken.get_or_insert(error);
    }
}
