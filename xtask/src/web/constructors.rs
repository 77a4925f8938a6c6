//! Detects modules that run their static constructors on every call. The linker treats a module
//! that never calls them as a command and makes each exported function run all of them first: on
//! WebGPU the engine spent nine tenths of its time that way.

use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};

/// Returns whether every exported function of `module` begins by calling the same function, as
/// those of a command do. Returns `false` for invalid modules, which later stages report.
pub fn run_on_every_call(module: &[u8]) -> bool {
    first_calls(module).is_ok_and(|calls| {
        calls.len() > 1 && calls[0].is_some() && calls.iter().all(|c| *c == calls[0])
    })
}

/// Returns the function that each exported function calls first, if any; exported imports have no
/// body and are left out.
fn first_calls(module: &[u8]) -> wasmparser::Result<Vec<Option<u32>>> {
    let (mut imported, mut exported, mut bodies) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    exported.extend(
                        (export.kind == ExternalKind::Func).then_some(export.index as usize),
                    );
                }
            }
            Payload::CodeSectionEntry(body) => {
                let first = body.get_operators_reader()?.read()?;
                bodies.push(if let Operator::Call { function_index } = first {
                    Some(function_index)
                } else {
                    None
                });
            }
            _ => {}
        }
    }
    let own = |index: usize| {
        index
            .checked_sub(imported)
            .and_then(|own| bodies.get(own).copied())
    };
    Ok(exported.into_iter().filter_map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a module with an empty function and two exported ones with these bodies (operators
    /// before `end`).
    fn module(bodies: [&[u8]; 2]) -> Vec<u8> {
        let mut code = vec![3, 2, 0, 0x0b];
        for body in bodies {
            code.extend([body.len() as u8 + 2, 0]);
            code.extend(body);
            code.push(0x0b);
        }
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0]);
        module.extend([3, 4, 3, 0, 0, 0]);
        module.extend([7, 9, 2, 1, b'a', 0, 1, 1, b'b', 0, 2]);
        module.extend([10, code.len() as u8]);
        module.extend(code);
        module
    }

    const CALL_0: &[u8] = &[0x10, 0];
    const NOTHING: &[u8] = &[0x01];

    #[test]
    fn commands_are_detected_by_their_exports() {
        assert!(run_on_every_call(&module([CALL_0, CALL_0])));
        assert!(!run_on_every_call(&module([CALL_0, NOTHING])));
        assert!(!run_on_every_call(&module([NOTHING, NOTHING])));
        assert!(!run_on_every_call(b"no module"));
    }
}
