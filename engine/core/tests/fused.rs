//! Compares values and gradients of the fused operations with the same operations composed of
//! burn's own, at sizes that do not fill vectors, blocks and tiles.

mod devices;

use burn::tensor::{Device, Int, Tensor, TensorData};
use engine::kernels::fused::Rates;
use engine::kernels::stock::AttentionTables;
use engine::kernels::{self, AttentionInputs, Mask, RowNumbers, RowTargets, Sequences, stock};

/// Allows for rounding errors in `f32` of sums of a few hundred terms of size 1 in another order.
const TOLERANCE: f32 = 2e-4;

/// Returns numbers between -1 and 1 without a regular pattern that would hide wrong strides.
fn sample(n: usize, phase: f32) -> Vec<f32> {
    (0..n)
        .map(|i| (i as f32 * 0.7 + phase).sin() * (i as f32 * 0.13 + phase).cos())
        .collect()
}

/// Creates the inputs of a test on a device.
struct TestDevice(Device);

impl TestDevice {
    fn leaf<const R: usize>(&self, shape: [usize; R], phase: f32) -> Tensor<R> {
        let values = sample(shape.iter().product(), phase);
        Tensor::from_data(TensorData::new(values, shape), &self.0.clone().autodiff()).require_grad()
    }

    fn constant<const R: usize>(&self, values: Vec<f32>, shape: [usize; R]) -> Tensor<R> {
        Tensor::from_data(TensorData::new(values, shape), &self.0)
    }

    fn ints<const R: usize>(&self, values: Vec<i32>, shape: [usize; R]) -> Tensor<R, Int> {
        Tensor::from_data(TensorData::new(values, shape), &self.0)
    }

    /// Returns an attention mask: if there are several examples, the first one is all padding; the
    /// last one is padded from its third position on.
    fn padding(&self, b: usize, t: usize) -> Tensor<2> {
        let is_token = |i: usize| i < (b - 1) * t + 2 && (b == 1 || i >= t);
        self.constant(
            (0..b * t)
                .map(|i| f32::from(u8::from(is_token(i))))
                .collect(),
            [b, t],
        )
    }
}

fn values<const R: usize>(tensor: Tensor<R>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

fn near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= TOLERANCE * b.abs().max(1.0),
            "{what}, element {i}: {a} against {b}"
        );
    }
}

/// Returns `y` and the gradients for the loss `sum(y w)` with fixed weights `w`.
fn with_gradients<const R: usize, const N: usize>(
    y: Tensor<R>,
    gradients_of: impl Fn(&burn::tensor::Gradients) -> [Vec<f32>; N],
) -> (Vec<f32>, [Vec<f32>; N]) {
    let weights = Tensor::<R>::from_data(
        TensorData::new(sample(y.dims().iter().product(), 0.4), y.dims()),
        &y.device().without_autodiff(),
    );
    let gradients = (y.clone() * Tensor::from_inner(weights)).sum().backward();
    (values(y.inner()), gradients_of(&gradients))
}

fn gradient<const R: usize>(tensor: &Tensor<R>, gradients: &burn::tensor::Gradients) -> Vec<f32> {
    values(tensor.grad(gradients).expect("the loss depends on it"))
}

devices::on_every_device!(
    linear_equals_stock,
    linear_reads_slices_and_transposed_inputs,
    gather_rows_equals_select,
    layer_norm_equals_stock,
    convolution_equals_stock,
    attention_equals_stock,
    cross_entropy_equals_stock,
    cross_entropy_sums_equal_stock,
    dropout_multiplies_values_and_gradients_by_its_mask,
    gathering_many_rows_and_from_large_tables_equals_select,
    muon_equals_stock,
    add_norm_equals_stock,
    linear_gelu_equals_stock,
);

