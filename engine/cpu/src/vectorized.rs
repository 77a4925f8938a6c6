//! A macro for functions that are compiled once per instruction set.

/// Defines a function that is compiled for each vector instruction set and dispatches to the widest
/// one of the processor. The body is plain Rust. Functions that it calls must be
/// `#[inline(always)]`, since code that is not inlined is compiled for the oldest supported
/// processor. A closure around the body would not be inlined either, which is why this is a macro.
macro_rules! vectorized {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident<$life:lifetime>($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name<$life>($($argument: $type),*) -> $result {
            struct Call<$life> {
                $($argument: $type),*
            }
            impl<$life> pulp::WithSimd for Call<$life> {
                type Output = $result;

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _simd: S) -> $result {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Call { $($argument),* })
        }
    };
}
