//! Builder of an ONNX graph. Each method adds the nodes of one operation and returns the name of
//! its result.

use super::proto::{Attribute, GraphParts, Kind, model, node, tensor, value};
use crate::interop::Weights;
use crate::interop::error::InteropError;
use crate::model::backbone::BELOW_ALL;
use std::collections::BTreeMap;

/// The nodes and constants of the graph.
pub struct Graph<'a> {
    weights: &'a Weights,
    eps: f64,
    parts: GraphParts,
    /// Names of constants by content, for deduplication.
    known: BTreeMap<Vec<u8>, String>,
    count: usize,
    /// Name of the sequence length, an integer tensor `[1]`.
    length: Option<String>,
}

impl<'a> Graph<'a> {
    /// Creates an empty graph that takes its parameters from `weights`.
    pub fn new(weights: &'a Weights, eps: f64) -> Self {
        Self {
            weights,
            eps,
            parts: GraphParts::default(),
            known: BTreeMap::new(),
            count: 0,
            length: None,
        }
    }

    /// Returns the bytes of a file that outputs `result` under `name`.
    pub fn finish(mut self, result: &str, name: &str, shape: &[Result<usize, &str>]) -> Vec<u8> {
        self.parts
            .nodes
            .push(node("Identity", &[result], name, &[]));
        self.parts.outputs.push(value(name, Kind::Float, shape));
        model(&self.parts)
    }

    /// Adds an integer input `[B, T]`.
    pub fn input(&mut self, name: &str) {
        self.parts
            .inputs
            .push(value(name, Kind::Int64, &[Err("batch"), Err("sequence")]));
    }

    fn node(&mut self, operation: &str, inputs: &[&str], attributes: &[Attribute]) -> String {
        self.count += 1;
        let output = format!("{}_{}", operation.to_lowercase(), self.count);
        self.parts
            .nodes
            .push(node(operation, inputs, &output, attributes));
        output
    }

    fn tensor(&mut self, kind: Kind, shape: &[usize], bytes: &[u8]) -> String {
        let name = format!("constant_{}", self.known.len());
        let key = [&[kind as u8], format!("{shape:?}").as_bytes(), bytes].concat();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        self.parts.tensors.push(tensor(&name, kind, shape, bytes));
        self.known.insert(key, name.clone());
        name
    }

    /// Adds a float constant of this shape.
    pub fn constant(&mut self, values: &[f32], shape: &[usize]) -> String {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.tensor(Kind::Float, shape, &bytes)
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.tensor(Kind::Int64, &[values.len()], &bytes)
    }

    /// Adds a tensor of the model.
    ///
    /// # Errors
    /// Returns an error if it is missing.
    pub fn weight(&mut self, name: &str) -> Result<String, InteropError> {
        let shape = self.found(name)?.shape.clone();
        self.weight_as(name, &shape, |values| values.to_vec())
    }

    /// Adds a tensor of the model in another shape, with its elements reordered by `arranged`.
    ///
    /// # Errors
    /// Returns an error if it is missing or has another number of elements.
    pub fn weight_as(
        &mut self,
        name: &str,
        shape: &[usize],
        arranged: impl FnOnce(&[f32]) -> Vec<f32>,
    ) -> Result<String, InteropError> {
        let weights = self.weights;
        let found = weights
            .get(name)
            .filter(|tensor| tensor.data.len() == shape.iter().product::<usize>());
        let values = arranged(&found.ok_or_else(|| missing(name))?.data);
        Ok(self.constant(&values, shape))
    }