fn linear_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    // In the last case all three products have enough tiles for the large tiling.
    for [n, inputs, outputs] in [
        [1, 1, 1],
        [5, 7, 3],
        [130, 33, 17],
        [5, 1000, 3],
        [700, 830, 770],
    ] {
        let (x, w, b) = (
            on.leaf([n, inputs], 0.0),
            on.leaf([outputs, inputs], 1.0),
            on.leaf([outputs], 2.0),
        );
        type Linear = fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>;
        let run = |linear: Linear| {
            with_gradients(linear(x.clone(), w.clone(), Some(b.clone())), |g| {
                [gradient(&x, g), gradient(&w, g), gradient(&b, g)]
            })
        };
        let ((y, found), (expected_y, expected)) = (run(kernels::linear), run(stock::linear));
        near("linear", &y, &expected_y);
        for (i, name) in ["x", "weight", "bias"].iter().enumerate() {
            near(
                &format!("gradient of {name} at {n}, {inputs}, {outputs}"),
                &found[i],
                &expected[i],
            );
        }
        let plain = |linear: Linear| {
            with_gradients(linear(x.clone(), w.clone(), None), |g| {
                [gradient(&x, g), gradient(&w, g)]
            })
        };
        let ((y, found), (expected_y, expected)) = (plain(kernels::linear), plain(stock::linear));
        near("linear without bias", &y, &expected_y);
        near("its gradient of x", &found[0], &expected[0]);
        near("its gradient of the weight", &found[1], &expected[1]);
    }
}

fn linear_reads_slices_and_transposed_inputs(device: &Device) {
    let on = TestDevice(device.clone());
    let (x, w) = (on.leaf([9, 14], 0.0), on.leaf([5, 7], 1.0));
    type Linear = fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>;
    for transposed in [false, true] {
        let run = |linear: Linear| {
            let part = if transposed {
                x.clone().transpose().narrow(1, 1, 7)
            } else {
                x.clone().narrow(1, 3, 7)
            };
            with_gradients(linear(part, w.clone(), None), |g| {
                [gradient(&x, g), gradient(&w, g)]
            })
        };
        let ((y, found), (expected_y, expected)) = (run(kernels::linear), run(stock::linear));
        near("value", &y, &expected_y);
        near("gradient of x", &found[0], &expected[0]);
        near("gradient of the weight", &found[1], &expected[1]);
    }
}

fn gather_rows_equals_select(device: &Device) {
    let on = TestDevice(device.clone());
    let table = on.leaf([7, 5], 0.0);
    let numbers = RowNumbers::new(&[6, 0, 3, 3, 0], 7, &on.0);
    let gathered = with_gradients(kernels::gather_rows(table.clone(), &numbers), |g| {
        [gradient(&table, g)]
    });
    let selected = with_gradients(table.clone().select(0, numbers.numbers()), |g| {
        [gradient(&table, g)]
    });
    near("rows", &gathered.0, &selected.0);
    near("gradient of the table", &gathered.1[0], &selected.1[0]);
}

fn layer_norm_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    // The last case has more rows than the maximum number of workgroups per dimension.
    for [n, width] in [[1, 5], [33, 16], [70, 37], [65_600, 2]] {
        let (x, gamma, beta) = (
            on.leaf([n, width], 0.0),
            on.leaf([width], 1.0),
            on.leaf([width], 2.0),
        );
        type Norm = fn(Tensor<2>, [Tensor<1>; 2], f64) -> Tensor<2>;
        let run = |norm: Norm| {
            with_gradients(norm(x.clone(), [gamma.clone(), beta.clone()], 1e-5), |g| {
                [gradient(&x, g), gradient(&gamma, g), gradient(&beta, g)]
            })
        };
        let ((y, found), (expected_y, expected)) =
            (run(kernels::layer_norm), run(stock::layer_norm));
        near("layer norm", &y, &expected_y);
        near(
            &format!("gradient of x at {n}, {width}"),
            &found[0],
            &expected[0],
        );
        // For more rows the rounding errors of the sums exceed the tolerance.
        for (i, name) in ["gamma", "beta"].iter().enumerate().filter(|_| n <= 100) {
            near(
                &format!("gradient of {name} at {n}, {width}"),
                &found[i + 1],
                &expected[i + 1],
            );
        }
    }
}

