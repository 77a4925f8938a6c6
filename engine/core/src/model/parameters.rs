//! Parameters and their storage. A model is a list of [`ParameterSpec`]s. Their values are stored
//! end to end in a few flat arrays, one per group, which suits the optimiser, checkpoints and the
//! gradient norm. The forward pass uses [`ParamTensors`], one leaf tensor per parameter or stack.

use super::param_tensors::ParamTensors;
use super::parameter_spec::{Init, MatrixBatch, ParameterSpec};
use crate::data::random::{Purpose, generator, normals};
use burn::tensor::{Device, Gradients, Tensor};
use std::collections::HashMap;
use std::ops::Range;

/// Consecutive parameters stored in one flat array.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGroup {
    /// Whether weight decay applies to its parameters.
    pub decays: bool,
    /// Its matrices in storage order, if all members are matrices inside a block; empty otherwise.
    pub matrices: Vec<MatrixBatch>,
    /// Indices of its parameters in [`Layout::specs`].
    pub members: Range<usize>,
    /// Total number of parameter elements, without padding.
    pub used: usize,
}

/// A group's array is padded to a multiple of this many elements. 256 bytes is the binding offset
/// alignment that every WebGPU device supports (`minStorageBufferOffsetAlignment`), so that
/// parameters with aligned sizes can be views of the array.
const ALIGNMENT: usize = 64;

impl ParameterGroup {
    /// Number of elements of its array, padding included.
    pub fn len(&self) -> usize {
        self.used.next_multiple_of(ALIGNMENT)
    }

    /// Whether it has no parameters.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Pads the parameter `values` `[used]` with zeros to the length of its array.
    pub fn padded(&self, mut values: Vec<f32>) -> Vec<f32> {
        values.resize(self.len(), 0.0);
        values
    }

    /// Appends the parameter with index `i`.
    fn take(&mut self, i: usize, spec: &ParameterSpec) {
        self.members.end = i + 1;
        self.used += spec.len();
        if !spec.is_hidden() {
            return;
        }
        let new = spec.matrices();
        match self.matrices.last_mut() {
            Some(last) if (last.rows, last.columns) == (new.rows, new.columns) => {
                last.count += new.count
            }
            _ => self.matrices.push(new),
        }
    }
}

/// The order, grouping and location of all parameters.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The parameters in storage order: embedding tables and heads, matrices inside the blocks by
    /// shape, vectors.
    pub specs: Vec<ParameterSpec>,
    /// The groups in storage order.
    pub groups: Vec<ParameterGroup>,
    index: HashMap<String, usize>,
}

/// Maximum number of elements per group (64 MiB of f32), exceeded only by a single larger stack. A
/// group then fits into one storage binding on every WebGPU device (`maxStorageBufferBindingSize`
/// is at least 128 MiB).
const MAX_GROUP_ELEMENTS: usize = 16 << 20;

/// Splits `specs` into stacks: a parameter and those that continue it.
fn stacks(specs: &[ParameterSpec]) -> impl Iterator<Item = &[ParameterSpec]> {
    specs.chunk_by(|_, next| next.continues)
}

impl Layout {
    /// Lays out `specs`.
    ///
    /// # Panics
    /// If two parameters have the same name.
    pub fn new(specs: Vec<ParameterSpec>) -> Self {
        let (mut hidden, rest): (Vec<_>, Vec<_>) =
            specs.into_iter().partition(ParameterSpec::is_hidden);
        let (mut ordered, vectors): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(ParameterSpec::decays);
        // Adjacent matrices of equal shape form one batch for Muon. The sort is stable, so stacks
        // stay contiguous.
        hidden.sort_by_key(|spec| (spec.matrices().rows, spec.matrices().columns));
        ordered.extend(hidden.into_iter().chain(vectors));
        let mut groups: Vec<ParameterGroup> = Vec::new();
        let mut start = 0;
        for stack in stacks(&ordered) {
            let len: usize = stack.iter().map(ParameterSpec::len).sum();
            let first = &stack[0];
            let fits = |group: &&mut ParameterGroup| {
                let alike = group.decays == first.decays()
                    && group.matrices.is_empty() != first.is_hidden();
                alike && group.used + len <= MAX_GROUP_ELEMENTS
            };
            if groups.last_mut().filter(fits).is_none() {
                let members = start..start;
                groups.push(ParameterGroup {
                    decays: first.decays(),
                    matrices: Vec::new(),
                    members,
                    used: 0,
                });
            }
            let group = groups.last_mut().expect("one was just added");
            stack
                .iter()
                .enumerate()
                .for_each(|(i, spec)| group.take(start + i, spec));
            start += stack.len();
        }
        let index: HashMap<String, usize> = ordered
            .iter()
            .enumerate()
            .map(|(i, s)| (s.name.clone(), i))
            .collect();
        assert_eq!(index.len(), ordered.len(), "parameter names are distinct");
        Self {
            specs: ordered,
            groups,
            index,
        }
    }

