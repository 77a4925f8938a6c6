//! The parameters of a group's arrays as tensors by name, which is what a forward pass wants.

use super::parameters::ParameterSpec;
use burn::tensor::Tensor;
use std::collections::HashMap;
use std::ops::Range;

/// Where a parameter lies in a leaf.
#[derive(Clone, Debug)]
struct Place {
    leaf: usize,
    start: usize,
    shape: Vec<usize>,
}

/// The parameters as tensors, by name.
#[derive(Debug)]
pub struct ParamTensors {
    /// One per parameter or stack of parameters.
    tensors: Vec<Tensor<1>>,
    /// One per parameter.
    places: Vec<Place>,
    index: HashMap<String, usize>,
}

impl ParamTensors {
    /// Without tensors; `index` gives the number of each parameter by name.
    pub(super) fn new(index: HashMap<String, usize>) -> Self {
        Self {
            tensors: Vec::new(),
            places: Vec::with_capacity(index.len()),
            index,
        }
    }

    /// Appends the stack `specs`, end to end in `tensor` `[n]`.
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

    /// The leaves of the parameters with these numbers, which are whole stacks.
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

    /// The parameter `name` in its own shape.
    ///
    /// # Panics
    /// Where the model asks for a name or rank that its own specs do not list: a wrong program.
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

    /// The parameter `name` with those that continue it below, along the first dimension.
    ///
    /// # Panics
    /// As [`Self::get`] does.
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

    /// Whether the model has this parameter.
    pub fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }
}