fn convolution_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for [b, t, width] in [[1, 1, 3], [1, 5, 4], [3, 9, 21]] {
        for padded in [false, true] {
            let (x, taps) = (on.leaf([b * t, width], 0.0), on.leaf([width, 3], 1.0));
            type Convolve = fn(Tensor<2>, Tensor<2>, Option<Tensor<2>>, Sequences) -> Tensor<2>;
            let run = |convolve: Convolve| {
                let keep = padded.then(|| on.padding(b, t));
                let y = convolve(x.clone(), taps.clone(), keep, Sequences::padded(b, t));
                with_gradients(y, |g| [gradient(&x, g), gradient(&taps, g)])
            };
            let ((y, found), (expected_y, expected)) =
                (run(kernels::convolve), run(stock::convolve));
            near("convolution", &y, &expected_y);
            near("gradient of x", &found[0], &expected[0]);
            near("gradient of the taps", &found[1], &expected[1]);
        }
    }
}

fn attention_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for [b, t, h, k] in [[1, 1, 1, 2], [1, 5, 2, 4], [3, 19, 3, 6], [2, 70, 1, 40]] {
        for case in 0..8 {
            let [padded, rotary, dropped] = [1, 2, 4].map(|bit| case & bit != 0);
            let width = h * k;
            let qkv = on.leaf([b * t, 3 * width], 0.0);
            let inputs = || AttentionInputs {
                sequences: Sequences::padded(b, t),
                heads: h,
                keep: padded.then(|| on.padding(b, t)),
                rotary: rotary.then(|| on.constant(sample(t * k, 3.0), [2, t, k / 2])),
                dropout: if dropped {
                    Mask::new(0.2, [1, 2, 3])
                } else {
                    Mask::NONE
                },
            };
            let stock = |qkv: Tensor<2>| {
                let parts = std::array::from_fn(|i| qkv.clone().narrow(1, i * width, width));
                let AttentionInputs {
                    keep,
                    rotary,
                    dropout,
                    ..
                } = inputs();
                let tables = AttentionTables::new(keep, rotary);
                stock::attention(parts, [b, t, h], &tables, dropout).0
            };
            let run = |attention: &dyn Fn(Tensor<2>) -> Tensor<2>| {
                with_gradients(attention(qkv.clone()), |g| [gradient(&qkv, g)])
            };
            let (y, [found]) = run(&|qkv| kernels::attention(qkv, inputs()));
            let (expected_y, [expected]) = run(&stock);
            near(&format!("attention, case {case}"), &y, &expected_y);
            near(
                &format!("its gradient, case {case}, {b} x {t} x {h} x {k}"),
                &found,
                &expected,
            );
        }
    }
}

fn cross_entropy_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for [m, width, vocab] in [[1, 2, 2], [7, 5, 33], [70, 19, 301]] {
        let (rows, table, bias) = (
            on.leaf([m, width], 0.0),
            on.leaf([vocab, width], 1.0),
            on.leaf([vocab], 2.0),
        );
        let truth = || RowTargets {
            targets: on.ints((0..m).map(|i| (i * 5 % vocab) as i32).collect(), [m]),
            weights: on.constant(
                (0..m).map(|i| f32::from(u8::from(i % 3 != 2))).collect(),
                [m],
            ),
            total: 3.0,
        };
        type Loss = fn(Tensor<2>, Tensor<2>, Tensor<1>, RowTargets) -> Tensor<1>;
        // Doubles the loss, so that the output gradient is not 1.
        let run = |loss: Loss| {
            let y = loss(rows.clone(), table.clone(), bias.clone(), truth()) * 2.0;
            with_gradients(y, |g| {
                [gradient(&rows, g), gradient(&table, g), gradient(&bias, g)]
            })
        };
        let ((y, found), (expected_y, expected)) = (
            run(kernels::projected_cross_entropy),
            run(stock::projected_cross_entropy),
        );
        near("loss", &y, &expected_y);
        for (i, name) in ["rows", "table", "bias"].iter().enumerate() {
            near(
                &format!("gradient of {name} at {m}, {width}, {vocab}"),
                &found[i],
                &expected[i],
            );
        }
    }
}