    /// Returns the parameter names of each group, in order.
    pub fn names(&self) -> Vec<Vec<String>> {
        let of_group = |group: &ParameterGroup| {
            self.specs[group.members.clone()]
                .iter()
                .map(|spec| spec.name.clone())
        };
        self.groups
            .iter()
            .map(|group| of_group(group).collect())
            .collect()
    }

    /// Total number of trainable parameters.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.used).sum()
    }

    /// Whether the model has no parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of elements of each leaf tensor of each group. A leaf is a parameter or a
    /// stack of parameters.
    pub fn leaf_lens(&self) -> Vec<Vec<usize>> {
        let len = |stack: &[ParameterSpec]| stack.iter().map(ParameterSpec::len).sum();
        let leaves = |group: &ParameterGroup| {
            stacks(&self.specs[group.members.clone()])
                .map(len)
                .collect()
        };
        self.groups.iter().map(leaves).collect()
    }

    /// Returns the values of the parameter `name` in the groups' host arrays.
    ///
    /// # Panics
    /// If there is no such parameter, which is a bug in the caller.
    pub fn slice_mut<'a>(&self, groups: &'a mut [Vec<f32>], name: &str) -> &'a mut [f32] {
        let i = *self
            .index
            .get(name)
            .unwrap_or_else(|| panic!("the model has no parameter {name}"));
        let g = self
            .groups
            .iter()
            .position(|group| group.members.contains(&i))
            .expect("every parameter has a group");
        let start: usize = self.specs[self.groups[g].members.start..i]
            .iter()
            .map(ParameterSpec::len)
            .sum();
        &mut groups[g][start..start + self.specs[i].len()]
    }

    /// Assembles the groups' arrays from the values of each parameter.
    pub fn arrays(&self, mut values: impl FnMut(&ParameterSpec) -> Vec<f32>) -> Vec<Vec<f32>> {
        let array = |group: &ParameterGroup| {
            group.padded(
                self.specs[group.members.clone()]
                    .iter()
                    .flat_map(&mut values)
                    .collect(),
            )
        };
        self.groups.iter().map(array).collect()
    }

    /// Splits the groups' arrays into one tensor per parameter or stack of parameters.
    ///
    /// `groups` holds one `[len]` array per group. On an autodiff device the tensors are tracked
    /// leaves.
    pub fn params(&self, groups: &[Tensor<1>], device: &Device) -> ParamTensors {
        let mut params = ParamTensors::new(self.index.clone());
        for (group, values) in self.groups.iter().zip(groups) {
            let mut start = 0;
            for stack in stacks(&self.specs[group.members.clone()]) {
                let len = stack.iter().map(ParameterSpec::len).sum();
                let slice = values.clone().narrow(0, start, len); // [n]
                params.push(
                    stack,
                    if device.is_autodiff() {
                        Tensor::from_inner(slice).require_grad()
                    } else {
                        slice
                    },
                );
                start += len;
            }
        }
        params
    }

    /// Returns the gradients of each group's leaf tensors, `[n]` each, in order. A leaf that the
    /// loss does not depend on has zero gradients.
    pub fn gradients(
        &self,
        params: &ParamTensors,
        mut gradients: Gradients,
    ) -> Vec<Vec<Tensor<1>>> {
        let mut take = |leaf: &Tensor<1>| {
            leaf.grad_remove(&mut gradients)
                .unwrap_or_else(|| leaf.clone().inner().zeros_like())
        };
        let of_group = |group: &ParameterGroup| {
            params
                .of(group.members.clone())
                .iter()
                .map(&mut take)
                .collect()
        };
        self.groups.iter().map(of_group).collect()
    }
}

/// Returns the initial values of `spec`. They are drawn on the host from (`seed`, name): identical
/// on all platforms and backends, and independent of the other parameters.
pub fn initial_values(spec: &ParameterSpec, seed: u64) -> Vec<f32> {
    match spec.init {
        Init::Zeros => vec![0.0; spec.len()],
        Init::Ones => vec![1.0; spec.len()],
        Init::Normal(std) => normals(
            &mut generator(seed, Purpose::Init, fnv1a(&spec.name), 0),
            spec.len(),
            std as f32,
        ),
    }
}

