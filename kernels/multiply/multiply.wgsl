// multiply — elementwise product; y repeats along the leading dimensions of x.
//
//   z[i] = x[i] · y[i mod period]
//
//   x, z  f32[count · VECTOR], or f16 each
//   y     f32[period · VECTOR], or f16; period divides count; they are equal if REPEAT = 0
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours. One rounding,
// and one to f16 where z is.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const REPEAT: u32 = 0; // 1 pays for a remainder per Vector
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;
const ELEMENT_Z: u32 = 32; // bits of an element of z: 16 where it is f16
alias ElemZ = f32;
alias VectorZ = ElemZ;

struct Params { count: u32 /* Vectors of x */, period: u32 /* Vectors of y */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read> y: array<VectorY>;
@group(0) @binding(3) var<storage, read_write> z: array<VectorZ>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    var j = i;
    if (REPEAT == 1u) {
      j = i % params.period;
    }
    z[i] = VectorZ(rounded(Vector(x[i]) * Vector(y[j]), ELEMENT_Z));
  }
}