fn cross_entropy_sums_equal_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for [m, vocab] in [[1, 2], [9, 33], [70, 301]] {
        let logits = || on.constant(sample(m * vocab, 0.3), [m, vocab]);
        let truth = || RowTargets {
            targets: on.ints(
                // Every third row is correct.
                (0..m)
                    .map(|i| largest(&sample(m * vocab, 0.3), i, vocab, i % 3))
                    .collect(),
                [m],
            ),
            weights: on.constant(
                (0..m).map(|i| f32::from(u8::from(i % 4 != 2))).collect(),
                [m],
            ),
            total: 2.0,
        };
        let [found, expected] = [kernels::cross_entropy_sums, stock::cross_entropy_sums]
            .map(|sums: Sums| values(sums(logits(), truth())));
        near(&format!("sums at {m}, {vocab}"), &found, &expected);
        assert!(found[1] > 0.0, "some rows are right");
    }
    // The first of equal largest logits is the prediction.
    let ties = RowTargets {
        targets: on.ints(vec![1, 2], [2]),
        weights: on.constant(vec![1.0, 1.0], [2]),
        total: 1.0,
    };
    let logits = on.constant(vec![0.0, 3.0, 3.0, 0.0, 3.0, 3.0], [2, 3]);
    assert_eq!(values(kernels::cross_entropy_sums(logits, ties))[1], 1.0);
}

type Sums = fn(Tensor<2>, RowTargets) -> Tensor<1>;

/// Returns the index of the largest column of row `i`, shifted by `by`.
fn largest(logits: &[f32], i: usize, vocab: usize, by: usize) -> i32 {
    let row = &logits[i * vocab..(i + 1) * vocab];
    let best = (0..vocab)
        .max_by(|a, b| row[*a].total_cmp(&row[*b]))
        .expect("columns");
    ((best + by) % vocab) as i32
}

fn dropout_multiplies_values_and_gradients_by_its_mask(device: &Device) {
    let on = TestDevice(device.clone());
    for n in [1, 5, 64, 1000] {
        let mask = Mask::new(0.3, [4, 5, 6]);
        let x = on.leaf([n], 0.0);
        let (y, [dx]) = with_gradients(kernels::dropout(x.clone(), mask), |g| [gradient(&x, g)]);
        let factors: Vec<f32> = (0..n)
            .map(|i| shaders::dropout::cpu(&mask, i as u32))
            .collect();
        let product = |values: Vec<f32>| {
            values
                .iter()
                .zip(&factors)
                .map(|(a, b)| a * b)
                .collect::<Vec<_>>()
        };
        near("dropout", &y, &product(sample(n, 0.0)));
        near("its gradient", &dx, &product(sample(n, 0.4)));
    }
}

fn gathering_many_rows_and_from_large_tables_equals_select(device: &Device) {
    let on = TestDevice(device.clone());
    for [rows, width, count] in [[70_000, 2, 10], [9, 70, 5000]] {
        let table = on.leaf([rows, width], 0.0);
        let numbers: Vec<i32> = (0..count).map(|i| (i * 6007 % rows) as i32).collect();
        let numbers = RowNumbers::new(&numbers, rows, &on.0);
        let gathered = with_gradients(kernels::gather_rows(table.clone(), &numbers), |g| {
            [gradient(&table, g)]
        });
        let selected = with_gradients(table.clone().select(0, numbers.numbers()), |g| {
            [gradient(&table, g)]
        });
        near("rows", &gathered.0, &selected.0);
        near("gradient of the table", &gathered.1[0], &selected.1[0]);
    }
}