/// Hashes a name with 64-bit FNV-1a, which is stable across platforms.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, shape: &[usize]) -> ParameterSpec {
        ParameterSpec {
            name: name.into(),
            shape: shape.into(),
            init: Init::Normal(0.02),
            hidden_matrices: 0,
            continues: false,
        }
    }

    #[test]
    fn groups_split_by_decay_and_by_size() {
        let layout = Layout::new(vec![
            spec("bias", &[8]),
            spec("matrix", &[4, 2]),
            spec("large", &[4096, 4096]),
            spec("other", &[2, 2]),
        ]);
        let sizes: Vec<(bool, usize)> = layout.groups.iter().map(|g| (g.decays, g.used)).collect();
        assert_eq!(sizes, [(true, 8), (true, 16 << 20), (true, 4), (false, 8)]);
        assert!(
            layout
                .groups
                .iter()
                .all(|group| group.len().is_multiple_of(64) && group.len() >= group.used)
        );
        assert_eq!(layout.len(), 20 + (16 << 20));
    }

    #[test]
    fn a_stack_lies_in_one_group() {
        let part = |name: &str, continues| ParameterSpec {
            continues,
            ..spec(name, &[2048, 2048])
        };
        let layout = Layout::new(vec![
            part("a", false),
            part("b", false),
            part("q", false),
            part("k", true),
            part("v", true),
        ]);
        let members: Vec<_> = layout
            .groups
            .iter()
            .map(|group| group.members.clone())
            .collect();
        assert_eq!(members, [0..2, 2..5]);
    }

    #[test]
    fn matrices_of_blocks_are_batched_by_shape() {
        let hidden = |name: &str, shape: &[usize], hidden_matrices| ParameterSpec {
            hidden_matrices,
            ..spec(name, shape)
        };
        let layout = Layout::new(vec![
            hidden("0.qkv", &[12, 4], 3),
            hidden("0.up", &[8, 4], 1),
            spec("embeddings", &[9, 4]),
            hidden("1.qkv", &[12, 4], 3),
            hidden("1.up", &[8, 4], 1),
            spec("bias", &[4]),
        ]);
        let names: Vec<&str> = layout.specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(
            names,
            ["embeddings", "0.qkv", "1.qkv", "0.up", "1.up", "bias"]
        );
        let batch = |count, rows, columns| MatrixBatch {
            count,
            rows,
            columns,
        };
        let matrices: Vec<&[MatrixBatch]> = layout
            .groups
            .iter()
            .map(|group| group.matrices.as_slice())
            .collect();
        assert_eq!(matrices, [&[][..], &[batch(6, 4, 4), batch(2, 8, 4)], &[]]);
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_only() {
        let (a, b) = (spec("a", &[64, 64]), spec("b", &[64, 64]));
        assert_eq!(initial_values(&a, 1), initial_values(&a, 1));
        assert_ne!(initial_values(&a, 1), initial_values(&a, 2));
        assert_ne!(initial_values(&a, 1), initial_values(&b, 1));
        let values = initial_values(&a, 3);
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(
            (variance.sqrt() - 0.02).abs() < 0.001,
            "standard deviation {}",
            variance.sqrt()
        );
    }

    #[test]
    fn leaves_and_gradients_keep_the_order_of_the_groups() {
        let layout = Layout::new(vec![spec("x", &[2]), spec("w", &[2, 2])]);
        let device = Device::flex();
        let flat = |values: &[f32]| Tensor::<1>::from_floats(values, &device);
        let groups = [flat(&[1.0, 2.0, 3.0, 4.0]), flat(&[10.0, 20.0])];
        let params = layout.params(&groups, &device.clone().autodiff());
        let y = params
            .get::<2>("w")
            .matmul(params.get::<1>("x").reshape([2, 1]))
            .sum();
        let gradients = layout.gradients(&params, y.backward());
        let read = |group: &[Tensor<1>]| {
            Tensor::cat(group.to_vec(), 0)
                .into_data()
                .try_to_vec::<f32>()
                .expect("f32")
        };
        assert_eq!(read(&gradients[0]), [10.0, 20.0, 10.0, 20.0]);
        assert_eq!(read(&gradients[1]), [4.0, 6.0]);
    }

    #[test]
    fn a_stack_is_one_leaf_whose_parts_have_names() {
        let part = |name: &str, shape: &[usize], continues| ParameterSpec {
            continues,
            ..spec(name, shape)
        };
        let layout = Layout::new(vec![
            part("q.weight", &[1, 2], false),
            part("q.bias", &[1], false),
            part("k.weight", &[2, 2], true),
            part("k.bias", &[2], true),
            part("o.bias", &[1], false),
        ]);
        let device = Device::flex();
        let arrays = layout.arrays(|spec| {
            (0..spec.len())
                .map(|i| (spec.name.len() + i) as f32)
                .collect()
        });
        let groups: Vec<_> = arrays
            .iter()
            .map(|values| Tensor::<1>::from_floats(values.as_slice(), &device))
            .collect();
        let params = layout.params(&groups, &device.clone().autodiff());
        let read = |tensor: Tensor<2>| {
            (
                tensor.dims(),
                tensor.into_data().try_to_vec::<f32>().expect("f32"),
            )
        };
        assert_eq!(
            read(params.stack("q.weight")),
            ([3, 2], vec![8.0, 9.0, 8.0, 9.0, 10.0, 11.0])
        );
        assert_eq!(
            read(params.get("k.weight")),
            ([2, 2], vec![8.0, 9.0, 10.0, 11.0])
        );
        assert_eq!(params.stack::<1>("q.bias").dims(), [3]);
        let loss = params.stack::<2>("q.weight").sum() + params.get::<1>("o.bias").sum();
        let gradients = layout.gradients(&params, loss.backward());
        let sizes: Vec<Vec<usize>> = gradients
            .iter()
            .map(|group| group.iter().map(|gradient| gradient.dims()[0]).collect())
            .collect();
        assert_eq!(sizes, [vec![6], vec![3, 1]]);
    }
}
