//! Writes the messages of `onnx.proto` (ONNX IR version 8) that a model needs, in the wire format
//! of Protocol Buffers.

/// Version of the default operator set.
const OPSET: u64 = 17;
const IR_VERSION: u64 = 8;

/// Values of `TensorProto.DataType`.
#[derive(Clone, Copy)]
pub enum Kind {
    Float = 1,
    Int64 = 7,
}

/// A serialised message, built field by field.
#[derive(Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }
}

/// An attribute of a node, with its name.
pub enum Attribute<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Float(&'a str, f32),
}

impl Attribute<'_> {
    fn message(&self) -> Message {
        let mut message = Message::default();
        match self {
            Self::Int(name, value) => {
                message.text(1, name);
                message.number(3, *value as u64);
                message.number(20, 2);
            }
            Self::Ints(name, values) => {
                message.text(1, name);
                values
                    .iter()
                    .for_each(|value| message.number(8, *value as u64));
                message.number(20, 7);
            }
            Self::Float(name, value) => {
                message.text(1, name);
                message.float(2, *value);
                message.number(20, 1);
            }
        }
        message
    }
}

/// Builds a `NodeProto`.
pub fn node(operation: &str, inputs: &[&str], output: &str, attributes: &[Attribute]) -> Message {
    let mut message = Message::default();
    inputs.iter().for_each(|input| message.text(1, input));
    message.text(2, output);
    message.text(3, output);
    message.text(4, operation);
    attributes
        .iter()
        .for_each(|attribute| message.message(5, &attribute.message()));
    message
}

/// Builds a `TensorProto` of little-endian `bytes`.
pub fn tensor(name: &str, kind: Kind, shape: &[usize], bytes: &[u8]) -> Message {
    let mut message = Message::default();
    shape
        .iter()
        .for_each(|axis| message.number(1, *axis as u64));
    message.number(2, kind as u64);
    message.text(8, name);
    message.bytes(9, bytes);
    message
}

/// Builds a `ValueInfoProto`; an axis of dynamic length is a name.
pub fn value(name: &str, kind: Kind, shape: &[Result<usize, &str>]) -> Message {
    let mut axes = Message::default();
    for axis in shape {
        let mut dimension = Message::default();
        match axis {
            Ok(length) => dimension.number(1, *length as u64),
            Err(name) => dimension.text(2, name),
        }
        axes.message(1, &dimension);
    }
    let (mut of_tensor, mut of_type, mut message) =
        (Message::default(), Message::default(), Message::default());
    of_tensor.number(1, kind as u64);
    of_tensor.message(2, &axes);
    of_type.message(1, &of_tensor);
    message.text(1, name);
    message.message(2, &of_type);
    message
}

/// The fields of a `GraphProto`.
#[derive(Default)]
pub struct GraphParts {
    /// Nodes in topological order.
    pub nodes: Vec<Message>,
    /// Constant tensors.
    pub tensors: Vec<Message>,
    /// Inputs of the graph.
    pub inputs: Vec<Message>,
    /// Outputs of the graph.
    pub outputs: Vec<Message>,
}

/// Builds a `ModelProto` and returns its bytes.
pub fn model(graph: &GraphParts) -> Vec<u8> {
    let mut body = Message::default();
    graph.nodes.iter().for_each(|node| body.message(1, node));
    body.text(2, "clozelab");
    graph
        .tensors
        .iter()
        .for_each(|tensor| body.message(5, tensor));
    graph
        .inputs
        .iter()
        .for_each(|input| body.message(11, input));
    graph
        .outputs
        .iter()
        .for_each(|output| body.message(12, output));
    let (mut opset, mut model) = (Message::default(), Message::default());
    opset.text(1, "");
    opset.number(2, OPSET);
    model.number(1, IR_VERSION);
    model.text(2, "clozelab");
    model.text(3, env!("CARGO_PKG_VERSION"));
    model.message(7, &body);
    model.message(8, &opset);
    model.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_protocol_buffers_say() {
        let mut message = Message::default();
        message.number(1, 150);
        message.text(2, "testing");
        message.number(8, -1_i64 as u64);
        // The first two are examples from the Protocol Buffers documentation ("Encoding").
        assert_eq!(message.0[..3], [0x08, 0x96, 0x01]);
        assert_eq!(
            message.0[3..12],
            [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]
        );
        assert_eq!(
            message.0[12..],
            [0x40, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
        );
    }
}