fn muon_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    let rates = Rates {
        lr: 0.1,
        momentum: 0.9,
        weight_decay: 0.1,
    };
    // Wide, tall and square matrices; arrays may be padded with zeros.
    for (batches, n) in [
        (vec![[2, 5, 3], [1, 4, 9]], 66),
        (vec![[3, 40, 40], [1, 70, 36], [2, 36, 70]], 12_360),
        (vec![[1, 3, 2]], 64),
        // A case with many tiles.
        (vec![[24, 70, 130], [24, 130, 70]], 436_800),
    ] {
        let used: usize = batches
            .iter()
            .map(|shape| shape.iter().product::<usize>())
            .sum();
        let flat = |phase| {
            let mut values = sample(used, phase);
            values.resize(n, 0.0);
            on.constant(values, [n])
        };
        let clip = || on.constant(vec![0.5], [1]);
        let shapes = batches
            .iter()
            .flat_map(|[count, rows, columns]| vec![[*rows, *columns]; *count])
            .collect();
        let found = kernels::fused::muon([flat(0.0), flat(1.0)], flat(2.0), clip(), shapes, rates);
        let part = |x: Tensor<1>| x.narrow(0, 0, used);
        let inputs = [flat(0.0), flat(1.0)].map(part);
        let expected = stock::muon(inputs, part(flat(2.0)) * 0.5, &batches, rates);
        for (found, expected) in found.into_iter().zip(expected) {
            let found = values(found);
            // Five iterations amplify rounding errors.
            for (found, expected) in found.iter().zip(values(expected)) {
                assert!(
                    (found - expected).abs() < 1e-3,
                    "{found} against {expected}"
                );
            }
            assert!(
                found[used..].iter().all(|x| *x == 0.0),
                "what fills the array stays 0"
            );
        }
    }
}

fn add_norm_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for ([n, width], p) in [
        ([1, 5], 0.0),
        ([1, 5], 0.3),
        ([33, 16], 0.3),
        ([70, 37], 0.1),
        ([70, 37], 0.0),
    ] {
        let (x, y) = (on.leaf([n, width], 0.0), on.leaf([n, width], 3.0));
        let (gamma, beta) = (on.leaf([width], 1.0), on.leaf([width], 2.0));
        let mask = Mask::new(p, [7, 8, 9]);
        let run = |normal: Tensor<2>| {
            with_gradients(normal, |g| {
                [
                    gradient(&x, g),
                    gradient(&y, g),
                    gradient(&gamma, g),
                    gradient(&beta, g),
                ]
            })
        };
        let parameters = || [gamma.clone(), beta.clone()];
        let (found_y, found) = run(kernels::add_norm(
            [x.clone(), y.clone()],
            parameters(),
            1e-5,
            mask,
        ));
        let dropped = kernels::dropout(y.clone(), mask);
        let (expected_y, expected) =
            run(stock::layer_norm(x.clone() + dropped, parameters(), 1e-5));
        near("the norm", &found_y, &expected_y);
        for (i, name) in ["x", "y", "gamma", "beta"].iter().enumerate() {
            near(
                &format!("gradient of {name} at {n}, {width}"),
                &found[i],
                &expected[i],
            );
        }
    }
}