    fn found(&self, name: &str) -> Result<&'a crate::interop::HostTensor, InteropError> {
        self.weights.get(name).ok_or_else(|| missing(name))
    }

    /// Computes `x W^T + b`.
    ///
    /// # Errors
    /// Returns an error if the weight is missing.
    pub fn linear(&mut self, x: &str, name: &str) -> Result<String, InteropError> {
        let weight = format!("{name}.weight");
        let [rows, columns] = self.found(&weight)?.shape[..] else {
            return Err(missing(&weight));
        };
        let transposed = |values: &[f32]| {
            (0..values.len())
                .map(|i| values[(i % rows) * columns + i / rows])
                .collect()
        };
        let matrix = self.weight_as(&weight, &[columns, rows], transposed)?;
        let product = self.multiplied(x, &matrix);
        let bias = format!("{name}.bias");
        if !self.weights.contains_key(&bias) {
            return Ok(product);
        }
        let bias = self.weight(&bias)?;
        Ok(self.add(&product, &bias))
    }

    /// Applies layer normalisation over the last axis.
    ///
    /// # Errors
    /// Returns an error if a weight is missing.
    pub fn layer_norm(&mut self, x: &str, name: &str) -> Result<String, InteropError> {
        let (scale, shift) = (
            self.weight(&format!("{name}.weight"))?,
            self.weight(&format!("{name}.bias"))?,
        );
        let eps = Attribute::Float("epsilon", self.eps as f32);
        Ok(self.node(
            "LayerNormalization",
            &[x, &scale, &shift],
            &[Attribute::Int("axis", -1), eps],
        ))
    }

    /// Gathers rows of the tensor `name` by index.
    ///
    /// # Errors
    /// Returns an error if it is missing.
    pub fn rows(&mut self, name: &str, numbers: &str) -> Result<String, InteropError> {
        let table = self.weight(name)?;
        Ok(self.node("Gather", &[&table, numbers], &[Attribute::Int("axis", 0)]))
    }

    /// Returns the first `T` rows of `table`, where `T` is the sequence length.
    pub fn first_rows(&mut self, table: &str) -> String {
        let length = match self.length.clone() {
            Some(length) => length,
            None => {
                let shape = self.node("Shape", &["input_ids"], &[]);
                let second = self.integers(&[1]);
                self.node("Gather", &[&shape, &second], &[Attribute::Int("axis", 0)])
            }
        };
        self.length = Some(length.clone());
        let zero = self.integers(&[0]);
        self.node("Slice", &[table, &zero, &length, &zero], &[])
    }

    /// Slices the last axis from `from` to before `to`.
    pub fn columns(&mut self, x: &str, from: usize, to: usize) -> String {
        let [from, to, axis] = [from as i64, to as i64, -1].map(|number| self.integers(&[number]));
        self.node("Slice", &[x, &from, &to, &axis], &[])
    }

    /// Returns the first token's `[B, F]` of `[B, T, F]`.
    pub fn first_token(&mut self, x: &str) -> String {
        let bytes = 0_i64.to_le_bytes();
        let zero = self.tensor(Kind::Int64, &[], &bytes);
        self.node("Gather", &[x, &zero], &[Attribute::Int("axis", 1)])
    }

    /// Applies a depth-wise or full convolution to `[B, T, F]` over the positions, with `pads`
    /// zeros before and after.
    pub fn convolution(
        &mut self,
        x: &str,
        kernel: &str,
        pads: [usize; 2],
        groups: usize,
    ) -> String {
        let turned = self.transposed(x, &[0, 2, 1]);
        let pads = pads.map(|pad| pad as i64);
        let attributes = [
            Attribute::Ints("pads", &pads),
            Attribute::Int("group", groups as i64),
        ];
        let convolved = self.node("Conv", &[&turned, kernel], &attributes);
        self.transposed(&convolved, &[0, 2, 1])
    }

    /// Returns the mean over the positions where `column` `[B, T, 1]` is 1: `[B, F]`.
    pub fn mean_over_time(&mut self, x: &str, column: &str) -> String {
        let kept = self.multiply(x, column);
        let (sum, count) = (self.sum_over_time(&kept), self.sum_over_time(column));
        let one = self.constant(&[1.0], &[1]);
        let count = self.binary("Max", &count, &one);
        self.binary("Div", &sum, &count)
    }

    fn sum_over_time(&mut self, x: &str) -> String {
        let axis = self.integers(&[1]);
        self.node("ReduceSum", &[x, &axis], &[Attribute::Int("keepdims", 0)])
    }

    /// Returns the maximum over the positions where `column` `[B, T, 1]` is 1: `[B, F]`.
    pub fn max_over_time(&mut self, x: &str, column: &str) -> String {
        let lowered = self.shifted(column, -1.0);
        let lowered = self.scaled(&lowered, -BELOW_ALL as f32);
        let x = self.add(x, &lowered);
        self.node(
            "ReduceMax",
            &[&x],
            &[Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 0)],
        )
    }

    /// Applies the exact GELU.
    pub fn gelu(&mut self, x: &str) -> String {
        let inner = self.scaled(x, std::f32::consts::FRAC_1_SQRT_2);
        let erf = self.unary("Erf", &inner);
        let share = self.shifted(&erf, 1.0);
        let half = self.scaled(x, 0.5);
        self.multiply(&half, &share)
    }

    /// Applies softmax over the last axis.
    pub fn softmax(&mut self, x: &str) -> String {
        self.node("Softmax", &[x], &[Attribute::Int("axis", -1)])
    }

    /// Concatenates along the last axis.
    pub fn concatenated(&mut self, parts: &[String]) -> String {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.node("Concat", &parts, &[Attribute::Int("axis", -1)])
    }

    /// Reshapes; 0 keeps the length of an axis.
    pub fn reshaped(&mut self, x: &str, shape: &[i64]) -> String {
        let shape = self.integers(shape);
        self.node("Reshape", &[x, &shape], &[])
    }

    /// Permutes the axes.
    pub fn transposed(&mut self, x: &str, order: &[i64]) -> String {
        self.node("Transpose", &[x], &[Attribute::Ints("perm", order)])
    }

    /// Inserts an axis of length 1.
    pub fn unsqueeze(&mut self, x: &str, axis: i64) -> String {
        let axis = self.integers(&[axis]);
        self.node("Unsqueeze", &[x, &axis], &[])
    }

    /// Converts integers to floats.
    pub fn cast_to_float(&mut self, x: &str) -> String {
        self.node("Cast", &[x], &[Attribute::Int("to", Kind::Float as i64)])
    }

    /// Computes a matrix product.
    pub fn multiplied(&mut self, x: &str, y: &str) -> String {
        self.binary("MatMul", x, y)
    }

    /// Multiplies element-wise.
    pub fn multiply(&mut self, x: &str, y: &str) -> String {
        self.binary("Mul", x, y)
    }

    /// Adds element-wise.
    pub fn add(&mut self, x: &str, y: &str) -> String {
        self.binary("Add", x, y)
    }

    /// Multiplies by a constant.
    pub fn scaled(&mut self, x: &str, by: f32) -> String {
        let by = self.constant(&[by], &[1]);
        self.multiply(x, &by)
    }

    /// Adds a constant.
    pub fn shifted(&mut self, x: &str, by: f32) -> String {
        let by = self.constant(&[by], &[1]);
        self.add(x, &by)
    }

    /// Applies an operation with one operand.
    pub fn unary(&mut self, operation: &str, x: &str) -> String {
        self.node(operation, &[x], &[])
    }

    /// Applies an operation with two operands.
    pub fn binary(&mut self, operation: &str, x: &str, y: &str) -> String {
        self.node(operation, &[x, y], &[])
    }
}

fn missing(name: &str) -> InteropError {
    InteropError::Mismatch {
        missing: vec![name.into()],
        unexpected: Vec::new(),
        shapes: Vec::new(),
    }
}
