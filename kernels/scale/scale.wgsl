// scale — every element times one number that is known when the plan is built.
//
//   y[i] = factor · x[i]
//
//   x, y  f32[count · VECTOR], or f16 each
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours. One rounding,
// and one to f16 where y is.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { count: u32 /* Vectors */, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read_write> y: array<VectorY>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    y[i] = VectorY(rounded(params.factor * Vector(x[i]), ELEMENT_Y));
  }
}