fn linear_gelu_equals_stock(device: &Device) {
    let on = TestDevice(device.clone());
    for [n, inputs, outputs] in [[1, 1, 1], [5, 7, 3], [130, 33, 170], [700, 40, 770]] {
        let (x, w, b) = (
            on.leaf([n, inputs], 0.0),
            on.leaf([outputs, inputs], 1.0),
            on.leaf([outputs], 2.0),
        );
        let with_bias = |y: Tensor<2>| {
            with_gradients(y, |g| [gradient(&x, g), gradient(&w, g), gradient(&b, g)])
        };
        let bias = || Some(b.clone());
        let (y, found) = with_bias(kernels::linear_gelu(x.clone(), w.clone(), bias()));
        let (expected_y, expected) =
            with_bias(kernels::gelu(stock::linear(x.clone(), w.clone(), bias())));
        near("values", &y, &expected_y);
        for (found, expected) in found.iter().zip(&expected) {
            near(
                &format!("a gradient at {n}, {inputs}, {outputs}"),
                found,
                expected,
            );
        }
        let plain = |y: Tensor<2>| with_gradients(y, |g| [gradient(&x, g), gradient(&w, g)]);
        let (y, found) = plain(kernels::linear_gelu(x.clone(), w.clone(), None));
        let (expected_y, expected) =
            plain(kernels::gelu(stock::linear(x.clone(), w.clone(), None)));
        near("values without bias", &y, &expected_y);
        near("gradient of x without bias", &found[0], &expected[0]);
        near(
            "gradient of the weight without bias",
            &found[1],
            &expected[1],
        );
    }
}

/// Number of tokens of each sequence of the tests without padding, and the padded length.
const LENGTHS: [usize; 4] = [3, 1, 19, 7];
const PADDED: usize = 19;

/// Returns the attention mask of these sequences, and the padded row of each token.
fn padded_rows(on: &TestDevice) -> (Tensor<2>, RowNumbers) {
    let is_token = |row: &usize| row % PADDED < LENGTHS[row / PADDED];
    let rows = LENGTHS.len() * PADDED;
    let keep = (0..rows).map(|row| f32::from(u8::from(is_token(&row))));
    let tokens: Vec<i32> = (0..rows).filter(is_token).map(|row| row as i32).collect();
    (
        on.constant(keep.collect(), [LENGTHS.len(), PADDED]),
        RowNumbers::new(&tokens, rows, &on.0),
    )
}

#[test]
fn sequences_without_padding_equal_padded_ones() {
    let on = TestDevice(Device::flex());
    let (b, t, h, k) = (LENGTHS.len(), PADDED, 3, 6);
    let width = h * k;
    let (keep, tokens) = padded_rows(&on);
    let unpadded = Sequences::unpadded(&LENGTHS, t);

    let (x, taps) = (on.leaf([b * t, width], 0.0), on.leaf([width, 3], 1.0));
    let run = |y: Tensor<2>| with_gradients(y, |g| [gradient(&x, g), gradient(&taps, g)]);
    let rows = kernels::gather_rows(x.clone(), &tokens);
    let (y, found) = run(kernels::convolve(
        rows,
        taps.clone(),
        None,
        unpadded.clone(),
    ));
    let padded = kernels::convolve(
        x.clone(),
        taps.clone(),
        Some(keep.clone()),
        Sequences::padded(b, t),
    );
    let (expected_y, expected) = run(kernels::gather_rows(padded, &tokens));
    near("convolution", &y, &expected_y);
    near("its gradient of x", &found[0], &expected[0]);
    near("its gradient of the taps", &found[1], &expected[1]);

    for dropout in [Mask::NONE, Mask::new(0.2, [1, 2, 3]).starting_at(77)] {
        let qkv = on.leaf([b * t, 3 * width], 0.0);
        let run = |y: Tensor<2>| with_gradients(y, |g| [gradient(&qkv, g)]);
        let inputs = |sequences: Sequences, keep: Option<Tensor<2>>| AttentionInputs {
            sequences,
            heads: h,
            keep,
            rotary: Some(on.constant(sample(t * k, 3.0), [2, t, k / 2])),
            dropout,
        };
        let rows = kernels::gather_rows(qkv.clone(), &tokens);
        let (y, [found]) = run(kernels::attention(rows, inputs(unpadded.clone(), None)));
        let padded = inputs(Sequences::padded(b, t), Some(keep.clone()));
        let padded = kernels::attention(qkv.clone(), padded);
        let (expected_y, [expected]) = run(kernels::gather_rows(padded, &tokens));
        near("attention", &y, &expected_y);
        near("its gradient", &found, &expected);
    }
}
