//! AdamW with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2) over a flat array of
//! parameters.

use crate::Kernel;

/// The kernel `adamw.wgsl`.
pub const KERNEL: Kernel = kernel!(
    "adamw",
    256,
    &["clip", "p", "g", "m", "v", "settings"],
    "place"
);

/// Parameters of one step; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of model parameters.
    pub n: u32,
    /// Learning rate of this step.
    pub lr: f32,
    /// Decay rate of the first moment.
    pub beta1: f32,
    /// Decay rate of the second moment.
    pub beta2: f32,
    /// Epsilon added to the square root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay, relative to the learning rate.
    pub weight_decay: f32,
    /// Bias correction `1 - beta1^t`, with `t` from 1.
    pub correction1: f32,
    /// Bias correction `1 - beta2^t`, with `t` from 1.
    pub correction2: f32,
}

/// Defines `adamw.wgsl`: updates parameters `p` and moments `m`, `v` in place by gradients `g`
/// scaled by `clip`; all arrays are `[n]`. Nothing is changed if `clip` is NaN or not above 0,
/// which is the case for a non-finite gradient.
#[inline(always)]
pub fn cpu(s: &Settings, clip: f32, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    if clip.is_nan() || clip <= 0.0 {
        return;
    }
    for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        let gradient = g * clip;
        *m = s.beta1 * *m + (1.0 - s.beta1) * gradient;
        *v = s.beta2 * *v + (1.0 - s.beta2) * gradient * gradient;
        let update = (*m / s.correction1) / ((*v / s.correction2).sqrt() + s.eps);
        *p = *p * (1.0 - s.lr * s.weight_decay) - s.lr * update;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps of `torch.optim.AdamW(lr=0.1, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01)`
    /// on one parameter that starts at 1 with gradients 0.5, -0.25, 1, computed in double
    /// precision.
    #[test]
    fn three_steps_equal_the_reference() {
        let (mut p, mut m, mut v) = ([1.0_f32], [0.0_f32], [0.0_f32]);
        let (mut rp, mut rm, mut rv) = (1.0_f64, 0.0_f64, 0.0_f64);
        for (t, g) in [0.5_f32, -0.25, 1.0].into_iter().enumerate() {
            let t = t as i32 + 1;
            let settings = Settings {
                n: 1,
                lr: 0.1,
                beta1: 0.9,
                beta2: 0.98,
                eps: 1e-6,
                weight_decay: 0.01,
                correction1: 1.0 - 0.9_f32.powi(t),
                correction2: 1.0 - 0.98_f32.powi(t),
            };
            cpu(&settings, 1.0, &mut p, &[g], &mut m, &mut v);
            let g = f64::from(g);
            rp *= 1.0 - 0.1 * 0.01;
            rm = 0.9 * rm + 0.1 * g;
            rv = 0.98 * rv + 0.02 * g * g;
            rp -= 0.1 * (rm / (1.0 - 0.9_f64.powi(t)))
                / ((rv / (1.0 - 0.98_f64.powi(t))).sqrt() + 1e-6);
        }
        assert!((f64::from(p[0]) - rp).abs() < 1e-6, "{} against {rp}", p[0]);
        assert!(p[0] < 0.95, "it moved");
    }

    #[test]
    fn a_non_finite_gradient_changes_nothing() {
        let settings = Settings {
            n: 2,
            lr: 0.1,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-6,
            weight_decay: 0.01,
            correction1: 0.1,
            correction2: 0.02,
        };
        for clip in [0.0, f32::NAN] {
            let (mut p, mut m, mut v) = ([1.0_f32, 2.0], [0.5_f32; 2], [0.25_f32; 2]);
            cpu(
                &settings,
                clip,
                &mut p,
                &[f32::NAN, f32::INFINITY],
                &mut m,
                &mut v,
            );
            assert_eq!((p, m, v), ([1.0, 2.0], [0.5; 2], [0.25; 2]));
        }
    }

    #[test]
    fn settings_have_the_same_size_as_in_wgsl() {
        assert_eq!(std::mem::size_of::<Settings>(), 32);
    }
}
