//! Parameters as tensors, looked up by name, for the forward pass. `parameters.rs` defines their
//! storage.

use super::parameter_spec::ParameterSpec;
use burn::tensor::Tensor;
use std::collections::HashMap;
use std::ops::Range;

/// Location of a parameter inside a leaf tensor.
#[derive(Clone, Debug)]
struct Place {
    leaf: usize,
    start: usize,
    shape: Vec<usize>,
}

/// The parameters as leaf tensors, looked up by name.
#[derive(Debug)]
pub struct ParamTensors {
    /// One flat tensor per parameter or stack of parameters.
    tensors: Vec<Tensor<1>>,
    /// One entry per parameter.
    places: Vec<Place>,
    index: HashMap<String, usize>,
}

impl ParamTensors {
    /// Creates an empty collection; `index` maps each parameter name to its position in the layout.
    pub(super) fn new(index: HashMap<String, usize>) -> Self {
        Self {
            tensors: Vec::new(),
            places: Vec::with_capacity(index.len()),
            index,
        }
    }

    /// Appends the stack `specs`, whose values lie end to end in `tensor` `[n]`.
    pub(super) fn push(&mut self, specs: &[ParameterSpec], tensor: Tensor<1>) {
        let mut start = 0;
        for spec in specs {
            self.places.push(Place {
                leaf: self.tensors.len(),
                start,
                shape: spec.shape.clone(),
            });
            start += spec.len();
        }
        self.tensors.push(tensor);
    }

    /// Returns the leaf tensors of the parameters `members`, a range of whole stacks.
    pub(super) fn of(&self, members: Range<usize>) -> &[Tensor<1>] {
        let places = &self.places[members];
        let (first, last) = (places[0].leaf, places[places.len() - 1].leaf);
        &self.tensors[first..=last]
    }

    fn place(&self, name: &str) -> &Place {
        let i = *self
            .index
            .get(name)
            .unwrap_or_else(|| panic!("the model has no parameter {name}"));
        &self.places[i]
    }

    /// Returns the parameter `name` in its own shape.
    ///
    /// # Panics
    /// If the model has no parameter of this name or rank, which is a bug in the model.
    pub fn get<const R: usize>(&self, name: &str) -> Tensor<R> {
        let Place { leaf, start, shape } = self.place(name);
        let shape: [usize; R] = shape
            .as_slice()
            .try_into()
            .expect("a parameter is used in its own rank");
        let (tensor, len) = (self.tensors[*leaf].clone(), shape.iter().product());
        let own = if tensor.dims() == [len] {
            tensor
        } else {
            tensor.narrow(0, *start, len)
        };
        own.reshape(shape)
    }

    /// Returns the parameter `name` and the parameters stacked on it, concatenated along the first
    /// dimension.
    ///
    /// # Panics
    /// Like [`Self::get`].
    pub fn stack<const R: usize>(&self, name: &str) -> Tensor<R> {
        let Place { leaf, start, shape } = self.place(name);
        assert_eq!(*start, 0, "a stack goes by the name of its first parameter");
        let mut shape: [usize; R] = shape
            .as_slice()
            .try_into()
            .expect("a parameter is used in its own rank");
        let tensor = self.tensors[*leaf].clone();
        shape[0] = tensor.dims()[0] / shape[1..].iter().product::<usize>();
        tensor.reshape(shape)
    }

    /// Returns whether the model has the parameter `name`.
    pub fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }
}
